import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.errors import DocumentError
from carbonprint.hosting.host import DcieKind, Evidence
from carbonprint.hosting.host_file import dcie_of_readings, read_host_file
from carbonprint.hosting.standing import Standing, both_standings

TODAY = datetime.date(2026, 6, 15)
HEAD = 'name = "Example datacenter"\ncountry = "NLD"\n'
CLASSES = (
    '"self-declared", "third-party", "audited", "published-by-law", "government-publication" or "metered"'
)
CLAIM = """
[efficiency]
pue = 1.25
year = 2025
source = "a page"
"""


def readings(months, year=2025):
    rows = [
        f'[[efficiency.months]]\nmonth = "{month}"\nit_kwh = {it}\nfacility_kwh = {facility}\n'
        for month, it, facility in months
    ]
    return '[efficiency]\nsource = "meters"\n' + "".join(rows)


def months_of(year, it=80, facility=100):
    return [(f"{year}-{month:02d}", it, facility) for month in range(1, 13)]


@pytest.fixture
def read(tmp_path):
    def reading(text, name="mine.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_host_file(path, today=TODAY)

    return reading


@pytest.fixture
def faults(read):
    def faults_of(text, name="mine.toml"):
        with pytest.raises(DocumentError) as caught:
            read(text, name)
        return list(caught.value.faults)

    return faults_of


def test_the_least_that_a_file_says(read, tmp_path):
    host = read(HEAD)
    assert (host.host_id, host.name, host.country) == ("mine", "Example datacenter", "NLD")
    assert host.dcie is host.supply is host.contract is None
    assert host.origin == str(tmp_path / "mine.toml")


def test_a_pue_is_a_claim_unless_it_says_otherwise(read):
    host = read(HEAD + CLAIM)
    assert host.dcie.dcie == 0.8  # 1 / 1.25
    assert (host.dcie.year, host.dcie.evidence, host.dcie.kind) == (
        2025,
        Evidence.SELF_DECLARED,
        DcieKind.MEASURED,
    )
    assert (host.dcie.source.title, host.dcie.source.year) == ("a page", 2025)


def test_a_source_can_be_a_table(read):
    text = CLAIM.replace(
        '"a page"', '{ title = "EED report", publisher = "Them", url = "https://example.org" }'
    )
    source = read(HEAD + text).dcie.source
    assert (source.title, source.publisher, source.url) == ("EED report", "Them", "https://example.org")


def test_twelve_readings_make_an_annual_figure_by_energy(read):
    # January 60 of 100 kWh, the other eleven 160 of 200: (60 + 11 · 160) / (100 + 11 · 200) = 1820 / 2300
    months = months_of(2025, 160, 200)
    months[0] = ("2025-01", 60, 100)
    host = read(HEAD + readings(months))
    assert host.dcie.dcie == pytest.approx(1820 / 2300)
    assert (host.dcie.year, host.dcie.evidence) == (2025, Evidence.METERED)
    evidenced = both_standings(host, 2026)[Standing.EVIDENCED]
    assert evidenced.efficiency.dcie == pytest.approx(0.7913, abs=1e-4)


def test_a_rolling_year_belongs_to_the_year_of_most_of_its_months(read):
    months = months_of(2024)[3:] + months_of(2025)[:3]
    assert read(HEAD + readings(months)).dcie.year == 2024
    months = months_of(2024)[9:] + months_of(2025)[:9]
    assert read(HEAD + readings(months)).dcie.year == 2025
    months = months_of(2024)[6:] + months_of(2025)[:6]
    assert read(HEAD + readings(months)).dcie.year == 2024


def test_readings_in_any_order_are_a_year(read):
    assert read(HEAD + readings(months_of(2025)[::-1])).dcie.dcie == pytest.approx(0.8)


def test_missing_months_are_named_and_no_annual_figure_is_made(faults):
    months = [row for row in months_of(2025) if row[0] not in ("2025-03", "2025-07")]
    assert faults(HEAD + readings(months)) == [
        "efficiency.months: an annual figure needs twelve consecutive months, missing: 2025-03, 2025-07"
    ]


def test_a_month_given_twice_is_named(faults):
    months = [*months_of(2025), ("2025-05", 1, 1)]
    assert faults(HEAD + readings(months)) == [
        "efficiency.months: each month stands once, found more than once: 2025-05"
    ]


def test_a_thirteenth_month_is_named(faults):
    assert faults(HEAD + readings([*months_of(2025), ("2026-01", 1, 1)])) == [
        "efficiency.months: the twelve months are 2025-01 to 2025-12, found outside them: 2026-01"
    ]


def test_a_year_that_is_stated_is_the_one_to_be_filled(faults):
    text = readings(months_of(2025)).replace("[efficiency]\n", "[efficiency]\nyear = 2024\n", 1)
    missing, outside = faults(HEAD + text)
    assert "missing: 2024-01, 2024-02" in missing
    assert "found outside them: 2025-01" in outside


def test_the_it_equipment_draws_no_more_than_the_facility(faults):
    months = months_of(2025)
    months[2] = ("2025-03", 101, 100)
    assert faults(HEAD + readings(months)) == [
        "efficiency.months[3].it_kwh: must be at most facility_kwh (100), found 101"
    ]


def test_what_is_bought(read):
    text = """
[contract]
year = 2025
source = "annex 2"
site_energy_mwh = 1200
[[contract.covered]]
share = 0.5
technology = "wind"
country = "NLD"
[contract.covered.cancellation]
statement = "S-1"
beneficiary = "Example datacenter"
year = 2025
energy_mwh = 480
[[contract.covered]]
share = 0.2
technology = "biomass"
g_per_kwh = 30
[contract.uncovered]
g_per_kwh = 420
year = 2025
source = "label"
"""
    contract = read(HEAD + text).contract
    wind, biomass = contract.covered
    assert (wind.g_per_kwh, wind.cancellation.energy_mwh) == (0, 480)
    assert (biomass.g_per_kwh, biomass.country, biomass.cancellation) == (30, "", None)
    assert contract.uncovered.g_per_kwh == 420
    # evidenced: 480 / 1200 = 0.4 covered by wind at 0, the rest by the label: 0.6 · 420 = 252
    evidenced = both_standings(read(HEAD + text), 2026)[Standing.EVIDENCED]
    assert evidenced.market_based.g_per_kwh == pytest.approx(252)


COVERED = """
[contract]
year = 2025
source = "annex 2"
[[contract.covered]]
share = 1.0
technology = "wind"
country = "NLD"
[contract.covered.cancellation]
statement = "S-1"
beneficiary = "Example datacenter"
year = 2025
energy_mwh = 0.6
"""


def test_the_sites_use_is_the_sum_of_its_readings(read):
    # 12 · 100 kWh = 1.2 MWh, 0.6 cancelled: half of it is covered, half is grey: 0.5 · 401 = 200.5
    host = read(HEAD + readings(months_of(2025)) + COVERED)
    assert host.contract.site_energy_mwh == pytest.approx(1.2)
    evidenced = both_standings(host, 2026)[Standing.EVIDENCED]
    assert evidenced.market_based.g_per_kwh == pytest.approx(200.5)


def test_readings_of_another_year_say_nothing_of_the_contracts(read):
    host = read(HEAD + readings(months_of(2024)) + COVERED)
    assert host.contract.site_energy_mwh is None
    codes = [caveat.code for caveat in both_standings(host, 2026)[Standing.EVIDENCED].caveats]
    assert "site-energy-missing" in codes


def test_water_supply_history_and_notes(read):
    text = """
[efficiency]
dcie = 0.8
year = 2025
kind = "estimated"
evidence = "audited"
metering_category = 2
source = "audit"
[[efficiency.history]]
pue = 1.6
year = 2023
source = "page"
[[efficiency.history]]
dcie = 0.5
year = 2022
source = "page"
[supply]
year = 2025
evidence = "published-by-law"
source = "register"
shares = { wind = 0.75, gas = 0.25 }
[water]
wue_l_per_kwh = 0
year = 2025
evidence = "third-party"
source = "page"
"""
    host = read('id = "other"\nnotes = ["One."]\ngrid_zone = "NL"\n' + HEAD + text)
    assert host.host_id == "other"
    assert host.notes == ("One.",)
    assert (host.dcie.kind, host.dcie.metering_category) == (DcieKind.ESTIMATED, 2)
    assert [(claim.year, claim.dcie) for claim in host.dcie_history] == [(2022, 0.5), (2023, 0.625)]
    assert host.supply.shares == {"wind": 0.75, "gas": 0.25}
    assert (host.wue_l_per_kwh, host.wue_evidence) == (0, Evidence.THIRD_PARTY)


def test_an_id_of_the_catalogue_cannot_be_taken(faults):
    assert faults('id = "odc-noord"\n' + HEAD) == [
        'id: must not be that of a host of the catalogue, found "odc-noord"'
    ]
    assert faults(HEAD, "odc-noord.toml") == [
        'id: must not be that of a host of the catalogue, found "odc-noord"'
    ]
    assert faults('id = "grid/NLD"\n' + HEAD)[0].startswith("id: must be of small letters")


def test_every_fault_of_a_file_in_one_go(faults):
    text = """
nam = "x"
country = "NL"
[efficiency]
dcie = 80
year = 1850
evidence = "hearsay"
[supply]
year = 2024
source = ""
shares = { wnd = 0.5, gas = 0.4 }
[contract]
year = 2024
source = { titel = "x" }
[[contract.covered]]
share = 0.5
technology = "biomass"
[water]
wue_l_per_kwh = -1
year = true
"""
    assert faults(text) == [
        "name: is required, found nothing",
        'country: must be an ISO 3166-1 alpha-3 code such as "NLD", found "NL" (did you mean NLD?)',
        "efficiency.dcie: DCiE is a fraction in (0, 1], got 80; write 0.8, not 80",
        "efficiency.year: must be at least 1990, found 1850",
        f'efficiency.evidence: must be one of {CLASSES}, found "hearsay"',
        "efficiency.source: is required, found nothing",
        'supply.source.title: must not be empty, found ""',
        "contract.source.title: is required, found nothing",
        "contract.source.titel: is no known key; did you mean title?",
        "water.wue_l_per_kwh: must be at least 0, found -1",
        "water.year: must be a whole number, found true",
        "water.source: is required, found nothing",
        "nam: is no known key; did you mean name?",
        "supply.shares: unknown energy source 'wnd'; did you mean wind?",
        "supply.shares: the shares must sum to 1, got 0.9",
        "contract.covered[1].g_per_kwh: is required unless technology burns nothing, found nothing",
    ]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", '"0.8"', "true", "0", "-0.2", "1.2", "[0.8]"])
def test_no_dcie_that_is_none(faults, value):
    (fault,) = faults(HEAD + CLAIM.replace("pue = 1.25", f"dcie = {value}"))
    assert fault.startswith("efficiency.dcie: ")


def test_a_later_form_of_the_file_is_refused(faults):
    assert faults('schema = "carbonprint/host/2"\n' + HEAD) == [
        'schema: must be "carbonprint/host/1", found "carbonprint/host/2"'
    ]


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(1, 1e6)), min_size=12, max_size=12))
def test_an_annual_dcie_lies_between_its_months(months):
    it_kwh = [share * facility_kwh for share, facility_kwh in months]
    dcie = dcie_of_readings(it_kwh, [facility_kwh for _, facility_kwh in months])
    shares = [share for share, _ in months]
    assert min(shares) * (1 - 1e-9) <= dcie <= max(shares) * (1 + 1e-9)


