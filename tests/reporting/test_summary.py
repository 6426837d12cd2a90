"""The summary of a run, as people read it: golden texts, and what may be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from carbonprint.reporting.summary import failure_line, summary_lines

MIX = {"zone": "NLD", "year": 2023, "source": "codecarbon", "shares": {"gas": 0.38, "wind": 0.26, "solar": 0.16,
       "coal": 0.12, "nuclear": 0.08}}  # fmt: skip


@pytest.fixture
def record(make_record):
    made = make_record(host={"energy_mix": MIX})
    for accounting, publisher in (("location_based", "Ember"), ("market_based", "CO2emissiefactoren.nl")):
        made["footprint"]["intensity"][accounting]["publisher"] = publisher
    return made


def test_in_english(record):
    # 20 Wh / 0.80 = 25 Wh; 25 Wh · 270 g/kWh = 6.75 g; 20 Wh / 1000 = 20 mWh.
    assert summary_lines(record) == [
        "carbonprint: train · training · 61.20 s · 58.90 CPU seconds · exit status 0",
        "  energy             20.00 Wh  at the IT input; 25.00 Wh at the site (÷ DCiE 0.8)",
        "    CPU              12.00 Wh  counted",
        "    memory           2.000 Wh  modelled",
        "    other            6.000 Wh  default",
        "  CO₂e location      6.750 g   90 %: 5.0 to 9.0; 270 g/kWh (NLD 2024, Ember)",
        "  CO₂e market        10.02 g   90 %: 8.0 to 12; 401 g/kWh (NLD 2026, CO2emissiefactoren.nl)",
        "  per unit       20.00 mWh · 6.750 mg location · 10.03 mg market per prediction (of 1000)",
        "  host           odc-noord, NLD; DCiE 0.8 of 2024, evidenced",
        "  energy mix     NLD 2023: gas 38 %, wind 26 %, solar 16 %, coal 12 %, the rest 8 % (codecarbon)",
        "  run            a1b2c3d4e5; next: carbonprint runs show a1b2c3d4e5",
    ]


def test_in_dutch(record):
    lines = summary_lines(record, "nl")
    assert (
        lines[1]
        == "  energie            20,00 Wh  aan de IT-ingang; 25,00 Wh voor het datacenter (÷ DCiE 0,8)"
    )
    assert lines[2] == "    CPU              12,00 Wh  geteld"
    assert lines[5] == "  CO₂e locatie       6,750 g   90 %: 5,0 tot 9,0; 270 g/kWh (NLD 2024, Ember)"
    assert lines[-1] == "  run            a1b2c3d4e5; verder met: carbonprint runs show a1b2c3d4e5"


def test_with_everything_there_can_be_it_has_fourteen_lines(record):
    energy = record["measurement"]["energy_kwh"]
    energy["gpu"], energy["total"] = 0.1, 0.12
    record["measurement"]["quality"]["gpu"] = "counted"
    record["caveats"] = [
        {"code": "meter-fault", "text": "one thing"},
        {"code": "platform", "text": "another"},
    ]
    lines = summary_lines(record)
    assert len(lines) <= 14
    assert "    GPU              100.0 Wh  counted" in lines
    assert "  note           one thing; another" in lines


def test_without_a_host_one_line_says_what_was_assumed(record):
    record["caveats"] = [{"code": "default-host", "text": "no host was named"}]
    (line,) = [line for line in summary_lines(record) if line.startswith("  host")]
    assert (
        line
        == "  host           none named: world average assumed, DCiE 0.8 of 2024; name yours with --host HOST"
    )


def test_what_is_not_known_is_said_to_be_unknown_and_why(record):
    footprint = record["footprint"]
    footprint["market_missing"] = "no factor"
    for part in ("emissions_kg", "emissions_kg_90", "intensity_g_per_kwh", "intensity"):
        footprint[part]["market_based"] = None
    (line,) = [line for line in summary_lines(record) if line.startswith("  CO₂e market")]
    assert (
        "unknown: no factor for what no guarantee covers; carbonprint host show odc-noord says more" in line
    )
    record["measurement"]["energy_kwh"] = dict.fromkeys(("cpu", "gpu", "ram", "other", "total"))
    for part in ("emissions_kg", "emissions_kg_90"):
        footprint[part] = {"location_based": None, "market_based": None}
    lines = summary_lines(record)
    assert "  energy         unknown: nothing of it could be measured or modelled" in lines
    assert "  CO₂e location  unknown" in lines


def test_a_record_that_holds_only_what_must_be_there_is_shown(record):
    for key in ("intensity", "dcie"):
        del record["footprint"][key]
    record["footprint"]["site_energy_kwh"] = None
    record["footprint"]["emissions_kg_90"] = {"location_based": None, "market_based": None}
    record["units"] = None
    del record["caveats"]
    assert any("6.750 g" in line for line in summary_lines(record))


def test_what_comes_from_outside_is_shown_and_not_acted_on(record):
    record["name"] = "[/foo][bold]\x1b[31m\n"
    record["units"]["label"] = "[red]\x07"
    text = "\n".join(summary_lines(record))
    assert "[/foo][bold]\\x1b[31m\\n" in text
    assert "per [red]\\x07" in text


def test_a_record_that_was_put_aside_is_followed_by_how_to_take_it_in(record):
    lines = summary_lines(record, ledger_fault="disk full", aside=Path("/tmp/a b.json"))
    assert (
        lines[-1] == "  run            a1b2c3d4e5; disk full; next: carbonprint runs import '/tmp/a b.json'"
    )


def test_a_run_that_could_not_be_kept_is_told():
    assert "the command's own result stands" in failure_line("OSError: no")
