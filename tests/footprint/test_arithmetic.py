import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.errors import InvalidQuantityError
from carbonprint.footprint.arithmetic import (
    footprint_kg,
    mix_g_per_kwh,
    non_negative,
    operational_kg,
    site_energy_kwh,
    site_water_l,
)

# From a single CPU second to a year of a large machine; below 1e-9 kWh products of floats lose their digits.
energies = st.just(0.0) | st.floats(1e-9, 1e6)
dcies = st.floats(0.05, 1)
intensities = st.just(0.0) | st.floats(1e-3, 2000)
factors = st.just(0.0) | st.floats(1e-3, 1e3)

NOT_FINITE = [float("nan"), float("inf"), float("-inf")]
IMPOSSIBLE = [*NOT_FINITE, -0.001]


# By hand


def test_the_site_draws_more_than_its_it():
    # 0.4 / 0.80 = 0.5
    assert site_energy_kwh(0.4, 0.80) == pytest.approx(0.5)
    assert site_energy_kwh(0.4, 1.0) == 0.4


def test_emissions_of_what_the_site_drew():
    # 0.5 · 270 / 1000 = 0.135
    assert operational_kg(0.5, 270) == pytest.approx(0.135)
    assert operational_kg(0.5, 0) == 0


def test_a_run_on_two_hosts():
    # 0.4 / 0.80 · 270 / 1000 = 0.135; 0.4 / 0.64 · 20 / 1000 = 0.0125
    assert footprint_kg(0.4, [0.80, 0.64], [270, 20]) == pytest.approx(np.array([[0.135, 0.0125]]))


def test_half_wind_half_gas():
    # 0.5 · 13 + 0.5 · 486 = 6.5 + 243 = 249.5
    assert mix_g_per_kwh([0.5, 0.5], [13, 486]) == pytest.approx(249.5)


def test_water_of_the_site():
    # 0.4 · 1.8 = 0.72; it is per kWh of IT energy, so DCiE is no part of it
    assert site_water_l(0.4, 1.8) == pytest.approx(0.72)


# Laws


@given(energies, dcies, intensities, factors)
def test_linear_in_energy(energy_kwh, dcie, g_per_kwh, factor):
    once, scaled = footprint_kg([energy_kwh, energy_kwh * factor], dcie, g_per_kwh)[:, 0]
    assert scaled == pytest.approx(once * factor, rel=1e-12)


@given(energies, dcies, intensities, factors)
def test_linear_in_intensity(energy_kwh, dcie, g_per_kwh, factor):
    once, scaled = footprint_kg(energy_kwh, dcie, [g_per_kwh, g_per_kwh * factor])[0]
    assert scaled == pytest.approx(once * factor, rel=1e-12)


@given(energies, dcies, intensities)
def test_inverse_in_dcie(energy_kwh, dcie, g_per_kwh):
    whole, half = footprint_kg(energy_kwh, [dcie, dcie / 2], g_per_kwh)[0]
    assert half == pytest.approx(2 * whole, rel=1e-12)
    assert site_energy_kwh(energy_kwh, dcie) * dcie == pytest.approx(energy_kwh, rel=1e-12)


@given(energies, st.tuples(dcies, dcies).map(sorted), intensities)
def test_a_better_dcie_never_costs_more(energy_kwh, worse_and_better, g_per_kwh):
    worse, better = footprint_kg(energy_kwh, worse_and_better, g_per_kwh)[0]
    assert better <= worse
    assert site_energy_kwh(energy_kwh, worse_and_better[1]) >= energy_kwh


@given(st.lists(energies, min_size=1, max_size=8), dcies, intensities)
def test_additive_over_runs(energies_kwh, dcie, g_per_kwh):
    each = footprint_kg(energies_kwh, dcie, g_per_kwh)
    assert each.sum() == pytest.approx(footprint_kg(sum(energies_kwh), dcie, g_per_kwh).item(), rel=1e-9)


@given(
    st.lists(st.tuples(dcies, intensities), min_size=1, max_size=6),
    st.lists(energies, min_size=1, max_size=4),
)
def test_the_order_of_hosts_and_runs_does_not_matter(hosts, energies_kwh):
    dcie, g_per_kwh = np.array(hosts).T
    forward = footprint_kg(energies_kwh, dcie, g_per_kwh)
    backward = footprint_kg(energies_kwh[::-1], dcie[::-1], g_per_kwh[::-1])
    assert np.array_equal(forward, backward[::-1, ::-1])


@given(st.lists(st.tuples(st.floats(0.01, 1), intensities), min_size=1, max_size=8))
def test_a_mix_lies_between_its_sources(parts):
    weights, g_per_kwh = np.array(parts).T
    mixed = mix_g_per_kwh(weights / weights.sum(), g_per_kwh)
    assert g_per_kwh.min() * (1 - 1e-9) <= mixed <= g_per_kwh.max() * (1 + 1e-9)


@given(intensities)
def test_a_mix_of_one_source_is_that_source(g_per_kwh):
    assert mix_g_per_kwh([1.0], [g_per_kwh]) == g_per_kwh
    assert mix_g_per_kwh([0.25, 0.75], [g_per_kwh, g_per_kwh]) == pytest.approx(g_per_kwh)


# Shapes


