"""Measure what the machine draws with nothing to do, while nobody uses it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carbonprint.errors import MeasurementError
from carbonprint.measuring.counters import find_counters, read_counters
from carbonprint.measuring.equipment import open_equipment
from carbonprint.measuring.idle_power import CALIBRATION, note_idle_w
from carbonprint.measuring.node_meter import NodeMeter
from carbonprint.measuring.survey import look
from carbonprint.measuring.tally import QUIET_SHARE, Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carbonprint.hardware_profile import ProfileChoice
    from carbonprint.measuring.intervals import Interval

_STEP_S = 1.0
"""How often it is looked whether the machine is still quiet. [s]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What a machine draws with nothing to do.

    Attributes:
        idle_w: Idle power by component (``cpu``, ``ram``, ``gpu0``, ``node`` …). [W].
        duration_s: How long the machine was quiet while this was measured. [s].
        busy_share: How busy it was meanwhile. [-], below 0.05.
    """

    idle_w: dict[str, float]
    duration_s: float
    busy_share: float


def calibrate(
    powercap_dir: Path,
    choice: ProfileChoice,
    *,
    quiet_s: float,
    patience_s: float,
    tell_busy: Callable[[float], None] = lambda _share: None,
) -> Calibration:
    """Wait until the machine has been quiet for a while, and note what it drew meanwhile for the runs of this boot.

    Args:
        powercap_dir: The powercap tree.
        choice: The hardware profile that holds here.
        quiet_s: For how long it is to be quiet. [s], > 0.
        patience_s: How long to wait for that, in all. [s].
        tell_busy: Told how busy the machine is [-], whenever that keeps us waiting.

    Raises:
        MeasurementError: If there are no counters, the machine does not become quiet, or what was measured cannot be
            kept.
    """
    profile = choice.profile
    node = None if profile is None or profile.meter is None else NodeMeter(profile.meter)
    try:
        if node is not None:
            node.start()
        equipment = open_equipment(
            powercap_dir, read_counters(find_counters(powercap_dir)), (), profile=profile, node=node
        )
        setup = equipment.setup
        if not (setup.has_cpu_counters or setup.gpu_names or node is not None):
            raise MeasurementError(
                "there is no counter or meter that could be read, so the idle power stays modelled; "
                "carbonprint hardware says what is missing"
            )
        quiet: list[Interval] = []
        deadline_s = time.monotonic() + patience_s
        while sum(each.duration_s for each in quiet) < quiet_s:
            tally = Tally(setup, equipment.faults)
            look(equipment, tally, min(_STEP_S, quiet_s))
            (interval,) = tally.intervals
            busy_share = _busy_share([interval], setup.hardware.n_cpus)
            if busy_share < QUIET_SHARE:
                quiet.append(interval)
                continue
            quiet.clear()
            if time.monotonic() > deadline_s:
                raise MeasurementError(
                    f"the machine did not become quiet within {patience_s:.0f} s ({busy_share:.0%} of it was busy "
                    f"at the end, and less than {QUIET_SHARE:.0%} is needed for {quiet_s:g} s); try again when nobody "
                    "uses it"
                )
            tell_busy(busy_share)
    finally:
        if node is not None:
            node.close()
    idle_w = idle_powers_w(quiet)
    if not idle_w:
        raise MeasurementError(
            "the counters that are there stand still, so the idle power stays modelled; carbonprint hardware says more"
        )
    if not note_idle_w(idle_w, CALIBRATION, powercap_dir):
        raise MeasurementError(
            "the idle power was measured and could not be kept: while a run is live it is not changed, and one of "
            "/run/carbonprint and /dev/shm/carbonprint must be writable"
        )
    return Calibration(
        idle_w=idle_w,
        duration_s=sum(each.duration_s for each in quiet),
        busy_share=_busy_share(quiet, setup.hardware.n_cpus),
    )


def idle_powers_w(quiet: list[Interval]) -> dict[str, float]:
    """Give the mean power of what was counted over quiet intervals, by component. [W].

    Of what was not seen in one of them, or stood still, nothing is said. Of a GPU, whose load that of the CPUs does not
    tell, it is the lowest power while it did nothing.
    """
    duration_s = sum(each.duration_s for each in quiet)
    found = {}
    for name, of in (("cpu", "cpu_counted_j"), ("ram", "ram_counted_j"), ("node", "node_counted_j")):
        counted_j = [getattr(each, of) for each in quiet if name not in each.still]
        if len(counted_j) == len(quiet) and all(counted_j):
            found[name] = sum(counted_j) / duration_s
    for number in range(min((len(each.gpus) for each in quiet), default=0)):
        uses = [(each.gpus[number], each.duration_s) for each in quiet]
        powers_w = [
            use.energy_j / seconds
            for use, seconds in uses
            if use.energy_j is not None and use.utilisation == 0
        ]
        if powers_w:
            found[f"gpu{number}"] = min(powers_w)
    return found


def _busy_share(intervals: list[Interval], n_cpus: int) -> float:
    """How busy the machine was, without what carbonprint itself did. [-]; all of it where that cannot be read."""
    capacity_s = sum(each.duration_s for each in intervals) * n_cpus
    if capacity_s <= 0 or any(each.busy_cpu_s is None for each in intervals):
        return 1.0
    busy_s = sum(max(0.0, (each.busy_cpu_s or 0.0) - each.meter_cpu_s) for each in intervals)
    return min(1.0, busy_s / capacity_s)
