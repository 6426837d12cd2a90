"""What a measurement is: energies by component, of the job and of the machine around it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from carbonprint.provenance import Basis, Caveat, Source


class Component(enum.StrEnum):
    """A part of the machine whose energy is told apart."""

    CPU = "cpu"
    GPU = "gpu"
    RAM = "ram"
    OTHER = "other"
    """What no counter sees: mainboard, fans, disks, losses of the power supply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentEnergy:
    """Energy by component at the input of the IT equipment. [kWh]; None where it is not known.

    Attributes:
        cpu: CPU packages.
        gpu: GPUs; 0 in a machine without any.
        ram: Memory.
        other: What no counter sees.
    """

    cpu: float | None
    gpu: float | None
    ram: float | None
    other: float | None

    @property
    def total(self) -> float | None:
        """Sum of the known parts. [kWh]; None where no part is known."""
        known = [part for part in (self.cpu, self.gpu, self.ram, self.other) if part is not None]
        return sum(known) if known else None

    def as_dict(self) -> dict[str, float | None]:
        """Return the parts and their total, by name."""
        return {"cpu": self.cpu, "gpu": self.gpu, "ram": self.ram, "other": self.other, "total": self.total}


class ShareFrom(enum.StrEnum):
    """What tells how much of the machine was reserved for the job."""

    MACHINE = "machine"
    AFFINITY = "affinity"
    CGROUP = "cgroup"
    SLURM = "slurm"
    OPTION = "option"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedShare:
    """The part of the machine that was kept switched on for the job. [-], 0 to 1 each; None where not known.

    Attributes:
        cpu: Of the hardware threads.
        ram: Of the memory.
        gpu: Of the GPUs; None in a machine without any.
        origin: What told the share of the threads; None where nothing did.
        base_share: Of the base power, which no counter sees, where it is known by itself.
    """

    cpu: float | None
    ram: float | None
    gpu: float | None
    origin: ShareFrom | None
    base_share: float | None = None

    @property
    def other(self) -> float | None:
        """Of the base power, which no counter sees: the largest of the others, unless it is known by itself."""
        if self.base_share is not None:
            return self.base_share
        return max((share for share in (self.cpu, self.ram, self.gpu) if share is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuDevice:
    """What one GPU adds up to over a run.

    Attributes:
        name: Its model.
        method: How the job's share of it was found, by the names of ``gpu_share.ShareMethod``; None where it was not
            seen while the job ran.
        n_samples: In how many samples the job was on it.
        idle_w: Its power with nothing to do. [W]; None where it had no quiet moment, and all of its energy is active.
        active_share: The job's part of its active energy. [-], 0 to 1; None where there was none.
        idle_share: The job's part of its idle energy. [-], 0 to 1; None where there was none.
        energy_kwh: Energy of the whole board. [kWh].
        active_energy_kwh: The job's part of its active energy. [kWh].
        unseen_s: Time in which it was not seen, and its mean power stands for it. [s].
    """

    name: str
    method: str | None
    n_samples: int
    idle_w: float | None
    active_share: float | None
    idle_share: float | None
    energy_kwh: float
    active_energy_kwh: float
    unseen_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The samples of a run in a compact form; ``measuring/samples.py`` reads them.

    Attributes:
        form: The form of ``data``.
        n_samples: How many there are.
        setup: What turns them into powers, as JSON can hold it: the machine, its idle power, the trusted counters.
        data: What was seen between each two samples, as ``measuring/series.py`` writes it.
    """

    form: int
    n_samples: int
    setup: Mapping[str, Any] = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one run used, and what the machine used while it ran.

    ``machine_energy`` = ``idle_energy`` + ``active_energy`` + ``meter_energy_kwh`` + ``rest_energy``, and ``energy`` =
    ``active_energy`` + the reserved share of ``idle_energy``.

    Attributes:
        started_at: When the command started (UTC, wall clock: a label).
        duration_s: From just before the command started to just after it was reaped (monotonic clock). [s].
        interval_s: Time between two samples. [s].
        cpu_s: CPU seconds of the job, all its processes. [s]; None where they could not be read.
        extrapolated_s: Time for which a counter was not seen and a model filled the gap. [s].
        energy: The job's energy: its active part and its share of idle.
        active_energy: The part of it that the job's own work caused.
        machine_energy: The whole machine.
        idle_energy: The machine with nothing to do, over the same time.
        meter_energy_kwh: What carbonprint itself caused. [kWh].
        rest_energy: What other processes caused.
        other_base_kwh: The part of ``energy.other`` that does not depend on load. [kWh].
        other_base_sigma: Lognormal sigma of it. [-].
        reserved: The share of the machine reserved for the job.
        quality: How each component's energy was obtained; None for a component the machine does not have.
        models: Which meter or model of ``reference/power.toml`` stands behind each component.
        unseen: Of components that were counted: the part of the time in which they were not seen [-], 0 to 1, and the
            model of ``reference/power.toml`` that stands for them then.
        machine_id: Stable pseudonym of the machine, so that a model's bias is drawn once for it.
        outer_run: Id of the run that this one took place in, whose figures include it; None of an outermost one.
        caveats: What a reader must know with these figures.
        gpu_devices: Every GPU of the machine.
        gpu_share_sigma: Lognormal sigma of ``active_energy.gpu``, besides the meter's own, where the job's share of the
            GPUs is modelled. [-], ≥ 0.
        series: Its samples; None where there are none.
        hardware_profile: The hardware profile behind them, by name and file; ``""`` without one.
        profile_sources: Figure of that profile (``"power"``, ``"base"`` …) and where it comes from.
    """

    started_at: datetime
    duration_s: float
    interval_s: float
    cpu_s: float | None
    extrapolated_s: float
    energy: ComponentEnergy
    active_energy: ComponentEnergy
    machine_energy: ComponentEnergy
    idle_energy: ComponentEnergy
    meter_energy_kwh: float | None
    rest_energy: ComponentEnergy
    other_base_kwh: float
    other_base_sigma: float
    reserved: ReservedShare
    quality: dict[Component, Basis | None]
    models: dict[Component, str | None]
    machine_id: str
    outer_run: str | None = None
    caveats: tuple[Caveat, ...] = ()
    unseen: Mapping[Component, tuple[float, str]] = field(default_factory=dict)
    gpu_devices: tuple[GpuDevice, ...] = ()
    gpu_share_sigma: float = 0.0
    series: Series | None = None
    hardware_profile: str = ""
    profile_sources: tuple[tuple[str, Source], ...] = ()
