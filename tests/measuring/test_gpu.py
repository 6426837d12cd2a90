"""GPUs, simulated below codecarbon's library boundary: a driver's library that answers with a known power."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from wrapped import Wrapper

JOULES_PER_KWH = 3_600_000
DRIVER = (Path(__file__).parent / "simulated_nvml.py").read_text()
STEADY = [[0, 150, 100]]
NAMES_ITSELF = 'echo $$ > "$JOB_PID"; exec sleep {}'


class Machine(Wrapper):
    """A machine with GPUs."""

    def __init__(self, tmp_path):
        super().__init__(tmp_path)
        self.put_before({"pynvml.py": DRIVER})
        self.environment |= {
            "SIMULATED_GPUS": str(tmp_path / "gpus.json"),
            "JOB_PID": str(tmp_path / "job.pid"),
        }

    def gpus_after(self, boards, *command, **environment):
        """Run a command, and give the record, and what it says of each GPU."""
        Path(self.environment["SIMULATED_GPUS"]).write_text(json.dumps(boards))
        self.environment |= environment
        done = self.run("--interval", "0.2", "--", *command)
        record = self.record()
        assert done.returncode == 0, done.stderr
        return record, record["measurement"]["gpu_devices"]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def others():
    """Start processes of somebody else: give the id of one that runs a program."""
    started = []

    def start(program="sleep", **environment):
        started.append(subprocess.Popen([program, "60"], env={**os.environ, **environment}))
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.wait()


def codes(record):
    return {caveat["code"] for caveat in record["caveats"]}


def joules(energy_kwh):
    return energy_kwh * JOULES_PER_KWH


# Energy


def test_the_boards_are_counted_also_in_the_moments_before_they_were_seen(machine):
    record, gpus = machine.gpus_after([{"phases": STEADY}, {"phases": [[0, 50, 0]]}], "sleep", "2")
    measurement = record["measurement"]
    assert joules(measurement["energy_kwh"]["gpu"]) == pytest.approx(200 * record["duration_s"], rel=0.03)
    assert measurement["quality"]["gpu"] == "counted"
    assert measurement["model"]["gpu"] == "nvml"
    assert 0 < measurement["extrapolated_s"] < 2
    assert [gpu["idle_w"] for gpu in gpus] == [None, pytest.approx(50, rel=0.3)]  # the first was never quiet
    assert measurement["gpu_share_sigma"] == 0


def test_a_job_that_ends_before_the_driver_is_loaded_is_not_free(machine):
    record, gpus = machine.gpus_after([{"phases": STEADY}, {"phases": [[0, 50, 0]]}], "sleep", "0.05")
    assert joules(record["measurement"]["energy_kwh"]["gpu"]) == pytest.approx(
        200 * record["duration_s"], rel=0.01
    )
    assert record["measurement"]["quality"]["gpu"] == "modelled"
    assert record["measurement"]["extrapolated_s"] == pytest.approx(record["duration_s"])
    assert [gpu["method"] for gpu in gpus] == [None, None]


def test_boards_that_are_sampled_part_of_the_time_are_known_by_name(machine):
    boards = [{"phases": STEADY, "name": "NVIDIA H100 80GB HBM3"}]
    record, _ = machine.gpus_after(boards, "sleep", "1")
    assert record["measurement"]["model"]["gpu"] == "nvml_ga100_gh100_short"  # less than 10 s


def test_each_of_eight_boards_fails_by_itself(machine):
    boards = [
        {"phases": STEADY},
        {"phases": STEADY, "lost": [[1.0, 1.7]]},
        {"phases": STEADY, "lost": [[1.0, 99]]},
        {"phases": STEADY, "reset_s": 1.25},
        {"phases": STEADY, "counterless": True},
        {"phases": STEADY, "still": True},
        {"phases": STEADY, "lost": [[0, 0.9]]},
        {"phases": STEADY, "denied": True},
    ]
    record, gpus = machine.gpus_after(boards, "sleep", "3")
    duration_s = record["duration_s"]
    assert len(gpus) == 7  # what may not be looked at is another's
    for number in range(6):
        assert joules(gpus[number]["energy_kwh"]) == pytest.approx(150 * duration_s, rel=0.06), number
    unseen_s = [gpu["unseen_s"] for gpu in gpus]
    first_s = unseen_s[0]  # before the driver was loaded
    assert unseen_s[1] == pytest.approx(first_s + 0.8, abs=0.5)
    assert unseen_s[2] == pytest.approx(duration_s - 1, abs=0.7)
    assert unseen_s[3:6] == [pytest.approx(first_s)] * 3
    assert 0 < joules(gpus[6]["energy_kwh"]) < 150 * (duration_s - 0.9)  # from when it was there
    assert {"gpu-lost", "gpu-counter-reset", "gpu-counter-stands-still", "gpu-not-opened"} <= codes(record)
    assert joules(record["measurement"]["energy_kwh"]["gpu"]) == pytest.approx(
        sum(joules(gpu["energy_kwh"]) for gpu in gpus)
    )


# The job's share


def test_a_device_that_two_take_turns_on_is_divided_by_their_time_on_it(machine, others):
    """60 W idle for a moment, then 260 W: of 200 W active the job has three quarters, of 60 W idle one half."""
    neighbour = others()
    board = {
        "phases": [[0.9, 60, 0], [0, 260, 100]],
        "processes": ["job", neighbour],
        "busy": {"job": 60, str(neighbour): 20},
    }
    record, (gpu,) = machine.gpus_after([board], "sh", "-c", NAMES_ITSELF.format(3))
    assert gpu["method"] == "time_slicing"
    assert gpu["idle_w"] == pytest.approx(60, rel=0.3)
    assert gpu["active_share"] == pytest.approx(0.75, abs=0.01)
    assert gpu["idle_share"] == pytest.approx(0.5, abs=0.03)
    measurement = record["measurement"]
    assert measurement["rest_energy_kwh"]["gpu"] == pytest.approx(gpu["active_energy_kwh"] / 3, rel=0.05)
    assert measurement["gpu_share_sigma"] == pytest.approx(0.5)  # fewer than 30 samples
    assert "gpu-share-modelled" in codes(record)
    low, high = record["footprint"]["emissions_kg_90"]["location_based"]
    assert high / low > 1.5


def test_devices_are_shared_in_each_way_that_there_is(machine, others, tmp_path):
    shutil.copy(shutil.which("sleep"), tmp_path / "nvidia-cuda-mps-server")
    server = others(str(tmp_path / "nvidia-cuda-mps-server"))
    client, neighbour = others(CUDA_MPS_ACTIVE_THREAD_PERCENTAGE="50"), others()
    boards = [
        {"phases": STEADY, "processes": ["job"]},
        {"phases": STEADY, "processes": [server], "clients": ["job", client]},
        {
            "phases": STEADY,
            "instances": [["MIG-aaaa", 3, ["job"]], ["MIG-bbbb", 2, [neighbour]], ["MIG-cccc", 1, []]],
        },
        {"phases": STEADY, "processes": ["job", neighbour]},
        {"phases": STEADY, "processes": [4_000_001, 4_000_002]},  # ids of the host, seen from a container
        {"phases": STEADY, "processes": [neighbour]},
        {"phases": STEADY, "processes": [4_000_001], "compute_mode": 3},
        {"phases": STEADY},
    ]
    record, gpus = machine.gpus_after(
        boards,
        "sh", "-c", NAMES_ITSELF.format(2),
        CUDA_VISIBLE_DEVICES="0,1,MIG-aaaa,3,4,5,6",
        CUDA_MPS_ACTIVE_THREAD_PERCENTAGE="25",
    )  # fmt: skip
    assert [gpu["method"] for gpu in gpus] == [
        "exclusive", "mps", "mig", "processes", "whole_device", "unused", "exclusive", "unused",
    ]  # fmt: skip
    shares = [gpu["active_share"] for gpu in gpus]
    assert shares == pytest.approx([1, 0.25, 3 / 7, 0.5, 1, 0, 1, 0], abs=0.05)
    assert record["measurement"]["idle_share_by"]["gpu"] == pytest.approx((6 + 3 / 7) / 8)
    assert {"gpu-share-modelled", "gpu-processes-unknown", "gpu-idle-unknown"} <= codes(record)
    # 150 W on each of eight boards; what is not the job's is somebody else's or nobody's.
    measurement = record["measurement"]
    parts = [measurement["energy_kwh"]["gpu"], measurement["rest_energy_kwh"]["gpu"]]
    assert sum(parts) == pytest.approx(measurement["machine_energy_kwh"]["gpu"])


AMDSMI = '''
"""AMD's library with two boards of 200 W and 90 W, the second without work."""
import os, time
class AmdSmiException(Exception): pass
class amdsmi_exception: AmdSmiLibraryException = AmdSmiException
WATTS, BUSY = (200, 90), (100, 0)
def amdsmi_init(): pass
def amdsmi_get_processor_handles(): return [0, 1]
def amdsmi_get_gpu_device_uuid(handle): return f"uuid-{handle}"
def amdsmi_get_gpu_asic_info(handle):
    return {"market_name": "AMD Instinct MI210", "asic_serial": f"0xABCD{handle}"}
