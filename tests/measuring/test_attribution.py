"""The job's share: sums that hold whatever the figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.hardware import PowerModel
from carbonprint.measuring.attribution import Attribution, EnergySums, IdlePower
from carbonprint.measuring.intervals import GpuUse, IdleFactors, Interval, coarser
from carbonprint.measuring.measurement import Component, ReservedShare, ShareFrom
from carbonprint.provenance import Basis

N_CPUS = 4
MODEL = PowerModel(
    cpu_idle_w=10.0, cpu_full_w=90.0, cpu_model="cpu_tdp", cpu_basis=Basis.MODELLED, ram_w=4.0,
    other_fraction=0.12, base_w=50.0, base_sigma=0.5, other_basis=Basis.MODELLED,
)  # fmt: skip
WHOLE = ReservedShare(cpu=1.0, ram=1.0, gpu=1.0, origin=ShareFrom.MACHINE)

seconds = st.floats(0, 100)
joules = st.none() | st.floats(0, 1e4)
shares = st.floats(0, 1)


@st.composite
def intervals(draw):
    duration_s = draw(st.floats(0.001, 100))
    job_s, meter_s, rest_s = draw(seconds), draw(seconds), draw(seconds)
    return Interval(
        duration_s=duration_s,
        busy_cpu_s=draw(st.none() | st.just(job_s + meter_s + rest_s)),
        job_cpu_s=job_s,
        meter_cpu_s=meter_s,
        cpu_counted_j=draw(joules),
        ram_counted_j=draw(joules),
        gpus=(
            GpuUse(energy_j=draw(joules), active_share=draw(shares), idle_share=draw(shares)),
            GpuUse(energy_j=draw(joules), active_share=draw(shares)),
        ),
        idle_factors=IdleFactors(*(draw(shares) for _ in range(4))),
    )


IDLE = IdlePower(cpu_w=10.0, ram_w=4.0, gpus_w=(30.0, 20.0))


def added(*parts, reserved=WHOLE, **trust):
    attribution, sums = Attribution(MODEL, IDLE, reserved, N_CPUS, **trust), EnergySums()
    for part in parts:
        sums.add(attribution.split(part))
    return sums


def test_a_job_by_hand():
    # One of four threads busy for 10 s: 10 W idle, (90 − 10) / 4 = 20 W for the thread; 4 W of memory.
    sums = added(Interval(duration_s=10, busy_cpu_s=10, job_cpu_s=10, meter_cpu_s=0))
    assert sums.job_active[Component.CPU] == pytest.approx(200)
    assert sums.job_idle[Component.CPU] == pytest.approx(100)
    assert sums.job_idle[Component.RAM] == pytest.approx(40)
    # What no counter sees: 0.12 · 200 J of the active part; 0.12 · 140 J and 50 W · 10 s of idle.
    assert sums.job_active[Component.OTHER] == pytest.approx(24)
    assert sums.job_idle[Component.OTHER] == pytest.approx(16.8 + 500)
    assert sums.job_base_j == pytest.approx(500)


@given(st.lists(intervals(), min_size=1, max_size=5), shares, shares, shares)
def test_idle_job_meter_and_rest_add_up_to_the_machine(parts, cpu, ram, gpu):
    sums = added(*parts, reserved=ReservedShare(cpu=cpu, ram=ram, gpu=gpu, origin=ShareFrom.CGROUP))
    machine = sum(sums.machine.values())
    parts_j = sum(sums.idle.values()) + sum(sums.job_active.values()) + sums.meter_j + sum(sums.rest.values())
    assert parts_j == pytest.approx(machine, rel=1e-9, abs=1e-6)
    assert sum(sums.job_active.values()) + sum(sums.job_idle.values()) <= machine * (1 + 1e-9) + 1e-6


@given(intervals())
def test_no_part_is_negative(part):
    sums = added(part)
    for by_component in (sums.machine, sums.idle, sums.job_active, sums.job_idle, sums.rest):
        assert min(by_component.values()) >= -1e-6


@given(st.floats(0.01, 10), seconds, seconds, st.integers(1, 8))
def test_the_same_work_costs_the_same_in_one_interval_or_many(duration_s, job_s, rest_s, n):
    whole = added(Interval(duration_s=duration_s, busy_cpu_s=job_s + rest_s, job_cpu_s=job_s, meter_cpu_s=0))
    part = Interval(
        duration_s=duration_s / n, busy_cpu_s=(job_s + rest_s) / n, job_cpu_s=job_s / n, meter_cpu_s=0
    )
    cut = added(*[part] * n)
    for component in Component:
        assert cut.job_active[component] == pytest.approx(whole.job_active[component], abs=1e-9)
        assert cut.machine[component] == pytest.approx(whole.machine[component], abs=1e-9)


@given(st.floats(0.01, 10), seconds, seconds)
def test_without_counters_neighbours_change_neither_active_nor_idle_energy_of_the_job(
    duration_s, job_s, rest_s
):
    alone = added(Interval(duration_s=duration_s, busy_cpu_s=job_s, job_cpu_s=job_s, meter_cpu_s=0))
    beside = added(Interval(duration_s=duration_s, busy_cpu_s=job_s + rest_s, job_cpu_s=job_s, meter_cpu_s=0))
    for component in Component:
        assert beside.job_active[component] == pytest.approx(alone.job_active[component], abs=1e-9)
        assert beside.job_idle[component] == pytest.approx(alone.job_idle[component], abs=1e-9)


@given(intervals(), seconds)
def test_more_work_never_costs_less(part, more_s):
    def with_job(job_s):
        busy_s = job_s + part.meter_cpu_s + 5
        return added(
            Interval(
                duration_s=part.duration_s, busy_cpu_s=busy_s, job_cpu_s=job_s, meter_cpu_s=part.meter_cpu_s,
                cpu_counted_j=part.cpu_counted_j,
            )
        )  # fmt: skip

    less, more = with_job(part.job_cpu_s), with_job(part.job_cpu_s + more_s)
    assert more.job_active[Component.CPU] >= less.job_active[Component.CPU] - 1e-6


def test_counted_idle_is_never_above_what_was_counted():
    sums = added(
        Interval(duration_s=10, busy_cpu_s=1, job_cpu_s=1, meter_cpu_s=0, cpu_counted_j=30, ram_counted_j=5)
    )
    assert sums.idle[Component.CPU] == 30  # the model says 10 W · 10 s = 100 J
    assert sums.idle[Component.RAM] == 5
    assert sums.job_active[Component.CPU] == 0


def test_a_reserved_half_carries_half_of_what_is_idle():
    half = ReservedShare(cpu=0.5, ram=0.25, gpu=0.0, origin=ShareFrom.AFFINITY)
    sums = added(Interval(duration_s=10, busy_cpu_s=0, job_cpu_s=0, meter_cpu_s=0), reserved=half)
    assert sums.job_idle[Component.CPU] == pytest.approx(50)
    assert sums.job_idle[Component.RAM] == pytest.approx(10)
    # 0.12 of the 50 J and 10 J that the job carries of CPU and memory; half of the 500 J of base power.
    assert sums.job_idle[Component.OTHER] == pytest.approx(0.12 * 60 + 250)
    assert sums.rest == dict.fromkeys(Component, 0)


def test_other_of_a_job_is_in_proportion_to_its_other_components_whatever_the_shares():
    share = ReservedShare(cpu=0.5, ram=1.0, gpu=None, origin=ShareFrom.AFFINITY)
    sums = added(Interval(duration_s=7, busy_cpu_s=9, job_cpu_s=3, meter_cpu_s=1), reserved=share)
    job = {part: sums.job_active[part] + sums.job_idle[part] for part in Component}
    seen = job[Component.CPU] + job[Component.RAM] + job[Component.GPU]
    assert job[Component.OTHER] == pytest.approx(0.12 * seen + 50 * 7 * 1.0)


def test_counters_that_are_not_trusted_are_not_used():
    part = Interval(duration_s=10, busy_cpu_s=4, job_cpu_s=4, meter_cpu_s=0, cpu_counted_j=0, ram_counted_j=0)
    sums = added(part, trust_cpu=False, trust_ram=False)
    assert sums.machine[Component.CPU] == pytest.approx(100 + 80)
    assert sums.machine[Component.RAM] == pytest.approx(40)


@given(st.lists(intervals(), max_size=40))
def test_merging_by_twos_keeps_every_sum(parts):
    def total(items, name):
        return sum(getattr(item, name) or 0.0 for item in items)

    merged = coarser(parts)
    assert len(merged) <= len(parts)
    for name in ("duration_s", "job_cpu_s", "meter_cpu_s", "busy_cpu_s", "cpu_counted_j", "gpu_counted_j"):
        assert total(merged, name) == pytest.approx(total(parts, name))
