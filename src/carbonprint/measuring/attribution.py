"""Give the job its share of what the machine drew: sums over samples, in joules; no file, no clock.

    machine = idle + active            for each component
    job     = idle · reserved share + active · the job's part of what was busy

Both sums hold: the parts add up to the job, and job, meter and rest add up to the machine. The same work costs the
same active energy in whatever shape of processes it comes and whoever else is busy, since the model is linear.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from carbonprint.measuring.measurement import Component, ReservedShare

if TYPE_CHECKING:
    from carbonprint.hardware import PowerModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What was seen between two samples.

    Attributes:
        duration_s: [s], ≥ 0.
        busy_cpu_s: CPU seconds in which the machine did anything; None where they could not be read. [s].
        job_cpu_s: Of these, the job's. [s].
        meter_cpu_s: Of these, carbonprint's own. [s].
        cpu_counted_j: Energy of the CPU packages by their counters; None where there are none. [J].
        ram_counted_j: Energy of the memory by its counters; None where there are none. [J].
        gpu_counted_j: Energy of the GPUs by their counters; None where they were not seen. [J].
        gpu_idle_w: Power of the GPUs with nothing to do. [W].
        gpu_job_share: The job's part of the GPUs' active energy. [-], 0 to 1.
    """

    duration_s: float
    busy_cpu_s: float | None
    job_cpu_s: float
    meter_cpu_s: float
    cpu_counted_j: float | None = None
    ram_counted_j: float | None = None
    gpu_counted_j: float | None = None
    gpu_idle_w: float = 0.0
    gpu_job_share: float = 0.0


@dataclass(slots=True)
class EnergySums:
    """Sums by component, in joules; ``job`` = ``job_active`` + ``job_idle``."""

    machine: dict[Component, float] = field(default_factory=lambda: dict.fromkeys(Component, 0.0))
    idle: dict[Component, float] = field(default_factory=lambda: dict.fromkeys(Component, 0.0))
    job_active: dict[Component, float] = field(default_factory=lambda: dict.fromkeys(Component, 0.0))
    job_idle: dict[Component, float] = field(default_factory=lambda: dict.fromkeys(Component, 0.0))
    rest: dict[Component, float] = field(default_factory=lambda: dict.fromkeys(Component, 0.0))
    meter_j: float = 0.0
    job_base_j: float = 0.0


class Attribution:
    """Adds up the intervals of one run.

    Args:
        model: Power of what no counter tells, and of idle.
        reserved: The share of the machine reserved for the job.
        n_cpus: Hardware threads of the machine.
        use_counters: Whether counted energies are used where an interval has them; without, all is modelled.
    """

    def __init__(
        self, model: PowerModel, reserved: ReservedShare, n_cpus: int, *, use_counters: bool = True
    ) -> None:
        self._model = model
        self._reserved = reserved
        self._n_cpus = n_cpus
        self._use_counters = use_counters
        self.sums = EnergySums()

    def add(self, interval: Interval) -> None:
        """Add one interval."""
        busy_s = max(interval.busy_cpu_s or 0.0, interval.job_cpu_s + interval.meter_cpu_s)
        job_part = interval.job_cpu_s / busy_s if busy_s > 0 else 0.0
        meter_part = interval.meter_cpu_s / busy_s if busy_s > 0 else 0.0
        machine, idle = self._machine_and_idle(interval, busy_s)
        reserved = {Component.CPU: self._reserved.cpu, Component.RAM: self._reserved.ram,
                    Component.GPU: self._reserved.gpu, Component.OTHER: self._reserved.other}  # fmt: skip
        job_active, meter = {}, {}
        for part in (Component.CPU, Component.RAM):
            active = machine[part] - idle[part]
            job_active[part], meter[part] = active * job_part, active * meter_part
        job_active[Component.GPU] = (machine[Component.GPU] - idle[Component.GPU]) * interval.gpu_job_share
        meter[Component.GPU] = 0.0
        # What no counter sees follows what it feeds: its active part is in proportion to the components' active parts.
        fraction, base_j = self._model.other_fraction, self._model.base_w * interval.duration_s
        machine[Component.OTHER] = fraction * sum(machine.values()) + base_j
        idle[Component.OTHER] = fraction * sum(idle.values()) + base_j
        job_active[Component.OTHER] = fraction * sum(job_active.values())
        meter[Component.OTHER] = fraction * sum(meter.values())
        for part in Component:
            self.sums.machine[part] += machine[part]
            self.sums.idle[part] += idle[part]
            self.sums.job_active[part] += job_active[part]
            self.sums.job_idle[part] += idle[part] * reserved[part]
            self.sums.rest[part] += machine[part] - idle[part] - job_active[part] - meter[part]
            self.sums.meter_j += meter[part]
        self.sums.job_base_j += base_j * self._reserved.other

    def _machine_and_idle(
        self, interval: Interval, busy_s: float
    ) -> tuple[dict[Component, float], dict[Component, float]]:
        """Energy of the machine and its idle part, per component that may be counted. [J]."""
        model, duration_s = self._model, interval.duration_s
        cpu_idle_j = model.cpu_idle_w * duration_s
        if self._use_counters and interval.cpu_counted_j is not None:
            cpu_j = interval.cpu_counted_j
            cpu_idle_j = min(cpu_idle_j, cpu_j)
        else:
            cpu_j = cpu_idle_j + (model.cpu_full_w - model.cpu_idle_w) * busy_s / self._n_cpus
        ram_idle_j = (model.ram_w or 0.0) * duration_s
        if self._use_counters and interval.ram_counted_j is not None:
            ram_j = interval.ram_counted_j
            ram_idle_j = min(ram_idle_j, ram_j)
        else:
            ram_j = ram_idle_j
        gpu_j = interval.gpu_counted_j or 0.0
        gpu_idle_j = min(interval.gpu_idle_w * duration_s, gpu_j)
        machine = {Component.CPU: cpu_j, Component.RAM: ram_j, Component.GPU: gpu_j}
        return machine, {Component.CPU: cpu_idle_j, Component.RAM: ram_idle_j, Component.GPU: gpu_idle_j}
