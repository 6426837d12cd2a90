"""The energy at a machine's input over the samples of a run, where its meter counts in coarse steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carbonprint.measuring.intervals import Interval

_MOST_ABOVE = 1.05
"""The parts of a machine cannot draw more than its input; meters that differ by more than this contradict. [-]"""


@dataclass(slots=True)
class NodeTotals:
    """What the meter at a machine's input has said so far, beside the counters of the machine's parts.

    Attributes:
        n_steps: How often it was read and had moved.
        is_coarse: Whether it was read and had not moved, while a machine that is on always draws power.
        node_j: What it counted. [J].
        parts_j: What the counters of the parts counted in the same time. [J].
        largest_step_j: Most that it counted at once: so far it may lag behind. [J].
    """

    n_steps: int = 0
    is_coarse: bool = False
    node_j: float = 0.0
    parts_j: float = 0.0
    largest_step_j: float = 0.0

    def add(self, interval: Interval) -> None:
        """Add one interval."""
        node_j = interval.node_counted_j
        if node_j is None:
            return
        self.n_steps += node_j > 0
        self.is_coarse = self.is_coarse or node_j == 0
        self.node_j += node_j
        self.largest_step_j = max(self.largest_step_j, node_j)
        counted_j = (interval.cpu_counted_j, interval.ram_counted_j, interval.gpu_counted_j)
        self.parts_j += sum(energy_j or 0.0 for energy_j in counted_j)

    @property
    def has_said_enough(self) -> bool:
        """Whether it moved; a coarse one twice, since before its second step nothing tells its power."""
        return self.n_steps >= (2 if self.is_coarse else 1)

    @property
    def contradicts_its_parts(self) -> bool:
        """Whether the counters of the parts say clearly more than it, which then is not believed."""
        lag_j = self.largest_step_j if self.is_coarse else 0.0
        return self.has_said_enough and self.parts_j > _MOST_ABOVE * (self.node_j + lag_j)

    @property
    def is_believed(self) -> bool:
        """Whether it stands for the energy of the whole machine."""
        return self.has_said_enough and not self.contradicts_its_parts


def spread(intervals: Sequence[Interval]) -> list[Interval]:
    """Spread each step of a coarse meter over the time since its step before.

    Before its first and after its last step its power is that of the nearest step. A meter that took fewer than two
    steps says nothing: then no interval has its energy. Where the meter was not read, nothing is put in.

    Example:
        Three samples of 1 s, 1 s and 1 s with steps of 0 J, 300 J, 0 J, and then one of 200 J: the step of 200 J took
        2 s, so the last two samples have 100 J each, and so have the first two.
    """
    moved = [number for number, each in enumerate(intervals) if (each.node_counted_j or 0.0) > 0]
    if len(moved) < 2:
        return [replace(each, node_counted_j=None) for each in intervals]
    power_w = [0.0] * len(intervals)
    for before, step in pairwise(moved):
        group = range(before + 1, step + 1)
        duration_s = sum(intervals[number].duration_s for number in group if _is_read(intervals[number]))
        energy_j = intervals[step].node_counted_j or 0.0
        for number in group:
            power_w[number] = energy_j / duration_s if duration_s > 0 else 0.0
    for number in range(moved[0] + 1):
        power_w[number] = power_w[moved[1]]
    for number in range(moved[-1] + 1, len(intervals)):
        power_w[number] = power_w[moved[-1]]
    return [
        replace(each, node_counted_j=each_w * each.duration_s) if _is_read(each) else each
        for each, each_w in zip(intervals, power_w, strict=True)
    ]


def _is_read(interval: Interval) -> bool:
    return interval.node_counted_j is not None
