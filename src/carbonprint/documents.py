"""Strict reading of the files that people and machines write: every fault at once, each with its key."""

from __future__ import annotations

import datetime
import stat
import tomllib
from typing import TYPE_CHECKING, Any, TypeVar

from carbonprint.errors import DocumentError, nearest_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    Rule = Callable[[dict[str, Any]], Iterable[str]]
    """Looks at a whole document as it was read and names the faults of keys that do not fit each other."""

Model = TypeVar("Model", bound="BaseModel")

_DEEPEST = 50
"""How many tables and lists may stand in each other; no document of ours has more than 6."""

_LARGEST = 2**63
"""Whole numbers of TOML have 64 bits (TOML 1.0, "Integer")."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        DocumentError: If it cannot be read, is no regular file, is not UTF-8, or is not TOML (with line and
            column).
    """
    text = _read_text(path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DocumentError(str(path), [f"this is not TOML: {error}"]) from None
    except RecursionError:
        raise DocumentError(str(path), [_TOO_DEEP]) from None
    except ValueError:  # Python reads no whole number of more than some thousand digits
        raise DocumentError(str(path), [_TOO_LARGE]) from None
    if fault := _size_fault(content):
        raise DocumentError(str(path), [fault])
    return content


_TOO_DEEP = f"is nested too deeply: at most {_DEEPEST} tables and lists may stand in each other"
_TOO_LARGE = "holds a whole number of more than 64 bits"


def _size_fault(content: dict[str, Any]) -> str | None:
    """Name what could not even be shown: a whole number or a nesting without end."""
    level: list[object] = [content]
    for _depth in range(_DEEPEST + 1):
        if any(isinstance(value, int) and not -_LARGEST <= value < _LARGEST for value in level):
            return _TOO_LARGE
        level = [inner for value in level for inner in _members(value)]
        if not level:
            return None
    return _TOO_DEEP


def _members(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _read_text(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a pipe would wait for a writer
            raise DocumentError(str(path), ["is no regular file"])
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DocumentError(str(path), [f"cannot be read: {error.strerror or error}"]) from None
    except UnicodeDecodeError as error:
        raise DocumentError(str(path), [f"is not UTF-8 text (byte {error.start})"]) from None
    except ValueError as error:  # a path that no system can have
        raise DocumentError(str(path), [f"cannot be read: {error}"]) from None


def validate(
    model: type[Model],
    content: dict[str, Any],
    path: Path,
    *,
    rules: Iterable[Rule] = (),
    context: dict[str, Any] | None = None,
) -> Model:
    """Check a document against its model.

    Args:
        model: The pydantic model of the document; it forbids unknown keys.
        content: What was read from the file.
        path: The file, for the message.
        rules: What the keys must fulfil together. A rule looks at the document as it was read, so that its
            faults are found beside those of single keys; it passes over values of a wrong type.
        context: What the checks of the model need to know beside the document (the date of today).

    Raises:
        DocumentError: With every fault: key path, what was found, what is allowed.
    """
    from pydantic import ValidationError

    faults: list[str] = []
    document = None
    try:
        document = model.model_validate(content, context=context)
    except ValidationError as error:
        faults += [_fault(details, model) for details in error.errors(include_url=False)]
    for rule in rules:
        faults += rule(content)
    if document is None or faults:
        raise DocumentError(str(path), list(dict.fromkeys(faults)))
    return document


def found(value: object) -> str:
    """Show a value of a document as a person wrote it, short enough for a line."""
    match value:
        case dict():
            text = "a table"
        case list():
            text = f"a list of {len(value)}"
        case bool():
            text = str(value).lower()
        case str():
            text = f'"{value[:57]}..."' if len(value) > 60 else f'"{value}"'
        case float():
            text = f"{value:.12g}"
        case datetime.date() | datetime.time():
            text = f"the date {value.isoformat()}"
        case _:
            text = str(value)
    return text


def key_path(parts: Iterable[object]) -> str:
    """Write the place of a value: ``contract.covered[2].share``; members of lists are counted from 1."""
    text = ""
    for part in parts:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _fault(details: ErrorDetails, model: type[BaseModel]) -> str:
    place, kind = details["loc"], details["type"]
    where = key_path(place)
    if kind == "missing":
        return f"{where}: is required, found nothing"
    if kind == "extra_forbidden":
        known = list(_keys_at(model, place[:-1]))
        nearest = nearest_names(str(place[-1]), known)
        offer = f"did you mean {' or '.join(nearest)}?" if nearest else f"allowed: {', '.join(known)}"
        return f"{where}: is no known key; {offer}"
    context = details.get("ctx", {})
    if kind == "value_error":
        return f"{where}: {context['error']}"  # raised by a check of ours, whose sentence says what was found
    return f"{where}: {_allowed(kind, context, details['msg'])}, found {found(details['input'])}"


def _allowed(kind: str, context: dict[str, Any], message: str) -> str:
    """Say what a key may hold, from the kind of fault that pydantic names."""
    if kind in _BY_KIND:
        return _BY_KIND[kind].format_map({name: _plain(value) for name, value in context.items()})
    for ending, sentence in _BY_ENDING.items():
        if kind.endswith(ending):
            return sentence
    return message.replace("Input should be", "must be")


_BY_KIND = {
    "enum": "must be one of {expected}",
    "literal_error": "must be {expected}",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must have the form {pattern}",
    "too_short": "must hold at least {min_length}",
    "too_long": "must hold at most {max_length}",
    "int_from_float": "must be a whole number",
    "is_instance_of": "must be {class}",
}

_BY_ENDING = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "date_type": "must be a date",
}


def _plain(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value).replace("'", '"')


def _keys_at(model: type[BaseModel], place: tuple[int | str, ...]) -> Iterator[str]:
    """Name the keys that are allowed in the table at a place of the document."""
    annotation: object = model
    for part in place:
        if isinstance(part, str):
            fields = getattr(_model_in(annotation), "model_fields", {})
            names = {field.alias or name: field for name, field in fields.items()}
            annotation = names[part].annotation if part in names else None
    known = getattr(_model_in(annotation), "model_fields", {})
    return (field.alias or name for name, field in known.items())


def _model_in(annotation: object) -> object:
    """Find the model inside ``Model | None``, ``list[Model]`` and the like."""
    from typing import get_args

    if hasattr(annotation, "model_fields"):
        return annotation
    for argument in get_args(annotation):
        inner = _model_in(argument)
        if inner is not None:
            return inner
    return None
