"""What was seen between two samples: the values that are journaled, kept as a time series, and attributed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class IdleFactors(NamedTuple):
    """By how much the runs that overlap divide the idle machine: 1 / max(1, Σ reserved shares). [-], 0 to 1 each.

    Attributes:
        cpu: Of the CPU packages.
        ram: Of the memory.
        gpu: Of the GPUs.
        other: Of what no counter sees.
    """

    cpu: float = 1.0
    ram: float = 1.0
    gpu: float = 1.0
    other: float = 1.0


UNDIVIDED = IdleFactors()
"""No other run overlaps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuUse:
    """One GPU between two samples.

    Attributes:
        energy_j: Energy of the whole board. [J], ≥ 0; None where it was not seen and nothing stands for it.
        active_share: The job's part of its active energy. [-], 0 to 1.
        idle_share: The part of it that was kept switched on for the job. [-], 0 to 1.
        unseen_s: Part of the time in which it was not seen, and its mean power stands for it. [s].
        process_share: At most so much of its idle energy is the job's: its part of the processes there. [-], 0 to 1.
        utilisation: Part of the time in which it did anything. [-], 0 to 1; None where that is not told.
        method: How the share was found, by the names of ``gpu_share.ShareMethod``; None where it was not seen.
    """

    energy_j: float | None
    active_share: float = 1.0
    idle_share: float = 1.0
    unseen_s: float = 0.0
    process_share: float = 1.0
    utilisation: float | None = None
    method: str | None = None

    def merged(self, later: GpuUse) -> GpuUse:
        """Put two that follow each other together; shares are weighted by energy, utilisation is the mean of both."""
        if self.energy_j is None or later.energy_j is None:
            return self if later.energy_j is None else later
        total_j = self.energy_j + later.energy_j
        part = self.energy_j / total_j if total_j > 0 else 0.0
        return GpuUse(
            energy_j=total_j,
            active_share=part * self.active_share + (1 - part) * later.active_share,
            idle_share=part * self.idle_share + (1 - part) * later.idle_share,
            unseen_s=self.unseen_s + later.unseen_s,
            process_share=part * self.process_share + (1 - part) * later.process_share,
            utilisation=None
            if self.utilisation is None or later.utilisation is None
            else (self.utilisation + later.utilisation) / 2,
            method=later.method or self.method,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What was seen between two samples.

    Attributes:
        duration_s: [s], ≥ 0.
        busy_cpu_s: CPU seconds in which the machine did anything; None where they could not be read. [s].
        job_cpu_s: Of these, the job's. [s].
        meter_cpu_s: Of these, carbonprint's own. [s].
        cpu_counted_j: Energy of the CPU packages by their counters; None where there are none, or not seen. [J].
        ram_counted_j: The same of the memory. [J].
        gpus: Every GPU of the machine.
        node_counted_j: Energy at the machine's own input by a meter there (wall, PDU, BMC); None without one. [J].
        unseen_s: Part of the duration in which a counter that is there was not seen. [s].
        still: Components (``cpu``, ``ram``) of which a counter was read and had not moved.
        idle_factors: How the idle machine was divided among the runs that overlap.
    """

    duration_s: float
    busy_cpu_s: float | None
    job_cpu_s: float
    meter_cpu_s: float
    cpu_counted_j: float | None = None
    ram_counted_j: float | None = None
    gpus: tuple[GpuUse, ...] = ()
    node_counted_j: float | None = None
    unseen_s: float = 0.0
    still: frozenset[str] = field(default_factory=frozenset)
    idle_factors: IdleFactors = UNDIVIDED

    @property
    def gpu_counted_j(self) -> float | None:
        """Energy of all GPUs. [J]; None where none of them was seen."""
        seen = [gpu.energy_j for gpu in self.gpus if gpu.energy_j is not None]
        return sum(seen) if seen else None

    def merged(self, later: Interval) -> Interval | None:
        """Put two intervals that follow each other together; None where they were not seen by the same counters."""
        pairs = {
            name: (getattr(self, name), getattr(later, name))
            for name in ("busy_cpu_s", "cpu_counted_j", "ram_counted_j", "node_counted_j")
        }
        seen = [tuple(gpu.energy_j is None for gpu in each.gpus) for each in (self, later)]
        if seen[0] != seen[1] or any((first is None) != (second is None) for first, second in pairs.values()):
            return None
        duration_s = self.duration_s + later.duration_s
        part = self.duration_s / duration_s if duration_s > 0 else 0.0
        factors = (
            part * first + (1 - part) * second
            for first, second in zip(self.idle_factors, later.idle_factors, strict=True)
        )
        return Interval(
            duration_s=duration_s,
            job_cpu_s=self.job_cpu_s + later.job_cpu_s,
            meter_cpu_s=self.meter_cpu_s + later.meter_cpu_s,
            gpus=tuple(first.merged(second) for first, second in zip(self.gpus, later.gpus, strict=True)),
            unseen_s=self.unseen_s + later.unseen_s,
            still=self.still & later.still,
            idle_factors=UNDIVIDED
            if self.idle_factors == later.idle_factors == UNDIVIDED
            else IdleFactors(*factors),
            **{name: None if first is None else first + second for name, (first, second) in pairs.items()},
        )


def coarser(intervals: list[Interval]) -> list[Interval]:
    """Merge intervals by twos where they were seen by the same counters, so that a long run needs little memory."""
    merged: list[Interval] = []
    waiting: Interval | None = None
    for interval in intervals:
        pair = waiting.merged(interval) if waiting is not None else None
        if pair is not None:
            merged.append(pair)
            waiting = None
            continue
        if waiting is not None:
            merged.append(waiting)
        waiting = interval
    return merged if waiting is None else [*merged, waiting]
