"""The one loop: wait for a signal, a child or the next sample, until the command has ended (Linux).

All signals are blocked, and taken one at a time with sigtimedwait(2); so nothing is missed and nothing interrupts.
"""

from __future__ import annotations

import contextlib
import os
import resource  # noqa: F401  # os.wait4 loads it once the child is gone; where that fails, how it ended is lost
import signal
import time
from typing import TYPE_CHECKING

from carbonprint.measuring.forwarding import SENT_BY_KERNEL, Forwarding
from carbonprint.measuring.launch import has_stopped
from carbonprint.measuring.processes import (
    JobCpuSeconds,
    children_by_parent,
    descendants,
    living,
    process_state,
    process_times,
)
from carbonprint.measuring.strangers import Strangers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carbonprint.measuring.job_cgroup import JobCgroup
    from carbonprint.measuring.metering import Metering
    from carbonprint.measuring.outside import OutsideWork
    from carbonprint.provenance import Caveat

_ENDS_A_WAIT = {signal.SIGINT, signal.SIGQUIT}
"""From the terminal, once the command has ended: what is left behind is not waited for any longer."""
_TO_WHAT_IS_LEFT = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM}
"""Once the command has ended, what asks to end is passed on to all that it has left behind, and nothing else is."""

_AFTER_FAULT_S = 0.02
"""Pause after something failed, so that a fault that stays does not keep a core busy. [s]"""
_WITHOUT_SAMPLES_S = 1.0
"""Longest wait where samples are not taken any more. [s]"""
_MAY_BE_STOPPED = {"T", ""}
"""States of a process that is stopped, or whose state is hidden from us."""


