"""The meters and the model of this machine, opened once for a run; whatever fails here leaves the job alone."""

from __future__ import annotations

import contextlib
import importlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from carbonprint.measuring.detection import core_count, detect_hardware
from carbonprint.measuring.intervals import GpuUse, Interval
from carbonprint.measuring.patience import Patience, StalledError
from carbonprint.measuring.profiled import (
    idle_powers_w,
    profile_caveats,
    profiled_model,
    unseen_gpus_w,
)
from carbonprint.measuring.readings import Instant, MeterReading
from carbonprint.measuring.reservation import reserved_share
from carbonprint.measuring.sharing import BUSY
from carbonprint.measuring.tally import Setup
from carbonprint.provenance import Caveat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from carbonprint.hardware_profile import HardwareProfile
    from carbonprint.measuring.codecarbon_meter import CodecarbonMeter
    from carbonprint.measuring.counters import RawCounters
    from carbonprint.measuring.node_meter import NodeMeter
    from carbonprint.measuring.sharing import IdleShare

T = TypeVar("T")

_UNDISTURBED_S = 0.001
"""Reading all meters takes less than this unless something comes between. [s]"""

_LONGEST_ANSWER_S = 1.0
"""Eight GPUs answer within some hundredths of a second; meanwhile no signal is passed on. [s]"""

_LONGEST_GAP_S = 120.0
"""After so long without a reading (a stopped wrapper) a counter may have wrapped around more than once: at
300 W one of 32 bits in units of 15.3 µJ does so every 218 s. [s]"""


def preload() -> None:
    """Import codecarbon ahead of time; where that fails, ``open_equipment`` will say so."""
    with contextlib.suppress(Exception, SystemExit):
        importlib.import_module("carbonprint.measuring.codecarbon_meter")


