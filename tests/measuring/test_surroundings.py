"""Small limits, strange surroundings and commands that leave: the command runs as it would without us."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from wrapped import CARBONPRINT, Wrapper


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


def run_after(wrapper, preparation, *command, **options):
    """Run in a shell that has prepared something, which is gone with it."""
    return subprocess.run(
        ["bash", "-c", f'{preparation}; exec "$@"', "_", *CARBONPRINT, "run", "--", *command],
        **{
            "env": wrapper.environment,
            "cwd": wrapper.folder,
            "capture_output": True,
            "timeout": 60,
            **options,
        },
    )


@pytest.mark.parametrize(
    ("limit", "is_kept"),
    [
        ("ulimit -n 10", True),
        ("ulimit -t 2", True),
        ("ulimit -f 0", False),  # not even a record beside the ledger can be written
        ("ulimit -v 200000", None),  # how much of a record can be made depends on the libraries
    ],
)
def test_small_limits_leave_the_command_alone(wrapper, limit, is_kept):
    done = run_after(wrapper, limit, "sh", "-c", "cat /proc/self/limits; sleep 0.5; exit 3")
    direct = subprocess.run(["bash", "-c", f"{limit}; cat /proc/self/limits"], capture_output=True)
    assert (done.returncode, done.stdout) == (3, direct.stdout)
    assert done.stderr.startswith(b"carbonprint: ")
    if is_kept is not None:
        assert [record["exit_status"] for record in wrapper.records()] == [3] * is_kept


def test_where_no_process_can_be_made_the_command_runs_unmeasured_in_the_wrappers_place(wrapper):
    wrapper.put_before(
        {
            "sitecustomize.py": """
                import errno, os
                def fork(): raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                os.fork = fork
            """
        }
    )
    process = wrapper.start("--", "sh", "-c", "echo $$; kill -TERM $$")
    out, told = process.communicate(timeout=30)
    assert int(out) == process.pid
    assert process.returncode == -15
    assert told == b"carbonprint: Resource temporarily unavailable: the command runs, but is not measured\n"
    assert wrapper.run("--", "no-such-program").returncode == 127
    assert wrapper.records() == []


@pytest.mark.parametrize(
    ("missing", "is_kept"),
    [("carbonprint.reporting.summary", True), ("carbonprint.measuring.assembly", False)],
    ids=["summary", "measurement"],
)
def test_where_memory_ends_after_the_command_its_exit_status_stands(wrapper, missing, is_kept):
    wrapper.put_before(
        {
            "sitecustomize.py": f"""
                import sys
                class Broken:
                    def find_spec(name, path=None, target=None):
                        if name == "{missing}": raise MemoryError
                sys.meta_path.insert(0, Broken)
            """
        }
    )
    done = wrapper.run("--", "sh", "-c", "echo out; kill -TERM $$")
    assert (done.returncode, done.stdout) == (-15, b"out\n")
    assert done.stderr.startswith(b"carbonprint: the ")
    assert b"MemoryError" in done.stderr or not is_kept
    del wrapper.environment["PYTHONPATH"]
    # What could not be put together then is made of the journal, by the next command.
    assert [record["exit_status"] for record in wrapper.records()] == [143]


LENGTHS = "import os, sys; print(len(sys.argv), sum(map(len, sys.argv)), sum(map(len, os.environ.values())))"


def test_a_megabyte_of_environment_and_of_arguments_passes(wrapper):
    """A little below the limit of exec: six and nine strings of nearly the 128 KiB that one may have."""
    arguments = ["a b=c://d@e " * 10_000] * 9
    environment = {**wrapper.environment, **{f"LARGE_{n}": "x" * 120_000 for n in range(6)}}
    if os.sysconf("SC_ARG_MAX") < 2_000_000:
        pytest.skip("not so much may be passed here")
    command = [sys.executable, "-S", "-c", LENGTHS, *arguments]
    direct = subprocess.run(command, env=environment, cwd=wrapper.folder, capture_output=True, check=True)
    done = wrapper.run("--", *command, env=environment)
    assert done.stdout == direct.stdout
    assert wrapper.record()["exit_status"] == 0


def test_without_path_home_and_all_other_variables(wrapper):
    bare = {"CARBONPRINT_STATE_DIR": str(wrapper.state_dir)}
    done = wrapper.run("--", "env", env=bare)
    assert done.stdout.decode() == f"CARBONPRINT_STATE_DIR={wrapper.state_dir}\n"
    assert wrapper.record()["exit_status"] == 0


def test_the_folder_may_be_gone_or_go(wrapper):
    left = run_after(wrapper, "mkdir gone; cd gone; rmdir ../gone", "sh", "-c", "exit 4")
    assert left.returncode == 4
    deleted = run_after(wrapper, "mkdir going; cd going", "sh", "-c", "cd /; rmdir $OLDPWD; pwd; exit 5")
    assert (deleted.returncode, deleted.stdout) == (5, b"/\n")
    assert list(wrapper.folder.iterdir()) == []
    assert [record["exit_status"] for record in wrapper.records()] == [5, 4]


def test_a_command_that_leaves_the_session_or_becomes_a_daemon(wrapper):
    session = wrapper.run("--", "setsid", "sh", "-c", "ps -o sid= -p $$; echo $$; exit 5")
    assert session.returncode == 5
    assert len(set(session.stdout.split())) == 1
    daemon = "(setsid sh -c 'echo $$ >pid; exec sleep 30' </dev/null >/dev/null 2>&1 &); until [ -s pid ]; do :; done"
    done = wrapper.run("--", "sh", "-c", f"{daemon}; exit 6")
    assert done.returncode == 6
    os.kill(int((wrapper.folder / "pid").read_text()), 9)  # it goes on: there would be no such process else
    assert [record["exit_status"] for record in wrapper.records()] == [6, 5]


NESTED = [*CARBONPRINT, "run", "--", *CARBONPRINT, "run", "--"]


def test_three_wrappers_deep_each_counts_its_own(wrapper):
    burn = "import time\nwhile time.process_time() < 0.4: pass\nprint('out', flush=True)\nraise SystemExit(5)"
    done = wrapper.run("--", *NESTED, sys.executable, "-S", "-c", burn)
    assert (done.returncode, done.stdout) == (5, b"out\n")
    records = wrapper.records()
    assert [record["exit_status"] for record in records] == [5] * 3
    inner_s, middle_s, outer_s = sorted(record["measurement"]["cpu_s"] for record in records)
    assert 0.4 <= inner_s < middle_s < outer_s


def test_three_wrappers_deep_a_signal_passes_all_of_them(wrapper):
    process = wrapper.start("--", *NESTED, "sh", "-c", "echo ready; exec sleep 30")
    assert process.stdout.readline() == b"ready\n"
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == -15
    assert [record["exit_status"] for record in wrapper.records()] == [143] * 3
