"""Where a cgroup for the job may be made, and that none is left: real groups, and trees of files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from carbonprint.measuring.job_cgroup import make_job_cgroup

V2 = "sys/fs/cgroup/user.slice"


def tree(root: Path, **files: str) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return f"{root}/"


def version_2(**files: str) -> dict[str, str]:
    return {
        "proc/self/cgroup": "0::/user.slice\n",
        f"{V2}/cpu.stat": "usage_usec 1\nuser_usec 1\n",
        f"{V2}/cgroup.controllers": "hugetlb misc\n",
        f"{V2}/cgroup.subtree_control": "\n",
        f"{V2}/cgroup.procs": f"1\n{os.getpid()}\n",
        **files,
    }


def version_1(controllers: str) -> dict[str, str]:
    folder = f"sys/fs/cgroup/{controllers}/a"
    return {
        "proc/self/cgroup": f"3:{controllers}:/a\n1:name=systemd:/a\n",
        f"{folder}/cgroup.procs": f"{os.getpid()}\n",
    }


@pytest.mark.parametrize(
    ("files", "version"),
    [
        (version_2(), 2),
        (version_2(**{f"{V2}/cgroup.controllers": "memory pids\n"}), None),
        (version_2(**{f"{V2}/cgroup.subtree_control": "hugetlb\n"}), None),
        (version_2(**{f"{V2}/cgroup.procs": "1\n"}), None),
        (version_2(**{f"{V2}/cpu.stat": ""}), None),
        (version_2(**{"proc/self/cgroup": "0::/another\n"}), None),
        (version_1("cpuacct"), 1),
        (version_1("cpu,cpuacct"), None),
        ({}, None),
    ],
    ids=["v2", "controllers", "handed-on", "not-ours", "no-times", "not-there", "v1", "v1-with-cpu", "none"],
)
def test_a_group_is_made_only_where_it_changes_nothing_else(tmp_path, files, version):
    group = make_job_cgroup(tree(tmp_path, **files))
    assert (group and group.version) == version
    assert len(list(tmp_path.rglob("carbonprint-*"))) == (version is not None)


def test_each_group_has_a_name_of_its_own_also_while_an_earlier_one_is_in_use(tmp_path):
    root = tree(tmp_path, **version_2())
    first, second = make_job_cgroup(root), make_job_cgroup(root)
    assert first.folder != second.folder
    for group in (first, second):
        group.remove()
        assert not Path(group.folder).exists()


def test_usage_is_read_in_seconds_and_unknown_where_nothing_ran(tmp_path):
    first = make_job_cgroup(tree(tmp_path / "1", **version_1("cpuacct")))
    second = make_job_cgroup(tree(tmp_path / "2", **version_2()))
    assert (first.usage_s(), second.usage_s()) == (None, None)
    Path(first.folder, "cpuacct.usage").write_text("1500000000\n")
    Path(second.folder, "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    assert (first.usage_s(), second.usage_s()) == (1.5, 2.5)
    Path(second.folder, "cpu.stat").write_text("usage_usec 0\nuser_usec 0\n")
    assert second.usage_s() is None


def test_only_groups_of_dead_wrappers_are_removed(tmp_path):
    group = make_job_cgroup(tree(tmp_path, **version_2()))
    pid = os.getpid()
    own = Path(group.folder).parent
    dead = subprocess.Popen([sys.executable, "-S", "-c", ""])
    dead.wait()
    gone = [own / f"carbonprint-{dead.pid}-1", own / f"carbonprint-{pid}-1"]
    kept = [own / "carbonprint-x", own / f"carbonprint-{dead.pid}-x", own / "other"]
    for folder in (*gone, *kept, gone[0] / f"carbonprint-{dead.pid}-2"):
        folder.mkdir()
    group.remove_leftovers()
    assert {path for path in own.iterdir() if path.is_dir()} == {Path(group.folder), *kept}


FORK = """
import os, sys
from carbonprint.measuring.job_cgroup import make_job_cgroup
group = make_job_cgroup()
if group is None:
    sys.exit(77)
pid = group.fork()
if pid == 0:
    end = "import time\\nwhile time.process_time() < 0.2: pass\\nprint(open('/proc/self/cgroup').read())"
    os.execv(sys.executable, [sys.executable, "-S", "-c", end])
usage = os.wait4(pid, 0)[2]
print(group.folder.rpartition("/")[2], usage.ru_utime + usage.ru_stime, group.usage_s())
group.remove()
print(os.path.exists(group.folder))
"""


def test_a_child_is_made_inside_and_counted_from_its_first_moment():
    done = subprocess.run([sys.executable, "-S", "-c", FORK], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": ":".join(sys.path)})  # fmt: skip
    if done.returncode == 77:
        pytest.skip("no group may be made here")
    *_, told, is_there = done.stdout.splitlines()
    name, reaped_s, counted_s = told.split()
    assert f"/{name}\n" in done.stdout
    assert float(counted_s) == pytest.approx(float(reaped_s), abs=0.005)
    assert is_there == "False"


def test_a_group_that_is_gone_does_not_keep_the_child_from_being_made():
    code = FORK.replace("pid = group.fork()", "os.rmdir(group.folder); pid = group.fork()")
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": ":".join(sys.path)})  # fmt: skip
    if done.returncode == 77:
        pytest.skip("no group may be made here")
    assert done.stdout.splitlines()[-2].split()[2] == "None"
