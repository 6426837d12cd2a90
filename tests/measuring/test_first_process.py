"""The wrapper as the first process of a container: of a PID namespace of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from wrapped import CARBONPRINT, Wrapper

from carbonprint.measuring.reservation import cgroup_limits
from carbonprint.units import BYTES_PER_GIB

NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc"]


def namespaces_work() -> bool:
    return subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0


in_a_namespace = [
    pytest.mark.needs_root,
    pytest.mark.skipif(not namespaces_work(), reason="needs root and namespaces"),
]


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


def start(wrapper, *arguments):
    command = [*NAMESPACE, *CARBONPRINT, "run", *arguments]
    return subprocess.Popen(command, env=wrapper.environment, cwd=wrapper.folder,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def first_process(process):
    """Process id, outside, of the first process of the namespace."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return int(children)


ORPHANS = """
import os, time
def zombies():
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and open(f"/proc/{pid}/stat").read().split()[2] == "Z"]
for _ in range(20):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(0.02)
        os._exit(0)
    os.wait()
time.sleep(0.3)
end = time.monotonic() + 20
while (left := zombies()) and time.monotonic() < end:
    time.sleep(0.05)
print(os.getppid(), left)
"""


@pytest.mark.parametrize("setup", [{}, {"codecarbon/__init__.py": "raise SystemExit"}], ids=["", "no meter"])
class TestInANamespace:
    pytestmark = in_a_namespace

    def test_it_reaps_orphans_while_the_command_runs(self, wrapper, setup):
        if setup:
            wrapper.put_before(dict(setup))
        process = start(wrapper, "--interval", "60", "--", sys.executable, "-S", "-c", ORPHANS)
        out, _ = process.communicate(timeout=40)
        assert (process.returncode, out) == (0, b"1 []\n")


class TestEnding:
    pytestmark = in_a_namespace

    def test_signals_from_outside_reach_the_command(self, wrapper):
        process = start(
            wrapper, "--", "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"
        )
        assert process.stdout.readline() == b"ready\n"
        os.kill(first_process(process), signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 7

    def test_it_exits_with_128_plus_n_where_a_signal_killed_the_command(self, wrapper):
        process = start(wrapper, "--", "sh", "-c", "echo ready; exec sleep 30")
        assert process.stdout.readline() == b"ready\n"
        os.kill(first_process(process), signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 143
        assert wrapper.record()["exit_status"] == 143

    def test_what_the_command_leaves_behind_ends_with_it_and_is_told(self, wrapper):
        process = start(wrapper, "--", "sh", "-c", "(setsid sleep 30 >/dev/null 2>&1 &); exit 5")
        _, told = process.communicate(timeout=20)
        assert process.returncode == 5
        assert b"the command left 1 running: sleep " in told
        assert b"the end of the container ends it" in told


def tree(root, **files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_limits_of_a_cgroup_namespace_stand_at_the_root_of_the_mount_v2(tmp_path):
    tree(
        tmp_path,
        **{
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cpu.max": "50000 100000\n",
            "sys/fs/cgroup/memory.max": f"{2 * BYTES_PER_GIB}\n",
        },
    )
    assert cgroup_limits(tmp_path) == (0.5, 2 * BYTES_PER_GIB)


@pytest.mark.parametrize("path", ["/", "/docker/4f1d"], ids=["namespace", "path of the host"])
@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_limits_of_a_container_stand_at_the_root_of_the_mount_v1(tmp_path, path, mount):
    tree(
        tmp_path,
        **{
            "proc/self/cgroup": f"4:memory:{path}\n3:cpu,cpuacct:{path}\n0::/\n",
            f"sys/fs/cgroup/{mount}/cpu.cfs_quota_us": "150000\n",
            f"sys/fs/cgroup/{mount}/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{BYTES_PER_GIB}\n",
        },
    )
    assert cgroup_limits(tmp_path) == (1.5, BYTES_PER_GIB)
