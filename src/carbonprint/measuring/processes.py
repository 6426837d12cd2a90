"""CPU seconds of a job, whatever the shape of its processes.

    job = Σ rusage of every child that was reaped + Σ over living descendants (own time + times of their dead children)

Nothing is lost between two samples: a child that ends is in its parent's sum from then on. Parents are read before
their children, so that a child that ends in between is missed until the next sample and never counted twice, and the
series never falls.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from resource import struct_rusage

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessTimes:
    """Times of one process, from its line in ``/proc/PID/stat``, proc_pid_stat(5).

    Attributes:
        own_s: CPU seconds of its threads, living and dead. [s].
        reaped_s: CPU seconds of its children that it has waited for, and of theirs. [s].
    """

    own_s: float
    reaped_s: float


class JobCpuSeconds:
    """The job's CPU seconds so far: add what is reaped, ask for the total."""

    def __init__(self) -> None:
        self._reaped_s = 0.0
        self._highest_s = 0.0

    def add_reaped(self, usage: struct_rusage) -> None:
        """Add a child of ours that has ended; ``usage`` holds it and all that it has waited for."""
        self._reaped_s += usage.ru_utime + usage.ru_stime

    def settled_s(self, left_behind_s: float) -> float:
        """Give the CPU seconds of a job that has ended. [s]; never less than was given before.

        Args:
            left_behind_s: CPU seconds, at the end, of processes that were not waited for before it. [s].
        """
        return max(self._highest_s, self._reaped_s + left_behind_s)

    def total_s(self, roots: Iterable[int]) -> float:
        """Give the CPU seconds so far. [s]; never less than it gave before.

        Args:
            roots: Living children of the wrapper that belong to the job.
        """
        self._highest_s = max(self._highest_s, self._reaped_s + living_cpu_s(roots))
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
    while waiting:
        pid = waiting.pop(0)
        times = process_times(pid)
        if times is not None:
            yield times
        waiting.extend(children.get(pid, ()))


def children_by_parent() -> dict[int, list[int]]:
    """Map each process to its children, zombies included; empty where there is no ``/proc``."""
    children: dict[int, list[int]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return {}
    for name in names:
        if name.isdigit() and (fields := _stat_fields(int(name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(name))
    return children


def process_times(pid: int) -> ProcessTimes | None:
    """Read the times of one process; None where it is gone or there is no ``/proc``."""
    fields = _stat_fields(pid)
    if fields is None:
        return None
    user, system, children_user, children_system = (int(field) / _TICKS_PER_SECOND for field in fields[11:15])
    own_s = _cpu_clock_s(pid)
    return ProcessTimes(
        own_s=user + system if own_s is None else own_s,
        reaped_s=children_user + children_system,
    )


def process_state(pid: int) -> str:
    """Give the state of a process as ``/proc`` has it (``T`` for stopped); ``""`` where it is gone."""
    fields = _stat_fields(pid)
    return fields[0].decode() if fields else ""


def parent_and_start(pid: int) -> tuple[int, int] | None:
    """Give the parent of a process, and when it started in ticks since the machine did; None where it is gone."""
    fields = _stat_fields(pid)
    return (int(fields[1]), int(fields[19])) if fields else None


def _stat_fields(pid: int) -> list[bytes] | None:
    """Fields of the line from the state on: the name before it may hold blanks and brackets."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            return stat.read().rpartition(b")")[2].split()
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
