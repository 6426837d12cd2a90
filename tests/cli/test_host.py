import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from carbonprint.cli.root import root

HOSTS = Path(__file__).parents[2] / "configs" / "hosts"


def run(*words):
    return CliRunner().invoke(root, ["host", *map(str, words)], prog_name="carbonprint")


@pytest.mark.parametrize("words", [(), ("list",), ("show",), ("check",)])
def test_each_command_has_help(words):
    done = run(*words, "--help")
    assert done.exit_code == 0
    assert "Usage: carbonprint host" in done.output


def test_list_shows_the_sites_by_country():
    done = run("list")
    assert done.exit_code == 0
    assert "odc-noord" in done.stdout
    assert "grid/NLD" not in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_list_takes_country_kind_and_text():
    done = run("list", "--country", "nld", "--kind", "all", "--format", "json")
    hosts = [row["host"] for row in json.loads(done.stdout)["hosts"]]
    assert hosts[-2:] == ["grid/NLD", "desk/NLD"]
    assert "odc-haaglanden" in hosts
    done = run("list", "--match", "EEMS", "--format", "json")
    assert [row["host"] for row in json.loads(done.stdout)["hosts"]] == ["gcp/europe-west4"]
    done = run("list", "--match", "malvinas", "--kind", "grid")
    assert "Falkland Islands [Malvinas]" in done.stdout


def test_list_of_nothing_says_so_on_stderr():
    done = run("list", "--match", "no such host")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "--kind all" in done.stderr
    assert json.loads(run("list", "--match", "no such host", "--format", "json").stdout)["hosts"] == []


def test_list_refuses_an_unknown_country():
    done = run("list", "--country", "NLDD")
    assert done.exit_code == 2
    assert "did you mean NLD" in done.stderr


def test_show_text_and_json():
    done = run("show", "odc-noord")
    assert done.exit_code == 0
    assert "as claimed                 as evidenced" in done.stdout
    assert "NLD 2023: gas" in done.stdout
    content = json.loads(run("show", "odc-noord", "--format", "json").stdout)
    assert content["evidenced"]["dcie"] == 0.8
    assert content["energy_mix"]["year"] == 2023


def test_show_takes_a_file():
    done = run("show", HOSTS / "example-claims.toml")
    assert done.exit_code == 0
    assert "made-up host" in done.stdout


def test_show_refuses_an_unknown_host_with_the_nearest_names():
    done = run("show", "odc-nord")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "unknown host 'odc-nord'; did you mean odc-noord" in done.stderr


@pytest.mark.parametrize("name", ["example-evidenced", "example-claims"])
def test_check_of_a_good_file_is_one_line(name):
    done = run("check", HOSTS / f"{name}.toml")
    assert done.exit_code == 0
    assert done.stdout == f"{HOSTS / name}.toml: no faults; host {name}, NLD\n"


def test_check_names_every_fault(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text('name = ""\ncountry = "NL"\n[efficiency]\npue = 0.9\nsource = "x"\n')
    done = run("check", path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"Error: {path}: 4 faults",
        '  name: must not be empty, found ""',
        '  country: must be an ISO 3166-1 alpha-3 code such as "NLD", found "NL" (did you mean NLD?)',
        "  efficiency.pue: PUE is a ratio of at least 1, got 0.9",
        "  efficiency.year: is required, found nothing",
    ]


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "a = " + "9" * 5000, "a = 0x" + "F" * 5000])
def test_check_of_what_is_no_document_is_a_fault(text, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    done = run("check", path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith(f"Error: {path}: ")


def test_check_of_a_pipe_does_not_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    done = run("check", tmp_path / "pipe.toml")
    assert done.exit_code == 2
    assert "pipe.toml: is no regular file" in done.stderr


def test_check_of_a_file_that_is_not_there():
    done = run("check", "nothing.toml")
    assert done.exit_code == 2
    assert "nothing.toml: cannot be read: No such file or directory" in done.stderr


def test_help_loads_nothing_heavy():
    program = (
        "import sys\n"
        "from carbonprint.cli.root import root\n"
        "root(['host', '--help'], standalone_mode=False)\n"
        "heavy = {'numpy', 'pandas', 'pydantic', 'rich', 'codecarbon'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert done.returncode == 0, done.stderr
