"""Checks on a real NVIDIA GPU that its meter, and the job's share of it, say what they should.

A printed table; exit status 0 where every check has passed, 1 where one has not, and 2 where there is no GPU to check.
README.md tells what each line means.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

JOULES_PER_KWH = 3_600_000
STEP_S = 0.05
"""Time between two readings of the power. [s]"""

IDLE_S = 2.0
"""So long the board is watched without a job. [s]"""

SETTLED_S = 1.0
"""After a load the power falls for a while. [s]"""


class NoGpuError(Exception):
    """Why there is nothing to check."""


@dataclass(slots=True)
class Gpu:
    """One board, read through NVML by itself: what carbonprint says is held against it.

    Attributes:
        index: Its number, as NVML counts.
        handle: NVML's handle.
        name: Its model.
    """

    index: int
    handle: object
    name: str

    def power_w(self) -> float:
        """Read its power. [W]."""
        return nvml().nvmlDeviceGetPowerUsage(self.handle) / 1000

    def energy_j(self) -> float | None:
        """Read its energy counter. [J]; None where it has none."""
        try:
            return nvml().nvmlDeviceGetTotalEnergyConsumption(self.handle) / 1000
        except nvml().NVMLError:
            return None

    def is_exclusive(self) -> bool:
        """Whether its compute mode lets one process on it."""
        with contextlib.suppress(nvml().NVMLError):
            return nvml().nvmlDeviceGetComputeMode(self.handle) == 3
        return False

    def mode(self) -> str:
        """Name how it can be shared now."""
        with contextlib.suppress(nvml().NVMLError):
            if nvml().nvmlDeviceGetMigMode(self.handle)[0]:
                return "mig"
        with contextlib.suppress(nvml().NVMLError):
            for process in nvml().nvmlDeviceGetComputeRunningProcesses(self.handle):
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{process.pid}/comm").read_text().startswith("nvidia-cuda-mps"):
                        return "mps"
        return "time_slicing"


@dataclass(slots=True)
class Window:
    """What was read of a board over a while.

    Attributes:
        powers_w: Its power, every ``STEP_S``.
        integrated_j: That power over time. [J]
        counted_j: What its counter has moved by. [J]; None where it has none.
        duration_s: How long. [s]
    """

    powers_w: list[float] = field(default_factory=list)
    integrated_j: float = 0.0
    counted_j: float | None = None
    duration_s: float = 0.0

    @property
    def energy_j(self) -> float:
        """By the counter, else by the power. [J]."""
        return self.integrated_j if self.counted_j is None else self.counted_j


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table.

    Attributes:
        what: What is checked.
        expected: What should be found.
        found: What was.
        is_good: Whether it is; None for what is only told.
    """

    what: str
    expected: str
    found: str
    is_good: bool | None


def nvml():
    """The binding of NVIDIA's driver, which comes with codecarbon."""
    import pynvml

    return pynvml


def find_gpu(index: int) -> Gpu:
    """Open a board.

    Raises:
        NoGpuError: If there is none.
    """
    try:
        nvml().nvmlInit()
        n_boards = nvml().nvmlDeviceGetCount()
    except Exception as error:  # no library, no driver, another version of it
        raise NoGpuError(f"no NVIDIA GPU can be reached on this machine ({error})") from error
    if index >= n_boards:
        raise NoGpuError(f"this machine has {n_boards} NVIDIA GPUs and none of number {index}")
    handle = nvml().nvmlDeviceGetHandleByIndex(index)
    name = nvml().nvmlDeviceGetName(handle)
    return Gpu(index, handle, name.decode() if isinstance(name, bytes) else name)


@contextlib.contextmanager
def watched(gpu: Gpu) -> Iterator[Window]:
    """Read a board while something runs."""
    window, has_ended = Window(), threading.Event()
    begun_s, before_j = time.monotonic(), gpu.energy_j()

    def watch() -> None:
        last_s, last_w = time.monotonic(), gpu.power_w()
        while not has_ended.wait(STEP_S):
            now_s, now_w = time.monotonic(), gpu.power_w()
            window.powers_w.append(now_w)
            window.integrated_j += (last_w + now_w) / 2 * (now_s - last_s)
            last_s, last_w = now_s, now_w

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield window
    finally:
        has_ended.set()
        thread.join()
        after_j, window.duration_s = gpu.energy_j(), time.monotonic() - begun_s
        if before_j is not None and after_j is not None:
            window.counted_j = after_j - before_j


