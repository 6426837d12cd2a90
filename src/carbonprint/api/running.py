"""Run a command, measure it and keep what it cost."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from carbonprint.api.following import Follower
from carbonprint.api.keeping import Kept, keep, load_what_keeping_needs, named_host, new_run_id
from carbonprint.api.profiles import fitting_profile, named_profile
from carbonprint.api.recovery import journal_of, recover_interrupted
from carbonprint.ledger.labels import LONGEST_TEXT, RunLabels
from carbonprint.measuring.command import run_command
from carbonprint.measuring.plan import Plan
from carbonprint.measuring.sharing import Sharing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carbonprint.hosting.host import Host
    from carbonprint.measuring.ending import Ended
    from carbonprint.measuring.sharing import IdleShare
    from carbonprint.provenance import Caveat
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
    resumes: str = "",
    follower: Follower | None = None,
    wait_descendants: bool = False,
    idle_share: IdleShare | None = None,
) -> RunOutcome:
    """Run a command to its end, measure it and keep its record; its signals stay blocked (see ``end_like``).

    Args:
        command: Program and arguments.
        settings: Where it runs, where its record goes, how often to sample.
        name: Name of the run; by default the script's.
        phase: ``training``, ``inference`` or any other phase of an algorithm's life.
        units: Count and label of what it does.
        resumes: The run that it goes on with, from a checkpoint: its id, the beginning of it, or ``last``.
        follower: Who follows it while it goes on.
        wait_descendants: Whether to go on until all that the command has left behind has ended.
        idle_share: What its share of the idle machine is to be; None: what is reserved for it.

    Raises:
        UnknownHostError: If there is no such host; the command has not started then.
        DocumentError: If the host's file or the hardware profile has faults; likewise.
        UnknownRunError: If there is no such run to resume; likewise.
        CommandNotStartedError: If the program was not found or could not be executed.
    """
    labels = labels_of(command, name=name, phase=phase, units=units)
    if resumes:
        labels = replace(labels, resumes=_resumed(resumes, settings))
    return run_once(
        command, settings, labels, named_host(settings), follower or Follower(),
        wait_descendants=wait_descendants, idle_share=idle_share,
    )  # fmt: skip


def labels_of(command: Sequence[str], *, name: str, phase: str, units: tuple[float, str] | None) -> RunLabels:
    """Give what the user said of a run; where no name was given, it has its script's."""
    return RunLabels(name=name or default_name(command)[:LONGEST_TEXT], phase=phase, units=units)


def run_once(
    command: Sequence[str],
    settings: Settings,
    labels: RunLabels,
    load_host: Callable[[], tuple[Host, tuple[Caveat, ...]]],
    follower: Follower,
    *,
    run_id: str = "",
    is_kept: bool = True,
    wait_descendants: bool = False,
    idle_share: IdleShare | None = None,
    is_last: bool = True,
) -> RunOutcome:
    """Run a command to its end and measure it.

    Args:
        command: Program and arguments.
        settings: Where its record goes, how often to sample.
        labels: What the user said of it.
        load_host: Gives the host, and what a reader must know of the choice.
        follower: Who follows it while it goes on.
        run_id: Id of the run; by default a new one.
        is_kept: Whether its record is kept.
        wait_descendants: Whether to go on until all that the command has left behind has ended.
        idle_share: What its share of the idle machine is to be; None: what is reserved for it.
        is_last: Whether this process starts no command after this one.

    Raises:
        DocumentError: If the hardware profile has faults; the command has not started then.
        CommandNotStartedError: If the program was not found or could not be executed.
    """
    profile = named_profile(settings, load_host)
    run_id = run_id or new_run_id()
    open_journal = journal_of(run_id, labels, command, settings)
    recovered: list[Kept] = []

    def load_beside_the_job() -> None:
        host, _caveats = load_host()
        if follower.is_needed:
            follower.load(host, on_year=time.gmtime().tm_year)
        load_what_keeping_needs(settings)
        import carbonprint.reporting.summary  # noqa: F401  # what the end shows

        recovered.extend(recover_interrupted(settings))

    plan = Plan(
        interval_s=settings.interval_s,
        powercap_dir=settings.powercap_dir,
        widens=settings.origins["interval"] == "default",
        profile=profile,
        find_profile=fitting_profile,
        open_journal=open_journal if is_kept else None,
        see_progress=follower.see if follower.is_needed else None,
        is_patient=True,
        sharing=Sharing(run_id, idle_share),
    )
    ended = run_command(
        command,
        plan,
        beside_the_job=load_beside_the_job,
        wait_descendants=wait_descendants,
        is_last=is_last,
    )
    if not is_kept:
        return RunOutcome(ended=ended, kept=None)
    try:
        open_journal().close(exit_status=ended.exit_status)
        if ended.measurement is None:  # the next command will make what it can of the journal
            return RunOutcome(ended=ended, kept=None, fault=ended.fault)
        from carbonprint.measuring.redaction import redacted

        follower.see_end(ended.measurement)
        host, caveats = load_host()
        kept = keep(
            ended.measurement, host, replace(labels, command=redacted(command)), settings,
            run_id=run_id, exit_status=ended.exit_status, caveats=caveats, budget=follower.as_record(),
        )  # fmt: skip
        open_journal().remove()
    except Exception as error:  # noqa: BLE001  # whatever goes wrong here, the command's exit status stands
        return RunOutcome(ended=ended, kept=None, fault=f"{type(error).__name__}: {error}")
    return RunOutcome(ended=ended, kept=kept, recovered=tuple(recovered))


def _resumed(reference: str, settings: Settings) -> str:
    """Give the id of the run to go on with; one whose wrapper was killed is kept first.

    Raises:
        UnknownRunError: If there is no such run.
    """
    from carbonprint.ledger.store import Ledger

    recover_interrupted(settings)
    with Ledger(settings.state_dir) as ledger:
        return ledger.find(reference)


def default_name(command: Sequence[str]) -> str:
    """Name a run after its script (``python train.py`` → ``train``), else after its program."""
    for word in command:
        if word.endswith((".py", ".sh", ".R", ".jl", ".ipynb")):
            return PurePath(word).stem
    if "-m" in command[:-1]:
        return command[list(command).index("-m") + 1]
    return PurePath(command[0]).name
