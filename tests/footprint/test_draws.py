import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.footprint.draws import N_DRAWS, SEED, Draws, interval_90, sigma_of_half_width

NAMES = ["model/rapl_intel", "machine/a/cpu/rapl_intel", "set/ember", "factor/ember/NLD/2024", "pue/grid/NLD"]
# With 4096 draws the correlation of two independent inputs has a standard deviation of 1/√4096 = 0.0156.
INDEPENDENT = 5 / math.sqrt(N_DRAWS)

sigmas = st.floats(0, 1)


def correlation(one, other):
    return float(np.corrcoef(one, other)[0, 1])


def test_there_are_as_many_draws_as_said():
    assert Draws().normal("a").shape == (N_DRAWS,)
    assert Draws(n_draws=10).normal("a").shape == (10,)
    assert Draws().seed == SEED


@given(st.permutations(NAMES))
def test_the_same_name_gives_the_same_draws_in_any_order(names):
    first, second = Draws(n_draws=8), Draws(n_draws=8)
    asked_in_order = {name: first.normal(name).copy() for name in NAMES}
    asked_in_another = {name: second.normal(name).copy() for name in names}
    assert all(np.array_equal(asked_in_order[name], asked_in_another[name]) for name in NAMES)


@given(st.text())
def test_any_name_has_draws(name):
    draws = Draws(n_draws=4)
    assert np.array_equal(draws.normal(name), draws.normal(name))
    assert np.all(np.isfinite(draws.normal(name)))


def test_different_names_are_independent():
    draws = Draws()
    for place, name in enumerate(NAMES):
        for other in NAMES[:place]:
            assert abs(correlation(draws.normal(name), draws.normal(other))) < INDEPENDENT


def test_another_seed_gives_other_draws():
    assert abs(correlation(Draws().normal("a"), Draws(seed=SEED + 1).normal("a"))) < INDEPENDENT


def test_shared_draws_cannot_be_changed():
    """Everybody who shares an input gets one array: changing it would change what others draw."""
    with pytest.raises(ValueError, match="read-only"):
        Draws().normal("a")[0] = 0.0


def test_draws_are_standard_normal():
    for name in NAMES:
        normal = Draws().normal(name)
        assert normal.mean() == pytest.approx(0, abs=0.08)  # 5/√4096
        assert normal.std() == pytest.approx(1, abs=0.06)  # 5/√(2 · 4096)


# Lognormal


@given(sigmas, st.sampled_from(NAMES))
def test_percentiles_are_centred_on_one(sigma, name):
    factors = Draws().lognormal(sigma, (name, 1.0))
    low, median, high = np.quantile(factors, (0.05, 0.5, 0.95))
    # ln of the percentiles: −1.645·σ, 0, 1.645·σ; a percentile of 4096 draws is sure to some 0.02 to 0.035·σ.
    assert math.log(median) == pytest.approx(0, abs=0.1 * sigma + 1e-12)
    assert math.log(low) == pytest.approx(-1.645 * sigma, abs=0.15 * sigma + 1e-12)
    assert math.log(high) == pytest.approx(1.645 * sigma, abs=0.15 * sigma + 1e-12)


def test_without_a_spread_every_draw_is_the_figure():
    assert np.array_equal(Draws().lognormal(0.0, ("a", 0.5), ("b", 0.5)), np.ones(N_DRAWS))


@given(st.floats(0, 1))
def test_parts_of_the_variance_keep_the_variance(part):
    exponent = np.log(Draws().lognormal(0.3, ("common", part), ("own", 1 - part)))
    assert exponent.std() == pytest.approx(0.3, rel=0.06)


@pytest.mark.parametrize("part", [0.0, 0.25, 0.5, 1.0])
def test_what_is_common_is_the_correlation(part):
    """Two uses of one model share that part of its variance, so they correlate by it."""
    draws = Draws()
    one = np.log(draws.lognormal(0.3, ("model", part), ("machine/a", 1 - part)))
    other = np.log(draws.lognormal(0.3, ("model", part), ("machine/b", 1 - part)))
    assert correlation(one, other) == pytest.approx(part, abs=INDEPENDENT)


# From half-widths to intervals


def test_the_sigma_of_a_half_width():
    # The 95th percentile lies 20 % above the median: ln(1.2) / 1.645 = 0.1823 / 1.645 = 0.1108.
    assert sigma_of_half_width(0.2) == pytest.approx(0.1108, abs=1e-4)
    assert sigma_of_half_width(0.0) == 0


@given(st.floats(0.01, 1))
def test_the_interval_has_the_half_width_that_was_asked_for(half_width):
    low, high = interval_90(Draws().lognormal(sigma_of_half_width(half_width), ("an input", 1.0)))
    assert high == pytest.approx(1 + half_width, rel=0.1 * half_width)
    assert low == pytest.approx(1 / (1 + half_width), rel=0.1 * half_width)


def test_the_interval_holds_nine_draws_of_ten():
    # 0 to 100 in steps of 1: the 5th and the 95th percentile are 5 and 95.
    assert interval_90(np.arange(101.0)) == (5.0, 95.0)


@given(st.integers(0, 20))
def test_another_seed_changes_the_bounds_little(seed):
    one, other = (draws.lognormal(0.2, ("an input", 1.0)) for draws in (Draws(), Draws(seed=seed)))
    assert interval_90(other) == pytest.approx(interval_90(one), rel=0.04)
