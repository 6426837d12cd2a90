"""The idle power that runs leave to those that follow them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from carbonprint.measuring.idle_power import CALIBRATION, SEEN, note_idle_w, read_idle_w
from carbonprint.measuring.registry import Registration


@pytest.fixture
def folder():
    path = Path(os.environ["CARBONPRINT_REGISTRY_DIR"])
    path.mkdir()
    return path


def test_what_was_seen_only_falls_and_a_calibration_replaces_it():
    assert read_idle_w() == {}
    assert note_idle_w({"cpu": 10.0, "ram": 4.0}, SEEN)
    assert note_idle_w({"cpu": 12.0, "ram": 3.0, "gpu0": 25.0}, SEEN)
    assert read_idle_w() == {"cpu": 10.0, "ram": 3.0, "gpu0": 25.0}
    assert note_idle_w({"cpu": 11.0}, CALIBRATION)
    assert note_idle_w({"cpu": 9.0}, SEEN)
    assert read_idle_w() == {"cpu": 11.0, "ram": 3.0, "gpu0": 25.0}
    assert note_idle_w({"cpu": 11.5}, CALIBRATION)
    assert read_idle_w()["cpu"] == 11.5


def test_nothing_changes_while_a_run_is_live():
    note_idle_w({"cpu": 10.0}, SEEN)
    run = Registration.begin("a" * 10, 1.0)
    assert not note_idle_w({"cpu": 5.0}, SEEN)
    assert not note_idle_w({"cpu": 5.0}, CALIBRATION)
    assert read_idle_w() == {"cpu": 10.0}
    run.end(2.0)
    run.close()
    assert note_idle_w({"cpu": 5.0}, SEEN)


@pytest.mark.parametrize("power_w", [0.0, -1.0, float("nan"), float("inf"), 1e9, None, "10"])
def test_a_power_that_cannot_be_is_not_kept_and_not_believed(folder, power_w):
    assert note_idle_w({"cpu": power_w, "ram": 4.0, "../x": 5.0}, SEEN)
    assert read_idle_w() == {"ram": 4.0}
    (file,) = folder.glob("idle-power.*.json")
    content = json.loads(file.read_text())
    content["idle"]["cpu"] = {"power_w": power_w, "origin": SEEN}
    file.write_text(json.dumps(content))
    assert read_idle_w() == {"ram": 4.0}


def test_another_start_of_the_machine_begins_anew(folder):
    note_idle_w({"cpu": 10.0}, CALIBRATION)
    (file,) = folder.glob("idle-power.*.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "boot_id": "another"}))
    assert read_idle_w() == {}
    assert note_idle_w({"cpu": 12.0}, SEEN)
    assert read_idle_w() == {"cpu": 12.0}


@pytest.mark.parametrize("content", ["", "[]", "{", '{"boot_id": 1}', '{"idle": 5}', "\xff" * 5000])
def test_a_damaged_file_is_passed_over(folder, content):
    (folder / f"idle-power.{os.geteuid()}.json").write_text(content)
    assert read_idle_w() == {}
    assert note_idle_w({"cpu": 10.0}, SEEN)
    assert read_idle_w() == {"cpu": 10.0}


def test_without_a_directory_nothing_is_known_and_nothing_kept(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CARBONPRINT_REGISTRY_DIR", str(tmp_path / "file"))
    assert read_idle_w() == {}
    assert not note_idle_w({"cpu": 10.0}, SEEN)


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="files of several users")
def test_all_users_get_the_same_figure_and_roots_calibration_goes_first(folder):
    note_idle_w({"cpu": 10.0, "ram": 5.0}, CALIBRATION)
    mine = folder / "idle-power.0.json"
    content = json.loads(mine.read_text())
    for user_id, cpu_w, ram_w, origin in ((12345, 8.0, 4.0, CALIBRATION), (12346, 7.0, 3.0, SEEN)):
        content["idle"] = {
            "cpu": {"power_w": cpu_w, "origin": origin},
            "ram": {"power_w": ram_w, "origin": origin},
            "gpu0": {"power_w": ram_w, "origin": origin},
        }
        theirs = folder / f"idle-power.{user_id}.json"
        theirs.write_text(json.dumps(content))
        os.chown(theirs, user_id, -1)
    assert read_idle_w() == {"cpu": 10.0, "ram": 5.0, "gpu0": 4.0}
    mine.unlink()
    assert read_idle_w() == {"cpu": 8.0, "ram": 4.0, "gpu0": 4.0}
    os.chown(folder / "idle-power.12345.json", 1, -1)
    assert read_idle_w() == {"cpu": 7.0, "ram": 3.0, "gpu0": 3.0}, "written in somebody else's name"
