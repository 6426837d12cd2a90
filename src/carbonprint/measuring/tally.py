"""What a run adds up to: its setup and its intervals, and nothing that reads a meter.

So a run that was cut off is added up from its journal just as one that ended.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from carbonprint.hardware import Hardware, MachineKind, PowerModel
from carbonprint.measuring.attribution import Attribution, EnergySums, IdlePower
from carbonprint.measuring.gpu_tally import GpuTally, gpu_devices
from carbonprint.measuring.intervals import Interval, coarser
from carbonprint.measuring.measurement import GpuDevice, ReservedShare, ShareFrom
from carbonprint.measuring.node_energy import NodeTotals, spread
from carbonprint.measuring.series import SeriesWriter
from carbonprint.provenance import Caveat, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

QUIET_SHARE = 0.05
"""Below this share of its capacity a machine counts as having nothing to do (a working assumption). [-]"""

_QUIET_OWN_CPUS = 0.1
"""And only while the job and carbonprint use less than this part of one thread: on a large machine a busy job is a
small share of the capacity, and its power must not be taken for the machine's idle. [CPU seconds per second]"""

_TELLING_S = 0.2
"""Shorter intervals tell nothing of the power in them: a counter moves once a millisecond. [s]"""

_STILL_S = 0.02
"""In so long every counter that works has moved: it is updated about once a millisecond (Intel SDM, volume 3B). [s]"""

_MOSTLY = 0.5
"""A component counts as counted where its counter was seen for so much of the time (a working assumption). [-]"""

_MOST_INTERVALS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What stays the same while a run lasts.

    Attributes:
        hardware: The machine.
        model: Power of what no counter tells.
        reserved: The share of the machine reserved for the job.
        has_cpu_counters: Whether the CPU packages have counters that could be read.
        gpu_model: Which kind of GPU meter there is, by the names of ``reference/power.toml``; None without a GPU.
        gpu_names: Name of each GPU.
        idle_w: Idle power by component (``cpu``, ``ram``, ``gpu0``, ``node`` …) as it was known at the start. [W].
        outer_run: Id of the run that this one takes place in; None of an outermost one.
        has_company: Whether another run was seen that shares the idle machine with this one.
        node_model: Which meter of ``reference/power.toml`` stands at the machine's input; None where none does.
        profile: The hardware profile, by name and file; ``""`` without one.
        profile_sources: Figure of it (``"power"``, ``"base"`` …) and where that comes from.
    """

    hardware: Hardware
    model: PowerModel
    reserved: ReservedShare
    has_cpu_counters: bool = False
    gpu_model: str | None = None
    gpu_names: tuple[str, ...] = ()
    idle_w: Mapping[str, float] | None = None
    outer_run: str | None = None
    has_company: bool = False
    node_model: str | None = None
    profile: str = ""
    profile_sources: tuple[tuple[str, Source], ...] = ()

    def attribution(
        self, idle: IdlePower, *, trust_cpu: bool, trust_ram: bool, trust_node: bool
    ) -> Attribution:
        """Give what splits the intervals of a run on this machine.

        Args:
            idle: The idle power of what is counted.
            trust_cpu: Whether the counters of the CPU packages moved in it.
            trust_ram: The same of the memory.
            trust_node: Whether the meter at the machine's input stands for the machine.
        """
        return Attribution(
            self.model,
            idle,
            self.reserved,
            self.hardware.n_cpus,
            trust_cpu=trust_cpu,
            trust_ram=trust_ram,
            trust_node=trust_node,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Read what ``as_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: If it is something else.
        """
        hardware, model, reserved = fields["hardware"], fields["model"], fields["reserved"]
        origin = None if reserved["origin"] is None else ShareFrom(reserved["origin"])
        return cls(
            hardware=Hardware(**{**hardware, "kind": MachineKind(hardware["kind"])}),
            model=PowerModel.from_dict(model),
            reserved=ReservedShare(**{**reserved, "origin": origin}),
            has_cpu_counters=fields["has_cpu_counters"],
            gpu_model=fields["gpu_model"],
            gpu_names=tuple(fields["gpu_names"]),
            idle_w=fields["idle_w"],
            outer_run=fields.get("outer_run"),
            has_company=fields.get("has_company", False),
            node_model=fields.get("node_model"),
            profile=fields.get("profile", ""),
            profile_sources=tuple(
                (name, Source(**source)) for name, source in fields.get("profile_sources", ())
            ),
        )


