"""A hardware profile: what somebody who knows a machine states of its power, and where its own meter is.

Every figure is of the whole physical machine; of a virtual machine's host, the part that it holds is taken.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from carbonprint.hardware import Curve, Hardware, MachineKind
    from carbonprint.provenance import Caveat, Source


class PowerAt(enum.StrEnum):
    """Where the watts of a profile were read."""

    PACKAGE = "package"
    """All CPU packages, as their counters (RAPL) would show."""
    WALL = "wall"
    """The input of the whole machine, its GPUs idle."""


class MeterPlace(enum.StrEnum):
    """What kind of meter stands at the input of a machine; how sure it is depends on that."""

    WALL = "wall"
    PDU = "pdu"
    BMC = "bmc"


POWER_UNITS_W = {"uW": 1e-6, "mW": 1e-3, "W": 1.0, "kW": 1e3}
"""Units of power that a meter may speak, in W."""

ENERGY_UNITS_J = {"uJ": 1e-6, "mJ": 1e-3, "J": 1.0, "kJ": 1e3, "Wh": 3600.0, "kWh": 3.6e6}
"""Units of energy that a meter may speak, in J."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSource:
    """The meter at the input of a machine, and how its reading is found.

    Attributes:
        place: What kind of meter it is.
        unit: One of ``POWER_UNITS_W`` (it tells power) or ``ENERGY_UNITS_J`` (it counts energy).
        file: The file that holds its reading, or None.
        command: The program that prints its reading, with its arguments, or ``()``.
        key: What stands before the number: a name at the beginning of a line, or a path of keys in JSON
            (``PowerControl.0.PowerConsumedWatts``); ``""`` for the first number there is.
        pattern: A regular expression whose only group is the number, or ``""``.
        wraps_at: Where a counter of energy starts again at 0, in its unit; None where it does not.
        idle_w: What it reads with nothing to do. [W], ≥ 0; None where that is not known.
    """

    place: MeterPlace
    unit: str
    file: Path | None = None
    command: tuple[str, ...] = ()
    key: str = ""
    pattern: str = ""
    wraps_at: float | None = None
    idle_w: float | None = None

    @property
    def counts_energy(self) -> bool:
        """Whether its reading is an energy, and no power."""
        return self.unit in ENERGY_UNITS_J

    @property
    def model(self) -> str:
        """Which meter of ``reference/power.toml`` this is."""
        return "node_bmc" if self.place is MeterPlace.BMC else "node_meter"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuProfile:
    """GPUs of one kind.

    Attributes:
        name: Its name, or a part of it, as the driver gives it.
        count: How many of them the machine has, ≥ 1.
        idle_w: Power of one with nothing to do. [W], ≥ 0.
    """

    name: str
    count: int
    idle_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which machines a profile is of; ``*`` stands for any text, capitals make no difference, ``""`` fits all.

    Attributes:
        cpu: Name of the CPU, as ``/proc/cpuinfo`` has it.
        product: Product name of the machine, as ``/sys/class/dmi/id/product_name`` has it.
        hostname: Name of the host.
    """

    cpu: str = ""
    product: str = ""
    hostname: str = ""

    def fits(self, *, cpu: str, product: str, hostname: str) -> bool:
        """Whether a machine is meant."""
        pairs = ((self.cpu, cpu), (self.product, product), (self.hostname, hostname))
        return all(fnmatchcase(text.casefold(), wanted.casefold()) for wanted, text in pairs if wanted)

    @property
    def n_conditions(self) -> int:
        """How many conditions it has: of several that fit, the one with the most is meant."""
        return sum(1 for wanted in (self.cpu, self.product, self.hostname) if wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareProfile:
    """What is stated of one machine, or of several of one kind; None and empty where nothing is.

    Attributes:
        name: What people call it.
        origin: The file it was read from.
        match: Which machines it is of, where it is to be found by itself.
        kind: Kind of machine.
        cpu_name: Name of the CPU, by which codecarbon's table gives its TDP.
        tdp_w: TDP of one CPU package. [W], > 0.
        n_sockets: CPU packages, ≥ 1.
        n_cores: Cores of all packages, ≥ 1.
        n_threads: Hardware threads of all packages, ≥ 1.
        power_at: Where the watts of ``curve`` were read.
        curve: Power against load; two points where only idle and full are known.
        virtual_share: The part of the physical machine that a virtual machine holds. [-], 0 < share ≤ 1.
        host_threads: Hardware threads of the physical machine, from which that part follows; ≥ 1.
        memory_gib: Memory. [GiB], > 0.
        memory_w: Power of all memory. [W], ≥ 0.
        gpus: Its GPUs.
        base_w: What no counter sees at any load, at the machine's input. [W], ≥ 0.
        psu_efficiency: Output over input of the power supply. [-], 0 < efficiency ≤ 1.
        psu_loss_w: What the power supply loses at any load, where only that is known. [W], ≥ 0.
        meter: The meter at its input.
        sources: Figure (``"power"``, ``"base"`` …) and where it comes from.
        notes: What a reader should know, one sentence each.
    """

    name: str
    origin: str
    match: Match | None = None
    kind: MachineKind | None = None
    cpu_name: str = ""
    tdp_w: float | None = None
    n_sockets: int | None = None
    n_cores: int | None = None
    n_threads: int | None = None
    power_at: PowerAt | None = None
    curve: Curve = ()
    virtual_share: float | None = None
    host_threads: int | None = None
    memory_gib: float | None = None
    memory_w: float | None = None
    gpus: tuple[GpuProfile, ...] = ()
    base_w: float | None = None
    psu_efficiency: float | None = None
    psu_loss_w: float | None = None
    meter: MeterSource | None = None
    sources: tuple[tuple[str, Source], ...] = ()
    notes: tuple[str, ...] = ()

    def part_of_machine(self, hardware: Hardware) -> float:
        """The part of the physical machine that is this one. [-], 0 < part ≤ 1; 1 where it is no virtual machine."""
        if self.virtual_share is not None:
            return self.virtual_share
        if self.host_threads is not None:
            return min(1.0, hardware.n_cpus / self.host_threads)
        return 1.0

    @property
    def is_of_a_part(self) -> bool:
        """Whether it tells which part of a physical machine this one is."""
        return self.virtual_share is not None or self.host_threads is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChoice:
    """The profile that holds for a run, and what a reader must know of the choice."""

    profile: HardwareProfile | None = None
    caveats: tuple[Caveat, ...] = ()
