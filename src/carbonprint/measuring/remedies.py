"""What keeps a machine from being measured better, and the exact lines that mend it.

Only what can be read without rights or programs is looked at. The words for people stand in ``reporting``; here each
case has a code, what goes into its sentence, and the lines.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from carbonprint.hardware import Hardware, MachineKind
from carbonprint.measuring.counters import DEFAULT_POWERCAP_DIR, find_counters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_RULE = "/etc/udev/rules.d/99-carbonprint-rapl.rules"
_ZEN_FAMILY = 23
"""AMD's families from 17h (Zen) on have RAPL, Linux 5.8 and later (drivers/powercap/intel_rapl_msr.c)."""

_NVIDIA, _AMD = "0x10de", "0x1002"
"""Vendors of PCI devices (pci.ids)."""

_DISPLAY_CLASSES = ("0x0300", "0x0302", "0x0380", "0x1200")
"""PCI classes VGA, 3D, other display, and processing accelerator, as the first digits of ``class``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One thing that is missing.

    Attributes:
        code: What it is; ``reporting/hardware_words.py`` has a sentence for each.
        lines: What mends it, line by line, to be typed into a shell.
        values: What goes into the sentence.
    """

    code: str
    lines: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def is_in_container(root: Path = Path("/")) -> bool:
    """Whether this is a container: by the marks of Docker and Podman, or what systemd's container interface sets."""
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        return True
    if "container" in os.environ and root == Path("/"):
        return True
    return any(
        word in _read(root / "proc/1/cgroup")
        for word in ("docker", "kubepods", "containerd", "libpod", "lxc")
    )


def counters_remedies(
    hardware: Hardware,
    powercap_dir: Path,
    *,
    unreadable: Sequence[str],
    in_container: bool,
    has_counters: bool,
) -> Iterator[Remedy]:
    """Say why the energy counters of the CPU cannot be read.

    Args:
        hardware: The machine.
        powercap_dir: The powercap tree.
        unreadable: Counters that are there and may not be read.
        in_container: Whether this is a container.
        has_counters: Whether they can be read.
    """
    if has_counters:
        return
    if unreadable:
        yield Remedy(
            code="counters-not-readable",
            lines=_permission_lines(powercap_dir),
            values={"path": unreadable[0]},
        )
    elif find_counters(powercap_dir):
        return  # they are there and can be read; that they stand still, a caveat says
    elif hardware.kind is MachineKind.VIRTUAL:
        return  # no line on this side of the hypervisor gives it counters
    elif in_container:
        line = (
            "docker run -v /sys/devices/virtual/powercap:/powercap:ro -e CARBONPRINT_POWERCAP_DIR=/powercap …"
        )
        yield Remedy(code="counters-not-in-container", lines=(line,))
    elif _may_have_rapl(hardware):
        lines = (
            "sudo modprobe intel_rapl_msr",
            "echo intel_rapl_msr | sudo tee /etc/modules-load.d/intel_rapl_msr.conf",
        )
        yield Remedy(code="counters-without-driver", lines=lines)
    else:
        yield Remedy(code="no-counters", values={"cpu": hardware.cpu_name or "CPU"})


def gpu_remedies(root: Path, *, in_container: bool, n_gpus: int) -> Iterator[Remedy]:
    """Say why GPUs that are in the machine are not seen.

    Args:
        root: Where ``proc``, ``sys`` and ``etc`` are.
        in_container: Whether this is a container.
        n_gpus: How many are seen.
    """
    if n_gpus > 0:
        return
    vendors = _display_vendors(root)
    if _NVIDIA in vendors:
        if in_container:
            yield Remedy(code="nvidia-not-in-container", lines=("docker run --gpus all …",))
        elif not (root / "proc/driver/nvidia/version").exists():
            yield Remedy(code="nvidia-without-driver", lines=_nvidia_lines(root))
        else:
            yield Remedy(code="nvidia-without-library", lines=("pip install nvidia-ml-py",))
    if _AMD in vendors:
        if in_container:
            line = "docker run --device /dev/kfd --device /dev/dri --group-add video …"
            yield Remedy(code="amd-not-in-container", lines=(line,))
        elif (root / "sys/class/kfd").exists():
            yield Remedy(
                code="amd-without-library", lines=("sudo apt install amd-smi-lib", "pip install amdsmi")
            )


def power_sensors(root: Path = Path("/")) -> list[Path]:
    """Find the files that tell the power of the whole machine: ACPI's power meter, which a BMC stands behind.

    Args:
        root: Where ``sys`` is.

    Sources:
        Linux kernel documentation, hwmon/acpi_power_meter (power1_average, in µW).
    """
    found = []
    for folder in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if _read(folder / "name").strip() == "power_meter":
            found += [
                folder / name for name in ("power1_average", "power1_input") if (folder / name).exists()
            ][:1]
    return found


def has_ipmi(root: Path = Path("/")) -> bool:
    """Whether the machine has a BMC that answers IPMI, for whoever may ask it."""
    return any((root / name).exists() for name in ("dev/ipmi0", "dev/ipmi/0", "dev/ipmidev/0"))


def _permission_lines(powercap_dir: Path) -> tuple[str, ...]:
    """Let a group read the counters now, and after every start of the machine."""
    if powercap_dir != DEFAULT_POWERCAP_DIR:
        return (f"sudo chmod -R a+r {powercap_dir}",)
    rule = 'SUBSYSTEM=="powercap", RUN+="/bin/chgrp rapl /sys%p/energy_uj", RUN+="/bin/chmod g+r /sys%p/energy_uj"'
    return (
        "sudo groupadd -f rapl && sudo usermod -aG rapl $USER",
        f"echo '{rule}' | sudo tee {_RULE}",
        "sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=powercap --action=add",
        "newgrp rapl",
    )


def _may_have_rapl(hardware: Hardware) -> bool:
    if hardware.cpu_vendor == "GenuineIntel":
        return hardware.cpu_family == 6
    is_zen = hardware.cpu_family is not None and hardware.cpu_family >= _ZEN_FAMILY
    return hardware.cpu_vendor in {"AuthenticAMD", "HygonGenuine"} and is_zen


def _nvidia_lines(root: Path) -> tuple[str, ...]:
    fields = dict(line.split("=", 1) for line in _read(root / "etc/os-release").splitlines() if "=" in line)
    by_system = {
        "ubuntu": "sudo ubuntu-drivers install",
        "debian": "sudo apt install nvidia-driver",
        "fedora": "sudo dnf install akmod-nvidia",
        "arch": "sudo pacman -S nvidia",
    }
    line = by_system.get(fields.get("ID", "").strip('"'))
    return () if line is None else (line,)


def _display_vendors(root: Path) -> set[str]:
    """Name the vendors of the displays and accelerators on the PCI bus."""
    found = set()
    for device in (root / "sys/bus/pci/devices").glob("*"):
        if _read(device / "class").strip().startswith(_DISPLAY_CLASSES):
            found.add(_read(device / "vendor").strip())
    return found


def _read(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
