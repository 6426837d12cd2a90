"""What a killed wrapper leaves is kept by the next command: real processes, and journals cut at every byte."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wrapped import CARBONPRINT, Wrapper

from carbonprint.measuring.intervals import GpuUse, IdleFactors, Interval
from carbonprint.measuring.journal import Journal, interval_as_list, interval_from_list, read_journal


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


amounts = st.floats(0, 1e6).map(lambda value: round(value, 6))
shares = st.floats(0, 1).map(lambda value: round(value, 6))


@st.composite
def intervals(draw):
    return Interval(
        duration_s=draw(amounts),
        busy_cpu_s=draw(st.none() | amounts),
        job_cpu_s=draw(amounts),
        meter_cpu_s=draw(amounts),
        cpu_counted_j=draw(st.none() | amounts),
        ram_counted_j=draw(st.none() | amounts),
        node_counted_j=draw(st.none() | amounts),
        unseen_s=draw(amounts),
        still=frozenset(draw(st.sets(st.sampled_from(["cpu", "ram"])))),
        idle_factors=IdleFactors(*(draw(shares) for _ in range(4))),
        gpus=tuple(
            GpuUse(energy_j=draw(st.none() | amounts), active_share=draw(shares), idle_share=draw(shares))
            for _ in range(draw(st.integers(0, 2)))
        ),
    )


@given(intervals())
def test_an_interval_comes_out_of_the_journal_as_it_went_in(interval):
    assert interval_from_list(interval_as_list(interval)) == interval


def journal_with(path, n_intervals):
    one = Interval(duration_s=1.0, busy_cpu_s=0.5, job_cpu_s=0.25, meter_cpu_s=0.01)
    journal = Journal(path, lambda: {"run_id": "a" * 10})
    journal.open(started_at="2026-01-31T12:00:00+00:00")
    journal.append("setup", {"model": None})
    journal.append("interval_s", 2.0)
    for n in range(n_intervals):
        journal.add_interval(replace(one, job_cpu_s=n / 100))
    journal.append("caveat", ["code", "text"])
    journal.close(exit_status=0)
    return path.read_bytes()


def test_a_journal_cut_at_every_byte_holds_its_whole_entries_and_no_others(tmp_path):
    data = journal_with(tmp_path / "one.jsonl", 5)
    ends = [n + 1 for n, byte in enumerate(data) if byte == ord("\n")]
    for cut in range(len(data) + 1):
        n_whole = sum(end <= cut for end in ends)
        content = read_journal(data[:cut])
        assert bool(content.header) == (n_whole >= 1)
        assert (content.setup is not None) == (n_whole >= 2)
        assert [each.job_cpu_s for each in content.intervals] == [
            n / 100 for n in range(max(0, min(5, n_whole - 3)))
        ]
        assert content.interval_s == (2.0 if n_whole >= 3 else None)
        assert (content.end is not None) == (n_whole == len(ends))


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_journal_with_a_wrong_byte_holds_what_stands_before_it(position, byte):
    data = DAMAGED[0]
    damaged = data[:position] + bytes([byte]) + data[position + 1 :]
    content, whole = read_journal(damaged), read_journal(data)
    assert [each for each in whole.intervals if each in content.intervals] == content.intervals
    if damaged != data:
        assert content.n_damaged > 0 or content.end is None or content != whole


DAMAGED = []


@pytest.fixture(autouse=True, scope="module")
def whole_journal(tmp_path_factory):
    DAMAGED.append(journal_with(tmp_path_factory.mktemp("journal") / "one.jsonl", 3)[:400])


def killed_run(wrapper, *, seconds=1.5, name="killed"):
    """Start a run, let it take some samples, and kill the wrapper; the command is left running and killed after it."""
    script = "echo $$; while :; do :; done"
    process = wrapper.start(
        "--interval", "0.1", "--name", name, "--host", "odc-noord", "--", "sh", "-c", script
    )
    pid = int(process.stdout.readline())
    time.sleep(seconds)
    process.kill()
    process.wait()
    os.kill(pid, signal.SIGKILL)
    process.stdout.close()
    process.stderr.close()


def test_a_run_whose_wrapper_was_killed_is_kept_once_and_marked(wrapper):
    killed_run(wrapper)
    (journal,) = (wrapper.state_dir / "journal").iterdir()
    told = subprocess.run(
        [*CARBONPRINT, "config", "show"], env=wrapper.environment, cwd=wrapper.folder, capture_output=True
    )
    assert b"was interrupted" in told.stderr
    assert not journal.exists()
    record = wrapper.record()
    assert record["state"] == "interrupted"
    assert record["exit_status"] is None
    assert (record["name"], record["host"]["id"]) == ("killed", "odc-noord")
    assert 0.2 < record["duration_s"] < 5
    assert 0.05 < record["measurement"]["cpu_s"] <= 1.05 * record["duration_s"]
    assert record["footprint"]["emissions_kg"]["location_based"] > 0
    again = subprocess.run(
        [*CARBONPRINT, "config", "show"], env=wrapper.environment, cwd=wrapper.folder, capture_output=True
    )
    assert again.stderr == b""


def test_commands_that_recover_at_the_same_moment_keep_a_run_once(wrapper):
    killed_run(wrapper)
    processes = [
        subprocess.Popen(
            [*CARBONPRINT, "runs", "list", "--format", "json"],
            env=wrapper.environment, cwd=wrapper.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]  # fmt: skip
    told = [process.communicate(timeout=60)[1] for process in processes]
    assert sum(b"was interrupted" in text for text in told) == 1
    assert all(process.returncode == 0 for process in processes)
    assert len(wrapper.records()) == 1


def test_a_journal_that_cannot_be_read_keeps_no_command_from_its_work_and_is_not_thrown_away(wrapper):
    folder = wrapper.state_dir / "journal"
    folder.mkdir(parents=True)
    (folder / "aaaaaaaaaa.jsonl").write_bytes(os.urandom(500) + b"\n")
    newer = Journal(folder / "bbbbbbbbbb.jsonl", lambda: {"run_id": "b" * 10})
    newer.open()
    newer.append("header", {"form": 99, "run_id": "b" * 10})
    newer.close()
    os.close(newer._file)
    assert wrapper.records() == []
    assert {each.name for each in folder.iterdir()} == {"aaaaaaaaaa.damaged", "bbbbbbbbbb.jsonl"}


def test_a_run_that_goes_on_is_left_alone(wrapper):
    process = wrapper.start("--interval", "0.1", "--", "sleep", "2")
    time.sleep(1.2)
    assert wrapper.records() == []
    process.communicate(timeout=30)
    assert wrapper.record()["state"] == "finished"
    assert list((wrapper.state_dir / "journal").iterdir()) == []


def test_the_next_run_recovers_and_says_so_after_its_own_summary(wrapper):
    killed_run(wrapper, name="earlier")
    done = wrapper.run("--name", "later", "--", "true")
    assert done.stderr.decode().splitlines()[-1].startswith("carbonprint: run ")
    assert {record["name"]: record["state"] for record in wrapper.records()} == {
        "earlier": "interrupted",
        "later": "finished",
    }


def test_secrets_are_not_written_into_a_journal(wrapper):
    process = wrapper.start(
        "--interval", "0.1", "--", "sh", "-c", "echo $$; exec sleep 5", "_", "--token", "s3cret"
    )
    pid = int(process.stdout.readline())
    time.sleep(1.2)
    process.kill()
    process.communicate()
    os.kill(pid, signal.SIGKILL)
    (journal,) = (wrapper.state_dir / "journal").iterdir()
    assert b"s3cret" not in journal.read_bytes()
    assert journal.stat().st_mode & 0o077 == 0
