"""Container engines of the tests' own: Docker's daemon and Podman, without network and with one image from a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = "box"

BURN = "i=0; while [ $i -lt {n} ]; do i=$((i+1)); done; cat /proc/$$/stat"
"""Words for a shell: work, and then say what the shell itself has used."""

_DOCKERD = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
            "--storage-driver=vfs"]  # fmt: skip

_PODMAN_CONFIG = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
"""

_PODMAN_STORAGE = """
[storage]
driver = "vfs"
graphroot = "{folder}/root"
runroot = "{folder}/run"
"""


def own_cpu_s(output: bytes) -> float:
    """CPU seconds that shells printed of themselves: utime and stime of their lines in /proc, proc_pid_stat(5)."""
    lines = [line.rpartition(") R ")[2].split() for line in output.decode().splitlines() if ") R " in line]
    assert lines
    return sum(int(fields[10]) + int(fields[11]) for fields in lines) / os.sysconf("SC_CLK_TCK")


def require(*programs: str) -> None:
    """Skip where a program is missing, or the user may not run containers."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    missing = [name for name in programs if shutil.which(name, path=_path()) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")


def _path() -> str:
    """Where Debian puts the engines, before whatever else bears their names."""
    return os.pathsep.join(["/usr/sbin", "/usr/bin", "/sbin", "/bin", os.environ.get("PATH", "")])


def image_file(folder: Path) -> Path:
    """Pack a static busybox as the files of an image."""
    busybox = shutil.which("busybox", path=_path())
    assert busybox is not None
    files = folder / "files"
    (files / "bin").mkdir(parents=True)
    shutil.copy(busybox, files / "bin/busybox")
    for name in ("sh", "cat", "sleep", "true"):
        (files / "bin" / name).symlink_to("busybox")
    packed = folder / "image.tar"
    subprocess.run(["tar", "-C", files, "-cf", packed, "."], check=True)
    return packed


def _checked(command: list[str], environment: dict[str, str]) -> None:
    """Run what must work for the tests to make sense, and skip with what it says where it does not."""
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    if done.returncode != 0:
        pytest.skip(f"{' '.join(command[:2])} does not work here: {done.stderr.decode().strip()[-300:]}")


@contextlib.contextmanager
def docker_engine(folder: Path) -> Iterator[dict[str, str]]:
    """Run Docker's daemon, and give the environment in which ``docker`` speaks to it."""
    require("dockerd", "docker", "containerd", "runc", "busybox", "tar")
    environment = {**os.environ, "PATH": _path(), "DOCKER_HOST": f"unix://{folder}/docker.sock"}
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(daemon_words(folder), env=environment, stdout=log, stderr=log)
    try:
        until_s = time.monotonic() + 30
        while subprocess.run(["docker", "version"], env=environment, capture_output=True).returncode != 0:
            if daemon.poll() is not None or time.monotonic() > until_s:
                pytest.skip(f"dockerd does not run here: {(folder / 'log').read_text()[-300:]}")
            time.sleep(0.05)
        environment["IMAGE_FILE"] = str(image_file(folder))
        _checked(["docker", "import", environment["IMAGE_FILE"], IMAGE], environment)
        _checked(["docker", "run", "--rm", "--network", "none", IMAGE, "true"], environment)
        yield environment
    finally:
        daemon.terminate()
        daemon.wait(timeout=30)
        _unmount(folder)


def daemon_words(folder: Path) -> list[str]:
    """Words that start a daemon of its own in a folder."""
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    return ["dockerd", *_DOCKERD, f"--host=unix://{folder}/docker.sock",
            *(f"--{option}={folder / name}" for option, name in places.items())]  # fmt: skip


def podman_engine(folder: Path) -> dict[str, str]:
    """Give the environment in which ``podman`` keeps everything in a folder."""
    require("podman", "runc", "conmon", "busybox", "tar")
    (folder / "containers.conf").write_text(_PODMAN_CONFIG)
    (folder / "storage.conf").write_text(_PODMAN_STORAGE.format(folder=folder))
    environment = {
        **os.environ,
        "PATH": _path(),
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
    }
    _checked(["podman", "import", "-q", str(image_file(folder)), IMAGE], environment)
    _checked(["podman", "run", "--rm", IMAGE, "true"], environment)
    return environment


def _unmount(folder: Path) -> None:
    """Unmount what a daemon has left mounted, so that the folder can be removed."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(str(folder))]):
        subprocess.run(["umount", mount], check=False)
