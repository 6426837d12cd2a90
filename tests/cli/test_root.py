"""The command line as a program: how it starts, and how it ends where its output goes nowhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

FULL = "Error: standard output cannot be written: No space left on device\n"
CLOSED = "Error: standard output cannot be written: Bad file descriptor\n"
READING = (
    "--help",
    "--version",
    "runs --help",
    "runs export",
    "runs list --format json",
    "host list",
    "config show",
)


def shell(script, **environ):
    command = ["sh", "-c", script.replace("carbonprint", f"{sys.executable} -m carbonprint")]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ})


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", READING)
def test_a_full_output_is_one_sentence(command, unbuffered):
    done = shell(f"carbonprint {command} > /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (1, FULL)


@pytest.mark.parametrize("command", READING)
def test_a_closed_output_is_one_sentence(command):
    done = shell(f"carbonprint {command} >&-")
    assert (done.returncode, done.stderr) == (1, CLOSED)


def test_a_reader_that_has_gone_is_no_fault():
    done = shell("carbonprint host list | true; carbonprint host list | head -n 1")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_of_ours_is_still_told_where_the_output_is_closed():
    done = shell("carbonprint runs show nothing >&-")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: unknown run 'nothing'")


def test_a_command_keeps_its_closed_output(tmp_path):
    code = "import sys; sys.exit(3 if sys.stdout is None else 4)"
    done = shell(f"carbonprint run --state-dir {tmp_path} -- {sys.executable} -c '{code}' >&-")
    assert done.returncode == 3
    assert done.stderr.startswith("carbonprint: ")


@pytest.mark.parametrize("place", ["PYTHONPATH", "working directory"])
def test_modules_of_the_command_do_not_hide_the_standard_library(tmp_path, place):
    for name in ("platform", "signal", "gettext", "shlex", "sqlite3", "uuid", "json"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the {name} of the command was loaded')\n")
    environ = {"PYTHONPATH": str(tmp_path)} if place == "PYTHONPATH" else {}
    command = [
        sys.executable,
        "-m",
        "carbonprint",
        "run",
        "--state-dir",
        str(tmp_path / "s"),
        "--",
        "echo",
        "ran",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path if not environ else "/",
        env={**os.environ, **environ},
    )
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr
    assert "was loaded" not in done.stderr
    assert (tmp_path / "s" / "ledger.sqlite3").exists()


def test_the_command_gets_pythonpath_as_it_was(tmp_path):
    (tmp_path / "platform.py").write_text("print('of the command')\n")
    done = shell(
        f"carbonprint run --state-dir {tmp_path}/s -- {sys.executable} -c 'import platform'",
        PYTHONPATH=str(tmp_path),
    )
    assert (done.returncode, done.stdout) == (0, "of the command\n")


SLOW_IMPORT = """
import os, sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            print("importing", flush=True)
            time.sleep(30)
sys.meta_path.insert(0, Slow())
from carbonprint.cli import main
main()
"""


@pytest.mark.parametrize("is_ignored", [False, True])
def test_an_early_interrupt_ends_us_as_it_ends_other_programs(is_ignored):
    started_with = "SIG_IGN" if is_ignored else "SIG_DFL"
    start = (
        f"import os, signal, sys; signal.signal(signal.SIGINT, signal.{started_with});"
        "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1], 'run'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start, SLOW_IMPORT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    if is_ignored:
        time.sleep(0.2)
        assert process.poll() is None
        process.kill()
    said = process.communicate()[1]
    assert process.returncode == -(signal.SIGKILL if is_ignored else signal.SIGINT)
    assert said == ""
