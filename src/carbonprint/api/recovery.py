"""Runs whose wrapper was killed: what their journals hold is kept, marked as interrupted, once."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from carbonprint.errors import CarbonprintError
from carbonprint.ledger.labels import Repetition, RunLabels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from carbonprint.api.keeping import Kept
    from carbonprint.hosting.host import Host
    from carbonprint.measuring.journal import Journal, JournalContent
    from carbonprint.measuring.measurement import Measurement
    from carbonprint.provenance import Caveat
    from carbonprint.settings import Settings


_DIRECTORY = "journal"
"""Directory of the journals, in the state directory."""


def journal_of(
    run_id: str, labels: RunLabels, command: Sequence[str], settings: Settings
) -> Callable[[], Journal]:
    """Give a function that makes the journal of a run when it is first called, and gives the same one from then on.

    Args:
        run_id: Id of the run.
        labels: What the user said of it.
        command: Program and arguments; secrets in them are not written down.
        settings: The settings it runs with.
    """

    @cache
    def journal() -> Journal:
        from carbonprint.ledger.record import printable
        from carbonprint.measuring.journal import Journal
        from carbonprint.measuring.redaction import redacted

        def header() -> dict[str, Any]:
            return {
                "run_id": run_id,
                "name": printable(labels.name),
                "phase": printable(labels.phase),
                "units": None if labels.units is None else [labels.units[0], printable(labels.units[1])],
                "command": [printable(word) for word in redacted(command)],
                "resumes": labels.resumes,
                "repetition": None if labels.repetition is None else asdict(labels.repetition),
                "host": _lasting_name(settings.host),
                "interval_s": settings.interval_s,
                "settings": settings.as_record(),
            }

        return Journal(settings.state_dir / _DIRECTORY / f"{run_id}.jsonl", header)

    return journal


def recover_interrupted(settings: Settings) -> list[Kept]:
    """Keep every run whose wrapper is gone and whose journal is still there.

    A journal that another process holds is left alone: its run goes on, or is being recovered there. One that cannot
    be read, or whose run cannot be kept, stays for the next time.
    """
    return [kept for path in _journals(settings.state_dir) if (kept := _recover(path, settings)) is not None]


def _journals(state_dir: Path) -> Iterator[Path]:
    # Without pathlib's walk and before anything is imported: every command looks here.
    folder = state_dir / _DIRECTORY
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".jsonl"):
                yield folder / name


def _recover(path: Path, settings: Settings) -> Kept | None:
    from carbonprint.ledger.ownership import is_anothers
    from carbonprint.measuring.journal import hold, read_journal

    try:
        if is_anothers(path):
            return None
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        # Whoever held it before has removed it with the lock in hand: then it has this name no more.
        if hold(file) and os.stat(path).st_ino == os.fstat(file).st_ino:
            with open(file, "rb", closefd=False) as journal:
                return _settle(path, read_journal(journal.read()), settings)
    except Exception:  # noqa: BLE001  # a journal that nobody understands must not keep any command from its work
        return None
    finally:
        os.close(file)
    return None


def _settle(path: Path, content: JournalContent, settings: Settings) -> Kept | None:
    """Keep the run of a journal, and remove that; one of another version is left, and a damaged one put aside.

    Raises:
        LedgerError: If the ledger cannot be written.
        OSError: If the journal cannot be removed.
    """
    if content.is_of_another_version:
        return None
    if "run_id" not in content.header and content.n_damaged:
        os.replace(path, path.with_suffix(".damaged"))  # what it holds may still mean something to a person
        return None
    kept = _keep(content, settings)
    os.unlink(path)
    return kept


def _keep(content: JournalContent, settings: Settings) -> Kept | None:
    """Keep the run of a journal; None where it is kept already, or not even its first entry was written.

    Raises:
        LedgerError: If the ledger cannot be written.
    """
    from carbonprint.api.keeping import with_footprint
    from carbonprint.ledger.store import Ledger

    header = content.header
    if "run_id" not in header:
        return None
    with Ledger(settings.state_dir) as ledger:
        if ledger.holds(header["run_id"]):
            return None
        host, caveats = _host(header["host"], settings)
        measurement = _measurement(content)
        kept = with_footprint(
            measurement,
            host,
            _labels(header),
            run_id=header["run_id"],
            exit_status=None if content.end is None else content.end["exit_status"],
            settings=header["settings"],
            caveats=caveats,
            is_interrupted=content.end is None,
        )
        ledger.add(kept.record, measurement.series)
    return kept


def _labels(header: dict[str, Any]) -> RunLabels:
    units = header["units"]
    return RunLabels(
        name=header["name"],
        phase=header["phase"],
        units=None if units is None else (units[0], units[1]),
        command=tuple(header["command"]),
        resumes=header.get("resumes", ""),
        repetition=None if header.get("repetition") is None else Repetition(**header["repetition"]),
    )


def _lasting_name(host: str | None) -> str | None:
    """Name a host so that it can be found from any directory."""
    from carbonprint.hosting.known_hosts import is_shipped

    return host if host is None or is_shipped(host) else os.path.abspath(os.path.expanduser(host))


def _host(name: str | None, settings: Settings) -> tuple[Host, tuple[Caveat, ...]]:
    from dataclasses import replace

    from carbonprint.api.keeping import named_host
    from carbonprint.provenance import Caveat

    try:
        return named_host(replace(settings, host=name))()
    except CarbonprintError as error:
        host, caveats = named_host(replace(settings, host=None))()
        text = f"the host of this run can no longer be read ({error}): the world's average is assumed"
        return host, (*caveats[1:], Caveat(code="host-gone", text=text))


def _measurement(content: JournalContent) -> Measurement:
    """Add up what the whole entries of a journal hold."""
    from carbonprint.measuring.assembly import assemble, unknown_measurement
    from carbonprint.measuring.tally import Setup, Tally
    from carbonprint.provenance import Caveat

    header = content.header
    started_at, interval_s = datetime.fromisoformat(header["started_at"]), header["interval_s"]
    if content.setup is None or not content.intervals:
        fault = "the wrapper was killed before the first sample"
        return unknown_measurement(
            started_at=started_at, duration_s=0.0, interval_s=interval_s, cpu_s=None, fault=fault
        )
    tally = Tally(
        Setup.from_dict(content.setup), [Caveat(code=code, text=text) for code, text in content.caveats]
    )
    if content.n_damaged:
        text = f"{content.n_damaged} entries of the journal were damaged: the time they told of is missing"
        tally.faults.append(Caveat(code="journal-damaged", text=text))
    for interval in content.intervals:
        tally.add(interval)
    return assemble(
        tally,
        started_at=started_at,
        duration_s=tally.duration_s,
        interval_s=content.interval_s or interval_s,
        first_interval_s=interval_s,
        cpu_s=sum(interval.job_cpu_s for interval in content.intervals),
    )
