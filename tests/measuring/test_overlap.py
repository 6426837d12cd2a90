"""Runs that overlap on one machine: real processes, against a powercap tree of a known power."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from datetime import datetime
from itertools import pairwise
from types import SimpleNamespace

import pytest
from powercap_tree import Domain, tree_in_memory, writing
from wrapped import CARBONPRINT, Wrapper

from carbonprint.measuring.registry_entry import Entry

JOULES_PER_KWH = 3_600_000
PARTS = ("cpu", "ram", "other", "total")
MACHINE = (
    Domain("intel-rapl/intel-rapl:0", "package-0", 60.0),
    Domain("intel-rapl/intel-rapl:0/intel-rapl:0:0", "dram", 8.0),
)
IDLE_W = {"cpu": 40.0, "ram": 6.0}
NOTE = (
    "import sys; from pathlib import Path; from carbonprint.measuring.idle_power import *; "
    "print(note_idle_w(eval(sys.argv[1]), CALIBRATION, Path(sys.argv[2])))"
)


def until(name, *, pause=":"):
    """A command that goes on until a file is there; for half a minute at most, whatever fails in the test."""
    return ("timeout", "30", "sh", "-c", f"until [ -e {name} ]; do {pause}; done")


def sampled(registry, pids, *, at_least_s=0.4):
    """Wait until these wrappers have counted so much time."""
    waiting, give_up_s = set(pids), time.monotonic() + 30
    while waiting and time.monotonic() < give_up_s:
        entries = [Entry.from_line(path.read_bytes()) for path in registry.glob("*.run")]
        waiting -= {each.pid for each in entries if each and each.last_s - each.start_s > at_least_s}
        time.sleep(0.05)
    assert not waiting


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    """Five runs at once: one burns, one starts late with another inside it, one is killed, one is put to sleep."""
    folder = tmp_path_factory.mktemp("overlap")
    wrapper, registry = Wrapper(folder), folder / "registry"
    own = {name: value for name, value in os.environ.items() if not name.startswith("CARBONPRINT_")}
    with tree_in_memory(MACHINE) as tree, writing(tree) as logs:
        wrapper.environment = {
            **own,
            "CARBONPRINT_STATE_DIR": str(wrapper.state_dir),
            "CARBONPRINT_REGISTRY_DIR": str(registry),
            "CARBONPRINT_POWERCAP_DIR": str(tree.root),
            "CARBONPRINT_INTERVAL": "0.1",
        }
        note = [CARBONPRINT[0], "-c", NOTE, str(IDLE_W), str(tree.root)]
        subprocess.run(note, env=wrapper.environment, check=True, capture_output=True)
        burning = wrapper.start("--name", "burning", "--", *until("first"))
        asleep = wrapper.start("--name", "asleep", "--", *until("last", pause="sleep 0.05"))
        killed = wrapper.start("--name", "killed", "--", "sh", "-c", "echo $$; exec sleep 30")
        left_behind = int(killed.stdout.readline())
        sampled(registry, [burning.pid, asleep.pid, killed.pid])
        told_pid = ("sh", "-c", 'echo $PPID; exec "$@"', "_")
        inner = [*CARBONPRINT, "run", "--name", "inner", "--", *told_pid, *until("last")]
        outer = wrapper.start("--name", "outer", "--", *inner)
        sampled(registry, [outer.pid, int(outer.stdout.readline())])
        killed.kill()
        os.kill(left_behind, signal.SIGKILL)
        asleep.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        (wrapper.folder / "first").touch()
        burning.communicate(timeout=60)
        asleep.send_signal(signal.SIGCONT)
        time.sleep(0.3)
        (wrapper.folder / "last").touch()
        for process in (asleep, killed, outer):
            process.communicate(timeout=60)
        records = {record["name"]: record for record in wrapper.records()}
    return SimpleNamespace(records=records, log=logs[0])


def span(record):
    start_s = datetime.fromisoformat(record["started_at"]).timestamp()
    return start_s, start_s + record["duration_s"]


def joules(record, what):
    return {part: record["measurement"][what][part] * JOULES_PER_KWH for part in PARTS}


def outermost(records):
    return [record for record in records.values() if record["measurement"]["outer_run"] is None]


def union(records):
    """Start and end of the time in which any of the runs lived; there is no gap in it."""
    spans = sorted(span(record) for record in records)
    assert all(
        later[0] < max(end for _, end in spans[: n + 1]) for n, (_, later) in enumerate(pairwise(spans))
    )
    return spans[0][0], max(end for _, end in spans)


def machine_j(scenario, start_s, end_s):
    """What the machine drew in that time, by the log of the writer and by the model of what it does not show. [J]"""
    cpu_j = scenario.log.energy_j("package", start_s, end_s)
    ram_j = scenario.log.energy_j("dram", start_s, end_s)
    record = scenario.records["burning"]
    machine = joules(record, "machine_energy_kwh")
    base_w = (machine["other"] - 0.12 * (machine["cpu"] + machine["ram"])) / record["duration_s"]
    other_j = 0.12 * (cpu_j + ram_j) + base_w * (end_s - start_s)
    return {"cpu": cpu_j, "ram": ram_j, "other": other_j, "total": cpu_j + ram_j + other_j}


def test_all_runs_are_kept_and_the_killed_one_is_marked(scenario):
    states = {name: record["state"] for name, record in scenario.records.items()}
    assert states == dict.fromkeys(("burning", "asleep", "outer", "inner"), "finished") | {
        "killed": "interrupted"
    }


def test_the_sum_of_the_jobs_never_exceeds_the_machine(scenario):
    runs = outermost(scenario.records)
    assert len(runs) == 4
    machine = machine_j(scenario, *union(runs))
    for part in PARTS:
        # The counters of the tree lag by up to 3 ms at either end of a run of 3 s.
        assert sum(joules(run, "energy_kwh")[part] for run in runs) <= 1.003 * machine[part]
        assert sum(joules(run, "active_energy_kwh")[part] for run in runs) < machine[part]


def test_the_idle_parts_add_up_to_the_idle_machine(scenario):
    """All of it but what was counted for the killed run, as alive, after its last sample."""
    runs = outermost(scenario.records)
    start_s, end_s = union(runs)
    for part in ("cpu", "ram"):
        for run in runs:
            idle_j = joules(run, "idle_energy_kwh")[part]
            assert idle_j == pytest.approx(IDLE_W[part] * run["duration_s"], rel=0.02), "one figure for all"
        counted_j = sum(
            joules(run, "energy_kwh")[part] - joules(run, "active_energy_kwh")[part] for run in runs
        )
        assert 0.9 * IDLE_W[part] * (end_s - start_s) < counted_j <= 1.001 * IDLE_W[part] * (end_s - start_s)


def test_the_inner_run_names_its_outer_which_includes_it(scenario):
    outer, inner = scenario.records["outer"], scenario.records["inner"]
    assert inner["measurement"]["outer_run"] == outer["run_id"]
    assert outer["measurement"]["outer_run"] is None
    assert "inner-run" in {caveat["code"] for caveat in inner["caveats"]}
    assert inner["measurement"]["cpu_s"] < outer["measurement"]["cpu_s"]
    for part in PARTS:
        assert joules(inner, "energy_kwh")[part] < joules(outer, "energy_kwh")[part]


def test_each_run_says_what_its_share_was(scenario):
    for record in scenario.records.values():
        assert 0.2 < record["measurement"]["idle_share"] < 0.95
        assert record["measurement"]["idle_share_from"] == "machine"
    inner, outer = (scenario.records[name]["measurement"]["idle_share"] for name in ("inner", "outer"))
    assert inner == pytest.approx(outer, abs=0.15)


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


def test_two_runs_with_equal_edges_divide_the_idle_machine_in_halves(wrapper):
    runs = [wrapper.start("--interval", "0.1", "--", "sleep", "1.5") for _ in range(2)]
    for process in runs:
        process.communicate(timeout=60)
    records = wrapper.records()
    start_s, end_s = union(records)
    for part in ("cpu", "ram"):
        idle_w = joules(records[0], "idle_energy_kwh")[part] / records[0]["duration_s"]
        counted_j = sum(
            joules(run, "energy_kwh")[part] - joules(run, "active_energy_kwh")[part] for run in records
        )
        assert 0.97 * idle_w * (end_s - start_s) < counted_j <= 1.0001 * idle_w * (end_s - start_s)


def test_a_wrapper_leaves_nothing_open_for_the_command(wrapper):
    done = wrapper.run("--", "sh", "-c", "ls -l /proc/self/fd")
    assert b"registry" not in done.stdout


def test_a_registry_that_cannot_be_used_harms_nothing(wrapper, tmp_path):
    (tmp_path / "file").touch()
    wrapper.environment["CARBONPRINT_REGISTRY_DIR"] = str(tmp_path / "file")
    assert wrapper.run("--", "sh", "-c", "exit 3").returncode == 3
    measurement = wrapper.record()["measurement"]
    assert (measurement["idle_share"], measurement["outer_run"]) == (1.0, None)


def test_idle_power_that_was_calibrated_is_what_a_run_goes_by(wrapper):
    with tree_in_memory(MACHINE) as tree, writing(tree):
        note = [CARBONPRINT[0], "-c", NOTE, "{'cpu': 21.0}", str(tree.root)]
        told = subprocess.run(note, env=wrapper.environment, capture_output=True, check=True)
        assert told.stdout == b"True\n"
        wrapper.environment["CARBONPRINT_POWERCAP_DIR"] = str(tree.root)
        wrapper.run("--", "sleep", "0.3")
    record = wrapper.record()
    assert joules(record, "idle_energy_kwh")["cpu"] == pytest.approx(21.0 * record["duration_s"])


def test_idle_power_that_a_run_has_seen_is_kept_for_the_next(wrapper, tmp_path):
    """A job that sleeps, on a machine that tells no load of others: /proc/stat is not what is tested here."""
    wrapper.put_before(
        {
            "sitecustomize.py": """
            import carbonprint.measuring.metering as metering
            metering.busy_cpu_seconds = lambda: 1000.0
            """
        }
    )
    with tree_in_memory(MACHINE) as tree, writing(tree):
        wrapper.environment["CARBONPRINT_POWERCAP_DIR"] = str(tree.root)
        wrapper.run("--interval", "0.25", "--", "sleep", "2.5")
    (file,) = (tmp_path.parent / os.environ["CARBONPRINT_REGISTRY_DIR"]).glob("idle-power.*.json")
    seen = json.loads(file.read_text())["idle"]
    assert seen["cpu"]["origin"] == "seen"
    assert 50 < seen["cpu"]["power_w"] < 62
    assert 6 < seen["ram"]["power_w"] < 8.5


@pytest.mark.parametrize("text", ["nonsense", "1.5", "-0.1", "nan", "80"])
def test_an_idle_share_that_cannot_be_is_refused_in_one_sentence(wrapper, text):
    done = wrapper.run("--idle-share", text, "--", "touch", "ran")
    assert done.returncode == 2
    assert text.encode() in done.stderr
    assert b"Traceback" not in done.stderr
    assert not (wrapper.folder / "ran").exists()


def test_the_user_may_say_what_the_idle_share_is(wrapper):
    wrapper.run("--idle-share", "0.25", "--", "sleep", "0.3")
    measurement = wrapper.record()["measurement"]
    assert measurement["idle_share_from"] == "option"
    assert measurement["idle_share_by"] == {"cpu": 0.25, "ram": 0.25, "gpu": None, "other": 0.25}
    idle = measurement["idle_energy_kwh"]["ram"]
    assert measurement["energy_kwh"]["ram"] == pytest.approx(0.25 * idle)


def test_by_busy_a_job_that_sleeps_carries_next_to_nothing_of_the_idle_machine(wrapper):
    wrapper.run("--name", "asleep", "--idle-share", "busy", "--", "sleep", "0.5")
    wrapper.run(
        "--name", "busy", "--idle-share", "busy", "--", "timeout", "1", "sh", "-c", "while :; do :; done"
    )
    shares = {record["name"]: record["measurement"] for record in wrapper.records()}
    assert shares["asleep"]["idle_share"] < 0.1
    assert 3 * shares["asleep"]["idle_share"] < shares["busy"]["idle_share"] <= 1.0
    assert shares["busy"]["idle_share_from"] == "option"
