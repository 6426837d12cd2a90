"""What a run adds up to: its setup and its intervals, and nothing that reads a meter.

So a run that was cut off is added up from its journal just as one that ended.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from carbonprint.hardware import Hardware, MachineKind, PowerModel
from carbonprint.measuring.attribution import Attribution, EnergySums, IdlePower
from carbonprint.measuring.intervals import Interval, coarser
from carbonprint.measuring.measurement import ReservedShare, ShareFrom
from carbonprint.measuring.node_energy import NodeTotals, spread
from carbonprint.provenance import Caveat, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUIET_SHARE = 0.05
"""Below this share of its capacity a machine counts as having nothing to do (a working assumption). [-]"""

_QUIET_OWN_CPUS = 0.1
"""And only while the job and carbonprint use less than this part of one thread: on a large machine a busy job is a
small share of the capacity, and its power must not be taken for the machine's idle. [CPU seconds per second]"""

_TELLING_S = 0.2
"""Shorter intervals tell nothing of the power in them: a counter moves once a millisecond. [s]"""

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
    node_model: str | None = None
    profile: str = ""
    profile_sources: tuple[tuple[str, Source], ...] = ()

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
        node: What the meter at the machine's input said, where there is one.
    """

    def __init__(self, setup: Setup, faults: list[Caveat] | None = None) -> None:
        self.setup = setup
        self.faults = faults if faults is not None else []
        self.extrapolated_s = 0.0
        self.duration_s = 0.0
        self.node = NodeTotals()
        self._intervals: list[Interval] = []
        self._quiet_w: dict[str, float] = {}
        self._moved: set[str] = set()

    def add(self, interval: Interval) -> Interval:
        """Add one interval, and give it as it was understood."""
        interval = self._without_stuck_counters(interval)
        self.extrapolated_s += interval.unseen_s
        self.duration_s += interval.duration_s
        for part, counted_j in (("cpu", interval.cpu_counted_j), ("ram", interval.ram_counted_j)):
            if counted_j is not None and part not in interval.still:
                self._moved.add(part)
        self.node.add(interval)
        self._note_quiet(interval)
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
        """Whether the CPU's energy comes from counters that move."""
        return "cpu" in self._moved

    @property
    def is_ram_counted(self) -> bool:
        """Whether the memory's energy comes from counters that move."""
        return "ram" in self._moved

    @property
    def is_gpu_counted(self) -> bool:
        """Whether the GPUs were seen while the job ran."""
        return any(
            gpu.energy_j is not None and gpu.unseen_s < interval.duration_s
            for interval in self._intervals
            for gpu in interval.gpus
        )

    @property
    def standing_still(self) -> frozenset[str]:
        """Components whose counters are there and did not move (``cpu``, ``ram``): 0 W is no measurement."""
        still = {part for interval in self._intervals for part in interval.still}
        return frozenset(still - self._moved)

    @property
    def idle_power(self) -> IdlePower:
        """Power of what is counted with nothing to do: the lowest known at the start or seen since, or the model."""
        known = {**self._quiet_w}
        for name, power_w in (self.setup.idle_w or {}).items():
            known[name] = min(power_w, known.get(name, power_w))
        model = self.setup.model
        return IdlePower(
            cpu_w=known.get("cpu", model.cpu_idle_w),
            ram_w=known.get("ram", model.ram_w or 0.0),
            gpus_w=tuple(known.get(f"gpu{n}", 0.0) for n in range(self._n_gpus)),
            node_w=known.get("node"),
        )

    @property
    def quiet_w(self) -> Mapping[str, float]:
        """Lowest power seen in this run with nothing to do, by component (``cpu``, ``ram``, ``gpu0`` …). [W]."""
        return dict(self._quiet_w)

    def attribution(self) -> Attribution:
        """Give what splits the intervals of this run, as far as it is known."""
        return Attribution(
            self.setup.model,
            self.idle_power,
            self.setup.reserved,
            self.setup.hardware.n_cpus,
            trust_cpu=self.is_cpu_counted,
            trust_ram=self.is_ram_counted,
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

    def mean_idle_factors(self) -> dict[str, float]:
        """By how much other runs divided the idle machine, by component, over the whole run. [-], 0 to 1."""
        if self.duration_s == 0:
            return {}
        return {
            name: sum(getattr(each.idle_factors, name) * each.duration_s for each in self._intervals)
            / self.duration_s
            for name in ("cpu", "ram", "gpu", "other")
        }

    @property
    def _n_gpus(self) -> int:
        return max((len(interval.gpus) for interval in self._intervals), default=0)

    def _note_quiet(self, interval: Interval) -> None:
        """Note the lowest power seen while the machine had next to nothing to do: its idle power is no more.

        GPUs tell no load here; the lowest power of each stands for its idle.
        """
        if interval.duration_s < _TELLING_S:
            return
        counted_j = {
            f"gpu{n}": gpu.energy_j for n, gpu in enumerate(interval.gpus) if gpu.energy_j is not None
        }
        capacity_s = interval.duration_s * self.setup.hardware.n_cpus
        own_s = interval.job_cpu_s + interval.meter_cpu_s
        is_quiet = (
            interval.busy_cpu_s is not None
            and interval.busy_cpu_s < _QUIET_SHARE * capacity_s
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
        if not interval.still or interval.duration_s < _TELLING_S:
            return interval
        return replace(
            interval,
            cpu_counted_j=None if "cpu" in interval.still else interval.cpu_counted_j,
            ram_counted_j=None if "ram" in interval.still else interval.ram_counted_j,
            # One that never moves is no counter, and what is modelled instead fills no gap in it.
            unseen_s=interval.duration_s if interval.still & self._moved else interval.unseen_s,
        )
