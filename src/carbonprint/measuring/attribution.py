"""Give the job its share of what the machine drew: sums over samples, in joules; no file, no clock.

    machine = idle + active            for each component
    job     = idle · reserved share + active · the job's part of what was busy

Both sums hold: the parts add up to the job, and job, meter and rest add up to the machine. The same work costs the
same active energy in whatever shape of processes it comes and whoever else is busy, since the model is linear.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from carbonprint.hardware import power_on_curve_w
from carbonprint.measuring.measurement import Component, ReservedShare
from carbonprint.measuring.other_energy import EnergyParts, factors_into_node, other_by_model, other_by_node

if TYPE_CHECKING:
    from carbonprint.hardware import PowerModel
    from carbonprint.measuring.intervals import GpuUse, Interval

ByComponent = dict[Component, float]
"""A figure for each component."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdlePower:
    """Power of what is counted when there is nothing to do; one figure for a whole run.

    Attributes:
        cpu_w: All CPU packages. [W].
        ram_w: All memory. [W].
        gpus_w: Each GPU. [W]; one that is missing has none.
        node_w: The whole machine at its input, where a meter there shows it. [W]; None where it is not known.
    """

    cpu_w: float
    ram_w: float
    gpus_w: tuple[float, ...] = ()
    node_w: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The energy of one interval, told apart. [J]; ``machine`` = ``idle`` + ``job_active`` + ``meter`` + ``rest``.

    Attributes:
        machine: The whole machine.
        idle: The machine with nothing to do.
        job_active: What the job's work caused.
        job_idle: The job's part of ``idle``.
        meter: What carbonprint itself caused.
        job_base_j: The part of ``job_idle`` that is base power.
    """

    machine: ByComponent
    idle: ByComponent
    job_active: ByComponent
    job_idle: ByComponent
    meter: ByComponent
    job_base_j: float

    @property
    def rest(self) -> ByComponent:
        """What others caused."""
        return {
            part: self.machine[part] - self.idle[part] - self.job_active[part] - self.meter[part]
            for part in Component
        }

    @property
    def job_j(self) -> float:
        """The job's energy: its active part and its part of idle. [J]."""
        return sum(self.job_active.values()) + sum(self.job_idle.values())


def _nothing() -> ByComponent:
    return dict.fromkeys(Component, 0.0)


@dataclass(slots=True)
class EnergySums:
    """Sums by component, in joules; ``job`` = ``job_active`` + ``job_idle``."""

    machine: ByComponent = field(default_factory=_nothing)
    idle: ByComponent = field(default_factory=_nothing)
    job_active: ByComponent = field(default_factory=_nothing)
    job_idle: ByComponent = field(default_factory=_nothing)
    rest: ByComponent = field(default_factory=_nothing)
    meter_j: float = 0.0
    job_base_j: float = 0.0

    def add(self, split: Split) -> None:
        """Add one interval."""
        rest = split.rest
        for part in Component:
            self.machine[part] += split.machine[part]
            self.idle[part] += split.idle[part]
            self.job_active[part] += split.job_active[part]
            self.job_idle[part] += split.job_idle[part]
            self.rest[part] += rest[part]
            self.meter_j += split.meter[part]
        self.job_base_j += split.job_base_j