def test_a_mean_of_ratios_would_be_another_figure():
    # 60 of 100 and 160 of 200: 220 / 300 = 0.7333; the mean of 0.6 and 0.8 is 0.7
    assert dcie_of_readings([60, 160], [100, 200]) == pytest.approx(220 / 300)


def test_a_year_to_come_is_no_evidence(faults, read):
    text = """
[efficiency]
dcie = 0.8
year = 2027
source = { title = "page", year = 2028 }
[[efficiency.history]]
dcie = 0.8
year = 2029
source = "page"
[supply]
year = 2030
source = "page"
shares = { wind = 1.0 }
[contract]
year = 2031
source = "page"
[[contract.covered]]
share = 1.0
technology = "wind"
[contract.covered.cancellation]
statement = "S"
beneficiary = "B"
year = 2032
energy_mwh = 1
[contract.uncovered]
g_per_kwh = 1
year = 2033
source = "page"
[water]
wue_l_per_kwh = 1
year = 2034
source = "page"
"""
    keys = (
        "efficiency.year", "efficiency.source.year", "efficiency.history[1].year", "supply.year",
        "contract.year", "contract.covered[1].cancellation.year", "contract.uncovered.year", "water.year",
    )  # fmt: skip
    given_years = dict(zip(keys, range(2027, 2035), strict=True))
    expected = [
        f"{key}: must be at most 2026, the year of today, found {year}" for key, year in given_years.items()
    ]
    assert sorted(faults(HEAD + text)) == sorted(expected)
    assert read(HEAD + CLAIM.replace("2025", "2026")).dcie.year == 2026


