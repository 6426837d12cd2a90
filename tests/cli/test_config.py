"""``carbonprint config show``: every setting, its value, and where that came from."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from carbonprint.cli.root import root


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "carbonprint.toml").write_text(
        'host = "odc-noord"\n[hosts]\nallowed = ["odc-noord", "desk/NLD"]\n'
    )
    return tmp_path


def show(*arguments):
    return CliRunner().invoke(root, ["config", "show", *arguments])


def test_help_is_there():
    for command in (("config",), ("config", "show")):
        result = CliRunner().invoke(root, [*command, "--help"])
        assert result.exit_code == 0
        assert "where" in result.output


def test_the_table_says_where_each_value_came_from(project, monkeypatch):
    monkeypatch.setenv("CARBONPRINT_INTERVAL", "0.5")
    result = show()
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.endswith(")")}
    assert lines["host"].split(maxsplit=2)[1:] == ["odc-noord", "(file ./carbonprint.toml)"]
    assert lines["interval"].endswith("(variable CARBONPRINT_INTERVAL)")
    assert "0.5 s" in lines["interval"]
    assert "odc-noord, desk/NLD" in lines["hosts.allowed"]
    assert lines["lang"].endswith("(environment LANG)")
    assert lines["powercap_dir"].split() == ["powercap_dir", "/sys/class/powercap", "(default)"]
    assert lines[str(project / "carbonprint.toml")].endswith("(found)")
    assert "(not there)" in result.stdout.splitlines()[-1]


def test_the_json_holds_the_same(project):
    content = json.loads(show("--format", "json").stdout)
    assert content["settings"]["host"] == {"value": "odc-noord", "origin": "file ./carbonprint.toml"}
    assert content["settings"]["interval"] == {"value": 1.0, "origin": "default"}
    assert [file["is_found"] for file in content["files"]] == [True, False]
    assert [file["scope"] for file in content["files"]] == ["project", "user"]


def test_a_project_without_a_file_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert f"{tmp_path}/carbonprint.toml  (not there, nor in a folder above it)" in show().stdout


def test_a_file_of_another_user_is_told(project, monkeypatch):
    monkeypatch.setattr(
        "carbonprint.settings._owners", lambda path: {12345} if path.suffix else {os.geteuid()}
    )
    assert f"{project}/carbonprint.toml  (not used: owned by another user)" in show().stdout
    assert f"{project}/carbonprint.toml  (niet gebruikt: van een andere gebruiker)" in show_dutch(monkeypatch)
    (file, _user) = json.loads(show("--format", "json").stdout)["files"]
    assert (file["is_found"], file["is_anothers"]) == (False, True)


def show_dutch(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("CARBONPRINT_LANG", "nl")
        return show().stdout


def test_a_faulty_file_or_variable_is_told_and_ends_with_2(project, monkeypatch):
    (project / "carbonprint.toml").write_text("hots = 1\ninterval = 0\n")
    result = show()
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: {project}/carbonprint.toml: 2 faults\n"
        "  hots: unknown key; did you mean host?\n"
        "  interval: got 0; allowed: a number of seconds from 0.05 to 60\n"
    )
    (project / "carbonprint.toml").unlink()
    monkeypatch.setenv("CARBONPRINT_LANG", "de")
    assert show().stderr == "Error: variable CARBONPRINT_LANG: got 'de'; allowed: nl or en\n"


def test_control_characters_in_a_setting_are_shown_as_escapes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARBONPRINT_HOST", "\x1b[31mred")
    assert "\\x1b[31mred" in show().stdout


def test_it_works_in_a_directory_that_was_deleted(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && {sys.executable} -m carbonprint config show"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "(not there, nor in a folder above it)" in done.stdout


def test_the_commands_load_nothing_heavy_before_they_run():
    code = (
        "import sys, carbonprint.cli.runs, carbonprint.cli.config, carbonprint.cli.options;"
        "heavy = {'sqlalchemy', 'pandas', 'numpy', 'rich', 'pydantic', 'codecarbon'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
