"""What is read at one moment, and between two: values without any file or clock behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carbonprint.measuring.intervals import GpuUse


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """What the clocks read at one moment.

    Attributes:
        at_s: Monotonic time. [s].
        busy_cpu_s: CPU seconds in which the machine did anything, since it started. [s]; None where unknown.
        job_cpu_s: CPU seconds of the job so far. [s].
        meter_cpu_s: CPU seconds of carbonprint itself so far. [s].
    """

    at_s: float
    busy_cpu_s: float | None
    job_cpu_s: float
    meter_cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading:
    """Energy since the last reading; None where there is no counter or it could not be read.

    Attributes:
        cpu_j: CPU packages. [J].
        ram_j: Memory. [J].
        gpus: Every GPU that was read, each its whole board.
        node_j: The whole machine at its own input. [J].
        still: Components (``cpu``, ``ram``) of which a counter has not moved since then.
    """

    cpu_j: float | None = None
    ram_j: float | None = None
    gpus: tuple[GpuUse, ...] = ()
    still: frozenset[str] = frozenset()
    node_j: float | None = None

    def __add__(self, later: MeterReading) -> MeterReading:
        """Put two readings that follow each other together; what one of them lacks, the sum lacks."""
        return MeterReading(
            cpu_j=_sum(self.cpu_j, later.cpu_j),
            ram_j=_sum(self.ram_j, later.ram_j),
            gpus=tuple(first.merged(second) for first, second in zip(self.gpus, later.gpus, strict=False)),
            still=self.still & later.still,
            node_j=_sum(self.node_j, later.node_j),
        )


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
