"""Which signals that reach the wrapper are passed on to the command, and how (Linux).

What a process sent to the wrapper has not reached the command; what the terminal sent to the group has, as long as the
command is in it.
"""

from __future__ import annotations

import contextlib
import os
import signal

# si_code of siginfo, Linux include/uapi/asm-generic/siginfo.h.
SENT_BY_PROCESS = {0, -1, -6}
"""SI_USER (kill), SI_QUEUE (sigqueue), SI_TKILL (tgkill): sent to the wrapper alone, so the command has not got it."""
SENT_BY_KERNEL = 0x80
"""SI_KERNEL: what the terminal sends goes to the whole group, the command included."""

_TIMERS = {signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF}
"""A timer that was set before the wrapper was executed is the wrapper's now; it was meant for the command."""
_OF_THE_SESSION = {signal.SIGHUP, signal.SIGCONT}
"""What the kernel sends to the leader of a session alone when its terminal goes away."""
_OF_THE_FOREGROUND = {signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGHUP, signal.SIGWINCH}
"""What the terminal sends to the group in its foreground."""


class Forwarding:
    """Passes signals on to one command that has not been waited for yet, so that its pid is its own.

    Args:
        pid: Process id of the command.

    Attributes:
        waker: Process id of a child of ours whose signals are for us alone, or None.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._leads_session = os.getsid(0) == os.getpid()
        self.waker: int | None = None

    def pass_on(self, info: signal.struct_siginfo) -> None:
        """Pass a signal on, unless the command has got it already or it was not meant for it."""
        if info.si_code in SENT_BY_PROCESS:
            # A write of ours to a broken pipe, or beyond RLIMIT_FSIZE, is a signal that we have sent to ourselves.
            if info.si_pid not in {os.getpid(), self.waker}:
                self._send(info.si_signo)
        elif info.si_code == SENT_BY_KERNEL:
            of_session = self._leads_session and info.si_signo in _OF_THE_SESSION
            if of_session or info.si_signo in _TIMERS:
                self._send(info.si_signo)
            elif info.si_signo in _OF_THE_FOREGROUND and self._has_left_our_group():
                self._send_to_its_group(info.si_signo)

    def let_go_on(self) -> None:
        """Continue the command; where it leads a group of its own, all of that, as a shell would."""
        if self._has_left_our_group():
            self._send_to_its_group(signal.SIGCONT)
        else:
            self._send(signal.SIGCONT)

    def _send(self, number: int) -> None:
        with contextlib.suppress(OSError):  # a command that has become another user cannot be sent a signal
            os.kill(self._pid, number)

    def _send_to_its_group(self, number: int) -> None:
        """Send as the terminal would have done, had we not been between it and the command.

        A shell makes the command the leader of the group in the foreground; behind the wrapper it is no leader, and
        timeout(1) or setsid(1) make it one, out of the terminal's reach.
        """
        with contextlib.suppress(OSError):
            if os.getpgid(self._pid) == self._pid:
                os.killpg(self._pid, number)
            else:
                os.kill(self._pid, number)

    def _has_left_our_group(self) -> bool:
        try:
            return os.getpgid(self._pid) != os.getpgrp()
        except OSError:
            return False


def take_those_of_the_terminal() -> list[int]:
    """Take what the terminal has sent since signals are blocked, before there is a command that could have got it."""
    waiting = signal.sigpending() & (_OF_THE_FOREGROUND | _OF_THE_SESSION)
    taken = [signal.sigtimedwait({number}, 0) for number in waiting]
    return [info.si_signo for info in taken if info is not None]
