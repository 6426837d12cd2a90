"""Samples on their way out: a long table of one row a sample, as JSON, CSV or Parquet, part by part."""

from __future__ import annotations

import csv
import enum
import io
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from carbonprint.ledger.export import ExportFormat, require_pyarrow
from carbonprint.ledger.record import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from carbonprint.measuring.samples import Sample

_ROWS_IN_PART = 4096
_PARTS = ("cpu", "gpu", "ram", "other", "total")


class _Kind(enum.Enum):
    TEXT = "string"
    WHOLE = "int64"
    NUMBER = "float64"


COLUMNS: dict[str, _Kind] = {
    "run_id": _Kind.TEXT,
    "sample": _Kind.WHOLE,
    "started_at": _Kind.TEXT,
    "ended_at": _Kind.TEXT,
    **dict.fromkeys(
        (
            "start_s", "end_s", "duration_s",
            *(f"machine_{part}_w" for part in _PARTS),
            "job_w",
            *(f"machine_{part}_j" for part in _PARTS),
            *(f"job_active_{part}_j" for part in _PARTS),
            *(f"job_idle_{part}_j" for part in _PARTS),
            "job_cpu_share", "job_cpu_s", "busy_cpu_s", "meter_cpu_s", "unseen_s",
        ),
        _Kind.NUMBER,
    ),
}  # fmt: skip
"""The columns and what they hold; columns may be added, never renamed."""

Row = dict[str, Any]


def sample_row(sample: Sample, run_id: str, started_at: datetime) -> Row:
    """Give a sample as a row of ``COLUMNS``; what is not known is None.

    Args:
        sample: The sample.
        run_id: Id of its run.
        started_at: When that started (UTC). The moments of a sample are this and the time since then: whatever became
            of the wall clock meanwhile, they follow each other.
    """
    end_s = sample.start_s + sample.duration_s
    machine_j = sample.known_j(sample.split.machine)
    energies_j = {
        "machine": machine_j,
        "job_active": sample.known_j(sample.split.job_active),
        "job_idle": sample.known_j(sample.split.job_idle),
    }
    numbers = {
        "start_s": sample.start_s,
        "end_s": end_s,
        "duration_s": sample.duration_s,
        **{f"machine_{part}_w": sample.power_w(machine_j[part]) for part in _PARTS},
        "job_w": sample.power_w(sample.split.job_j),
        **{f"{what}_{part}_j": energy_j[part] for what, energy_j in energies_j.items() for part in _PARTS},
        "job_cpu_share": sample.job_cpu_share,
        "job_cpu_s": sample.interval.job_cpu_s,
        "busy_cpu_s": sample.interval.busy_cpu_s,
        "meter_cpu_s": sample.interval.meter_cpu_s,
        "unseen_s": sample.interval.unseen_s,
    }
    return {
        "run_id": run_id,
        "sample": sample.number,
        "started_at": _moment(started_at, sample.start_s),
        "ended_at": _moment(started_at, end_s),
        **{name: None if value is None else round(value, 6) for name, value in numbers.items()},
    }


def written(rows: Iterable[Row], form: ExportFormat) -> Iterator[bytes]:
    """Write rows in the given form, part by part.

    Raises:
        CarbonprintError: If Parquet is asked for and pyarrow is not installed.
    """
    if form is ExportFormat.PARQUET:
        return _parquet(rows)
    return _json(rows) if form is ExportFormat.JSON else _csv(rows)


def _moment(started_at: datetime, since_s: float) -> str:
    moment = started_at.astimezone(UTC) + timedelta(seconds=since_s)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(rows: Iterable[Row]) -> Iterator[bytes]:
    before = "[\n"
    for part in _parts(rows):
        yield (before + ",\n".join(json_text(row) for row in part)).encode()
        before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def _csv(rows: Iterable[Row]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for part in _parts(rows):
        writer.writerows(part)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def _parquet(rows: Iterable[Row]) -> Iterator[bytes]:
    require_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, kind.value) for name, kind in COLUMNS.items()])
    stream = io.BytesIO()
    with pq.ParquetWriter(stream, schema) as writer:
        for part in _parts(rows, 4 * _ROWS_IN_PART):
            writer.write_batch(pa.RecordBatch.from_pylist(part, schema=schema))
    yield stream.getvalue()


def _parts(rows: Iterable[Row], size: int = _ROWS_IN_PART) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while part := list(islice(iterator, size)):
        yield part
