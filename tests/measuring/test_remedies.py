"""What is missing on a machine, from trees of files, and the lines that mend it."""

from __future__ import annotations

import pytest
from powercap_tree import Domain, Tree

from carbonprint.hardware import Hardware, MachineKind
from carbonprint.measuring.counters import DEFAULT_POWERCAP_DIR, find_counters
from carbonprint.measuring.remedies import (
    counters_remedies,
    gpu_remedies,
    has_ipmi,
    is_in_container,
    power_sensors,
)


def machine(kind=MachineKind.SERVER, vendor="GenuineIntel", family=6):
    return Hardware(
        kind=kind, cpu_name="A CPU", cpu_vendor=vendor, cpu_family=family, cpu_model=None, n_sockets=1, n_cpus=4,
        memory_gib=8.0,
    )  # fmt: skip


def codes(remedies):
    return [each.code for each in remedies]


def counters(tmp_path, hardware, **changes):
    known = {"unreadable": (), "in_container": False, "has_counters": False}
    return list(counters_remedies(hardware, tmp_path, **(known | changes)))


@pytest.mark.parametrize(
    ("hardware", "in_container", "code"),
    [
        (machine(), False, "counters-without-driver"),
        (machine(vendor="AuthenticAMD", family=25), False, "counters-without-driver"),
        (machine(vendor="AuthenticAMD", family=21), False, "no-counters"),
        (machine(vendor="", family=None), False, "no-counters"),
        (machine(), True, "counters-not-in-container"),
    ],
)
def test_why_there_are_no_counters(tmp_path, hardware, in_container, code):
    (remedy,) = counters(tmp_path, hardware, in_container=in_container)
    assert remedy.code == code
    assert bool(remedy.lines) == (code != "no-counters")


def test_a_virtual_machine_and_one_with_counters_need_nothing(tmp_path):
    assert counters(tmp_path, machine(MachineKind.VIRTUAL)) == []
    assert counters(tmp_path, machine(), has_counters=True) == []
    Tree(tmp_path / "tree", [Domain("intel-rapl/intel-rapl:0", "package-0", 5.0)])
    assert counters(tmp_path / "tree", machine()) == []  # they stand still; a caveat says so


def test_counters_that_may_not_be_read():
    path = "/sys/class/powercap/intel-rapl:0/energy_uj"
    known = {"unreadable": [path], "in_container": False, "has_counters": False}
    (remedy,) = counters_remedies(machine(), DEFAULT_POWERCAP_DIR, **known)
    assert (remedy.code, remedy.values) == ("counters-not-readable", {"path": path})
    assert any("udev/rules.d" in line and "chgrp rapl" in line for line in remedy.lines)
    (elsewhere,) = counters_remedies(machine(), DEFAULT_POWERCAP_DIR.parent, **known)
    assert elsewhere.lines == (f"sudo chmod -R a+r {DEFAULT_POWERCAP_DIR.parent}",)


def test_the_tree_that_a_container_is_offered_is_one_that_is_read(tmp_path):
    """``/sys/devices/virtual/powercap`` holds the control type, and in it the packages."""
    Tree(tmp_path, [Domain("intel-rapl/intel-rapl:0", "package-0", 5.0)])
    assert len(find_counters(tmp_path)) == 1


def pci(root, vendor, pci_class):
    device = root / "sys/bus/pci/devices/0000:01:00.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text(f"{pci_class}\n")


def put(root, name, text=""):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


AMD_LINE = "docker run --device /dev/kfd --device /dev/dri --group-add video …"


@pytest.mark.parametrize(
    ("vendor", "files", "in_container", "expected"),
    [
        ("0x10de", {"etc/os-release": "ID=ubuntu\n"}, False, ("nvidia-without-driver", "sudo ubuntu-drivers install")),
        ("0x10de", {"etc/os-release": 'ID="arch"\n'}, False, ("nvidia-without-driver", "sudo pacman -S nvidia")),
        ("0x10de", {"proc/driver/nvidia/version": ""}, False, ("nvidia-without-library", "pip install nvidia-ml-py")),
        ("0x10de", {}, True, ("nvidia-not-in-container", "docker run --gpus all …")),
        ("0x1002", {"sys/class/kfd/kfd": ""}, False, ("amd-without-library", "sudo apt install amd-smi-lib")),
        ("0x1002", {}, True, ("amd-not-in-container", AMD_LINE)),
    ],
)  # fmt: skip
def test_gpus_that_are_there_and_are_not_seen(tmp_path, vendor, files, in_container, expected):
    pci(tmp_path, vendor, "0x030200")
    for name, text in files.items():
        put(tmp_path, name, text)
    (remedy,) = gpu_remedies(tmp_path, in_container=in_container, n_gpus=0)
    assert (remedy.code, remedy.lines[0]) == expected
    assert list(gpu_remedies(tmp_path, in_container=in_container, n_gpus=1)) == []


def test_other_devices_are_no_gpus(tmp_path):
    pci(tmp_path, "0x10de", "0x020000")  # a network card
    assert codes(gpu_remedies(tmp_path, in_container=False, n_gpus=0)) == []
    assert codes(gpu_remedies(tmp_path / "nothing", in_container=False, n_gpus=0)) == []


def test_power_sensors_of_the_whole_machine(tmp_path):
    put(tmp_path, "sys/class/hwmon/hwmon0/name", "coretemp\n")
    put(tmp_path, "sys/class/hwmon/hwmon0/power1_average", "1\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/name", "power_meter\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/power1_average", "182000000\n")
    assert power_sensors(tmp_path) == [tmp_path / "sys/class/hwmon/hwmon1/power1_average"]
    assert power_sensors(tmp_path / "nothing") == []
    assert not has_ipmi(tmp_path)
    put(tmp_path, "dev/ipmi0")
    assert has_ipmi(tmp_path)


def test_a_container_is_known_by_its_marks(tmp_path):
    assert not is_in_container(tmp_path)
    put(tmp_path, "proc/1/cgroup", "0::/system.slice/docker-0123.scope\n")
    assert is_in_container(tmp_path)
    put(tmp_path / "other", "run/.containerenv")
    assert is_in_container(tmp_path / "other")
