"""The TDP of a CPU is looked up once for a machine and boot."""

from __future__ import annotations

import json

import pytest

from carbonprint.measuring import tdp
from carbonprint.measuring.tdp import tdp_of_cpu_w
from carbonprint.reference import codecarbon_tables

CPU = "AMD EPYC 7763 64-Core Processor"


@pytest.fixture
def looked_up(monkeypatch):
    """The lookups that were made in codecarbon's table."""
    made, table = [], codecarbon_tables.cpu_tdp_table

    def counted():
        made.append(1)
        return table()

    monkeypatch.setattr(codecarbon_tables, "cpu_tdp_table", counted)
    return made


def cache(monkeypatch):
    import platformdirs

    return platformdirs.user_cache_path("carbonprint") / tdp.FILE_NAME


def test_a_second_lookup_takes_what_the_first_found(looked_up, monkeypatch):
    assert [tdp_of_cpu_w(CPU) for _ in range(3)] == [280.0] * 3
    assert [tdp_of_cpu_w("no such CPU") for _ in range(3)] == [None] * 3
    assert len(looked_up) == 2
    assert cache(monkeypatch).parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "broken",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"tdp_w": 5}', b"[" * 5000,
        json.dumps({"tdp_w": -4, "boot_id": "", "cpu_name": CPU}).encode(),
    ],
)  # fmt: skip
def test_a_broken_cache_is_looked_up_again(looked_up, monkeypatch, broken):
    path = cache(monkeypatch)
    path.parent.mkdir(parents=True)
    path.write_bytes(broken)
    assert tdp_of_cpu_w(CPU) == 280.0
    assert tdp_of_cpu_w(CPU) == 280.0
    assert len(looked_up) == 1


@pytest.mark.parametrize("key", ["boot_id", "cpu_name", "codecarbon"])
def test_another_boot_cpu_or_codecarbon_is_looked_up_again(looked_up, monkeypatch, key):
    assert tdp_of_cpu_w(CPU) == 280.0
    path = cache(monkeypatch)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: "another", "tdp_w": 5.0}))
    assert tdp_of_cpu_w(CPU) == 280.0
    assert len(looked_up) == 2


def test_a_cache_that_cannot_be_written_is_none(looked_up, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert tdp_of_cpu_w(CPU) == 280.0
    assert len(looked_up) == 1
