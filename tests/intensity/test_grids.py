import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.errors import InvalidSettingError, UnknownZoneError
from carbonprint.intensity.carbon_intensity import Accounting, FactorScope
from carbonprint.intensity.grids import annual_half_width, grid_half_width, grid_intensity
from carbonprint.reference.factors import grid_rows


def test_the_dutch_grid():
    grid = grid_intensity("NLD", on_year=2026)
    assert grid.g_per_kwh == 252.7
    assert (grid.year, grid.zone, grid.set_id) == (2024, "NLD", "ember")
    assert grid.accounting is Accounting.LOCATION
    assert grid.scope is FactorScope.LIFECYCLE
    assert grid.source.label == "Ember 2024"
    assert grid.half_width_90 == pytest.approx(0.20)  # 0.15 + 0.05 · (2 − 1)


@pytest.mark.parametrize(
    ("zone", "age_years", "half_width"),
    [
        ("NLD", 0, 0.10),
        ("NLD", 1, 0.15),
        ("NLD", 4, 0.30),
        ("NLD", 40, 0.50),
        ("LUX", 0, 0.50),
        ("IRL", 9, 0.50),
    ],
)
def test_intervals_widen_with_age_and_trade(zone, age_years, half_width):
    assert grid_half_width(zone, age_years=age_years) == pytest.approx(half_width)


def test_a_run_before_the_figures_year_is_as_unsure_as_one_after():
    before, after = grid_intensity("NLD", on_year=2021), grid_intensity("NLD", on_year=2027)
    assert before.half_width_90 == after.half_width_90 == pytest.approx(0.25)


@given(st.integers(0, 60))
def test_no_interval_narrows_with_age(age_years):
    assert annual_half_width(age_years) <= annual_half_width(age_years + 1) <= 0.5


@pytest.mark.parametrize("zone", sorted(grid_rows()))
def test_every_zone_has_a_figure(zone):
    assert grid_intensity(zone, on_year=2026).g_per_kwh == grid_rows()[zone].g_per_kwh


def test_an_unknown_zone_names_the_nearest():
    with pytest.raises(UnknownZoneError, match="'NLDD'; did you mean NLD") as caught:
        grid_intensity("NLDD", on_year=2026)
    assert caught.value.exit_code == 2


def test_an_unknown_set_is_refused():
    with pytest.raises(InvalidSettingError, match="ember"):
        grid_intensity("NLD", on_year=2026, set_id="mine")
