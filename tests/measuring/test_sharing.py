"""What the registry says, put into intervals; and what a reader is told of others on the machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from carbonprint.errors import InvalidQuantityError
from carbonprint.hardware import Hardware, MachineKind, PowerModel
from carbonprint.measuring.assembly import assemble
from carbonprint.measuring.idle_division import Shares
from carbonprint.measuring.intervals import UNDIVIDED, GpuUse, IdleFactors, Interval
from carbonprint.measuring.measurement import ReservedShare, ShareFrom
from carbonprint.measuring.readings import Instant
from carbonprint.measuring.sharing import BUSY, Sharing, idle_share_from, shares_of
from carbonprint.measuring.tally import Setup, Tally
from carbonprint.provenance import Basis

MODEL = PowerModel(
    cpu_idle_w=10.0, cpu_full_w=90.0, cpu_model="cpu_tdp", cpu_basis=Basis.MODELLED, ram_w=4.0,
    other_fraction=0.12, base_w=50.0, base_sigma=0.5, other_basis=Basis.MODELLED,
)  # fmt: skip
WHOLE = ReservedShare(cpu=1.0, ram=1.0, gpu=None, origin=ShareFrom.MACHINE)
SETUP = Setup(
    hardware=Hardware(
        kind=MachineKind.SERVER,
        cpu_name="",
        n_sockets=1,
        cpu_vendor="",
        cpu_family=None,
        cpu_model=None,
        n_cpus=4,
        memory_gib=8.0,
    ),
    model=MODEL,
    reserved=WHOLE,
)
START = Instant(at_s=0.0, busy_cpu_s=0.0, job_cpu_s=0.0, meter_cpu_s=0.0)
ONE = Interval(duration_s=10.0, busy_cpu_s=20.0, job_cpu_s=4.0, meter_cpu_s=1.0)


class Registered:
    """A registration that says what a test wants it to say."""

    def __init__(self, others_s, factors=UNDIVIDED):
        self.others_s, self.factors = others_s, factors
        self.has_company, self.is_lost = True, False

    def close(self):
        self.is_closed = True

    def update(self, at_s, job_cpu_s, meter_cpu_s):
        self.updated = (at_s, job_cpu_s, meter_cpu_s)

    def idle_factors(self, since_s, until_s):
        return self.factors

    def board_factors(self, since_s, until_s):
        return ()

    def others_cpu_s(self, since_s, until_s):
        return self.others_s


def shared(interval, registration=None, idle_share=None):
    sharing = Sharing("a" * 10, idle_share)
    sharing._registration = registration
    now = replace(START, at_s=interval.duration_s, job_cpu_s=interval.job_cpu_s)
    return sharing.shared(interval, START, now, n_cpus=4)


def test_the_machine_was_as_busy_as_all_known_runs_were_and_no_busier_than_it_can_be():
    assert shared(ONE) == ONE
    assert shared(ONE, Registered(5.0)).busy_cpu_s == 20.0
    assert shared(ONE, Registered(18.0)).busy_cpu_s == 23.0
    assert shared(ONE, Registered(1e9)).busy_cpu_s == 40.0
    assert shared(replace(ONE, busy_cpu_s=None), Registered(5.0)).busy_cpu_s is None


def test_a_registry_that_fails_leaves_the_run_metered_and_says_so_once():
    sharing, registration = Sharing("a" * 10), Registered(5.0, IdleFactors(0.5, 0.5, 0.5, 0.5))
    sharing._registration = registration
    now = replace(START, at_s=10.0)
    assert sharing.shared(ONE, START, now, n_cpus=4).idle_factors.cpu == 0.5
    assert sharing.take_faults() == []
    registration.update = None  # calling it raises
    assert sharing.shared(ONE, START, now, n_cpus=4).idle_factors == UNDIVIDED
    assert registration.is_closed
    assert sharing.shared(ONE, START, now, n_cpus=4).idle_factors == UNDIVIDED
    assert [fault.code for fault in sharing.take_faults()] == ["registry-lost"]
    assert sharing.take_faults() == []


def test_by_busy_each_interval_is_divided_by_what_was_busy_in_it():
    assert shared(ONE, idle_share=BUSY).idle_factors == IdleFactors(cpu=0.2, ram=0.2, gpu=1.0, other=0.2)
    halves = Registered(0.0, IdleFactors(0.5, 0.5, 0.5, 0.5))
    assert shared(ONE, halves, BUSY).idle_factors == IdleFactors(cpu=0.1, ram=0.1, gpu=0.5, other=0.1)
    still = replace(ONE, busy_cpu_s=0.0, job_cpu_s=0.0, meter_cpu_s=0.0)
    assert shared(still, idle_share=BUSY).idle_factors.cpu == 0.0
    assert shared(ONE, halves, 0.5).idle_factors == IdleFactors(0.5, 0.5, 0.5, 0.5)


def test_what_is_reserved_is_told_as_the_energy_is_reckoned():
    assert shares_of(WHOLE) == Shares(cpu=1.0, ram=1.0, gpu=0.0, other=1.0)
    part = ReservedShare(cpu=0.25, ram=0.5, gpu=None, origin=ShareFrom.CGROUP)
    assert shares_of(part) == Shares(cpu=0.25, ram=0.5, gpu=0.0, other=0.5)
    unknown = ReservedShare(cpu=None, ram=None, gpu=None, origin=None)
    assert shares_of(unknown) == Shares(cpu=1.0, ram=1.0, gpu=0.0, other=1.0)


@pytest.mark.parametrize(("text", "share"), [("busy", BUSY), ("0", 0.0), ("0.25", 0.25), ("1", 1.0)])
def test_an_idle_share_as_people_write_it(text, share):
    assert idle_share_from(text) == share


@pytest.mark.parametrize("text", ["", "nan", "inf", "-1", "1.01", "80", "Busy", "1/2"])
def test_an_idle_share_that_cannot_be(text):
    with pytest.raises(InvalidQuantityError, match="fraction from 0 to 1"):
        idle_share_from(text)


def assembled(setup, *intervals):
    tally = Tally(setup)
    for interval in intervals:
        tally.add(interval)
    return assemble(
        tally, started_at=datetime(2026, 1, 31, tzinfo=UTC), duration_s=10.0, interval_s=1.0, cpu_s=4.0
    )


def codes(measurement):
    return {caveat.code for caveat in measurement.caveats}


def test_others_that_are_busy_while_a_run_carries_all_idle_power_are_named():
    measurement = assembled(SETUP, ONE)
    (text,) = [caveat.text for caveat in measurement.caveats if caveat.code == "busy-machine"]
    # 20 busy, 5 of them ours: 15 of 40
    assert "38%" in text
    assert "--idle-share busy" in text
    assert "busy-machine" not in codes(assembled(SETUP, replace(ONE, busy_cpu_s=8.0)))
    assert "busy-machine" not in codes(assembled(SETUP, replace(ONE, idle_factors=IdleFactors(*[0.5] * 4))))
    assert "busy-machine" not in codes(assembled(replace(SETUP, reserved=replace(WHOLE, cpu=0.5)), ONE))


def test_a_run_inside_another_says_so():
    measurement = assembled(replace(SETUP, outer_run="b" * 10), ONE)
    assert measurement.outer_run == "b" * 10
    assert "inner-run" in codes(measurement)


def test_runs_that_overlap_go_by_the_idle_power_known_at_their_start():
    quiet = Interval(
        duration_s=1.0, busy_cpu_s=0.0, job_cpu_s=0.0, meter_cpu_s=0.0, cpu_counted_j=7.0, ram_counted_j=2.0,
        gpus=(GpuUse(energy_j=20.0, utilisation=0.0),),
    )  # fmt: skip

    def idle_w(**changes):
        tally = Tally(replace(SETUP, **changes))
        tally.add(quiet)
        return tally.idle_power.cpu_w, tally.idle_power.ram_w, tally.idle_power.gpus_w

    assert idle_w() == (7.0, 2.0, (20.0,))
    assert idle_w(idle_w={"cpu": 6.0, "ram": 3.0, "gpu0": 25.0}) == (6.0, 2.0, (20.0,))
    assert idle_w(has_company=True, idle_w={"cpu": 9.0, "gpu0": 25.0}) == (9.0, 4.0, (25.0,))
    assert idle_w(has_company=True) == (10.0, 4.0, (20.0,))


def test_a_setup_comes_out_of_the_journal_as_it_went_in():
    setup = replace(SETUP, outer_run="b" * 10, has_company=True, idle_w={"cpu": 9.0})
    assert Setup.from_dict(setup.as_dict()) == setup
