"""Settings: which place wins, what each may be, and what is said when it is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import carbonprint.settings as settings_module
from carbonprint.errors import DocumentError, InvalidSettingError
from carbonprint.settings import Language, Setting, python_argument, resolve, working_directory

PLACES = ("user", "project", "variable", "option")


@pytest.fixture
def user_file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "config" / "carbonprint" / "carbonprint.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_defaults(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = resolve({}, {}, tmp_path)
    assert settings.host is None
    assert settings.state_dir == tmp_path / "state" / "carbonprint"
    assert settings.lang is Language.EN
    assert settings.interval_s == 1.0
    assert settings.powercap_dir == Path("/sys/class/powercap")
    assert settings.hosts_allowed is None
    assert set(settings.origins.values()) == {"default"}
    assert [file.is_found for file in settings.files] == [False, False]


@given(given_in=st.sets(st.sampled_from(PLACES)), values=st.permutations([0.5, 2.0, 3.0, 4.0]))
def test_the_strongest_place_that_has_a_value_wins(given_in, values):
    interval_s = dict(zip(PLACES, values, strict=True))
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        files = {"user": folder / "config" / "carbonprint", "project": folder / "project"}
        for place, parent in files.items():
            parent.mkdir(parents=True)
            if place in given_in:
                (parent / "carbonprint.toml").write_text(f"interval = {interval_s[place]}\n")
        environ = {"CARBONPRINT_INTERVAL": str(interval_s["variable"])} if "variable" in given_in else {}
        options = {"interval": interval_s["option"] if "option" in given_in else None}
        settings = resolve(options, environ, files["project"])
    winner = next((place for place in reversed(PLACES) if place in given_in), None)
    assert settings.interval_s == (interval_s[winner] if winner else 1.0)
    origins = {
        None: "default",
        "user": f"file {files['user'] / 'carbonprint.toml'}",
        "project": "file ./carbonprint.toml",
        "variable": "variable CARBONPRINT_INTERVAL",
        "option": "option --interval",
    }
    assert settings.origins["interval"] == origins[winner]


def test_every_variable_is_read_and_an_empty_one_is_unset(tmp_path):
    environ = {
        "CARBONPRINT_HOST": "odc-noord",
        "CARBONPRINT_STATE_DIR": "/var/lib/runs",
        "CARBONPRINT_LANG": "nl",
        "CARBONPRINT_INTERVAL": "0.5",
        "CARBONPRINT_POWERCAP_DIR": "/host/sys/class/powercap",
    }
    settings = resolve({}, environ, tmp_path)
    assert settings.host == "odc-noord"
    assert settings.state_dir == Path("/var/lib/runs")
    assert settings.lang is Language.NL
    assert settings.interval_s == 0.5
    assert settings.powercap_dir == Path("/host/sys/class/powercap")
    assert settings.origins["powercap_dir"] == "variable CARBONPRINT_POWERCAP_DIR"
    unset = resolve({}, dict.fromkeys(environ, ""), tmp_path)
    assert set(unset.origins.values()) == {"default"}


def test_the_nearest_file_above_the_working_directory_counts(project):
    deep = project / "a" / "b"
    deep.mkdir(parents=True)
    (project / "carbonprint.toml").write_text('host = "outer"\n')
    assert resolve({}, {}, deep).host == "outer"
    assert resolve({}, {}, deep).origins["host"] == f"file {project / 'carbonprint.toml'}"
    (project / "a" / "carbonprint.toml").write_text('lang = "nl"\n')
    assert resolve({}, {}, deep).host is None


def test_paths_in_a_file_start_at_its_folder(project):
    deep = project / "deep"
    deep.mkdir()
    (project / "carbonprint.toml").write_text(
        'host = "hosts/mine.toml"\nstate_dir = "runs"\npowercap_dir = "sys"\n'
        '[hosts]\nallowed = ["odc-noord", "gcp/europe-west4", "hosts/mine.toml", "./other"]\n'
    )
    settings = resolve({}, {}, deep)
    assert settings.host == str(project / "hosts/mine.toml")
    assert settings.state_dir == project / "runs"
    assert settings.powercap_dir == project / "sys"
    allowed = ("odc-noord", "gcp/europe-west4", str(project / "hosts/mine.toml"), str(project / "other"))
    assert settings.hosts_allowed == allowed
    assert settings.origins["hosts.allowed"] == f"file {project / 'carbonprint.toml'}"


def test_paths_from_a_person_start_at_the_working_directory(project, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    environ = {"CARBONPRINT_POWERCAP_DIR": "~/sys"}
    settings = resolve({"state_dir": Path("runs"), "host": "./mine.toml"}, environ, project)
    assert settings.state_dir == project / "runs"
    assert settings.powercap_dir == Path("/home/somebody/sys")
    assert settings.host == "./mine.toml"  # as it was typed: messages repeat it


@pytest.mark.parametrize(
    ("environ", "lang", "origin"),
    [
        ({"LANG": "nl_NL.UTF-8"}, "nl", "environment LANG"),
        ({"LANG": "nl_NL.UTF-8", "LC_ALL": "C.UTF-8"}, "en", "environment LC_ALL"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "nl_BE"}, "nl", "environment LC_MESSAGES"),
        ({"LANG": "fr_FR", "LC_ALL": ""}, "en", "environment LANG"),
        ({}, "en", "default"),
        ({"LANG": "nl_NL", "CARBONPRINT_LANG": "en"}, "en", "variable CARBONPRINT_LANG"),
    ],
)
def test_the_language_follows_the_locale(tmp_path, environ, lang, origin):
    settings = resolve({}, environ, tmp_path)
    assert (settings.lang, settings.origins["lang"]) == (lang, origin)


@pytest.mark.parametrize("value", ["0.049", "60.1", "nan", "inf", "-1", "one", "1,5", "true"])
def test_an_interval_that_cannot_be_is_refused(tmp_path, value):
    with pytest.raises(InvalidSettingError) as told:
        resolve({}, {"CARBONPRINT_INTERVAL": value}, tmp_path)
    expected = f"variable CARBONPRINT_INTERVAL: got {value!r}; allowed: a number of seconds from 0.05 to 60"
    assert str(told.value) == expected
    assert told.value.exit_code == 2


@pytest.mark.parametrize("value", [0.05, 60, "0.05", "60"])
def test_the_bounds_of_the_interval_are_allowed(tmp_path, value):
    assert resolve({"interval": value}, {}, tmp_path).interval_s == float(value)


def test_a_bad_option_is_named_and_a_bad_variable_behind_an_option_is_not_looked_at(tmp_path):
    with pytest.raises(
        InvalidSettingError, match=r"^option --state-dir: got ''; allowed: the path of a direc"
    ):
        resolve({"state_dir": ""}, {}, tmp_path)
    with pytest.raises(InvalidSettingError, match=r"^argument lang: got 'fr'; allowed: nl or en$"):
        resolve({"lang": "fr"}, {}, tmp_path, option_origin=python_argument)
    assert resolve({"lang": "nl"}, {"CARBONPRINT_LANG": "fr"}, tmp_path).lang == "nl"


def test_all_faults_of_a_file_come_in_one_error(project):
    (project / "carbonprint.toml").write_text(
        'hots = "odc-noord"\nzzz = 1\ninterval = "1"\nlang = "NL"\nstate_dir = 3\nhost = " "\n'
        '[hosts]\nallowed = "odc-noord"\nallow = []\n'
    )
    with pytest.raises(DocumentError) as told:
        resolve({}, {}, project)
    assert told.value.path == str(project / "carbonprint.toml")
    assert told.value.faults == (
        "hots: unknown key; did you mean host?",
        "zzz: unknown key; allowed: host, state_dir, lang, interval, powercap_dir, hardware, hosts.allowed",
        "interval: got '1'; allowed: a number of seconds from 0.05 to 60",
        "lang: got 'NL'; allowed: nl or en",
        "state_dir: got 3; allowed: the path of a directory",
        "host: got ' '; allowed: a host's id, such as odc-noord, or the path of a host file",
        "hosts.allowed: got 'odc-noord'; allowed: a list of host ids, at least one",
        "hosts.allow: unknown key; did you mean hosts.allowed?",
    )


@pytest.mark.parametrize(
    "line",
    [
        "interval = true",
        "interval = nan",
        "interval = 1e99",
        "host = {}",
        "hosts = 3",
        "hosts.allowed = []",
        "hosts.allowed = [3]",
        'state_dir = "a\\u0000b"',
        'state_dir = "~nobody-of-this-name/runs"',
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(project, line):
    (project / "carbonprint.toml").write_text(line + "\n")
    with pytest.raises(DocumentError) as told:
        resolve({}, {}, project)
    assert len(told.value.faults) == 1


def test_a_file_that_cannot_be_read_is_named(project, user_file):
    user_file.write_text("host = \n")
    with pytest.raises(DocumentError, match=r"carbonprint\.toml: this is not TOML: .*line 1"):
        resolve({}, {}, project)
    user_file.unlink()
    (project / "carbonprint.toml").mkdir()
    with pytest.raises(DocumentError, match=r"carbonprint\.toml: cannot be read: Is a directory"):
        resolve({}, {}, project)


def test_a_link_that_leads_nowhere_is_not_passed_over(project):
    (project / "carbonprint.toml").symlink_to("nowhere.toml")
    with pytest.raises(DocumentError, match="cannot be read: No such file"):
        resolve({}, {}, project)


def owned(monkeypatch, owners):
    """Say who owns some paths; nobody but root could make it so."""
    true_owners = settings_module._owners
    monkeypatch.setattr(settings_module, "_owners", lambda path: owners.get(path) or true_owners(path))


def test_a_file_of_another_user_above_the_working_directory_is_passed_over(project, monkeypatch):
    deep = project / "deep"
    deep.mkdir()
    (project.parent / "carbonprint.toml").write_text('host = "outer"\n')
    (project / "carbonprint.toml").write_text("this is not even TOML")
    owned(monkeypatch, {project / "carbonprint.toml": {12345}})
    settings = resolve({}, {}, deep)
    assert settings.host == "outer"
    assert [(file.path.parent, file.is_found, file.is_anothers) for file in settings.files[:2]] == [
        (project, False, True),
        (project.parent, True, False),
    ]
    (project.parent / "carbonprint.toml").unlink()
    settings = resolve({}, {}, deep)
    assert settings.host is None
    assert [(file.scope, file.is_anothers) for file in settings.files] == [("project", True), ("user", False)]


def test_a_link_of_another_user_is_passed_over_too(project, monkeypatch):
    (project / "mine.toml").write_text('host = "mine"\n')
    (project / "carbonprint.toml").symlink_to("mine.toml")
    assert resolve({}, {}, project).host == "mine"
    owned(monkeypatch, {project / "carbonprint.toml": {os.geteuid(), 12345}})
    assert resolve({}, {}, project).host is None


def test_in_another_users_folder_that_users_file_holds(project, monkeypatch):
    """So it is in a container that runs as root on a mounted folder, and with sudo."""
    (project / "carbonprint.toml").write_text('host = "theirs"\n')
    owned(monkeypatch, {project / "carbonprint.toml": {12345}, project: {12345}})
    assert resolve({}, {}, project).host == "theirs"


@pytest.mark.needs_root
def test_who_owns_a_file_is_read_from_the_file(project):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    (project / "carbonprint.toml").write_text('host = "theirs"\n')
    os.chown(project / "carbonprint.toml", 12345, -1)
    assert resolve({}, {}, project).host is None


def test_a_pipe_or_a_device_of_that_name_is_no_file(project, user_file):
    os.mkfifo(project / "carbonprint.toml")
    user_file.symlink_to("/dev/null")
    settings = resolve({}, {}, project)
    assert [file.is_found for file in settings.files] == [False, False]


def test_a_home_directory_in_a_persons_host_is_found(project, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert resolve({"host": "~/mine.toml"}, {}, project).host == "/home/somebody/mine.toml"
    assert resolve({}, {"CARBONPRINT_HOST": "~/mine.toml"}, project).host == "/home/somebody/mine.toml"
    assert resolve({"host": "~nobody-of-this-name/x.toml"}, {}, project).host == "~nobody-of-this-name/x.toml"


def test_settings_go_into_a_record(project):
    (project / "carbonprint.toml").write_text('[hosts]\nallowed = ["odc-noord"]\n')
    settings = resolve({"host": "odc-noord"}, {"LANG": "nl_NL"}, project)
    content = json.loads(json.dumps(settings.as_record()))
    assert content["host"] == {"value": "odc-noord", "origin": "option --host"}
    assert content["lang"] == {"value": "nl", "origin": "environment LANG"}
    assert content["hosts.allowed"] == {"value": ["odc-noord"], "origin": "file ./carbonprint.toml"}
    assert Setting(name="interval", value=1.0, origin="default") in list(settings.each())


def test_a_working_directory_that_was_deleted_does_not_matter(tmp_path):
    code = (
        "import carbonprint.settings as s, os; print(s.resolve({}, os.environ, s.working_directory()).host)"
    )
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && CARBONPRINT_HOST=odc-noord {sys.executable} -c '{code}'"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "odc-noord\n", "")


def test_a_user_without_a_home_directory_keeps_runs_in_the_temporary_one(tmp_path, monkeypatch):
    import platformdirs

    def no_home(*_args):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(platformdirs, "user_config_path", no_home)
    monkeypatch.setattr(platformdirs, "user_state_path", lambda _name: Path("~/.local/state/carbonprint"))
    settings = resolve({}, {"TMPDIR": str(tmp_path)}, tmp_path)
    assert settings.state_dir == tmp_path / f"carbonprint-{os.getuid()}"
    assert settings.origins["state_dir"] == "default (no home directory)"
    assert [file.scope for file in settings.files] == ["project"]


def test_settling_the_settings_loads_nothing_heavy():
    code = (
        "import os, sys, carbonprint.settings as s; s.resolve({}, os.environ, s.working_directory());"
        "heavy = {'tomllib', 'pydantic', 'numpy', 'click', 'rich', 'sqlalchemy'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/")
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_working_directory_is_where_we_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert working_directory() == tmp_path
