"""GPUs, simulated below codecarbon's library boundary: a driver's library that answers with a known power."""

from __future__ import annotations

import pytest
from wrapped import Wrapper

JOULES_PER_KWH = 3_600_000

DRIVER = '''
"""A driver's library with two boards of 150 W and 50 W, whose counters move every 10 ms."""
import os, time, types
class NVMLError(Exception): pass
WATTS = (150, 50)
def nvmlInit(): pass
def nvmlDeviceGetCount(): return len(WATTS)
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetName(handle): return os.environ.get("BOARD", "NVIDIA L40S")
def nvmlDeviceGetUUID(handle): return f"GPU-{handle}"
def nvmlDeviceGetEnforcedPowerLimit(handle): return 350_000
def nvmlDeviceGetMemoryInfo(handle): return types.SimpleNamespace(total=1, free=1, used=0)
def nvmlDeviceGetPowerUsage(handle): return WATTS[handle] * 1000
def nvmlDeviceGetTotalEnergyConsumption(handle):
    return int(time.monotonic() * 100) / 100 * WATTS[handle] * 1000
def nvmlDeviceGetComputeRunningProcesses(handle): return []
'''


@pytest.fixture
def wrapper(tmp_path):
    wrapper = Wrapper(tmp_path)
    wrapper.put_before({"pynvml.py": DRIVER})
    return wrapper


def test_the_boards_are_counted_also_in_the_moments_before_they_were_seen(wrapper):
    wrapper.run("--interval", "0.2", "--", "sleep", "2")
    record = wrapper.record()
    measurement = record["measurement"]
    assert measurement["energy_kwh"]["gpu"] * JOULES_PER_KWH == pytest.approx(
        200 * record["duration_s"], rel=0.03
    )
    assert measurement["quality"]["gpu"] == "counted"
    assert measurement["model"]["gpu"] == "nvml"
    assert 0 < measurement["extrapolated_s"] < 2


def test_a_job_that_ends_before_the_driver_is_loaded_is_not_free(wrapper):
    done = wrapper.run("--", "sleep", "0.05")
    record = wrapper.record()
    assert record["measurement"]["energy_kwh"]["gpu"] * JOULES_PER_KWH == pytest.approx(
        200 * record["duration_s"], rel=0.01
    )
    assert record["measurement"]["quality"]["gpu"] == "modelled"
    assert record["measurement"]["extrapolated_s"] == pytest.approx(record["duration_s"])
    assert b"GPU" in done.stderr


def test_boards_that_are_sampled_part_of_the_time_are_known_by_name(wrapper):
    wrapper.environment["BOARD"] = "NVIDIA H100 80GB HBM3"
    wrapper.run("--interval", "0.2", "--", "sleep", "1")
    assert wrapper.record()["measurement"]["model"]["gpu"] == "nvml_ga100_gh100"
