"""``runs show --samples``, ``runs export --samples`` and the line of bars: from a ledger with samples in it."""

from __future__ import annotations

import csv
import io
import json
import sqlite3

import pandas as pd
import pytest
from click.testing import CliRunner

from carbonprint.cli.root import root
from carbonprint.hardware import Hardware, MachineKind
from carbonprint.ledger.fallback import write_aside
from carbonprint.ledger.store import FILE_NAME, Ledger
from carbonprint.measuring.detection import power_model
from carbonprint.measuring.intervals import Interval
from carbonprint.measuring.measurement import ReservedShare, ShareFrom
from carbonprint.measuring.samples import pack
from carbonprint.measuring.tally import Setup, Tally
from carbonprint.reporting.sample_export import COLUMNS
from carbonprint.reporting.sparkline import sparkline

HARDWARE = Hardware(
    kind=MachineKind.SERVER, cpu_name="", cpu_vendor="", cpu_family=None, cpu_model=None, n_sockets=1, n_cpus=10,
    memory_gib=64.0,
)  # fmt: skip


def series_of(n_samples):
    reserved = ReservedShare(cpu=1.0, ram=1.0, gpu=None, origin=ShareFrom.MACHINE)
    tally = Tally(
        Setup(hardware=HARDWARE, model=power_model(HARDWARE, 100.0), reserved=reserved, has_cpu_counters=True)
    )
    for n in range(n_samples):
        # Idle is 10 W, so the job's 4 of 5 busy seconds cost 0.8 · (20 + 10 n − 10) J.
        tally.add(
            Interval(
                duration_s=0.5, busy_cpu_s=5.0, job_cpu_s=4.0, meter_cpu_s=0.0, cpu_counted_j=10.0 + 5 * n
            )
        )
    return pack(tally)


@pytest.fixture
def state_dir(tmp_path, make_record):
    with Ledger(tmp_path / "state") as ledger:
        ledger.add(make_record(run_id="old", started_at="2026-01-31T10:00:00Z"))
        ledger.add(make_record(run_id="abc", started_at="2026-01-31T11:00:00Z"), series_of(4))
        ledger.add(make_record(run_id="two", started_at="2026-01-31T23:59:59.500Z"), series_of(2))
    return tmp_path / "state"


@pytest.fixture
def call(state_dir):
    def invoke(*arguments, folder=state_dir, **environment):
        return CliRunner().invoke(
            root, ["runs", *map(str, arguments), "--state-dir", str(folder)], env=environment
        )

    return invoke


def test_show_samples_is_a_table(call):
    result = call("show", "abc", "--samples")
    assert (result.exit_code, result.stderr) == (0, "")
    heading, *lines = result.stdout.splitlines()
    assert heading.split("  ")[0].strip() == "from (s)"
    assert len({len(line) for line in (heading, *lines)}) == 1
    # CPU 10 J in 0.5 s: 20 W; memory 64 GiB · 0.15 W; the job is 4 of the 5 CPU seconds.
    cells = [line.split() for line in lines]
    assert [(row[0], row[1], row[2], row[-1]) for row in cells] == [
        ("0.000", "0.500", "20.00", "80.0"),
        ("0.500", "0.500", "30.00", "80.0"),
        ("1.000", "0.500", "40.00", "80.0"),
        ("1.500", "0.500", "50.00", "80.0"),
    ]
    for row in cells:
        assert sum(map(float, row[2:6])) == pytest.approx(float(row[6]), abs=0.02)
        assert float(row[7]) < float(row[6])


def test_show_samples_in_dutch(call):
    heading, first, *_ = call("show", "abc", "--samples", CARBONPRINT_LANG="nl").stdout.splitlines()
    assert "vanaf (s)" in heading
    assert "geheugen (W)" in heading
    assert first.split()[:3] == ["0,000", "0,500", "20,00"]


def test_show_draws_the_power_of_the_job(call):
    line = next(line for line in call("show", "abc").stdout.splitlines() if "power of the job" in line)
    powers_w = [row["job_w"] for row in json.loads(call("export", "abc", "--samples").stdout)]
    assert line.split()[4] == sparkline(powers_w) == "▇▇██"
    assert line.endswith(f"{sum(powers_w) / 4:.1f} W ({powers_w[0]:.1f} to {powers_w[-1]:.0f})")
    assert len(line) <= 80
    assert "power of the job" not in call("show", "old").stdout
    dutch = call("show", "abc", CARBONPRINT_LANG="nl").stdout
    assert "vermogen taak    ▇▇██  " in dutch
    assert " tot " in dutch


