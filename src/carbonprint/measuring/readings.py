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