class Jobs:
    """Runs jobs under carbonprint, with a ledger of their own.

    Args:
        job: The command that puts the GPU to work.
        folder: Where the ledger is.
    """

    def __init__(self, job: list[str], folder: str) -> None:
        self._job = job
        self._environment = {**os.environ, "CARBONPRINT_STATE_DIR": folder}
        self._n_seen = 0

    def run(self, n_jobs: int) -> list[dict]:
        """Run so many at once, and give what each says.

        Raises:
            NoGpuError: If a job fails.
        """
        command = [sys.executable, "-m", "carbonprint", "run", "--interval", "0.5", "--", *self._job]
        started = [
            subprocess.Popen(
                command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            for _ in range(n_jobs)
        ]
        told = [process.communicate()[1].decode(errors="replace") for process in started]
        for process, text in zip(started, told, strict=True):
            if process.returncode != 0:
                lines = text.strip().splitlines() or ["it said nothing"]
                raise NoGpuError(f"the job failed with exit status {process.returncode}: {lines[0]}")
        export = [sys.executable, "-m", "carbonprint", "runs", "export", "--format", "json"]
        done = subprocess.run(export, env=self._environment, capture_output=True, check=True)
        records = json.loads(done.stdout)
        new, self._n_seen = records[: len(records) - self._n_seen], len(records)
        return new


def checks(gpu: Gpu, jobs: Jobs, tolerance: float) -> Iterator[Check]:
    """Check one thing after the other.

    Args:
        gpu: The board.
        jobs: What runs on it.
        tolerance: How far energies may lie apart, as a fraction.
    """
    with watched(gpu) as idle:
        time.sleep(IDLE_S)
    idle_w = min(idle.powers_w)
    yield Check("power without a job", "above 0 W", f"{idle_w:.1f} W", idle_w > 0)

    with watched(gpu) as window:
        (record,) = jobs.run(1)
    board = _board(record, gpu)
    busy_w = max(window.powers_w)
    yield Check("power under load", f"above {idle_w:.0f} W", f"{busy_w:.1f} W", busy_w > 1.1 * idle_w)
    if window.counted_j is None:
        yield Check("counter against integrated power", "a counter", "this GPU has none", None)
    else:
        yield _near("counter against integrated power", window.counted_j, window.integrated_j, tolerance)

    # What carbonprint did not see of the window, start and end of Python, went by with the board idle.
    outside_j = (window.duration_s - record["duration_s"]) * idle_w
    seen_j = board["energy_kwh"] * JOULES_PER_KWH
    yield _near("the board's energy in the record", seen_j, window.energy_j - outside_j, tolerance)
    if board["idle_w"] is not None:
        yield _near("its idle power in the record", board["idle_w"], idle_w, 0.5, "W")
    methods = {"mig": ["mig"], "mps": ["exclusive", "mps"]}.get(gpu.mode(), ["exclusive", "whole_device"])
    is_whole = board["method"] != "exclusive" or board["active_share"] > 0.999
    found = f"{board['method']}, {_percent(board['active_share'])} of what is active"
    yield Check("share of a job alone", " or ".join(methods), found, board["method"] in methods and is_whole)

    if gpu.is_exclusive():
        yield Check("shares of two jobs at once", "one process only", "its compute mode is exclusive", None)
        return
    time.sleep(SETTLED_S)
    with watched(gpu) as window:
        both = [_board(record, gpu) for record in jobs.run(2)]
    shares = [each["active_share"] or 0.0 for each in both]
    found = " and ".join(f"{_percent(each['active_share'])} ({each['method']})" for each in both)
    if any(each["method"] == "whole_device" for each in both):
        text = f"{found}: whose processes are on it cannot be told here"
        yield Check("shares of two jobs at once", "about one half each", text, None)
        return
    is_fair = all(0.2 <= share <= 0.8 for share in shares)
    yield Check("shares of two jobs at once", "20 to 80 % each", found, is_fair)
    # They do not start and end together, and each has all of it while the other is away.
    yield Check("these shares, added", "80 to 130 %", _percent(sum(shares)), 0.8 <= sum(shares) <= 1.3)
    total_j = sum(each["active_energy_kwh"] for each in both) * JOULES_PER_KWH
    most_j = window.energy_j * (1 + tolerance)
    expected = f"at most {window.energy_j:.0f} J"
    yield Check("energy of two jobs at once, added", expected, f"{total_j:.0f} J", total_j <= most_j)


def _board(record: dict, gpu: Gpu) -> dict:
    """What a record says of the board."""
    return record["measurement"]["gpu_devices"][gpu.index]


def _near(what: str, found: float, expected: float, tolerance: float, unit: str = "J") -> Check:
    is_good = abs(found - expected) <= tolerance * abs(expected)
    return Check(what, f"{expected:.0f} {unit} ± {tolerance:.0%}", f"{found:.0f} {unit}", is_good)


def _percent(share: float | None) -> str:
    return "nothing" if share is None else f"{share:.0%}"


def print_table(rows: list[Check]) -> None:
    """Print the checks as a table."""
    header = ("check", "expected", "found")
    cells = [(row.what, row.expected, row.found) for row in rows]
    widths = [max(len(line[column]) for line in (header, *cells)) for column in range(3)]
    verdicts = {True: "ok", False: "NO", None: "-"}
    for line, verdict in zip((header, *cells), ("", *(verdicts[row.is_good] for row in rows)), strict=True):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join((*padded, verdict)).rstrip())


def main() -> int:
    """Read the options, check, and print."""
    parser = argparse.ArgumentParser(description="Check carbonprint on a real NVIDIA GPU.")
    parser.add_argument(
        "--device", type=int, default=0, help="number of the GPU, as nvidia-smi has it; 0 by default"
    )
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="how long a job keeps it at work; 10 by default"
    )
    parser.add_argument(
        "--tolerance", type=float, default=0.1, help="how far energies may lie apart; 0.1 by default"
    )
    parser.add_argument(
        "--job", help="a command of your own that keeps the GPU at work, in place of the built-in one"
    )
    options = parser.parse_args()
    try:
        gpu = find_gpu(options.device)
        load = [
            sys.executable,
            str(Path(__file__).with_name("gpu_load.py")),
            "--seconds",
            str(options.seconds),
        ]
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        job = shlex.split(options.job) if options.job else [*load, "--device", str(options.device)]
        print(f"GPU {gpu.index}: {gpu.name}; shared by {gpu.mode()}")
        with tempfile.TemporaryDirectory() as folder:
            rows = list(checks(gpu, Jobs(job, folder), options.tolerance))
    except NoGpuError as error:
        print(f"Nothing was checked: {error}.", file=sys.stderr)
        return 2
    print_table(rows)
    return 0 if all(row.is_good is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