class Tally:
    """Adds up the intervals of one run.

    Args:
        setup: What stays the same while it lasts.
        faults: What has gone wrong so far; the list may grow while the run lasts.

    Attributes:
        setup: As given.
        faults: What went wrong so far, each in words.
        extrapolated_s: Time for which a counter was not seen and a model filled the gap. [s].
        duration_s: Time that has been added. [s].
        gpus: What the samples say of the GPUs.
        series: Every interval that has been added, in the compact form.
        node: What the meter at the machine's input said, where there is one.
    """

    def __init__(self, setup: Setup, faults: list[Caveat] | None = None) -> None:
        self.setup = setup
        self.faults = faults if faults is not None else []
        self.extrapolated_s = 0.0
        self.duration_s = 0.0
        self.gpus = GpuTally()
        self._n_gpus = 0
        self.series = SeriesWriter()
        self.node = NodeTotals()
        self._intervals: list[Interval] = []
        self._quiet_w: dict[str, float] = {}
        self._moved: set[str] = set()
        self._seen_s: dict[str, float] = {}

    def add(self, interval: Interval) -> Interval:
        """Add one interval, and give it as it was understood."""
        interval = self._without_stuck_counters(interval)
        self.extrapolated_s += interval.unseen_s
        self.duration_s += interval.duration_s
        counted_j = {
            "cpu": interval.cpu_counted_j,
            "ram": interval.ram_counted_j,
            "node": interval.node_counted_j,
        }
        for part, energy_j in counted_j.items():
            if energy_j is not None:
                self._seen_s[part] = self._seen_s.get(part, 0.0) + interval.duration_s
                if part not in interval.still:
                    self._moved.add(part)
        self._n_gpus = max(self._n_gpus, len(interval.gpus))
        self.node.add(interval)
        self._note_quiet(interval)
        self.gpus.add(interval)
        self.series.add(interval)
        self._intervals.append(interval)
        if len(self._intervals) > _MOST_INTERVALS:
            self._intervals = coarser(self._intervals)
        return interval

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """What was added, as it was understood."""
        return tuple(self._intervals)

    @property
    def is_load_known(self) -> bool:
        """Whether it could be read how busy the machine was."""
        return all(interval.busy_cpu_s is not None for interval in self._intervals)

    @property
    def is_cpu_counted(self) -> bool:
        """Whether the CPU's energy comes from counters that move, for most of the time."""
        return "cpu" in self._moved and self._is_mostly_seen("cpu")

    @property
    def is_ram_counted(self) -> bool:
        """Whether the memory's energy comes from counters that move, for most of the time."""
        return "ram" in self._moved and self._is_mostly_seen("ram")

    @property
    def is_node_counted(self) -> bool:
        """Whether the meter at the machine's input stands for the machine, for most of the time."""
        return self.node.is_believed and self._is_mostly_seen("node")

    def unseen_share(self, part: str) -> float:
        """For which part of the time a component (``cpu``, ``ram``, ``gpu``, ``node``) was not seen. [-], 0 to 1."""
        if self.duration_s <= 0:
            return 0.0
        if part == "gpu":
            unseen_s = sum(
                max((gpu.unseen_s for gpu in each.gpus), default=each.duration_s) for each in self._intervals
            )
            return min(1.0, unseen_s / self.duration_s)
        return max(0.0, 1.0 - self._seen_s.get(part, 0.0) / self.duration_s)

    def _is_mostly_seen(self, part: str) -> bool:
        """Whether a counter was seen for so long that what it says, and how sure it is, holds for the whole run."""
        return self.unseen_share(part) <= 1 - _MOSTLY

    @property
    def is_gpu_counted(self) -> bool:
        """Whether the GPUs were seen for most of the time."""
        return self.duration_s > 0 and self._is_mostly_seen("gpu")

    @property
    def standing_still(self) -> frozenset[str]:
        """Components whose counters are there and did not move (``cpu``, ``ram``): 0 W is no measurement."""
        still = {part for interval in self._intervals for part in interval.still}
        return frozenset(still - self._moved)

    @property
    def idle_power(self) -> IdlePower:
        """Power of what is counted with nothing to do: the lowest known at the start or seen since, or the model."""
        known, model = self.known_idle_w, self.setup.model
        return IdlePower(
            cpu_w=known.get("cpu", model.cpu_idle_w),
            ram_w=known.get("ram", model.ram_w or 0.0),
            gpus_w=tuple(known.get(f"gpu{n}", 0.0) for n in range(self._n_gpus)),
            node_w=known.get("node"),
        )

    @property
    def known_idle_w(self) -> Mapping[str, float]:
        """Idle power by component (``cpu``, ``gpu0`` …) where it is known: at the start, or lower in this run. [W].

        Runs that overlap go by what was known at the start, which is the same for all of them: with a figure of its own
        for each, their sum could exceed the machine. Only of GPUs there is no model to fall back on.
        """
        known = dict(self.setup.idle_w or {})
        for name, power_w in self._quiet_w.items():
            if not self.setup.has_company:
                known[name] = min(power_w, known.get(name, power_w))
            elif name.startswith("gpu"):
                known.setdefault(name, power_w)
        return known

    @property
    def gpu_devices(self) -> tuple[GpuDevice, ...]:
        """What each GPU adds up to."""
        return gpu_devices(self.gpus, self._intervals, self.setup.gpu_names, self.known_idle_w)

    @property
    def quiet_w(self) -> Mapping[str, float]:
        """Lowest power seen in this run with nothing to do, by component (``cpu``, ``ram``, ``gpu0`` …). [W]."""
        return dict(self._quiet_w)

    def attribution(self) -> Attribution:
        """Give what splits the intervals of this run, as far as it is known."""
        return self.setup.attribution(
            self.idle_power,
            trust_cpu="cpu" in self._moved,
            trust_ram="ram" in self._moved,
            trust_node=self.node.is_believed,
        )

    def sums(self) -> EnergySums:
        """Add up all intervals."""
        attribution, sums = self.attribution(), EnergySums()
        for interval in self._finished_intervals():
            sums.add(attribution.split(interval))
        return sums

    def _finished_intervals(self) -> list[Interval]:
        """Give the intervals with the steps of a coarse meter spread over the time that they took."""
        return spread(self._intervals) if self.node.is_coarse else self._intervals

    @property
    def busy_with_others_share(self) -> float:
        """How much of the machine others kept busy, as a mean over the run. [-], 0 to 1."""
        others_s = sum(
            max(0.0, (each.busy_cpu_s or 0.0) - each.job_cpu_s - each.meter_cpu_s) for each in self._intervals
        )
        capacity_s = self.duration_s * self.setup.hardware.n_cpus
        return min(1.0, others_s / capacity_s) if capacity_s > 0 else 0.0

    def mean_gpu_idle_share(self) -> float | None:
        """The job's part of the idle GPUs, as a mean over boards and time. [-], 0 to 1; None without any."""
        weighed = [
            (gpu.idle_share * each.idle_factors.gpu * each.duration_s, each.duration_s)
            for each in self._intervals
            for gpu in each.gpus
        ]
        total_s = sum(duration_s for _, duration_s in weighed)
        return sum(share_s for share_s, _ in weighed) / total_s if total_s > 0 else None

    def mean_idle_factors(self) -> dict[str, float]:
        """By how much other runs divided the idle machine, by component, over the whole run. [-], 0 to 1."""
        if self.duration_s == 0:
            return {}
        return {
            name: sum(getattr(each.idle_factors, name) * each.duration_s for each in self._intervals)
            / self.duration_s
            for name in ("cpu", "ram", "gpu", "other")
        }

    def _note_quiet(self, interval: Interval) -> None:
        """Note the lowest power seen while the machine had next to nothing to do: its idle power is no more.

        A GPU by its own load: a job that keeps it at work all the time shows nothing of its idle power.
        """
        if interval.duration_s < _TELLING_S:
            return
        counted_j = {
            f"gpu{n}": gpu.energy_j
            for n, gpu in enumerate(interval.gpus)
            if gpu.energy_j is not None and gpu.utilisation == 0
        }
        capacity_s = interval.duration_s * self.setup.hardware.n_cpus
        own_s = interval.job_cpu_s + interval.meter_cpu_s
        is_quiet = (
            interval.busy_cpu_s is not None
            and interval.busy_cpu_s < QUIET_SHARE * capacity_s
            and own_s < _QUIET_OWN_CPUS * interval.duration_s
        )
        if is_quiet:
            machine_j = {"cpu": interval.cpu_counted_j, "ram": interval.ram_counted_j}
            if not self.node.is_coarse:
                machine_j["node"] = interval.node_counted_j
            counted_j |= {
                part: energy_j
                for part, energy_j in machine_j.items()
                if energy_j is not None and part not in interval.still
            }
        for name, energy_j in counted_j.items():
            power_w = energy_j / interval.duration_s
            self._quiet_w[name] = min(power_w, self._quiet_w.get(name, power_w))

    def _without_stuck_counters(self, interval: Interval) -> Interval:
        """Refuse the reading of a counter that did not move for as long as every working one does."""
        if not interval.still or interval.duration_s < _STILL_S:
            return interval
        return replace(
            interval,
            cpu_counted_j=None if "cpu" in interval.still else interval.cpu_counted_j,
            ram_counted_j=None if "ram" in interval.still else interval.ram_counted_j,
            # One that never moves is no counter, and what is modelled instead fills no gap in it.
            unseen_s=interval.duration_s if interval.still & self._moved else interval.unseen_s,
        )