def test_a_month_to_come_has_no_readings(faults, read):
    assert read(HEAD + readings(months_of(2025)[6:] + months_of(2026)[:6])).dcie.year == 2025
    months = months_of(2025)[7:] + months_of(2026)[:7]
    assert faults(HEAD + readings(months)) == [
        'efficiency.months[12].month: must be at most 2026-06, the month of today, found "2026-07"'
    ]


def test_without_a_date_that_of_the_clock_holds(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + CLAIM.replace("2025", "2099"))
    with pytest.raises(DocumentError, match=r"efficiency\.year: must be at most 20\d\d, the year of today"):
        read_host_file(path)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"a page"', '" "', 'efficiency.source.title: must not be empty, found " "'),
        ('"a page"', '{ title = "\\t" }', 'efficiency.source.title: must not be empty, found "\t"'),
        ('"Example datacenter"', '"  "', 'name: must not be empty, found "  "'),
        ('"a page"', "1", "efficiency.source: must be text or a table, found 1"),
        ('"a page"', '["a"]', "efficiency.source: must be text or a table, found a list of 1"),
        ("pue = 1.25", "pue = 5.1", "efficiency.pue: PUE is at most 5 for a site in use, got 5.1"),
        (
            "pue = 1.25",
            "dcie = 0.19",
            "efficiency.dcie: DCiE is at least 0.2 for a site in use (PUE 5), got 0.19",
        ),
    ],
)
def test_what_says_nothing_or_cannot_be_is_refused(faults, old, new, fault):
    assert faults((HEAD + CLAIM).replace(old, new)) == [fault]


