"""Every signal that is sent to the wrapper reaches the command, and none that nobody sent."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from terminal import Terminal
from wrapped import CARBONPRINT, Wrapper

from carbonprint.measuring.launch import has_stopped

CATCHABLE = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGRTMAX})

COUNTER = """
import json, signal
every = signal.valid_signals()
signal.pthread_sigmask(signal.SIG_BLOCK, every)
print("ready", flush=True)
counts = {}
# Of signals that wait, the lowest is taken first, by the wrapper and here: this one comes after all others.
while (number := int(signal.sigwaitinfo(every).si_signo)) != signal.SIGRTMAX:
    counts[number] = counts.get(number, 0) + 1
    print(number, flush=True)
print(json.dumps(counts), flush=True)
"""
COUNT = [sys.executable, "-S", "-c", COUNTER]


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


def counts_of(lines):
    """The counts in the last line of what ``COUNTER`` has written."""
    return {int(number): count for number, count in json.loads(lines.splitlines()[-1]).items()}


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_every_catchable_signal_is_forwarded_once(wrapper):
    process = wrapper.start("--", *COUNT)
    assert process.stdout.readline() == b"ready\n"
    for number in CATCHABLE:
        process.send_signal(number)
        assert int(process.stdout.readline()) == number
    process.send_signal(signal.SIGRTMAX)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert counts_of(out) == dict.fromkeys(CATCHABLE, 1)


def test_bursts_merge_and_queue_as_they_do_in_the_kernel(wrapper):
    queues, merge = [signal.SIGRTMIN, signal.SIGRTMIN + 7], [signal.SIGUSR1, signal.SIGCHLD, signal.SIGTERM]
    process = wrapper.start("--", *COUNT)
    process.stdout.readline()
    for _ in range(200):
        for number in (*queues, *merge):
            process.send_signal(number)
    process.send_signal(signal.SIGRTMAX)
    out, _ = process.communicate(timeout=30)
    counts = counts_of(out)
    assert {number: counts[number] for number in queues} == dict.fromkeys(queues, 200)
    assert all(1 <= counts[number] <= 200 for number in merge)
    assert counts.keys() == {*queues, *merge}


@pytest.mark.needs_root
@pytest.mark.parametrize("around", [[], ["sh", "-c", '"$@"; exit $?', "_"]], ids=["pid-1", "below-pid-1"])
def test_signals_from_outside_the_pid_namespace_are_forwarded(wrapper, around):
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("needs root and namespaces")
    process = subprocess.Popen(
        [*unshare, *around, *CARBONPRINT, "run", "--", *COUNT],
        env=wrapper.environment, cwd=wrapper.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.readline()
    pid = process.pid
    for _ in range(2 if around else 1):
        pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGRTMIN):
        os.kill(pid, number)
        assert int(process.stdout.readline()) == number
    os.kill(pid, signal.SIGRTMAX)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert set(counts_of(out).values()) == {1}


def test_a_signal_before_the_first_instruction_ends_wrapper_and_command(wrapper):
    """Sent at any moment of the start, the wrapper dies of it as any program would, and no command goes on."""
    moment = random.Random(11)
    numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGRTMIN]
    script = 'echo $$ >"$0"; exec sleep 30'
    for turn in range(7):
        processes = []
        for half in range(2):
            told = wrapper.folder / f"pid-{turn}-{half}"
            process = wrapper.start("--", "sh", "-c", script, str(told), stderr=subprocess.DEVNULL)
            processes.append((process, numbers[(2 * turn + half) % len(numbers)], told))
        for process, number, _ in processes:
            time.sleep(moment.uniform(0, 0.1))
            process.send_signal(number)
        for process, number, told in processes:
            process.communicate(timeout=30)
            # While Python itself starts, an interrupt is an error of its own, with exit status 1.
            in_pythons_start = number == signal.SIGINT and process.returncode == 1 and not told.exists()
            assert process.returncode == -number or in_pythons_start
            if told.exists() and told.read_text():
                assert not is_running(int(told.read_text()))


WAITS_WHILE_BLOCKED = """
import carbonprint.measuring.metering as metering, os, time
start = metering.Metering.__init__
def slow(self, *arguments, **options):
    os.write(2, b"bloc" + b"ked")
    time.sleep(0.5)
    start(self, *arguments, **options)
