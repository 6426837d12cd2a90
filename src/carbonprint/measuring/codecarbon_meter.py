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
from typing import TYPE_CHECKING, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_ours = threading.local()
"""Whether this thread is in codecarbon for our sake: what it has to say then becomes caveats of ours. Who uses it
besides carbonprint keeps what it logs. A filter stays where codecarbon sets level and handlers at import."""
logging.getLogger("codecarbon").addFilter(lambda _record: not getattr(_ours, "are_quiet", False))
_ours.are_quiet = True

import codecarbon  # noqa: E402
from codecarbon.core.cpu import TDP, IntelRAPL  # noqa: E402
from codecarbon.core.gpu import AllGPUDevices, is_gpu_details_available  # noqa: E402
from codecarbon.core.rapl import RAPLFile  # noqa: E402
from codecarbon.core.units import Energy, Time  # noqa: E402

from carbonprint.measuring.counters import (  # noqa: E402
    DEFAULT_POWERCAP_DIR,
    RawCounters,
    find_counters,
)
from carbonprint.measuring.intervals import GpuUse  # noqa: E402
from carbonprint.measuring.readings import MeterReading  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codecarbon.core.gpu_device import GPUDevice


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
        self._gpus = AllGPUDevices() if is_gpu_details_available() else None
        if self._gpus is not None:
            self._gpus.start()
        self._gpus_read_s = time.monotonic()

    @property
    def has_cpu_counters(self) -> bool:
        """Whether at least one CPU package has a readable counter."""
        return self._rapl is not None

    @property
    def gpu_names(self) -> tuple[str, ...]:
        """Names of the GPUs, one each."""
        if self._gpus is None:
            return ()
        return tuple(str(info.get("name", "GPU")) for info in self._gpus.get_gpu_static_info())

    @property
    def gpu_model(self) -> str | None:
        """Which kind of GPU meter this is, by the names of ``reference/power.toml``."""
        if self._gpus is None or not self._gpus.devices:
            return None
        if any("AMD" in type(device).__name__ for device in self._gpus.devices):
            return "amdsmi"
        sampled_part_of_the_time = ("A100", "H100", "H200", "A30", "H800", "A800", "GH200")
        names = " ".join(self.gpu_names)
        return "nvml_ga100_gh100" if any(name in names for name in sampled_part_of_the_time) else "nvml"

    @quietly
    def read(self, duration_s: float, is_of_job: Callable[[int], bool]) -> MeterReading:
        """Read all counters now.

        Args:
            duration_s: Time since the last reading. [s].
            is_of_job: Tells whether a process id belongs to the job.
        """
        reading = self._read_rapl(duration_s)
        return replace(reading, gpus=self._read_gpus(is_of_job))

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
    def gpu_powers_w(self) -> tuple[float | None, ...]:
        """Give the power of each GPU at this moment. [W]."""
        devices = [] if self._gpus is None else self._gpus.devices
        return tuple(device._read_power_watts() for device in devices)

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

    def _read_gpus(self, is_of_job: Callable[[int], bool]) -> tuple[GpuUse, ...]:
        if self._gpus is None or not self._gpus.devices:
            return ()
        self._gpus.sample_power()
        now_s, last_s = time.monotonic(), self._gpus_read_s
        self._gpus_read_s = now_s
        deltas = self._gpus.get_delta(Time.from_seconds(max(now_s - last_s, 1e-9)))
        if len(deltas) != len(self._gpus.devices):
            return ()
        return tuple(
            GpuUse(
                energy_j=_joules(delta["delta_energy_consumption"].kWh),
                active_share=_job_share(device, is_of_job),
            )
            for device, delta in zip(self._gpus.devices, deltas, strict=True)
        )


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


def _job_share(device: GPUDevice, is_of_job: Callable[[int], bool]) -> float:
    """The job's part of one GPU's active energy: all of it unless a process of somebody else is seen there.

    In a container the driver gives the host's process ids, which mean nothing here: then the whole device counts, since
    a figure that is too small is the worse mistake.
    """
    try:
        pids = [int(process["pid"]) for process in device._get_compute_processes()]  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001  # the driver's own errors, of which there are many kinds
        return 1.0
    known = [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
    if not known:
        return 1.0
    return sum(is_of_job(pid) for pid in known) / len(known)


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