def test_the_bounds_of_a_pue_are_allowed_and_texts_are_stripped(read):
    assert read(HEAD + CLAIM.replace("1.25", "5")).dcie.dcie == 0.2
    assert read(HEAD + CLAIM.replace("pue = 1.25", "dcie = 0.2")).dcie.dcie == 0.2
    assert read((HEAD + CLAIM).replace('"a page"', '" a page "')).dcie.source.title == "a page"


def test_absurd_readings_are_a_fault_of_their_keys(faults):
    found = faults(HEAD + readings(months_of(2025, "1e308", "1e308")))
    assert found[0] == "efficiency.months[1].it_kwh: must be at most 10000000000, found 1e+308"
    assert len(found) == 24


def test_a_label_carries_its_evidence(read, faults):
    text = """
[contract]
year = 2025
source = "page"
[contract.uncovered]
g_per_kwh = 0
year = 2025
source = "label"
"""
    assert read(HEAD + text).contract.uncovered.evidence is Evidence.SELF_DECLARED
    evidenced = both_standings(read(HEAD + text), 2026)[Standing.EVIDENCED]
    assert evidenced.market_based.g_per_kwh == 401
    host = read(HEAD + text + 'evidence = "published-by-law"\n')
    assert both_standings(host, 2026)[Standing.EVIDENCED].market_based.g_per_kwh == 0
    assert faults(HEAD + text + 'evidence = "hearsay"\n') == [
        f'contract.uncovered.evidence: must be one of {CLASSES}, found "hearsay"'
    ]


def test_one_statement_does_not_count_twice(faults):
    second = COVERED.partition("[[contract.covered]]")
    text = COVERED.replace("share = 1.0", "share = 0.5")
    text += (second[1] + second[2]).replace("share = 1.0", "share = 0.5")
    (fault,) = faults(HEAD + text)
    assert "contract.covered[2].cancellation.statement" in fault
    assert "contract.covered[1].cancellation.statement" in fault
