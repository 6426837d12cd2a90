import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.errors import InvalidQuantityError
from carbonprint.footprint.draws import Draws
from carbonprint.footprint.footprint import footprint_of
from carbonprint.footprint.uncertainty import dcie_draws, energy_draws_kwh, intensity_draws_g_per_kwh
from carbonprint.hosting.catalogue import catalogue_hosts, load_host
from carbonprint.hosting.host import Contract, DcieClaim, DcieKind, Evidence, Host, HostKind
from carbonprint.hosting.standing import Standing, both_standings, factors
from carbonprint.provenance import Source

CLAIMED, EVIDENCED = Standing
YEAR = 2026
SOURCE = Source(title="a page", year=2025)
KG = ("location_based_kg", "market_based_kg")


def evidenced(host_id):
    return factors(load_host(host_id), EVIDENCED, on_year=YEAR)


def claimed(host_id):
    return factors(load_host(host_id), CLAIMED, on_year=YEAR)


def location_draws_kg(measurement, host_factors, draws):
    """What the interval of the location-based figure is taken from."""
    dcie = dcie_draws(host_factors.efficiency, host_factors.host_id, draws)
    intensity = intensity_draws_g_per_kwh(host_factors.location_based, draws)
    return energy_draws_kwh(measurement, draws) / dcie * intensity / 1000


# By hand


def test_a_run_at_a_government_datacenter(make_measurement):
    # IT: 0.012 + 0.002 + 0.006 = 0.020 kWh; site: 0.020 / 0.80 = 0.025 kWh
    # location: 0.025 · 252.7 / 1000 = 0.0063175 kg; market: 0.025 · 401 / 1000 = 0.010025 kg
    footprint = footprint_of(make_measurement(), evidenced("odc-noord"))
    assert footprint.standing is EVIDENCED
    assert footprint.it_energy_kwh == pytest.approx(0.020)
    assert footprint.site_energy_kwh == pytest.approx(0.025)
    assert footprint.location_based_kg.central == pytest.approx(0.0063175)
    assert footprint.market_based_kg.central == pytest.approx(0.010025)
    assert footprint.site_water_l is None


def test_a_cloud_region_taken_at_its_word_and_not(make_measurement):
    # claimed: PUE 1.07, 0 g/kWh: 0.020 · 1.07 · 252.7 / 1000 = 0.00540778 kg, and 0
    # evidenced: PUE 1.56, so 0.020 · 1.56 = 0.0312 kWh at the site
    #   0.0312 · 252.7 / 1000 = 0.00788424 kg, and 0.0312 · 401 / 1000 = 0.0125112 kg (grey)
    at_its_word = footprint_of(make_measurement(), claimed("gcp/europe-west4"))
    assert at_its_word.location_based_kg.central == pytest.approx(0.00540778)
    assert at_its_word.market_based_kg.central == 0
    as_evidenced = footprint_of(make_measurement(), evidenced("gcp/europe-west4"))
    assert as_evidenced.location_based_kg.central == pytest.approx(0.00788424)
    assert as_evidenced.market_based_kg.central == pytest.approx(0.0125112)


def test_a_desk_has_no_datacenter_around_it(make_measurement):
    # 0.020 / 1 · 252.7 / 1000 = 0.005054 kg
    footprint = footprint_of(make_measurement(), evidenced("desk/NLD"))
    assert footprint.site_energy_kwh == footprint.it_energy_kwh
    assert footprint.location_based_kg.central == pytest.approx(0.005054)


def test_water_is_known_only_as_claimed(make_measurement):
    # aws/eu-west-1 states 0.03 L/kWh of IT energy: 0.020 · 0.03 = 0.0006 L
    assert footprint_of(make_measurement(), claimed("aws/eu-west-1")).site_water_l == pytest.approx(0.0006)
    assert footprint_of(make_measurement(), evidenced("aws/eu-west-1")).site_water_l is None


# Not known is not 0


@pytest.mark.parametrize("standing", Standing)
def test_an_unknown_energy_gives_no_figure_at_all(make_measurement, standing):
    nothing_known = make_measurement(cpu=None, gpu=None, ram=None, other=None, base_kwh=0.0)
    host_factors = factors(load_host("aws/eu-west-1"), standing, on_year=YEAR)
    footprint = footprint_of(nothing_known, host_factors)
    assert footprint.it_energy_kwh is None
    assert footprint.site_energy_kwh is None
    assert footprint.location_based_kg is None
    assert footprint.market_based_kg is None
    assert footprint.site_water_l is None
    assert footprint.factors is host_factors


