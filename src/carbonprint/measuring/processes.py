"""CPU seconds of a job, whatever the shape of its processes.

    job = Σ rusage of every child that was reaped + Σ over living descendants (own time + times of their dead children)
          + Σ times that the kernel dropped, as they were last seen; or what a cgroup counted, where that is more

Nothing is lost between two samples: a child that ends is in its parent's sum from then on. Parents are read before
their children, so that a child that ends in between is missed until the next sample and never counted twice, and the
series never falls.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
    from resource import struct_rusage

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_SIGCHLD_BIT = 1 << int(getattr(signal, "SIGCHLD", 17)) - 1
"""Of the mask of ignored signals in ``/proc/PID/stat``."""
_LAST_FIELD = 30
"""The last field of ``/proc/PID/stat``, counted from the state on, that is looked at: the ignored signals."""
_MOST_WAYS_UP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessTimes:
    """Times of one process, from its line in ``/proc/PID/stat``, proc_pid_stat(5).

    Attributes:
        pid: Process id.
        parent: Process id of its parent.
        state: One letter: ``T`` for stopped, ``Z`` for a zombie.
        started_ticks: When it started, in clock ticks since the machine did: with the pid it names one process only.
        ignores_sigchld: Whether it ignores SIGCHLD, so that the times of its children are in nobody's sum.
        own_s: CPU seconds of its threads, living and dead. [s].
        reaped_s: CPU seconds of its children that it has waited for, and of theirs. [s].
    """

    pid: int
    parent: int
    state: str
    started_ticks: int
    ignores_sigchld: bool
    own_s: float
    reaped_s: float


class DroppedTimes:
    """CPU seconds of children whose parent ignores SIGCHLD, which the kernel drops when they end (wait(2), notes).

    What was seen at one look and is gone at the next has ended. Its times are in its parent's, or the wrapper has
    waited for it; unless its parent ignored SIGCHLD or was dropped itself: then what it had at the last look is all
    that is known of it.

    Attributes:
        total_s: CPU seconds of all that were dropped, as they were last seen. [s].
        was_one_ignoring: Whether a process was seen that ignores SIGCHLD.
    """

    def __init__(self) -> None:
        self.total_s = 0.0
        self.was_one_ignoring = False
        self._seen: dict[tuple[int, int], ProcessTimes] = {}

    def look(self, now_living: Iterable[ProcessTimes], reaped: Set[int]) -> None:
        """Compare the processes of the job with those of the last look.

        Args:
            now_living: Those that there are now, parents before children.
            reaped: Process ids of those that the wrapper has waited for since the last look.
        """
        now = {(each.pid, each.started_ticks): each for each in now_living}
        dropping = {each.pid for each in (*self._seen.values(), *now.values()) if each.ignores_sigchld}
        self.was_one_ignoring = self.was_one_ignoring or bool(dropping)
        for key, last in self._seen.items():
            if key not in now and last.pid not in reaped and last.parent in dropping:
                self.total_s += last.own_s + last.reaped_s
                dropping.add(last.pid)
        self._seen = now


class JobCpuSeconds:
    """The job's CPU seconds so far: add what is reaped, ask for the total.

    Args:
        group_usage_s: Gives the CPU seconds that a cgroup of the job has counted [s]; None where there is none.
    """

    def __init__(self, group_usage_s: Callable[[], float | None] = lambda: None) -> None:
        self._group_usage_s = group_usage_s
        self._is_counted_by_group = False
        self._dropped = DroppedTimes()
        self._reaped_s = 0.0
        self._reaped_since_look: set[int] = set()
        self._highest_s = 0.0

    @property
    def may_lack_dropped_times(self) -> bool:
        """Whether times were, or may have been, dropped that no cgroup has counted."""
        return self._dropped.was_one_ignoring and not self._is_counted_by_group

    def add_reaped(self, usage: struct_rusage, pid: int = 0) -> None:
        """Add a child of ours that has ended; ``usage`` holds it and all that it has waited for."""
        self._reaped_s += usage.ru_utime + usage.ru_stime
        self._reaped_since_look.add(pid)

    def look(self, now_living: Sequence[ProcessTimes]) -> None:
        """Take in what a cgroup has counted by now; without one, what was dropped since the last look.

        Args:
            now_living: All living processes of the job, parents before children.
        """
        counted_s = self._group_usage_s()
        if counted_s is not None:
            self._is_counted_by_group = True
            self._highest_s = max(self._highest_s, counted_s)
        elif not self._is_counted_by_group:
            self._dropped.look(now_living, self._reaped_since_look)
        self._reaped_since_look.clear()

    def look_at_command(self, command: ProcessTimes) -> None:
        """See whether the command ignores SIGCHLD, also where it ends before the first sample."""
        self._dropped.was_one_ignoring = self._dropped.was_one_ignoring or command.ignores_sigchld

    def settled_s(self, left_behind_s: float) -> float:
        """Give the CPU seconds of a job that has ended. [s]; never less than was given before.

        Args:
            left_behind_s: CPU seconds, at the end, of processes that were not waited for before it. [s].
        """
        return max(self._highest_s, self._reaped_s + left_behind_s + self._dropped.total_s)

    def total_s(self, roots: Iterable[int], children: Mapping[int, list[int]] | None = None) -> float:
        """Give the CPU seconds so far. [s]; never less than it gave before.

        Args:
            roots: Living children of the wrapper that belong to the job.
            children: ``children_by_parent()``, where it has just been read.
        """
        now_living = list(living(roots, children))
        self.look(now_living)
        living_s = sum(times.own_s + times.reaped_s for times in now_living)
        self._highest_s = max(self._highest_s, self._reaped_s + living_s + self._dropped.total_s)
        return self._highest_s


def living_cpu_s(roots: Iterable[int], children: Mapping[int, list[int]] | None = None) -> float:
    """CPU seconds of these processes, all their descendants, and what these have waited for. [s].

    Args:
        roots: Process ids.
        children: ``children_by_parent()``, where it has just been read.
    """
    return sum(times.own_s + times.reaped_s for times in living(roots, children))


def living(roots: Iterable[int], children: Mapping[int, list[int]] | None = None) -> Iterator[ProcessTimes]:
    """Give the times of these processes and all their descendants, parents before children."""
    waiting = list(roots)
    if children is None:
        children = children_by_parent() if waiting else {}
    lines = children.lines if isinstance(children, ProcessTable) else {}
    while waiting:
        pid = waiting.pop(0)
        line = lines.get(pid)
        # The table was read from the lowest id up. A child whose id is lower than its parent's was read before it,
        # and is read again: were it to end in between, its times would be in its parent's as well.
        is_after_parent = line is not None and pid > int(line[1])
        times = process_times(pid, line if is_after_parent else None)
        if times is not None:
            yield times
        waiting.extend(children.get(pid, ()))


class ProcessTable(dict[int, list[int]]):
    """The children of each process, zombies included.

    Attributes:
        lines: The fields of ``/proc/PID/stat`` of each process, from its state on, as they were read for this.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[int, list[bytes]] = {}


