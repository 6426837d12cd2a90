from dataclasses import replace

import pytest

from carbonprint.hosting.electricity import evidenced_share, location_intensity, market_figure
from carbonprint.hosting.host import (
    Cancellation,
    Contract,
    CoveredShare,
    Evidence,
    Host,
    HostKind,
    Supply,
    Uncovered,
)
from carbonprint.hosting.standing import Standing, factors
from carbonprint.provenance import Source

SOURCE = Source(title="a page", year=2025)
CLAIMED, EVIDENCED = Standing


def host(country="NLD", supply=None, contract=None):
    return Host(
        host_id="a-host", name="A", kind=HostKind.SITE, country=country, supply=supply, contract=contract
    )


def supply(shares, evidence=Evidence.SELF_DECLARED):
    return Supply(shares=shares, year=2025, evidence=evidence, source=SOURCE)


def contract(
    *covered, label=None, site_energy_mwh=1000.0, claimed_g_per_kwh=None, year=2025,
    label_evidence=Evidence.PUBLISHED_BY_LAW,
):  # fmt: skip
    uncovered = None
    if label is not None:
        uncovered = Uncovered(g_per_kwh=label, year=2025, source=SOURCE, evidence=label_evidence)
    return Contract(
        year=year,
        evidence=Evidence.SELF_DECLARED,
        source=SOURCE,
        covered=covered,
        uncovered=uncovered,
        site_energy_mwh=site_energy_mwh,
        claimed_g_per_kwh=claimed_g_per_kwh,
    )


def covered(share, country="NLD", g_per_kwh=0.0, cancelled_mwh=None, year=2025):
    statement = None
    if cancelled_mwh is not None:
        statement = Cancellation(statement="S", beneficiary="B", year=year, energy_mwh=cancelled_mwh)
    return CoveredShare(
        share=share, g_per_kwh=g_per_kwh, technology="wind", country=country, cancellation=statement
    )


def caveats(of_host, standing=Standing.EVIDENCED, on_year=2026):
    return {caveat.code: caveat.text for caveat in factors(of_host, standing, on_year=on_year).caveats}


def location(of_host, standing):
    return location_intensity(of_host, standing, on_year=2026)


def market(of_host, standing):
    return market_figure(of_host, standing, on_year=2026)


def test_the_grid_holds_where_there_is_no_supply():
    for standing in Standing:
        assert location(host(), standing).g_per_kwh == 252.7


def test_a_greener_supply_is_a_claim():
    of_host = host(supply=supply({"wind": 1.0}))
    assert location(of_host, CLAIMED).g_per_kwh == 13
    assert location(of_host, EVIDENCED).g_per_kwh == 252.7


def test_a_dirtier_supply_is_believed():
    of_host = host(supply=supply({"gas": 1.0}))
    assert location(of_host, CLAIMED).g_per_kwh == location(of_host, EVIDENCED).g_per_kwh == 486


def test_an_evidenced_supply_holds_in_both():
    of_host = host(supply=supply({"wind": 1.0}, Evidence.AUDITED))
    assert location(of_host, EVIDENCED).g_per_kwh == 13
    assert location(of_host, EVIDENCED).zone == "a-host"


def test_without_a_contract_dutch_electricity_is_grey():
    for standing in Standing:
        assert market(host(), standing).intensity.g_per_kwh == 401


def test_without_a_contract_it_is_not_known_elsewhere():
    for standing in Standing:
        figure = market(host("DEU"), standing)
        assert figure.intensity is None
        assert "[contract.uncovered]" in figure.missing


def test_a_label_makes_it_known_elsewhere():
    of_host = host("DEU", contract=contract(label=470.0))
    for standing in Standing:
        assert market(of_host, standing).intensity.g_per_kwh == 470


def test_a_stated_figure_counts_as_claimed_only():
    of_host = host(contract=contract(claimed_g_per_kwh=0.0))
    assert market(of_host, CLAIMED).intensity.g_per_kwh == 0
    assert market(of_host, EVIDENCED).intensity.g_per_kwh == 401
    abroad = host("USA", contract=contract(claimed_g_per_kwh=0.0))
    assert market(abroad, CLAIMED).intensity.g_per_kwh == 0
    assert market(abroad, EVIDENCED).intensity is None
    assert "United States" in market(abroad, EVIDENCED).missing


