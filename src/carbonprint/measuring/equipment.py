"""The meters and the model of this machine, opened once for a run; whatever fails here leaves the job alone."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from carbonprint.measuring.attribution import Attribution, EnergySums, Interval
from carbonprint.measuring.detection import detect_hardware, power_model
from carbonprint.measuring.readings import Instant, MeterReading
from carbonprint.measuring.reservation import reserved_share

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carbonprint.hardware import Hardware, PowerModel
    from carbonprint.measuring.codecarbon_meter import CodecarbonMeter
    from carbonprint.measuring.counters import RawCounters
    from carbonprint.measuring.measurement import ReservedShare

_STANDS_STILL_AFTER_S = 0.02
"""RAPL counters move every millisecond (Schöne et al. 2021, section VII); one that stands so long does not measure."""

_UNDISTURBED_S = 0.001
"""Reading all meters takes less than this unless something comes between. [s]"""


def preload() -> None:
    """Import codecarbon ahead of time; where that fails, ``open_equipment`` will say so."""
    try:
        pass
    except Exception:  # noqa: BLE001  # told when it matters
        return


def open_equipment(powercap_dir: Path, start: RawCounters) -> Equipment:
    """Import codecarbon, find the hardware and choose the model.

    Args:
        powercap_dir: The powercap tree.
        start: What the raw counters read when the job started.
    """
    faults: list[str] = []
    meter = None
    try:
        from carbonprint.measuring.codecarbon_meter import CodecarbonMeter

        meter = CodecarbonMeter(powercap_dir, start)
    except Exception as error:  # noqa: BLE001  # whatever a library does, the job must not suffer
        faults.append(f"codecarbon could not be used ({type(error).__name__}: {error})")
    hardware = detect_hardware(has_gpu=meter is not None and meter.gpu_model is not None)
    tdp_w = None
    try:
        from carbonprint.measuring.codecarbon_meter import match_tdp_w
        from carbonprint.reference.codecarbon_tables import cpu_tdp_table

        tdp_w = match_tdp_w(hardware.cpu_name, cpu_tdp_table())
    except Exception as error:  # noqa: BLE001  # as above; without a TDP the default holds
        faults.append(f"codecarbon's table of CPUs could not be used ({type(error).__name__}: {error})")
    return Equipment(meter, hardware, power_model(hardware, tdp_w), reserved_share(hardware), faults)


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
        faults: list[str],
    ) -> None:
        self.meter = meter
        self.hardware = hardware
        self.model = model
        self.reserved = reserved
        self.faults = faults
        self.extrapolated_s = 0.0
        self._counted = Attribution(model, reserved, hardware.n_cpus)
        self._modelled = Attribution(model, reserved, hardware.n_cpus, use_counters=False)
        self._cpu_counted_j: float | None = None
        self._ram_counted_j: float | None = None
        self._added_s = 0.0
        self._gpu_ready_s = time.monotonic()
        self._gpu_seen_s = 0.0
        self._gpu_w: float | None = None
        self._gpu_lowest_w: float | None = None

    def read(self, duration_s: float, is_of_job: Callable[[int], bool]) -> MeterReading:
        """Read the meters; one that fails leaves a gap, which the model fills."""
        if self.meter is None:
            return MeterReading()
        try:
            return self.meter.read(duration_s, is_of_job)
        except Exception as error:  # noqa: BLE001  # a meter may fail in as many ways as there are drivers
            self.faults.append(f"a meter failed ({type(error).__name__}: {error})")
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
            self.faults.append(f"a meter failed ({type(error).__name__}: {error})")
            return MeterReading()
        if gpu_w is not None:
            # The GPUs were not seen while the job ran: their power now stands for it, and the whole time is marked.
            self.extrapolated_s += duration_s
            reading = replace(reading, gpu_j=gpu_w * duration_s)
        return reading

    def add(self, last: Instant, now: Instant, reading: MeterReading) -> None:
        """Add what happened between two moments."""
        duration_s = now.at_s - last.at_s
        if self.meter is not None and self.meter.has_cpu_counters and reading.cpu_j is None:
            self.extrapolated_s += duration_s
        if reading.cpu_j is not None:
            self._cpu_counted_j = (self._cpu_counted_j or 0.0) + reading.cpu_j
        if reading.ram_j is not None:
            self._ram_counted_j = (self._ram_counted_j or 0.0) + reading.ram_j
        gpu_j = self._gpu_energy_j(last, now, reading)
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
            gpu_idle_w=self._gpu_lowest_w or 0.0,
            gpu_job_share=reading.gpu_job_share,
        )
        self._counted.add(interval)
        self._modelled.add(interval)
        self._added_s += duration_s

    @property
    def is_cpu_counted(self) -> bool:
        """Whether the CPU's energy comes from counters that move."""
        return self._cpu_counted_j is not None and not self.is_standing_still

    @property
    def is_ram_counted(self) -> bool:
        """Whether the memory's energy comes from counters."""
        return self._ram_counted_j is not None and not self.is_standing_still

    @property
    def is_gpu_counted(self) -> bool:
        """Whether the GPUs were seen while the job ran."""
        return self._gpu_seen_s > 0

    @property
    def is_standing_still(self) -> bool:
        """Whether the CPU counters are there and do not move: they do not measure, and 0 W is no measurement."""
        return self._cpu_counted_j == 0 and self._added_s > _STANDS_STILL_AFTER_S

    @property
    def sums(self) -> EnergySums:
        """What was added so far; all modelled where the CPU counters stand still."""
        return (self._modelled if self.is_standing_still else self._counted).sums

    def _gpu_energy_j(self, last: Instant, now: Instant, reading: MeterReading) -> float | None:
        """Energy of the GPUs over a whole interval, also for the part of it in which they were not seen. [J].

        Their first moments pass before the driver's library is loaded; later a reading may fail. The mean power of
        what was seen stands for the rest, which is marked.
        """
        duration_s = now.at_s - last.at_s
        if self.meter is None or self.meter.gpu_model is None or duration_s <= 0:
            return None
        seen_s = now.at_s - max(last.at_s, self._gpu_ready_s)
        if reading.gpu_j is not None and seen_s > 0:
            self.extrapolated_s += duration_s - seen_s
            self._gpu_seen_s += seen_s
            self._gpu_w = reading.gpu_j / seen_s
            self._gpu_lowest_w = min(
                self._gpu_w, self._gpu_lowest_w if self._gpu_lowest_w is not None else self._gpu_w
            )
            return self._gpu_w * duration_s
        if reading.gpu_j is not None:
            return reading.gpu_j
        self.extrapolated_s += duration_s
        return None if self._gpu_w is None else self._gpu_w * duration_s
