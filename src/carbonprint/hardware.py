"""The hardware a run takes place on, as far as power depends on it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from carbonprint.provenance import Basis
from carbonprint.units import require_non_negative

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Curve = tuple[tuple[float, float], ...]
"""Power [W], never falling, against load [-], rising from 0 to 1: pairs of load and power, straight lines between."""


def power_on_curve_w(curve: Curve, load: float) -> float:
    """Power of a machine at one load. [W].

    Args:
        curve: At least two points.
        load: Busy CPU seconds over capacity. [-]; below 0 and above 1 the ends of the curve hold.

    Example:
        100 W at 0, 180 W at 0.5 and 220 W at 1: at 0.25 it is 140 W.
    """
    (last_load, last_w), *others = curve
    if load <= last_load:
        return last_w
    for next_load, next_w in others:
        if load <= next_load:
            return last_w + (next_w - last_w) * (load - last_load) / (next_load - last_load)
        last_load, last_w = next_load, next_w
    return last_w


def curve_from_lists(points: Iterable[Iterable[float]]) -> Curve:
    """Give a curve of what JSON holds: a list of pairs."""
    return tuple((float(load), float(power_w)) for load, power_w in points)


class MachineKind(enum.StrEnum):
    """What kind of machine it is; its base power depends on it."""

    SERVER = "server"
    GPU_SERVER = "gpu_server"
    DESKTOP = "desktop"
    LAPTOP = "laptop"
    VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What a machine is made of.

    Attributes:
        kind: Kind of machine.
        cpu_name: Name of the CPU as the kernel gives it, or ``""``.
        cpu_vendor: ``GenuineIntel``, ``AuthenticAMD``, or ``""``.
        cpu_family: Family number of the CPU, or None.
        cpu_model: Model number of the CPU, or None.
        n_sockets: CPU packages, at least 1.
        n_cpus: Hardware threads that are online (a virtual machine's vCPUs), at least 1.
        memory_gib: Installed memory. [GiB], or None where it could not be read.
        is_recognised: Whether the kind was read, and not assumed.
    """

    kind: MachineKind
    cpu_name: str
    cpu_vendor: str
    cpu_family: int | None
    cpu_model: int | None
    n_sockets: int
    n_cpus: int
    memory_gib: float | None
    is_recognised: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerModel:
    """Power of a machine against its load, for what no counter tells: P(u) = idle_w + (full_w − idle_w) · u.

    Where a hardware profile gives a curve, that holds between idle and full.

    Attributes:
        cpu_idle_w: All CPU packages with nothing to do. [W], ≥ 0.
        cpu_full_w: All CPU packages with every thread busy. [W], ≥ cpu_idle_w.
        cpu_model: Which model of ``reference/power.toml`` this is.
        cpu_basis: GIVEN with a profile's watts, MODELLED with a known TDP, DEFAULT without either.
        ram_w: All memory. [W], or None where its size is not known.
        other_fraction: What no counter sees, in proportion to the rest. [-].
        base_w: What no counter sees at any load. [W], ≥ 0.
        base_sigma: Lognormal sigma of base_w. [-].
        other_basis: GIVEN where a profile gives it, MODELLED for a known kind of machine, DEFAULT for a virtual or
            an assumed one.
        cpu_curve: All CPU packages against load, from cpu_idle_w to cpu_full_w; empty for a straight line.
        node_curve: The whole machine at its own input against the load of its CPUs, its GPUs idle; empty where no
            profile gives it.
        ram_model: Which model of ``reference/power.toml`` stands behind ram_w.
        ram_basis: GIVEN with a profile's watts, else MODELLED.
        unseen_gpus_w: GPUs that a profile names and no driver shows, with nothing to do. [W], ≥ 0.
    """

    cpu_idle_w: float
    cpu_full_w: float
    cpu_model: str
    cpu_basis: Basis
    ram_w: float | None
    other_fraction: float
    base_w: float
    base_sigma: float
    other_basis: Basis
    cpu_curve: Curve = ()
    node_curve: Curve = ()
    ram_model: str = "dram_per_gib"
    ram_basis: Basis = Basis.MODELLED
    unseen_gpus_w: float = 0.0

    def __post_init__(self) -> None:
        require_non_negative("cpu_idle_w", self.cpu_idle_w, unit="W")
        require_non_negative("cpu_full_w - cpu_idle_w", self.cpu_full_w - self.cpu_idle_w, unit="W")
        require_non_negative("base_w", self.base_w, unit="W")

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Read what ``dataclasses.asdict`` and JSON have made of one.

        Raises:
            KeyError, TypeError, ValueError: If it is something else.
        """
        bases = {name: Basis(fields[name]) for name in ("cpu_basis", "other_basis", "ram_basis")}
        curves = {name: curve_from_lists(fields[name]) for name in ("cpu_curve", "node_curve")}
        return cls(**{**fields, **bases, **curves})
