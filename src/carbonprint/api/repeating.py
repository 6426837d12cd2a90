"""Run a short command several times, so that its figures come with their spread."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from carbonprint.api.following import Follower
from carbonprint.api.keeping import load_what_keeping_needs, named_host, new_run_id
from carbonprint.api.running import RunOutcome, labels_of, run_once
from carbonprint.ledger.labels import Repetition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carbonprint.measuring.sharing import IdleShare
    from carbonprint.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """What came of running a command several times.

    Attributes:
        outcomes: Of every run that was to be kept, in order; without one where a warm-up failed.
        last: Of the last run of all, warm-ups included.
        n_asked: How many runs there were to be.
    """

    outcomes: tuple[RunOutcome, ...]
    last: RunOutcome
    n_asked: int


def run_repeatedly(
    command: Sequence[str],
    settings: Settings,
    *,
    n_runs: int,
    n_warmups: int = 0,
    name: str = "",
    phase: str = "",
    units: tuple[float, str] | None = None,
    wait_descendants: bool = False,
    idle_share: IdleShare | None = None,
    follower: Follower | None = None,
) -> Repeated:
    """Run a command several times, one after the other, and keep each run.

    What carbonprint loads is loaded before the first of them, so that all find the same machine. The first run that
    does not end with exit status 0 is the last.

    Args:
        command: Program and arguments.
        settings: Where it runs, where its records go, how often to sample.
        n_runs: How many runs are kept, at least 1.
        n_warmups: How many go before them and are not kept, at least 0.
        name: Name of the runs; by default the script's.
        phase: ``training``, ``inference`` or any other phase of an algorithm's life.
        units: Count and label of what each of them does.
        wait_descendants: Whether each goes on until all that the command has left behind has ended.
        idle_share: What the share of each of the idle machine is to be; None: what is reserved for it.
        follower: Who follows them while they go on.

    Raises:
        UnknownHostError: If there is no such host; nothing has started then.
        DocumentError: If the host's file has faults; likewise.
        CommandNotStartedError: If the program was not found or could not be executed.
    """
    from carbonprint.measuring.command import spare_the_job, take_over_signals
    from carbonprint.measuring.equipment import preload

    load_host = named_host(settings)
    labels = labels_of(command, name=name, phase=phase, units=units)
    if hasattr(signal, "sigtimedwait"):
        # What is loaded may start threads, and a signal must find none that does not block it.
        take_over_signals()
        spare_the_job()
    preload()
    load_what_keeping_needs(settings)
    first_id = new_run_id()
    outcomes: list[RunOutcome] = []
    for number in range(1 - n_warmups, n_runs + 1):
        which = Repetition(of=first_id, number=max(1, number), count=n_runs, n_warmups=n_warmups)
        last = run_once(
            command,
            settings,
            replace(labels, repetition=which),
            load_host,
            follower or Follower(),
            run_id=first_id if number == 1 else "",
            is_kept=number >= 1,
            wait_descendants=wait_descendants,
            idle_share=idle_share,
            is_last=number == n_runs,
        )
        if number >= 1:
            outcomes.append(last)
        if last.ended.wait_status != 0:
            break
    return Repeated(outcomes=tuple(outcomes), last=last, n_asked=n_runs)
