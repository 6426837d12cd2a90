"""Bars over time: energy is kept when it is spread over cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.reporting.sparkline import BARS, resampled, sparkline

parts = st.lists(st.tuples(st.just(0.0) | st.floats(1e-3, 1000), st.floats(0, 1e6)), min_size=1, max_size=30)


def test_by_hand():
    # 1 s at 10 W, 2 s at 40 W, 1 s at 0 W in two cells of 2 s: (10 + 40) / 2 and 40 / 2 W.
    assert resampled([(1, 10), (2, 80), (1, 0)], 2) == [25.0, 20.0]
    assert resampled([(4, 40)], 4) == [10.0] * 4


@given(parts, st.integers(1, 40))
def test_no_energy_is_lost(given_, n_cells):
    total_s = sum(duration_s for duration_s, _ in given_)
    powers_w = resampled(given_, n_cells)
    if total_s == 0:
        assert powers_w == []
        return
    energy_j = sum(each for _, each in given_)
    assert sum(powers_w) * total_s / n_cells == pytest.approx(energy_j, rel=1e-6, abs=1e-6)
    assert len(powers_w) == n_cells


@given(
    st.lists(st.tuples(st.floats(0.1, 10), st.floats(0, 500)), min_size=1, max_size=30), st.integers(1, 40)
)
def test_no_cell_lies_outside_what_was_seen(given_, n_cells):
    powers_w = [power_w for _, power_w in given_]
    for mean_w in resampled([(duration_s, duration_s * power_w) for duration_s, power_w in given_], n_cells):
        assert min(powers_w) - 1e-6 <= mean_w <= max(powers_w) + 1e-6


def test_bars_start_at_zero():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7, 8]) == BARS + "█"
    assert sparkline([100, 100]) == "██"
    assert sparkline([87, 100]) == "▇█"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([-1, 1]) == "▁█"
    assert sparkline([]) == ""
