"""``carbonprint runs``: what is printed, what is refused, and what is left as it was."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner

from carbonprint.cli.root import root
from carbonprint.ledger.fallback import write_aside
from carbonprint.ledger.store import FILE_NAME, Ledger


@pytest.fixture
def state_dir(tmp_path, make_record):
    """Give a state directory with three runs, ``c`` the newest."""
    with Ledger(tmp_path / "state") as ledger:
        ledger.add(make_record(run_id="abc1", name="train", started_at="2026-01-31T10:00:00Z"))
        ledger.add(make_record(run_id="abd2", name="infer", started_at="2026-01-31T11:00:00Z"))
        ledger.add(make_record(run_id="c0de", name="[bold]x[/foo]", host={"id": "desk/NLD"}))
    return tmp_path / "state"


@pytest.fixture
def call(state_dir):
    def invoke(*arguments, folder=state_dir):
        return CliRunner().invoke(root, ["runs", *map(str, arguments), "--state-dir", str(folder)])

    return invoke


def kept(folder):
    with Ledger(folder) as ledger:
        return [record["run_id"] for record in ledger.iterate()]


def test_every_command_has_help():
    for command in ((), ("list",), ("show",), ("export",), ("import",), ("remove",)):
        result = CliRunner().invoke(root, ["runs", *command, "--help"])
        assert result.exit_code == 0
        assert "--state-dir" in result.output or not command
        assert len(result.output.splitlines()[2].strip()) > 20


def test_list_shows_the_newest_first_and_names_as_they_are(call):
    result = call("list")
    assert result.exit_code == 0
    heading, *lines = result.stdout.splitlines()
    assert heading.split()[:2] == ["run", "started"]
    assert [line.split()[0] for line in lines] == ["c0de", "abd2", "abc1"]
    assert "[bold]x[/foo]" in lines[0]
    assert result.stderr == ""


def test_list_can_be_narrowed(call):
    assert len(call("list", "--limit", 1).stdout.splitlines()) == 2
    assert [
        row["run_id"] for row in json.loads(call("list", "--name", "train", "--format", "json").stdout)
    ] == ["abc1"]
    assert [
        row["run_id"] for row in json.loads(call("list", "--host", "desk/NLD", "--format", "json").stdout)
    ] == ["c0de"]
    assert call("list", "--limit", 0).exit_code == 2


def test_list_as_csv_and_json_have_the_same_figures(call):
    rows = list(csv.DictReader(io.StringIO(call("list", "--format", "csv").stdout)))
    objects = json.loads(call("list", "--format", "json").stdout)
    assert [row["run_id"] for row in rows] == [each["run_id"] for each in objects] == ["c0de", "abd2", "abc1"]
    assert float(rows[0]["energy_total_kwh"]) == objects[0]["energy_total_kwh"] == 0.020


def test_without_a_ledger_there_is_nothing_and_none_is_made(call, tmp_path):
    folder = tmp_path / "nothing"
    table = call("list", folder=folder)
    assert (table.exit_code, table.stdout, table.stderr) == (0, "", f"no runs to list in {folder}\n")
    assert call("list", "--format", "json", folder=folder).stdout == "[]\n"
    assert call("export", folder=folder).stdout == "[]\n"
    for command in (("show", "last"), ("export", "last"), ("remove", "last", "--yes")):
        result = call(*command, folder=folder)
        assert result.exit_code == 2
        assert result.stderr == f"Error: unknown run 'last' (no run is kept in {folder})\n"
    assert not folder.exists()


def test_show_prints_the_summary_the_settings_and_the_sources(call):
    result = call("show", "abc")
    assert result.exit_code == 0
    assert result.stdout.startswith("carbonprint: train · training · ")
    assert "command          python train.py" in result.stdout
    assert "host  odc-noord  (option --host)" in result.stdout
    assert "Others used the machine, too." in result.stdout
    assert "dcie: Rijk, Jaarrapportage, 2024" in result.stdout


def test_show_as_json_is_the_record(call, make_record):
    record = json.loads(call("show", "last", "--format", "json").stdout)
    assert record == make_record(run_id="c0de", name="[bold]x[/foo]", host={"id": "desk/NLD"})


def test_show_needs_no_settings_caveats_or_sources(call, state_dir, make_record):
    bare = make_record(run_id="bare", name="\x1b[31mred", command=[])
    del bare["settings"], bare["caveats"], bare["sources"]
    with Ledger(state_dir) as ledger:
        ledger.add(bare)
    result = call("show", "bare")
    assert result.exit_code == 0
    assert "\\x1b[31mred" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("ab", "unknown run 'ab' (2 runs begin so: abd2, abc1)"),
        ("abc2", "unknown run 'abc2'; did you mean abd2 or abc1?\n"),
        ("zzz", "unknown run 'zzz'\n"),
        ("", "unknown run ''"),
    ],
)
@pytest.mark.parametrize("command", [("show",), ("export",), ("remove", "--yes")])
def test_a_run_that_is_not_known_or_not_clear_is_told(call, state_dir, command, reference, told):
    result = call(*command, reference)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert told in result.stderr
    assert len(kept(state_dir)) == 3


def test_export_gives_all_runs_or_those_that_were_named_once_each(call):
    assert [each["run_id"] for each in json.loads(call("export").stdout)] == ["c0de", "abd2", "abc1"]
    named = json.loads(call("export", "abc", "last", "c0de").stdout)
    assert [each["run_id"] for each in named] == ["abc1", "c0de"]
    assert call("export", "--format", "csv").stdout.splitlines()[0].startswith("run_id,name,phase,state,")


def test_export_to_a_file_prints_nothing(call, tmp_path):
    for form in ("json", "csv", "parquet"):
        result = call("export", "--format", form, "-o", tmp_path / f"runs.{form}")
        assert (result.exit_code, result.output) == (0, "")
    assert len(json.loads((tmp_path / "runs.json").read_text())) == 3
    assert len(pd.read_csv(tmp_path / "runs.csv")) == len(pd.read_parquet(tmp_path / "runs.parquet")) == 3


def test_export_of_parquet_needs_a_file(call):
    result = call("export", "--format", "parquet")
    assert result.exit_code == 2
    assert "name a file with -o FILE" in result.stderr


def test_export_to_where_nothing_can_be_written_is_told(call, tmp_path):
    result = call("export", "-o", tmp_path / "nowhere" / "runs.json")
    assert result.exit_code == 2
    assert (
        result.stderr
        == f"Error: {tmp_path}/nowhere/runs.json: cannot be written: No such file or directory\n"
    )
    result = call("export", "-o", "/dev/full")
    assert result.stderr == "Error: /dev/full: cannot be written: No space left on device\n"


def test_import_takes_in_what_was_exported_or_put_aside(call, tmp_path, make_record):
    other = tmp_path / "other"
    call("export", "-o", tmp_path / "runs.json")
    aside = write_aside(make_record(run_id="aside"), [tmp_path])
    result = call("import", tmp_path / "runs.json", aside, folder=other)
    assert (result.exit_code, result.stdout) == (0, "took in 4 runs; 0 already there\n")
    assert sorted(kept(other)) == ["abc1", "abd2", "aside", "c0de"]
    result = call("import", aside, folder=other)
    assert (result.exit_code, result.stdout) == (0, "took in 0 runs; 1 already there\n")


def test_import_takes_in_all_or_nothing(call, tmp_path, make_record):
    other = tmp_path / "other"
    call("export", "-o", tmp_path / "runs.json")
    (tmp_path / "bad.json").write_text('{"schema": 1}')
    result = call("import", tmp_path / "runs.json", tmp_path / "bad.json", folder=other)
    assert result.exit_code == 2
    assert "bad.json: schema: got 1; allowed" in result.stderr
    assert not other.exists()
    conflict = write_aside(make_record(run_id="abc1", name="another"), [tmp_path])
    fresh = write_aside(make_record(run_id="fresh"), [tmp_path])
    result = call("import", fresh, conflict)
    assert result.exit_code == 1
    assert "run abc1 is already in " in result.stderr
    assert "fresh" not in call("list").stdout


def test_remove_without_a_terminal_needs_yes(call, state_dir):
    result = call("remove", "last")
    assert result.exit_code == 2
    assert "give --yes" in result.stderr
    assert len(kept(state_dir)) == 3
    result = call("remove", "last", "c0de", "abc", "--yes")
    assert (result.exit_code, result.stdout) == (0, "removed 2 runs\n")
    assert kept(state_dir) == ["abd2"]


@pytest.mark.parametrize(("answer", "status", "left"), [("y", 0, 2), ("n", 1, 3), ("", 1, 3)])
def test_remove_asks_at_a_terminal(state_dir, answer, status, left):
    terminal, its_end = pty.openpty()
    os.write(terminal, answer.encode() + b"\n")
    command = [sys.executable, "-m", "carbonprint", "runs", "remove", "last", "--state-dir", str(state_dir)]
    done = subprocess.run(command, stdin=its_end, capture_output=True, text=True)
    os.close(terminal)
    os.close(its_end)
    assert done.returncode == status
    assert "Remove 1 run for good (c0de)? [y/N]" in done.stderr
    assert len(kept(state_dir)) == left


def test_a_ledger_that_cannot_be_read_is_one_sentence(call, state_dir):
    (state_dir / FILE_NAME).write_text("no database, but long enough to be looked at" * 50)
    for command in (("list",), ("show", "last"), ("export",), ("remove", "last", "--yes")):
        result = call(*command)
        assert result.exit_code == 1
        assert (
            result.stderr
            == f"Error: the ledger {state_dir / FILE_NAME} cannot be read: file is not a database\n"
        )


def test_the_state_directory_comes_from_the_settings_too(state_dir, monkeypatch):
    monkeypatch.setenv("CARBONPRINT_STATE_DIR", str(state_dir))
    assert "abd2" in CliRunner().invoke(root, ["runs", "list"]).stdout
    result = CliRunner().invoke(root, ["runs", "list", "--state-dir", ""])
    assert result.exit_code == 2
    assert result.stderr == "Error: option --state-dir: got ''; allowed: the path of a directory\n"
