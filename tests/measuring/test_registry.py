"""The registry of live runs: what one run sees of the others in a directory that anybody may write into."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.measuring import registry, registry_directory
from carbonprint.measuring.idle_division import WHOLE, Shares
from carbonprint.measuring.intervals import UNDIVIDED
from carbonprint.measuring.journal import boot_id
from carbonprint.measuring.processes import parent_and_start
from carbonprint.measuring.registered_runs import has_live_runs
from carbonprint.measuring.registry import Registration
from carbonprint.measuring.registry_entry import LINE_BYTES, Entry

HALVED = pytest.approx((0.5,) * 4)


@pytest.fixture
def folder():
    """The directory of the registry."""
    return Path(os.environ["CARBONPRINT_REGISTRY_DIR"])


@pytest.fixture
def other(folder):
    """Put another run into the registry: its process is a ``sleep``, and its file is held until ``let_go``."""
    sleeper = subprocess.Popen(["sleep", "60"])
    held = {}

    def put(run_id="b" * 10, *, is_held=True, **changes):
        folder.mkdir(exist_ok=True)
        entry = Entry(
            run_id=run_id,
            pid=sleeper.pid,
            pid_start=parent_and_start(sleeper.pid)[1],
            pid_namespace=os.stat("/proc/self/ns/pid").st_ino,
            boot_id=boot_id(),
            start_s=1.0,
            last_s=1.0,
        )
        path = folder / f"{run_id}.run"
        path.write_bytes(replace(entry, **changes).as_line())
        if is_held and run_id not in held:
            held[run_id] = os.open(path, os.O_RDONLY)
            fcntl.flock(held[run_id], fcntl.LOCK_EX)
        return path

    def let_go():
        while held:
            os.close(held.popitem()[1])

    put.let_go, put.process = let_go, sleeper
    yield put
    let_go()
    sleeper.kill()
    sleeper.wait()


def begin(run_id="a" * 10, start_s=10.0):
    registration = Registration.begin(run_id, start_s)
    assert registration is not None
    registration.reserve(WHOLE)
    return registration


def factors(registration, since_s, until_s):
    registration.update(until_s, 0.0, 0.0)
    return registration.idle_factors(since_s, until_s)


def test_a_run_alone_is_undivided_and_leaves_one_small_file(folder):
    run = begin()
    assert factors(run, 10, 11) == UNDIVIDED
    assert run.others_cpu_s(10, 11) == 0
    assert (run.outer_run, run.has_company, run.is_lost) == (None, False, False)
    (file,) = folder.iterdir()
    assert (file.name, file.stat().st_size, file.stat().st_mode & 0o777) == (
        "a" * 10 + ".run",
        LINE_BYTES,
        0o644,
    )
    assert has_live_runs(run._directory)
    run.end(12)
    assert not has_live_runs(run._directory)
    run.close()
    assert Entry.from_line(file.read_bytes()).end_s == 12


def test_a_live_run_divides_and_one_that_was_killed_ended_at_its_last_sample(other):
    run = begin()
    path = other(start_s=11.0, last_s=11.0)
    assert factors(run, 10, 12) == pytest.approx((0.75,) * 4)
    assert run.has_company
    other(start_s=11.0, last_s=13.0)
    other.let_go()
    assert factors(run, 12, 14) == pytest.approx((0.75,) * 4)
    assert factors(run, 14, 15) == UNDIVIDED
    assert path.exists()


def test_a_run_that_says_its_end_divides_up_to_then(other):
    run = begin()
    other(start_s=10.0, last_s=10.5, end_s=10.5)
    assert factors(run, 10, 11) == pytest.approx((0.75,) * 4)


def test_a_file_that_somebody_else_holds_does_not_keep_a_dead_run_alive(other):
    run = begin()
    other(start_s=10.0, last_s=10.0)
    other.process.kill()
    other.process.wait()
    assert factors(run, 10, 11) == UNDIVIDED


def test_a_process_with_the_same_id_is_not_the_run(other):
    run = begin()
    other(start_s=10.0, last_s=10.0, pid_start=1)
    assert factors(run, 10, 11) == UNDIVIDED


def test_what_others_had_counted_before_we_showed_ourselves_is_theirs(other):
    other(start_s=5.0, last_s=11.0)
    run = begin(start_s=10.0)
    assert factors(run, 10, 12) == pytest.approx((0.25,) * 4)
    other(start_s=5.0, last_s=13.0)
    assert factors(run, 12, 14) == HALVED


def test_the_reserved_share_of_each_counts(other):
    run = begin()
    other(start_s=10.0, last_s=10.0, shares=Shares(0.25, 0.5, 0.0, 0.5))
    run.reserve(Shares(0.25, 1.0, 1.0, 1.0))
    assert factors(run, 10, 11) == pytest.approx((1.0, 2 / 3, 1.0, 2 / 3))


def test_runs_inside_others_do_not_divide(other):
    run = begin()
    other("b" * 10, start_s=10.0, last_s=10.0)
    other("c" * 10, start_s=10.0, last_s=10.0, outer="b" * 10)
    assert factors(run, 10, 11) == HALVED


def test_a_block_inside_another_names_it_and_goes_by_its_divisor(other):
    outer = begin("a" * 10, start_s=10.0)
    inner = begin("d" * 10, start_s=10.5)
    assert (outer.outer_run, inner.outer_run) == (None, "a" * 10)
    assert factors(outer, 10, 11) == UNDIVIDED
    assert not outer.has_company
    assert factors(inner, 10.5, 11) == UNDIVIDED
    other(start_s=11.0, last_s=11.0)
    assert factors(outer, 11, 12) == HALVED
    assert factors(inner, 11, 12) == HALVED
    innermost = begin("e" * 10, start_s=12)
    assert innermost.outer_run == "d" * 10


def test_cpu_seconds_of_the_others_are_told_for_the_time_asked(other):
    run = begin()
    other(start_s=10.0, last_s=11.0, job_cpu_s=0.9, meter_cpu_s=0.1)
    run.update(12.0, 0, 0)
    # 1 s of work in a second, and so on until something else is known.
    assert run.others_cpu_s(10, 12) == pytest.approx(2)
    other(start_s=10.0, last_s=13.0, job_cpu_s=1.9, meter_cpu_s=0.1)
    run.update(13.0, 0, 0)
    assert run.others_cpu_s(12, 13) == pytest.approx(0.5)
    other(start_s=10.0, last_s=13.5, end_s=13.5, job_cpu_s=2.4, meter_cpu_s=0.1)
    run.update(15.0, 0, 0)
    assert run.others_cpu_s(13, 15) == pytest.approx(0.5)


def test_what_is_no_run_is_passed_over(folder, other, tmp_path):
    run = begin()
    (folder / "garbage.run").write_bytes(b"\xff" * 500)
    (folder / "empty.run").touch()
    (folder / "long.run").write_bytes(b" " * 100_000)
    os.mkfifo(folder / "pipe.run")
    (folder / "folder.run").mkdir()
    (tmp_path / "elsewhere").write_bytes(other("c" * 10, start_s=10.0, last_s=10.0).read_bytes())
    (folder / ("c" * 10 + ".run")).unlink()
    (folder / ("d" * 10 + ".run")).symlink_to(tmp_path / "elsewhere")
    (folder / ("e" * 10 + ".run")).write_bytes((tmp_path / "elsewhere").read_bytes())
    assert factors(run, 10, 11) == UNDIVIDED


def test_a_line_that_is_torn_leaves_what_was_known(other):
    run = begin()
    path = other(start_s=10.0, last_s=10.0)
    assert factors(run, 10, 11) == HALVED
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"?" + whole[101:])
    assert factors(run, 11, 12) == HALVED


def test_files_of_ended_runs_are_removed_once_nobody_needs_them(folder, other, monkeypatch):
    monkeypatch.setattr(registry, "_KEPT_S", 2.0)
    old_boot = other("c" * 10, is_held=False, boot_id="another", start_s=1.0, last_s=2.0)
    slow = other("d" * 10, start_s=5.0, last_s=10.0)
    needed = other("e" * 10, is_held=False, start_s=5.0, last_s=11.0)
    run = begin(start_s=10.0)
    run.update(12.0, 0, 0)
    run.update(20.0, 0, 0)
    assert not old_boot.exists()
    assert needed.exists(), "the slow one has not counted this time yet"
    other("d" * 10, start_s=5.0, last_s=20.0)
    run.update(21.0, 0, 0)
    run.update(22.0, 0, 0)
    assert not needed.exists()
    assert slow.exists()
    assert len(list(folder.iterdir())) == 2


def test_a_file_that_was_removed_is_made_again(folder, other):
    run = begin()
    other(start_s=10.0, last_s=10.0)
    (folder / ("a" * 10 + ".run")).unlink()
    run.update(11.0, 0, 0)
    assert (folder / ("a" * 10 + ".run")).exists()
    assert factors(run, 11, 12) == HALVED
    assert not run.is_lost


def test_a_descriptor_that_was_closed_behind_our_back_is_not_written_to(folder, other, tmp_path):
    """A block of Python may close everything that is open, and open files of its own under the same numbers."""
    run = begin()
    other(start_s=10.0, last_s=10.0)
    numbers = [run._file, run._directory]
    own = os.open(tmp_path / "precious", os.O_RDWR | os.O_CREAT)
    os.write(own, b"of the block")
    for number in numbers:
        os.dup2(own, number)
    assert factors(run, 10, 11) == HALVED
    run.end(12)
    run.close()
    assert (tmp_path / "precious").read_bytes() == b"of the block"
    for number in {own, *numbers}:
        os.close(number)
    assert Entry.from_line((folder / ("a" * 10 + ".run")).read_bytes()).end_s == 12


def test_a_registry_that_is_lost_leaves_the_run_undivided_and_says_so(folder, other):
    run = begin()
    other(start_s=10.0, last_s=10.0)
    assert factors(run, 10, 11) == HALVED
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("no directory")
    assert factors(run, 11, 12) == UNDIVIDED
    assert run.is_lost
    run.end(13)
    run.close()


def test_without_a_directory_there_is_no_registration(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link", "file/below"):
        monkeypatch.setenv("CARBONPRINT_REGISTRY_DIR", str(tmp_path / name))
        assert Registration.begin("a" * 10, 1.0) is None


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Stand-ins for /run/carbonprint and /dev/shm/carbonprint."""
    monkeypatch.delenv("CARBONPRINT_REGISTRY_DIR")
    by_root, for_all = tmp_path / "run", tmp_path / "shm"
    monkeypatch.setattr(registry_directory, "BY_ROOT", str(by_root))
    monkeypatch.setattr(registry_directory, "FOR_ALL", str(for_all))
    return by_root, for_all


