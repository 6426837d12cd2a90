"""From a measurement to a record in the ledger, or beside it where the ledger cannot be written."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from carbonprint.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from carbonprint.footprint.result import Footprint
    from carbonprint.hosting.host import Host
    from carbonprint.hosting.host_factors import HostFactors, Standing
    from carbonprint.ledger.labels import RunLabels
    from carbonprint.measuring.measurement import Measurement, Series
    from carbonprint.provenance import Caveat
    from carbonprint.settings import Settings

_LONGEST_WAIT_S = 5.0
"""How long a run that has ended waits for a ledger that another process holds. [s]"""


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
        from carbonprint.hosting.catalogue import DEFAULT_HOST_ID, load_host
        from carbonprint.provenance import Caveat

        if name is not None:
            return load_host(name), ()
        text = "no host was named: the world's average grid and PUE are assumed; name yours with --host"
        return load_host(DEFAULT_HOST_ID), (Caveat(code="default-host", text=text),)

    return load


def settings_caveats(settings: Settings) -> list[Caveat]:
    """Say which of the settings did not do what they were written for."""
    from carbonprint.provenance import Caveat

    found = []
    for file in settings.files:
        if file.is_anothers:
            text = f"{file.shown} was not used: it is owned by another user"
            found.append(Caveat(code="settings-not-used", text=text))
    if settings.origins["powercap_dir"] != "default" and not settings.powercap_dir.is_dir():
        text = f"there is no directory {settings.powercap_dir} ({settings.origins['powercap_dir']}): no counter is read"
        found.append(Caveat(code="settings-not-used", text=text))
    return found


def new_run_id() -> str:
    """Make the id of a run: ten hexadecimal digits, so that a few of them will do to name it."""
    return os.urandom(5).hex()


def keep(
    measurement: Measurement,
    host: Host,
    labels: RunLabels,
    settings: Settings,
    *,
    run_id: str,
    exit_status: int | None,
    caveats: Sequence[Caveat] = (),
    budget: Mapping[str, Any] | None = None,
) -> Kept:
    """Compute the footprint of a run, and keep its record.

    Raises:
        LedgerError: If the record could be written nowhere at all.
    """
    made = with_footprint(
        measurement, host, labels, run_id=run_id, exit_status=exit_status, settings=settings.as_record(),
        caveats=[*caveats, *settings_caveats(settings)], budget=budget,
    )  # fmt: skip
    fault = _add_to_ledger(made.record, measurement.series, settings.state_dir)
    aside = _aside(made.record, measurement.series, settings.state_dir) if fault else None
    return replace(made, aside=aside, fault=fault)


def with_footprint(
    measurement: Measurement,
    host: Host,
    labels: RunLabels,
    *,
    run_id: str,
    exit_status: int | None,
    settings: Mapping[str, Any],
    caveats: Sequence[Caveat],
    is_interrupted: bool = False,
    budget: Mapping[str, Any] | None = None,
) -> Kept:
    """Compute the footprint of a run and make its record, which is written nowhere yet."""
    from carbonprint.hosting.standing import both_standings
    from carbonprint.ledger.run_record import run_record

    factors = both_standings(host, on_year=measurement.started_at.year)
    footprints, faults = _footprints(measurement, factors)
    record = run_record(
        run_id, labels, measurement, host, footprints, exit_status=exit_status, settings=settings,
        caveats=[*caveats, *faults], is_interrupted=is_interrupted, budget=budget,
    )  # fmt: skip
    return Kept(record=record, footprints=footprints)


def load_what_keeping_needs(settings: Settings) -> None:
    """Import what ``keep`` imports, so that it takes no time later; called beside the running job."""
    for name in (
        "numpy.random",
        "carbonprint.footprint.footprint",
        "carbonprint.hosting.standing",
        "carbonprint.ledger.run_record",
        "carbonprint.measuring.assembly",
        "carbonprint.measuring.redaction",
    ):
        importlib.import_module(name)
    from carbonprint.ledger.store import Ledger

    # It touches no file; SQLAlchemy loads what it needs of SQLite with the first of them.
    Ledger(settings.state_dir).close()


def _footprints(
    measurement: Measurement, factors: Mapping[Standing, HostFactors]
) -> tuple[dict[Standing, Footprint], list[Caveat]]:
    """Compute the footprint in each standing; where that fails, what is known of it is kept all the same."""
    try:
        from carbonprint.footprint.draws import Draws
        from carbonprint.footprint.footprint import footprint_of

        draws = Draws()
        return {standing: footprint_of(measurement, each, draws) for standing, each in factors.items()}, []
    except Exception as error:  # noqa: BLE001  # a broken numpy must not cost the run its record
        from carbonprint.footprint.result import unknown_footprint
        from carbonprint.provenance import Caveat

        text = f"the footprint could not be computed ({type(error).__name__}: {error})"
        it_kwh = measurement.energy.total
        unknown = {standing: unknown_footprint(each, it_kwh) for standing, each in factors.items()}
        return unknown, [Caveat(code="footprint-fault", text=text)]


def _add_to_ledger(record: dict[str, Any], series: Series | None, state_dir: Path) -> str:
    """Add a run to the ledger; give why that did not work, else ``""``."""
    try:
        from carbonprint.ledger.store import Ledger

        with Ledger(state_dir, busy_timeout_s=_LONGEST_WAIT_S) as ledger:
            ledger.add(record, series)
    except LedgerError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  # a broken SQLAlchemy must not cost the run its record either
        return f"the ledger could not be used ({type(error).__name__}: {error})"
    return ""


def _aside(record: dict[str, Any], series: Series | None, state_dir: Path) -> Path:
    """Write a run to a file; without its samples where no directory has room for them."""
    from carbonprint.ledger.fallback import fallback_directories, write_aside

    directories = fallback_directories(state_dir, os.environ)
    try:
        return write_aside(record, directories, series)
    except LedgerError:
        if series is None:
            raise
        return write_aside(record, directories)
