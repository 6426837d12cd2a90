"""A ledger of an older version comes along with all its runs; one of a newer version is left alone."""

from __future__ import annotations

import json
import sqlite3

import pytest

from carbonprint.errors import LedgerError
from carbonprint.ledger.migrations import NEWEST_VERSION, STEPS
from carbonprint.ledger.store import FILE_NAME, Ledger


def ledger_of_version_1(folder, records):
    """Make a ledger as the first carbonprint made it."""
    connection = sqlite3.connect(folder / FILE_NAME)
    for statement in STEPS[0]:
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('schema_version', '1')")
    for record in records:
        row = (record["run_id"], record["name"], "2026-01-31T12:00:00.000000+00:00", json.dumps(record))
        connection.execute("INSERT INTO runs (run_id, name, started_at, record) VALUES (?, ?, ?, ?)", row)
    connection.commit()
    connection.close()


def columns(folder):
    connection = sqlite3.connect(folder / FILE_NAME)
    rows = connection.execute("SELECT * FROM runs ORDER BY rowid")
    names = [description[0] for description in rows.description]
    content = [dict(zip(names, row, strict=True)) for row in rows]
    connection.close()
    return content


def test_the_first_version_comes_along_when_it_is_read(tmp_path, make_record):
    old = [make_record(run_id="a"), make_record(run_id="b", phase=None)]
    ledger_of_version_1(tmp_path, old)
    assert "phase" not in columns(tmp_path)[0]
    with Ledger(tmp_path) as ledger:
        assert list(ledger.iterate()) == old[::-1]
        assert ledger.get("a") == old[0]
    assert [row["phase"] for row in columns(tmp_path)] == ["training", None]


def test_the_first_version_comes_along_when_it_is_written(tmp_path, make_record):
    ledger_of_version_1(tmp_path, [make_record(run_id="a")])
    with Ledger(tmp_path) as ledger:
        assert ledger.add(make_record(run_id="b"))
        assert not ledger.add(make_record(run_id="a"))
    assert [row["run_id"] for row in columns(tmp_path)] == ["a", "b"]


def test_a_new_ledger_and_one_that_came_along_have_the_same_tables(tmp_path, make_record):
    layouts = []
    for folder in (tmp_path / "new", tmp_path / "old"):
        folder.mkdir()
        if folder.name == "old":
            ledger_of_version_1(folder, [])
        with Ledger(folder) as ledger:
            ledger.add(make_record())
        connection = sqlite3.connect(folder / FILE_NAME)
        layouts.append(
            connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
        )
        connection.close()
    assert layouts[0] == layouts[1]


def test_a_step_that_fails_changes_nothing(tmp_path, make_record):
    ledger_of_version_1(tmp_path, [make_record(run_id="a")])
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("UPDATE runs SET record = 'no json'")
    connection.commit()
    connection.close()
    with Ledger(tmp_path) as ledger, pytest.raises(LedgerError, match="cannot be written: malformed JSON"):
        ledger.add(make_record(run_id="b"))
    assert [row["run_id"] for row in columns(tmp_path)] == ["a"]
    assert "phase" not in columns(tmp_path)[0]


def test_a_newer_version_is_left_alone(tmp_path, make_record):
    with Ledger(tmp_path) as ledger:
        ledger.add(make_record())
        connection = sqlite3.connect(ledger.path)
        connection.execute("UPDATE meta SET value = '99'")
        connection.commit()
        connection.close()
        before = ledger.path.read_bytes()
        told = (
            rf"is of version 99, and this carbonprint knows .* up to {NEWEST_VERSION}: upgrade carbonprint$"
        )
        with pytest.raises(LedgerError, match=told):
            ledger.add(make_record(run_id="b"))
        with pytest.raises(LedgerError, match=told):
            list(ledger.iterate())
        assert ledger.path.read_bytes() == before


@pytest.mark.parametrize("version", ["", "two", "-1"])
def test_a_version_that_is_none_is_told(tmp_path, make_record, version):
    with Ledger(tmp_path) as ledger:
        ledger.add(make_record())
        connection = sqlite3.connect(ledger.path)
        connection.execute("UPDATE meta SET value = ?", (version,))
        connection.commit()
        connection.close()
        with pytest.raises(LedgerError, match="no ledger of carbonprint"):
            list(ledger.iterate())
