"""The one loop: wait for a signal, a child or the next sample, until the command has ended (Linux).

All signals are blocked, and taken one at a time with sigtimedwait(2); so nothing is missed and nothing interrupts.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from carbonprint.measuring.processes import JobCpuSeconds, children_by_parent, descendants

if TYPE_CHECKING:
    from carbonprint.measuring.metering import Metering

# si_code of siginfo, Linux include/uapi/asm-generic/siginfo.h.
_SENT_BY_PROCESS = {0, -1, -6}
"""SI_USER (kill), SI_QUEUE (sigqueue), SI_TKILL (tgkill): sent to the wrapper alone, so the command has not got it."""
_SENT_BY_KERNEL = 0x80
"""SI_KERNEL: what the terminal sends goes to the whole group, the command included."""


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
        self.wait_status: int | None = None
        self.fault = ""

    def until_ended(self) -> int:
        """Watch until the command has ended, and give its wait status."""
        while self.wait_status is None:
            timeout_s = self._metering.next_edge_s()
            info = signal.sigtimedwait(self._signals, timeout_s)
            if info is None:
                self._reap()
                self._sample()
            elif info.si_signo == signal.SIGCHLD and info.si_code not in _SENT_BY_PROCESS:
                self._reap()
            else:
                self._forward(info)
        return self.wait_status

    def cpu_s(self) -> float:
        """CPU seconds of the job so far. [s]."""
        return self._cpu.total_s(self._roots())

    def is_of_job(self, pid: int) -> bool:
        """Whether a process descends from the command."""
        return pid in descendants(self._roots())

    def reap_orphans(self) -> None:
        """Take in what has ended since; to be called once no process of carbonprint's own can be among it."""
        while (ended := _wait(-1)) is not None:
            self._take_in(*ended)

    def _sample(self) -> None:
        """Sample, unless that has failed before: the job must not suffer, and the end says what went wrong."""
        if not self._metering.is_loaded or self.wait_status is not None or self.fault:
            return
        try:
            self._metering.sample(self.cpu_s(), self.is_of_job)
        except Exception as error:  # noqa: BLE001  # as above
            self.fault = f"{type(error).__name__}: {error}"

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
        """Stop as the command has, so that the shell sees a stopped job; go on when the shell says so."""
        os.kill(os.getpid(), signal.SIGSTOP)

    def _forward(self, info: signal.struct_siginfo) -> None:
        of_session = self._leads_session and info.si_signo in {signal.SIGHUP, signal.SIGCONT}
        if info.si_code in _SENT_BY_PROCESS or (of_session and info.si_code == _SENT_BY_KERNEL):
            os.kill(self._pid, info.si_signo)


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
