"""The job's CPU seconds are those of its work, whatever the shape of its processes."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from wrapped import CARBONPRINT, Wrapper

GROUP = re.compile(r"carbonprint-[0-9]+-[0-9]+-[0-9]+")
"""The name of a job's cgroup, in what the job reads in /proc/self/cgroup."""

BURNER = [sys.executable, "-S", str(Path(__file__).with_name("burner.py"))]
SHELL_BURNER = shlex.join(BURNER)


@pytest.fixture
def wrapper(tmp_path):
    made = Wrapper(tmp_path)
    made.environment["BURNER_LOG"] = str(tmp_path / "burnt")
    return made


SHAPES = {
    "one process": ([*BURNER, "one"], 0.03),
    "60 children": ([*BURNER, "children"], 0.15),
    "4 workers by fork": ([*BURNER, "workers", "fork"], 0.05),
    "4 workers by spawn": ([*BURNER, "workers", "spawn"], 0.2),
    "4 workers by forkserver": ([*BURNER, "workers", "forkserver"], 0.2),
    "threads": ([*BURNER, "threads"], 0.03),
    "pipeline": (["sh", "-c", f"{SHELL_BURNER} one | {SHELL_BURNER} one | cat"], 0.1),
    "deep tree": ([*BURNER, "tree", "6"], 0.2),
    "daemon": ([*BURNER, "daemon"], 0.03),
    "niced": (["nice", "-n", "10", *BURNER, "one"], 0.03),
    "stopped": ([*BURNER, "stopped"], 0.03),
}
"""Command, and what it uses at most that no process has written down: the start of a fork, leaving Python, sh and cat,
and all of multiprocessing's own processes. [s]"""

NO_GROUP = {
    "sitecustomize.py": "import carbonprint.measuring.job_cgroup as it\nit.make_job_cgroup = lambda: None\n"
}


@pytest.fixture(scope="module")
def shapes_without_group(tmp_path_factory):
    return run_all(tmp_path_factory.mktemp("without"), SHAPES, dict(NO_GROUP))


@pytest.fixture(scope="module")
def shapes_as_they_come(tmp_path_factory):
    return run_all(
        tmp_path_factory.mktemp("with"), ["60 children", "4 workers by spawn", "daemon", "stopped"]
    )


def run_all(folder, shapes, before=None):
    """Run shapes at once, each in a wrapper of its own, and give their records by name with what they burnt."""
    wrapper = Wrapper(folder)
    if before:
        wrapper.put_before(before)
    running = []
    for shape in shapes:
        wrapper.environment["BURNER_LOG"] = str(wrapper.folder / shape)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running.append(wrapper.start("--name", shape, "--", *SHAPES[shape][0], **quiet))
    assert [process.wait(60) for process in running] == [0] * len(shapes)
    logs = {shape: burnt(wrapper.folder / shape) for shape in shapes}
    os.kill(next(iter(logs["stopped"])), signal.SIGKILL)
    return {record["name"]: (record, sum(logs[record["name"]].values())) for record in wrapper.records()}


def burnt(log):
    """CPU seconds by process, as the processes themselves have counted them; the last word of each stands."""
    return {int(pid): float(seconds) for pid, seconds in map(str.split, Path(log).read_text().splitlines())}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_counts_what_it_has_burnt_by_its_processes_alone(shapes_without_group, shape):
    holds_what_was_burnt(*shapes_without_group[shape], shape)


def test_shapes_count_the_same_where_a_cgroup_can_be_made(shapes_as_they_come):
    for shape, (record, truth_s) in shapes_as_they_come.items():
        holds_what_was_burnt(record, truth_s, shape)


def holds_what_was_burnt(record, truth_s, shape):
    counted_s = record["measurement"]["cpu_s"]
    assert truth_s - 0.002 <= counted_s <= 1.03 * truth_s + SHAPES[shape][1], shape
    assert "dropped-times" not in codes(record)
    if "forkserver" not in shape:  # its server ends by itself, a little after the command
        assert ("left-behind" in codes(record)) == (shape == "stopped")


def codes(record):
    return {caveat["code"] for caveat in record["caveats"]}


# Children of a parent that ignores SIGCHLD, where there is a cgroup for them and where there is none

