"""What is read at one moment, and between two: values without any file or clock behind them."""

from __future__ import annotations

from dataclasses import dataclass


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
        gpu_j: GPUs, whole boards. [J].
        gpu_job_share: The job's part of their active energy. [-].
    """

    cpu_j: float | None = None
    ram_j: float | None = None
    gpu_j: float | None = None
    gpu_job_share: float = 1.0

    def __add__(self, later: MeterReading) -> MeterReading:
        """Put two readings that follow each other together; what one of them lacks, the sum lacks."""
        return MeterReading(
            cpu_j=_sum(self.cpu_j, later.cpu_j),
            ram_j=_sum(self.ram_j, later.ram_j),
            gpu_j=_sum(self.gpu_j, later.gpu_j),
            gpu_job_share=later.gpu_job_share,
        )


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
