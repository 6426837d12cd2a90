"""The one place that knows codecarbon: its RAPL and GPU readers, as joules since the last reading.

Its measuring layer is used, its tracker is not. Importing it takes a tenth of a second, so this module is imported in a
thread beside the running job.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_ours = threading.local()
"""Whether this thread is in codecarbon for our sake: what it has to say then becomes caveats of ours. Who uses it
besides carbonprint keeps what it logs. A filter stays where codecarbon sets level and handlers at import."""
logging.getLogger("codecarbon").addFilter(lambda _record: not getattr(_ours, "are_quiet", False))
_ours.are_quiet = True

import codecarbon  # noqa: E402
from codecarbon.core import gpu_amd, gpu_nvidia  # noqa: E402
from codecarbon.core.cpu import TDP, IntelRAPL  # noqa: E402
from codecarbon.core.rapl import RAPLFile  # noqa: E402
from codecarbon.core.units import Energy, Time  # noqa: E402

from carbonprint.measuring.counters import (  # noqa: E402
    DEFAULT_POWERCAP_DIR,
    RawCounters,
    find_counters,
)
from carbonprint.measuring.gpu_board import Advance  # noqa: E402
from carbonprint.measuring.gpu_opening import amd_boards, nvidia_boards  # noqa: E402
from carbonprint.measuring.gpu_processes import AmdDriver, ProcessBook  # noqa: E402
from carbonprint.measuring.readings import MeterReading  # noqa: E402
from carbonprint.provenance import Caveat  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codecarbon.core.gpu_device import GPUDevice

    from carbonprint.measuring.gpu_board import Board
    from carbonprint.measuring.intervals import GpuUse


_ours.are_quiet = False

CODECARBON_VERSION = str(vars(codecarbon)["__version__"])
"""What is looked up in its tables holds for this version."""


def quietly(function: Callable[P, R]) -> Callable[P, R]:
    """Keep what codecarbon logs within a call of ours from the terminal."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        _ours.are_quiet = True
        try:
            return function(*args, **kwargs)
        finally:
            _ours.are_quiet = False

    return called


