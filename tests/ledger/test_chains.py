"""Runs that go on with each other add up as one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.ledger.chains import added_up, chain_of, whole_runs
from carbonprint.ledger.record import number_at
from carbonprint.ledger.record_sums import sum_faults


@pytest.fixture
def chain(make_record):
    """Three runs, oldest first; the second and third go on with the one before."""
    runs = [make_record(run_id=run_id) for run_id in ("aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc")]
    for earlier, later in itertools.pairwise(runs):
        later["resumes"] = earlier["run_id"]
    runs[0]["state"] = "interrupted"
    return runs


def nothing(_run_id):
    return None


def getter(*records):
    return {record["run_id"]: record for record in records}.get


def test_energy_time_and_emissions_are_sums_and_fit_each_other(chain):
    whole = added_up(chain)
    assert whole["duration_s"] == pytest.approx(3 * chain[0]["duration_s"])
    for path in ("measurement.energy_kwh.total", "footprint.emissions_kg.location_based"):
        assert number_at(whole, path) == pytest.approx(3 * number_at(chain[0], path))
    assert number_at(whole, "footprint.intensity_g_per_kwh.market_based") == pytest.approx(401)
    assert number_at(whole, "host.dcie") == pytest.approx(0.80)
    assert whole["footprint"]["emissions_kg_90"]["location_based"] == pytest.approx([0.015, 0.027])
    assert whole["parts"] == ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"]
    assert (whole["run_id"], whole["state"]) == ("cccccccccc", "finished")
    assert sum_faults(whole) == []


def test_what_one_part_does_not_know_the_whole_does_not(chain):
    chain[1]["footprint"]["emissions_kg"]["market_based"] = None
    assert added_up(chain)["footprint"]["emissions_kg"]["market_based"] is None


def test_the_parts_stay_as_they_are(chain):
    before = [dict(part) for part in chain]
    added_up(chain)
    assert chain == before


def test_a_list_holds_a_chain_once_at_the_place_of_its_newest_part(chain, make_record):
    alone = make_record(run_id="dddddddddd")
    whole = list(whole_runs([alone, *reversed(chain)], getter(alone, *chain)))
    assert [record["run_id"] for record in whole] == ["dddddddddd", "cccccccccc"]
    assert whole[0] is alone


def test_a_run_that_two_others_go_on_with_counts_once(chain, make_record):
    second = make_record(run_id="eeeeeeeeee")
    second["resumes"] = "aaaaaaaaaa"
    whole = list(whole_runs([second, *reversed(chain)], getter(second, *chain)))
    total_s = sum(record["duration_s"] for record in whole)
    assert total_s == pytest.approx(4 * chain[0]["duration_s"])


def test_a_part_that_is_not_listed_is_fetched_and_one_that_is_gone_is_left_out(chain):
    (whole,) = whole_runs([chain[2]], getter(*chain))
    assert len(whole["parts"]) == 3
    assert list(whole_runs([chain[2]], nothing)) == [chain[2]]


def test_a_circle_of_runs_ends(chain):
    chain[0]["resumes"] = "cccccccccc"
    assert len(chain_of(chain[2], getter(*chain))) == 3


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=6))
def test_any_number_of_parts_adds_up(durations):
    parts = [{"run_id": str(n), "started_at": "x", "duration_s": each, "measurement": {}, "footprint": {}, "host": {}}
             for n, each in enumerate(durations)]  # fmt: skip
    assert added_up(parts)["duration_s"] == pytest.approx(sum(durations))
