import os
import subprocess
import sys

import pytest

from carbonprint.errors import DocumentError, UnknownHostError, UnknownZoneError
from carbonprint.hosting.catalogue import (
    DEFAULT_HOST_ID,
    catalogue_hosts,
    host_ids,
    load_host,
    select_hosts,
)
from carbonprint.hosting.host import DcieKind, Evidence, HostKind
from carbonprint.hosting.standing import Standing, both_standings

MINIMAL = 'name = "Example"\ncountry = "NLD"\n'


def test_the_whole_catalogue_loads_and_computes():
    hosts = list(catalogue_hosts())
    # 4 government datacenters, 102 cloud regions, 210 grids and as many desks
    assert len(hosts) == 4 + 102 + 210 + 210
    assert tuple(host.host_id for host in hosts) == host_ids()
    assert len(set(host_ids())) == len(hosts)
    for host in hosts:
        both = both_standings(host, 2026)
        claimed, evidenced = both[Standing.CLAIMED], both[Standing.EVIDENCED]
        assert evidenced.efficiency.dcie <= claimed.efficiency.dcie
        assert evidenced.location_based.g_per_kwh >= claimed.location_based.g_per_kwh
        if evidenced.market_based is not None:
            assert evidenced.market_based.g_per_kwh >= claimed.market_based.g_per_kwh
        else:
            assert evidenced.market_missing


def test_a_government_datacenter():
    host = load_host("odc-noord")
    assert (host.host_id, host.name, host.country, host.kind) == (
        "odc-noord",
        "ODC Noord",
        "NLD",
        HostKind.SITE,
    )
    assert (host.dcie.dcie, host.dcie.year) == (0.80, 2022)
    assert host.dcie.evidence is Evidence.GOVERNMENT
    assert host.dcie.kind is DcieKind.MEASURED
    assert [(claim.year, claim.dcie) for claim in host.dcie_history] == [
        (2017, 0.80),
        (2018, 0.82),
        (2019, 0.81),
        (2020, 0.81),
        (2021, 0.83),
    ]
    assert host.contract.scope == "the whole central government"
    assert [(part.share, part.country, part.technology) for part in host.contract.covered] == [
        (0.52, "NLD", ""),
        (0.48, "", ""),
    ]
    assert all(part.cancellation is None for part in host.contract.covered)
    assert host.contract.evidence is Evidence.SELF_DECLARED


def test_a_cloud_region_with_a_pue():
    host = load_host("gcp/europe-west4")
    assert host.dcie.dcie == pytest.approx(1 / 1.07)
    assert host.dcie.evidence is Evidence.SELF_DECLARED
    assert host.contract.claimed_g_per_kwh == 0
    assert "Google Cloud" in host.dcie.source.publisher
    assert "Green Software Foundation" in host.dcie.source.publisher
    assert host.dcie.source.year == 2024


def test_a_cloud_region_without_a_pue_claims_nothing():
    host = load_host("aws/eu-west-2")
    assert host.dcie is None
    assert host.wue_l_per_kwh == 0.18
    assert host.wue_evidence is Evidence.SELF_DECLARED


def test_a_cloud_region_without_a_market_figure_has_no_contract():
    assert load_host("azure/westeurope").contract is None


@pytest.mark.parametrize("country", ["NLD", "WLD", "FLK"])
def test_every_country_has_two_reference_hosts(country):
    grid, desk = load_host(f"grid/{country}"), load_host(f"desk/{country}")
    assert (grid.kind, desk.kind) == (HostKind.GRID, HostKind.DESK)
    assert grid.country == desk.country == country
    assert grid.dcie is None
    assert grid.contract is None


def test_the_default_host_is_the_worlds_grid():
    assert load_host(DEFAULT_HOST_ID).country == "WLD"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("odc-nord", "odc-noord"), ("gcp/europe-west44", "gcp/europe-west4"), ("GRID/NLD", "grid/NLD")],
)
def test_an_unknown_host_names_the_nearest(name, nearest):
    with pytest.raises(UnknownHostError) as caught:
        load_host(name)
    assert caught.value.exit_code == 2
    assert nearest in caught.value.nearest
    assert f"unknown host '{name}'" in str(caught.value)
    assert "carbonprint host list" in str(caught.value)


@pytest.mark.parametrize("name", ["", "/", "grid", "grid/", "desk/XXX", "odc-noord/", "aws/", "./nothing"])
def test_what_names_no_host_is_refused(name):
    with pytest.raises(UnknownHostError):
        load_host(name)


def test_a_path_is_a_host_file(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text(MINIMAL)
    (tmp_path / "without-ending").write_text(MINIMAL)
    monkeypatch.chdir(tmp_path)
    assert load_host("mine.toml").host_id == "mine"
    assert load_host(tmp_path / "mine.toml").origin == str(tmp_path / "mine.toml")
    assert load_host(f".{os.sep}without-ending").host_id == "without-ending"
    with pytest.raises(UnknownHostError):
        load_host("without-ending")


def test_the_home_of_the_user_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.toml").write_text(MINIMAL)
    host = load_host("~/mine.toml")
    assert (host.host_id, host.origin) == ("mine", str(tmp_path / "mine.toml"))
    with pytest.raises(UnknownHostError, match="unknown host '~/nothing'"):
        load_host("~/nothing")


def test_a_host_file_that_is_not_there_is_named():
    with pytest.raises(DocumentError, match=r"nothing\.toml: cannot be read"):
        load_host("nothing.toml")


def test_a_folder_named_as_a_host_does_not_hide_it(tmp_path, monkeypatch):
    (tmp_path / "grid" / "NLD").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert load_host("grid/NLD").origin == "catalogue"


def test_hosts_are_chosen_by_country_kind_and_text():
    ids = [host.host_id for host in select_hosts(country="nld", kind=HostKind.SITE)]
    assert ids == [
        "odc-rws-dji",
        "odc-belastingdienst",
        "odc-haaglanden",
        "odc-noord",
        "gcp/europe-west4",
        "azure/westeurope",
    ]
    assert [host.host_id for host in select_hosts(match="eemshaven")] == ["gcp/europe-west4"]
    assert {host.kind for host in select_hosts(kind=HostKind.DESK)} == {HostKind.DESK}
    assert select_hosts(match="no such text") == []
    with pytest.raises(UnknownZoneError, match="NLDD"):
        select_hosts(country="NLDD")


def test_an_id_needs_the_standard_library_alone():
    program = (
        "import sys\n"
        "from carbonprint.hosting.catalogue import load_host\n"
        "from carbonprint.hosting.standing import both_standings\n"
        "both_standings(load_host('odc-noord'), 2026)\n"
        "heavy = {'numpy', 'pandas', 'pydantic', 'rich', 'codecarbon', 'tomllib', 'importlib.resources'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