MOUNTS = {
    "cpuacct": "mkdir {0}/cpuacct && mount -t cgroup -o cpuacct none {0}/cpuacct",
    "unified": "mkdir {0}/unified && mount -t cgroup2 none {0}/unified",
    "cgroup2": "mount -t cgroup2 none {0}",
}


def run_with_mounts(wrapper, mounts, *arguments):
    """Run in a mount namespace in which these are the cgroups that there are."""
    script = f'mount -t tmpfs none /sys/fs/cgroup && {mounts.format("/sys/fs/cgroup")} || exit 77; exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "_", *CARBONPRINT, "run", *arguments],
        env=wrapper.environment, cwd=wrapper.folder, capture_output=True, timeout=60,
    )  # fmt: skip
    if done.returncode == 77 or b"unshare" in done.stderr:
        pytest.skip("these cgroups cannot be mounted here")
    return done


@pytest.mark.needs_root
@pytest.mark.parametrize("mount", MOUNTS)
def test_children_whose_times_the_kernel_drops_are_counted_by_a_cgroup(wrapper, mount):
    shown = "cat /proc/self/cgroup"
    done = run_with_mounts(
        wrapper, MOUNTS[mount], "--", "sh", "-c", f"{shown}; {SHELL_BURNER} ignoring 20 0.02"
    )
    assert done.returncode == 0
    groups = GROUP.findall(done.stdout.decode())
    if not groups:
        pytest.skip("no such group may be made here without changing more")
    truth_s = sum(burnt(wrapper.environment["BURNER_LOG"]).values())
    record = wrapper.record()
    assert truth_s - 0.002 <= record["measurement"]["cpu_s"] <= truth_s + 0.15
    assert "dropped-times" not in codes(record)
    assert [path for group in groups for path in Path("/sys/fs/cgroup").glob(f"*/{group}")] == []


def test_without_a_cgroup_they_are_counted_by_samples_and_the_record_says_so(wrapper):
    wrapper.put_before(dict(NO_GROUP))
    done = wrapper.run("--interval", "0.1", "--", *BURNER, "ignoring", "2", "1")
    truth_s = sum(burnt(wrapper.environment["BURNER_LOG"]).values())
    record = wrapper.record()
    # Neither child is seen for its last interval, nor the first one before the meter is loaded: both count, not one.
    assert 0.6 * truth_s < record["measurement"]["cpu_s"] <= truth_s + 0.02
    assert "dropped-times" in codes(record)
    assert b"ignores SIGCHLD" in done.stderr


def test_a_job_that_ends_before_the_first_sample_is_told_of_all_the_same(wrapper):
    wrapper.put_before(dict(NO_GROUP))
    wrapper.run("--", *BURNER, "ignoring", "1", "0.01")
    assert "dropped-times" in codes(wrapper.record())


def test_a_wrapper_inside_another_counts_its_own_and_the_outer_one_counts_both(wrapper):
    inner = shlex.join([*CARBONPRINT, "run", "--name", "inner", "--", *BURNER, "ignoring", "10", "0.02"])
    done = wrapper.run(
        "--name", "outer", "--", "sh", "-c", f"cat /proc/self/cgroup; {inner}; {SHELL_BURNER} one"
    )
    by_name = {record["name"]: record for record in wrapper.records()}
    inner_s, outer_s = (by_name[name]["measurement"]["cpu_s"] for name in ("inner", "outer"))
    assert outer_s > inner_s + 0.25
    for group in GROUP.findall(done.stdout.decode()):
        assert list(Path("/sys/fs/cgroup").glob(f"*/{group}")) == []


def test_the_group_of_a_wrapper_that_was_killed_is_removed_by_the_next(wrapper):
    process = wrapper.start("--", "sh", "-c", "cat /proc/self/cgroup; echo ready; exec sleep 30")
    lines = iter(process.stdout.readline, b"ready\n")
    groups = GROUP.findall(b"".join(lines).decode())
    process.kill()
    process.wait()
    if not groups:
        pytest.skip("no group may be made here")
    (left,) = Path("/sys/fs/cgroup").glob(f"*/{groups[0]}")
    wrapper.run("--", "true")
    assert left.exists()  # the command runs on in it
    os.kill(int(left.joinpath("cgroup.procs").read_text()), signal.SIGKILL)
    process.communicate()
    wrapper.run("--", "sleep", "1")
    assert not left.exists()
