"""From the sums of a run to its measurement: joules to kilowatt-hours, and what a reader must know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from carbonprint.measuring.detection import machine_pseudonym
from carbonprint.measuring.gpu_tally import gpu_caveats, gpu_meter_model, gpu_share_sigma
from carbonprint.measuring.measurement import (
    Component,
    ComponentEnergy,
    Measurement,
    ReservedShare,
    Series,
)
from carbonprint.measuring.samples import pack
from carbonprint.provenance import Basis, Caveat
from carbonprint.units import kwh_from_joules

if TYPE_CHECKING:
    from datetime import datetime

    from carbonprint.measuring.tally import Tally

_INTEL_BEFORE_HASWELL = {26, 30, 31, 37, 42, 44, 45, 46, 47, 58, 62}
"""Model numbers of family 6 from Nehalem to Ivy Bridge (Linux, arch/x86/include/asm/intel-family.h)."""


_TELLING_S = 1.0
"""A shorter run says nothing of how busy others were. [s]"""

_MUCH_BY_OTHERS = 0.1
"""Above this part of the machine's capacity others have used it, too (a working assumption). [-]"""

_NEARLY_ALL = 0.99
"""From this share on a run carries all of the idle machine. [-]"""


def assemble(
    tally: Tally,
    *,
    started_at: datetime,
    duration_s: float,
    interval_s: float,
    cpu_s: float | None,
    first_interval_s: float | None = None,
) -> Measurement:
    """Give the measurement of a run whose intervals have all been added.

    Args:
        tally: The run, with all its intervals.
        started_at: When the command started (UTC).
        duration_s: How long it took. [s].
        interval_s: Time between two samples, at the end. [s].
        cpu_s: CPU seconds of the job. [s]; None where they could not be read.
        first_interval_s: The same at the start, where it may have been another. [s].
    """
    sums, devices = tally.sums(), tally.gpu_devices
    series, series_faults = _series(tally)
    reserved = _reserved(tally)
    unknown = {Component.RAM} if not tally.is_ram_counted and tally.setup.model.ram_w is None else set()
    if tally.setup.gpu_model is not None and sums.machine[Component.GPU] == 0:
        unknown.add(Component.GPU)

    def energy(joules: dict[Component, float]) -> ComponentEnergy:
        parts = {part.value: None if part in unknown else kwh_from_joules(joules[part]) for part in Component}
        return ComponentEnergy(**parts)

    job = {part: sums.job_active[part] + sums.job_idle[part] for part in Component}
    return Measurement(
        started_at=started_at,
        duration_s=duration_s,
        interval_s=interval_s,
        cpu_s=cpu_s,
        extrapolated_s=tally.extrapolated_s,
        energy=energy(job),
        active_energy=energy(sums.job_active),
        machine_energy=energy(sums.machine),
        idle_energy=energy(sums.idle),
        meter_energy_kwh=kwh_from_joules(sums.meter_j),
        rest_energy=energy(sums.rest),
        other_base_kwh=kwh_from_joules(sums.job_base_j),
        other_base_sigma=tally.setup.model.base_sigma,
        reserved=reserved,
        quality=_quality(tally, unknown),
        models=_models(tally, unknown),
        unseen=_unseen(tally),
        machine_id=machine_pseudonym(),
        outer_run=tally.setup.outer_run,
        caveats=(
            *_caveats(tally, reserved, cpu_s),
            *_interval_caveats(first_interval_s, interval_s),
            *gpu_caveats(devices),
            *series_faults,
        ),
        gpu_devices=devices,
        gpu_share_sigma=gpu_share_sigma(devices),
        series=series,
        hardware_profile=tally.setup.profile,
        profile_sources=tally.setup.profile_sources,
    )


