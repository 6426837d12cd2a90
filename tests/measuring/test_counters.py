"""Counters of every kind, through codecarbon's own reader, on a tree of files; and who gets what they count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from powercap_tree import TWO_PACKAGES, Domain, tree_in_memory, writing
from wrapped import Wrapper

JOULES_PER_KWH = 3_600_000
PACKAGE = Domain("intel-rapl/intel-rapl:0", "package-0", 60.0)
BURN = (
    "import os, sys, time\n"
    "end = float(sys.argv[1])\n"
    "while time.process_time() < end: pass\n"
    "print(time.process_time())"
)


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


def measured(wrapper, tree, *command):
    wrapper.environment["CARBONPRINT_POWERCAP_DIR"] = str(tree.root)
    done = wrapper.run("--interval", "0.2", "--", *command)
    assert done.returncode == 0, done.stderr
    return wrapper.records()[0], done


def mean_power_w(record):
    return record["measurement"]["machine_energy_kwh"]["cpu"] * JOULES_PER_KWH / record["duration_s"]


def codes(record):
    return {caveat["code"] for caveat in record["caveats"]}


def test_a_counter_of_the_whole_platform_beside_the_packages_counts_nothing_twice(wrapper):
    psys = Domain("intel-rapl/intel-rapl:1", "psys", 95.0)
    with tree_in_memory([PACKAGE, psys]) as tree, writing(tree):
        record, _ = measured(wrapper, tree, "sleep", "2")
    assert mean_power_w(record) == pytest.approx(60, rel=0.02)


def test_a_package_that_is_shown_twice_counts_once(wrapper):
    mirror = Domain("intel-rapl-mmio/intel-rapl-mmio:0", "package-0", 60.0)
    with tree_in_memory([PACKAGE, mirror]) as tree, writing(tree):
        record, _ = measured(wrapper, tree, "sleep", "2")
    assert mean_power_w(record) == pytest.approx(60, rel=0.02)


@pytest.mark.parametrize("what", ["gone", "unreadable"])
def test_a_counter_that_goes_away_in_the_middle_leaves_a_gap_that_the_model_fills(wrapper, what):
    with tree_in_memory(TWO_PACKAGES) as tree, writing(tree):
        file = tree.root / TWO_PACKAGES[0].folder / "energy_uj"
        timer = threading.Timer(4.0, file.unlink if what == "gone" else lambda: _make_unreadable(file))
        timer.start()
        record, done = measured(wrapper, tree, "sleep", "5")
        timer.join()
    assert done.returncode == 0
    assert 0.3 < record["measurement"]["extrapolated_s"] < record["duration_s"] / 2
    assert record["measurement"]["quality"]["cpu"] == "counted"
    assert 0 < mean_power_w(record) < 135 * 1.02
    assert "extrapolated" in codes(record)


def _make_unreadable(file: Path) -> None:
    """A directory in its place: even root cannot read a number from it."""
    file.unlink()
    file.mkdir()


def test_a_counter_that_stops_in_the_middle_is_not_believed_from_then_on(wrapper):
    stops = Domain("intel-rapl/intel-rapl:0", "package-0", 60.0, stops_after_s=2.5)
    with tree_in_memory([stops]) as tree, writing(tree):
        record, _ = measured(wrapper, tree, "sleep", "4")
    measurement = record["measurement"]
    assert 0.5 < measurement["extrapolated_s"] < 3.5
    # What the model says of the rest is less than the counter would have, and more than nothing.
    assert measurement["machine_energy_kwh"]["cpu"] * JOULES_PER_KWH > 60 * (
        4 - measurement["extrapolated_s"] - 0.5
    )
    assert measurement["idle_energy_kwh"]["cpu"] > 0


# Who gets what is counted


FOLLOWS_LOAD = Domain("intel-rapl/intel-rapl:0", "package-0", 20.0, w_per_cpu=15.0)
"""20 W with nothing to do, and 15 W for every thread of the machine that is busy."""


def burned(wrapper, tree, neighbours):
    """Measure a job that burns two CPU seconds beside so many processes that have nothing to do with it."""
    others = [
        subprocess.Popen([sys.executable, "-S", "-c", BURN, "60"], stdout=subprocess.DEVNULL)
        for _ in range(neighbours)
    ]
    try:
        record, done = measured(wrapper, tree, sys.executable, "-S", "-c", BURN, "2")
    finally:
        for other in others:
            other.kill()
            other.wait()
    return record["measurement"], float(done.stdout), record["duration_s"]


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="a neighbour needs a core of its own")
def test_a_busy_neighbour_changes_the_machine_and_not_what_the_job_is_billed_for(wrapper, tmp_path):
    registry = Path(os.environ["CARBONPRINT_REGISTRY_DIR"])
    registry.mkdir(mode=0o1777, parents=True, exist_ok=True)
    with tree_in_memory([FOLLOWS_LOAD]) as tree, writing(tree):
        _know_idle_power({"cpu": 20.0}, tree.root)
        alone, alone_s, alone_took_s = burned(wrapper, tree, 0)
        beside, beside_s, beside_took_s = burned(wrapper, tree, 1)
    active_w = [
        each["active_energy_kwh"]["cpu"] * JOULES_PER_KWH / cpu_s
        for each, cpu_s in ((alone, alone_s), (beside, beside_s))
    ]
    assert active_w[1] == pytest.approx(active_w[0], rel=0.03)
    assert active_w[0] == pytest.approx(15, rel=0.03)
    idle_w = [
        each["idle_energy_kwh"]["cpu"] * JOULES_PER_KWH / took_s
        for each, took_s in ((alone, alone_took_s), (beside, beside_took_s))
    ]
    assert idle_w == pytest.approx([20, 20], rel=1e-6)
    assert beside["rest_energy_kwh"]["cpu"] * JOULES_PER_KWH > 0.5 * 15 * beside_took_s
    machine_w = 20 + 15 * 2
    assert beside["machine_energy_kwh"]["cpu"] * JOULES_PER_KWH == pytest.approx(
        machine_w * beside_took_s, rel=0.1
    )


def _know_idle_power(powers_w, powercap_dir):
    from carbonprint.measuring.idle_power import CALIBRATION, note_idle_w

    assert note_idle_w(powers_w, CALIBRATION, powercap_dir)


# The clock


JUMPS = """
import time
began, wall = time.monotonic(), time.time
time.time = lambda: wall() + (86400 if time.monotonic() - began > 0.6 else 0)
"""


def test_a_wall_clock_that_jumps_changes_no_duration(wrapper):
    wrapper.put_before({"sitecustomize.py": JUMPS})
    wrapper.run("--interval", "0.2", "--", "sleep", "1.5")
    record = wrapper.record()
    assert 1.5 <= record["duration_s"] < 3
    assert record["measurement"]["machine_energy_kwh"]["total"] * JOULES_PER_KWH < 1000
    assert json.dumps(record)
    assert abs(time.time() - _moment(record["started_at"])) < 60


def _moment(text):
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()