class CodecarbonMeter:
    """Reads the hardware through codecarbon.

    Args:
        powercap_dir: The powercap tree.
        start: What the raw counters read when the job started.

    Attributes:
        notes: What went wrong since they were last taken away.
        gpus_ready_s: Monotonic time from which the GPUs are metered. [s].
    """

    @quietly
    def __init__(self, powercap_dir: Path, start: RawCounters) -> None:
        self._rapl = _open_rapl(powercap_dir)
        self._dram = [
            RAPLFile(name="dram", path=path, max_path=_maximum_of(path))
            for path in find_counters(powercap_dir)
            if _domain_name(path) == "dram"
        ]
        if self._rapl is not None:
            self._rapl.start()
        for counter in self._all_files():
            raw_uj = start.energy_uj.get(os.path.realpath(counter.path))
            # Not readable at the start: no baseline, so codecarbon skips the first interval and says so.
            counter.last_energy = None if raw_uj is None else Energy.from_ujoules(raw_uj)
        self.notes: list[Caveat] = []
        self._book = ProcessBook()
        self._boards = _open_boards(self.notes)
        self.gpus_ready_s = time.monotonic()
        self._take_notes()

    @property
    def has_cpu_counters(self) -> bool:
        """Whether at least one CPU package has a readable counter."""
        return self._rapl is not None

    @property
    def gpu_names(self) -> tuple[str, ...]:
        """Names of the GPUs, one each."""
        return tuple(board.name for board in self._boards)

    @property
    def gpu_model(self) -> str | None:
        """Which kind of GPU meter this is, by the names of ``reference/power.toml``."""
        if not self._boards:
            return None
        if any(isinstance(board.driver, AmdDriver) for board in self._boards):
            return "amdsmi"
        sampled_part_of_the_time = ("A100", "H100", "H200", "A30", "H800", "A800", "GH200")
        names = " ".join(self.gpu_names)
        return "nvml_ga100_gh100" if any(name in names for name in sampled_part_of_the_time) else "nvml"

    @property
    def gpu_reserved_shares(self) -> tuple[float, ...]:
        """The part of each GPU that is kept for the job. [-], 0 to 1."""
        return tuple(board.idle_share for board in self._boards)

    @property
    def gpu_reserved_share(self) -> float | None:
        """The part of the GPUs that is kept for the job. [-], 0 to 1; None without any."""
        shares = self.gpu_reserved_shares
        return sum(shares) / len(shares) if shares else None

    @quietly
    def read(self, duration_s: float, is_of_job: Callable[[int], bool]) -> MeterReading:
        """Read all counters now.

        Args:
            duration_s: Time since the last reading. [s].
            is_of_job: Tells whether a process id belongs to the job.
        """
        self._book.open(is_of_job)
        gpus = tuple(board.read(self._book) for board in self._boards)
        self._take_notes()
        try:
            reading = self._read_rapl(duration_s)
        except Exception as error:  # noqa: BLE001  # what the GPUs have said must not be lost with it
            text = f"a meter failed ({type(error).__name__}: {error})"
            self.notes.append(Caveat(code="meter-fault", text=text))
            reading = MeterReading()
        return replace(reading, gpus=gpus)

    @quietly
    def replay(self, end: RawCounters, duration_s: float) -> MeterReading:
        """Do what ``read`` does for a job that ended before codecarbon was loaded.

        codecarbon's arithmetic (domains, wrap-around, mirrored counters) is applied to what the raw counters read at
        the end. GPUs were not seen.
        """
        for counter in self._all_files():
            raw_uj = end.energy_uj.get(os.path.realpath(counter.path))
            energy = None if raw_uj is None else Energy.from_ujoules(raw_uj)
            counter._get_value = lambda energy=energy: energy  # type: ignore[method-assign, misc]
        try:
            return self._read_rapl(duration_s)
        finally:
            for counter in self._all_files():
                del counter._get_value

    @quietly
    def gpus_afterwards(self, duration_s: float, is_of_job: Callable[[int], bool]) -> tuple[GpuUse, ...]:
        """Say what the GPUs did in a time that is over, by what they do now.

        Args:
            duration_s: How long that was. [s].
            is_of_job: Tells whether a process id belongs to the job.
        """
        self._book.open(is_of_job)
        return tuple(board.afterwards(self._book, duration_s) for board in self._boards)

    def _take_notes(self) -> None:
        for board in self._boards:
            self.notes += board.notes
            board.notes.clear()

    def _all_files(self) -> list[RAPLFile]:
        return [*(self._rapl._rapl_files if self._rapl is not None else []), *self._dram]

    def _read_rapl(self, duration_s: float) -> MeterReading:
        duration = Time.from_seconds(max(duration_s, 1e-9))
        cpu_j = ram_j = None
        still = set()
        if self._rapl is not None:
            details = self._rapl.get_cpu_details(duration)
            if not any(counter.sample_skipped for counter in self._rapl._rapl_files):
                cpu_j = sum(_joules(kwh) for name, kwh in details.items() if "Energy" in name)
                if any(counter.energy_delta.kWh == 0 for counter in self._rapl._rapl_files):
                    still.add("cpu")
        if self._dram:
            for counter in self._dram:
                counter.delta(duration)
            if not any(counter.sample_skipped for counter in self._dram):
                ram_j = sum(_joules(counter.energy_delta.kWh) for counter in self._dram)
                if any(counter.energy_delta.kWh == 0 for counter in self._dram):
                    still.add("ram")
        return MeterReading(cpu_j=cpu_j, ram_j=ram_j, still=frozenset(still))


@quietly
def match_tdp_w(cpu_name: str, table: Mapping[str, float]) -> float | None:
    """Look up a CPU in codecarbon's table by codecarbon's own rule. [W]; None where it does not know the CPU."""
    if not cpu_name:
        return None
    # Of the table the rule takes only the column of names, and iterates it.
    match = TDP._get_matching_cpu(TDP.__new__(TDP), cpu_name, {"Name": list(table)})  # type: ignore[arg-type]
    return None if match is None else table[match]


