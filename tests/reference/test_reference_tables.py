import math

import pytest

from carbonprint.reference.datacenters import cloud_rows, government_dcie_rows, government_purchase_rows
from carbonprint.reference.factors import (
    country_name,
    dutch_factor_rows,
    grid_rows,
    nearest_countries,
    source_factor_rows,
    trading_countries,
)
from carbonprint.reference.tables import constant, constants, sources, table_rows

TABLES = (
    "cloud_regions.csv",
    "constants.csv",
    "dutch_factors.csv",
    "grid_intensity.csv",
    "odc_contract.csv",
    "odc_dcie.csv",
    "source_factors.csv",
    "trading_countries.csv",
)


@pytest.mark.parametrize("name", TABLES)
def test_every_row_names_a_source_that_is_listed(name):
    rows = table_rows(name)
    assert rows
    assert {row["source"] for row in rows} <= set(sources())


def test_every_source_has_a_title_a_publisher_and_a_licence_and_is_used():
    for source in sources().values():
        assert source.title
        assert source.publisher
        assert source.licence
    used = {row["source"] for name in TABLES for row in table_rows(name)} | {"iso-30134-2"}
    assert used == set(sources())


def test_no_row_has_more_or_fewer_cells_than_the_header():
    for name in (*TABLES, "sources.csv"):
        for row in table_rows(name):
            assert None not in row
            assert None not in row.values()


def test_grids_are_every_country_once_and_the_world():
    rows = grid_rows()
    assert len(rows) == len(table_rows("grid_intensity.csv")) == 210
    assert rows["NLD"].g_per_kwh == 252.7
    assert rows["NLD"].year == rows["NLD"].source.year == 2024
    assert rows["WLD"].g_per_kwh == 472.94
    assert all(len(code) == 3 and code.isupper() for code in rows)
    assert all(math.isfinite(row.g_per_kwh) and 0 <= row.g_per_kwh < 1400 for row in rows.values())
    assert "Ember" in rows["NLD"].source.licence


def test_trading_countries_have_a_grid():
    assert trading_countries() <= set(grid_rows())
    assert len(trading_countries()) == 9


def test_government_datacenters_keep_their_history():
    rows = government_dcie_rows()
    assert list(rows) == ["odc-rws-dji", "odc-belastingdienst", "odc-haaglanden", "odc-noord"]
    assert [row.year for row in rows["odc-noord"]] == [2017, 2018, 2019, 2020, 2021, 2022]
    assert {host_id: years[-1].dcie for host_id, years in rows.items()} == {
        "odc-rws-dji": 0.82,
        "odc-belastingdienst": 0.74,
        "odc-haaglanden": 0.83,
        "odc-noord": 0.80,
    }


def test_the_governments_purchase_is_all_of_its_electricity():
    rows = government_purchase_rows()
    assert math.fsum(row.share for row in rows) == 1
    assert {row.country: row.share for row in rows} == {"NLD": 0.52, "": 0.48}


def test_cloud_regions_have_a_country_of_the_grids_and_half_have_a_pue():
    rows = cloud_rows()
    assert len(rows) == 102
    assert {row.country for row in rows.values()} <= set(grid_rows())
    assert sum(row.pue is None for row in rows.values()) == 54
    assert rows["gcp/europe-west4"].pue == 1.07
    assert rows["aws/eu-west-1"].wue_l_per_kwh == 0.03
    assert rows["azure/westeurope"].market_based_g_per_kwh is None
    assert all(row.pue is None or 1 <= row.pue < 2 for row in rows.values())


@pytest.mark.parametrize(
    ("host_id", "country"),
    [
        ("aws/us-east-1", "USA"),
        ("aws/ca-west-1", "CAN"),
        ("gcp/me-central1", "QAT"),
        ("gcp/europe-west10", "DEU"),
        ("azure/denmarkeast", "DNK"),
        ("azure/westus3", "USA"),
        ("aws/ap-east-1", "HKG"),
    ],
)
def test_cloud_regions_stand_where_their_name_says(host_id, country):
    assert cloud_rows()[host_id].country == country


def test_dutch_factors_are_direct_plus_chain():
    grey, unknown = dutch_factor_rows()["grey"], dutch_factor_rows()["unknown"]
    assert (grey.direct_g_per_kwh, grey.chain_g_per_kwh) == (401, 82)  # 401 + 82 = 483
    assert (unknown.direct_g_per_kwh, unknown.chain_g_per_kwh) == (200, 44)  # 200 + 44 = 244
    for row in table_rows("dutch_factors.csv"):
        if row["total_g_per_kwh"]:
            total = float(row["direct_g_per_kwh"]) + float(row["chain_g_per_kwh"])
            assert total == float(row["total_g_per_kwh"])
    assert dutch_factor_rows()["label"].direct_g_per_kwh is None


def test_lifecycle_factors_lie_between_their_extremes():
    rows = source_factor_rows("lifecycle")
    assert {"coal", "gas", "oil", "biomass", "solar", "wind", "hydro", "geothermal", "nuclear"} <= set(rows)
    for row in rows.values():
        assert row.low_g_per_kwh < row.central_g_per_kwh < row.high_g_per_kwh
    assert rows["coal"].central_g_per_kwh == 1001


def test_direct_factors_are_only_of_what_burns_nothing():
    rows = source_factor_rows("direct")
    assert {row.central_g_per_kwh for row in rows.values()} == {0}
    assert not {"coal", "gas", "oil", "biomass"} & set(rows)


def test_constants_say_whether_they_are_assumptions():
    assert constant("world_pue").value == 1.56
    assert not constant("world_pue").is_assumption
    assert constant("world_pue").source.label == "Uptime Institute 2024"
    assert constant("world_pue_excess_sigma").value == 0.5
    assumed = [name for name, row in constants().items() if row.is_assumption]
    assert len(assumed) == len(constants()) - 1
    assert all(constants()[name].source.publisher == "carbonprint" for name in assumed)


def test_countries_have_names():
    assert country_name("NLD") == "Netherlands"
    assert country_name("XXX") == "XXX"


@pytest.mark.parametrize(
    ("text", "codes"), [("NL", ["NLD"]), ("netherlands", ["NLD"]), ("NLDD", ["NLD"]), ("qqqq", [])]
)
def test_a_slip_in_a_country_finds_its_code(text, codes):
    assert nearest_countries(text)[:1] == codes


def test_the_notice_of_the_lifecycle_factors_is_shipped():
    import pkgutil

    notice = pkgutil.get_data("carbonprint.reference", "nrel_notice.txt").decode()
    assert "provided that\nthis entire notice appears in all copies" in notice
    assert "DOE/NREL/ALLIANCE" in notice
