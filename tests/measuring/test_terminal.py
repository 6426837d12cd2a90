"""On a terminal: Ctrl-C, Ctrl-Z and fg, through a real pseudo-terminal."""

from __future__ import annotations

import sys
import time

import pytest
from terminal import Terminal
from wrapped import CARBONPRINT, Wrapper

COUNT_INTERRUPTS = """
import signal, time
count = 0
def interrupted(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, interrupted)
print("ready", flush=True)
end = time.monotonic() + 1.5
while time.monotonic() < end:
    time.sleep(0.05)
print(f"interrupted {count} times", flush=True)
"""


@pytest.fixture
def wrapper(tmp_path):
    wrapper = Wrapper(tmp_path)
    wrapper.environment["PS1"] = "shell> "
    return wrapper


def test_ctrl_c_reaches_the_command_once(wrapper):
    command = [*CARBONPRINT, "run", "--", sys.executable, "-c", COUNT_INTERRUPTS]
    terminal = Terminal(command, wrapper.environment, wrapper.folder)
    terminal.until(b"ready")
    terminal.type(b"\x03")
    terminal.until(b"interrupted 1 times")
    terminal.until(b"next: carbonprint")
    assert terminal.end() == 0


def test_ctrl_z_stops_the_job_and_fg_goes_on(wrapper):
    terminal = Terminal(["/bin/bash", "--norc", "-i"], wrapper.environment, wrapper.folder)
    line = " ".join(CARBONPRINT)
    terminal.until(b"shell> ")
    code = 'import time; print("be" "gun", flush=True); time.sleep(1); print("do" "ne")'
    terminal.type(f"{line} run -- {sys.executable} -S -c '{code}'\n".encode())
    terminal.until(b"begun")
    terminal.type(b"\x1a")
    terminal.until(b"Stopped")
    terminal.until(b"shell> ")
    time.sleep(1.2)
    terminal.type(b"fg\n")
    terminal.until(b"done")
    terminal.until(b"exit status 0")
    terminal.type(b"exit\n")
    assert terminal.end() == 0
    assert wrapper.record()["duration_s"] > 1.2
