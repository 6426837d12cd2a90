"""A driver's library in the place of ``pynvml``: boards that answer as the file SIMULATED_GPUS says.

Its JSON holds a list of boards, each with any of

    phases      [[until second, watts, percent of utilisation], …]; the last one goes on
    load_w      more watts while a job is on it; its counter then is what was integrated since it was last asked
    name        its model
    lost        [[from, to], …]: every call about it fails
    reset_s     when its energy counter starts again from 0
    still       whether its energy counter stands still
    counterless whether it has none
    denied      whether it may not be looked at
    processes   process ids; the word "job" stands for those that live of what the file JOB_PID holds
    busy        {process id or "job": percent}, as nvmlDeviceGetProcessUtilization tells it
    clients     of the Multi-Process Service
    instances   of MIG: [[uuid, slices, [process ids]], …]

Seconds count from the moment in which it is imported.
"""

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

_START_S = time.monotonic()
_BOARDS = json.loads(Path(os.environ["SIMULATED_GPUS"]).read_text())


class NVMLError(Exception):
    """As the binding has it."""


class NVMLError_NotSupported(NVMLError):
    """As the binding has it."""


class NVMLError_NoPermission(NVMLError):
    """As the binding has it."""


class NVMLError_GpuIsLost(NVMLError):
    """As the binding has it."""


def _now_s():
    return time.monotonic() - _START_S


def _board(handle):
    board = _BOARDS[handle]
    if board.get("denied"):
        raise NVMLError_NoPermission("Insufficient Permissions")
    if any(begin <= _now_s() < end for begin, end in board.get("lost", [])):
        raise NVMLError_GpuIsLost("GPU is lost")
    return board


def _phase(board):
    phases = board["phases"]
    return next((phase for phase in phases if _now_s() < phase[0]), phases[-1])


def _power_w(board):
    return _phase(board)[1] + (board.get("load_w", 0) if list(_pids(["job"])) else 0)


def _integrated_j(board):
    """Energy of a board whose power depends on what happens: known to who asks often enough."""
    last_s, energy_j = board.get("_integrated", (0.0, 1000.0))
    now_s = _now_s()
    board["_integrated"] = (now_s, energy_j + (now_s - last_s) * _power_w(board))
    return board["_integrated"][1]


def _energy_j(board, at_s):
    energy_j, begin_s = 0.0, 0.0
    for number, (until_s, watts, _) in enumerate(board["phases"]):
        end_s = at_s if number == len(board["phases"]) - 1 else min(until_s, at_s)
        energy_j += max(0.0, end_s - begin_s) * watts
        begin_s = until_s
    return energy_j


def _pids(named, only_living=True):
    for each in named:
        if each != "job":
            yield int(each)
        elif (path := Path(os.environ["JOB_PID"])).exists():
            pids = path.read_text().split()
            yield from (int(pid) for pid in pids if not only_living or os.path.exists(f"/proc/{pid}"))


def nvmlInit():
    pass


def nvmlDeviceGetCount():
    return len(_BOARDS)


def nvmlDeviceGetHandleByIndex(index):
    _board(index)
    return index


def nvmlDeviceGetName(handle):
    return _board(handle).get("name", "NVIDIA L40S")


def nvmlDeviceGetUUID(handle):
    if isinstance(handle, tuple):
        return _BOARDS[handle[0]]["instances"][handle[1]][0]
    return f"GPU-{handle:08d}"


def nvmlDeviceGetEnforcedPowerLimit(handle):
    return 350_000


def nvmlDeviceGetMemoryInfo(handle):
    if "instances" in _board(handle):
        raise NVMLError_NoPermission("Insufficient Permissions")
    return SimpleNamespace(total=1, free=1, used=0)


def nvmlDeviceGetPowerUsage(handle):
    _integrated_j(_board(handle))
    return _power_w(_board(handle)) * 1000


def nvmlDeviceGetTotalEnergyConsumption(handle):
    board = _board(handle)
    if board.get("counterless"):
        raise NVMLError_NotSupported("Not Supported")
    if board.get("still"):
        return 123_456
    if "load_w" in board:
        return _integrated_j(board) * 1000
    at_s = int(_now_s() * 100) / 100
    reset_s = board.get("reset_s", float("inf"))
    energy_j = (
        1000 + _energy_j(board, at_s)
        if at_s < reset_s
        else _energy_j(board, at_s) - _energy_j(board, reset_s)
    )
    return energy_j * 1000


def nvmlDeviceGetUtilizationRates(handle):
    if "instances" in _board(handle):
        raise NVMLError_NotSupported("Not Supported")
    is_loaded = "load_w" in _board(handle) and bool(list(_pids(["job"])))
    return SimpleNamespace(gpu=100 if is_loaded else _phase(_board(handle))[2])


def nvmlDeviceGetComputeMode(handle):
    return _board(handle).get("compute_mode", 0)


def nvmlDeviceGetComputeRunningProcesses(handle):
    if isinstance(handle, tuple):
        named = _BOARDS[handle[0]]["instances"][handle[1]][2]
    else:
        named = _board(handle).get("processes", [])
    return [SimpleNamespace(pid=pid, usedGpuMemory=1) for pid in _pids(named)]


def nvmlDeviceGetMPSComputeRunningProcesses(handle):
    return [SimpleNamespace(pid=pid, usedGpuMemory=1) for pid in _pids(_board(handle).get("clients", []))]


def nvmlDeviceGetProcessUtilization(handle, since_us):
    board = _board(handle)
    if "busy" not in board:
        raise NVMLError_NotSupported("Not Supported")
    now_us = int(time.time() * 1e6)
    return [
        SimpleNamespace(pid=pid, timeStamp=now_us, smUtil=percentage)
        for name, percentage in board["busy"].items()
        for pid in _pids([name], only_living=False)  # it keeps some seconds of what was
        if now_us > since_us
    ]


def nvmlDeviceGetMigMode(handle):
    is_cut = int("instances" in _board(handle))
    return [is_cut, is_cut]


def nvmlDeviceGetMaxMigDeviceCount(handle):
    return 7


def nvmlDeviceGetMigDeviceHandleByIndex(handle, index):
    if index >= len(_board(handle)["instances"]):
        raise NVMLError("Not Found")
    return (handle, index)


def nvmlDeviceGetAttributes(handle):
    n_slices = _BOARDS[handle[0]]["instances"][handle[1]][1]
    return SimpleNamespace(computeInstanceSliceCount=n_slices, gpuInstanceSliceCount=n_slices)
