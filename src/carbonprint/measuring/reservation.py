"""What of the machine was reserved for the job: Slurm, cgroups, CPU affinity (Linux)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from carbonprint.measuring.measurement import ReservedShare, ShareFrom
from carbonprint.measuring.sharing import BUSY
from carbonprint.units import BYTES_PER_GIB

if TYPE_CHECKING:
    from carbonprint.hardware import Hardware
    from carbonprint.measuring.sharing import IdleShare


def reserved_share(
    hardware: Hardware,
    root: Path = Path("/"),
    *,
    has_gpu: bool = False,
    given: IdleShare | None = None,
) -> ReservedShare:
    """Tell how much of the machine was kept switched on for the job.

    The narrowest of what restricts it: Slurm's allocation, the cgroup's limits, the CPU affinity; all of it where
    nothing does. GPUs count whole here.

    Args:
        hardware: The machine.
        root: Where ``proc`` and ``sys`` are.
        has_gpu: Whether it has a GPU.
        given: What the user says instead, of everything; ``BUSY``: nothing is reserved, and each interval's idle is
            divided by what was busy in it.
    """
    if given is not None:
        share = 1.0 if given == BUSY else given
        return ReservedShare(cpu=share, ram=share, gpu=share if has_gpu else None, origin=ShareFrom.OPTION)
    n_cpus = hardware.n_cpus
    allotted: dict[ShareFrom, float] = {ShareFrom.MACHINE: float(n_cpus)}
    if hasattr(os, "sched_getaffinity"):
        allotted[ShareFrom.AFFINITY] = float(len(os.sched_getaffinity(0)))
    group_cpus, group_bytes = cgroup_limits(root)
    if group_cpus is not None:
        allotted[ShareFrom.CGROUP] = group_cpus
    slurm_cpus = os.environ.get("SLURM_CPUS_ON_NODE", "") if "SLURM_JOB_ID" in os.environ else ""
    if slurm_cpus.isdigit() and int(slurm_cpus) > 0:
        allotted[ShareFrom.SLURM] = float(slurm_cpus)
    # Of equals the first stands: what restricts nothing is not named as a restriction.
    origin = min(allotted, key=lambda name: allotted[name])
    ram = 1.0
    if group_bytes is not None and hardware.memory_gib:
        ram = min(1.0, group_bytes / (hardware.memory_gib * BYTES_PER_GIB))
    return ReservedShare(
        cpu=min(1.0, allotted[origin] / n_cpus), ram=ram, gpu=1.0 if has_gpu else None, origin=origin
    )


def cgroup_limits(root: Path = Path("/")) -> tuple[float | None, float | None]:
    """Read the limits of our cgroup and all above it, version 2 and version 1.

    Returns:
        CPUs (quota over period) and memory [bytes]; None each where there is no limit.

    Sources:
        Linux kernel documentation, admin-guide/cgroup-v2 (cpu.max, memory.max) and cgroup-v1 (cpu.cfs_quota_us,
        memory.limit_in_bytes).
    """
    cpus: list[float] = []
    memory: list[float] = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        names = set(controllers.split(","))
        if controllers == "":
            for mount in ("sys/fs/cgroup", "sys/fs/cgroup/unified"):
                for folder in _upwards(root / mount, path):
                    cpus += _ratio(*([*_read(folder / "cpu.max").split(), "", ""])[:2])
                    memory += _count(_read(folder / "memory.max"))
        elif "cpu" in names:
            for mount in ("cpu", controllers):  # one of them is mostly a link to the other
                for folder in _upwards(root / "sys/fs/cgroup" / mount, path):
                    cpus += _ratio(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))
        elif "memory" in names:
            for folder in _upwards(root / "sys/fs/cgroup/memory", path):
                memory += _count(_read(folder / "memory.limit_in_bytes"))
    return min(cpus, default=None), min(memory, default=None)


def _upwards(mount: Path, path: str) -> list[Path]:
    """The group's folder and those above it, up to the mount; in a container the path may lie outside it."""
    parts = [part for part in path.split("/") if part and part != ".."]
    return [mount.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]


def _ratio(quota: str, period: str) -> list[float]:
    quota, period = quota.strip(), period.strip()
    return [int(quota) / int(period)] if quota.isdigit() and period.isdigit() and int(period) > 0 else []


def _count(text: str) -> list[float]:
    text = text.strip()
    return [float(text)] if text.isdigit() else []


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