def children_by_parent() -> ProcessTable:
    """Map each process to its children, zombies included; empty where there is no ``/proc``."""
    table = ProcessTable()
    try:
        names = os.listdir("/proc")
    except OSError:
        return table
    for pid in sorted(int(name) for name in names if name.isdigit()):
        if (fields := _stat_fields(pid)) is not None:
            table.lines[pid] = fields
            table.setdefault(int(fields[1]), []).append(pid)
    return table


def own_children() -> frozenset[int]:
    """Children of this process, while it has one thread; read from one file, where the kernel has that."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb", buffering=0) as children:
            return frozenset(map(int, children.read().split()))
    except OSError:
        return frozenset()


def process_times(pid: int, fields: list[bytes] | None = None) -> ProcessTimes | None:
    """Read the times of one process; None where it is gone or there is no ``/proc``.

    Args:
        pid: Process id.
        fields: Its line in ``/proc``, where that has just been read.
    """
    if fields is None:
        fields = _stat_fields(pid)
    if fields is None:
        return None
    own_s = _cpu_clock_s(pid)
    if own_s is None:
        own_s = (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
    return ProcessTimes(
        pid=pid,
        parent=int(fields[1]),
        state=fields[0].decode(),
        started_ticks=int(fields[19]),
        ignores_sigchld=bool(int(fields[30]) & _SIGCHLD_BIT),
        own_s=own_s,
        reaped_s=(int(fields[13]) + int(fields[14])) / _TICKS_PER_SECOND,
    )


def process_name(pid: int) -> str:
    """Give the name of the program a process runs, at most 15 signs; ``""`` where it is gone."""
    try:
        with open(f"/proc/{pid}/comm", "rb", buffering=0) as comm:
            return comm.read().decode(errors="replace").rstrip("\n")
    except OSError:
        return ""


def process_state(pid: int) -> str:
    """Give the state of a process as ``/proc`` has it (``T`` for stopped); ``""`` where it is gone."""
    fields = _stat_fields(pid)
    return fields[0].decode() if fields else ""


def parent_and_start(pid: int) -> tuple[int, int] | None:
    """Give the parent of a process, and when it started in ticks since the machine did; None where it is gone."""
    fields = _stat_fields(pid)
    return (int(fields[1]), int(fields[19])) if fields else None


def _stat_fields(pid: int) -> list[bytes] | None:
    """Fields of the line from the state on: the name before it may hold blanks and brackets.

    Read by hundreds at every sample: ``os.read`` takes half the time of a file object.
    """
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, 1024).rpartition(b")")[2].split(None, _LAST_FIELD + 1)
        finally:
            os.close(descriptor)
    except OSError:
        return None


def _cpu_clock_s(pid: int) -> float | None:
    """CPU time of a process to the nanosecond, where ``/proc`` counts ticks of 10 ms.

    The clock id of another process is its complement shifted by three, with 2 for the scheduler's clock
    (clock_getcpuclockid(3), include/linux/posix-timers.h).
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None


