"""From a series back to powers: the same sums as the run's, and one sentence where it is damaged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import replace

import pytest
from powercap_tree import TWO_PACKAGES, tree_in_memory, writing
from wrapped import CARBONPRINT, Wrapper

from carbonprint.errors import SamplesError
from carbonprint.hardware import Hardware, MachineKind
from carbonprint.measuring import metering
from carbonprint.measuring.detection import power_model
from carbonprint.measuring.intervals import GpuUse, IdleFactors, Interval
from carbonprint.measuring.measurement import Component, ReservedShare, ShareFrom
from carbonprint.measuring.metering import Metering
from carbonprint.measuring.plan import Plan
from carbonprint.measuring.samples import pack, unpack
from carbonprint.measuring.tally import Setup, Tally

HARDWARE = Hardware(
    kind=MachineKind.SERVER, cpu_name="", cpu_vendor="", cpu_family=None, cpu_model=None, n_sockets=1, n_cpus=10,
    memory_gib=64.0,
)  # fmt: skip
WHOLE = ReservedShare(cpu=0.5, ram=1.0, gpu=1.0, origin=ShareFrom.AFFINITY)
SETUP = Setup(
    hardware=HARDWARE, model=power_model(HARDWARE, 100.0), reserved=WHOLE, has_cpu_counters=True,
    gpu_model="nvml", gpu_names=("a", "b"),
)  # fmt: skip

ONE = Interval(
    duration_s=1.0, busy_cpu_s=5.0, job_cpu_s=4.0, meter_cpu_s=0.5, cpu_counted_j=70.0, ram_counted_j=6.0,
    gpus=(GpuUse(energy_j=300.0, active_share=0.5), GpuUse(energy_j=200.0)),
    idle_factors=IdleFactors(cpu=0.5),
)  # fmt: skip
QUIET = replace(ONE, busy_cpu_s=0.1, job_cpu_s=0.05, meter_cpu_s=0.0, cpu_counted_j=40.0)


def tally_of(*intervals, setup=SETUP):
    tally = Tally(setup)
    for interval in intervals:
        tally.add(interval)
    return tally


def test_samples_add_up_to_the_run():
    tally = tally_of(QUIET, ONE, replace(ONE, cpu_counted_j=None, unseen_s=1.0), ONE)
    sums, samples = tally.sums(), list(unpack(pack(tally), "a"))
    assert [sample.number for sample in samples] == [1, 2, 3, 4]
    assert [sample.start_s for sample in samples] == [0.0, 1.0, 2.0, 3.0]
    for name in ("machine", "idle", "job_active", "job_idle"):
        for part in Component:
            expected = getattr(sums, name)[part]
            assert sum(getattr(each.split, name)[part] for each in samples) == pytest.approx(
                expected, abs=0.1
            )
    # The first second tells the idle power of all: 40 W, half of it the job's by reservation, half of that by overlap.
    assert samples[1].split.idle[Component.CPU] == pytest.approx(40)
    assert samples[1].split.job_idle[Component.CPU] == pytest.approx(10)
    assert samples[1].job_cpu_share == pytest.approx(0.8)


def test_a_counter_that_is_not_trusted_in_the_end_is_not_trusted_in_any_sample():
    # It did not move for so short a time that it was believed; the run ended without its ever moving.
    short = replace(ONE, duration_s=0.1, cpu_counted_j=0.0, still=frozenset({"cpu"}))
    tally = tally_of(short)
    (sample,) = unpack(pack(tally), "a")
    assert sample.split.machine[Component.CPU] == pytest.approx(tally.sums().machine[Component.CPU])
    assert sample.split.machine[Component.CPU] > 0


def test_what_is_not_known_is_none_and_not_zero():
    setup = replace(SETUP, model=replace(SETUP.model, ram_w=None))
    dark = (GpuUse(energy_j=None), GpuUse(energy_j=None))
    unseen = replace(ONE, ram_counted_j=None, gpus=dark, busy_cpu_s=None)
    (sample,) = unpack(pack(tally_of(unseen, setup=setup)), "a")
    known_j = sample.known_j(sample.split.machine)
    assert (known_j["ram"], known_j["gpu"]) == (None, None)
    assert known_j["total"] == pytest.approx(known_j["cpu"] + known_j["other"])
    assert sample.power_w(known_j["ram"]) is None
    assert sample.power_w(known_j["cpu"]) == pytest.approx(70)
    assert sample.job_cpu_share is None


def test_a_sample_that_took_no_time_has_no_power():
    (sample,) = unpack(pack(tally_of(replace(ONE, duration_s=0.0))), "a")
    assert sample.power_w(1.0) is None


def test_a_run_without_samples_has_no_series():
    assert pack(tally_of()) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data": b"\0"}, "its end is missing"),
        ({"setup": {}}, "damaged"),
        ({"setup": {"setup": {"hardware": 1}, "idle": {}, "trusted": []}}, "damaged"),
        ({"form": 2}, "a newer carbonprint"),
    ],
)
def test_damage_is_one_sentence_that_names_the_run(changes, told):
    series = replace(pack(tally_of(ONE)), **changes)
    with pytest.raises(SamplesError, match=told) as caught:
        list(unpack(series, "abc123"))
    assert "samples of run abc123" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_samples_that_cannot_be_kept_cost_no_more_than_themselves(monkeypatch):
    from carbonprint.measuring.assembly import assemble

    tally = tally_of(ONE, ONE)
    monkeypatch.setattr(tally.series, "_fault", "cannot convert float NaN to integer")
    measurement = assemble(
        tally, started_at=metering.datetime.now(metering.UTC), duration_s=2.0, interval_s=1.0, cpu_s=8.0
    )
    assert measurement.series is None
    assert measurement.energy.total > 0
    assert [each.code for each in measurement.caveats if each.code == "series-fault"] == ["series-fault"]


# A long run


def long_run(tmp_path, n_samples, **options):
    meter = Metering(Plan(interval_s=0.004, powercap_dir=tmp_path / "no-powercap", **options), lambda: 0.0)
    meter.load()
    for _ in range(n_samples):
        meter.sample(0.0, lambda _pid: False)
    return meter.finish(lambda: 0.0, lambda _pid: False, lambda: None)(0.0)


def test_a_long_run_widens_its_interval_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(metering, "_MOST_SAMPLES", 5)
    measurement = long_run(tmp_path, 14, widens=True)
    assert measurement.interval_s == 0.016  # doubled after 5 and after 10
    (caveat,) = [each for each in measurement.caveats if each.code == "interval-widened"]
    assert "every 0.004 s at first and every 0.016 s at its end" in caveat.text
    assert measurement.series.n_samples == 15


def test_an_interval_grows_up_to_a_minute_and_one_that_was_chosen_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(metering, "_MOST_SAMPLES", 1)
    assert long_run(tmp_path, 20, widens=True).interval_s == 60.0
    chosen = long_run(tmp_path, 20)
    assert chosen.interval_s == 0.004
    assert "interval-widened" not in {each.code for each in chosen.caveats}


# Real runs


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


def samples_of(wrapper):
    done = subprocess.run(
        [*CARBONPRINT, "runs", "show", "last", "--samples", "--format", "json"],
        env=wrapper.environment, cwd=wrapper.folder, capture_output=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_a_run_with_counters_keeps_the_power_of_every_sample(wrapper):
    with tree_in_memory(TWO_PACKAGES) as tree, writing(tree):
        wrapper.environment["CARBONPRINT_POWERCAP_DIR"] = str(tree.root)
        wrapper.run("--interval", "0.2", "--", "sleep", "1.5")
    rows, record = samples_of(wrapper), wrapper.record()
    assert len(rows) == record["measurement"]["series"]["n_samples"]
    assert rows[-1]["end_s"] == pytest.approx(record["duration_s"], abs=0.001)
    for part in ("cpu", "ram", "other", "total"):
        machine_j = record["measurement"]["machine_energy_kwh"][part] * 3.6e6
        assert sum(row[f"machine_{part}_j"] for row in rows) == pytest.approx(machine_j, rel=0.001)
        job_j = record["measurement"]["energy_kwh"][part] * 3.6e6
        found_j = sum(row[f"job_active_{part}_j"] + row[f"job_idle_{part}_j"] for row in rows)
        assert found_j == pytest.approx(job_j, rel=0.001, abs=0.1)
    mean_w = sum(row["machine_cpu_j"] for row in rows) / rows[-1]["end_s"]
    assert mean_w == pytest.approx(55 + 80, rel=0.05)


def test_the_samples_of_a_wrapper_that_was_killed_are_kept_with_its_run(wrapper):
    process = wrapper.start("--interval", "0.1", "--", "sh", "-c", "echo $$; exec sleep 30")
    pid = int(process.stdout.readline())
    while len(journals := [*(wrapper.state_dir / "journal").glob("*.jsonl")]) == 0 or (
        journals[0].read_bytes().count(b'["interval"') < 3
    ):
        time.sleep(0.05)
    process.kill()
    process.wait()
    os.kill(pid, signal.SIGKILL)
    process.communicate()
    rows, record = samples_of(wrapper), wrapper.record()
    assert record["state"] == "interrupted"
    assert len(rows) == record["measurement"]["series"]["n_samples"] >= 3
    assert rows[-1]["end_s"] == pytest.approx(record["duration_s"], abs=0.001)


def test_samples_need_no_numpy(wrapper):
    wrapper.put_before({"numpy/__init__.py": "raise ImportError('this library is broken')"})
    wrapper.run("--", "true")
    assert wrapper.record()["measurement"]["series"] == {"n_samples": 1}


def test_where_the_ledger_cannot_be_written_the_samples_are_in_the_file(wrapper):
    wrapper.state_dir.write_text("a file where the directory should be")
    wrapper.environment["TMPDIR"] = str(wrapper.folder)
    wrapper.run("--", "true")
    (aside,) = wrapper.folder.glob("carbonprint-*.json")
    wrapper.environment["CARBONPRINT_STATE_DIR"] = str(wrapper.folder / "other")
    subprocess.run([*CARBONPRINT, "runs", "import", str(aside)], env=wrapper.environment, check=True)
    assert len(samples_of(wrapper)) == 1
