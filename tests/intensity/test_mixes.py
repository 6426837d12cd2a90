import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.errors import InvalidQuantityError
from carbonprint.intensity.carbon_intensity import Accounting, FactorScope
from carbonprint.intensity.mixes import (
    UnknownEnergySourceError,
    direct_factor_g_per_kwh,
    energy_sources,
    lowest_direct_g_per_kwh,
    mix_intensity,
    shares_faults,
    source_half_width,
    total,
)
from carbonprint.provenance import Source
from carbonprint.reference.factors import source_factor_rows

SOURCE = Source(title="a brochure", year=2024)
FACTORS = {name: row.central_g_per_kwh for name, row in source_factor_rows("lifecycle").items()}


def mix(shares):
    return mix_intensity(shares, zone="a-host", year=2024, source=SOURCE)


@st.composite
def shares_of_sources(draw):
    names = draw(st.lists(st.sampled_from(energy_sources()), min_size=1, unique=True))
    weights = draw(st.lists(st.floats(1e-3, 1), min_size=len(names), max_size=len(names)))
    return {name: weight / math.fsum(weights) for name, weight in zip(names, weights, strict=True)}


def test_half_wind_half_gas():
    # 0.5 · 13 + 0.5 · 486 = 6.5 + 243 = 249.5
    intensity = mix({"wind": 0.5, "gas": 0.5})
    assert intensity.g_per_kwh == pytest.approx(249.5)
    assert [part.g_per_kwh for part in intensity.parts] == pytest.approx([6.5, 243.0])
    assert intensity.parts[0].key == "lifecycle/wind"
    assert intensity.accounting is Accounting.LOCATION
    assert intensity.scope is FactorScope.LIFECYCLE
    assert (intensity.set_id, intensity.zone) == ("supply", "a-host")
    # gas: 0.5 · (988 − 307) / 2 / 486 = 0.3503; wind is capped at 1:
    # √((243 · 0.3503)² + 6.5²) / 249.5 = 0.3422
    assert intensity.half_width_90 == pytest.approx(0.3422, abs=1e-4)


def test_the_interval_of_coal():
    # 0.5 · (1689 − 675) / 2 / 1001 = 0.2532
    assert source_half_width(source_factor_rows("lifecycle")["coal"]) == pytest.approx(0.2532, abs=1e-4)
    assert source_half_width(source_factor_rows("direct")["wind"]) == 0


@given(shares_of_sources())
def test_a_mix_lies_between_its_sources(shares):
    factors = [FACTORS[name] for name in shares]
    assert min(factors) - 1e-9 <= mix(shares).g_per_kwh <= max(factors) + 1e-9


@given(shares_of_sources())
def test_a_mix_is_no_surer_than_nothing_and_no_less_sure_than_its_worst_source(shares):
    widest = max(source_half_width(source_factor_rows("lifecycle")[name]) for name in shares)
    assert 0 < mix(shares).half_width_90 <= widest + 1e-9


@given(shares_of_sources())
def test_the_order_of_the_shares_does_not_matter(shares):
    backwards = dict(reversed(shares.items()))
    assert mix(backwards).g_per_kwh == pytest.approx(mix(shares).g_per_kwh)


@given(shares_of_sources(), st.floats(1e-5, 0.5))
def test_shares_that_do_not_sum_to_one_are_refused(shares, excess):
    name = next(iter(shares))
    for changed in (shares[name] + excess, shares[name] - min(excess, shares[name])):
        if abs(changed - shares[name]) > 1e-6:
            with pytest.raises(InvalidQuantityError, match="sum to 1"):
                mix(shares | {name: changed})


def test_rounding_is_no_fault():
    assert mix({"wind": 0.333333, "gas": 0.333333, "coal": 0.333334}).g_per_kwh == pytest.approx(500, abs=1)


@pytest.mark.parametrize("bad", [-0.5, math.nan, math.inf, -math.inf])
def test_what_no_share_can_be_is_refused(bad):
    with pytest.raises(InvalidQuantityError, match="share of wind"):
        mix({"wind": bad, "gas": 1.5})


def test_an_empty_mix_is_refused():
    with pytest.raises(InvalidQuantityError, match="got 0"):
        mix({})


def test_an_unknown_source_names_the_nearest():
    with pytest.raises(
        UnknownEnergySourceError, match="unknown energy source 'wnd'; did you mean wind"
    ) as caught:
        mix({"wnd": 1.0})
    assert caught.value.exit_code == 2


def test_every_fault_of_a_mix_is_named_at_once():
    faults = list(shares_faults({"wnd": -0.1, "gas": 0.4}))
    assert len(faults) == 3
    assert "did you mean wind" in faults[0]
    assert "wnd must be a finite number of at least 0, got -0.1" in faults[1]
    assert "sum to 1, got 0.3" in faults[2]


def test_only_what_burns_nothing_has_a_direct_factor():
    assert direct_factor_g_per_kwh("wind") == direct_factor_g_per_kwh("nuclear") == 0
    assert direct_factor_g_per_kwh("gas") is None
    assert direct_factor_g_per_kwh("biomass") is None
    assert direct_factor_g_per_kwh("") is None


def test_no_plant_lies_below_the_floor_of_its_fuel():
    # each below the lowest direct figure that was found: gas 350, oil 406, coal 713
    floors = [lowest_direct_g_per_kwh(name) for name in ("gas", "oil", "coal")]
    assert floors == [300, 400, 700]
    assert {name for name in energy_sources() if lowest_direct_g_per_kwh(name)} == {"gas", "oil", "coal"}


def test_absurd_figures_have_a_sum_too():
    assert total([0.1, 0.2, 0.7]) == 1.0
    assert total([1e308] * 3) == math.inf
    assert math.isnan(total([1.0, math.nan]))
    assert math.isnan(total([1.0, math.inf]))
    assert list(shares_faults({"wind": 1e308, "gas": 1e308})) == ["the shares must sum to 1, got inf"]
