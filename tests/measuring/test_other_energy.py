"""What no counter sees: by model, and as the rest of a meter at the machine's input."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_attribution import IDLE, MODEL, N_CPUS, WHOLE, intervals, joules, shares

from carbonprint.measuring.attribution import Attribution, EnergySums
from carbonprint.measuring.intervals import Interval
from carbonprint.measuring.measurement import Component, ReservedShare, ShareFrom
from carbonprint.measuring.node_energy import NodeTotals, spread
from carbonprint.measuring.other_energy import EnergyParts, factors_into_node, other_by_node

CURVED = replace(MODEL, cpu_curve=((0.0, 10.0), (0.4, 60.0), (1.0, 90.0)))
AT_THE_WALL = replace(MODEL, node_curve=((0.0, 90.0), (0.5, 140.0), (1.0, 260.0)))

watts = st.floats(0, 500)


def added(parts, *, model=MODEL, reserved=WHOLE, node_w=None, **trust):
    idle = replace(IDLE, node_w=node_w)
    attribution, sums = Attribution(model, idle, reserved, N_CPUS, **trust), EnergySums()
    for part in parts:
        sums.add(attribution.split(part))
    return sums


@st.composite
def metered(draw):
    return replace(draw(intervals()), node_counted_j=draw(st.floats(0, 1e5)))


reservations = st.builds(ReservedShare, cpu=shares, ram=shares, gpu=shares, origin=st.just(ShareFrom.CGROUP))


def test_the_rest_of_a_node_by_hand():
    # 1000 J, 400 of them seen; idle 500 J, 150 of them seen: 600 unseen, 350 idle and 250 active.
    seen = EnergyParts(machine_j=400, idle_j=150, job_active_j=200, job_idle_j=75, meter_j=5)
    other = other_by_node(seen, 1000, 500, fraction=0.12, base_j=100, base_share=0.5, cpu_parts=(0, 0))
    assert (other.machine_j, other.idle_j) == (600, 350)
    assert other.job_active_j == pytest.approx(250 * 200 / 250)
    assert other.meter_j == pytest.approx(250 * 5 / 250)
    # 0.12 · 150 = 18 J follow what is seen, of which the job has half; of the other 332 J it has its share, half.
    assert other.job_idle_j == pytest.approx(9 + 166)
    assert other.job_base_j == pytest.approx(166)


def test_what_was_modelled_gives_way_first():
    assert factors_into_node(60, 50, 200) == (1, 1)
    assert factors_into_node(60, 50, 80) == (1, pytest.approx(0.4))
    assert factors_into_node(60, 50, 30) == (0.5, 0)
    assert factors_into_node(0, 0, 0) == (1, 1)


@given(st.lists(metered(), min_size=1, max_size=5), reservations, st.none() | watts)
def test_with_a_meter_the_machine_is_what_it_says_and_all_parts_add_up(parts, reserved, node_w):
    sums = added(parts, reserved=reserved, node_w=node_w)
    node_j = sum(part.node_counted_j for part in parts)
    assert sum(sums.machine.values()) == pytest.approx(node_j, rel=1e-9, abs=1e-6)
    parts_j = sum(sums.idle.values()) + sum(sums.job_active.values()) + sums.meter_j + sum(sums.rest.values())
    assert parts_j == pytest.approx(node_j, rel=1e-9, abs=1e-6)
    assert sum(sums.job_active.values()) + sum(sums.job_idle.values()) <= node_j * (1 + 1e-9) + 1e-6


@given(metered(), reservations, st.none() | watts)
def test_with_a_meter_no_part_is_negative(part, reserved, node_w):
    sums = added([part], reserved=reserved, node_w=node_w)
    for by_component in (sums.machine, sums.idle, sums.job_active, sums.job_idle, sums.rest):
        assert min(by_component.values()) >= -1e-6
    assert sums.meter_j >= -1e-6


@given(st.lists(intervals(), min_size=1, max_size=5), reservations, st.sampled_from([CURVED, AT_THE_WALL]))
def test_with_a_load_curve_all_parts_add_up_and_none_is_negative(parts, reserved, model):
    node_w = model.node_curve[0][1] if model.node_curve else None
    sums = added(parts, model=model, reserved=reserved, node_w=node_w)
    machine_j = sum(sums.machine.values())
    parts_j = sum(sums.idle.values()) + sum(sums.job_active.values()) + sums.meter_j + sum(sums.rest.values())
    assert parts_j == pytest.approx(machine_j, rel=1e-9, abs=1e-6)
    for by_component in (sums.machine, sums.idle, sums.job_active, sums.job_idle, sums.rest):
        assert min(by_component.values()) >= -1e-6


@given(metered(), joules)
def test_a_meter_that_is_not_believed_changes_nothing(part, other_j):
    plain = added([replace(part, node_counted_j=None)])
    assert added([replace(part, node_counted_j=other_j)], trust_node=False).machine == plain.machine


def test_watts_at_the_wall_by_hand():
    # Two of four threads busy for 10 s: 140 W at the wall, 50 W of them the CPU's, 4 W the memory's.
    sums = added(
        [Interval(duration_s=10, busy_cpu_s=20, job_cpu_s=20, meter_cpu_s=0)], model=AT_THE_WALL, node_w=90.0
    )
    assert sum(sums.machine.values()) == pytest.approx(1400)
    assert sums.machine[Component.OTHER] == pytest.approx(1400 - 500 - 40)
    assert sum(sums.idle.values()) == pytest.approx(900)
    assert sums.job_active[Component.OTHER] == pytest.approx(500 - 400)


def test_a_neighbour_does_not_change_the_active_energy_of_a_job_under_a_meter():
    def job(rest_s):
        node_j = 900 + 30 * (10 + rest_s)  # 30 J for every busy CPU second
        cpu_j = 100 + 20 * (10 + rest_s)
        part = Interval(
            duration_s=10, busy_cpu_s=10 + rest_s, job_cpu_s=10, meter_cpu_s=0, cpu_counted_j=cpu_j,
            node_counted_j=node_j,
        )  # fmt: skip
        return added([part], node_w=90.0)

    alone, beside = job(0), job(20)
    assert sum(alone.job_active.values()) == pytest.approx(300)
    assert sum(beside.job_active.values()) == pytest.approx(300)
    assert sum(beside.job_idle.values()) == pytest.approx(sum(alone.job_idle.values()))


# Meters that count in coarse steps


def steps(*counted_j, cpu_j=None):
    return [
        Interval(
            duration_s=1, busy_cpu_s=0, job_cpu_s=0, meter_cpu_s=0, node_counted_j=each, cpu_counted_j=cpu_j
        )
        for each in counted_j
    ]


def test_a_step_is_spread_over_the_time_that_it_took():
    found = [each.node_counted_j for each in spread(steps(0.0, 300.0, 0.0, 200.0, None, 300.0, 0.0))]
    assert found == [100, 100, 100, 100, None, 300, 300]


@given(st.lists(st.sampled_from([0.0, 3600.0]), min_size=2, max_size=50))
def test_between_the_first_and_the_last_step_the_sum_is_kept(counted_j):
    moved = [number for number, each in enumerate(counted_j) if each > 0]
    found = [each.node_counted_j for each in spread(steps(*counted_j))]
    if len(moved) < 2:
        assert set(found) == {None}
    else:
        first, last = moved[0] + 1, moved[-1] + 1
        assert sum(found[first:last]) == pytest.approx(sum(counted_j[first:last]))
        assert min(found) > 0


def totals(*parts):
    found = NodeTotals()
    for part in parts:
        found.add(part)
    return found


def test_when_a_meter_is_believed():
    assert not totals().is_believed
    assert totals(*steps(100.0)).is_believed
    assert not totals(*steps(0.0, 100.0, 0.0)).is_believed
    assert totals(*steps(0.0, 100.0, 0.0, 100.0)).is_believed
    assert not totals(*steps(None, None)).is_believed


def test_a_meter_that_says_less_than_the_counters_of_the_parts_is_refused():
    wrong_unit = totals(*steps(0.3, 0.3, cpu_j=100.0))
    assert wrong_unit.contradicts_its_parts
    assert not wrong_unit.is_believed
    assert totals(*steps(98.0, 98.0, cpu_j=100.0)).is_believed
