"""The meters and the model of this machine, opened once for a run; whatever fails here leaves the job alone."""

from __future__ import annotations

import contextlib
import importlib
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from carbonprint.measuring.attribution import Attribution, EnergySums, IdlePower, Interval
from carbonprint.measuring.detection import detect_hardware, power_model
from carbonprint.measuring.readings import Instant, MeterReading
from carbonprint.measuring.reservation import reserved_share
from carbonprint.provenance import Caveat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from carbonprint.hardware import Hardware, PowerModel
    from carbonprint.measuring.codecarbon_meter import CodecarbonMeter
    from carbonprint.measuring.counters import RawCounters
    from carbonprint.measuring.measurement import ReservedShare

_UNDISTURBED_S = 0.001
"""Reading all meters takes less than this unless something comes between. [s]"""

_LONGEST_GAP_S = 120.0
"""After so long without a reading (a stopped wrapper) a counter may have wrapped around more than once: at
300 W one of 32 bits in units of 15.3 µJ does so every 218 s. [s]"""

_QUIET_SHARE = 0.05
"""Below this share of its capacity a machine counts as having nothing to do (a working assumption). [-]"""

_QUIET_OWN_CPUS = 0.1
"""And only while the job and carbonprint use less than this part of one thread: on a large machine a busy job is a
small share of the capacity, and its power must not be taken for the machine's idle. [CPU seconds per second]"""

_QUIET_FOR_S = 0.2
"""Shorter intervals tell nothing of the power in them: a counter moves once a millisecond. [s]"""

_MOST_INTERVALS = 20_000


def preload() -> None:
    """Import codecarbon ahead of time; where that fails, ``open_equipment`` will say so."""
    with contextlib.suppress(Exception, SystemExit):
        importlib.import_module("carbonprint.measuring.codecarbon_meter")


def open_equipment(powercap_dir: Path, start: RawCounters, unreadable: Sequence[str] = ()) -> Equipment:
    """Import codecarbon, find the hardware and choose the model.

    Args:
        powercap_dir: The powercap tree.
        start: What the raw counters read when the job started.
        unreadable: Counters that are there and could not be read.
    """
    faults: list[Caveat] = []
    meter = None
    try:
        from carbonprint.measuring.codecarbon_meter import CodecarbonMeter

        meter = CodecarbonMeter(powercap_dir, start)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a library does, the job must not suffer
        faults.append(_fault("codecarbon could not be used", error))
    hardware = detect_hardware(n_gpus=len(meter.gpu_names) if meter is not None else 0)
    tdp_w = None
    try:
        from carbonprint.measuring.codecarbon_meter import match_tdp_w
        from carbonprint.reference.codecarbon_tables import cpu_tdp_table

        tdp_w = match_tdp_w(hardware.cpu_name, cpu_tdp_table())
    except (Exception, SystemExit) as error:  # noqa: BLE001  # as above; without a TDP the default holds
        if meter is not None:
            faults.append(_fault("codecarbon's table of CPUs could not be used", error))
    if unreadable and (meter is None or not meter.has_cpu_counters):
        text = (
            f"the energy counters are there and may not be read ({unreadable[0]}); until the next start of the machine "
            "this lets them be read: sudo chmod -R a+r /sys/class/powercap/*"
        )
        faults.append(Caveat(code="counters-not-readable", text=text))
    if not hardware.is_recognised:
        text = "what machine this is could not be read: a server is assumed"
        faults.append(Caveat(code="machine-unknown", text=text))
    reserved = reserved_share(hardware, has_gpu=meter is not None and meter.gpu_model is not None)
    return Equipment(meter, hardware, power_model(hardware, tdp_w), reserved, faults)


def _fault(what: str, error: BaseException) -> Caveat:
    return Caveat(code="meter-fault", text=f"{what} ({type(error).__name__}: {error})")


