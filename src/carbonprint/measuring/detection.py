"""What machine this is, read from files in a fraction of a millisecond (Linux); unknown elsewhere."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

from carbonprint.hardware import Hardware, MachineKind, PowerModel
from carbonprint.provenance import Basis
from carbonprint.reference import power
from carbonprint.units import BYTES_PER_GIB

# SMBIOS 3.7 (DMTF DSP0134), table 17: chassis types.
_LAPTOP_CHASSIS = {"8", "9", "10", "14", "30", "31", "32"}
_DESKTOP_CHASSIS = {"3", "4", "5", "6", "7", "13", "15", "16", "24", "35", "36"}

_GPUS_OF_A_GPU_SERVER = 4
"""From so many GPUs on, the base power is that of the eight-GPU servers it was measured on (a working assumption)."""

# DMI vendors and products of virtual machines whose CPU may hide the hypervisor flag.
_VIRTUAL_PRODUCTS = (
    "kvm",
    "qemu",
    "vmware",
    "virtualbox",
    "virtual machine",
    "hvm domu",
    "google compute engine",
)


def detect_hardware(root: Path = Path("/"), *, n_gpus: int = 0) -> Hardware:
    """Read what the machine is made of.

    Args:
        root: Where ``proc`` and ``sys`` are.
        n_gpus: How many GPUs were found.
    """
    cpu_blocks = _cpuinfo_blocks(_read(root / "proc/cpuinfo"))
    first = cpu_blocks[0] if cpu_blocks else {}
    sockets = {block["physical id"] for block in cpu_blocks if "physical id" in block}
    return Hardware(
        kind=_machine_kind(root, first, n_gpus),
        is_recognised=bool(cpu_blocks),
        cpu_name=first.get("model name", "") or platform.processor(),
        cpu_vendor=first.get("vendor_id", ""),
        cpu_family=_number(first.get("cpu family")),
        cpu_model=_number(first.get("model")),
        n_sockets=max(1, len(sockets)),
        n_cpus=len(cpu_blocks) or os.cpu_count() or 1,
        memory_gib=_memory_gib(root),
    )


def power_model(hardware: Hardware, tdp_w: float | None) -> PowerModel:
    """Choose the model for what no counter tells.

    A known TDP gives idle and full power as fractions of it, for every socket. In a virtual machine the number of
    threads of the physical host is not known, so its part of that TDP is not known either: watts per vCPU are the
    default there, as for an unknown CPU.

    Args:
        hardware: The machine.
        tdp_w: TDP of one CPU package by codecarbon's table. [W], or None where it does not know the CPU.

    Sources:
        ``reference/power.toml``: cpu_from_tdp, cpu_per_thread, dram, other, base_power.
    """
    is_virtual = hardware.kind is MachineKind.VIRTUAL
    if tdp_w is not None and not is_virtual:
        idle, full = power.cpu_fractions_of_tdp()
        scale_w, model, basis = tdp_w * hardware.n_sockets, "cpu_tdp", Basis.MODELLED
    else:
        idle, full = power.cpu_watts_per_thread()
        scale_w, model, basis = float(hardware.n_cpus), "cpu_per_thread", Basis.DEFAULT
    base_w, base_sigma = power.base_power(hardware.kind, hardware.n_cpus)
    return PowerModel(
        cpu_idle_w=idle * scale_w,
        cpu_full_w=full * scale_w,
        cpu_model=model,
        cpu_basis=basis,
        ram_w=None if hardware.memory_gib is None else power.dram_w_per_gib() * hardware.memory_gib,
        other_fraction=power.other_fraction(),
        base_w=base_w,
        base_sigma=base_sigma,
        other_basis=Basis.DEFAULT if is_virtual or not hardware.is_recognised else Basis.MODELLED,
    )


def machine_names(root: Path = Path("/")) -> dict[str, str]:
    """Give the names by which a hardware profile can be matched: ``cpu``, ``product`` and ``hostname``.

    Args:
        root: Where ``proc`` and ``sys`` are.
    """
    blocks = _cpuinfo_blocks(_read(root / "proc/cpuinfo"))
    return {
        "cpu": blocks[0].get("model name", "") if blocks else platform.processor(),
        "product": _read(root / "sys/class/dmi/id/product_name").strip(),
        "hostname": _read(root / "proc/sys/kernel/hostname").strip() or platform.node(),
    }


def core_count(root: Path = Path("/")) -> int | None:
    """Count the cores of all sockets; None where the kernel does not tell them apart from threads.

    Args:
        root: Where ``proc`` is.
    """
    blocks = _cpuinfo_blocks(_read(root / "proc/cpuinfo"))
    cores = {
        (block["physical id"], block["core id"])
        for block in blocks
        if {"physical id", "core id"} <= block.keys()
    }
    return len(cores) or None


def machine_pseudonym() -> str:
    """Give a stable name of this machine that does not tell which machine it is.

    A keyed hash of the machine id, as machine-id(5) asks of programs that store it.
    """
    identity = _read(Path("/etc/machine-id")).strip() or platform.node()
    return hashlib.sha256(b"carbonprint machine\0" + identity.encode()).hexdigest()[:12]


def _cpuinfo_blocks(text: str) -> list[dict[str, str]]:
    blocks = []
    for block in text.split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines() if ":" in line)
        fields = {name.strip(): value.strip() for name, _, value in pairs}
        if "processor" in fields:
            blocks.append(fields)
    return blocks


def _machine_kind(root: Path, first_cpu: dict[str, str], n_gpus: int) -> MachineKind:
    dmi = root / "sys/class/dmi/id"
    product = f"{_read(dmi / 'sys_vendor')} {_read(dmi / 'product_name')}".casefold()
    if "hypervisor" in first_cpu.get("flags", "").split() or any(
        name in product for name in _VIRTUAL_PRODUCTS
    ):
        return MachineKind.VIRTUAL
    chassis = _read(dmi / "chassis_type").strip()
    if chassis in _LAPTOP_CHASSIS:
        return MachineKind.LAPTOP
    if chassis in _DESKTOP_CHASSIS:
        return MachineKind.DESKTOP
    return MachineKind.GPU_SERVER if n_gpus >= _GPUS_OF_A_GPU_SERVER else MachineKind.SERVER


def _memory_gib(root: Path) -> float | None:
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024 / BYTES_PER_GIB
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / BYTES_PER_GIB
    except (ValueError, OSError, AttributeError):
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