def test_a_stated_figure_worse_than_the_rule_is_believed():
    of_host = host(contract=contract(claimed_g_per_kwh=700.0))
    assert market(of_host, EVIDENCED).intensity.g_per_kwh == 700


def test_a_cancellation_covers_its_mwh_over_the_sites():
    part = covered(1.0, cancelled_mwh=900.0)
    assert evidenced_share(part, contract(part), on_year=2025) == pytest.approx(0.9)  # 900 / 1000
    of_host = host(contract=contract(part))
    assert market(of_host, CLAIMED).intensity.g_per_kwh == 0
    assert market(of_host, EVIDENCED).intensity.g_per_kwh == pytest.approx(40.1)  # 0.1 · 401


def test_more_cancelled_than_claimed_covers_what_is_claimed():
    part = covered(0.5, cancelled_mwh=5000.0)
    assert evidenced_share(part, contract(part), on_year=2025) == 0.5


@pytest.mark.parametrize(
    ("part", "site_energy_mwh"),
    [
        (covered(1.0), 1000.0),
        (covered(1.0, cancelled_mwh=900.0, year=2024), 1000.0),
        (covered(1.0, cancelled_mwh=900.0), None),
        (covered(1.0, cancelled_mwh=0.0), 1000.0),
        (replace(covered(1.0, cancelled_mwh=900.0), technology=""), 1000.0),
    ],
)
def test_what_covers_nothing_as_evidenced(part, site_energy_mwh):
    of_contract = contract(part, site_energy_mwh=site_energy_mwh)
    assert evidenced_share(part, of_contract, on_year=2026) == 0
    assert market(host(contract=of_contract), EVIDENCED).intensity.g_per_kwh == 401


def test_dutch_sites_count_dutch_guarantees_and_say_what_others_would_make():
    # 0.52 · 0 + 0.48 · 401 = 192.48; with guarantees of any country 0
    figure = market(host(contract=contract(covered(0.52), covered(0.48, "NOR"))), CLAIMED)
    assert figure.intensity.g_per_kwh == pytest.approx(192.48)
    assert figure.any_origin_g_per_kwh == 0


def test_the_figure_of_any_origin_asks_for_cancellations_as_evidenced():
    # Norwegian guarantees for 480 of 1000 MWh: 0.52 · 401 = 208.52
    parts = (covered(0.52), covered(0.48, "NOR", cancelled_mwh=480.0))
    figure = market(host(contract=contract(*parts)), EVIDENCED)
    assert figure.intensity.g_per_kwh == 401
    assert figure.any_origin_g_per_kwh == pytest.approx(208.52)


def test_elsewhere_every_origin_counts():
    figure = market(host("DEU", contract=contract(covered(1.0, "NOR"))), CLAIMED)
    assert figure.intensity.g_per_kwh == 0
    assert figure.any_origin_g_per_kwh is None


def test_a_contract_dirtier_than_the_label_is_believed():
    parts = (covered(0.5, g_per_kwh=800.0),)
    of_host = host(contract=contract(*parts, label=300.0))
    # 0.5 · 800 + 0.5 · 300 = 550; without the contract 300
    assert market(of_host, CLAIMED).intensity.g_per_kwh == pytest.approx(550)
    assert market(of_host, EVIDENCED).intensity.g_per_kwh == pytest.approx(550)


def test_a_guarantee_without_a_country_covers_nothing_of_a_dutch_site():
    part = replace(covered(1.0), country="")
    assert market(host(contract=contract(part)), CLAIMED).intensity.g_per_kwh == 401


