"""The division of the idle machine: never more than the machine, whoever starts, ends and counts when."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.measuring.idle_division import WHOLE, Claim, Shares, divided, divided_boards
from carbonprint.measuring.intervals import UNDIVIDED

HALF = Shares(0.5, 0.5, 0.5, 0.5)


def claim(start_s, end_s=math.inf, shares=WHOLE, counted_until_s=-math.inf):
    return Claim(start_s=start_s, end_s=end_s, shares=shares, counted_until_s=counted_until_s)


def test_a_run_alone_has_the_whole_machine():
    assert divided(WHOLE, [], 0, 10) == UNDIVIDED
    assert divided(WHOLE, [claim(10), claim(-5, 0)], 0, 10) == UNDIVIDED


def test_runs_that_overlap_the_whole_time_divide_by_their_number():
    assert divided(WHOLE, [claim(-1), claim(0)], 0, 10) == pytest.approx((1 / 3,) * 4)


def test_one_that_came_in_the_middle_counts_for_its_part_of_the_time():
    # 6 s alone, then 4 s at one half: 0.6 + 0.4 · 0.5 = 0.8
    assert divided(WHOLE, [claim(6)], 0, 10) == pytest.approx((0.8,) * 4)
    assert divided(WHOLE, [claim(6, 10)], 0, 20) == pytest.approx((0.9,) * 4)


def test_shares_that_fit_beside_each_other_are_not_divided():
    assert divided(HALF, [claim(0, shares=HALF)], 0, 10) == UNDIVIDED


def test_each_resource_is_divided_by_itself():
    other = claim(0, shares=Shares(cpu=1.0, ram=0.5, gpu=0.0, other=1.0))
    own = Shares(cpu=1.0, ram=0.5, gpu=1.0, other=1.0)
    assert divided(own, [other], 0, 10) == pytest.approx((0.5, 1.0, 1.0, 0.5))


def test_a_newcomer_takes_nothing_of_what_was_counted_without_it():
    # Up to 4 s the other had counted the whole machine for itself; from then on both have one half: 0.6 · 0.5 = 0.3
    assert divided(WHOLE, [claim(-9, counted_until_s=4)], 0, 10) == pytest.approx((0.3,) * 4)
    assert divided(HALF, [claim(-9, shares=HALF, counted_until_s=4)], 0, 10) == UNDIVIDED


def test_a_run_inside_another_goes_by_the_divisor_of_the_outermost():
    assert divided(None, [claim(-9, counted_until_s=4)], 0, 10) == UNDIVIDED
    assert divided(None, [claim(-9), claim(-9)], 0, 10) == pytest.approx((0.5,) * 4)


moments = st.integers(0, 40)
shares = st.sampled_from([0.0, 0.25, 0.5, 0.7, 1.0])


@st.composite
def runs(draw):
    """A run: when it starts, shows itself, and ends, what is reserved for it, and when it counts."""
    start, lag, length = draw(moments), draw(st.integers(0, 6)), draw(st.integers(1, 30))
    shown, end = start + lag, start + lag + length
    edges = {each for each in draw(st.sets(moments, max_size=6)) if shown < each < end}
    return {"start": start, "shown": shown, "end": end, "edges": sorted(edges | {end}), "share": draw(shares)}


def idle_counted(all_runs):
    """What all runs count of an idle machine of 1 W, in the order in which it happens. [J]"""
    counted = [run["start"] for run in all_runs]
    shown_order = sorted(range(len(all_runs)), key=lambda n: (all_runs[n]["shown"], n))
    first_seen: dict[tuple[int, int], float] = {}
    total_j = 0.0
    events = [(run["shown"], 0, n) for n, run in enumerate(all_runs)]
    events += [(edge, 1, n) for n, run in enumerate(all_runs) for edge in run["edges"]]
    for moment, is_count, n in sorted(events):
        run = all_runs[n]
        before = [m for m in shown_order if m != n and (all_runs[m]["shown"], m) < (run["shown"], n)]
        if not is_count:
            first_seen |= {(n, m): counted[m] for m in before}
            continue
        visible = [m for m in shown_order if m != n and all_runs[m]["shown"] <= moment]
        claims = [
            claim(
                all_runs[m]["start"],
                all_runs[m]["end"] if all_runs[m]["end"] <= moment else math.inf,
                Shares(*[all_runs[m]["share"]] * 4),
                first_seen.get((n, m), -math.inf),
            )
            for m in visible
        ]
        factors = divided(Shares(*[run["share"]] * 4), claims, counted[n], moment)
        total_j += factors.cpu * run["share"] * (moment - counted[n])
        counted[n] = moment
    return total_j


def union_s(all_runs):
    return len({moment for run in all_runs for moment in range(run["start"], run["end"])})


@given(st.lists(runs(), min_size=1, max_size=5))
def test_runs_never_count_more_than_the_idle_machine(all_runs):
    assert idle_counted(all_runs) <= union_s(all_runs) + 1e-9


@given(st.lists(st.tuples(moments, st.integers(1, 30)), min_size=1, max_size=5))
def test_runs_that_know_of_each_other_in_time_count_all_of_it(spans):
    last = max(start + length for start, length in spans)
    all_runs = [
        {
            "start": start,
            "shown": start,
            "end": start + length,
            "edges": list(range(start + 1, start + length + 1)),
            "share": 1.0,
        }
        for start, length in spans
    ]
    assert last <= 70
    assert idle_counted(all_runs) == pytest.approx(union_s(all_runs))


@given(st.lists(st.builds(claim, moments, st.just(math.inf)), max_size=5), st.randoms())
def test_the_order_of_the_others_does_not_matter(claims, random):
    mixed = list(claims)
    random.shuffle(mixed)
    assert divided(WHOLE, mixed, 10, 20) == pytest.approx(divided(WHOLE, claims, 10, 20))
    assert all(0 <= factor <= 1 for factor in divided(WHOLE, claims, 10, 20))


@given(
    st.lists(
        st.tuples(st.floats(0, 5), st.floats(0.1, 5), st.lists(st.floats(0, 1), min_size=2, max_size=2)),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_of_no_board_more_than_all_is_given_away(runs):
    """Runs that know of each other in time, each with its own part of two boards."""
    window = (0.0, 10.0)
    claims = [
        Claim(
            start_s=start_s,
            end_s=start_s + length_s,
            shares=Shares(1, 1, sum(boards) / 2, 1),
            boards=tuple(boards),
        )
        for start_s, length_s, boards in runs
    ]
    edges = sorted({*window, *(each.start_s for each in claims), *(each.end_s for each in claims)})
    for since_s, until_s in itertools.pairwise(edges):
        given_away = [0.0, 0.0]
        for number, claim in enumerate(claims):
            if claim.start_s <= since_s and until_s <= claim.end_s:
                others = [each for other, each in enumerate(claims) if other != number]
                factors = divided_boards(claim.boards, others, since_s, until_s, is_inner=False)
                given_away = [
                    sum_ + f * b for sum_, f, b in zip(given_away, factors, claim.boards, strict=True)
                ]
        assert max(given_away) <= 1 + 1e-9


def test_two_runs_on_one_of_two_boards_have_half_of_it_each_and_a_third_on_the_other_has_all_of_that():
    first, second, third = (
        Claim(start_s=0, end_s=9, shares=Shares(1, 1, 0.5, 1), boards=boards)
        for boards in ((1, 0), (1, 0), (0, 1))
    )
    assert divided_boards((1.0, 0.0), [second, third], 1, 2, is_inner=False)[0] == pytest.approx(0.5)
    assert divided_boards((0.0, 1.0), [first, second], 1, 2, is_inner=False)[1] == 1
    told_nothing = Claim(start_s=0, end_s=9, shares=Shares(1, 1, 0.5, 1))
    assert divided_boards((0.0, 1.0), [told_nothing], 1, 2, is_inner=False)[1] == pytest.approx(0.5)
