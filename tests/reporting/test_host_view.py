import json

import pytest

from carbonprint.hosting.catalogue import catalogue_hosts, load_host, select_hosts
from carbonprint.hosting.host import Contract, Evidence, Host, HostKind, Uncovered
from carbonprint.hosting.standing import both_standings
from carbonprint.provenance import Source
from carbonprint.reporting.host_json import host_json, hosts_json
from carbonprint.reporting.host_table import by_country, host_table
from carbonprint.reporting.host_view import host_lines

MIX = ({"gas": 0.38, "wind": 0.62}, 2023)


def rows(hosts):
    return [(host, both_standings(host, 2026)) for host in hosts]


def view(host, mix=MIX):
    return host_lines(host, both_standings(host, 2026), mix)


def test_a_government_datacenter_is_shown_in_both_standings():
    lines = view(load_host("odc-noord"))
    assert lines[0] == "odc-noord: ODC Noord"
    start = lines.index("                          as claimed                 as evidenced")
    assert lines[start + 1 : start + 8] == [
        "  DCiE                    0.8 (evidenced 2022)       0.8 (evidenced 2022)",
        "  PUE                     1.25                       1.25",
        "  by location, g/kWh      252.7 (lifecycle, 2024)    252.7 (lifecycle, 2024)",
        "  by market, g/kWh        192.5 (direct, 2023)       401 (direct, 2026)",
        "  WUE, L/kWh of IT        –                          –",
        "  g/kWh of IT, location   315.9                      315.9",  # 252.7 / 0.8
        "  g/kWh of IT, market     240.6                      501.2",  # 192.48 / 0.8, 401 / 0.8
    ]
    text = "\n".join(lines)
    first = lines.index("  DCiE of earlier years: 2017 0.8")
    assert lines[first + 1].startswith("      Denk Doe Duurzaam, Rijksoverheid; Feiten en cijfers ICT")
    rest = lines.index("  DCiE of earlier years: 2018 0.82, 2019 0.81, 2020 0.81, 2021 0.83")
    assert rest > first
    assert lines[rest + 1].startswith("      Ministerie van BZK")
    assert "NLD 2023: gas 38%, wind 62%" in text
    assert "Ministerie van BZK" in text
    assert "https://github.com/MinBZK/rijksictdashboard.nl" in text
    assert "CC BY 4.0" in text


def test_a_cloud_region_shows_the_distance_between_claim_and_evidence():
    text = "\n".join(view(load_host("gcp/europe-west4")))
    assert "DCiE                    0.9346 (claim 2024)        0.641 (world average 2024)" in text
    assert "by market, g/kWh        0 (direct, 2024)           401 (direct, 2026)" in text
    assert "Uptime Institute" in text
    assert "as evidenced: The DCiE of 0.93 is self-declared" in text


def test_what_is_not_known_is_a_dash_with_its_reason():
    text = "\n".join(view(load_host("grid/DEU"), mix=None))
    assert "by market, g/kWh        –                          –" in text
    assert "by market: no factor is shipped for electricity without guarantees (Germany)" in text
    assert "energy mix of the grid:\n  not known" in text


def test_every_host_of_the_catalogue_fits_eighty_columns():
    for host in catalogue_hosts():
        for line in view(host):
            assert len(line) <= 80, line
            assert line == line.rstrip()


def test_markup_and_control_signs_are_shown_and_not_obeyed():
    host = Host(
        host_id="x",
        name="[bold]red[/bold] [/foo] \x1b[31m",
        kind=HostKind.SITE,
        country="NLD",
        site="[link=file:///]here\x07",
    )
    text = "\n".join([*view(host), *host_table(rows([host]))])
    assert "[bold]red[/bold] [/foo] \\x1b[31m" in text
    assert "[link=file:///]here\\x07" in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_the_table_of_dutch_hosts():
    hosts = by_country(select_hosts(country="NLD"))
    assert host_table(rows(hosts)) == [
        "                                                   DCiE       DCiE   grid",
        "code  host                 place                claimed  evidenced  g/kWh  year",
        "NLD   azure/westeurope     Netherlands             0.88      0.64*  252.7  2024",
        "NLD   gcp/europe-west4     Eemshaven               0.93      0.64*  252.7  2024",
        "NLD   odc-belastingdienst  ODC Belastingdienst     0.74       0.74  252.7  2024",
        "NLD   odc-haaglanden       ODC Haaglanden          0.83       0.83  252.7  2024",
        "NLD   odc-noord            ODC Noord               0.80       0.80  252.7  2024",
        "NLD   odc-rws-dji          ODC RWS-DJI             0.82       0.82  252.7  2024",
        "NLD   grid/NLD             Netherlands            0.64*      0.64*  252.7  2024",
        "NLD   desk/NLD             Netherlands             1.00       1.00  252.7  2024",
        "",
        "* the world's average PUE of 1.56 (Uptime Institute 2024), where no DCiE is",
        "  stated or evidenced",
    ]