def test_no_energy_is_known_to_be_0(make_measurement):
    footprint = footprint_of(
        make_measurement(cpu=0.0, ram=0.0, other=0.0, base_kwh=0.0), evidenced("odc-noord")
    )
    assert footprint.it_energy_kwh == footprint.site_energy_kwh == 0
    location = footprint.location_based_kg
    assert (location.low, location.central, location.high) == (0, 0, 0)


def test_an_unknown_market_figure_leaves_the_others(make_measurement):
    host_factors = evidenced("grid/DEU")
    assert host_factors.market_missing
    footprint = footprint_of(make_measurement(), host_factors)
    assert footprint.market_based_kg is None
    assert footprint.location_based_kg.central > 0
    assert footprint.site_energy_kwh == pytest.approx(0.020 * 1.56)


def test_a_part_that_is_not_known_is_left_out(make_measurement):
    # 0.012 + 0.006 = 0.018 kWh: a sum of what is known
    footprint = footprint_of(make_measurement(ram=None), evidenced("desk/NLD"))
    assert footprint.it_energy_kwh == pytest.approx(0.018)
    location = footprint.location_based_kg
    assert location.low < location.central < location.high


def test_a_negative_energy_is_refused(make_measurement):
    with pytest.raises(InvalidQuantityError):
        footprint_of(make_measurement(cpu=-0.1), evidenced("odc-noord"))


# Every host of the catalogue


@pytest.fixture(scope="module")
def footprints(make_measurement):
    """Host id → its footprint as claimed and as evidenced."""
    draws = Draws()
    measurement = make_measurement()
    return {
        host.host_id: {
            standing: footprint_of(measurement, each, draws)
            for standing, each in both_standings(host, on_year=YEAR).items()
        }
        for host in catalogue_hosts()
    }


def test_as_evidenced_is_never_below_as_claimed(footprints):
    assert len(footprints) > 500
    for host_id, of_host in footprints.items():
        at_its_word, as_evidenced = of_host[CLAIMED], of_host[EVIDENCED]
        assert as_evidenced.site_energy_kwh >= at_its_word.site_energy_kwh, host_id
        assert as_evidenced.location_based_kg.central >= at_its_word.location_based_kg.central, host_id
        if as_evidenced.market_based_kg is not None:
            assert as_evidenced.market_based_kg.central >= at_its_word.market_based_kg.central, host_id


def test_an_unknown_claim_is_not_evidenced_by_magic(footprints):
    for host_id, of_host in footprints.items():
        if of_host[CLAIMED].market_based_kg is None:
            assert of_host[EVIDENCED].market_based_kg is None, host_id


def test_every_interval_holds_its_figure(footprints):
    for host_id, of_host in footprints.items():
        for footprint in of_host.values():
            for estimate in (getattr(footprint, name) for name in KG):
                if estimate is not None:
                    assert 0 <= estimate.low <= estimate.central <= estimate.high, host_id


def test_every_figure_multiplies_out(footprints):
    for of_host in footprints.values():
        for footprint in of_host.values():
            host_factors, site_kwh = footprint.factors, footprint.site_energy_kwh
            assert site_kwh == pytest.approx(0.020 / host_factors.efficiency.dcie)
            by_hand = site_kwh * host_factors.location_based.g_per_kwh / 1000
            assert footprint.location_based_kg.central == pytest.approx(by_hand)
            assert (footprint.market_based_kg is None) == (host_factors.market_based is None)


# Laws


@given(st.floats(1e-6, 1e6))
def test_a_footprint_is_linear_in_energy(make_measurement, factor):
    once = footprint_of(make_measurement(), evidenced("odc-noord"))
    scaled = footprint_of(
        make_measurement(
            cpu=0.012 * factor, ram=0.002 * factor, other=0.006 * factor, base_kwh=0.004 * factor
        ),
        evidenced("odc-noord"),
    )
    assert scaled.site_energy_kwh == pytest.approx(once.site_energy_kwh * factor)
    for name in KG:
        for bound in ("low", "central", "high"):
            before = getattr(getattr(once, name), bound)
            assert getattr(getattr(scaled, name), bound) == pytest.approx(before * factor)


def test_the_same_run_on_the_same_host_has_the_same_interval(make_measurement):
    one = footprint_of(make_measurement(), evidenced("odc-noord"))
    other = footprint_of(make_measurement(), evidenced("odc-noord"), Draws())
    assert one == other


