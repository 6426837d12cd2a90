"""What a command leaves running: told, counted up to its end, waited for where that is asked."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from wrapped import CARBONPRINT, Wrapper


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


def caveat(record):
    (found,) = [each["text"] for each in record["caveats"] if each["code"] == "left-behind"]
    return found


def has_caveat(record):
    return "left-behind" in {each["code"] for each in record["caveats"]}


def is_running(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_still_runs_is_named_in_the_summary_and_the_record(wrapper):
    script = "for n in 1 2 3 4 5; do sleep 60 >/dev/null 2>&1 & echo $!; done; exit 3"
    done = wrapper.run("--", "sh", "-c", script)
    pids = [int(word) for word in done.stdout.split()]
    assert all(is_running(pid) for pid in pids)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert done.returncode == 3
    named = ", ".join(f"sleep {pid}" for pid in pids[:3])
    text = caveat(wrapper.record())
    assert text.startswith(f"the command left 5 running: {named} and 2 more; counted up to the command's end")
    assert text in done.stderr.decode()


def test_a_command_that_leaves_nothing_has_no_such_line(wrapper):
    done = wrapper.run("--", "sh", "-c", "sleep 0.1 & wait")
    assert b"running" not in done.stderr
    assert not has_caveat(wrapper.record())


BURN = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\ntime.sleep(0.5)"


def test_waiting_for_descendants_counts_them_and_keeps_the_commands_exit_status(wrapper):
    wrapper.environment["BURN"] = BURN
    script = f'(setsid {sys.executable} -S -c "$BURN" &) ; kill -TERM $$'
    done = wrapper.run("--wait-descendants", "--", "sh", "-c", script)
    assert done.returncode == -signal.SIGTERM
    record = wrapper.record()
    assert 0.5 <= record["measurement"]["cpu_s"] < 0.7
    assert record["duration_s"] >= 1
    assert record["exit_status"] == 143
    assert not has_caveat(record)


def test_children_the_wrapper_had_before_are_neither_counted_nor_waited_for(wrapper):
    script = 'sleep 60 >/dev/null 2>&1 & echo $!; exec "$@" run --wait-descendants -- true'
    done = subprocess.run(["bash", "-c", script, "_", *CARBONPRINT],
                          env=wrapper.environment, cwd=wrapper.folder, capture_output=True)  # fmt: skip
    assert done.returncode == 0
    assert is_running(int(done.stdout))
    os.kill(int(done.stdout), signal.SIGKILL)
    assert not has_caveat(wrapper.record())


ASKED = 'trap "echo told; exit" TERM; echo $COMMAND ready; while :; do sleep 0.05; done'
LEAVE = f"trap '' HUP; COMMAND=$$; export COMMAND; (setsid sh -c '{ASKED}' &)"
"""Leaves a process behind that shows the command's pid, and ends when it is asked to."""


def wait_until_gone(pid):
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.01)


@pytest.mark.parametrize("pause_s", [0, 1])
def test_a_request_to_end_is_passed_on_to_what_is_waited_for(wrapper, pause_s):
    process = wrapper.start("--wait-descendants", "--", "sh", "-c", LEAVE)
    wait_until_gone(int(process.stdout.readline().split()[0]))
    time.sleep(pause_s)  # before, and after, the meter is loaded
    for number in (signal.SIGUSR1, signal.SIGTERM):
        process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, b"told\n")
    assert not has_caveat(wrapper.record())


def test_ctrl_c_ends_the_wait_and_what_runs_on_is_told(wrapper):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(wrapper.folder)
        os.execve(CARBONPRINT[0], [*CARBONPRINT, "run", "--wait-descendants", "--", "sh", "-c", LEAVE + "; exit 6"],
                  wrapper.environment)  # fmt: skip
    shown = b""
    while b"ready" not in shown:
        shown += os.read(terminal, 1000)
    wait_until_gone(int(shown.split()[0]))
    time.sleep(1)
    os.write(terminal, b"\x03")
    while b"next:" not in shown:
        shown += os.read(terminal, 1000)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 6
    os.close(terminal)
    text = caveat(wrapper.record())
    assert "the wait" in text
    left = int(text.split("was ended: sh ")[1].split()[0].rstrip(","))
    os.kill(left, signal.SIGTERM)


def test_what_was_there_before_the_command_is_not_the_jobs_when_its_parent_ends(wrapper):
    burn = f"{CARBONPRINT[0]} -S -c 'import time\nwhile time.process_time() < 1.5: pass'"
    script = f'({burn} & sleep 0.4) & exec "$@" run --interval 0.1 -- sleep 3'
    subprocess.run(["sh", "-c", script, "_", *CARBONPRINT],
                   env=wrapper.environment, cwd=wrapper.folder, capture_output=True, timeout=60)  # fmt: skip
    assert wrapper.record()["measurement"]["cpu_s"] < 0.3