def opened_path():
    directory = registry_directory.open_directory()
    if directory is None:
        return None
    path = Path(os.readlink(f"/proc/self/fd/{directory}"))
    os.close(directory)
    return path


def test_who_comes_first_makes_the_directory_for_all(places):
    umask = os.umask(0o077)
    try:
        assert opened_path() == places[1]
    finally:
        os.umask(umask)
    assert places[1].stat().st_mode & 0o7777 == 0o1777


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="files of several users")
def test_roots_directory_goes_first_and_anothers_must_be_sticky(places):
    by_root, for_all = places
    by_root.mkdir()
    assert opened_path() == for_all, "root has not opened it to all"
    by_root.chmod(0o1777)
    assert opened_path() == by_root
    os.chown(by_root, 12345, -1)
    assert opened_path() == for_all, "whoever made it, root did not"
    os.chown(for_all, 12345, -1)
    assert opened_path() == for_all
    for_all.chmod(0o777)
    assert opened_path() is None, "its owner aside, others could replace our files"


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.integers() | st.none() | st.text(max_size=3)


@given(st.binary(max_size=200), numbers, numbers, numbers)
def test_whatever_a_file_holds_it_is_a_run_or_nothing(junk, start_s, end_s, share):
    import json
    import zlib

    assert Entry.from_line(junk) is None
    fields = {"form": 1, "run_id": "a" * 10, "pid": 5, "pid_start": 1, "pid_namespace": 1, "boot_id": "b"}
    fields |= {"start_s": start_s, "last_s": start_s, "end_s": end_s, "shares": [share] * 4}
    text = json.dumps(fields).encode()
    entry = Entry.from_line(b"%08x %b" % (zlib.crc32(text), text))
    if entry is not None:
        assert 0 <= entry.start_s <= entry.last_s < 1e13
        assert all(0 <= each <= 1 for each in entry.shares)
        assert Entry.from_line(entry.as_line()) == entry


def test_looking_around_alone_costs_next_to_nothing():
    """A few system calls: no list of processes, nothing in proportion to the machine."""
    run = begin()
    begun_s = time.process_time()
    for n in range(200):
        run.update(11.0 + n, 1.0, 0.1)
        run.idle_factors(10.0 + n, 11.0 + n)
    assert time.process_time() - begun_s < 1.0