class Equipment:
    """Reads the meters and adds up what they say.

    Args:
        meter: codecarbon's readers, or None where they could not be opened.
        hardware: The machine.
        model: Power of what no counter tells.
        reserved: The share of the machine reserved for the job.
        faults: What went wrong while opening.

    Attributes:
        faults: What went wrong so far, each in words.
        extrapolated_s: Time for which a counter was not seen and a model filled the gap. [s].
    """

    def __init__(
        self,
        meter: CodecarbonMeter | None,
        hardware: Hardware,
        model: PowerModel,
        reserved: ReservedShare,
        faults: list[Caveat],
    ) -> None:
        self.meter = meter
        self.hardware = hardware
        self.model = model
        self.reserved = reserved
        self.faults = faults
        self.extrapolated_s = 0.0
        self._intervals: list[Interval] = []
        self._quiet_w: dict[str, float] = {}
        self._gpu_ready_s = time.monotonic()
        self._gpu_seen_s = 0.0
        self._gpu_w: float | None = None

    @property
    def has_gpu(self) -> bool:
        """Whether the machine has a GPU that codecarbon sees."""
        return self.meter is not None and self.meter.gpu_model is not None

    def read(self, duration_s: float, is_of_job: Callable[[int], bool]) -> MeterReading:
        """Read the meters; one that fails leaves a gap, which the model fills."""
        if self.meter is None:
            return MeterReading()
        try:
            return self.meter.read(duration_s, is_of_job)
        except Exception as error:  # noqa: BLE001  # a meter may fail in as many ways as there are drivers
            self.faults.append(_fault("a meter failed", error))
            return MeterReading()

    def read_at_once(self, last_s: float, is_of_job: Callable[[int], bool]) -> tuple[float, MeterReading]:
        """Read the meters so that the reading belongs to one moment.

        Where something comes between the clock and the counters, they are read again, and the readings are added.

        Args:
            last_s: Monotonic time of the last reading. [s].
            is_of_job: Tells whether a process id belongs to the job.

        Returns:
            Monotonic time of the reading [s], and the reading.
        """
        begun_s = time.monotonic()
        reading = self.read(begun_s - last_s, is_of_job)
        ended_s = time.monotonic()
        for _ in range(2):
            if ended_s - begun_s <= _UNDISTURBED_S:
                break
            last_s, begun_s = (begun_s + ended_s) / 2, time.monotonic()
            reading += self.read(begun_s - last_s, is_of_job)
            ended_s = time.monotonic()
        return (begun_s + ended_s) / 2, reading

    def replay(self, end: RawCounters, duration_s: float) -> MeterReading:
        """Do what ``read`` does for a job that had ended before the meters were opened."""
        if self.meter is None:
            return MeterReading()
        try:
            reading = self.meter.replay(end, duration_s)
            gpu_w = self.meter.gpu_power_w()
        except Exception as error:  # noqa: BLE001  # as above
            self.faults.append(_fault("a meter failed", error))
            return MeterReading()
        if gpu_w is not None:
            # The GPUs were not seen while the job ran: their power now stands for it.
            reading = replace(reading, gpu_j=gpu_w * duration_s)
        return reading

    def add(self, last: Instant, now: Instant, reading: MeterReading) -> None:
        """Add what happened between two moments."""
        duration_s = now.at_s - last.at_s
        if duration_s > _LONGEST_GAP_S:
            reading = replace(reading, cpu_j=None, ram_j=None)
        cpu_unseen_s = 0.0
        if self.meter is not None and self.meter.has_cpu_counters and reading.cpu_j is None:
            cpu_unseen_s = duration_s
        gpu_j, gpu_unseen_s = self._gpu_energy_j(last, now, reading)
        self.extrapolated_s += max(cpu_unseen_s, gpu_unseen_s)
        busy_s = None
        if now.busy_cpu_s is not None and last.busy_cpu_s is not None:
            busy_s = max(0.0, now.busy_cpu_s - last.busy_cpu_s)
        interval = Interval(
            duration_s=duration_s,
            busy_cpu_s=busy_s,
            job_cpu_s=max(0.0, now.job_cpu_s - last.job_cpu_s),
            meter_cpu_s=max(0.0, now.meter_cpu_s - last.meter_cpu_s),
            cpu_counted_j=reading.cpu_j,
            ram_counted_j=reading.ram_j,
            gpu_counted_j=gpu_j,
            gpu_job_share=reading.gpu_job_share,
        )
        self._note_quiet(interval)
        self._intervals.append(interval)
        if len(self._intervals) > _MOST_INTERVALS:
            self._intervals = coarser(self._intervals)

    @property
    def is_load_known(self) -> bool:
        """Whether it could be read how busy the machine was."""
        return all(interval.busy_cpu_s is not None for interval in self._intervals)

    @property
    def is_cpu_counted(self) -> bool:
        """Whether the CPU's energy comes from counters that move."""
        is_read = any(interval.cpu_counted_j is not None for interval in self._intervals)
        return is_read and "cpu" not in self.standing_still

    @property
    def is_ram_counted(self) -> bool:
        """Whether the memory's energy comes from counters that move."""
        is_read = any(interval.ram_counted_j is not None for interval in self._intervals)
        return is_read and "ram" not in self.standing_still

    @property
    def is_gpu_counted(self) -> bool:
        """Whether the GPUs were seen while the job ran."""
        return self._gpu_seen_s > 0

    @cached_property
    def standing_still(self) -> frozenset[str]:
        """Components whose counters are there and do not move (``cpu``, ``ram``): 0 W is no measurement."""
        return frozenset() if self.meter is None else self.meter.standing_still()

    def sums(self) -> EnergySums:
        """Add up all intervals."""
        attribution = Attribution(
            self.model,
            IdlePower(
                cpu_w=self._quiet_w.get("cpu", self.model.cpu_idle_w),
                ram_w=self._quiet_w.get("ram", self.model.ram_w or 0.0),
                gpu_w=self._quiet_w.get("gpu", 0.0),
            ),
            self.reserved,
            self.hardware.n_cpus,
            trust_cpu="cpu" not in self.standing_still,
            trust_ram="ram" not in self.standing_still,
        )
        for interval in self._intervals:
            attribution.add(interval)
        return attribution.sums

    def _note_quiet(self, interval: Interval) -> None:
        """Note the lowest power seen while the machine had next to nothing to do: its idle power is no more.

        GPUs tell no load here; the lowest power of all stands for their idle.
        """
        if interval.duration_s < _QUIET_FOR_S:
            return
        capacity_s = interval.duration_s * self.hardware.n_cpus
        own_s = interval.job_cpu_s + interval.meter_cpu_s
        is_quiet = (
            interval.busy_cpu_s is not None
            and interval.busy_cpu_s < _QUIET_SHARE * capacity_s
            and own_s < _QUIET_OWN_CPUS * interval.duration_s
        )
        counted = {"gpu": interval.gpu_counted_j}
        if is_quiet:
            counted |= {"cpu": interval.cpu_counted_j, "ram": interval.ram_counted_j}
        for name, energy_j in counted.items():
            if energy_j is not None:
                power_w = energy_j / interval.duration_s
                self._quiet_w[name] = min(power_w, self._quiet_w.get(name, power_w))

    def _gpu_energy_j(self, last: Instant, now: Instant, reading: MeterReading) -> tuple[float | None, float]:
        """Energy of the GPUs over a whole interval [J], and the part of it in which they were not seen [s].

        Their first moments pass before the driver's library is loaded; later a reading may fail. The mean power of
        what was seen stands for the rest.
        """
        duration_s = now.at_s - last.at_s
        if not self.has_gpu or duration_s <= 0:
            return None, 0.0
        seen_s = now.at_s - max(last.at_s, self._gpu_ready_s)
        if reading.gpu_j is not None and seen_s > 0:
            self._gpu_seen_s += seen_s
            self._gpu_w = reading.gpu_j / seen_s
            return self._gpu_w * duration_s, duration_s - seen_s
        if reading.gpu_j is not None:
            return reading.gpu_j, duration_s
        return None if self._gpu_w is None else self._gpu_w * duration_s, duration_s


def coarser(intervals: list[Interval]) -> list[Interval]:
    """Merge intervals by twos where they were seen by the same counters, so that a long run needs little memory."""
    merged: list[Interval] = []
    waiting: Interval | None = None
    for interval in intervals:
        pair = waiting.merged(interval) if waiting is not None else None
        if pair is not None:
            merged.append(pair)
            waiting = None
            continue
        if waiting is not None:
            merged.append(waiting)
        waiting = interval
    return merged if waiting is None else [*merged, waiting]
