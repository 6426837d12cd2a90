"""Following a run while it goes on: live line, budget, repetitions, and runs that go on with each other."""

from __future__ import annotations

import subprocess
import sys

import pytest
from terminal import Terminal
from wrapped import CARBONPRINT, Wrapper

BURN = "while :; do :; done"


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


def test_at_its_budget_a_command_is_told_of_once_and_goes_on(wrapper):
    done = wrapper.run("--budget", "0.1mWh", "--interval", "0.1", "--", "sleep", "1.5")
    assert done.returncode == 0
    assert done.stderr.count(b"the budget of 0.1mWh is used up") == 1
    budget = wrapper.record()["budget"]
    assert budget["energy_kwh"] == pytest.approx(1e-7)
    assert 0 < budget["used_up_after_s"] <= 1.6
    assert budget["stopped"] is False


def test_at_its_budget_a_command_is_asked_to_end_if_the_user_wants_that(wrapper):
    done = wrapper.run(
        "--host", "odc-noord", "--budget", "1mg", "--stop-at-budget", "--interval", "0.1",
        "--", "sh", "-c", f"trap 'echo asked; exit 3' TERM; {BURN}",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (75, b"asked\n")
    record = wrapper.record()
    assert (record["exit_status"], record["state"]) == (3, "finished")
    assert record["budget"]["stopped"] is True
    assert record["footprint"]["emissions_kg"]["location_based"] == pytest.approx(1e-6, rel=0.8)


def test_a_budget_that_is_used_up_only_at_the_end_is_told_of_and_one_that_is_not_is_not(wrapper):
    assert b"is used up" in wrapper.run("--budget", "0.000001mWh", "--", "true").stderr
    assert b"is used up" not in wrapper.run("--budget", "5kWh", "--stop-at-budget", "--", "true").stderr


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--budget", "5 bananas"], b"500g or 2kWh"),
        (["--stop-at-budget"], b"--budget"),
        (["--warmup", "1"], b"--repeat"),
        (["--repeat", "0"], b"--repeat"),
        (["--repeat", "2", "--budget", "1g"], b"budget"),
        (["--repeat", "2", "--resume", "last"], b"--resume"),
        (["--resume", "nothing"], b"unknown run 'nothing'"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(wrapper, options, word):
    done = wrapper.run(*options, "--", "touch", "started")
    assert done.returncode == 2
    assert word in done.stderr
    assert b"Traceback" not in done.stderr
    assert not (wrapper.folder / "started").exists()


def test_a_command_is_repeated_and_its_figures_come_with_their_spread(wrapper):
    script = "read line; echo $line $OMP_NUM_THREADS $OPENBLAS_NUM_THREADS; sleep 0.1"
    done = wrapper.run(
        "--repeat", "3", "--warmup", "2", "--units", "4", "--unit", "page", "--", "sh", "-c", script,
        input=b"1\n2\n3\n4\n5\n",
    )  # fmt: skip
    # Each finds the input where the one before has left it, and the environment as it was.
    assert done.stdout == b"1\n2\n3\n4\n5\n"
    told = done.stderr.decode()
    assert "3 runs · after 2 to warm up" in told
    assert "±" in told
    assert "per page (of 4)" in told
    records = wrapper.records()
    assert [record["repetition"]["number"] for record in records] == [3, 2, 1]
    assert {record["repetition"]["of"] for record in records} == {records[-1]["run_id"]}


def test_a_repeated_command_that_fails_is_the_last(wrapper):
    done = wrapper.run("--repeat", "3", "--", "sh", "-c", "exit 4")
    assert done.returncode == 4
    assert b"1 of 3 runs" in done.stderr
    assert len(wrapper.records()) == 1


def test_a_repeated_command_finds_the_signals_that_the_first_did(wrapper):
    probe = "grep -E 'Sig(Blk|Ign)' /proc/self/status"
    done = wrapper.run("--repeat", "2", "--", "sh", "-c", probe)
    lines = done.stdout.splitlines()
    assert lines[:2] == lines[2:]


def test_runs_that_differ_are_said_to_be_unstable(wrapper):
    script = "test -e once && exit; touch once; sleep 0.6"
    assert b"the runs differ by" in wrapper.run("--repeat", "2", "--", "sh", "-c", script).stderr


def test_a_run_goes_on_with_an_earlier_one_and_both_count_as_one(wrapper):
    for options in ([], ["--resume", "last"]):
        wrapper.run(*options, "--host", "odc-noord", "--", "sleep", "0.2")
    second, first = wrapper.records()
    assert second["resumes"] == first["run_id"]
    shown = subprocess.run(
        [*CARBONPRINT, "runs", "list", "--format", "csv"],
        env=wrapper.environment, cwd=wrapper.folder, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert len(shown) == 2
    assert shown[1].startswith(second["run_id"])
    assert str(first["duration_s"] + second["duration_s"])[:6] in shown[1]


def test_the_live_line_is_written_over_and_gone_at_the_end(wrapper):
    command = [*CARBONPRINT, "run", "--live", "--interval", "0.2", "--", "sh", "-c", "sleep 1.2; echo words"]
    terminal = Terminal(command, wrapper.environment, wrapper.folder)
    terminal.until(b" W \xc2\xb7 ")
    terminal.until(b"CO\xe2\x82\x82e\x1b[K\r")
    terminal.until(b"words")
    terminal.until(b"\r\x1b[Kcarbonprint: sh")
    assert terminal.end() == 0


def test_without_a_terminal_there_is_no_live_line(wrapper):
    done = wrapper.run(
        "--live", "--interval", "0.1", "--", sys.executable, "-S", "-c", "import time; time.sleep(1)"
    )
    assert b"\r" not in done.stderr
