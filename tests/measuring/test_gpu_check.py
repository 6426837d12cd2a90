"""``benchmarks/gpu_check.py`` against a simulated driver, and without a GPU; the load itself needs a real one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from wrapped import Wrapper

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
DRIVER = (Path(__file__).parent / "simulated_nvml.py").read_text()


def check(environment, folder, *arguments):
    return subprocess.run(
        [sys.executable, BENCHMARKS / "gpu_check.py", *arguments],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=100,
    )  # fmt: skip


@pytest.fixture
def machine(tmp_path):
    """One board of 60 W, and 200 W more under load."""
    wrapper = Wrapper(tmp_path)
    wrapper.put_before({"pynvml.py": DRIVER})
    board = {"phases": [[0, 60, 0]], "load_w": 200, "processes": ["job"]}
    wrapper.environment |= {
        "SIMULATED_GPUS": str(tmp_path / "gpus.json"),
        "JOB_PID": str(tmp_path / "job.pid"),
    }
    (tmp_path / "gpus.json").write_text(json.dumps([board]))
    return wrapper


def test_a_device_that_keeps_its_word_passes(machine):
    job = "sh -c 'echo $$ >> \"$JOB_PID\"; exec sleep 2'"
    done = check(machine.environment, machine.folder, "--job", job, "--tolerance", "0.4")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line.split("  ")[0]: line for line in done.stdout.splitlines()[2:]}
    assert len(rows) >= 8
    assert all(line.endswith("  ok") for line in rows.values())
    assert "exclusive, 100%" in rows["share of a job alone"]
    assert "processes" in rows["shares of two jobs at once"]


def test_without_a_gpu_it_says_so_in_one_sentence(tmp_path):
    wrapper = Wrapper(tmp_path)
    wrapper.put_before({"pynvml.py": "raise ImportError('no driver')"})
    done = check(wrapper.environment, wrapper.folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Nothing was checked: no NVIDIA GPU can be reached on this machine (")
    assert done.stderr.count("\n") == 1


def test_a_job_that_fails_is_named(machine):
    done = check(machine.environment, machine.folder, "--job", "false")
    assert done.returncode == 2
    assert "exit status 1" in done.stderr
