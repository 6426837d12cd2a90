"""The registry of live runs: by it the runs of one machine see each other, and share its idle energy.

One file a run, held by flock(2) on a descriptor that closes on exec, so that the kernel lets go of it with the wrapper:
no lock and no end means that the run ended at its last sample. A run writes up to when it counts before it looks who
else is there, and a newcomer shows itself before it reads what the others have counted; so of two runs at least one
knows of the other, and nothing is counted twice.

Runs in containers with a ``/dev/shm`` of their own do not see those outside. Whoever may run on the machine may also
register there: its users trust each other as far as dividing idle power goes, and no further.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from carbonprint.measuring.idle_division import Claim, Shares, divided, divided_boards
from carbonprint.measuring.journal import boot_id
from carbonprint.measuring.processes import parent_and_start
from carbonprint.measuring.registered_runs import (
    MOST_FILES,
    SUFFIX,
    ancestors,
    is_running,
    pid_namespace,
    read_run,
)
from carbonprint.measuring.registry_directory import (
    close_own,
    identity,
    make_hidden,
    open_directory,
    show,
)
from carbonprint.measuring.registry_entry import MOST_BOARDS, Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carbonprint.measuring.intervals import IdleFactors

_KEPT_S = 5.0
"""An ended run stays so long for one that has started before its end and registers late. [s]"""


@dataclass(slots=True)
class _Other:
    """Another run, as it was last seen."""

    entry: Entry
    end_s: float
    counted_until_s: float
    contains_us: bool
    points: list[tuple[float, float]] = field(default_factory=list)
    """Moments and the CPU seconds of job and meter up to then, in order. [s]"""

    def claim(self) -> Claim:
        return self.entry.claim(self.end_s, self.counted_until_s)

    def cpu_s_at(self, at_s: float) -> float:
        """CPU seconds up to a moment. [s]; between two that were seen on a line, and on along it until the end."""
        at_s = min(at_s, self.end_s)
        if at_s <= self.points[0][0]:
            return self.points[0][1]
        number = next((n for n, point in enumerate(self.points) if point[0] >= at_s), len(self.points) - 1)
        (before_s, before_cpu_s), (after_s, after_cpu_s) = (
            self.points[max(0, number - 1)],
            self.points[number],
        )
        if after_s <= before_s:
            return after_cpu_s
        return before_cpu_s + (after_cpu_s - before_cpu_s) * (at_s - before_s) / (after_s - before_s)


class Registration:
    """One run in the registry; made by ``begin``.

    Attributes:
        outer_run: Id of the run that this one takes place in, the nearest; None of an outermost one.
        has_company: Whether another run was seen that shares the idle machine with this one.
        is_lost: Whether others were seen, and cannot be seen any more.
    """

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._ancestors = ancestors()
        self._lock = threading.Lock()
        self._directory: int | None = None
        self._file: int | None = None
        self._identities: dict[int, tuple[int, int]] = {}
        self._others: dict[str, _Other] = {}
        self._over: set[str] = set()
        self._litter: dict[str, float] = {}
        self._counted_s = entry.start_s
        self._boards: tuple[float, ...] = ()
        self.has_company = False
        self.is_lost = False

    @classmethod
    def begin(cls, run_id: str, start_s: float) -> Self | None:
        """Register a run of this process; None where there is no registry that can be used.

        Until ``reserve`` says otherwise it may claim the whole machine.

        Args:
            run_id: Id of the run.
            start_s: When it started. [s], monotonic.
        """
        pid = os.getpid()
        known = parent_and_start(pid)
        registration = cls(
            Entry(
                run_id=run_id,
                pid=pid,
                pid_start=0 if known is None else known[1],
                pid_namespace=pid_namespace(),
                boot_id=boot_id(),
                start_s=start_s,
                last_s=start_s,
            )
        )
        return registration if registration._publish() else None

    @property
    def outer_run(self) -> str | None:
        """Id of the run that this one takes place in; None of an outermost one."""
        return self._entry.outer

    def reserve(self, shares: Shares, boards: Sequence[float] = ()) -> None:
        """Say what of the machine is reserved for the run; from then on it stands whether it is inside another.

        Args:
            shares: Of the machine.
            boards: Of each GPU. [-], 0 to 1.
        """
        self._find_outer()
        self._boards = tuple(boards)
        self._write(shares=shares, boards=tuple(round(share, 4) for share in boards[:MOST_BOARDS]))

    def update(self, at_s: float, job_cpu_s: float, meter_cpu_s: float) -> None:
        """Say up to when the run counts, and then see who else is there.

        Args:
            at_s: The moment up to which it counts. [s], monotonic.
            job_cpu_s: CPU seconds of its job up to then. [s].
            meter_cpu_s: CPU seconds of its wrapper up to then. [s].
        """
        self._forget_before(self._counted_s)
        at_s = max(at_s, self._counted_s)
        self._write(last_s=at_s, job_cpu_s=max(0.0, job_cpu_s), meter_cpu_s=max(0.0, meter_cpu_s))
        self._look()
        self._counted_s = at_s

    def idle_factors(self, since_s: float, until_s: float) -> IdleFactors:
        """Give by how much the idle machine is divided in a window that ``update`` has just closed. [s], monotonic."""
        own = self._entry.shares if self.outer_run is None else None
        return divided(own, self._claims(), since_s, until_s)

    def board_factors(self, since_s: float, until_s: float) -> tuple[float, ...]:
        """Give by how much each idle GPU is divided in such a window. [-], 0 to 1."""
        return divided_boards(
            self._boards, self._claims(), since_s, until_s, is_inner=self.outer_run is not None
        )

    def _claims(self) -> list[Claim]:
        """What the other outermost runs have of the idle machine."""
        return [other.claim() for other in self._others.values() if other.entry.outer is None]

    def others_cpu_s(self, since_s: float, until_s: float) -> float:
        """Give the CPU seconds of the other outermost runs and their wrappers in such a window. [s].

        A run that this one takes place in is left out: it contains this one.
        """
        return sum(
            max(0.0, other.cpu_s_at(until_s) - other.cpu_s_at(since_s))
            for other in self._others.values()
            if other.entry.outer is None and not other.contains_us
        )

    def end(self, at_s: float) -> None:
        """Say that the run has ended; it stays held until ``close``.

        Args:
            at_s: When it ended. [s], monotonic.
        """
        at_s = max(at_s, self._entry.start_s)
        self._write(last_s=at_s, end_s=at_s)

    def close(self) -> None:
        """Let go of the registry; what the run has said of itself stays for those that overlap it."""
        self._remove_litter()
        with self._lock:
            for descriptor in (self._file, self._directory):
                if descriptor is not None and descriptor in self._identities:
                    close_own(descriptor, self._identities[descriptor])
            self._file = self._directory = None

    def _publish(self) -> bool:
        """Make our file and show it, held; then see who has counted without us. Give whether that could be done."""
        name = self._entry.run_id + SUFFIX
        try:
            self._directory = open_directory()
            if self._directory is None:
                return False
            self._identities = {self._directory: identity(self._directory)}
            self._find_outer()
            self._file = make_hidden(self._directory, name)
            self._identities[self._file] = identity(self._file)
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.pwrite(self._file, self._entry.as_line(), 0)
            show(self._directory, name)
        except OSError:
            self.close()
            return False
        self._others.clear()
        self._look(is_first=True)
        return True

    def _write(self, **changes: Any) -> None:  # noqa: ANN401  # fields of the entry
        """Write our line over itself; where the file was removed (as a user's are who logs out), make it again.

        The descriptor is looked at first: where it was closed behind our back, its number may be a file of the job's.
        """
        with self._lock:
            self._entry = replace(self._entry, **changes)
            if self._file is None:
                return
            try:
                is_there = identity(self._file) == self._identities[self._file]
                if is_there:
                    os.pwrite(self._file, self._entry.as_line(), 0)
                    is_there = os.fstat(self._file).st_nlink > 0
            except OSError:
                is_there = False
        if not is_there:
            self._publish_again()

    def _publish_again(self) -> None:
        had_others = bool(self._others)
        self.close()
        self._over.clear()
        self.is_lost = not self._publish() and had_others
        if self._file is None:
            self._others.clear()

    def _look(self, *, is_first: bool = False) -> None:
        """See who else is there.

        Args:
            is_first: Whether we have just shown ourselves: what the others have counted by now, they counted without
                us. Who is first seen later has seen us first.
        """
        if self._directory is None:
            return
        try:
            names = os.listdir(self._directory)
        except OSError:
            names = []
        own = self._entry.run_id + SUFFIX
        for name in names[:MOST_FILES]:
            if name.endswith(SUFFIX) and name != own and name not in self._over:
                self._see(name, is_first=is_first)
        self._over.intersection_update(names)
        for name in self._others.keys() - set(names):
            other = self._others[name]
            is_elsewhere = other.entry.pid_namespace != self._entry.pid_namespace
            if other.end_s == math.inf and (is_elsewhere or not is_running(other.entry)):
                other.end_s = other.entry.last_s
        self.has_company = self.has_company or any(
            other.entry.outer is None and other.end_s > self._entry.start_s for other in self._others.values()
        )

    def _see(self, name: str, *, is_first: bool) -> None:
        """Read the file of another run; one that has ended before our time, or is none, is not looked at again."""
        assert self._directory is not None
        seen = read_run(self._directory, name)
        if seen is None:
            return
        entry, is_live, is_removable = seen
        end_s = entry.end_s if entry.end_s is not None else math.inf if is_live else entry.last_s
        is_of_this_boot = entry.boot_id == self._entry.boot_id
        other = self._others.get(name)
        is_over = other is None and end_s <= self._counted_s
        if name != entry.run_id + SUFFIX or not is_of_this_boot or is_over:
            self._over.add(name)
            if is_removable:
                self._litter[name] = end_s if is_of_this_boot else -math.inf
            return
        if other is None:
            other = self._others[name] = _Other(
                entry=entry,
                end_s=end_s,
                counted_until_s=entry.last_s if is_first else -math.inf,
                contains_us=self._contains_us(entry),
                points=[(entry.start_s, 0.0)],
            )
        other.entry, other.end_s = entry, end_s
        if entry.last_s > other.points[-1][0]:
            other.points.append((entry.last_s, entry.job_cpu_s + entry.meter_cpu_s))
        if is_removable and end_s != math.inf:
            self._litter[name] = end_s

    def _forget_before(self, at_s: float) -> None:
        """Forget what is needed no more once everything is counted up to a moment, and remove what nobody needs."""
        for name, other in list(self._others.items()):
            if other.end_s <= at_s:
                del self._others[name]
                self._over.add(name)
            while len(other.points) > 2 and other.points[1][0] <= at_s:
                del other.points[0]
        self._remove_litter()

    def _remove_litter(self) -> None:
        """Remove files of ended runs once no live run has still to count time in which they lived."""
        if self._directory is None:
            return
        counted_s = min(
            (other.entry.last_s for other in self._others.values() if other.end_s == math.inf),
            default=math.inf,
        )
        needed_s = min(counted_s, self._counted_s) - _KEPT_S
        for name, end_s in list(self._litter.items()):
            if end_s < needed_s:
                del self._litter[name]
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=self._directory)

    def _find_outer(self) -> None:
        """Find the live run that this one takes place in: of those whose process is an ancestor, the nearest."""
        self._look()
        places = list(self._ancestors)
        outer = min(
            (other.entry for other in self._others.values() if other.contains_us and other.end_s == math.inf),
            key=lambda entry: (places.index(entry.pid), -entry.start_s),
            default=None,
        )
        if outer is not None:
            self._entry = replace(self._entry, outer=outer.run_id)

    def _contains_us(self, entry: Entry) -> bool:
        """Whether a run's process is an ancestor of ours, or it is an earlier one of our own process."""
        return (
            entry.pid_namespace == self._entry.pid_namespace
            and self._ancestors.get(entry.pid) == entry.pid_start
            and (entry.start_s, entry.run_id) < (self._entry.start_s, self._entry.run_id)
        )
