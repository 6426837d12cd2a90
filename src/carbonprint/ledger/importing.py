"""Reading records back from a file, strictly: what enters the ledger is whole."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import ValidationError

from carbonprint.errors import DocumentError
from carbonprint.ledger.carried_samples import KEY, taken_apart
from carbonprint.ledger.record import SCHEMA
from carbonprint.ledger.record_form import RecordForm
from carbonprint.ledger.record_sums import sum_faults

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from carbonprint.measuring.measurement import Series


def read_record_file(path: Path) -> list[dict[str, Any]]:
    """Read the records of a file, without the samples that may stand beside them; else as ``read_run_file``."""
    return [record for record, _ in read_run_file(path)]


def read_run_file(path: Path) -> list[tuple[dict[str, Any], Series | None]]:
    """Read the runs of a file: one record, or a list of them as ``runs export --format json`` writes it.

    Args:
        path: A JSON file.

    Returns:
        The records, as they stand in the file, and the samples of each where it has any.

    Raises:
        DocumentError: If it cannot be read, is not JSON (with line and column), holds something else than
            records of this form, or figures that contradict each other: every fault at once.
    """
    content = _parsed(path)
    records: list[Any] = content if isinstance(content, list) else [content]
    runs, faults = [], []
    for number, each in enumerate(records, start=1):
        where = f"record {number}: " if isinstance(content, list) else ""
        record, series = each, None
        try:
            if isinstance(each, dict):
                record, series = taken_apart(each)
        except ValueError as error:
            faults.append(f"{where}{KEY}: got {_shown(each[KEY])}; {error}")
        faults += [f"{where}{fault}" for fault in _faults(record)]
        runs.append((record, series))
    if faults:
        raise DocumentError(str(path), faults)
    return runs


def _parsed(path: Path) -> object:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return json.loads(
            text, object_pairs_hook=_each_key_once, parse_constant=_not_a_number, parse_float=_finite
        )
    except OSError as error:
        fault = f"cannot be read: {error.strerror or error}"
    except UnicodeDecodeError as error:
        fault = f"is not UTF-8 text (byte {error.start})"
    except json.JSONDecodeError as error:
        fault = f"this is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        fault = "is nested too deeply to be a record"
    except ValueError as error:
        fault = str(error)
    raise DocumentError(str(path), [fault])


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice}: this key stands more than once in one object")
    return content


def _not_a_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number; a figure that is not known is null")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is larger than any number that can be kept")
    return value


def _faults(record: object) -> list[str]:
    """Say everything that keeps a value from being a record; nothing where it is one."""
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        found = record.get("schema", "no such key") if isinstance(record, dict) else "no object"
        return [f"schema: got {_shown(found)}; allowed: {SCHEMA!r}, the record of a run"]
    try:
        RecordForm.model_validate(record)
    except ValidationError as error:
        return [_fault(each) for each in error.errors(include_url=False)]
    return sum_faults(record)


def _fault(error: ErrorDetails) -> str:
    where = ".".join(str(step) for step in error["loc"])
    if error["type"] == "missing":
        return f"{where}: missing; write null where it is not known"
    if error["type"] == "value_error":
        return f"{where}: got {_shown(error['input'])}; {error['ctx']['error']}"
    if error["type"] == "model_type":
        return f"{where}: got {_shown(error['input'])}; allowed: an object"
    message = error["msg"].removeprefix("Input should be ")
    return f"{where}: got {_shown(error['input'])}; allowed: {message}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
