"""What machine this is and what of it was reserved, from trees of files."""

from __future__ import annotations

import pytest

from carbonprint.hardware import Hardware, MachineKind
from carbonprint.measuring.detection import detect_hardware, machine_pseudonym, power_model
from carbonprint.measuring.measurement import ShareFrom
from carbonprint.measuring.reservation import cgroup_limits, reserved_share
from carbonprint.provenance import Basis
from carbonprint.units import BYTES_PER_GIB

TWO_SOCKETS = "\n\n".join(
    f"processor\t: {n}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 79\n"
    f"model name\t: Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz\nphysical id\t: {n // 2}\nflags\t\t: fpu{{extra}}"
    for n in range(4)
)


def tree(root, *, extra="", chassis="23", **files):
    defaults = {
        "proc/cpuinfo": TWO_SOCKETS.format(extra=extra) + "\n",
        "proc/meminfo": f"MemTotal: {64 * 1024 * 1024} kB\n",
        "sys/class/dmi/id/chassis_type": f"{chassis}\n",
    }
    for name, text in {**defaults, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_server_of_two_sockets(tmp_path):
    hardware = detect_hardware(tree(tmp_path))
    assert hardware == Hardware(
        kind=MachineKind.SERVER, cpu_name="Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz",
        cpu_vendor="GenuineIntel", cpu_family=6, cpu_model=79, n_sockets=2, n_cpus=4, memory_gib=64.0,
    )  # fmt: skip
    model = power_model(hardware, 120.0)
    assert (model.cpu_idle_w, model.cpu_full_w) == (
        pytest.approx(24),
        pytest.approx(204),
    )  # 240 W · 0.10 and 0.85
    assert model.cpu_basis is Basis.MODELLED
    assert model.ram_w == pytest.approx(9.6)  # 64 GiB · 0.15 W
    assert model.base_w == 50


def test_a_virtual_machine_does_not_know_its_part_of_the_tdp(tmp_path):
    hardware = detect_hardware(tree(tmp_path, extra=" hypervisor"))
    assert hardware.kind is MachineKind.VIRTUAL
    model = power_model(hardware, 120.0)
    assert (model.cpu_idle_w, model.cpu_full_w) == (
        pytest.approx(1.6),
        pytest.approx(16),
    )  # 4 · 0.4 and 4 · 4.0 W
    assert model.cpu_basis is Basis.DEFAULT
    assert model.base_w == 4


@pytest.mark.parametrize(
    ("chassis", "n_gpus", "kind"),
    [
        ("10", 0, MachineKind.LAPTOP),
        ("3", 1, MachineKind.DESKTOP),
        ("23", 1, MachineKind.SERVER),
        ("23", 8, MachineKind.GPU_SERVER),
    ],
)
def test_the_kind_of_machine_by_its_chassis(tmp_path, chassis, n_gpus, kind):
    assert detect_hardware(tree(tmp_path, chassis=chassis), n_gpus=n_gpus).kind is kind


def test_a_machine_without_files_is_still_a_machine(tmp_path):
    hardware = detect_hardware(tmp_path)
    assert hardware.n_cpus >= 1
    assert not hardware.is_recognised
    assert power_model(hardware, None).cpu_full_w > 0
    assert power_model(hardware, None).other_basis is Basis.DEFAULT


def test_the_pseudonym_is_stable_and_is_not_the_machine_id():
    assert machine_pseudonym() == machine_pseudonym()
    assert len(machine_pseudonym()) == 12


def test_cgroup_v2_takes_the_narrowest_limit_on_the_way_up(tmp_path):
    files = {
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
        "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/a/b/memory.max": f"{16 * BYTES_PER_GIB}\n",
        "sys/fs/cgroup/a/memory.max": "max\n",
    }
    tree(tmp_path, **files)
    assert cgroup_limits(tmp_path) == (1.5, 16 * BYTES_PER_GIB)


def test_cgroup_v1(tmp_path):
    files = {
        "proc/self/cgroup": "4:memory:/job\n1:cpu,cpuacct:/job\n",
        "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "50000\n",
        "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "9223372036854771712\n",
    }
    tree(tmp_path, **files)
    cpus, memory = cgroup_limits(tmp_path)
    assert cpus == 0.5
    assert memory > 2**60


def machine(n_cpus):
    return Hardware(
        kind=MachineKind.SERVER, cpu_name="", cpu_vendor="", cpu_family=None, cpu_model=None, n_sockets=1,
        n_cpus=n_cpus, memory_gib=64.0,
    )  # fmt: skip


def test_the_reserved_share_is_the_narrowest(tmp_path, monkeypatch):
    tree(tmp_path, **{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{16 * BYTES_PER_GIB}\n"})
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(8)))
    share = reserved_share(machine(8), tmp_path)
    assert (share.cpu, share.ram, share.other, share.origin) == (1.0, 0.25, 1.0, ShareFrom.MACHINE)
    share = reserved_share(machine(32), tmp_path)
    assert (share.cpu, share.origin) == (0.25, ShareFrom.AFFINITY)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "4")
    share = reserved_share(machine(32), tmp_path)
    assert (share.cpu, share.origin) == (0.125, ShareFrom.SLURM)
