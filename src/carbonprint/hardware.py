"""The hardware a run takes place on, as far as power depends on it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carbonprint.units import require_non_negative

if TYPE_CHECKING:
    from carbonprint.provenance import Basis


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

    Attributes:
        cpu_idle_w: All CPU packages with nothing to do. [W], ≥ 0.
        cpu_full_w: All CPU packages with every thread busy. [W], ≥ cpu_idle_w.
        cpu_model: Which model of ``reference/power.toml`` this is.
        cpu_basis: MODELLED with a known TDP, DEFAULT without.
        ram_w: All memory. [W], or None where its size is not known.
        other_fraction: What no counter sees, in proportion to the rest. [-].
        base_w: What no counter sees at any load. [W], ≥ 0.
        base_sigma: Lognormal sigma of base_w. [-].
        other_basis: MODELLED for a known kind of machine, DEFAULT for a virtual or an assumed one.
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

    def __post_init__(self) -> None:
        require_non_negative("cpu_idle_w", self.cpu_idle_w, unit="W")
        require_non_negative("cpu_full_w - cpu_idle_w", self.cpu_full_w - self.cpu_idle_w, unit="W")
        require_non_negative("base_w", self.base_w, unit="W")
