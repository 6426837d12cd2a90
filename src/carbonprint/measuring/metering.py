"""Metering one job: raw counters just before it starts, codecarbon while it runs, all of it just after it ends.

Whoever starts and watches the job (the wrapper's loop, or a block of Python) calls, in this order: the constructor
just before the start, ``load`` in a thread beside the job, ``sample`` at every edge, ``finish`` just after the end.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from carbonprint.errors import MeasurementError
from carbonprint.measuring.busy import busy_cpu_seconds
from carbonprint.measuring.counters import find_counters, read_counters, wall_clock_at
from carbonprint.measuring.readings import Instant, MeterReading
from carbonprint.units import kwh_from_joules

if TYPE_CHECKING:
    from collections.abc import Callable

    from carbonprint.hardware_profile import ProfileChoice
    from carbonprint.measuring.equipment import Equipment
    from carbonprint.measuring.intervals import Interval
    from carbonprint.measuring.journal import Journal
    from carbonprint.measuring.measurement import Measurement
    from carbonprint.measuring.node_meter import NodeMeter
    from carbonprint.measuring.plan import Plan
    from carbonprint.measuring.tally import Tally
    from carbonprint.provenance import Caveat

_MOST_SAMPLES = 20_000
"""After so many samples the time between two is doubled, unless the user has set it: 5½ hours at 1 s, a day at 4 s."""

_LONGEST_INTERVAL_S = 60.0
"""Beyond this a counter of 32 bits could wrap around unseen (at 1 kW in units of 15.3 µJ every 65 s). [s]"""


class Metering:
    """Meters the machine around one job.

    Args:
        plan: How it is to be metered.
        meter_cpu_s: Gives carbonprint's own CPU seconds so far. [s].

    Attributes:
        interval_s: Time between two samples now. [s].
    """

    def __init__(self, plan: Plan, meter_cpu_s: Callable[[], float]) -> None:
        self._plan = plan
        self._meter_cpu_s = meter_cpu_s
        self._sharing = plan.sharing
        self._see_progress = plan.see_progress
        self._job_j = 0.0
        self.interval_s = plan.interval_s
        self._n_samples = 0
        self._journal: Journal | None = None
        self._n_faults_written = 0
        self._tally: Tally | None = None
        self._counter_paths = find_counters(plan.powercap_dir)
        self._equipment: Equipment | None = None
        self._lock = threading.Lock()
        self._has_finished = False
        self._raw_start = read_counters(self._counter_paths)
        self._node: NodeMeter | None = None
        self._open_node(plan.profile)
        self.started_at = datetime.fromtimestamp(wall_clock_at(self._raw_start.at_s), UTC)
        self._start = self._last = self._instant(self._raw_start.at_s, 0.0)

    @property
    def helpers(self) -> frozenset[int]:
        """Process ids of ours that are none of the job's: what reads a meter."""
        return frozenset() if self._node is None else self._node.pids

    @property
    def helpers_cpu_s(self) -> float:
        """CPU seconds of these so far. [s]."""
        return 0.0 if self._node is None else self._node.cpu_s

    @property
    def is_loaded(self) -> bool:
        """Whether ``load`` has ended."""
        return self._equipment is not None

    def load(self) -> None:
        """Import codecarbon, find the hardware and choose the model; what fails is remembered, never raised."""
        from carbonprint.measuring.equipment import open_equipment
        from carbonprint.measuring.tally import Tally

        self._sharing.begin(self._start.at_s)
        if self._plan.open_journal is not None:
            self._journal = self._plan.open_journal()
            self._journal.open(started_at=self.started_at.isoformat())
        choice = self._chosen_profile()
        equipment = open_equipment(
            self._plan.powercap_dir,
            self._raw_start,
            [path for path in self._counter_paths if path not in self._raw_start.energy_uj],
            self._sharing.idle_share,
            choice.profile,
            self._node,
            is_patient=self._plan.is_patient,
        )
        equipment.faults += choice.caveats
        equipment.setup = self._sharing.settle(equipment.setup, equipment.gpu_shares)
        self._tally = Tally(equipment.setup, equipment.faults)
        if self._journal is not None:
            self._journal.append("setup", equipment.setup.as_dict())
        self._equipment = equipment

    def _chosen_profile(self) -> ProfileChoice:
        """Give the profile that was named, else one that fits the machine, and have its meter read from now on."""
        from carbonprint.hardware_profile import ProfileChoice

        choice = self._plan.profile
        if choice is None:
            choice = ProfileChoice() if self._plan.find_profile is None else self._plan.find_profile()
            self._open_node(choice)
        if self._node is not None:
            self._node.start()
        return choice

    def _open_node(self, choice: ProfileChoice | None) -> None:
        """Open the meter that a profile names; a file is read at once."""
        if choice is not None and choice.profile is not None and choice.profile.meter is not None:
            from carbonprint.measuring.node_meter import NodeMeter

            self._node = NodeMeter(choice.profile.meter)

    def next_edge_s(self) -> float:
        """Give the time until the next sample. [s].

        Edges lie at multiples of the interval of the monotonic clock, so that runs which overlap share them.
        """
        now_s = time.monotonic()
        return (now_s // self.interval_s + 1) * self.interval_s - now_s

    def sample(self, job_cpu_s: float, is_of_job: Callable[[int], bool]) -> bool:
        """Add what happened since the last sample; nothing before ``load`` has ended.

        Args:
            job_cpu_s: CPU seconds of the job so far. [s].
            is_of_job: Tells whether a process id belongs to the job.

        Returns:
            Whether the job is to be ended, as whoever follows it wants.
        """
        with self._lock:
            if self._equipment is None or self._has_finished:
                return False
            at_s = time.monotonic()
            reading = self._equipment.read(at_s - self._last.at_s, is_of_job)
            interval = self._add(self._instant(at_s, job_cpu_s), reading)
            self._widen()
            return self._follow(interval)

    def finish(
        self,
        count_job_cpu_s: Callable[[], float | None],
        is_of_job: Callable[[int], bool],
        wait_for_load: Callable[[], None],
    ) -> Callable[[float | None], Measurement]:
        """Read everything for the last time, now.

        Args:
            count_job_cpu_s: Counts the CPU seconds of the job [s], or None where they cannot be read; called once,
                after the counters were read.
            is_of_job: Tells whether a process id belongs to the job.
            wait_for_load: Waits until ``load`` has ended; called where it has not, after the counters were read.

        Returns:
            A function that gives the measurement. It takes the job's CPU seconds once more, for what could be counted
            only after that wait.
        """
        with self._lock:
            is_loaded, self._has_finished = self.is_loaded, True
            if self._equipment is not None and is_loaded:
                at_s, reading = self._equipment.read_at_once(self._last.at_s, is_of_job)
                end = self._instant(at_s, 0.0)
        if not is_loaded:
            raw_end = read_counters(self._counter_paths)
            end = self._instant(raw_end.at_s, 0.0)
            node_j = self._node_energy_j(end.at_s)
        self._sharing.end(end.at_s)
        job_cpu_s = count_job_cpu_s()
        if not is_loaded:
            wait_for_load()
            if self._equipment is None:
                raise MeasurementError("neither meter nor model could be loaded")
            reading = self._equipment.replay(raw_end, end.at_s - self._start.at_s, is_of_job)
            reading = replace(reading, node_j=node_j)
        if self._node is not None:
            self._node.close()

        def measurement(counted_cpu_s: float | None) -> Measurement:
            from carbonprint.measuring.assembly import assemble

            assert self._tally is not None
            known_s = counted_cpu_s if counted_cpu_s is not None else job_cpu_s
            self._add(replace(end, job_cpu_s=known_s or 0.0), reading)
            self._sharing.close(self._tally.quiet_w, self._plan.powercap_dir)
            self._close_equipment()
            return assemble(
                self._tally,
                started_at=self.started_at,
                duration_s=end.at_s - self._start.at_s,
                interval_s=self.interval_s,
                first_interval_s=self._plan.interval_s,
                cpu_s=known_s,
            )

        return measurement

    def unknown(self, ended_s: float, cpu_s: float | None, fault: Exception) -> Measurement:
        """Give what is known of a job whose metering failed.

        Args:
            ended_s: Monotonic time at which it ended. [s].
            cpu_s: Its CPU seconds. [s]; None where they could not be read.
            fault: What went wrong.
        """
        from carbonprint.measuring.assembly import unknown_measurement

        self._sharing.end(ended_s)
        self._sharing.close({}, self._plan.powercap_dir)
        self._close_equipment()
        if self._node is not None:
            self._node.close()
        return unknown_measurement(
            started_at=self.started_at,
            duration_s=ended_s - self._start.at_s,
            interval_s=self.interval_s,
            cpu_s=cpu_s,
            fault=f"{type(fault).__name__}: {fault}",
        )

    def _close_equipment(self) -> None:
        if self._equipment is not None:
            self._equipment.close()

    def _node_energy_j(self, end_s: float) -> float | None:
        """Give the energy at the machine's input from the start to the end, where no sample has asked for it. [J]."""
        if self._node is None:
            return None
        self._node.start()
        return self._node.energy_j(self._start.at_s, end_s)

    def _instant(self, at_s: float, job_cpu_s: float) -> Instant:
        return Instant(
            at_s=at_s,
            busy_cpu_s=busy_cpu_seconds(),
            job_cpu_s=job_cpu_s,
            meter_cpu_s=self._meter_cpu_s() + self.helpers_cpu_s,
        )

    def _follow(self, interval: Interval) -> bool:
        """Tell whoever follows the run what it has used so far, and give whether it is to be ended."""
        if self._see_progress is None or self._tally is None or interval.duration_s <= 0:
            return False
        from carbonprint.measuring.progress import Progress

        if self._tally.node.is_coarse:  # its steps tell the power of no single sample
            interval = replace(interval, node_counted_j=None)
        job_j = self._tally.attribution().split(interval).job_j
        self._job_j += job_j
        progress = Progress(
            elapsed_s=self._last.at_s - self._start.at_s,
            power_w=job_j / interval.duration_s,
            energy_kwh=kwh_from_joules(self._job_j),
        )
        try:
            return self._see_progress(progress)
        except Exception as error:  # noqa: BLE001  # what is shown of a run must not cost its measurement
            from carbonprint.provenance import Caveat

            self._see_progress = None
            text = f"the run could not be followed while it went on ({type(error).__name__}: {error})"
            self._tally.faults.append(Caveat(code="not-followed", text=text))
            return False

    def _add(self, now: Instant, reading: MeterReading) -> Interval:
        assert self._equipment is not None
        assert self._tally is not None
        setup = self._tally.setup
        interval = self._equipment.interval(self._last, now, reading)
        interval = self._sharing.shared(interval, self._last, now, setup.hardware.n_cpus)
        interval = self._tally.add(interval)
        self._tally.faults += self._sharing.take_faults()
        self._last = now
        if self._sharing.has_company and not setup.has_company:
            setup = self._tally.setup = replace(setup, has_company=True)
            if self._journal is not None:
                self._journal.append("setup", setup.as_dict())
        if self._journal is not None:
            self._journal.add_interval(interval)
            for fault in self._tally.faults[self._n_faults_written :]:
                self._journal.append("caveat", list(asdict(fault).values()))
            self._n_faults_written = len(self._tally.faults)
        return interval

    def note(self, caveat: Caveat) -> None:
        """Take in something that a reader must know, with the next sample."""
        with self._lock:
            if self._tally is not None:
                self._tally.faults.append(caveat)

    def _widen(self) -> None:
        """Double the interval of a run that has taken very many samples."""
        self._n_samples += 1
        if self._plan.widens and self._n_samples % _MOST_SAMPLES == 0:
            self.interval_s = min(2 * self.interval_s, max(self.interval_s, _LONGEST_INTERVAL_S))
            if self._journal is not None:
                self._journal.append("interval_s", self.interval_s)
