"""Records on their way out: JSON for machines, CSV for spreadsheets, Parquet for analysis."""

from __future__ import annotations

import enum
import io
from typing import TYPE_CHECKING, Any

from carbonprint.errors import CarbonprintError, DocumentError
from carbonprint.ledger.columns import COLUMNS, LISTED, Kind, flat_row
from carbonprint.ledger.record import json_text
from carbonprint.ledger.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

ALL_COLUMNS = tuple(COLUMNS)

_DTYPES = {Kind.TEXT: "string", Kind.WORDS: "string", Kind.NUMBER: "Float64", Kind.WHOLE: "Int64"}
"""The types of pandas that tell "not known" from 0 and from NaN."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet run the text of a cell (OWASP, "CSV Injection")."""


class ExportFormat(enum.StrEnum):
    """In which form records go out."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def to_json(records: Iterable[Mapping[str, Any]]) -> str:
    """Write records as a JSON list, each as it was kept."""
    return json_text(list(records), indent=2) + "\n"


def rows_to_json(records: Iterable[Mapping[str, Any]]) -> str:
    """Write the listed figures of records as a JSON list of flat objects."""
    return json_text([flat_row(record, LISTED) for record in records], indent=2) + "\n"


def to_frame(records: Iterable[Mapping[str, Any]], columns: Sequence[str] = ALL_COLUMNS) -> pd.DataFrame:
    """Return records as a table: one row a run, units in the column names, missing where not known."""
    import pandas as pd

    rows = [flat_row(record, columns) for record in records]
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=_DTYPES[COLUMNS[name][1]]) for name in columns}
    )


def to_csv(records: Iterable[Mapping[str, Any]], columns: Sequence[str] = ALL_COLUMNS) -> str:
    """Write records as CSV; what is not known is an empty cell.

    Text that a spreadsheet would take for a formula gets an apostrophe in front: anybody may name a run.
    """
    frame = to_frame(records, columns)
    for name in columns:
        if COLUMNS[name][1] in (Kind.TEXT, Kind.WORDS):
            is_formula = frame[name].str.startswith(_FORMULA_STARTS).fillna(False)
            text = frame[name].str.replace("\r", "\\r", regex=False)  # unquoted, it would end the line
            frame[name] = text.mask(is_formula, "'" + text)
    return str(frame.to_csv(index=False, lineterminator="\n"))


def require_pyarrow() -> None:
    """Make sure that Parquet can be written.

    Raises:
        CarbonprintError: If pyarrow is not installed; the message names the extra.
    """
    try:
        import pyarrow  # noqa: F401  # pandas would name the package, not our extra
    except ImportError:
        raise CarbonprintError("Parquet needs pyarrow: pip install 'carbonprint[parquet]'") from None


def to_parquet(records: Iterable[Mapping[str, Any]]) -> bytes:
    """Write records as Parquet, typed columns that know "missing".

    Raises:
        CarbonprintError: If pyarrow is not installed; the message names the extra.
    """
    require_pyarrow()
    stream = io.BytesIO()
    to_frame(records).to_parquet(stream, engine="pyarrow", index=False)
    return stream.getvalue()


def export(records: Iterable[Mapping[str, Any]], form: ExportFormat) -> bytes:
    """Write records in the given form.

    Raises:
        CarbonprintError: If Parquet is asked for and pyarrow is not installed.
    """
    if form is ExportFormat.PARQUET:
        return to_parquet(records)
    text = to_json(records) if form is ExportFormat.JSON else to_csv(records)
    return text.encode()


def export_to_file(records: Iterable[Mapping[str, Any]], form: ExportFormat, path: Path) -> None:
    """Write records to a file, whole or not at all.

    Raises:
        CarbonprintError: If Parquet is asked for and pyarrow is not installed.
        DocumentError: If the file cannot be written.
    """
    write_document(export(records, form), path)


def write_document(content: bytes | Iterable[bytes], path: Path) -> None:
    """Write a file, whole or not at all.

    Raises:
        DocumentError: If it cannot be written.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise DocumentError(str(path), [f"cannot be written: {error.strerror or error}"]) from None
