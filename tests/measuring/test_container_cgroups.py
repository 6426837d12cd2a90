"""Control groups of containers: trees of files stand for machines of every layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from carbonprint.measuring.container_cgroups import container_at, hierarchy, processes, usage_s, walk
from carbonprint.measuring.reservation import cgroup_limits

ID = "5c9320e86c4518e5517447d53e33e55daf7f2e9cf65cfb5c0b57ac2205afeb24"
OTHER = ID[::-1]

V1 = {"cpuacct.usage": "2500000000\n", "cgroup.procs": "41\n42\n"}
V2 = {"cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n", "cgroup.procs": "41\n42\n"}


def make(root, files):
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def group(folder, files):
    return {f"{folder}/{name}": text for name, text in files.items()}


V1_ROOT = {"cpuacct/cpuacct.usage": "9000000000\n"}
V1_JOINED_ROOT = {"cpu,cpuacct/cpuacct.usage": "9000000000\n"}
V2_ROOT = {"cgroup.controllers": "cpu memory\n", "cpu.stat": "usage_usec 9000000\n"}
HYBRID_ROOT = {"unified/cgroup.controllers": "\n", "unified/cpu.stat": "usage_usec 9000000\n"}

LAYOUTS = {
    "docker, v1, cgroupfs": (V1_ROOT, f"cpuacct/docker/{ID}", V1),
    "docker, v1, systemd": (V1_JOINED_ROOT, f"cpu,cpuacct/system.slice/docker-{ID}.scope", V1),
    "docker, v2, cgroupfs": (V2_ROOT, f"docker/{ID}", V2),
    "docker, v2, systemd": (V2_ROOT, f"system.slice/docker-{ID}.scope", V2),
    "docker, v2, rootless": (
        V2_ROOT,
        f"user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope",
        V2,
    ),
    "docker, hybrid without cpuacct": (HYBRID_ROOT, f"unified/docker/{ID}", V2),
    "podman, v1, cgroupfs": (V1_ROOT, f"cpuacct/libpod_parent/libpod-{ID}", V1),
    "podman, v2, cgroupfs": (V2_ROOT, f"libpod_parent/libpod-{ID}", V2),
    "podman, v2, systemd": (V2_ROOT, f"machine.slice/libpod-{ID}.scope", V2),
}


@pytest.mark.parametrize(("root_files", "folder", "files"), LAYOUTS.values(), ids=LAYOUTS)
def test_a_container_is_found_and_read_in_every_layout(tmp_path, root_files, folder, files):
    make(tmp_path, root_files | group(folder, files))
    top = hierarchy(tmp_path)
    (found,) = [container for _, container in walk(top) if container is not None]
    assert found.container_id == ID
    assert found.folder == tmp_path / "sys/fs/cgroup" / folder
    assert usage_s(found.folder) == 2.5  # 2,500,000,000 ns, or 2,500,000 µs
    assert processes(found.folder) == [41, 42]


def test_of_two_hierarchies_one_is_read(tmp_path):
    """A hybrid machine: the container lies in both, and counts once."""
    make(
        tmp_path,
        V1_ROOT | HYBRID_ROOT | group(f"cpuacct/docker/{ID}", V1) | group(f"unified/docker/{ID}", V2),
    )
    top = hierarchy(tmp_path)
    assert top == tmp_path / "sys/fs/cgroup/cpuacct"
    assert len([container for _, container in walk(top) if container is not None]) == 1


def test_a_container_in_a_container_is_in_the_figure_of_the_outer_one(tmp_path):
    inner = f"docker/{ID}/docker/{OTHER}"
    make(tmp_path, V2_ROOT | group(f"docker/{ID}", V2) | group(inner, V2 | {"cgroup.procs": "43\n"}))
    found = [container for _, container in walk(hierarchy(tmp_path)) if container is not None]
    assert [each.container_id for each in found] == [ID]
    assert processes(found[0].folder) == [41, 42, 43]


@pytest.mark.parametrize(
    "name",
    [f"libpod-conmon-{ID}.scope", "docker", "docker.service", ID[:12], f"docker-{ID}.mount", "init.scope"],
)
def test_other_folders_are_no_containers(name):
    assert container_at(Path("/sys/fs/cgroup") / name) is None


def test_what_is_gone_has_neither_time_nor_processes(tmp_path):
    assert usage_s(tmp_path / ID) is None
    assert processes(tmp_path / ID) == []
    assert list(walk(tmp_path / ID)) == []


def test_processes_of_another_pid_namespace_are_not_named(tmp_path):
    make(tmp_path, group(f"docker/{ID}", V2 | {"cgroup.procs": "0\n0\n41\n"}))
    assert processes(tmp_path / "sys/fs/cgroup/docker" / ID) == [41]


def test_without_control_groups_there_is_no_hierarchy(tmp_path):
    assert hierarchy(tmp_path) is None


@pytest.mark.parametrize(
    ("line", "folder"),
    [
        ("0::/\n", ""),  # inside a container with a cgroup namespace of its own
        (f"0::/docker/{ID}\n", f"docker/{ID}"),
        (f"0::/system.slice/docker-{ID}.scope\n", f"system.slice/docker-{ID}.scope"),
    ],
)
def test_the_limit_of_a_container_is_read_from_inside_it(tmp_path, line, folder):
    make(tmp_path, V2_ROOT | {f"{folder}/cpu.max".lstrip("/"): "150000 100000\n"})
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(line)
    assert cgroup_limits(tmp_path) == (1.5, None)
