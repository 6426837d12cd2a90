import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.hosting.catalogue import load_host
from carbonprint.hosting.host import (
    Cancellation,
    Contract,
    CoveredShare,
    DcieClaim,
    DcieKind,
    Evidence,
    Host,
    HostKind,
    Supply,
    Uncovered,
)
from carbonprint.hosting.standing import Standing, both_standings, factors
from carbonprint.intensity.mixes import energy_sources
from carbonprint.provenance import Basis, Source

SOURCE = Source(title="a page")
CLAIMED, EVIDENCED = Standing

years = st.integers(2015, 2026)
evidences = st.sampled_from(list(Evidence))
intensities = st.floats(0, 1200)


@st.composite
def mixes(draw):
    names = draw(st.lists(st.sampled_from(energy_sources()), min_size=1, max_size=4, unique=True))
    weights = draw(st.lists(st.floats(0.01, 1), min_size=len(names), max_size=len(names)))
    return {name: weight / math.fsum(weights) for name, weight in zip(names, weights, strict=True)}


cancellations = st.builds(
    Cancellation,
    statement=st.just("S"),
    beneficiary=st.just("B"),
    year=st.sampled_from([2024, 2025]),
    energy_mwh=st.floats(0, 5000),
)
covered_shares = st.builds(
    CoveredShare,
    share=st.floats(0, 0.33),
    g_per_kwh=intensities,
    technology=st.sampled_from(["wind", "biomass", ""]),
    country=st.sampled_from(["NLD", "NOR", ""]),
    cancellation=st.none() | cancellations,
)
contracts = st.builds(
    Contract,
    year=st.just(2025),
    evidence=evidences,
    source=st.just(SOURCE),
    covered=st.lists(covered_shares, max_size=3).map(tuple),
    uncovered=st.none()
    | st.builds(Uncovered, g_per_kwh=intensities, year=years, source=st.just(SOURCE), evidence=evidences),
    claimed_g_per_kwh=st.none() | intensities,
    site_energy_mwh=st.none() | st.floats(1, 5000),
)
hosts = st.builds(
    Host,
    host_id=st.just("a-host"),
    name=st.just("A host"),
    kind=st.just(HostKind.SITE),
    country=st.sampled_from(["NLD", "DEU", "USA", "LUX"]),
    dcie=st.none()
    | st.builds(
        DcieClaim,
        dcie=st.floats(0.2, 1),
        year=years,
        kind=st.sampled_from(list(DcieKind)),
        evidence=evidences,
        source=st.just(SOURCE),
        metering_category=st.sampled_from([None, 1, 2, 3]),
    ),
    supply=st.none()
    | st.builds(Supply, shares=mixes(), year=years, evidence=evidences, source=st.just(SOURCE)),
    contract=st.none() | contracts,
    wue_l_per_kwh=st.none() | st.floats(0, 5),
    wue_evidence=evidences,
)


@given(hosts, st.integers(2015, 2035))
def test_as_evidenced_is_never_below_as_claimed(host, on_year):
    both = both_standings(host, on_year)
    claimed, evidenced = both[CLAIMED], both[EVIDENCED]
    assert evidenced.efficiency.dcie <= claimed.efficiency.dcie
    assert evidenced.location_based.g_per_kwh >= claimed.location_based.g_per_kwh
    per_it_claimed = claimed.location_based.g_per_kwh / claimed.efficiency.dcie
    assert evidenced.location_based.g_per_kwh / evidenced.efficiency.dcie >= per_it_claimed
    if evidenced.market_based is not None:
        assert claimed.market_based is not None
        assert evidenced.market_based.g_per_kwh >= claimed.market_based.g_per_kwh


@given(hosts)
def test_a_market_figure_is_there_or_its_absence_is_explained(host):
    for found in both_standings(host, 2026).values():
        assert (found.market_based is None) == bool(found.market_missing)
        assert found.market_based is not None or host.country != "NLD"


@given(hosts)
def test_counting_guarantees_of_any_country_never_hides_the_counted_figure(host):
    for found in both_standings(host, 2026).values():
        if found.any_origin_g_per_kwh is not None:
            assert host.country == "NLD"
            assert found.market_based is not None


@given(hosts)
def test_water_as_evidenced_has_evidence(host):
    found = both_standings(host, 2026)
    assert found[CLAIMED].wue_l_per_kwh == host.wue_l_per_kwh
    assert found[EVIDENCED].wue_l_per_kwh == (host.wue_l_per_kwh if host.wue_evidence.counts else None)


@given(hosts, st.integers(2015, 2035))
def test_the_year_of_the_run_changes_intervals_and_no_figure(host, on_year):
    for standing in Standing:
        now, then = factors(host, standing, on_year=2026), factors(host, standing, on_year=on_year)
        assert now.efficiency.dcie == then.efficiency.dcie
        assert now.location_based.g_per_kwh == then.location_based.g_per_kwh


@given(hosts)
def test_every_caveat_is_a_sentence_with_a_code(host):
    for found in both_standings(host, 2026).values():
        for caveat in found.caveats:
            assert caveat.code.replace("-", "").isalpha()
            assert caveat.text[0].isupper()
            assert caveat.text.endswith(".")


def test_a_government_datacenter_as_claimed_and_as_evidenced():
    both = both_standings(load_host("odc-noord"), 2026)
    for found in both.values():
        assert (found.efficiency.dcie, found.efficiency.basis) == (0.80, Basis.COUNTED)
        assert found.efficiency.half_width_90 == pytest.approx(0.07)  # 0.03 + 0.01 · 4
        assert found.location_based.g_per_kwh == 252.7
    # claimed: 0.52 · 0 + 0.48 · 401 = 192.48; as evidenced nothing is covered
    assert both[CLAIMED].market_based.g_per_kwh == pytest.approx(192.48)
    assert both[CLAIMED].any_origin_g_per_kwh == 0
    assert both[EVIDENCED].market_based.g_per_kwh == 401
    codes = [caveat.code for caveat in both[EVIDENCED].caveats]
    assert codes == ["dcie-old", "contract-scope", "guarantees-abroad", "contract-not-evidenced"]


def test_a_cloud_region_as_claimed_and_as_evidenced():
    both = both_standings(load_host("gcp/europe-west4"), 2026)
    assert both[CLAIMED].efficiency.dcie == pytest.approx(1 / 1.07)
    assert both[CLAIMED].market_based.g_per_kwh == 0
    assert both[EVIDENCED].efficiency.dcie == pytest.approx(1 / 1.56)
    assert both[EVIDENCED].market_based.g_per_kwh == 401
    codes = [caveat.code for caveat in both[EVIDENCED].caveats]
    assert codes == ["dcie-not-evidenced", "contract-not-evidenced"]


def test_a_cloud_region_without_a_pue_is_marked_in_both():
    for found in both_standings(load_host("aws/eu-west-2"), 2026).values():
        assert found.efficiency.basis is Basis.DEFAULT
        assert "dcie-default" in [caveat.code for caveat in found.caveats]


def test_a_part_of_a_large_country_is_marked():
    found = factors(load_host("aws/us-west-2"), EVIDENCED, on_year=2026)
    assert "national-grid" in [caveat.code for caveat in found.caveats]
    assert found.location_based.zone == "USA"


def test_the_worlds_grid_has_no_market_figure():
    for found in both_standings(load_host("grid/WLD"), 2026).values():
        assert found.location_based.g_per_kwh == 472.94
        assert found.market_based is None
