"""A cgroup of the job's own, which counts the CPU seconds of all that runs in it (Linux).

The times of a process are added to its parent's only when the parent waits for it. Where a parent ignores SIGCHLD,
nobody does, and the kernel drops them when the process ends (wait(2), notes); a cgroup has counted them all the same.

One is made only where the command finds nothing changed by it but a line of ``/proc/self/cgroup``, and where getting
into it costs no time: moving a process that runs takes some 15 ms, for the kernel waits until every processor has taken
notice (an RCU grace period).

- Version 1, where ``cpuacct`` has a hierarchy to itself: the child moves its only thread through ``tasks``, which needs
  no such wait. Where ``cpu`` shares the hierarchy, a group would change the job's share of the processors.
- Version 2, in a group to which no controller of common use is available: the child is made inside the new group, by
  clone3(2) with CLONE_INTO_CGROUP (Linux 5.7). Where there are controllers, a program that looks up its limits in its
  own group, or hands controllers on to groups below it, would no longer find them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carbonprint.measuring.processes import process_times

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "carbonprint-"
_numbers = itertools.count(1)
_CONTROLLERS = {"cpu", "cpuset", "io", "memory", "pids"}
"""Of version 2, those that programs look up or hand on; hugetlb, rdma, misc and perf_event are in no program's way."""
_CLONE3 = 435
"""Number of the system call, the same on every architecture that has it (include/uapi/asm-generic/unistd.h)."""
_CLONE_INTO_CGROUP = 0x2_0000_0000
"""include/uapi/linux/sched.h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCgroup:
    """A cgroup that was made for one job.

    Attributes:
        folder: Its directory.
        version: Of cgroups: 1 (``cpuacct``) or 2.
    """

    folder: str
    version: int

    def fork(self) -> int:
        """Fork as ``os.fork`` does, with the child in this group; where that fails, with the child outside it.

        Must be called before any thread exists. The child must execute a program, and do little before.

        Returns:
            The child's process id; 0 in the child.
        """
        if self.version == 2:
            with contextlib.suppress(OSError):
                return self._clone_inside()
        pid = os.fork()
        if pid == 0 and self.version == 1:
            with contextlib.suppress(OSError), open(f"{self.folder}/tasks", "wb", buffering=0) as tasks:
                tasks.write(b"0")  # itself, one thread: cgroup.procs would wait for all processors
        return pid

    def _clone_inside(self) -> int:
        """Call clone3(2); its child goes on from here, as after a fork.

        Raises:
            OSError: If it could not be done; there is no child then.
        """
        import ctypes

        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        # struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        # set_tid_size, cgroup.
        arguments = (ctypes.c_uint64 * 11)(
            _CLONE_INTO_CGROUP, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, descriptor
        )
        # PyDLL, unlike CDLL, keeps the interpreter's lock, which the child then holds as the parent does.
        pid = int(
            ctypes.PyDLL(None).syscall(
                ctypes.c_long(_CLONE3), arguments, ctypes.c_size_t(ctypes.sizeof(arguments))
            )
        )
        if pid != 0:
            os.close(descriptor)  # in the child it closes when the command is executed
        if pid < 0:
            raise OSError("no process could be made inside the group")
        return pid

    def usage_s(self) -> float | None:
        """Give the CPU seconds of all that ever ran in the group. [s]; None where nothing did, or it is not known."""
        try:
            if self.version == 1:
                return int(_read(f"{self.folder}/cpuacct.usage")) / 1e9 or None
            return int(_read(f"{self.folder}/cpu.stat").split()[1]) / 1e6 or None
        except (ValueError, IndexError):
            return None

    def remove(self) -> None:
        """Remove the group; one in which something still runs stays, for a later wrapper to remove."""
        _remove(self.folder)

    def remove_leftovers(self) -> None:
        """Remove the groups beside this one that wrappers which are no more have left behind."""
        _remove_dead_inside(self.folder.rpartition("/")[0])


def make_job_cgroup(root: str = "/") -> JobCgroup | None:
    """Make a cgroup inside our own, where that is harmless; None where it is not, or not allowed.

    Args:
        root: Where ``proc`` and ``sys`` are, ending in ``/``.
    """
    for version, own in _own_groups(root):
        folder = f"{own}/{_PREFIX}{os.getpid()}-{_started_ticks(os.getpid())}-{next(_numbers)}"
        with contextlib.suppress(OSError):
            os.mkdir(folder)
            return JobCgroup(folder=folder, version=version)
    return None


def _own_groups(root: str) -> Iterator[tuple[int, str]]:
    """Give version and directory of each group of ours in which one for the job may be made."""
    paths: dict[str, str] = {}
    for line in _read(f"{root}proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        paths[controllers] = path.rstrip("/")
    if "cpuacct" in paths:
        folder = f"{root}sys/fs/cgroup/cpuacct{paths['cpuacct']}"
        if _holds_us(folder):
            yield 1, folder
    if "" in paths:
        for mount in ("sys/fs/cgroup/unified", "sys/fs/cgroup"):
            folder = f"{root}{mount}{paths['']}"
            has_times = "usage_usec" in _read(f"{folder}/cpu.stat")
            available = set(_read(f"{folder}/cgroup.controllers").split())
            handed_on = _read(f"{folder}/cgroup.subtree_control").split()
            if has_times and not available & _CONTROLLERS and not handed_on and _holds_us(folder):
                yield 2, folder


def _holds_us(folder: str) -> bool:
    """Whether this process is in that group: in a container the path may be that of another one."""
    return str(os.getpid()) in _read(f"{folder}/cgroup.procs").split()


def _remove(folder: str) -> None:
    _remove_dead_inside(folder)
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def _remove_dead_inside(folder: str) -> None:
    """Remove the groups in there whose wrappers are dead and in which nothing runs."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(_PREFIX) and _is_wrapper_dead(name.removeprefix(_PREFIX)):
                _remove(f"{folder}/{name}")


def _is_wrapper_dead(words: str) -> bool:
    """Tell by what is in a group's name: process id and start of the wrapper.

    One in another PID namespace seems dead as well. Its group cannot be removed while anything runs in it; at worst its
    job, which then has just ended, is counted by its processes alone.
    """
    pid, started = [*words.split("-"), ""][:2]
    return pid.isdigit() and started.isdigit() and started != _started_ticks(int(pid))


def _started_ticks(pid: int) -> str:
    times = process_times(pid)
    return "" if times is None else str(times.started_ticks)


def _read(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as file:
            return b"".join(iter(lambda: file.read(65536), b"")).decode(errors="replace")
    except OSError:
        return ""