def test_a_long_series_is_drawn_in_one_line_of_80(call, state_dir, make_record):
    with Ledger(state_dir) as ledger:
        ledger.add(make_record(run_id="long"), series_of(5000))
    line = next(line for line in call("show", "long").stdout.splitlines() if "power of the job" in line)
    bars = line.split()[4]
    assert len(bars) == 36
    assert bars[0] == "▁"
    assert bars[-1] == "█"
    assert len(line) <= 80


def test_export_as_json_and_csv_is_the_same_table(call):
    rows = json.loads(call("export", "abc", "two", "--samples").stdout)
    table = list(
        csv.DictReader(io.StringIO(call("export", "abc", "two", "--samples", "--format", "csv").stdout))
    )
    assert [row["run_id"] for row in rows] == ["abc"] * 4 + ["two"] * 2
    assert list(table[0]) == list(COLUMNS)
    for row, other in zip(rows, table, strict=True):
        assert set(row) == set(COLUMNS)
        assert {name: "" if value is None else str(value) for name, value in row.items()} == other
    assert rows == [*json.loads(call("show", "abc", "--samples", "--format", "json").stdout), *rows[4:]]


def test_the_figures_of_a_row_fit_each_other(call):
    rows = json.loads(call("export", "two", "--samples").stdout)
    assert [(row["sample"], row["started_at"], row["ended_at"]) for row in rows] == [
        (1, "2026-01-31T23:59:59.500Z", "2026-02-01T00:00:00.000Z"),
        (2, "2026-02-01T00:00:00.000Z", "2026-02-01T00:00:00.500Z"),
    ]
    for row in rows:
        for what in ("machine", "job_active", "job_idle"):
            parts = sum(row[f"{what}_{part}_j"] for part in ("cpu", "gpu", "ram", "other"))
            assert parts == pytest.approx(row[f"{what}_total_j"], abs=1e-5)
        job_j = row["job_active_total_j"] + row["job_idle_total_j"]
        assert row["job_w"] * row["duration_s"] == pytest.approx(job_j, abs=1e-5)
        assert row["machine_cpu_w"] * row["duration_s"] == pytest.approx(row["machine_cpu_j"])
        assert row["end_s"] == pytest.approx(row["start_s"] + row["duration_s"])


def test_export_as_parquet_has_types(call, tmp_path):
    assert call("export", "--samples", "--format", "parquet").exit_code == 2
    result = call("export", "--samples", "--format", "parquet", "-o", tmp_path / "s.parquet")
    assert (result.exit_code, result.output) == (0, "")
    frame = pd.read_parquet(tmp_path / "s.parquet")
    rows = json.loads(call("export", "--samples").stdout)
    assert list(frame.columns) == list(COLUMNS)
    assert frame["sample"].tolist() == [row["sample"] for row in rows]
    assert frame["machine_total_w"].tolist() == [row["machine_total_w"] for row in rows]


def test_export_of_all_passes_over_runs_without_samples(call, tmp_path):
    assert {row["run_id"] for row in json.loads(call("export", "--samples").stdout)} == {"abc", "two"}
    assert json.loads(call("export", "--samples", folder=tmp_path / "nothing").stdout) == []
    empty = call("export", "--samples", "--format", "csv", folder=tmp_path / "nothing").stdout
    assert empty == ",".join(COLUMNS) + "\n"


def test_a_run_without_samples_is_told_in_one_sentence(call, tmp_path):
    for command in (
        ("show", "old", "--samples"),
        ("export", "abc", "old", "--samples", "-o", tmp_path / "x"),
    ):
        result = call(*command)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("Error: no samples are kept with run old: ")
        assert result.stderr.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_damaged_samples_are_told_and_hide_nothing_else(call, state_dir):
    connection = sqlite3.connect(state_dir / FILE_NAME)
    connection.execute("UPDATE series SET data = substr(data, 1, 60) WHERE run_id = 'abc'")
    connection.commit()
    connection.close()
    result = call("show", "abc", "--samples")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: the samples of run abc are damaged and cannot be read: ")
    shown = call("show", "abc")
    assert shown.exit_code == 0
    assert "power of the job the samples of run abc are damaged" in shown.stdout
    assert "command          python train.py" in shown.stdout


def test_samples_put_aside_are_taken_in_with_their_record(call, tmp_path, make_record):
    path = write_aside(make_record(run_id="aside"), [tmp_path], series_of(3))
    other = tmp_path / "other"
    assert call("import", path, folder=other).stdout == "took in 1 run; 0 already there\n"
    assert len(json.loads(call("show", "aside", "--samples", "--format", "json", folder=other).stdout)) == 3
