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
        gpu_job_share: The job's part of the GPUs' active energy. [-], 0 to 1.
    """

    duration_s: float
    busy_cpu_s: float | None
    job_cpu_s: float
    meter_cpu_s: float
    cpu_counted_j: float | None = None
    ram_counted_j: float | None = None
    gpu_counted_j: float | None = None
    gpu_job_share: float = 0.0

    def merged(self, later: Interval) -> Interval | None:
        """Put two intervals that follow each other together; None where they were not seen by the same counters."""
        pairs = {
            name: (getattr(self, name), getattr(later, name))
            for name in ("busy_cpu_s", "cpu_counted_j", "ram_counted_j", "gpu_counted_j")
        }
        if any((first is None) != (second is None) for first, second in pairs.values()):
            return None
        gpu_j = (self.gpu_counted_j or 0.0) + (later.gpu_counted_j or 0.0)
        share = later.gpu_job_share
        if gpu_j > 0:
            own_j = self.gpu_job_share * (self.gpu_counted_j or 0.0)
            share = (own_j + later.gpu_job_share * (later.gpu_counted_j or 0.0)) / gpu_j
        return Interval(
            duration_s=self.duration_s + later.duration_s,
            job_cpu_s=self.job_cpu_s + later.job_cpu_s,
            meter_cpu_s=self.meter_cpu_s + later.meter_cpu_s,
            gpu_job_share=share,
            **{name: None if first is None else first + second for name, (first, second) in pairs.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IdlePower:
    """Power of what is counted when there is nothing to do; one figure for a whole run.

    Attributes:
        cpu_w: All CPU packages. [W].
        ram_w: All memory. [W].
        gpu_w: All GPUs. [W].
    """

    cpu_w: float
    ram_w: float
    gpu_w: float


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
        model: Power of what no counter tells.
        idle: Power of what counters tell, with nothing to do.
        reserved: The share of the machine reserved for the job.
        n_cpus: Hardware threads of the machine.
        trust_cpu: Whether the CPU's counters are used where an interval has them; without, it is modelled.
        trust_ram: The same of the memory's counters.
    """

    def __init__(
        self,
        model: PowerModel,
        idle: IdlePower,
        reserved: ReservedShare,
        n_cpus: int,
        *,
        trust_cpu: bool = True,
        trust_ram: bool = True,
    ) -> None:
        self._model = model
        self._idle = idle
        self._reserved = {
            Component.CPU: reserved.cpu if reserved.cpu is not None else 1.0,
            Component.RAM: reserved.ram if reserved.ram is not None else 1.0,
            Component.GPU: reserved.gpu if reserved.gpu is not None else 0.0,
        }
        self._n_cpus = n_cpus
        self._trust_cpu = trust_cpu
        self._trust_ram = trust_ram
        self.sums = EnergySums()

    def add(self, interval: Interval) -> None:
        """Add one interval."""
        busy_s = max(interval.busy_cpu_s or 0.0, interval.job_cpu_s + interval.meter_cpu_s)
        job_part = interval.job_cpu_s / busy_s if busy_s > 0 else 0.0
        meter_part = interval.meter_cpu_s / busy_s if busy_s > 0 else 0.0
        machine, idle = self._machine_and_idle(interval, busy_s)
        job_active = {
            Component.CPU: (machine[Component.CPU] - idle[Component.CPU]) * job_part,
            Component.RAM: (machine[Component.RAM] - idle[Component.RAM]) * job_part,
            Component.GPU: (machine[Component.GPU] - idle[Component.GPU]) * interval.gpu_job_share,
        }
        meter = {part: (machine[part] - idle[part]) * meter_part for part in (Component.CPU, Component.RAM)}
        job_idle = {part: idle[part] * self._reserved[part] for part in idle}
        # What no counter sees follows what it feeds; its base power was kept switched on for the largest share.
        fraction, base_j = self._model.other_fraction, self._model.base_w * interval.duration_s
        job_base_j = base_j * max(self._reserved.values())
        machine[Component.OTHER] = fraction * sum(machine.values()) + base_j
        idle[Component.OTHER] = fraction * sum(idle.values()) + base_j
        job_active[Component.OTHER] = fraction * sum(job_active.values())
        job_idle[Component.OTHER] = fraction * sum(job_idle.values()) + job_base_j
        meter[Component.OTHER] = fraction * sum(meter.values())
        for part in Component:
            self.sums.machine[part] += machine[part]
            self.sums.idle[part] += idle[part]
            self.sums.job_active[part] += job_active[part]
            self.sums.job_idle[part] += job_idle[part]
            self.sums.rest[part] += machine[part] - idle[part] - job_active[part] - meter.get(part, 0.0)
            self.sums.meter_j += meter.get(part, 0.0)
        self.sums.job_base_j += job_base_j

    def _machine_and_idle(
        self, interval: Interval, busy_s: float
    ) -> tuple[dict[Component, float], dict[Component, float]]:
        """Energy of the machine and its idle part, per component that may be counted. [J]."""
        model, duration_s = self._model, interval.duration_s
        if self._trust_cpu and interval.cpu_counted_j is not None:
            cpu_j = interval.cpu_counted_j
            cpu_idle_j = min(self._idle.cpu_w * duration_s, cpu_j)
        else:
            cpu_idle_j = model.cpu_idle_w * duration_s
            cpu_j = cpu_idle_j + (model.cpu_full_w - model.cpu_idle_w) * busy_s / self._n_cpus
        if self._trust_ram and interval.ram_counted_j is not None:
            ram_j = interval.ram_counted_j
            ram_idle_j = min(self._idle.ram_w * duration_s, ram_j)
        else:
            ram_j = ram_idle_j = (model.ram_w or 0.0) * duration_s
        gpu_j = interval.gpu_counted_j or 0.0
        gpu_idle_j = min(self._idle.gpu_w * duration_s, gpu_j)
        machine = {Component.CPU: cpu_j, Component.RAM: ram_j, Component.GPU: gpu_j}
        return machine, {Component.CPU: cpu_idle_j, Component.RAM: ram_idle_j, Component.GPU: gpu_idle_j}
