"""Standard input, output and error, and whatever else was open, are the command's alone."""

from __future__ import annotations

import hashlib
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time

import pytest
from wrapped import CARBONPRINT, Wrapper


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


def comes_to_an_end(descriptor, timeout_s=20):
    """Whether nobody writes to a pipe any more; what was written is dropped."""
    end = time.monotonic() + timeout_s
    while select.select([descriptor], [], [], max(0, end - time.monotonic()))[0]:
        if not os.read(descriptor, 65536):
            return True
    return False


def test_a_hundred_megabytes_pass_unchanged(wrapper):
    sent, received = hashlib.blake2b(), hashlib.blake2b()
    block = os.urandom(1_000_000)
    process = wrapper.start("--", "cat", stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def feed():
        with process.stdin as stdin:
            for number in range(100):
                data = number.to_bytes(4) + block[4:]
                sent.update(data)
                stdin.write(data)

    feeder = threading.Thread(target=feed)
    feeder.start()
    n_bytes = 0
    while data := process.stdout.read(1 << 20):
        received.update(data)
        n_bytes += len(data)
    feeder.join()
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert n_bytes == 100_000_000
    assert received.digest() == sent.digest()


def test_what_the_command_closes_is_closed_for_the_other_side(wrapper):
    """Nobody waits for the wrapper: it does not hold what it does not use."""
    more_read, more_write = os.pipe()
    go_on_read, go_on_write = os.pipe()
    script = f"exec <&- >&- {more_write}>&-; read line <&{go_on_read}; exit 4"
    process = wrapper.start(
        "--", "bash", "-c", script, stdin=subprocess.PIPE, pass_fds=[more_write, go_on_read]
    )
    os.close(more_write)
    os.close(go_on_read)
    assert comes_to_an_end(process.stdout.fileno())
    assert comes_to_an_end(more_read)
    unread = select.poll()
    unread.register(process.stdin, 0)
    assert unread.poll(20_000) == [(process.stdin.fileno(), select.POLLERR)]
    assert process.poll() is None
    os.write(go_on_write, b"go on\n")
    os.close(go_on_write)
    os.close(more_read)
    process.communicate(timeout=30)
    assert process.returncode == 4


LIST_DESCRIPTORS = """
import glob, os
links = {int(os.path.basename(path)): path for path in glob.glob("/proc/self/fd/*")}
print(sorted(number for number, path in links.items() if os.path.realpath(path) == "/dev/zero"))
"""


def test_a_thousand_open_descriptors_reach_the_command(wrapper):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2048:
        pytest.skip("no process may have so many here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
    opened = [os.open("/dev/zero", os.O_RDONLY) for _ in range(1000)]
    try:
        shared = [os.dup2(number, number + 500) for number in opened]
        done = wrapper.run("--", sys.executable, "-S", "-c", LIST_DESCRIPTORS, pass_fds=shared)
    finally:
        for number in {*opened, *shared}:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert max(shared) > 1024
    assert done.stdout.decode().strip() == str(sorted(shared))


FILL_STANDARD_ERROR = """
import os
os.set_blocking(2, False)
try:
    while True:
        os.write(2, b"x" * 4096)
except BlockingIOError:
    print("full", flush=True)
raise SystemExit(4)
"""


def test_a_standard_error_left_non_blocking_and_full_gets_the_whole_summary(wrapper):
    process = wrapper.start("--", sys.executable, "-S", "-c", FILL_STANDARD_ERROR)
    assert process.stdout.read() == b"full\n"  # up to the end of the command
    _, told = process.communicate(timeout=30)
    assert process.returncode == 4
    lines = told.lstrip(b"x").splitlines()
    assert lines[0].startswith(b"carbonprint: ")
    assert b"next: carbonprint" in lines[-1]


def test_a_summary_that_nobody_reads_does_not_keep_the_wrapper_from_ending(wrapper):
    process = wrapper.start("--", sys.executable, "-S", "-c", FILL_STANDARD_ERROR)
    process.stdout.read()
    end = time.monotonic() + 20
    while not wrapper.records():
        assert time.monotonic() < end
    process.terminate()
    assert process.wait(timeout=20) == 4
    process.communicate()


@pytest.mark.parametrize("status", [0, 5])
def test_a_standard_error_that_is_full_or_broken_changes_no_exit_status(wrapper, status):
    with open("/dev/full", "wb") as full:
        assert wrapper.run("--", "sh", "-c", f"exit {status}", stderr=full).returncode == status
    read_end, write_end = os.pipe()
    os.close(read_end)
    assert wrapper.run("--", "sh", "-c", f"exit {status}", stderr=write_end).returncode == status
    os.close(write_end)
    assert [record["exit_status"] for record in wrapper.records()] == [status] * 2


def test_a_signal_sent_to_one_that_shares_nothing_ends_it(wrapper):
    """SIGTERM ends job and wrapper, with every descriptor closed from the start."""
    script = '"$@" <&- >&- 2>&- & wrapper=$!; until [ -s ready ]; do sleep 0.05; done; kill $wrapper; wait $wrapper'
    command = [*CARBONPRINT, "run", "--", "sh", "-c", "echo yes >ready; exec sleep 30"]
    done = subprocess.run(
        ["sh", "-c", script, "_", *command], env=wrapper.environment, cwd=wrapper.folder, timeout=30
    )
    assert done.returncode == 128 + signal.SIGTERM
    assert wrapper.record()["exit_status"] == 128 + signal.SIGTERM
