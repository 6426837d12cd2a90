"""How a command ended, and ending as it has."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from carbonprint.measuring.measurement import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended, and what it used.

    Attributes:
        wait_status: As waitpid(2) gives it.
        measurement: What it used; None where nothing could be told.
        fault: Why not, in words; else ``""``.
    """

    wait_status: int
    measurement: Measurement | None
    fault: str = ""

    @property
    def exit_status(self) -> int:
        """The exit status as a shell shows it: 128 + N where signal N killed it."""
        if os.WIFSIGNALED(self.wait_status):
            return 128 + os.WTERMSIG(self.wait_status)
        return os.WEXITSTATUS(self.wait_status)


def end_with(exit_status: int) -> NoReturn:
    """End this process with an exit status, without waiting for anything that still runs in it."""
    _flush()
    os._exit(exit_status)


def end_like(ended: Ended) -> NoReturn:
    """End this process as the command has ended: with its exit status, or by the signal that killed it."""
    _flush()
    if os.WIFSIGNALED(ended.wait_status) and os.getpid() != 1:
        _die_of(os.WTERMSIG(ended.wait_status))
    os._exit(ended.exit_status)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.flush()


def _die_of(number: int) -> None:
    with contextlib.suppress(Exception):  # a library that cannot be loaded any more keeps nobody from dying
        _leave_no_core()
    if number not in {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})


def _leave_no_core() -> None:
    """Leave no core: the command has left its own, where one was wanted, and one of the wrapper would be of no use."""
    import resource

    from carbonprint.measuring.prctl import leave_no_core

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    leave_no_core()
