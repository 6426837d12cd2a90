"""The one loop: wait for a signal, a child or the next sample, until the command has ended (Linux).

All signals are blocked, and taken one at a time with sigtimedwait(2); so nothing is missed and nothing interrupts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

from carbonprint.measuring.processes import (
    JobCpuSeconds,
    children_by_parent,
    descendants,
    living_cpu_s,
    process_state,
)

if TYPE_CHECKING:
    from carbonprint.measuring.metering import Metering

# si_code of siginfo, Linux include/uapi/asm-generic/siginfo.h.
_SENT_BY_PROCESS = {0, -1, -6}
"""SI_USER (kill), SI_QUEUE (sigqueue), SI_TKILL (tgkill): sent to the wrapper alone, so the command has not got it."""
_SENT_BY_KERNEL = 0x80
"""SI_KERNEL: what the terminal sends goes to the whole group, the command included."""
_TIMERS = {signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF}
"""A timer that was set before the wrapper was executed is the wrapper's now; it was meant for the command."""

_AFTER_FAULT_S = 0.02
"""Pause after something failed, so that a fault that stays does not keep a core busy. [s]"""


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
        self._leads_session = os.getsid(0) == os.getpid()
        self._waker: int | None = None
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
        """Take one signal, one child or one sample, whichever comes first."""
        info = signal.sigtimedwait(self._signals, self._metering.next_edge_s())
        if info is None:
            self._reap()
            self._sample()
        elif info.si_signo == signal.SIGCHLD and info.si_code not in _SENT_BY_PROCESS:
            self._reap()
        else:
            self._forward(info)

    def cpu_s_at_end(self) -> float:
        """CPU seconds of the job, just after the command has ended. [s]; what it left behind is noted as it is now."""
        children = children_by_parent()
        for child in self._of_job(children.get(os.getpid(), [])):
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
            return self._of_job(children_by_parent().get(os.getpid(), []))
        return [self._pid] if self.wait_status is None else []

    def _of_job(self, children: list[int]) -> list[int]:
        """Leave out of the wrapper's children those that read a meter."""
        return [pid for pid in children if pid not in self._metering.helpers]

    def _reap(self) -> None:
        """Take in the children that have ended; another's helper is left for its own thread to wait for."""
        while (ended := _wait(-1 if self._metering.is_loaded else self._pid)) is not None:
            self._take_in(*ended)

    def _take_in(self, pid: int, status: int, usage: object) -> None:
        if os.WIFSTOPPED(status):
            if pid == self._pid:
                self._stop_with_the_command()
            return
        if pid not in self._metering.helpers:
            self._cpu.add_reaped(usage)  # type: ignore[arg-type]
        if pid == self._pid:
            self.wait_status = status

    def _stop_with_the_command(self) -> None:
        """Stop as the command has, so that the shell sees a stopped job; go on when the shell says so.

        A shell continues the whole group. Whoever continues or ends the command alone would leave the wrapper stopped:
        a child of it, of no weight, looks after that.
        """
        wrapper = os.getpid()
        with contextlib.suppress(OSError):  # where no process can be made, only the shell continues us
            self._waker = os.fork()
            if self._waker == 0:
                wake_when_running(self._pid, wrapper)
                os._exit(0)
        os.kill(wrapper, signal.SIGSTOP)
        # Whoever continued the whole group has continued the command as well; it is not sent the signal twice.
        continued = signal.sigtimedwait({signal.SIGCONT}, 0)
        if continued is not None and process_state(self._pid) == "T":
            self._forward(continued)
        if self._waker is not None:
            with contextlib.suppress(OSError):
                os.kill(self._waker, signal.SIGKILL)
                os.waitpid(self._waker, 0)
            self._waker = None

    def _forward(self, info: signal.struct_siginfo) -> None:
        of_session = self._leads_session and info.si_signo in {signal.SIGHUP, signal.SIGCONT}
        from_kernel = info.si_code == _SENT_BY_KERNEL and (of_session or info.si_signo in _TIMERS)
        if (info.si_code in _SENT_BY_PROCESS and info.si_pid != self._waker) or from_kernel:
            # A command that has become another user cannot be sent a signal.
            with contextlib.suppress(OSError):
                os.kill(self._pid, info.si_signo)


def wake_when_running(pid: int, wrapper: int) -> None:
    """Continue the wrapper as soon as the command is no longer stopped; end where the wrapper is not stopped."""
    has_stopped = False
    while os.getppid() == wrapper:
        time.sleep(0.02)
        is_stopped = process_state(wrapper) == "T"
        has_stopped = has_stopped or is_stopped
        if has_stopped and not is_stopped:
            return
        if has_stopped and process_state(pid) != "T":
            os.kill(wrapper, signal.SIGCONT)
            return


def _wait(pid: int) -> tuple[int, int, object] | None:
    """Wait for one child without blocking; None where none has changed."""
    try:
        ended, status, usage = os.wait4(pid, os.WNOHANG | os.WUNTRACED)
    except ChildProcessError:
        return None
    return None if ended == 0 else (ended, status, usage)


def become_subreaper() -> None:
    """Have processes whose parent ends become children of the wrapper, prctl(2) PR_SET_CHILD_SUBREAPER."""
    import ctypes

    try:
        ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)
    except (OSError, AttributeError):
        return