def amdsmi_get_gpu_vram_usage(handle): return {"vram_total": 2, "vram_used": 1}
def amdsmi_get_power_cap_info(handle): return {"power_cap": 300_000_000}
def amdsmi_get_power_info(handle): return {"average_socket_power": WATTS[handle]}
def amdsmi_get_energy_count(handle):
    return {"energy_accumulator": int((9 + time.monotonic()) * WATTS[handle] * 1e6 / 15.3), "counter_resolution": 15.3}
def amdsmi_get_gpu_activity(handle): return {"gfx_activity": BUSY[handle]}
def amdsmi_get_gpu_process_list(handle):
    path = os.environ["JOB_PID"]
    pids = [int(open(path).read() or 0)] if handle == 0 and os.path.exists(path) else []
    return [{"pid": pid, "mem": 1, "engine_usage": {"gfx": 0}} for pid in pids if pid]
'''


def test_boards_of_amd_are_metered_and_the_environment_tells_which_are_the_jobs(tmp_path):
    machine = Wrapper(tmp_path)
    machine.put_before({"amdsmi.py": AMDSMI})
    machine.environment |= {"JOB_PID": str(tmp_path / "job.pid"), "ROCR_VISIBLE_DEVICES": "GPU-abcd0"}
    machine.run("--interval", "0.2", "--", "sh", "-c", NAMES_ITSELF.format(2))
    record = machine.record()
    measurement = record["measurement"]
    assert measurement["model"]["gpu"].startswith("amdsmi")
    first, second = measurement["gpu_devices"]
    assert joules(first["energy_kwh"]) == pytest.approx(200 * record["duration_s"], rel=0.05)
    assert (first["method"], first["active_share"]) == ("exclusive", 1)
    assert (second["method"], second["idle_share"]) == ("unused", 0)
    assert 20 < second["idle_w"] < 120  # the lowest of short samples: on a busy machine well below 90 W
