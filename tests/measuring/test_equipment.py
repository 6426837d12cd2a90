"""What is made of readings at known moments, and what a run adds up to."""

from __future__ import annotations

import pytest

from carbonprint.hardware import Hardware, MachineKind
from carbonprint.measuring.detection import power_model
from carbonprint.measuring.equipment import Equipment
from carbonprint.measuring.measurement import Component, ReservedShare, ShareFrom
from carbonprint.measuring.readings import Instant, MeterReading
from carbonprint.measuring.tally import Setup, Tally

HARDWARE = Hardware(
    kind=MachineKind.SERVER, cpu_name="", cpu_vendor="", cpu_family=None, cpu_model=None, n_sockets=1, n_cpus=10,
    memory_gib=64.0,
)  # fmt: skip
MODEL = power_model(HARDWARE, 100.0)  # idle 10 W, full 85 W
WHOLE = ReservedShare(cpu=1.0, ram=1.0, gpu=None, origin=ShareFrom.MACHINE)


def tally_of(*steps):
    """Add steps of (seconds, busy CPU seconds, the job's CPU seconds, joules of the CPU) one after the other."""
    setup = Setup(hardware=HARDWARE, model=MODEL, reserved=WHOLE, has_cpu_counters=True)
    made, tally = Equipment(None, setup, []), Tally(setup)
    at_s = busy_s = job_s = 0.0
    for duration_s, more_busy_s, more_job_s, cpu_j in steps:
        last = Instant(at_s=at_s, busy_cpu_s=busy_s, job_cpu_s=job_s, meter_cpu_s=0.0)
        at_s, busy_s, job_s = at_s + duration_s, busy_s + more_busy_s, job_s + more_job_s
        now = Instant(at_s=at_s, busy_cpu_s=busy_s, job_cpu_s=job_s, meter_cpu_s=0.0)
        tally.add(made.interval(last, now, MeterReading(cpu_j=cpu_j)))
    return tally


def test_idle_power_is_the_lowest_seen_while_there_was_next_to_nothing_to_do():
    # 1 s at 40 W with 0.1 of 10 CPU seconds busy, then 1 s at 70 W with 5 busy, 4 of them the job's.
    sums = tally_of((1, 0.1, 0.05, 40.0), (1, 5, 4, 70.0)).sums()
    assert sums.idle[Component.CPU] == pytest.approx(80)
    assert sums.job_active[Component.CPU] == pytest.approx((70 - 40) * 4 / 5)
    assert sums.job_idle[Component.CPU] == pytest.approx(80)


def test_without_a_quiet_moment_idle_power_is_the_models():
    sums = tally_of((1, 5, 4, 70.0), (0.01, 0.0, 0.0, 0.3)).sums()  # too short a moment to tell
    assert sums.idle[Component.CPU] == pytest.approx(10 + 0.1)


def test_a_busy_job_on_a_large_machine_is_not_taken_for_its_idle():
    # 0.4 of 10 CPU seconds are below 5 % of the machine, and all of it is the job's.
    sums = tally_of(*[(1, 0.4, 0.4, 48.0)] * 5).sums()
    assert sums.idle[Component.CPU] == pytest.approx(5 * 10)  # the model's
    assert sums.job_active[Component.CPU] == pytest.approx(5 * 38)


def test_a_waiting_job_carries_the_idle_machine():
    sums = tally_of(*[(1, 0.02, 0.001, 55.0)] * 5).sums()
    assert sums.job_idle[Component.CPU] + sums.job_active[Component.CPU] == pytest.approx(5 * 55)


def test_after_a_long_gap_the_counters_are_not_believed():
    made = tally_of((3000, 30, 30, 12.0))
    assert made.sums().machine[Component.CPU] == pytest.approx(3000 * 10 + 75 * 30 / 10)


def test_a_long_run_is_kept_in_little_memory_and_adds_up():
    made = tally_of(*[(1, 1, 0.5, 20.0)] * 45_000)
    assert len(made._intervals) <= 20_000
    assert made.sums().machine[Component.CPU] == pytest.approx(45_000 * 20)
