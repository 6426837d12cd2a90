"""The table of runs: it fits, it cuts nothing that matters, and it interprets nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from carbonprint.reporting.run_table import run_table


def test_a_run_is_one_line_with_both_accountings(make_record):
    heading, line = run_table([make_record()])
    assert heading.split("  ")[0] == "run"
    assert "CO₂e location  CO₂e market" in heading
    # 0.020 kWh = 20.0 Wh, 0.00675 kg = 6.75 g, 0.010025 kg = 10.0 g, 61.2 s = 1.02 min
    figures = "a1b2c3d4e5 2026-01-31 12:00 train training odc-noord 1.02 min 20.0 Wh 6.75 g 10.0 g"
    assert " ".join(line.split()) == figures


@given(
    name=st.text(max_size=60),
    host=st.text(max_size=60),
    width=st.integers(80, 200),
    energy_kwh=st.none() | st.floats(0, 1e6),
    emissions_kg=st.none() | st.floats(0, 1e6),
)
def test_it_fits_its_width_whatever_the_names(make_record, name, host, width, energy_kwh, emissions_kg):
    record = make_record(
        name=name,
        host={"id": host},
        measurement={"energy_kwh": {"total": energy_kwh}},
        footprint={"emissions_kg": {"location_based": emissions_kg, "market_based": emissions_kg}},
    )
    lines = run_table([record, make_record()], width=width)
    assert len(lines) == 4
    assert max(map(cell_len, lines)) <= width
    assert all(line.isprintable() for line in lines)
    assert lines[2].startswith("a1b2c3d4e5")


@pytest.mark.parametrize(
    ("name", "visible"),
    [
        ("[bold]x[/foo]", "[bold]x[/foo]"),
        (":smile:", ":smile:"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\u202eright to left", "\\u202eright to left"),
        ("caf\udce9", "caf\\udce9"),
    ],
)
def test_names_are_shown_as_they_are(make_record, name, visible):
    (_, line) = run_table([make_record(name=name)])
    assert f"  {visible}  " in line


def test_what_is_not_known_is_a_dash(make_record):
    record = make_record(
        name=None,
        duration_s=None,
        measurement={"energy_kwh": {"total": None}},
        footprint=None,
    )
    (_, line) = run_table([record])
    assert line.split()[3:] == ["–", "training", "odc-noord", "–", "–", "–", "–"]


def test_next_to_nothing_is_less_than_the_least_that_is_shown(make_record):
    (_, line) = run_table([make_record(footprint={"emissions_kg": {"location_based": 1e-30}})])
    assert "  <0.001 µg  " in line


def test_dutch_has_a_decimal_comma(make_record, monkeypatch):
    monkeypatch.setattr("carbonprint.reporting.run_table.translator", lambda _language: lambda text: text)
    (_, line) = run_table([make_record()], "nl")
    assert "20,0 Wh" in line


def test_the_id_is_never_cut_even_where_the_terminal_is_narrow(make_record):
    lines = run_table(
        [make_record(name="a long name that gives way", host={"id": "gcp/europe-west4"})], width=40
    )
    assert "a1b2c3d4e5" in lines[-1]


def test_a_run_that_was_cut_off_is_marked(make_record):
    lines = run_table([make_record(), make_record(run_id="b", state="interrupted")], width=80)
    assert lines[-1] == "interrupted: b"


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0, "0 ms"),
        (0.0123, "12.3 ms"),
        (59.94, "59.9 s"),
        (60, "1.00 min"),
        (5400, "1.50 h"),
        (172_800, "2.00 d"),
    ],
)
def test_a_duration_is_given_in_a_fitting_unit(make_record, duration_s, text):
    (_, line) = run_table([make_record(duration_s=duration_s)])
    assert f"odc-noord  {text:>8}".split() == line.split()[5:8]