@pytest.mark.parametrize(
    ("on_year", "g_per_kwh", "code", "distance"),
    [
        (2025, 0, None, ""),
        (2026, 0, "contract-year", "2025, 1 year before the run"),
        (2027, 0, "contract-year", "2025, 2 years before the run"),
        (2028, 401, "contract-old", "2025, 3 years before the run"),
        (2056, 401, "contract-old", "2025, 31 years before the run"),
        (2024, 0, "contract-year", "2025, 1 year after the run"),
        (2022, 401, "contract-old", "2025, 3 years after the run"),
    ],
)
def test_guarantees_of_a_distant_year_cover_no_electricity_of_the_run(on_year, g_per_kwh, code, distance):
    of_host = host(contract=contract(covered(1.0, cancelled_mwh=1000.0)))
    claimed = market_figure(of_host, CLAIMED, on_year=on_year)
    evidenced = market_figure(of_host, EVIDENCED, on_year=on_year)
    assert claimed.intensity.g_per_kwh == 0
    assert evidenced.intensity.g_per_kwh == g_per_kwh
    assert (evidenced.intensity.half_width_90 > 0) == (g_per_kwh > 0)
    found = caveats(of_host, on_year=on_year)
    assert found.keys() & {"contract-year", "contract-old"} == ({code} if code else set())
    assert distance in found.get(code, "")
    assert not caveats(of_host, CLAIMED, on_year).keys() & {"contract-year", "contract-old"}


def test_old_guarantees_of_any_origin_cover_nothing_either():
    parts = (covered(0.5, cancelled_mwh=500.0), covered(0.5, "NOR", cancelled_mwh=500.0))
    figure = market_figure(host(contract=contract(*parts)), EVIDENCED, on_year=2030)
    assert figure.intensity.g_per_kwh == 401
    assert figure.any_origin_g_per_kwh is None


def test_a_cancellation_without_a_technology_stays_a_claim():
    of_host = host(contract=contract(replace(covered(1.0, cancelled_mwh=1000.0), technology="")))
    assert market(of_host, CLAIMED).intensity.g_per_kwh == 0
    assert market(of_host, EVIDENCED).intensity.g_per_kwh == 401
    assert "names no technology" in caveats(of_host)["technology-missing"]
    assert "technology-missing" not in caveats(of_host, CLAIMED)
    assert "technology-missing" not in caveats(host(contract=contract(covered(1.0, cancelled_mwh=1.0))))


@pytest.mark.parametrize("evidence", [Evidence.SELF_DECLARED, Evidence.METERED])
def test_a_label_without_evidence_is_a_claim(evidence):
    dutch, german = (
        host(country, contract=contract(label=0.0, label_evidence=evidence)) for country in ("NLD", "DEU")
    )
    assert market(dutch, CLAIMED).intensity.g_per_kwh == market(german, CLAIMED).intensity.g_per_kwh == 0
    assert market(dutch, EVIDENCED).intensity.g_per_kwh == 401
    assert market(german, EVIDENCED).intensity is None
    missing = market(german, EVIDENCED).missing
    assert f"the supplier's label is {evidence.value}, no evidence that counts" in missing
    assert "[contract.uncovered]" in missing
    assert caveats(dutch)["label-not-evidenced"].endswith("grey electricity stands in for it.")
    assert caveats(german)["label-not-evidenced"].endswith("what is not covered is not known.")
    assert "label-not-evidenced" not in caveats(dutch, CLAIMED)


def test_a_self_declared_label_worse_than_grey_is_believed():
    of_host = host(contract=contract(label=500.0, label_evidence=Evidence.SELF_DECLARED))
    assert market(of_host, EVIDENCED).intensity.g_per_kwh == 500
    assert "label-not-evidenced" not in caveats(of_host)


@pytest.mark.parametrize(
    "evidence",
    [Evidence.THIRD_PARTY, Evidence.AUDITED, Evidence.PUBLISHED_BY_LAW, Evidence.GOVERNMENT],
)
def test_a_label_with_evidence_holds_and_shows_its_age(evidence):
    of_host = host("DEU", contract=contract(label=100.0, label_evidence=evidence))
    for standing in Standing:
        assert market(of_host, standing).intensity.g_per_kwh == 100
    assert not caveats(of_host).keys() & {"label-not-evidenced", "label-old"}
    assert "2025, 5 years before the run" in caveats(of_host, on_year=2030)["label-old"]


def test_a_self_declared_label_spoils_only_what_it_is_needed_for():
    part = covered(1.0, "NOR", cancelled_mwh=1000.0)
    of_host = host("DEU", contract=contract(part, label=0.0, label_evidence=Evidence.SELF_DECLARED))
    assert market(of_host, EVIDENCED).intensity.g_per_kwh == 0
    half = covered(1.0, "NOR", cancelled_mwh=500.0)
    of_host = host("DEU", contract=contract(half, label=0.0, label_evidence=Evidence.SELF_DECLARED))
    assert market(of_host, EVIDENCED).intensity is None
