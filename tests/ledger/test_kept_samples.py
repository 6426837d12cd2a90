"""Samples in the ledger and in a file beside it: with their run, whole, and gone with it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

import pytest

from carbonprint.errors import DocumentError, LedgerError
from carbonprint.ledger.export import to_json
from carbonprint.ledger.fallback import write_aside
from carbonprint.ledger.importing import read_record_file, read_run_file
from carbonprint.ledger.migrations import STEPS
from carbonprint.ledger.store import FILE_NAME, Ledger
from carbonprint.measuring.measurement import Series

SERIES = Series(
    form=1, n_samples=2, setup={"idle": {"cpu_w": 1.5}, "trusted": ["cpu"]}, data=bytes(range(256))
)


def n_series(folder):
    connection = sqlite3.connect(folder / FILE_NAME)
    (count,) = connection.execute("SELECT count(*) FROM series").fetchone()
    connection.close()
    return count


def test_samples_come_out_as_they_went_in_and_leave_with_their_run(tmp_path, make_record):
    with Ledger(tmp_path) as ledger:
        assert ledger.series("a") is None
        ledger.add(make_record(run_id="a"), SERIES)
        ledger.add(make_record(run_id="b"))
        assert ledger.series("a") == SERIES
        assert ledger.series("b") is None
        assert "samples" not in json.loads(to_json(ledger.iterate()))[0]
        ledger.remove(["a"])
        assert ledger.series("a") is None
    assert n_series(tmp_path) == 0


def test_a_run_that_is_kept_already_keeps_its_samples(tmp_path, make_record):
    with Ledger(tmp_path) as ledger:
        ledger.add(make_record(run_id="a"), SERIES)
        assert not ledger.add(make_record(run_id="a"), replace(SERIES, n_samples=3))
        assert ledger.series("a") == SERIES


def test_a_record_and_its_samples_land_together_or_not_at_all(tmp_path, make_record):
    with Ledger(tmp_path) as ledger:
        ledger.add(make_record(run_id="a"), SERIES)
        connection = sqlite3.connect(tmp_path / FILE_NAME)
        connection.execute("INSERT INTO series VALUES ('b', 1, 1, '{}', x'00')")
        connection.commit()
        connection.close()
        with pytest.raises(LedgerError, match="cannot be written"):
            ledger.add(make_record(run_id="b"), SERIES)
        assert not ledger.holds("b")
        with pytest.raises(LedgerError, match="samples of run c cannot be kept"):
            ledger.add(make_record(run_id="c"), replace(SERIES, setup={"x": float("nan")}))
        assert not ledger.holds("c")


def test_a_damaged_setup_is_one_sentence(tmp_path, make_record):
    with Ledger(tmp_path) as ledger:
        ledger.add(make_record(run_id="a"), SERIES)
        connection = sqlite3.connect(tmp_path / FILE_NAME)
        connection.execute("UPDATE series SET setup = '{'")
        connection.commit()
        connection.close()
        with pytest.raises(LedgerError, match=r"^the setup of run a is damaged: it is not a JSON object$"):
            ledger.series("a")


def test_a_ledger_from_before_samples_comes_along(tmp_path, make_record):
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    for step in STEPS[:2]:
        for statement in step:
            connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('schema_version', '2')")
    row = ("old", "2026-01-31T12:00:00.000000+00:00", json.dumps(make_record(run_id="old")))
    connection.execute("INSERT INTO runs (run_id, started_at, record) VALUES (?, ?, ?)", row)
    connection.commit()
    connection.close()
    with Ledger(tmp_path) as ledger:
        assert ledger.series("old") is None
        assert ledger.get("old") == make_record(run_id="old")
        ledger.add(make_record(run_id="new"), SERIES)
        assert ledger.series("new") == SERIES


# The file beside the ledger


def test_samples_travel_beside_the_record(tmp_path, make_record):
    record = make_record(run_id="a")
    path = write_aside(record, [tmp_path], SERIES)
    assert read_run_file(path) == [(record, SERIES)]
    assert read_record_file(path) == [record]
    with Ledger(tmp_path) as ledger:
        ledger.add_all([record], {"a": SERIES})
        assert (ledger.get("a"), ledger.series("a")) == (record, SERIES)


@pytest.mark.parametrize(
    "changes",
    [
        {"data": "not base64!"}, {"data": 7}, {"setup": []}, {"form": "1"}, {"form": True}, {"n_samples": -1},
        {"n_samples": 1 << 70}, {"data": None},
    ],
    ids=str,
)  # fmt: skip
def test_samples_of_another_form_are_refused(tmp_path, make_record, changes):
    path = write_aside(make_record(run_id="a"), [tmp_path], SERIES)
    content = json.loads(path.read_text())
    content["samples"] |= changes
    path.write_text(json.dumps([content]))
    with pytest.raises(
        DocumentError, match=r"record 1: samples: got .*; allowed: form, n_samples, setup and data"
    ):
        read_run_file(path)
    for wrong in (None, 3, [1], "x"):
        path.write_text(json.dumps({**content, "samples": wrong}))
        with pytest.raises(DocumentError, match="samples: got"):
            read_run_file(path)
