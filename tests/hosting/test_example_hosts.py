from pathlib import Path

import pytest

from carbonprint.hosting.catalogue import load_host
from carbonprint.hosting.host import Evidence
from carbonprint.hosting.standing import Standing, both_standings

HOSTS = Path(__file__).parents[2] / "configs" / "hosts"


@pytest.mark.parametrize("path", sorted(HOSTS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_loads_and_is_named_after_its_file(path):
    host = load_host(path)
    assert host.host_id == path.stem
    assert both_standings(host, 2026)[Standing.EVIDENCED].market_based is not None


def test_evidence_holds_in_both_standings():
    host = load_host(HOSTS / "example-evidenced.toml")
    both = both_standings(host, 2026)
    claimed, evidenced = both[Standing.CLAIMED], both[Standing.EVIDENCED]
    assert host.dcie.evidence is Evidence.METERED
    # Σ it = 9740 MWh, Σ facility = 11960 MWh: 9740 / 11960 = 0.8144
    assert claimed.efficiency.dcie == evidenced.efficiency.dcie == pytest.approx(9740 / 11960)
    # claimed 90 % covered: 0.1 · 405 = 40.5; evidenced 10500 / 11960 = 87.79 %: 0.1221 · 405 = 49.44
    assert claimed.market_based.g_per_kwh == pytest.approx(40.5)
    assert evidenced.market_based.g_per_kwh == pytest.approx(49.44, abs=0.01)
    assert evidenced.wue_l_per_kwh == 0.21


def test_claims_fall_back_to_what_is_known():
    both = both_standings(load_host(HOSTS / "example-claims.toml"), 2026)
    claimed, evidenced = both[Standing.CLAIMED], both[Standing.EVIDENCED]
    assert claimed.efficiency.dcie == pytest.approx(1 / 1.12)
    assert evidenced.efficiency.dcie == pytest.approx(1 / 1.56)
    # 0.30 · 43.4 + 0.55 · 13 + 0.15 · 486 = 13.02 + 7.15 + 72.9 = 93.07
    assert claimed.location_based.g_per_kwh == pytest.approx(93.07)
    assert evidenced.location_based.g_per_kwh == 252.7
    # 40 % Dutch wind: 0.6 · 401 = 240.6
    assert claimed.market_based.g_per_kwh == pytest.approx(240.6)
    assert evidenced.market_based.g_per_kwh == 401
    assert evidenced.wue_l_per_kwh is None