def _series(tally: Tally) -> tuple[Series | None, list[Caveat]]:
    """Give the samples in their compact form; what goes wrong there costs no more than the samples."""
    try:
        return pack(tally), []
    except (ValueError, OverflowError) as error:
        text = f"the samples of this run could not be kept ({error})"
        return None, [Caveat(code="series-fault", text=text)]


def _reserved(tally: Tally) -> ReservedShare:
    """The mean over time of what was reserved for the job, after the runs that overlap have divided it."""
    reserved, factors = tally.setup.reserved, tally.mean_idle_factors()
    gpu = tally.mean_gpu_idle_share()

    def share(whole: float | None, name: str) -> float | None:
        return None if whole is None else whole * factors.get(name, 1.0)

    return replace(
        reserved,
        cpu=share(reserved.cpu, "cpu"),
        ram=share(reserved.ram, "ram"),
        gpu=share(reserved.gpu, "gpu") if gpu is None else gpu,
        base_share=share(reserved.other, "other"),
    )


def unknown_measurement(
    *, started_at: datetime, duration_s: float, interval_s: float, cpu_s: float | None, fault: str
) -> Measurement:
    """Give what is known of a run whose metering failed: when, how long, and its CPU seconds.

    Args:
        started_at: When the command started (UTC).
        duration_s: How long it took. [s].
        interval_s: Time between two samples. [s].
        cpu_s: CPU seconds of the job. [s]; None where they could not be read.
        fault: What went wrong.
    """
    nothing = ComponentEnergy(cpu=None, gpu=None, ram=None, other=None)
    return Measurement(
        started_at=started_at,
        duration_s=duration_s,
        interval_s=interval_s,
        cpu_s=cpu_s,
        extrapolated_s=0.0,
        energy=nothing,
        active_energy=nothing,
        machine_energy=nothing,
        idle_energy=nothing,
        meter_energy_kwh=None,
        rest_energy=nothing,
        other_base_kwh=0.0,
        other_base_sigma=0.0,
        reserved=ReservedShare(cpu=None, ram=None, gpu=None, origin=None),
        quality=dict.fromkeys(Component),
        models=dict.fromkeys(Component),
        machine_id=machine_pseudonym(),
        caveats=(Caveat(code="meter-fault", text=f"metering failed ({fault}); the energy is not known"),),
    )


def _quality(tally: Tally, unknown: set[Component]) -> dict[Component, Basis | None]:
    model = tally.setup.model
    gpu = Basis.COUNTED if tally.is_gpu_counted else Basis.MODELLED
    given_gpu = Basis.GIVEN if model.unseen_gpus_w > 0 else None
    other = Basis.GIVEN if model.node_curve else model.other_basis
    return {
        Component.CPU: Basis.COUNTED if tally.is_cpu_counted else tally.setup.model.cpu_basis,
        Component.GPU: gpu
        if tally.setup.gpu_model is not None and Component.GPU not in unknown
        else given_gpu,
        Component.RAM: None
        if Component.RAM in unknown
        else (Basis.COUNTED if tally.is_ram_counted else model.ram_basis),
        Component.OTHER: Basis.COUNTED if tally.is_node_counted else other,
    }


def _models(tally: Tally, unknown: set[Component]) -> dict[Component, str | None]:
    setup, model = tally.setup, tally.setup.model
    ram = "rapl_dram" if tally.is_ram_counted else model.ram_model
    gpu = gpu_meter_model(setup.gpu_model, tally.gpus, tally.duration_s) or (
        "gpu_profile" if model.unseen_gpus_w > 0 else None
    )
    other = setup.node_model if tally.is_node_counted else "node_profile" if model.node_curve else "other"
    return {
        Component.CPU: _rapl_model(tally) if tally.is_cpu_counted else tally.setup.model.cpu_model,
        Component.GPU: None if Component.GPU in unknown else gpu,
        Component.RAM: None if Component.RAM in unknown else ram,
        Component.OTHER: other,
    }


