"""The samples of the runs that were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carbonprint.errors import SamplesError
from carbonprint.ledger.record import utc_moment
from carbonprint.measuring.samples import unpack
from carbonprint.reporting.sample_export import Row, sample_row
from carbonprint.reporting.samples import power_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from carbonprint.ledger.store import Ledger
    from carbonprint.measuring.samples import Sample

_ENOUGH_TO_DRAW = 2_000
"""So many samples tell a line of bars all that it can show; more of them are merged before they are split."""


def samples_of(ledger: Ledger, run_id: str) -> Iterator[Sample]:
    """Read the samples of a run one after the other.

    Args:
        ledger: Where it is kept.
        run_id: Its whole id.

    Raises:
        SamplesError: If it has none, or they are damaged.
        LedgerError: If the ledger cannot be read.
    """
    series = ledger.series(run_id)
    if series is None:
        raise SamplesError(
            f"no samples are kept with run {run_id}: an older carbonprint measured it, it was taken in from a file "
            "without them, or it was cut off before the first"
        )
    return unpack(series, run_id)


def sample_rows(
    ledger: Ledger, records: Iterable[Mapping[str, Any]], *, skips_without: bool = False
) -> Iterator[Row]:
    """Give the samples of several runs as one long table.

    Args:
        ledger: Where they are kept.
        records: The records of the runs.
        skips_without: Whether runs without samples are passed over.

    Raises:
        SamplesError, LedgerError: As ``samples_of``, while the rows are read.
    """
    for record in records:
        run_id = record["run_id"]
        if skips_without and ledger.series(run_id) is None:
            continue
        started_at = utc_moment(record["started_at"])
        for sample in samples_of(ledger, run_id):
            yield sample_row(sample, run_id, started_at)


def power_over_time(ledger: Ledger, run_id: str, language: str) -> str:
    """Draw the power of the job in one line; ``""`` without samples. Where they are damaged it says that instead."""
    series = ledger.series(run_id)
    if series is None:
        return ""
    merging = max(1, series.n_samples // _ENOUGH_TO_DRAW)
    try:
        return power_line(unpack(series, run_id, merging=merging), language)
    except SamplesError as error:
        return str(error)