def test_runs_by_hosts():
    dcie, g_per_kwh = np.array([0.8, 0.64, 1.0, 0.5]), np.array([270.0, 20.0, 401.0, 0.0])
    energy_kwh = np.array([0.1, 0.2, 0.4])
    result = footprint_kg(energy_kwh, dcie, g_per_kwh)
    assert result.shape == (3, 4)
    for run in range(3):
        for host in range(4):
            assert result[run, host] == footprint_kg(energy_kwh[run], dcie[host], g_per_kwh[host]).item()


def test_numbers_are_one_run_on_one_host():
    assert footprint_kg(0.4, 0.8, 270).shape == (1, 1)
    assert np.shape(site_energy_kwh(0.4, 0.8)) == ()
    assert np.shape(mix_g_per_kwh([0.5, 0.5], [13, 486])) == ()


def test_an_axis_of_draws_goes_along():
    n_draws, n_runs, n_hosts = 5, 3, 2
    energy_kwh = np.linspace(0.1, 1.5, n_draws * n_runs).reshape(n_draws, n_runs)
    dcie = np.linspace(0.5, 0.95, n_draws * n_hosts).reshape(n_draws, n_hosts)
    g_per_kwh = np.linspace(10, 500, n_draws * n_hosts).reshape(n_draws, n_hosts)
    result = footprint_kg(energy_kwh, dcie, g_per_kwh)
    assert result.shape == (n_draws, n_runs, n_hosts)
    for draw in range(n_draws):
        assert np.array_equal(result[draw], footprint_kg(energy_kwh[draw], dcie[draw], g_per_kwh[draw]))
    # An input that is sure has no axis of draws.
    assert footprint_kg(energy_kwh[0], dcie, g_per_kwh[0]).shape == (n_draws, n_runs, n_hosts)
    assert operational_kg(site_energy_kwh(energy_kwh, 0.8), 270).shape == (n_draws, n_runs)


def test_a_mix_for_each_site():
    shares = [[0.5, 0.5], [1.0, 0.0], [0.2, 0.8]]
    # 0.5 · 13 + 0.5 · 486 = 249.5; 13; 0.2 · 13 + 0.8 · 486 = 2.6 + 388.8 = 391.4
    assert mix_g_per_kwh(shares, [13, 486]) == pytest.approx(np.array([249.5, 13, 391.4]))


def test_no_runs_are_no_emissions():
    assert footprint_kg([], [0.8, 0.64], [270, 20]).shape == (0, 2)


# What is refused


@pytest.mark.parametrize("value", IMPOSSIBLE)
@pytest.mark.parametrize(
    "compute",
    [
        pytest.param(lambda value: footprint_kg(value, 0.8, 270), id="energy of a run"),
        pytest.param(lambda value: footprint_kg([0.4, value], 0.8, 270), id="energy of one run of two"),
        pytest.param(lambda value: footprint_kg(0.4, 0.8, [270, value]), id="intensity of one host of two"),
        pytest.param(lambda value: site_energy_kwh(value, 0.8), id="energy of the IT"),
        pytest.param(lambda value: operational_kg(value, 270), id="energy of the site"),
        pytest.param(lambda value: operational_kg(0.5, value), id="intensity"),
        pytest.param(lambda value: site_water_l(value, 1.8), id="energy for water"),
        pytest.param(lambda value: site_water_l(0.4, value), id="WUE"),
        pytest.param(lambda value: mix_g_per_kwh([0.5, 0.5], [13, value]), id="factor of a source"),
        pytest.param(lambda value: mix_g_per_kwh([value, 1.0], [13, 486]), id="share of a source"),
        pytest.param(lambda value: non_negative("a number", value), id="any number"),
    ],
)
def test_what_is_not_finite_or_negative_is_refused(compute, value):
    with pytest.raises(InvalidQuantityError):
        compute(value)


@pytest.mark.parametrize("dcie", [*NOT_FINITE, 0.0, -0.8, 1.0000001, 1.56, 80])
def test_a_dcie_outside_its_range_is_refused(dcie):
    for several in (dcie, [0.8, dcie]):
        with pytest.raises(InvalidQuantityError, match="DCiE"):
            site_energy_kwh(0.4, several)
        with pytest.raises(InvalidQuantityError, match="DCiE"):
            footprint_kg(0.4, several, 270)


@pytest.mark.parametrize("shares", [[0.5, 0.4], [0.5, 0.6], [0.0, 0.0], [50, 50], [0.5, 0.5 + 2e-6]])
def test_shares_that_do_not_sum_to_1_are_refused(shares):
    with pytest.raises(InvalidQuantityError, match="sum to 1"):
        mix_g_per_kwh(shares, [13, 486])


def test_one_wrong_mix_of_several_is_refused():
    with pytest.raises(InvalidQuantityError, match="sum to 1"):
        mix_g_per_kwh([[0.5, 0.5], [0.5, 0.4]], [13, 486])


def test_shares_may_be_off_by_rounding():
    thirds = [0.333333, 0.333333, 0.333334]
    assert mix_g_per_kwh(thirds, [30, 60, 90]) == pytest.approx(60, rel=1e-5)


@pytest.mark.parametrize(("shares", "g_per_kwh"), [([1.0], [13, 486]), ([0.5, 0.5], [13]), (1.0, [13, 486])])
def test_a_mix_needs_a_factor_for_each_share(shares, g_per_kwh):
    """One share and two factors would otherwise be read as all of both."""
    with pytest.raises(InvalidQuantityError, match="one factor for each share"):
        mix_g_per_kwh(shares, g_per_kwh)
