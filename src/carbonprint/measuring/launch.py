"""Start the command as a shell would: same descriptors, environment, limits, signal mask and dispositions."""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from carbonprint.measuring.job_cgroup import JobCgroup


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
        self.exit_status = 127 if number in {errno.ENOENT, errno.ENOTDIR} else 126
        super().__init__(f"{command}: {os.strerror(number)}")


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
    """
    read_end, write_end = os.pipe()  # both close on exec: an end without a word says that the command runs
    pid = os.fork() if group is None else group.fork()
    if pid == 0:
        _become(command, inherited, write_end)
    os.close(write_end)
    with open(read_end, "rb", closefd=True) as channel:
        told = channel.read()
    if told:
        os.waitpid(pid, 0)
        raise CommandNotStartedError(command[0], int(told))
    return pid


def _become(command: Sequence[str], inherited: Inherited, write_end: int) -> NoReturn:
    """In the child: restore what Python changed at its start, and execute the command."""
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
        fault = _execute(list(command))
    except BaseException:  # noqa: BLE001  # nothing may return into the parent's code
        fault = errno.ENOEXEC
    os.write(write_end, str(fault).encode())
    os._exit(127)


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
