"""Stopping and continuing jobs on a terminal, as a shell does it, with the wrapper in between."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager

import pytest
from terminal import Terminal
from wrapped import CARBONPRINT, Wrapper

RUN = " ".join([*CARBONPRINT, "run", "--"])


@pytest.fixture
def wrapper(tmp_path):
    wrapper = Wrapper(tmp_path)
    wrapper.environment["PS1"] = "shell> "
    return wrapper


@contextmanager
def interactive_shell(wrapper, command=("/bin/bash", "--norc", "-i")):
    terminal = Terminal(list(command), wrapper.environment, wrapper.folder)
    terminal.until(b"shell> ")
    yield terminal
    terminal.type(b"exit 7\n")
    terminal.until(b"exit")
    assert terminal.end() == 7


COUNT_KEYS = """
import signal
keys = {signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH, signal.SIGUSR1}
signal.pthread_sigmask(signal.SIG_BLOCK, keys)
print("re" "ady", flush=True)
while (number := signal.sigwaitinfo(keys).si_signo) != signal.SIGUSR1:
    print(f"<{signal.Signals(number).name}>", flush=True)
print("counted", flush=True)
"""


def test_keys_and_the_size_of_the_window_reach_the_command_once(wrapper):
    command = [*CARBONPRINT, "run", "--", sys.executable, "-S", "-c", COUNT_KEYS]
    terminal = Terminal(command, wrapper.environment, wrapper.folder)
    terminal.until(b"ready")
    seen = b""
    for cause, name in [
        (lambda: terminal.type(b"\x03"), b"<SIGINT>"),
        (lambda: terminal.type(b"\x1c"), b"<SIGQUIT>"),
        (lambda: terminal.resize(50, 120), b"<SIGWINCH>"),
    ]:
        cause()
        seen += terminal.until(name)
    os.kill(terminal.pid, signal.SIGUSR1)
    seen += terminal.until(b"counted")
    assert b"<" not in seen
    assert terminal.end() == 0


def test_a_loop_ends_on_ctrl_c(wrapper):
    with interactive_shell(wrapper) as terminal:
        terminal.type(
            f"for n in 1 2 3; do {RUN} sh -c 'echo beg''un; exec sleep 30'; done; echo nev''er\n".encode()
        )
        terminal.until(b"begun")
        terminal.type(b"\x03")
        terminal.until(b"exit status 130")
        after = terminal.until(b"shell> ")
        assert b"begun" not in after
        assert b"never" not in after


def test_a_job_that_ignores_ctrl_z_goes_on_and_so_does_the_wrapper(wrapper):
    with interactive_shell(wrapper) as terminal:
        terminal.type(f"{RUN} sh -c 'trap \"\" TSTP; echo beg''un; read line; echo got $line'\n".encode())
        terminal.until(b"begun")
        terminal.type(b"\x1a")
        terminal.type(b"words\n")
        assert b"Stopped" not in terminal.until(b"got words")
        assert b"Stopped" not in terminal.until(b"exit status 0")


def test_three_wrappers_stop_and_go_on_as_one_job_and_end_on_ctrl_c(wrapper):
    nested = " ".join([RUN] * 3)
    code = 'import time; print("be" "gun", flush=True); input(); print("on", flush=True); time.sleep(30)'
    with interactive_shell(wrapper) as terminal:
        terminal.type(f"{nested} {sys.executable} -S -c '{code}'\n".encode())
        terminal.until(b"begun")
        for _ in range(2):
            terminal.type(b"\x1a")
            terminal.until(b"Stopped")
            terminal.until(b"shell> ")
            terminal.bring_to_front(b"fg\n")
        terminal.type(b"\n")
        terminal.until(b"on\r\n")
        terminal.type(b"\x03")
        for _ in range(3):
            terminal.until(b"exit status 130")
        terminal.until(b"shell> ")


def test_job_control_inside_a_wrapped_shell(wrapper):
    command = [*CARBONPRINT, "run", "--", "/bin/bash", "--norc", "-i"]
    with interactive_shell(wrapper, command) as terminal:
        terminal.type(b"sleep 101 &\n")
        terminal.until(b"shell> ")
        terminal.type(b"sh -c 'echo beg''un; exec sleep 102'\n")
        terminal.until(b"begun")
        terminal.type(b"\x1a")
        terminal.until(b"Stopped")
        terminal.until(b"shell> ")
        terminal.type(b"jobs\n")
        listed = terminal.until(b"shell> ")
        assert listed.count(b"Running") == listed.count(b"Stopped") == 1
        terminal.type(b"bg\n")
        terminal.until(b"shell> ")
        terminal.type(b"jobs\n")
        assert terminal.until(b"shell> ").count(b"Running") == 2
        terminal.bring_to_front(b"fg %2\n")
        terminal.type(b"\x03")
        terminal.until(b"shell> ")
        terminal.type(b"kill %1; wait; jobs; echo stat''us $?\n")
        terminal.until(b"status 0")
    assert wrapper.record()["exit_status"] == 7


def test_a_command_that_leads_a_group_of_its_own_is_not_out_of_the_terminals_reach(wrapper):
    """A shell would have made it the leader of the group in the foreground; timeout(1) then stays in it."""
    with interactive_shell(wrapper) as terminal:
        code = 'import time; print("be" "gun", flush=True); time.sleep(1); print("do" "ne", flush=True); time.sleep(30)'
        terminal.type(f"{RUN} timeout 60 {sys.executable} -S -c '{code}'\n".encode())
        terminal.until(b"begun")
        terminal.type(b"\x1a")
        terminal.until(b"Stopped")
        terminal.until(b"shell> ")
        terminal.bring_to_front(b"fg\n")
        terminal.until(b"done")
        terminal.type(b"\x03")
        terminal.until(b"carbonprint: ")
        terminal.until(b"shell> ")


def test_in_the_background_the_summary_is_written_and_reading_stops_the_job(wrapper):
    with interactive_shell(wrapper) as terminal:
        terminal.type(f"stty tostop; {RUN} true & wait\n".encode())
        terminal.until(b"exit status 0")
        terminal.until(b"shell> ")
        terminal.type(f"{RUN} sh -c 'read line; echo got $line' &\n".encode())
        terminal.until(b"shell> ")
        terminal.type(b"wait\n")
        terminal.until(b"Stopped")
        terminal.until(b"shell> ")
        terminal.bring_to_front(b"fg\n")
        terminal.type(b"words\n")
        terminal.until(b"got words")
        terminal.until(b"exit status 0")


def test_a_terminal_that_goes_away_ends_the_command(wrapper):
    script = "trap 'echo >hung-up; exit 5' HUP; echo begun; while :; do sleep 0.1; done"
    command = [*CARBONPRINT, "run", "--", "sh", "-c", script]
    terminal = Terminal(command, wrapper.environment, wrapper.folder)
    terminal.until(b"begun")
    os.close(terminal.screen)
    assert os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]) == 5
    assert (wrapper.folder / "hung-up").exists()
    assert wrapper.record()["exit_status"] == 5