metering.Metering.__init__ = slow
"""


def test_ctrl_c_between_blocking_and_forking_is_not_lost(wrapper):
    wrapper.put_before({"sitecustomize.py": WAITS_WHILE_BLOCKED})
    command = [*CARBONPRINT, "run", "--", "sh", "-c", "sleep 20; echo never"]
    terminal = Terminal(command, wrapper.environment, wrapper.folder)
    terminal.until(b"blocked")
    terminal.type(b"\x03")
    terminal.until(b"exit status 130")
    assert terminal.end() == -signal.SIGINT


def test_ctrl_z_between_blocking_and_forking_stops_the_job(wrapper):
    wrapper.put_before({"sitecustomize.py": WAITS_WHILE_BLOCKED})
    wrapper.environment["PS1"] = "shell> "
    terminal = Terminal(["/bin/bash", "--norc", "-i"], wrapper.environment, wrapper.folder)
    terminal.until(b"shell> ")
    terminal.type(f"{' '.join(CARBONPRINT)} run -- sh -c 'echo do''ne; exit 3'\n".encode())
    terminal.until(b"blocked")
    terminal.type(b"\x1a")
    assert b"done" not in terminal.until(b"Stopped")
    terminal.until(b"shell> ")
    terminal.type(b"fg\n")
    terminal.until(b"done")
    terminal.until(b"exit status 3")
    terminal.type(b"exit\n")
    assert terminal.end() == 3


def test_the_end_is_noticed_where_its_signal_merges_with_one_that_was_sent(wrapper):
    process = wrapper.start("--interval", "60", "--", "sh", "-c", "echo $$; exec sleep 30")
    command = int(process.stdout.readline())
    process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGCHLD)
    os.kill(command, signal.SIGKILL)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL


def test_the_end_is_noticed_in_a_flood_of_signals(wrapper):
    process = wrapper.start("--", "sh", "-c", "trap '' USR1; echo ready; sleep 0.5; exit 3")
    process.stdout.readline()
    end = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < end:
        for _ in range(1000):
            os.kill(process.pid, signal.SIGUSR1)
    assert process.poll() == 3
    process.communicate()


def test_what_the_wrapper_brings_upon_itself_does_not_reach_the_command(wrapper):
    """A write of the wrapper to a pipe that nobody reads, or beyond RLIMIT_FSIZE, is a signal to the wrapper."""
    wrapper.put_before(
        {
            "sitecustomize.py": """
                import carbonprint.measuring.metering as metering, contextlib, os
                sample = metering.Metering.sample
                def clumsy(self, *arguments):
                    read_end, write_end = os.pipe()
                    os.close(read_end)
                    with contextlib.suppress(BrokenPipeError):
                        os.write(write_end, b"x")
                    os.close(write_end)
                    with open("sampled", "a"):
                        sample(self, *arguments)
                metering.Metering.sample = clumsy
            """
        }
    )
    done = wrapper.run("--interval", "0.1", "--", "sh", "-c", "sleep 1; echo on")
    assert (done.returncode, done.stdout) == (0, b"on\n")
    assert (wrapper.folder / "sampled").exists()


def test_a_meter_that_gives_no_next_sample_loses_neither_signals_nor_the_end(wrapper):
    wrapper.put_before(
        {
            "sitecustomize.py": """
                import carbonprint.measuring.metering as metering
                def next_edge_s(self): raise RuntimeError("no clock")
                metering.Metering.next_edge_s = next_edge_s
            """
        }
    )
    process = wrapper.start("--", *COUNT)
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.stdout.readline()
    process.send_signal(signal.SIGRTMAX)
    out, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert counts_of(out) == {signal.SIGTERM: 1}
    assert b"no clock" in told


def test_a_signal_on_the_death_of_the_starter_is_the_commands_too(wrapper):
    """Who starts a program with PR_SET_PDEATHSIG wants it gone with him, also where SIGKILL takes the wrapper first."""
    starter = """
        import ctypes, os, signal, subprocess, sys
        die_with_me = lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, preexec_fn=die_with_me)
        os.write(1, process.stdout.readline())
        os._exit(0)
    """
    command = [*CARBONPRINT, "run", "--", "sh", "-c", "echo $$; exec sleep 30"]
    done = subprocess.run(
        [sys.executable, "-S", "-c", "if True:" + starter, *command],
        env=wrapper.environment, cwd=wrapper.folder, stdout=subprocess.PIPE,
    )  # fmt: skip
    pid, end = int(done.stdout), time.monotonic() + 20
    while is_running(pid):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_wrapper_that_is_killed_leaves_the_command_alone(wrapper):
    process = wrapper.start("--", "sh", "-c", "echo $$; read line; echo $line", stdin=subprocess.PIPE)
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    assert is_running(pid)
    out, _ = process.communicate(b"goes on\n", timeout=30)
    assert out == b"goes on\n"


def test_only_the_command_leaves_a_core(wrapper):
    if Path("/proc/sys/kernel/core_pattern").read_text() != "core\n":
        pytest.skip("cores do not lie in the working directory here")
    done = subprocess.run(
        ["bash", "-c", 'ulimit -c unlimited || exit; "$@" run -- sh -c "kill -QUIT \\$\\$"; exit 5', "_", *CARBONPRINT],
        env=wrapper.environment, cwd=wrapper.folder, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 5
    cores = list(wrapper.folder.glob("core*"))
    assert len(cores) == 1
    assert b"site-packages/click" not in cores[0].read_bytes()


MASK_AND_DISPOSITIONS = ["grep", "^Sig[BIC]", "/proc/self/status"]


def test_mask_and_dispositions_are_inherited_and_sigpipe_is_default(wrapper):
    """Python ignores SIGPIPE and SIGXFSZ before anything of ours runs, so what these two were cannot be known."""

    def prepare():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGCHLD, signal.SIGRTMIN + 2})
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGTSTP, signal.SIGRTMIN + 3):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)

    results = [
        subprocess.run(
            [*before, *MASK_AND_DISPOSITIONS], preexec_fn=prepare,
            env=wrapper.environment, cwd=wrapper.folder, capture_output=True,
        ).stdout
        for before in ([], [*CARBONPRINT, "run", "--"])
    ]  # fmt: skip
    assert results[0].count(b"\n") == 3
    assert results[0] == results[1]
    ignoring = wrapper.run("--", *MASK_AND_DISPOSITIONS, restore_signals=False)
    assert b"SigIgn:\t0000000000000000\n" in ignoring.stdout


@pytest.mark.parametrize(
    "line", ['"$@" run -- yes | head -1', "\"$@\" run -- sh -c 'yes | head -1'"], ids=["outside", "inside"]
)
def test_yes_into_head_stays_silent(wrapper, line):
    done = subprocess.run(
        ["bash", "-c", line, "_", *CARBONPRINT],
        env=wrapper.environment,
        cwd=wrapper.folder,
        capture_output=True,
    )
    assert done.stdout == b"y\n"
    assert b"roken pipe" not in done.stderr
    assert done.stderr.startswith(b"carbonprint: ")
    assert wrapper.record()["exit_status"] == (141 if "yes |" in line and "sh -c" not in line else 0)


def test_a_child_that_has_ended_has_not_stopped():
    """The kernel says ECHILD of one that is waited for as stopped and is a zombie; a command may end that early."""
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not has_stopped(child.pid)
    child.wait()
