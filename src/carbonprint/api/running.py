"""Run a command, measure it and keep what it cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from carbonprint.api.keeping import Kept, keep, load_what_keeping_needs, named_host, new_run_id
from carbonprint.api.profiles import fitting_profile, named_profile
from carbonprint.api.recovery import journal_of, recover_interrupted
from carbonprint.ledger.labels import LONGEST_TEXT, RunLabels
from carbonprint.measuring.command import run_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carbonprint.measuring.ending import Ended
    from carbonprint.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What came of running a command.

    Attributes:
        ended: How the command ended, and what it used.
        kept: Its record and footprint; None where they could not be made.
        fault: Why not, in words; else ``""``.
        recovered: Earlier runs whose wrapper was killed, and that were kept meanwhile.
    """

    ended: Ended
    kept: Kept | None
    fault: str = ""
    recovered: tuple[Kept, ...] = ()


def run(
    command: Sequence[str],
    settings: Settings,
    *,
    name: str = "",
    phase: str = "",
    units: tuple[float, str] | None = None,
) -> RunOutcome:
    """Run a command to its end, measure it and keep its record; its signals stay blocked (see ``end_like``).

    Args:
        command: Program and arguments.
        settings: Where it runs, where its record goes, how often to sample.
        name: Name of the run; by default the script's.
        phase: ``training``, ``inference`` or any other phase of an algorithm's life.
        units: Count and label of what it does.

    Raises:
        UnknownHostError: If there is no such host; the command has not started then.
        DocumentError: If the host's file or the hardware profile has faults; likewise.
        CommandNotStartedError: If the program was not found or could not be executed.
    """
    labels = RunLabels(name=name or default_name(command)[:LONGEST_TEXT], phase=phase, units=units)
    load_host = named_host(settings)
    profile = named_profile(settings, load_host)
    run_id = new_run_id()
    open_journal = journal_of(run_id, labels, command, settings)
    recovered: list[Kept] = []

    def load_beside_the_job() -> None:
        load_what_keeping_needs(settings)
        load_host()
        import carbonprint.reporting.summary  # noqa: F401  # what the end shows

        recovered.extend(recover_interrupted(settings))

    ended = run_command(
        command,
        interval_s=settings.interval_s,
        powercap_dir=settings.powercap_dir,
        beside_the_job=load_beside_the_job,
        open_journal=open_journal,
        widens=settings.origins["interval"] == "default",
        profile=profile,
        find_profile=fitting_profile,
    )
    try:
        from carbonprint.measuring.redaction import redacted

        open_journal().close(exit_status=ended.exit_status)
        labels = replace(labels, command=redacted(command))
        host, caveats = load_host()
        kept = keep(
            ended.measurement, host, labels, settings,
            run_id=run_id, exit_status=ended.exit_status, caveats=caveats,
        )  # fmt: skip
        open_journal().remove()
    except Exception as error:  # noqa: BLE001  # whatever goes wrong here, the command's exit status stands
        return RunOutcome(ended=ended, kept=None, fault=f"{type(error).__name__}: {error}")
    return RunOutcome(ended=ended, kept=kept, recovered=tuple(recovered))


def default_name(command: Sequence[str]) -> str:
    """Name a run after its script (``python train.py`` → ``train``), else after its program."""
    for word in command:
        if word.endswith((".py", ".sh", ".R", ".jl", ".ipynb")):
            return PurePath(word).stem
    if "-m" in command[:-1]:
        return command[list(command).index("-m") + 1]
    return PurePath(command[0]).name
