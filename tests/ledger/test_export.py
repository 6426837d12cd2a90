"""Records on their way out: nothing is lost, nothing unknown becomes 0, and no cell is a formula."""

from __future__ import annotations

import csv
import io
import json
import math
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.errors import CarbonprintError, DocumentError
from carbonprint.ledger.columns import COLUMNS, LISTED, Kind, flat_row
from carbonprint.ledger.export import (
    ExportFormat,
    export,
    export_to_file,
    rows_to_json,
    to_csv,
    to_frame,
    to_json,
    to_parquet,
)
from carbonprint.ledger.importing import read_record_file

UNITS = ("_s", "_kwh", "_kg", "_l", "_eur", "_g_per_kwh")
BARE = {"dcie", "idle_share", "units_count", "exit_status"}


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


@given(name=st.text(), duration_s=st.floats(0, 1e12), status=st.none() | st.integers(0, 255))
def test_json_comes_back_the_same(make_record, tmp_path_factory, name, duration_s, status):
    records = [make_record(name=name, duration_s=duration_s, exit_status=status), make_record(run_id="b")]
    path = tmp_path_factory.mktemp("json") / "runs.json"
    export_to_file(records, ExportFormat.JSON, path)
    assert read_record_file(path) == records


def test_json_is_a_list_with_sorted_keys_and_a_line_end(make_record):
    assert to_json([]) == "[]\n"
    text = to_json([make_record(name="café")])
    assert text.endswith("]\n")
    assert text.isascii()
    assert list(json.loads(text)[0]) == sorted(make_record())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_never_leaves(make_record, value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json([make_record(duration_s=value)])


def test_the_figures_of_a_record_stand_in_columns_with_their_units(make_record):
    row = flat_row(make_record())
    expected = {
        "run_id": "a1b2c3d4e5",
        "phase": "training",
        "command": "python train.py",
        "duration_s": 61.2,
        "exit_status": 0,
        "outer_run": None,
        "host": "odc-noord",
        "dcie": 0.8,
        "kind": "counted",
        "energy_cpu_kwh": 0.012,
        "energy_total_kwh": 0.020,
        "machine_energy_total_kwh": 0.021,
        "quality_gpu": None,
        "site_energy_kwh": 0.025,
        "intensity_market_based_g_per_kwh": 401.0,
        "emissions_location_based_kg": 0.00675,
        "emissions_location_based_low_kg": 0.005,
        "emissions_location_based_high_kg": 0.009,
        "claimed_emissions_market_based_kg": 0.010025,
        "embodied_kg": None,
        "units_count": 1000.0,
        "units_label": "prediction",
    }
    assert {name: row[name] for name in expected} == expected


def test_every_number_has_its_unit_in_its_name():
    numbers = {name for name, (_, kind) in COLUMNS.items() if kind in (Kind.NUMBER, Kind.WHOLE)}
    assert {name for name in numbers if not name.endswith(UNITS)} == BARE


def test_what_is_not_known_is_missing_and_never_0(make_record):
    nothing = {"cpu": None, "gpu": None, "ram": None, "other": None, "total": None}
    record = make_record(exit_status=None, measurement={"energy_kwh": nothing}, footprint=None, units=None)
    frame = to_frame([record, make_record()])
    for name in ("exit_status", "energy_total_kwh", "emissions_location_based_kg", "units_label", "standing"):
        assert frame[name].isna().tolist() == [True, False]
    (row, _) = rows_of(to_csv([record, make_record()]))
    assert {row["exit_status"], row["energy_total_kwh"], row["emissions_location_based_kg"]} == {""}
    assert row["energy_cpu_kwh"] == row["site_energy_kwh"] == row["units_label"] == ""


def test_a_0_stays_a_0(make_record):
    (row,) = rows_of(to_csv([make_record()]))
    assert (row["energy_gpu_kwh"], row["exit_status"]) == ("0.0", "0")


def test_no_runs_are_a_table_with_headings_only():
    assert rows_of(to_csv([])) == []
    assert to_csv([], LISTED) == ",".join(LISTED) + "\n"
    assert list(to_frame([]).columns) == list(COLUMNS)


@given(duration_s=st.floats(0, 1e300))
def test_numbers_in_csv_come_back_to_the_last_bit(make_record, duration_s):
    (row,) = rows_of(to_csv([make_record(duration_s=duration_s)], ["run_id", "duration_s"]))
    assert float(row["duration_s"]) == duration_s


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(make_record, start):
    name = f'{start}HYPERLINK("http://x","y")'
    record = make_record(name=name, command=[name], units={"label": name})
    (row,) = rows_of(to_csv([record]))
    assert row["name"] == row["units_label"] == f"'{name}".replace("\r", "\\r")
    assert flat_row(record)["name"] == name


@given(name=st.text())
def test_no_cell_of_text_begins_a_formula_and_all_else_is_as_it_was(make_record, name):
    (row,) = rows_of(to_csv([make_record(name=name)], ["name", "run_id"]))
    assert not row["name"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert row["name"].removeprefix("'") == name.replace("\r", "\\r").removeprefix("'")


def test_numbers_are_no_text_even_below_0(make_record):
    (row,) = rows_of(to_csv([make_record(footprint={"cost_eur": -1.5})]))
    assert row["cost_eur"] == "-1.5"


def test_parquet_keeps_types_and_what_is_missing(make_record):
    records = [make_record(name="caf\udce9", exit_status=None), make_record(run_id="b")]
    frame = pd.read_parquet(io.BytesIO(to_parquet(records)))
    pd.testing.assert_frame_equal(frame, to_frame(records), check_dtype=False)
    assert frame["exit_status"].isna().tolist() == [True, False]
    assert str(frame["exit_status"].dtype) == "Int64"
    assert str(frame["water_site_l"].dtype) == "Float64"
    assert frame["name"][0] == "caf\\udce9"


def test_parquet_without_pyarrow_names_the_extra(make_record, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CarbonprintError, match=r"pip install 'carbonprint\[parquet\]'"):
        export([make_record()], ExportFormat.PARQUET)


def test_a_list_has_the_figures_by_which_runs_are_told_apart(make_record):
    (row,) = json.loads(rows_to_json([make_record(duration_s=None)]))
    assert sorted(row) == sorted(LISTED)
    assert row["duration_s"] is None
    assert math.isclose(row["emissions_market_based_kg"], 0.010025)


def test_a_file_that_cannot_be_written_is_told(tmp_path, make_record):
    with pytest.raises(DocumentError, match=r"/nowhere/x\.csv: cannot be written: No such file"):
        export_to_file([make_record()], ExportFormat.CSV, tmp_path / "nowhere" / "x.csv")
