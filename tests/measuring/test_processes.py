"""CPU seconds of a job: real processes of every simple shape."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from carbonprint.measuring.processes import (
    BlockCpuSeconds,
    JobCpuSeconds,
    descendants,
    descends_from,
    process_times,
)

BURN = "import time\nend = time.process_time() + {s}\nwhile time.process_time() < end: pass\n"


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_a_living_child_is_counted_to_the_millisecond():
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", BURN.format(s=0.3) + "print('done', flush=True)\ninput()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    child.stdout.readline()
    counted_s = JobCpuSeconds().total_s([child.pid])
    child.communicate(b"\n")
    assert counted_s == pytest.approx(0.3, abs=0.05)


def test_children_that_ended_between_two_looks_are_in_their_parents_sum():
    burn_once = f"subprocess.run([sys.executable, '-S', '-c', {BURN.format(s=0.1)!r}])"
    script = f"import subprocess, sys\nfor _ in range(3): {burn_once}\n"
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", script + "print('done', flush=True)\ninput()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    child.stdout.readline()
    job = JobCpuSeconds()
    living_s = job.total_s([child.pid])
    child.stdin.close()
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    child.stdout.close()
    job.add_reaped(usage)
    assert living_s > 0.28
    assert job.total_s([]) == pytest.approx(living_s, abs=0.05)


def test_the_series_never_falls():
    job = JobCpuSeconds()
    first_s = job.total_s([os.getpid()])
    assert job.total_s([]) == first_s


def test_a_process_that_is_gone_has_no_times():
    child = subprocess.Popen(["true"])
    child.wait()
    assert process_times(child.pid) is None
    assert JobCpuSeconds().total_s([child.pid]) == 0


def test_descendants_hold_the_grandchildren():
    child = subprocess.Popen(["sh", "-c", "sleep 30 & echo $!; wait"], stdout=subprocess.PIPE)
    grandchild = int(child.stdout.readline())
    found = descendants([child.pid])
    assert descends_from(grandchild, os.getpid())
    assert descends_from(grandchild, child.pid)
    assert not descends_from(child.pid, grandchild)
    subprocess.run(["kill", str(grandchild)], check=True)
    child.communicate()
    assert found == {child.pid, grandchild}


def test_a_block_counts_itself_and_its_children_and_not_the_meter():
    block = BlockCpuSeconds(lambda: 0.0)
    burn(0.2)
    subprocess.run([sys.executable, "-S", "-c", BURN.format(s=0.2)], check=True)
    assert block.total_s() == pytest.approx(0.4, abs=0.08)
    meter_s = iter([0.0, 0.15, 0.15])
    metered = BlockCpuSeconds(lambda: next(meter_s))
    burn(0.2)
    assert metered.total_s() == pytest.approx(0.05, abs=0.04)


def test_the_way_up_begins_again_where_a_parent_has_ended(monkeypatch):
    """7 is a child of 6, which ends before it is looked at; 7 has become a child of 5."""
    parents_of_7 = iter([b"6", b"5"])
    monkeypatch.setattr(
        "carbonprint.measuring.processes._stat_fields",
        lambda pid: {7: lambda: [b"S", next(parents_of_7)], 6: lambda: None}[pid](),
    )
    assert descends_from(7, 5)
