"""What this machine is, and what a run on it would be measured by: looked at for half a second."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from carbonprint.hardware import MachineKind
from carbonprint.measuring.assembly import assemble
from carbonprint.measuring.busy import busy_cpu_seconds
from carbonprint.measuring.counters import find_counters, read_counters
from carbonprint.measuring.detection import core_count, machine_names
from carbonprint.measuring.equipment import open_equipment
from carbonprint.measuring.measurement import Component
from carbonprint.measuring.node_meter import NodeMeter
from carbonprint.measuring.readings import Instant
from carbonprint.measuring.remedies import (
    Remedy,
    counters_remedies,
    gpu_remedies,
    has_ipmi,
    is_in_container,
    power_sensors,
)
from carbonprint.measuring.tally import Tally
from carbonprint.provenance import Basis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carbonprint.hardware import Hardware
    from carbonprint.hardware_profile import HardwareProfile, ProfileChoice
    from carbonprint.measuring.equipment import Equipment
    from carbonprint.measuring.measurement import Measurement, ReservedShare
    from carbonprint.provenance import Caveat

_LOOK_S = 0.5
"""Long enough to see whether a counter moves. [s]"""

_LONGEST_ANSWER_S = 5.0
"""How long a meter's command may take to answer. [s]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentMeter:
    """What one component would be measured by.

    Attributes:
        component: The component.
        model: Meter or model of ``reference/power.toml``; None for a component that is not there or not known.
        basis: Its quality; None likewise.
        power_w: Its power while this was looked at. [W]; None where it is not known.
        idle_w: Its power with nothing to do, as it is known beforehand. [W]; None where it is not.
    """

    component: Component
    model: str | None
    basis: Basis | None
    power_w: float | None
    idle_w: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was found on this machine.

    Attributes:
        hardware: The machine.
        names: By which a profile can be matched: ``cpu``, ``product`` and ``hostname``.
        n_cores: Cores of all sockets; None where they could not be told.
        gpu_names: Name of each GPU that is seen.
        in_container: Whether this is a container.
        reserved: What of the machine is reserved for a run.
        components: What each would be measured by.
        power_w: The whole machine while this was looked at. [W]; None where nothing is known.
        profile: The hardware profile that holds here.
        remedies: What is missing, and what mends it.
        sensors: Files that tell the power of the whole machine.
        has_ipmi: Whether a BMC could be asked.
        caveats: What a run here would say with its figures.
    """

    hardware: Hardware
    names: dict[str, str]
    n_cores: int | None
    gpu_names: tuple[str, ...]
    in_container: bool
    reserved: ReservedShare
    components: tuple[ComponentMeter, ...]
    power_w: float | None
    profile: HardwareProfile | None
    remedies: tuple[Remedy, ...]
    sensors: tuple[Path, ...]
    has_ipmi: bool
    caveats: tuple[Caveat, ...]


def take_survey(powercap_dir: Path, choice: ProfileChoice, root: Path = Path("/")) -> Survey:
    """Look at this machine.

    Args:
        powercap_dir: The powercap tree.
        choice: The hardware profile that holds here.
        root: Where the rest of ``proc``, ``sys`` and ``dev`` is looked for.
    """
    profile = choice.profile
    node = None if profile is None or profile.meter is None else NodeMeter(profile.meter)
    paths = find_counters(powercap_dir)
    start = read_counters(paths)
    unreadable = [path for path in paths if path not in start.energy_uj]
    try:
        if node is not None:
            node.start()
        equipment = open_equipment(powercap_dir, start, unreadable, profile=profile, node=node)
        equipment.faults += choice.caveats
        tally = Tally(equipment.setup, equipment.faults)
        look(equipment, tally, _LOOK_S)
        deadline_s = time.monotonic() + _LONGEST_ANSWER_S
        while node is not None and not node.has_answered and time.monotonic() < deadline_s:
            look(equipment, tally, _LOOK_S)
    finally:
        if node is not None:
            node.close()
    seen = assemble(
        tally,
        started_at=datetime.now(tz=UTC),
        duration_s=tally.duration_s,
        interval_s=_LOOK_S,
        cpu_s=0.0,
    )
    setup, in_container = equipment.setup, is_in_container(root)
    remedies = tuple(
        _remedies(tally, seen, powercap_dir, profile, root, unreadable=unreadable, in_container=in_container)
    )
    return Survey(
        hardware=setup.hardware,
        names=machine_names(root),
        n_cores=core_count(root),
        gpu_names=setup.gpu_names,
        in_container=in_container,
        reserved=setup.reserved,
        components=tuple(_components(tally, seen)),
        power_w=_power_w(seen.machine_energy.total, tally.duration_s),
        profile=profile,
        remedies=remedies,
        sensors=tuple(power_sensors(root)),
        has_ipmi=has_ipmi(root),
        caveats=seen.caveats,
    )


def look(equipment: Equipment, tally: Tally, duration_s: float) -> None:
    """Wait, and add to the tally what the meters saw meanwhile.

    Args:
        equipment: The meters.
        tally: What is added to.
        duration_s: How long to look. [s].
    """
    last = _now()
    equipment.read(0.0, _is_nobodys)
    time.sleep(duration_s)
    now = _now()
    tally.add(equipment.interval(last, now, equipment.read(now.at_s - last.at_s, _is_nobodys)))


def _now() -> Instant:
    return Instant(
        at_s=time.monotonic(), busy_cpu_s=busy_cpu_seconds(), job_cpu_s=0.0, meter_cpu_s=time.process_time()
    )


def _is_nobodys(_pid: int) -> bool:
    return False


def _components(tally: Tally, seen: Measurement) -> Iterator[ComponentMeter]:
    model, known_w = tally.setup.model, dict(tally.setup.idle_w or {})
    gpu_w = [power_w for name, power_w in known_w.items() if name.startswith("gpu")]
    idle_w = {
        Component.CPU: known_w.get("cpu", None if tally.is_cpu_counted else model.cpu_idle_w),
        Component.RAM: known_w.get("ram", None if tally.is_ram_counted else model.ram_w),
        Component.GPU: sum(gpu_w) if gpu_w else (model.unseen_gpus_w or None),
        Component.OTHER: None,
    }
    for component in Component:
        yield ComponentMeter(
            component=component,
            model=seen.models[component] if seen.quality[component] is not None else None,
            basis=seen.quality[component],
            power_w=_power_w(getattr(seen.machine_energy, component.value), tally.duration_s),
            idle_w=idle_w[component],
        )


def _power_w(energy_kwh: float | None, duration_s: float) -> float | None:
    return None if energy_kwh is None or duration_s <= 0 else energy_kwh * 3.6e6 / duration_s


def _remedies(
    tally: Tally,
    seen: Measurement,
    powercap_dir: Path,
    profile: HardwareProfile | None,
    root: Path,
    *,
    unreadable: Sequence[str],
    in_container: bool,
) -> Iterator[Remedy]:
    """Say what is missing, the most useful first."""
    setup, hardware = tally.setup, tally.setup.hardware
    is_virtual = hardware.kind is MachineKind.VIRTUAL
    yield from counters_remedies(
        hardware,
        powercap_dir,
        unreadable=unreadable,
        in_container=in_container,
        has_counters=setup.has_cpu_counters,
    )
    yield from gpu_remedies(root, in_container=in_container, n_gpus=len(setup.gpu_names))
    if is_virtual and seen.quality[Component.CPU] is Basis.DEFAULT:
        yield Remedy(code="virtual-part-unknown", lines=("carbonprint hardware profile > node.toml",))
    elif seen.models[Component.CPU] == "cpu_per_thread":
        values = {"cpu": hardware.cpu_name or "CPU"}
        yield Remedy(code="tdp-unknown", lines=("carbonprint hardware profile > node.toml",), values=values)
    is_counted = tally.is_cpu_counted or tally.is_ram_counted
    if is_counted and "cpu" not in (setup.idle_w or {}):
        yield Remedy(code="idle-unknown", lines=("carbonprint hardware calibrate",))
    if (
        seen.quality[Component.OTHER] is not Basis.COUNTED
        and not is_virtual
        and (profile is None or not profile.meter)
    ):
        sensors = power_sensors(root)
        if sensors and os.access(sensors[0], os.R_OK):
            values = {"path": str(sensors[0])}
            yield Remedy(
                code="sensor-not-used", lines=("carbonprint hardware profile > node.toml",), values=values
            )
        else:
            yield Remedy(code="no-meter", lines=("carbonprint hardware profile > node.toml",))
