"""Processes below the wrapper that do not belong to the job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carbonprint.measuring.processes import descendants

if TYPE_CHECKING:
    from collections.abc import Mapping, Set


class Strangers:
    """Processes below the wrapper that do not belong to the job: what it had before the job, and what comes of these.

    When one ends, its children become the wrapper's; so they are known before that.

    Args:
        roots: Process ids of children of the wrapper.
    """

    def __init__(self, roots: Set[int]) -> None:
        self._known: set[int] = descendants(roots) if roots else set()

    def look(self, children: Mapping[int, list[int]]) -> None:
        """Take in what they have started since, and forget what has ended.

        Args:
            children: ``children_by_parent()``, as it has just been read.
        """
        if not self._known:
            return
        living = {pid for pids in children.values() for pid in pids}
        self._known &= living
        waiting = list(self._known)
        while waiting:
            more = [pid for pid in children.get(waiting.pop(), ()) if pid not in self._known]
            self._known.update(more)
            waiting += more

    def __contains__(self, pid: int) -> bool:
        return pid in self._known

    def __bool__(self) -> bool:
        return bool(self._known)