def open_equipment(
    powercap_dir: Path,
    start: RawCounters,
    unreadable: Sequence[str] = (),
    idle_share: IdleShare | None = None,
    profile: HardwareProfile | None = None,
    node: NodeMeter | None = None,
    *,
    is_patient: bool = False,
) -> Equipment:
    """Import codecarbon, find the hardware and choose the model.

    Args:
        powercap_dir: The powercap tree.
        start: What the raw counters read when the job started.
        unreadable: Counters that are there and could not be read.
        idle_share: What the user wants the job's share of the idle machine to be; None: what is reserved for it.
        profile: What is stated of the machine.
        node: The meter at its input.
        is_patient: Whether a meter that does not answer is waited for only so long, in a thread of its own.
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
        from carbonprint.measuring.tdp import tdp_of_cpu_w

        tdp_w = tdp_of_cpu_w((profile.cpu_name if profile is not None else "") or hardware.cpu_name)
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
    gpu_model = None if meter is None else meter.gpu_model
    gpu_names = () if meter is None else meter.gpu_names
    faults += profile_caveats(hardware, profile, gpu_names, n_cores=core_count())
    model = replace(profiled_model(hardware, profile, tdp_w), unseen_gpus_w=unseen_gpus_w(profile, gpu_names))
    has_gpu = gpu_model is not None or model.unseen_gpus_w > 0
    reserved = reserved_share(hardware, has_gpu=has_gpu, given=idle_share)
    if meter is not None:
        faults += meter.notes
        meter.notes.clear()
        if gpu_model is not None and (idle_share is None or idle_share == BUSY):
            reserved = replace(reserved, gpu=meter.gpu_reserved_share)
    setup = Setup(
        hardware=hardware,
        model=model,
        reserved=reserved,
        has_cpu_counters=meter is not None and meter.has_cpu_counters,
        gpu_model=gpu_model,
        gpu_names=gpu_names,
        idle_w=_known_idle_w(powercap_dir) | idle_powers_w(hardware, profile, gpu_names) or None,
        node_model=None if node is None else node.source.model,
        profile="" if profile is None else f"{profile.name} ({profile.origin})",
        profile_sources=() if profile is None else profile.sources,
    )
    return Equipment(meter, setup, faults, node, is_patient=is_patient)


def _known_idle_w(powercap_dir: Path) -> dict[str, float]:
    """Give the idle power that is known of this machine and boot, by component. [W]."""
    try:
        from carbonprint.measuring.idle_power import read_idle_w

        return read_idle_w(powercap_dir)
    except (ImportError, OSError):  # a system without file locks
        return {}


def _fault(what: str, error: BaseException) -> Caveat:
    return Caveat(code="meter-fault", text=f"{what} ({type(error).__name__}: {error})")


class Equipment:
    """Reads the meters, and makes intervals of what they say.

    Args:
        meter: codecarbon's readers, or None where they could not be opened.
        setup: The machine, the model and the job's share of it.
        faults: What went wrong while opening.
        node: The meter at the machine's input, or None.
        is_patient: Whether a meter that does not answer is waited for only so long, in a thread of its own.

    Attributes:
        setup: As given.
        faults: What went wrong so far, each in words.
    """

    def __init__(
        self,
        meter: CodecarbonMeter | None,
        setup: Setup,
        faults: list[Caveat],
        node: NodeMeter | None = None,
        *,
        is_patient: bool = False,
    ) -> None:
        self.meter = meter
        self._node = node
        self.setup = setup
        self.faults = faults
        self._gpu_ready_s = time.monotonic() if meter is None else meter.gpus_ready_s
        self._gpus_w: dict[int, float] = {}
        self._patience = Patience(_LONGEST_ANSWER_S) if is_patient else None
        self._is_stalled = False

    def read(self, duration_s: float, is_of_job: Callable[[int], bool]) -> MeterReading:
        """Read the meters; one that fails or does not answer leaves a gap, which the model fills."""
        now_s = time.monotonic()
        reading = self._read_parts(duration_s, is_of_job)
        if self._node is None:
            return reading
        return replace(reading, node_j=self._node.energy_j(now_s - duration_s, now_s))

    def _read_parts(self, duration_s: float, is_of_job: Callable[[int], bool]) -> MeterReading:
        if self.meter is None:
            return MeterReading()
        meter, was_stalled = self.meter, self._is_stalled
        try:
            reading = self._ask(lambda: meter.read(duration_s, is_of_job))
        except StalledError:
            self._note_stall()
            return MeterReading()
        except Exception as error:  # noqa: BLE001  # a meter may fail in as many ways as there are drivers
            self.faults.append(_fault("a meter failed", error))
            return MeterReading()
        self._is_stalled = False
        self.faults += meter.notes
        meter.notes.clear()
        # The first reading after a gap covers from when the meter answered again, not this interval.
        return MeterReading() if was_stalled else reading

    @property
    def gpu_shares(self) -> tuple[float, ...]:
        """What of each GPU is kept for the job. [-], 0 to 1."""
        return () if self.meter is None else self.meter.gpu_reserved_shares

    def close(self) -> None:
        """Let go of what reads the meters."""
        if self._patience is not None:
            self._patience.end()

    def _ask(self, step: Callable[[], T]) -> T:
        return step() if self._patience is None else self._patience.call(step)

    def _note_stall(self) -> None:
        if not self._is_stalled:
            text = f"a meter did not answer within {_LONGEST_ANSWER_S:g} s: a model fills the time without it"
            self.faults.append(Caveat(code="meter-fault", text=text))
        self._is_stalled = True

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

    def replay(
        self, end: RawCounters, duration_s: float, is_of_job: Callable[[int], bool] = lambda _pid: False
    ) -> MeterReading:
        """Do what ``read`` does for a job that had ended before the meters were opened.

        The GPUs were not seen while it ran: their power now stands for it.
        """
        if self.meter is None:
            return MeterReading()
        meter = self.meter
        try:
            reading = meter.replay(end, duration_s)
            gpus = self._ask(lambda: meter.gpus_afterwards(duration_s, is_of_job))
        except StalledError:
            self._note_stall()
            return reading
        except Exception as error:  # noqa: BLE001  # as above
            self.faults.append(_fault("a meter failed", error))
            return MeterReading()
        return replace(reading, gpus=gpus)

    def interval(self, last: Instant, now: Instant, reading: MeterReading) -> Interval:
        """Make an interval of what was read at its two ends."""
        duration_s = now.at_s - last.at_s
        if duration_s > _LONGEST_GAP_S:
            reading = replace(reading, cpu_j=None, ram_j=None)
        gpus = self._gpus(last, now, reading)
        unseen_s = max((gpu.unseen_s for gpu in gpus), default=0.0)
        if (self.setup.has_cpu_counters and reading.cpu_j is None) or (
            self.setup.node_model is not None and reading.node_j is None
        ):
            unseen_s = duration_s
        busy_s = None
        if now.busy_cpu_s is not None and last.busy_cpu_s is not None:
            busy_s = max(0.0, now.busy_cpu_s - last.busy_cpu_s)
        return Interval(
            duration_s=duration_s,
            busy_cpu_s=busy_s,
            job_cpu_s=max(0.0, now.job_cpu_s - last.job_cpu_s),
            meter_cpu_s=max(0.0, now.meter_cpu_s - last.meter_cpu_s),
            cpu_counted_j=reading.cpu_j,
            ram_counted_j=reading.ram_j,
            node_counted_j=reading.node_j,
            gpus=gpus,
            unseen_s=unseen_s,
            still=reading.still,
        )

    def _gpus(self, last: Instant, now: Instant, reading: MeterReading) -> tuple[GpuUse, ...]:
        """What the GPUs did over a whole interval.

        Their first moments pass before the driver's library is loaded; later a reading may fail. The last power seen
        stands for what was not, unless the board itself knows better.
        """
        duration_s = now.at_s - last.at_s
        if duration_s <= 0:
            return ()
        seen_s = now.at_s - max(last.at_s, self._gpu_ready_s)
        uses = []
        for number in range(max(len(reading.gpus), len(self.setup.gpu_names))):
            use = reading.gpus[number] if number < len(reading.gpus) else GpuUse(energy_j=None)
            power_w = self._gpus_w.get(number)
            if use.energy_j is not None and seen_s > 0:
                power_w = self._gpus_w[number] = use.energy_j / seen_s
                unseen_s = duration_s - seen_s + min(use.unseen_s, seen_s)
                use = replace(use, energy_j=power_w * duration_s, unseen_s=unseen_s)
            elif use.energy_j is None:
                energy_j = None if power_w is None else power_w * duration_s
                use = replace(use, energy_j=energy_j, unseen_s=duration_s)
            else:  # what replay made of the power after the end
                use = replace(use, unseen_s=duration_s)
            uses.append(use)
        return tuple(uses)
