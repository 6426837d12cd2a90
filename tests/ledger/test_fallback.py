"""A record for which the ledger has no place is written aside, and taken in later."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from carbonprint.errors import LedgerError
from carbonprint.ledger.fallback import fallback_directories, write_aside
from carbonprint.ledger.importing import read_record_file


def test_a_record_is_written_aside_for_its_owner_alone_and_comes_back(tmp_path, make_record):
    record = make_record()
    path = write_aside(record, [tmp_path / "state", tmp_path])
    assert path == tmp_path / "state" / "carbonprint-a1b2c3d4e5.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_record_file(path) == [record]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_first_directory_that_takes_it_is_used(tmp_path, make_record):
    (tmp_path / "file").touch()
    path = write_aside(make_record(), [tmp_path / "file" / "state", Path("/proc/1"), tmp_path / "home"])
    assert path.parent == tmp_path / "home"


@pytest.mark.needs_root
def test_a_full_disk_is_passed_over_and_nothing_is_left_on_it(tiny_disk, tmp_path, make_record):
    (tiny_disk / "filling").write_bytes(
        b"x" * 61_440
    )  # 15 of its 16 blocks: a file fits, its content does not
    path = write_aside(make_record(note="x" * 10_000), [tiny_disk, tmp_path])
    assert path.parent == tmp_path
    assert [each.name for each in tiny_disk.iterdir()] == ["filling"]


def test_where_nothing_takes_it_every_reason_is_given(tmp_path, make_record):
    (tmp_path / "file").touch()
    told = r"^the record of run a1b2c3d4e5 could be kept nowhere: .*/file \(.+\), /proc/1 \(.+\)$"
    with pytest.raises(LedgerError, match=told):
        write_aside(make_record(), [tmp_path / "file", Path("/proc/1")])


def test_a_run_id_cannot_lead_out_of_the_directory(tmp_path, make_record):
    path = write_aside(make_record(run_id="../../etc/x"), [tmp_path])
    assert path == tmp_path / "carbonprint-.._.._etc_x.json"


def test_a_link_that_somebody_laid_is_replaced_and_not_followed(tmp_path, make_record):
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "carbonprint-a1b2c3d4e5.json").symlink_to(target)
    path = write_aside(make_record(), [tmp_path])
    assert not path.is_symlink()
    assert target.read_text() == "precious"


@pytest.mark.parametrize("changes", [{"duration_s": float("nan")}, {"deep": object()}])
def test_what_json_cannot_hold_is_refused(tmp_path, make_record, changes):
    with pytest.raises(LedgerError, match=r"^run a1b2c3d4e5 is no record that can be kept: "):
        write_aside(make_record(**changes), [tmp_path])
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_was_no_unicode_is_written(tmp_path, make_record):
    path = write_aside(make_record(name="caf\udce9"), [tmp_path])
    assert json.loads(path.read_text())["name"] == "caf\udce9"


def test_the_directories_are_state_temporary_and_home_never_the_working_one(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.chdir(tmp_path)
    directories = fallback_directories(Path("/state"), {"TMPDIR": str(tmp_path)})
    assert directories == [Path(name) for name in ("/state", tmp_path, "/tmp", "/var/tmp", "/home/somebody")]
    assert Path("/not/there") not in fallback_directories(Path("/state"), {"TMPDIR": "/not/there"})
    assert Path("relative") not in fallback_directories(Path("/state"), {"TMPDIR": "relative"})


def test_a_directory_that_another_user_made_among_everybodys_takes_no_record(
    tmp_path, monkeypatch, make_record
):
    tmp_path.chmod(0o1777)
    planted = tmp_path / "carbonprint-1"
    planted.mkdir()
    monkeypatch.setattr("carbonprint.ledger.ownership.ROOT", -1)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(LedgerError, match=r"carbonprint-1 \(another user made it\)$"):
        write_aside(make_record(), [planted])
    assert not list(planted.iterdir())
