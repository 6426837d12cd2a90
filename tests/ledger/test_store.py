"""The ledger: what is kept comes back, whoever else writes, and what goes wrong is one sentence."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonprint.errors import LedgerError, UnknownRunError
from carbonprint.ledger.migrations import NEWEST_VERSION
from carbonprint.ledger.store import Ledger

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "state") as opened:
        yield opened


def ids(ledger, **filters):
    return [record["run_id"] for record in ledger.iterate(**filters)]


@settings(max_examples=30, deadline=None)
@given(name=st.text(), extra=st.dictionaries(st.text(), JSON, max_size=4), duration_s=st.floats(0, 1e9))
def test_a_record_comes_back_as_it_went_in(make_record, name, extra, duration_s):
    record = {**extra, **make_record(name=name, duration_s=duration_s)}
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder)) as ledger:
        assert ledger.add(record)
        assert ledger.get(record["run_id"]) == record
        assert list(ledger.iterate(name=name)) == [record]


def test_a_name_that_was_no_unicode_is_kept(ledger, make_record):
    record = make_record(name=os.fsdecode(b"caf\xe9"))
    ledger.add(record)
    assert ledger.get("last") == record
    assert list(ledger.iterate(name=record["name"])) == [record]


def test_reading_never_makes_a_ledger(ledger):
    assert ids(ledger) == []
    for reference in ("last", "abc", ""):
        with pytest.raises(UnknownRunError, match=r"\(no run is kept in .*/state\)"):
            ledger.get(reference)
    with pytest.raises(UnknownRunError):
        ledger.remove(["abc"])
    assert not ledger.path.parent.exists()


def test_the_ledger_is_for_its_owner_alone(ledger, make_record):
    ledger.add(make_record())
    assert stat.S_IMODE(ledger.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600


def test_the_newest_come_first_and_runs_of_one_second_in_the_order_of_keeping(ledger, make_record):
    ledger.add(make_record(run_id="second", started_at="2026-01-31T12:00:00.5Z"))
    ledger.add(make_record(run_id="first", started_at="2026-01-31T12:00:00Z"))
    ledger.add(make_record(run_id="third", started_at="2026-01-31T13:00:00.700+00:00"))
    ledger.add(make_record(run_id="fourth", started_at="2026-01-31T14:00:00.7+01:00"))
    assert ids(ledger) == ["fourth", "third", "second", "first"]
    assert ids(ledger, limit=2) == ["fourth", "third"]
    assert ledger.find("last") == "fourth"


def test_runs_are_found_by_name_and_host(ledger, make_record):
    ledger.add(make_record(run_id="a", name="train"))
    ledger.add(make_record(run_id="b", name="infer", host={"id": "desk/NLD"}))
    assert ids(ledger, name="train") == ["a"]
    assert ids(ledger, host="desk/NLD") == ["b"]
    assert ids(ledger, name="train", host="desk/NLD") == []


def test_a_run_is_meant_by_its_id_or_a_beginning_that_fits_no_other(ledger, make_record):
    for run_id in ("ab", "abc1", "abd2", "x_y", "xzy"):
        ledger.add(make_record(run_id=run_id))
    assert ledger.find("ab") == "ab"
    assert ledger.find("abc") == "abc1"
    assert ledger.find("x_") == "x_y"  # no wildcard
    with pytest.raises(UnknownRunError, match=r"^unknown run 'a' \(3 runs begin so: abd2, abc1, ab\)$"):
        ledger.find("a")
    with pytest.raises(UnknownRunError, match=r"^unknown run 'abd3'; did you mean abd2"):
        ledger.find("abd3")
    with pytest.raises(UnknownRunError):
        ledger.find("ABC")
    with pytest.raises(UnknownRunError):
        ledger.find("")


def test_a_prefix_of_many_runs_names_some_of_them(ledger, make_record):
    ledger.add_all(make_record(run_id=f"r{number:02d}") for number in range(12))
    with pytest.raises(UnknownRunError, match=r"\(12 runs begin so: r11, .*, r02, …\)$"):
        ledger.find("r")


def test_the_same_record_twice_is_kept_once_and_another_one_is_refused(ledger, make_record):
    record = make_record()
    assert ledger.add(record)
    assert not ledger.add(json.loads(json.dumps(record)))
    with pytest.raises(LedgerError, match=r"^run a1b2c3d4e5 is already in .* with other content$"):
        ledger.add(make_record(name="another"))
    assert list(ledger.iterate()) == [record]


def test_several_records_are_kept_all_or_none(ledger, make_record):
    ledger.add(make_record(run_id="a"))
    with pytest.raises(LedgerError):
        ledger.add_all([make_record(run_id="b"), make_record(run_id="a", name="another")])
    assert ids(ledger) == ["a"]
    assert ledger.add_all([make_record(run_id="a"), make_record(run_id="b"), make_record(run_id="c")]) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"duration_s": float("nan")},
        {"deep": {"list": [float("inf")]}},
        {"deep": Path("/")},
        {"started_at": "yesterday"},
        {"started_at": "2026-01-31T12:00:00"},
        {"started_at": None},
        {"duration_s": 10**400},
    ],
)
def test_what_is_no_record_is_refused_and_leaves_nothing(ledger, make_record, changes):
    with pytest.raises(LedgerError, match=r"^run a1b2c3d4e5 is no record that can be kept: "):
        ledger.add(make_record(**changes))
    assert not ledger.path.exists()


def test_runs_are_removed_all_or_none(ledger, make_record):
    ledger.add_all(make_record(run_id=run_id) for run_id in "abc")
    with pytest.raises(UnknownRunError, match="unknown run 'x'"):
        ledger.remove(["a", "x"])
    assert ids(ledger) == ["c", "b", "a"]
    ledger.remove(["a", "a", "c"])
    assert ids(ledger) == ["b"]
    ledger.remove([])


WRITER = """
import json, sys
from pathlib import Path
from carbonprint.ledger.store import Ledger
print("ready", flush=True)
record = json.loads(sys.stdin.readline())
with Ledger(Path(sys.argv[1]), busy_timeout_s=5) as ledger:  # as run has it
    ledger.add(record)