class Attribution:
    """Splits the intervals of one run.

    Args:
        model: Power of what no counter tells.
        idle: Power of what counters tell, with nothing to do.
        reserved: The share of the machine reserved for the job.
        n_cpus: Hardware threads of the machine.
        trust_cpu: Whether the CPU's counters are used where an interval has them; without, it is modelled.
        trust_ram: The same of the memory's counters.
        trust_node: The same of the meter at the machine's input.

    Attributes:
        trusts_cpu: As given.
        trusts_ram: As given.
        trusts_node: As given.
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
        trust_node: bool = True,
    ) -> None:
        self._model = model
        self._idle = idle
        self._reserved = {
            Component.CPU: reserved.cpu if reserved.cpu is not None else 1.0,
            Component.RAM: reserved.ram if reserved.ram is not None else 1.0,
            Component.GPU: reserved.gpu if reserved.gpu is not None else 0.0,
        }
        self._n_cpus = n_cpus
        self.trusts_cpu = trust_cpu
        self.trusts_ram = trust_ram
        self.trusts_node = trust_node

    def split(self, interval: Interval) -> Split:
        """Tell the energy of one interval apart."""
        busy_s = max(interval.busy_cpu_s or 0.0, interval.job_cpu_s + interval.meter_cpu_s)
        job_part = interval.job_cpu_s / busy_s if busy_s > 0 else 0.0
        meter_part = interval.meter_cpu_s / busy_s if busy_s > 0 else 0.0
        cpu_j, cpu_idle_j = self._cpu(interval, busy_s)
        ram_j, ram_idle_j = self._ram(interval)
        machine, idle, job_active, job_idle, meter = (_nothing() for _ in range(5))
        for part, energy_j, idle_j in (
            (Component.CPU, cpu_j, cpu_idle_j),
            (Component.RAM, ram_j, ram_idle_j),
        ):
            machine[part], idle[part] = energy_j, idle_j
            job_active[part] = (energy_j - idle_j) * job_part
            meter[part] = (energy_j - idle_j) * meter_part
            job_idle[part] = idle_j * self._reserved[part] * getattr(interval.idle_factors, part.value)
        self._add_gpus(interval, machine, idle, job_active, job_idle)
        figures = (machine, idle, job_active, job_idle, meter)
        node_j = self._node_j(interval, machine[Component.GPU] - idle[Component.GPU], busy_s)
        if node_j is not None:
            self._fit_into_node(interval, node_j, figures)
        seen = EnergyParts(
            machine_j=sum(machine.values()),
            idle_j=sum(idle.values()),
            job_active_j=sum(job_active.values()),
            job_idle_j=sum(job_idle.values()),
            meter_j=sum(meter.values()),
        )
        other = self._other(interval, seen, node_j, busy_s)
        machine[Component.OTHER], idle[Component.OTHER] = other.machine_j, other.idle_j
        job_active[Component.OTHER], job_idle[Component.OTHER] = other.job_active_j, other.job_idle_j
        meter[Component.OTHER] = other.meter_j
        return Split(
            machine=machine,
            idle=idle,
            job_active=job_active,
            job_idle=job_idle,
            meter=meter,
            job_base_j=other.job_base_j,
        )

    def _node_j(self, interval: Interval, gpu_active_j: float, busy_s: float) -> float | None:
        """Energy at the machine's input, by a meter there or by the profile's watts. [J]; None without either."""
        if interval.node_counted_j is not None and self.trusts_node:
            return interval.node_counted_j
        if not self._model.node_curve or interval.duration_s <= 0:
            return None
        # The profile's watts are of a machine whose GPUs are idle.
        load = busy_s / (interval.duration_s * self._n_cpus)
        idle_gpus_j = power_on_curve_w(self._model.node_curve, load) * interval.duration_s
        return idle_gpus_j + (1 + self._model.other_fraction) * gpu_active_j

    def _other(
        self, interval: Interval, seen: EnergyParts, node_j: float | None, busy_s: float
    ) -> EnergyParts:
        """What no counter sees; its base power was kept switched on for the largest share that is reserved."""
        fraction, base_j = self._model.other_fraction, self._model.base_w * interval.duration_s
        base_share = max(self._reserved.values()) * interval.idle_factors.other
        if node_j is None:
            return other_by_model(seen, fraction=fraction, base_j=base_j, base_share=base_share)
        node_idle_w = self._idle.node_w
        parts = (interval.job_cpu_s / busy_s, interval.meter_cpu_s / busy_s) if busy_s > 0 else (0.0, 0.0)
        return other_by_node(
            seen,
            node_j,
            None if node_idle_w is None else node_idle_w * interval.duration_s,
            fraction=fraction,
            base_j=base_j,
            base_share=base_share,
            cpu_parts=parts,
        )

    def _fit_into_node(self, interval: Interval, node_j: float, figures: tuple[ByComponent, ...]) -> None:
        """Scale down what was modelled, and at last what was counted, so that it fits into the meter of the whole.

        Watts of a profile are no meter: what was counted stands beside them as it is.
        """
        is_counted = {
            Component.CPU: self.trusts_cpu and interval.cpu_counted_j is not None,
            Component.RAM: self.trusts_ram and interval.ram_counted_j is not None,
            Component.GPU: bool(interval.gpus),
        }
        machine = figures[0]
        counted_j = sum(machine[part] for part in is_counted if is_counted[part])
        modelled_j = sum(machine[part] for part in is_counted if not is_counted[part])
        of_counted, of_modelled = factors_into_node(counted_j, modelled_j, node_j)
        if interval.node_counted_j is None or not self.trusts_node:
            of_counted = 1.0
        for by_component in figures:
            for part, counts in is_counted.items():
                by_component[part] *= of_counted if counts else of_modelled

    def _cpu(self, interval: Interval, busy_s: float) -> tuple[float, float]:
        """Energy of the CPU packages, and its idle part. [J]."""
        if self.trusts_cpu and interval.cpu_counted_j is not None:
            return interval.cpu_counted_j, min(self._idle.cpu_w * interval.duration_s, interval.cpu_counted_j)
        model, duration_s = self._model, interval.duration_s
        idle_j = model.cpu_idle_w * duration_s
        if model.cpu_curve and duration_s > 0:
            return power_on_curve_w(
                model.cpu_curve, busy_s / (duration_s * self._n_cpus)
            ) * duration_s, idle_j
        return idle_j + (model.cpu_full_w - model.cpu_idle_w) * busy_s / self._n_cpus, idle_j

    def _ram(self, interval: Interval) -> tuple[float, float]:
        """Energy of the memory, and its idle part. [J]; where it is modelled, all of it is idle."""
        if self.trusts_ram and interval.ram_counted_j is not None:
            return interval.ram_counted_j, min(self._idle.ram_w * interval.duration_s, interval.ram_counted_j)
        energy_j = (self._model.ram_w or 0.0) * interval.duration_s
        return energy_j, energy_j

    def _add_gpus(
        self,
        interval: Interval,
        machine: ByComponent,
        idle: ByComponent,
        job_active: ByComponent,
        job_idle: ByComponent,
    ) -> None:
        gpu = Component.GPU
        if not interval.gpus:  # those of a profile that no driver shows; what they do is not known
            machine[gpu] = idle[gpu] = self._model.unseen_gpus_w * interval.duration_s
            job_idle[gpu] = idle[gpu] * self._reserved[gpu] * interval.idle_factors.gpu
        for number, use in enumerate(interval.gpus):
            idle_w = self._idle.gpus_w[number] if number < len(self._idle.gpus_w) else 0.0
            split = split_gpu(use, interval.duration_s, idle_w, interval.idle_factors.gpu)
            machine[gpu] += split.energy_j
            idle[gpu] += split.idle_j
            job_active[gpu] += split.job_active_j
            job_idle[gpu] += split.job_idle_j


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSplit:
    """The energy of one GPU in one interval, told apart. [J].

    Attributes:
        energy_j: The whole board.
        idle_j: The board with nothing to do.
        job_active_j: What the job's work caused.
        job_idle_j: The job's part of ``idle_j``.
    """

    energy_j: float
    idle_j: float
    job_active_j: float
    job_idle_j: float


def split_gpu(use: GpuUse, duration_s: float, idle_w: float, run_share: float) -> GpuSplit:
    """Tell the energy of one GPU apart; nothing of one that was not seen.

    Of its idle energy the job has what is reserved for it, divided among the runs that overlap, and where others are
    on a device that no scheduler keeps for it, at most its part of the processes.

    Args:
        use: What was seen of it.
        duration_s: How long that was. [s].
        idle_w: Its power with nothing to do. [W].
        run_share: This run's part where runs that overlap divide the idle GPUs. [-], 0 to 1.
    """
    energy_j = use.energy_j or 0.0
    idle_j = min(idle_w * duration_s, energy_j)
    return GpuSplit(
        energy_j=energy_j,
        idle_j=idle_j,
        job_active_j=(energy_j - idle_j) * use.active_share,
        job_idle_j=idle_j * min(use.idle_share * run_share, use.process_share),
    )
