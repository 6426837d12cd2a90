"""Containers by their control groups: where they lie, what CPU time they have used, which processes they hold.

An engine (Docker, Podman) gives each container a folder in the cgroup file system, named by the container's id of 64
hexadecimal digits. Everything here reads files below a root, so that a tree of files can stand for any machine.

Sources:
    Linux kernel documentation, admin-guide/cgroup-v1/cpuacct (cpuacct.usage, nanoseconds) and admin-guide/cgroup-v2
    (cpu.stat, usage_usec; cgroup.procs). Both figures hold the folders below, also those that are gone.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"(?:(?!.*conmon)[a-z][a-z-]*-)?([0-9a-f]{64})(?:\.scope)?")
"""``<id>`` below ``docker/`` (Docker, driver cgroupfs), ``docker-<id>.scope`` (driver systemd), ``libpod-<id>`` and
``libpod-<id>.scope`` (Podman); not ``libpod-conmon-<id>.scope``, which holds the container's monitor."""

_MOST_FOLDERS = 4000
"""A tree of more folders than this is not walked to its end: one walk would take longer than it is worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerCgroup:
    """The control group of one container.

    Attributes:
        container_id: The engine's id, 64 hexadecimal digits.
        folder: Its folder, in the hierarchy that ``hierarchy`` gives.
    """

    container_id: str
    folder: Path


def hierarchy(root: Path = Path("/")) -> Path | None:
    """Find the mount in which CPU time is counted; None where there is none.

    The cpuacct controller of version 1 where it is mounted, else version 2, whose ``cpu.stat`` counts without any
    controller as well. A hybrid machine has both, and each container then lies in both: one of them is enough.
    """
    mount = root / "sys/fs/cgroup"
    for name in ("cpuacct", "cpu,cpuacct", "cpuacct,cpu"):
        if (mount / name / "cpuacct.usage").exists():
            return mount / name
    for folder in (mount, mount / "unified"):
        if (folder / "cgroup.controllers").exists():
            return folder
    return None


def container_at(folder: Path) -> ContainerCgroup | None:
    """Tell by the name of a folder whose control group it is; None where it is no container's."""
    named = _NAME.fullmatch(folder.name)
    return None if named is None else ContainerCgroup(container_id=named[1], folder=folder)


def walk(top: Path) -> Iterator[tuple[Path, ContainerCgroup | None]]:
    """Give every folder below the top, with the container it belongs to; what lies inside a container is its own.

    So a container that runs in a container is in the figure of the outer one, and is not given a second time.
    """
    waiting, n_seen = [top], 0
    while waiting and n_seen < _MOST_FOLDERS:
        try:
            with os.scandir(waiting.pop()) as entries:
                folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:  # gone meanwhile
            continue
        for folder in folders:
            n_seen += 1
            found = container_at(folder)
            yield folder, found
            if found is None:
                waiting.append(folder)


def usage_s(folder: Path) -> float | None:
    """Read the CPU seconds of a control group and all below it. [s]; None where it is gone."""
    text = _read(folder / "cpuacct.usage").strip()
    if text.isdigit():
        return int(text) / 1e9
    for line in _read(folder / "cpu.stat").splitlines():
        key, _, value = line.partition(" ")
        if key == "usage_usec" and value.isdigit():
            return int(value) / 1e6
    return None


def processes(folder: Path) -> list[int]:
    """Process ids in a control group and all below it, as this PID namespace has them."""
    try:
        listings = [folder / "cgroup.procs", *folder.glob("*/**/cgroup.procs")]
    except OSError:  # gone meanwhile
        return []
    return [pid for listing in listings for word in _read(listing).split() if (pid := int(word)) > 0]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
