"""Start the command as a shell would: same descriptors, environment, limits, signal mask and dispositions."""

from __future__ import annotations

import errno
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from carbonprint.measuring.forwarding import take_those_of_the_terminal
from carbonprint.measuring.prctl import become_subreaper, death_signal, set_death_signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from carbonprint.measuring.job_cgroup import JobCgroup


_LOOK_AGAIN_S = 0.001
"""How often to look whether the child has become the command. [s]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """What the wrapper was started with and the command must find again.

    Attributes:
        signal_mask: Signals that were blocked.
        is_sigchld_ignored: Whether SIGCHLD was ignored.
        environment: Its variables, before the wrapper set any for itself.
    """

    signal_mask: Set[int]
    is_sigchld_ignored: bool
    environment: Mapping[str, str]


class CommandNotStartedError(Exception):
    """The command could not be started.

    Attributes:
        exit_status: 127 where it was not found, else 126, as env(1) and the shells have it (POSIX, 2.8.2).
    """

    def __init__(self, command: str, number: int) -> None:
        self.exit_status = _exit_status(number)
        super().__init__(f"{command}: {os.strerror(number)}")


class NotMeasurableError(Exception):
    """Nothing can be measured, or no process made, before the command has started: it can run in this one's place."""

    def __init__(self, fault: Exception, inherited: Inherited) -> None:
        self._inherited = inherited
        super().__init__(getattr(fault, "strerror", None) or f"{type(fault).__name__}: {fault}")

    def become(self, command: Sequence[str]) -> NoReturn:
        """Become the command.

        Raises:
            CommandNotStartedError: If no such program could be executed.
        """
        become_subreaper(wanted=False)
        raise CommandNotStartedError(command[0], _execute_as(command, self._inherited))


def start(command: Sequence[str], inherited: Inherited, group: JobCgroup | None = None) -> int:
    """Fork, and become the command in the child.

    Must be called before any thread exists, with all signals blocked.

    Args:
        command: Program and arguments.
        inherited: What the command must find again.
        group: The cgroup to start it in; ours where there is none.

    Returns:
        The process id.

    Raises:
        CommandNotStartedError: If no such program could be executed; the child is gone then.
        NotMeasurableError: If there could be no process for it.
    """
    death, early = death_signal(), list[int]()
    try:
        # Both close on exec: an end without a word says that the command runs.
        read_end, write_end = os.pipe()
        early = take_those_of_the_terminal()
        pid = os.fork() if group is None else group.fork()
    except OSError as error:
        for number in early:
            os.kill(os.getpid(), number)
        raise NotMeasurableError(error, inherited) from error
    if pid == 0:
        # Whoever asked for it wants the command to end with him, whatever becomes of us.
        set_death_signal(death)
        _tell(write_end, _execute_as(command, inherited))
    for number in early:
        os.kill(pid, number)
    os.close(write_end)
    told = _told(pid, read_end)
    os.close(read_end)
    if told:
        os.waitpid(pid, 0)
        raise CommandNotStartedError(command[0], int(told))
    return pid


def has_stopped(pid: int) -> bool:
    """Whether a child of ours has stopped, and that has not been taken in yet; one that has ended has not."""
    with suppress(ChildProcessError):  # what the kernel says of a child that has ended
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    return False


def _told(pid: int, channel: int) -> bytes:
    """What the child says before it is the command; nothing, too, where a signal has stopped it on the way."""
    os.set_blocking(channel, False)
    while True:
        with suppress(BlockingIOError):
            return os.read(channel, 16)
        if has_stopped(pid):
            return b""
        time.sleep(_LOOK_AGAIN_S)


def _tell(channel: int, number: int) -> NoReturn:
    """Say in the child that it could not become the command; nobody listens any more where it had been stopped."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    with suppress(OSError):
        os.write(channel, str(number).encode())
    os._exit(_exit_status(number))


def _execute_as(command: Sequence[str], inherited: Inherited) -> int:
    """Restore what Python changed at its start, and execute the command; returns only where that failed, with errno."""
    try:
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        if inherited.is_sigchld_ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        _restore_variables(inherited.environment)
        _forget_coerced_locale()
        signal.pthread_sigmask(signal.SIG_SETMASK, inherited.signal_mask)
        return _execute(list(command))
    except BaseException:  # noqa: BLE001  # nothing may return into the parent's code
        return errno.ENOEXEC


def _exit_status(number: int) -> int:
    return 127 if number in {errno.ENOENT, errno.ENOTDIR} else 126


def _execute(command: list[str]) -> int:
    """Execute as execvp(3) does; returns only where nothing could be executed, with the error number.

    A file without ``#!`` goes to ``/bin/sh``, as env(1) has it. ``os.execv`` passes the environment on untouched.
    """
    name = command[0]
    if "/" in name:
        candidates = [name]
    else:
        folders = os.environ.get("PATH", os.defpath).split(":")
        candidates = [f"{folder or '.'}/{name}" for folder in folders] if name else []
    number = errno.ENOENT
    for path in candidates:
        try:
            os.execv(path, command)
        except OSError as error:
            if error.errno == errno.ENOEXEC:
                os.execv("/bin/sh", ["sh", path, *command[1:]])
            if error.errno not in {errno.ENOENT, errno.ENOTDIR}:
                number = error.errno or errno.EACCES
                if number != errno.EACCES:
                    break
    return number


def _restore_variables(inherited: Mapping[str, str]) -> None:
    """Take back what the wrapper has set for itself while an earlier command ran."""
    for name in [name for name in os.environ if name not in inherited]:
        del os.environ[name]
    for name, value in inherited.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _forget_coerced_locale() -> None:
    """Take back the LC_CTYPE that Python sets for itself in the C locale (PEP 538)."""
    if os.environ.get("LC_CTYPE") not in {"C.UTF-8", "C.utf8", "UTF-8"}:
        return
    try:
        with open("/proc/self/environ", "rb") as block:
            was_given = any(entry.startswith(b"LC_CTYPE=") for entry in block.read().split(b"\0"))
    except OSError:
        return
    if not was_given:
        os.unsetenv("LC_CTYPE")