class BlockCpuSeconds:
    """CPU seconds of this process and its children since now, for a block of Python.

    Args:
        meter_cpu_s: CPU seconds of carbonprint's own thread in this process, which are not the block's. [s].
    """

    def __init__(self, meter_cpu_s: Callable[[], float]) -> None:
        self._meter_cpu_s = meter_cpu_s
        self._lock = threading.Lock()
        self._highest_s = 0.0
        self._start_s = self._so_far_s()

    def total_s(self) -> float:
        """Give the CPU seconds so far. [s]; never less than it gave before."""
        with self._lock:
            self._highest_s = max(self._highest_s, self._so_far_s() - self._start_s)
            return self._highest_s

    def is_of_block(self, pid: int) -> bool:
        """Whether a process is this one or descends from it."""
        return pid == os.getpid() or pid in descendants([os.getpid()])

    def _so_far_s(self) -> float:
        children = children_by_parent()
        living_s = living_cpu_s(children.get(os.getpid(), ()), children)
        own_s = time.process_time() - self._meter_cpu_s()
        return own_s + reaped_children_cpu_s() + living_s


def reaped_children_cpu_s() -> float:
    """CPU seconds of all children that this process has waited for, and of theirs. [s]."""
    try:
        import resource
    except ImportError:  # not on Windows
        times = os.times()
        return times.children_user + times.children_system
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def descendants(roots: Iterable[int]) -> set[int]:
    """Give these processes and all that descend from them."""
    children, found, waiting = children_by_parent(), set[int](), list(roots)
    while waiting:
        found.add(parent := waiting.pop())
        waiting.extend(children.get(parent, ()))
    return found


def descends_from(pid: int, ancestor: int) -> bool:
    """Whether a process descends from another.

    Seen from below: where a parent ends on the way up, its child has got another one, and the way begins again.
    """
    for _ in range(_MOST_WAYS_UP):
        at = pid
        while at not in {0, 1, ancestor}:
            fields = _stat_fields(at)
            if fields is None:
                break
            at = int(fields[1])
        else:
            return at == ancestor
    return False


def started_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since the machine did; None where it is gone."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields else None


def command_line(pid: int) -> list[str]:
    """Program and arguments of a process; empty where it is gone, or has none."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as line:
            content = line.read()
    except OSError:
        return []
    return [os.fsdecode(word) for word in content.split(b"\0")[:-1]]