def test_what_else_was_drawn_does_not_matter(make_measurement):
    draws = Draws()
    for host_id in ("grid/DEU", "gcp/europe-west4", "desk/NLD"):
        footprint_of(make_measurement(), evidenced(host_id), draws)
    assert footprint_of(make_measurement(), evidenced("odc-noord"), draws) == footprint_of(
        make_measurement(), evidenced("odc-noord")
    )


def test_a_default_is_less_sure_than_a_measured_dcie(make_measurement):
    def spread(host_id):
        estimate = footprint_of(make_measurement(), evidenced(host_id)).location_based_kg
        return (estimate.high - estimate.low) / estimate.central

    assert spread("desk/NLD") < spread("odc-noord") < spread("grid/NLD")


# What two figures share drops out of their ratio


def host_with_dcie(host_id, dcie):
    claim = DcieClaim(
        dcie=dcie, year=YEAR, kind=DcieKind.MEASURED, evidence=Evidence.GOVERNMENT, source=SOURCE
    )
    return Host(host_id=host_id, name=host_id, kind=HostKind.SITE, country="NLD", dcie=claim)


def test_a_host_against_itself_is_sure(make_measurement):
    draws = Draws()
    one, other = (location_draws_kg(make_measurement(), evidenced("desk/NLD"), draws) for _ in range(2))
    assert np.all(one / other == 1)


def test_two_hosts_on_one_grid_differ_by_their_dcie_only(make_measurement):
    """The DCiE of desk/NLD is exactly 1: the ratio is the PUE of grid/NLD, draw by draw, and nothing else."""
    draws = Draws()
    desk = location_draws_kg(make_measurement(), evidenced("desk/NLD"), draws)
    grid = location_draws_kg(make_measurement(), evidenced("grid/NLD"), draws)
    pue = 1 / dcie_draws(evidenced("grid/NLD").efficiency, "grid/NLD", draws)
    assert grid / desk == pytest.approx(pue, rel=1e-12)
    assert np.all(grid > desk)


def test_the_run_drops_out_of_a_comparison_of_hosts(make_measurement):
    draws = Draws()

    def ratio(measurement):
        return location_draws_kg(measurement, evidenced("odc-noord"), draws) / location_draws_kg(
            measurement, evidenced("grid/DEU"), draws
        )

    counted = make_measurement()
    modelled = make_measurement(cpu=0.5, ram=0.1, other=0.2, base_kwh=0.1, machine_id="another")
    assert ratio(counted) == pytest.approx(ratio(modelled), rel=1e-12)


def test_the_grid_drops_out_of_a_comparison_of_runs(make_measurement):
    draws = Draws()
    one, other = make_measurement(), make_measurement(cpu=0.5)
    ratios = [
        location_draws_kg(one, evidenced(host_id), draws)
        / location_draws_kg(other, evidenced(host_id), draws)
        for host_id in ("odc-noord", "desk/USA")
    ]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-12)


def test_two_sites_of_one_country_share_its_grid(make_measurement):
    draws = Draws()
    better, worse = (
        factors(host_with_dcie(host_id, dcie), EVIDENCED, on_year=YEAR)
        for host_id, dcie in (("better", 0.9), ("worse", 0.6))
    )
    ratio = location_draws_kg(make_measurement(), worse, draws) / location_draws_kg(
        make_measurement(), better, draws
    )
    # 0.9 / 0.6 = 1.5, each DCiE ± 3 %: √2 · 3 % = 4 % around it, far less than the 20 % of the grid
    assert np.median(ratio) == pytest.approx(1.5, rel=0.01)
    assert np.quantile(ratio, 0.95) / np.quantile(ratio, 0.05) < 1.10


def test_claims_of_two_standings_share_their_draws(make_measurement):
    """What a claim and its evidence share is one input: the greenwashing risk is not blurred by it."""
    draws = Draws()
    contract = Contract(year=2025, evidence=Evidence.SELF_DECLARED, source=SOURCE, claimed_g_per_kwh=100)
    host = Host(host_id="a-host", name="A host", kind=HostKind.SITE, country="NLD", contract=contract)
    both = both_standings(host, on_year=YEAR)
    one, other = (location_draws_kg(make_measurement(), both[standing], draws) for standing in Standing)
    assert np.array_equal(one, other)
    at_its_word, as_evidenced = (footprint_of(make_measurement(), both[standing]) for standing in Standing)
    # 0.0312 · 100 / 1000 = 0.00312 kg; 0.0312 · 401 / 1000 = 0.0125112 kg
    assert at_its_word.market_based_kg.central == pytest.approx(0.00312)
    assert as_evidenced.market_based_kg.central == pytest.approx(0.0125112)
