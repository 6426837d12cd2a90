"""From a measurement to a record in the ledger, or beside it where the ledger cannot be written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carbonprint.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from carbonprint.footprint.footprint import Footprint
    from carbonprint.hosting.host import Host
    from carbonprint.hosting.standing import Standing
    from carbonprint.ledger.run_record import RunLabels
    from carbonprint.measuring.measurement import Measurement
    from carbonprint.provenance import Caveat
    from carbonprint.settings import Settings

DEFAULT_HOST = "grid/WLD"
"""Where nobody says where a run takes place: the world's average grid and PUE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A run that was kept.

    Attributes:
        record: Its record.
        footprints: Its footprint as evidenced and as claimed.
        aside: The file it was written to, where the ledger could not be written; else None.
        fault: Why the ledger could not be written; else ``""``.
    """

    record: dict[str, Any]
    footprints: dict[Standing, Footprint]
    aside: Path | None = None
    fault: str = ""


def named_host(settings: Settings) -> Callable[[], tuple[Host, tuple[Caveat, ...]]]:
    """Make sure that there is the host that the settings name, and give a function that loads it.

    A host of the catalogue is loaded when it is asked for, beside the job; a host file is read now, so that its faults
    are told before the job starts and what is changed in it meanwhile does not count. Without a name it is the world's
    average, with a caveat that says so.

    Raises:
        UnknownHostError: If there is no such host.
        DocumentError: If its file has faults.
    """
    from carbonprint.hosting.known_hosts import is_shipped

    name = settings.host
    if name is not None and not is_shipped(name):
        from carbonprint.hosting.catalogue import load_host

        read = load_host(name)
        return lambda: (read, ())

    def load() -> tuple[Host, tuple[Caveat, ...]]:
        from carbonprint.hosting.catalogue import load_host
        from carbonprint.provenance import Caveat

        if name is not None:
            return load_host(name), ()
        text = "no host was named: the world's average grid and PUE are assumed; name yours with --host"
        return load_host(DEFAULT_HOST), (Caveat(code="default-host", text=text),)

    return load


def keep(
    measurement: Measurement,
    host: Host,
    labels: RunLabels,
    settings: Settings,
    *,
    exit_status: int | None,
    caveats: Sequence[Caveat] = (),
) -> Kept:
    """Compute the footprint of a run, and keep its record.

    Raises:
        LedgerError: If the record could be written nowhere at all.
    """
    from carbonprint.footprint.draws import Draws
    from carbonprint.footprint.footprint import footprint_of
    from carbonprint.hosting.standing import both_standings
    from carbonprint.ledger.run_record import new_run_id, run_record

    factors = both_standings(host, on_year=measurement.started_at.year)
    draws = Draws()
    footprints = {standing: footprint_of(measurement, each, draws) for standing, each in factors.items()}
    record = run_record(
        new_run_id(), labels, measurement, host, footprints,
        exit_status=exit_status, settings=settings.as_record(), caveats=caveats,
    )  # fmt: skip
    try:
        _add_to_ledger(record, settings.state_dir)
    except LedgerError as error:
        return Kept(
            record=record, footprints=footprints, aside=_aside(record, settings.state_dir), fault=str(error)
        )
    return Kept(record=record, footprints=footprints)


def load_what_keeping_needs(settings: Settings) -> None:
    """Import what ``keep`` imports, so that it takes no time later; called beside the running job."""
    import carbonprint.footprint.footprint
    import carbonprint.hosting.catalogue
    import carbonprint.hosting.standing
    import carbonprint.ledger.run_record
    import carbonprint.measuring.assembly
    import carbonprint.measuring.redaction  # noqa: F401
    from carbonprint.ledger.store import Ledger

    Ledger(
        settings.state_dir
    ).close()  # touches no file; SQLAlchemy loads what SQLite needs with the first of them


def _add_to_ledger(record: dict[str, Any], state_dir: Path) -> None:
    from carbonprint.ledger.store import Ledger

    with Ledger(state_dir) as ledger:
        ledger.add(record)


def _aside(record: dict[str, Any], state_dir: Path) -> Path:
    from carbonprint.ledger.fallback import fallback_directories, write_aside

    return write_aside(record, fallback_directories(state_dir, os.environ))
