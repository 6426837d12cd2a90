import json
import math
import subprocess
import sys

import pytest

from carbonprint.reference import codecarbon_tables
from carbonprint.reference.codecarbon_tables import cpu_tdp_table, energy_mix


def test_the_dutch_mix_is_parts_of_its_total():
    # codecarbon's row: gas 46.1 TWh of 122.15 in all, wind 28.97, coal 8.45 (2023)
    shares, year = energy_mix("NLD")
    assert year == 2023
    assert shares["gas"] == pytest.approx(46.1 / 122.15)
    assert shares["wind"] == pytest.approx(28.97 / 122.15)
    assert math.fsum(shares.values()) == pytest.approx(1)
    assert list(shares)[:2] == ["gas", "wind"]


def test_no_aggregate_is_taken_for_a_part():
    for country in ("NLD", "FRA", "POL", "BRA", "USA"):
        shares, _ = energy_mix(country)
        assert set(shares) <= set(codecarbon_tables._ENERGY_SOURCES.values())
        assert math.fsum(shares.values()) == pytest.approx(1)
        assert all(share > 0 for share in shares.values())


def test_biofuel_is_not_counted_twice():
    shares, _ = energy_mix("NLD")
    assert shares["biomass"] == pytest.approx(8.25 / 122.15)
    assert "other_renewable" not in shares


def test_what_the_table_lacks_is_not_known():
    assert energy_mix("WLD") is None
    assert energy_mix("") is None


def test_a_row_that_does_not_add_up_is_not_used(monkeypatch):
    row = {"coal_TWh": 10, "gas_TWh": 10, "total_TWh": 25, "year": 2023}
    monkeypatch.setattr(codecarbon_tables, "_mix_table", lambda: {"XXX": row, "YYY": {"total_TWh": 0}})
    assert energy_mix("XXX") is None
    assert energy_mix("YYY") is None


def test_processors_have_a_design_power():
    table = cpu_tdp_table()
    assert len(table) > 4000
    assert all(isinstance(name, str) and tdp_w > 0 for name, tdp_w in table.items())


def test_a_power_that_is_no_number_is_not_known(monkeypatch):
    text = "Name,TDP\nA 1,95\nB 2,27.29.5\nC 3,\nD 4,0\n"
    monkeypatch.setattr(codecarbon_tables, "_read", lambda name: text)
    assert cpu_tdp_table.__wrapped__() == {"A 1": 95.0}


def test_without_codecarbon_nothing_is_known(monkeypatch):
    monkeypatch.setattr(codecarbon_tables.importlib.util, "find_spec", lambda name: None)
    assert codecarbon_tables._read("data/hardware/cpu_power.csv") is None
    assert codecarbon_tables._mix_table.__wrapped__() == {}
    assert cpu_tdp_table.__wrapped__() == {}


def test_codecarbons_code_is_not_imported():
    program = (
        "import json, sys\n"
        "from carbonprint.reference.codecarbon_tables import cpu_tdp_table, energy_mix\n"
        "energy_mix('NLD'); cpu_tdp_table()\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('codecarbon')]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