def _unseen(tally: Tally) -> dict[Component, tuple[float, str]]:
    """For how much of the time what was counted was not seen, and which model stood for it. [-]."""
    model = tally.setup.model
    parts = {
        Component.CPU: (tally.is_cpu_counted, "cpu", model.cpu_model),
        Component.RAM: (tally.is_ram_counted, "ram", model.ram_model),
        Component.GPU: (tally.is_gpu_counted, "gpu", "gpu_profile"),
        Component.OTHER: (tally.is_node_counted, "node", model.cpu_model),
    }
    return {
        part: (share, fallback)
        for part, (is_counted, name, fallback) in parts.items()
        if is_counted and (share := tally.unseen_share(name)) > 0
    }


def _rapl_model(tally: Tally) -> str:
    hardware = tally.setup.hardware
    if hardware.cpu_vendor == "AuthenticAMD":
        return "rapl_amd"
    is_old = hardware.cpu_family == 6 and hardware.cpu_model in _INTEL_BEFORE_HASWELL
    return "rapl_intel_old" if is_old else "rapl_intel"


def _caveats(tally: Tally, reserved: ReservedShare, cpu_s: float | None) -> list[Caveat]:
    found = list(dict.fromkeys(tally.faults))
    names = {"cpu": "the CPU", "ram": "the memory"}
    for part in sorted(tally.standing_still):
        text = f"an energy counter of {names[part]} is there but stands still: its energy is modelled instead"
        found.append(Caveat(code="counter-stands-still", text=text))
    found += _node_caveats(tally)
    if not tally.is_load_known:
        text = "how busy the machine was could not be read: all that was busy counts as the job's"
        found.append(Caveat(code="load-unknown", text=text))
    if tally.setup.outer_run is not None:
        text = f"this run took place inside run {tally.setup.outer_run}, whose figures include it: do not add them up"
        found.append(Caveat(code="inner-run", text=text))
    others_share, idle_share = tally.busy_with_others_share, reserved.cpu
    is_telling = tally.duration_s >= _TELLING_S  # /proc/stat counts in hundredths of a second
    if is_telling and others_share > _MUCH_BY_OTHERS and idle_share is not None and idle_share > _NEARLY_ALL:
        text = (
            f"others kept {others_share:.0%} of the machine busy while this run carried all of its idle power; "
            "with --idle-share busy it carries its part of what was busy"
        )
        found.append(Caveat(code="busy-machine", text=text))
    if cpu_s is None:
        text = "the job's CPU seconds could not be read; its energy holds its share of the idle machine only"
        found.append(Caveat(code="no-cpu-seconds", text=text))
    if tally.extrapolated_s > 0:
        text = f"for {tally.extrapolated_s:.2f} s a counter was not seen; a model filled that time"
        found.append(Caveat(code="extrapolated", text=text))
    return found


def _interval_caveats(first_s: float | None, last_s: float) -> list[Caveat]:
    if first_s is None or first_s == last_s:
        return []
    text = (
        f"the run was long: samples were taken every {first_s:g} s at first and every {last_s:g} s at its end"
    )
    return [Caveat(code="interval-widened", text=text)]


def _node_caveats(tally: Tally) -> list[Caveat]:
    """Say why the meter at the machine's input does not stand for the machine, where there is one and it does not."""
    if tally.setup.node_model is None or tally.node.is_believed:
        return []
    if tally.node.contradicts_its_parts:
        text = (
            f"the meter of the hardware profile was not used: it counted {tally.node.node_j:.4g} J for the whole "
            f"machine, and the counters of its parts {tally.node.parts_j:.4g} J; check its unit and what it measures"
        )
    elif tally.node.is_coarse:
        text = (
            "the meter of the hardware profile was not used: it stands still, or counts in steps too large for so "
            "short a run"
        )
    else:
        text = "the meter of the hardware profile was not used: it could not be read, or held no such number"
    return [Caveat(code="node-meter-not-used", text=text)]