def _open_rapl(powercap_dir: Path) -> IntelRAPL | None:
    try:
        options = {} if powercap_dir == DEFAULT_POWERCAP_DIR else {"rapl_dir": str(powercap_dir)}
        rapl = IntelRAPL(**options)  # type: ignore[no-untyped-call]
    except (OSError, SystemError):
        return None
    # Without a package counter codecarbon falls back to whatever there is; a part of a package is not the package.
    return rapl if rapl._rapl_files and rapl._available else None


class _CodecarbonGpu:
    """codecarbon's device as the energy meter of one board.

    codecarbon falls back from the energy counter to the power by itself, and never counts less than nothing. What it
    does not tell apart is a device that answers nothing at all: it counts 0 J for it.
    """

    def __init__(self, device: GPUDevice) -> None:
        self.device: Any = device
        self.name, self.uuid = str(device._gpu_name), str(device._uuid)
        device.start()

    def advance(self, duration_s: float) -> Advance:
        device, before = self.device, self.device.last_energy
        device.sample_power()
        device.delta(Time.from_seconds(duration_s))
        if device._use_power_fallback and device._warned_power_failure:
            raise OSError("it tells neither its energy nor its power")
        now = device.last_energy
        moved_kwh = None if before is None or now is None else now.kWh - before.kWh
        return Advance(
            energy_j=max(0.0, _joules(device.energy_delta.kWh)),
            is_still=moved_kwh == 0 and not device._use_power_fallback,
            is_reset=moved_kwh is not None and moved_kwh < 0,
        )

    def stand_in(self, energy_j: float) -> None:
        self.device._fallback_energy_since_counter += Energy(energy_j * Energy.JOULES_TO_KWH)

    def power_w(self) -> float | None:
        power_w = self.device._read_power_watts()
        return None if power_w is None else float(power_w)

    def use(self, handle: object) -> None:
        self.device.handle = handle


class _NvidiaDevice(gpu_nvidia.NvidiaGPUDevice):
    """codecarbon's device; a board in MIG mode tells its memory to root alone, and it must be metered all the same."""

    def _get_memory_info(self) -> object:
        try:
            return super()._get_memory_info()  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001  # the driver's own errors, of which there are many kinds
            return SimpleNamespace(total=0, free=0, used=0)


def _open_boards(notes: list[Caveat]) -> list[Board]:
    boards: list[Board] = []
    if gpu_nvidia.PYNVML_AVAILABLE:
        boards += nvidia_boards(gpu_nvidia.pynvml, _nvidia_meter, os.environ, notes)  # type: ignore[attr-defined]
    if gpu_amd.AMDSMI_AVAILABLE:
        boards += amd_boards(gpu_amd.amdsmi, _amd_meter, os.environ, notes)  # type: ignore[attr-defined]
    return boards


def _nvidia_meter(index: int, handle: object) -> _CodecarbonGpu:
    return _CodecarbonGpu(_NvidiaDevice(handle=handle, gpu_index=index))


def _amd_meter(index: int, handle: object) -> _CodecarbonGpu:
    return _CodecarbonGpu(gpu_amd.AMDGPUDevice(handle=handle, gpu_index=index))


def _joules(energy_kwh: float) -> float:
    # Undoes codecarbon's own factor, which is truncated (2.77778e-7), before ours is applied.
    return energy_kwh / Energy.JOULES_TO_KWH


def _domain_name(energy_path: str) -> str:
    try:
        return (
            Path(energy_path)
            .with_name("name")
            .read_text(encoding="ascii", errors="replace")
            .strip()
            .casefold()
        )
    except OSError:
        return ""


def _maximum_of(energy_path: str) -> str:
    return str(Path(energy_path).with_name("max_energy_range_uj"))
