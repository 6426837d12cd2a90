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

from carbonprint.measuring.forwarding import Forwarding
from carbonprint.measuring.processes import (
    JobCpuSeconds,
    children_by_parent,
    descendants,
    living_cpu_s,
    process_state,
)

if TYPE_CHECKING:
    from carbonprint.measuring.metering import Metering

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
    """

    def __init__(self, pid: int, metering: Metering) -> None:
        self._pid = pid
        self._metering = metering
        self._cpu = JobCpuSeconds()
        self._signals = signal.valid_signals()
        self._forwarding = Forwarding(pid)
        self._at_end_s: dict[int, float] = {}
        self.wait_status: int | None = None
        self.fault = ""

    def until_ended(self) -> int:
        """Watch until the command has ended, and give its wait status.

        Whatever fails, signals are passed on and the command is waited for; then there are no samples any more.
        """
        while self.wait_status is None:
            try:
                self._step()
            except Exception as error:  # noqa: BLE001  # as above
                self.fault = self.fault or f"{type(error).__name__}: {error}"
                time.sleep(_AFTER_FAULT_S)
        return self.wait_status

    def _step(self) -> None:
        """Take one signal, one child or one sample, whichever comes first.

        Children are asked for after every signal: one that a process sent and one that a child sent may have become
        one, and a stream of others would keep that of a child waiting. The command gets its signals before that, while
        its pid is its own.
        """
        wait_s = _WITHOUT_SAMPLES_S if self.fault else self._metering.next_edge_s()
        info = signal.sigtimedwait(self._signals, wait_s)
        if info is not None:
            self._forwarding.pass_on(info)
        self._reap()
        if info is None:
            self._sample()

    def cpu_s_at_end(self) -> float:
        """CPU seconds of the job, just after the command has ended. [s]; what it left behind is noted as it is now."""
        children = children_by_parent()
        for child in children.get(os.getpid(), []):
            self._at_end_s[child] = living_cpu_s([child], children)
        return self._cpu.settled_s(sum(self._at_end_s.values()))

    def settled_cpu_s(self) -> float:
        """CPU seconds of the job up to its end. [s].

        To be called once carbonprint has no process of its own any more: what it noted at the end and still is a child,
        or is one that can be waited for, was left behind by the command.
        """
        left = set(children_by_parent().get(os.getpid(), []))
        while (ended := _wait(-1)) is not None:
            left.add(ended[0])
        return self._cpu.settled_s(sum(at_end_s for pid, at_end_s in self._at_end_s.items() if pid in left))

    def cpu_s(self) -> float:
        """CPU seconds of the job so far. [s]."""
        return self._cpu.total_s(self._roots())

    def is_of_job(self, pid: int) -> bool:
        """Whether a process descends from the command."""
        return pid in descendants(self._roots())

    def _sample(self) -> None:
        """Sample, unless something has failed before: the end says what."""
        if self._metering.is_loaded and self.wait_status is None and not self.fault:
            self._metering.sample(self.cpu_s(), self.is_of_job)

    def _roots(self) -> list[int]:
        """Living children of the wrapper that belong to the job.

        While codecarbon is being loaded, a child may be a helper that it started; until then only the command counts,
        and processes that it has left behind are counted from then on, with all their time.
        """
        if self._metering.is_loaded:
            return children_by_parent().get(os.getpid(), [])
        return [self._pid] if self.wait_status is None else []

    def _reap(self) -> None:
        """Take in the children that have ended; another's helper is left for its own thread to wait for."""
        while (ended := _wait(-1 if self._metering.is_loaded else self._pid)) is not None:
            self._take_in(*ended)

    def _take_in(self, pid: int, status: int, usage: object) -> None:
        if os.WIFSTOPPED(status):
            if pid == self._pid:
                self._stop_with_the_command()
            return
        self._cpu.add_reaped(usage)  # type: ignore[arg-type]
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
            if (late := signal.sigtimedwait({signal.SIGCONT}, 0)) is not None:
                self._forwarding.pass_on(
                    late
                )  # unless it is of the waker, which has seen us stopped just before
            self._forwarding.waker = None

    def _is_still_stopped(self) -> bool:
        """Whether the command has not run since it stopped; one that has stopped anew has that still to be taken in."""
        if process_state(self._pid) not in _MAY_BE_STOPPED:
            return False
        return os.waitid(os.P_PID, self._pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is None


def wake_when_running(pid: int, wrapper: int) -> None:
    """Continue the wrapper as soon as the command is no longer stopped; end where the wrapper is not stopped."""
    has_stopped = False
    while os.getppid() == wrapper:
        time.sleep(0.02)
        is_stopped = process_state(wrapper) == "T"
        has_stopped = has_stopped or is_stopped
        if has_stopped and not is_stopped:
            return
        if has_stopped and process_state(pid) not in _MAY_BE_STOPPED:
            os.kill(wrapper, signal.SIGCONT)
            return


def _wait(pid: int) -> tuple[int, int, object] | None:
    """Wait for one child without blocking; None where none has changed."""
    try:
        ended, status, usage = os.wait4(pid, os.WNOHANG | os.WUNTRACED)
    except ChildProcessError:
        return None
    return None if ended == 0 else (ended, status, usage)