@pytest.mark.parametrize("kind", [HostKind.SITE, None])
def test_the_table_fits_eighty_columns_and_cuts_no_id(kind):
    hosts = by_country(select_hosts(kind=kind))
    lines = host_table(rows(hosts))
    assert max(map(len, lines)) <= 80
    assert [line.split()[1] for line in lines[2 : 2 + len(hosts)]] == [host.host_id for host in hosts]


def test_a_wide_terminal_cuts_nothing():
    lines = host_table(rows(select_hosts(match="Melbourne")), width=120)
    assert any("Asia Pacific (Melbourne)" in line for line in lines)


def test_countries_stand_by_name_and_sites_before_references():
    hosts = by_country(select_hosts(match="united"))
    countries = list(dict.fromkeys(host.country for host in hosts))
    # Tanzania (the United Republic of), United Arab Emirates, United Kingdom, United States
    assert countries == ["TZA", "ARE", "GBR", "USA"]
    assert [host.kind for host in hosts if host.country == "GBR"][-2:] == [HostKind.GRID, HostKind.DESK]


def test_a_host_as_json_holds_every_figure_with_its_source():
    host = load_host("odc-noord")
    content = json.loads(host_json(host, both_standings(host, 2026), MIX))
    assert content["schema"] == "carbonprint/host-view/1"
    assert content["host"] == "odc-noord"
    assert content["stated"]["dcie"]["evidence"] == "government-publication"
    assert len(content["stated"]["dcie_history"]) == 5
    assert content["stated"]["contract"]["covered"][0]["share"] == 0.52
    assert content["claimed"]["intensity_g_per_kwh"] == {"location_based": 252.7, "market_based": 192.48}
    assert content["evidenced"]["intensity_g_per_kwh"] == {"location_based": 252.7, "market_based": 401}
    assert content["evidenced"]["intensity"]["location_based"]["source"]["publisher"] == "Ember"
    assert content["claimed"]["any_origin_g_per_kwh"] == 0
    assert content["energy_mix"]["shares"] == {"gas": 0.38, "wind": 0.62}
    assert content["stated"]["supply"] is None


def test_what_is_not_known_is_null():
    host = load_host("grid/WLD")
    content = json.loads(host_json(host, both_standings(host, 2026), None))
    assert content["evidenced"]["intensity_g_per_kwh"]["market_based"] is None
    assert content["evidenced"]["intensity"]["market_based"] is None
    assert content["energy_mix"] is None
    assert content["evidenced"]["market_missing"]


def test_a_list_as_json():
    content = json.loads(hosts_json(rows(select_hosts(country="NLD", kind=HostKind.SITE))))
    assert content["schema"] == "carbonprint/host-list/1"
    first = content["hosts"][0]
    assert (first["host"], first["country_name"]) == ("odc-rws-dji", "Netherlands")
    assert first["claimed"]["dcie"] == first["evidenced"]["dcie"] == 0.82


def test_every_host_can_be_written_as_json():
    for host in catalogue_hosts():
        assert json.loads(host_json(host, both_standings(host, 2026), None))["host"] == host.host_id


def test_a_label_is_shown_with_its_evidence():
    source = Source(title="the label")
    label = Uncovered(g_per_kwh=405, year=2025, source=source, evidence=Evidence.PUBLISHED_BY_LAW)
    contract = Contract(year=2025, evidence=Evidence.SELF_DECLARED, source=source, uncovered=label)
    host = Host(host_id="x", name="X", kind=HostKind.SITE, country="NLD", contract=contract)
    assert "  supplier's label 405 g/kWh of 2025, published-by-law" in view(host)
    content = json.loads(host_json(host, both_standings(host, 2026), None))
    assert content["stated"]["contract"]["uncovered"]["evidence"] == "published-by-law"