"""


def test_ten_processes_that_end_at_the_same_moment_all_land(ledger, make_record):
    """None of them finds a ledger: they also race to make it."""
    command = [sys.executable, "-c", WRITER, str(ledger.path.parent)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen(command, **pipes) for _ in range(10)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for number, writer in enumerate(writers):
        writer.stdin.write(json.dumps(make_record(run_id=f"run-{number}")) + "\n")
        writer.stdin.flush()
    said = [writer.communicate() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 10, said
    assert sorted(ids(ledger)) == [f"run-{number}" for number in range(10)]


def test_a_writer_that_is_killed_leaves_the_ledger_whole(ledger, make_record):
    ledger.add(make_record(run_id="before"))
    code = (
        "import os, signal, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); c.execute('DELETE FROM runs');"
        "c.execute('PRAGMA cache_spill = 1'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(ledger.path)])
    assert killed.returncode == -signal.SIGKILL
    ledger.add(make_record(run_id="after"))
    assert ids(ledger) == ["after", "before"]


def test_a_ledger_that_is_held_for_too_long_is_given_up(tmp_path, make_record):
    with Ledger(tmp_path, busy_timeout_s=0.1) as ledger:
        ledger.add(make_record(run_id="a"))
        holder = sqlite3.connect(ledger.path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(
            LedgerError, match=r"cannot be written: another process has held it for more than 0.1"
        ):
            ledger.add(make_record(run_id="b"))
        with pytest.raises(LedgerError, match="cannot be read: another process has held it"):
            ids(ledger)
        holder.close()
        assert ledger.add(make_record(run_id="b"))


def test_a_write_waits_for_another_to_end(tmp_path, make_record):
    assert Ledger(tmp_path).busy_timeout_s >= 30
    with Ledger(tmp_path) as ledger:
        ledger.add(make_record(run_id="a"))
        holder = sqlite3.connect(ledger.path, isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, lambda: holder.execute("COMMIT"))
        release.start()
        assert ledger.add(make_record(run_id="b"))
        release.join()
        holder.close()


def test_a_file_that_is_no_database_is_told(ledger, make_record):
    ledger.path.parent.mkdir()
    ledger.path.write_text("this is a shopping list, not a database, and long enough to be looked at" * 20)
    for attempt in (lambda: ledger.add(make_record()), lambda: ids(ledger)):
        with pytest.raises(
            LedgerError, match=r"ledger\.sqlite3 cannot be (read|written): file is not a database$"
        ):
            attempt()


def test_a_damaged_ledger_is_told(ledger, make_record):
    ledger.add_all(make_record(run_id=f"run-{number}") for number in range(50))
    content = bytearray(ledger.path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    ledger.path.write_bytes(content)
    for attempt in (lambda: ledger.add(make_record()), lambda: ids(ledger)):
        with pytest.raises(LedgerError, match="malformed"):
            attempt()


def test_a_damaged_record_is_named(ledger, make_record):
    ledger.add(make_record())
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("UPDATE runs SET record = '{\"half'")
    connection.close()
    with pytest.raises(LedgerError, match=r"^the record of run a1b2c3d4e5 is damaged"):
        ledger.get("last")


def test_another_programs_database_is_left_alone(ledger, make_record):
    ledger.path.parent.mkdir()
    connection = sqlite3.connect(ledger.path)
    connection.execute("CREATE TABLE meta (key TEXT, value TEXT)")
    connection.close()
    with pytest.raises(LedgerError, match="is a database, but no ledger of carbonprint"):
        ledger.add(make_record())


def test_an_empty_file_is_an_empty_ledger(ledger, make_record):
    ledger.path.parent.mkdir()
    ledger.path.touch()
    assert ids(ledger) == []
    assert ledger.path.stat().st_size == 0
    assert ledger.add(make_record())


def test_a_state_directory_that_cannot_be_is_told(tmp_path, make_record):
    (tmp_path / "file").touch()
    for folder, reason in ((tmp_path / "file", "/.*/file is not a directory"), (Path("/proc/1"), ".+")):
        told = rf"^the ledger {folder}/ledger.sqlite3 cannot be written: {reason}$"
        with Ledger(folder) as ledger, pytest.raises(LedgerError, match=told):
            ledger.add(make_record())
    with (
        Ledger(tmp_path / "file") as ledger,
        pytest.raises(LedgerError, match="cannot be read: Not a directory"),
    ):
        ids(ledger)


@pytest.mark.needs_root
def test_a_full_disk_is_told_and_what_was_kept_stays(tiny_disk, make_record):
    with Ledger(tiny_disk) as ledger:
        ledger.add(make_record(run_id="before"))
        with pytest.raises(LedgerError, match=r"cannot be written: .*(full|disk I/O error)"):
            ledger.add(make_record(run_id="much", note="x" * 100_000))
        assert ids(ledger) == ["before"]


@pytest.mark.needs_root
def test_a_read_only_ledger_is_read_and_not_written(tiny_disk, make_record):
    with Ledger(tiny_disk) as ledger:
        ledger.add(make_record(run_id="before"))
        subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
        with pytest.raises(LedgerError, match=r"cannot be written: .*read-?only"):
            ledger.add(make_record(run_id="after"))
        with pytest.raises(LedgerError, match="cannot be written"):
            ledger.remove(["before"])
        assert ids(ledger) == ["before"]


@pytest.fixture
def open_to_all(tmp_path, monkeypatch):
    """Give a directory such as /tmp, and take on the id of a user who owns nothing of it."""
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    monkeypatch.setattr("carbonprint.ledger.ownership.ROOT", -1)
    return tmp_path


def test_a_directory_that_another_user_made_among_everybodys_is_refused(open_to_all, make_record):
    state_dir = open_to_all / "carbonprint-1"
    state_dir.mkdir()
    with Ledger(state_dir) as ledger:
        with pytest.raises(
            LedgerError, match=r"cannot be written: another user made its directory; name one"
        ):
            ledger.add(make_record())
        with pytest.raises(LedgerError, match="cannot be read: another user made its directory"):
            ids(ledger)
    assert not list(state_dir.iterdir())
    inner = state_dir / "ours"  # elsewhere a directory is as its owner wants it
    with Ledger(inner) as ledger:
        assert ledger.add(make_record())


def test_a_planted_link_makes_no_file_elsewhere(ledger, tmp_path, make_record):
    ledger.path.parent.mkdir()
    ledger.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LedgerError, match="cannot be written: unable to open database file"):
        ledger.add(make_record())
    assert not (tmp_path / "elsewhere").exists()


def test_a_link_to_a_ledger_that_is_there_is_followed(ledger, tmp_path, make_record):
    with Ledger(tmp_path / "other") as other:
        other.add(make_record(run_id="a"))
    ledger.path.parent.mkdir()
    ledger.path.symlink_to(other.path)
    ledger.add(make_record(run_id="b"))
    assert ids(ledger) == ["b", "a"]


def test_a_path_with_signs_of_a_url_is_a_path(tmp_path, make_record):
    folder = tmp_path / "a?mode=memory#b%20 é"
    with Ledger(folder) as ledger:
        ledger.add(make_record())
        assert ids(ledger) == ["a1b2c3d4e5"]
    assert (folder / "ledger.sqlite3").is_file()


def test_only_the_store_loads_sqlalchemy():
    code = (
        "import sys, carbonprint.ledger.export, carbonprint.ledger.fallback, carbonprint.ledger.importing;"
        "print(sorted({'sqlalchemy', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_ledger_says_its_version(ledger, make_record):
    ledger.add(make_record())
    connection = sqlite3.connect(ledger.path)
    assert connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() == (
        str(NEWEST_VERSION),
    )
    connection.close()