class Watch:
    """Watches one command that runs.

    Args:
        pid: Process id of the command.
        metering: What is asked to sample at every edge.
        outside: Work that the command has done outside its process tree.
        group: The job's own cgroup, where there is one.
        strangers: Processes below the wrapper that are not the job's.
        waits_for_rest: Whether ``until_all_ended`` will be called.

    Attributes:
        wait_status: How the command ended, as waitpid(2) gives it; None while it runs.
        fault: What failed first, in words; else ``""``.
        caveats: What a reader must know of the job; complete once ``settled_cpu_s`` was asked.
    """

    def __init__(
        self,
        pid: int,
        metering: Metering,
        outside: OutsideWork,
        group: JobCgroup | None = None,
        strangers: Strangers | None = None,
        *,
        waits_for_rest: bool = False,
    ) -> None:
        self._pid = pid
        self._metering = metering
        self._outside = outside
        self._strangers = Strangers(frozenset()) if strangers is None else strangers
        self._has_helpers = True
        self._waits_for_rest = self._was_to_wait = waits_for_rest
        self._for_the_rest: list[signal.struct_siginfo] = []
        self._cpu = JobCpuSeconds(group.usage_s) if group else JobCpuSeconds()
        self._signals = signal.valid_signals()
        self._forwarding = Forwarding(pid)
        self._at_end_s: dict[int, float] | None = None
        self.wait_status: int | None = None
        self.fault = ""
        self.caveats: list[Caveat] = []

    def note_helpers_gone(self) -> None:
        """Every child of the wrapper belongs to the job from now on: codecarbon has been loaded, and starts no more.

        To be called in another thread; the loop wakes up, for those that have ended already.
        """
        self._has_helpers = False
        os.kill(os.getpid(), signal.SIGCHLD)

    def until_ended(self) -> int:
        """Watch until the command has ended, and give its wait status.

        Whatever fails, signals are passed on and the command is waited for; then there are no samples any more.
        """
        while self.wait_status is None:
            self._step_safely()
        return self.wait_status

    def until_all_ended(self) -> None:
        """Watch until all that the command has left behind has ended, too, or the terminal says not to wait.

        To be called once the command has ended and carbonprint has no process of its own any more.
        """
        self._reap()
        for info in self._for_the_rest:
            self._pass_on_to_what_is_left(info)
        while self._waits_for_rest and self._has_children():
            self._step_safely()

    def _step_safely(self) -> None:
        try:
            self._step()
        except Exception as error:  # noqa: BLE001  # signals are passed on and children waited for all the same
            self.fault = self.fault or f"{type(error).__name__}: {error}"
            time.sleep(_AFTER_FAULT_S)

    def _step(self) -> None:
        """Take one signal, one child or one sample, whichever comes first.

        Children are asked for after every signal: one that a process sent and one that a child sent may have become
        one, and a stream of others would keep that of a child waiting. The command gets its signals before that, while
        its pid is its own.
        """
        wait_s = _WITHOUT_SAMPLES_S if self.fault else self._metering.next_edge_s()
        info = signal.sigtimedwait(self._signals, wait_s)
        if info is not None:
            self._pass_on(info)
        self._reap()
        if info is None:
            self._sample()

    def _pass_on(self, info: signal.struct_siginfo) -> None:
        if self.wait_status is not None:
            self._pass_on_to_what_is_left(info)
        elif self._waits_for_rest and self._has_command_ended():
            # Until codecarbon is loaded, it may have helpers among our children.
            self._for_the_rest.append(info)
        else:
            self._forwarding.pass_on(info)

    def _has_command_ended(self) -> bool:
        return os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def cpu_s_at_end(self) -> float:
        """CPU seconds of the job, just after the command has ended. [s]; what it left behind is noted as it is now."""
        self._outside.end()
        children = children_by_parent()
        now_living = []
        self._at_end_s = {}
        for child in self._children(children):
            family = list(living([child], children))
            self._at_end_s[child] = sum(times.own_s + times.reaped_s for times in family)
            now_living += family
        self._cpu.look(now_living)
        return self._cpu.settled_s(sum(self._at_end_s.values())) + self._outside.cpu_s()

    def settled_cpu_s(self) -> float:
        """CPU seconds of the job up to its end. [s]; what still runs, and what could not be counted, is told.

        To be called once carbonprint has no process of its own any more: what it noted at the end and still is a child,
        or is one that can be waited for, was left behind by the command.
        """
        if self._at_end_s is None:  # the metering has failed before it could ask
            self.cpu_s_at_end()
        self._outside.settle()
        noted_s = self._at_end_s or {}
        left = set(self._children())
        while (ended := _wait(-1)) is not None:
            left.add(ended[0])
        left_s = sum(at_end_s for pid, at_end_s in noted_s.items() if pid in left)
        cpu_s = self._cpu.settled_s(left_s) + self._outside.cpu_s()
        self.caveats = [*self._found_caveats(), *self._outside.caveats(cpu_s)]
        return cpu_s

    def _found_caveats(self) -> list[Caveat]:
        from carbonprint.measuring.left_behind import dropped_times_caveat, left_behind_caveat

        found = [left_behind_caveat(self._children(), was_waited_for=self._was_to_wait)]
        if self._cpu.may_lack_dropped_times:
            found.append(dropped_times_caveat())
        return [caveat for caveat in found if caveat is not None]

    def cpu_s(self) -> float:
        """CPU seconds of the job so far. [s]."""
        children = children_by_parent()
        roots = self._roots(children)
        self._outside.look(children, roots)
        return self._cpu.total_s(roots, children) + self._outside.cpu_s()

    def is_of_job(self, pid: int) -> bool:
        """Whether a process descends from the command, or lies in a container that works for it."""
        return pid in descendants(self._roots(children_by_parent())) or self._outside.is_of_job(pid)

    def _sample(self) -> None:
        """Sample, unless something has failed before: the end says what."""
        is_running = self.wait_status is None or self._waits_for_rest
        if self._metering.is_loaded and is_running and not self.fault:
            is_to_end = self._metering.sample(self.cpu_s(), self.is_of_job)
            for caveat in self._outside.early_caveats():
                self._metering.note(caveat)
            if is_to_end:
                self._ask_to_end()

    def _ask_to_end(self) -> None:
        """Ask the command to end; once it has, what it has left behind and is waited for."""
        pids = [self._pid] if self.wait_status is None else descendants(self._children())
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGTERM)

    def _roots(self, children: Mapping[int, list[int]]) -> list[int]:
        """Living children of the wrapper that belong to the job.

        While codecarbon is being loaded, a child may be a helper that it started; until then only the command counts,
        and processes that it has left behind are counted from then on, with all their time.
        """
        if not self._has_helpers:
            return self._children(children)
        return [self._pid] if self.wait_status is None else []

    def _has_children(self) -> bool:
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return not (self._strangers or self._metering.helpers) or bool(self._children())

    def _children(self, children: Mapping[int, list[int]] | None = None) -> list[int]:
        """Children of the wrapper but those that it had before, and those that read a meter; zombies included."""
        if children is None:
            children = children_by_parent()
        self._strangers.look(children)
        helpers = self._metering.helpers
        return [
            pid for pid in children.get(os.getpid(), []) if pid not in self._strangers and pid not in helpers
        ]

    def _reap(self) -> None:
        """Take in the children that have ended; another's helper is left for its own thread to wait for."""
        if self.wait_status is None and (times := process_times(self._pid)) is not None:
            self._cpu.look_at_command(times)
        while (ended := _wait(self._pid if self._has_helpers else -1)) is not None:
            self._take_in(*ended)

    def _take_in(self, pid: int, status: int, usage: object) -> None:
        if os.WIFSTOPPED(status):
            if pid == self._pid:
                self._stop_with_the_command()
            return
        if pid in self._strangers or pid in self._metering.helpers:
            return
        self._cpu.add_reaped(usage, pid)  # type: ignore[arg-type]
        if pid == self._pid:
            self.wait_status = status

    def _stop_with_the_command(self) -> None:
        """Stop as the command has, so that the shell sees a stopped job; go on when the shell says so.

        A shell continues the whole group. Whoever continues or ends the command alone would leave the wrapper stopped:
        a child of it, of no weight, looks after that.
        """
        wrapper = os.getpid()
        waker = None
        with contextlib.suppress(OSError):  # where no process can be made, only the shell continues us
            waker = self._forwarding.waker = os.fork()
            if waker == 0:
                wake_when_running(self._pid, wrapper)
                os._exit(0)
        os.kill(wrapper, signal.SIGSTOP)
        # Whoever continued the whole group has continued the command as well; it is not sent the signal twice.
        continued = signal.sigtimedwait({signal.SIGCONT}, 0)
        if continued is not None and self._is_still_stopped():
            self._forwarding.let_go_on()
        if waker is not None:
            with contextlib.suppress(OSError):
                os.kill(waker, signal.SIGKILL)
                os.waitpid(waker, 0)
            # Unless it is of the waker, which has seen us stopped just before.
            if (late := signal.sigtimedwait({signal.SIGCONT}, 0)) is not None:
                self._forwarding.pass_on(late)
            self._forwarding.waker = None

    def _is_still_stopped(self) -> bool:
        """Whether the command has not run since it stopped; one that has stopped anew has that still to be taken in."""
        if process_state(self._pid) not in _MAY_BE_STOPPED:
            return False
        return not has_stopped(self._pid)

    def _pass_on_to_what_is_left(self, info: signal.struct_siginfo) -> None:
        """Do with a signal what is wanted of it while the wrapper only waits for what the command has left behind.

        The command's pid may be another's by now. What the terminal sends has reached all in its foreground; whoever
        waits there wants the prompt back.
        """
        is_from_terminal = info.si_code == SENT_BY_KERNEL
        if is_from_terminal and info.si_signo in _ENDS_A_WAIT:
            self._waits_for_rest = False
        elif is_from_terminal and info.si_signo == signal.SIGTSTP:
            os.kill(os.getpid(), signal.SIGSTOP)
        elif info.si_signo in _TO_WHAT_IS_LEFT:
            for pid in descendants(self._children()):
                with contextlib.suppress(OSError):
                    os.kill(pid, info.si_signo)


def wake_when_running(pid: int, wrapper: int) -> None:
    """Continue the wrapper as soon as the command is no longer stopped; end where the wrapper is not stopped."""
    was_stopped = False
    while os.getppid() == wrapper:
        time.sleep(0.02)
        is_stopped = process_state(wrapper) == "T"
        was_stopped = was_stopped or is_stopped
        if was_stopped and not is_stopped:
            return
        if was_stopped and process_state(pid) not in _MAY_BE_STOPPED:
            os.kill(wrapper, signal.SIGCONT)
            return


def _wait(pid: int) -> tuple[int, int, object] | None:
    """Wait for one child without blocking; None where none has changed."""
    try:
        ended, status, usage = os.wait4(pid, os.WNOHANG | os.WUNTRACED)
    except ChildProcessError:
        return None
    return None if ended == 0 else (ended, status, usage)
