"""What a hardware profile changes in the model of a machine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from carbonprint.hardware import Curve, Hardware, MachineKind, PowerModel
from carbonprint.hardware_profile import HardwareProfile, PowerAt
from carbonprint.measuring.detection import power_model
from carbonprint.provenance import Basis, Caveat
from carbonprint.reference import power

if TYPE_CHECKING:
    from collections.abc import Sequence


def profiled_model(hardware: Hardware, profile: HardwareProfile | None, tdp_w: float | None) -> PowerModel:
    """Choose the model for what no counter tells, with what a profile states.

    A profile is of the whole physical machine; of each of its powers, a virtual machine takes its part.

    Args:
        hardware: The machine.
        profile: Its profile; None where there is none.
        tdp_w: TDP of one CPU package by codecarbon's table. [W], or None where it does not know the CPU.

    Sources:
        ``reference/power.toml``: cpu_from_tdp, cpu_per_thread, dram, other, psu, base_power.

    Example:
        A virtual machine with 8 of the host's 64 threads, whose packages draw 60 W idle and 300 W at full load: its
        own model has 7.5 W and 37.5 W.
    """
    if profile is None:
        return power_model(hardware, tdp_w)
    part = profile.part_of_machine(hardware)
    physical = _physical(hardware, profile, part)
    model = power_model(physical, profile.tdp_w if profile.tdp_w is not None else tdp_w)
    model = _with_other(_with_memory(_with_cpu(model, profile), profile), profile)
    return _part_of(model, part)


def idle_powers_w(
    hardware: Hardware, profile: HardwareProfile | None, gpu_names: Sequence[str]
) -> dict[str, float]:
    """Give the idle power that a profile states of what is counted, by component (``cpu``, ``gpu0``, ``node`` …). [W].

    Args:
        hardware: The machine.
        profile: Its profile.
        gpu_names: Name of each GPU that a driver shows.
    """
    if profile is None:
        return {}
    idle_w = {}
    if profile.curve:
        name = "cpu" if profile.power_at is PowerAt.PACKAGE else "node"
        idle_w[name] = profile.curve[0][1] * profile.part_of_machine(hardware)
    if profile.meter is not None and profile.meter.idle_w is not None:
        idle_w["node"] = profile.meter.idle_w
    for number, gpu_name in enumerate(gpu_names):
        for gpu in profile.gpus:
            if gpu.name.casefold() in gpu_name.casefold():
                idle_w[f"gpu{number}"] = gpu.idle_w
                break
    return idle_w


def profile_caveats(
    hardware: Hardware,
    profile: HardwareProfile | None,
    gpu_names: Sequence[str],
    *,
    n_cores: int | None = None,
) -> list[Caveat]:
    """Say where a profile does not fit the machine, and what its figures leave out.

    Args:
        hardware: The machine as it was read.
        profile: The profile.
        gpu_names: Name of each GPU that a driver shows.
        n_cores: Cores of the machine, where they could be read.
    """
    if profile is None:
        return []
    found = []
    if not profile.is_of_a_part:
        pairs = (
            ("sockets", profile.n_sockets, hardware.n_sockets),
            ("cores", profile.n_cores, n_cores),
            ("threads", profile.n_threads, hardware.n_cpus),
        )
        wrong = [
            f"{there} {name}, not {stated}"
            for name, stated, there in pairs
            if None not in (stated, there) and stated != there
        ]
        if wrong:
            text = f"the hardware profile {profile.name} may be of another machine: this one has {', '.join(wrong)}"
            found.append(Caveat(code="profile-misfit", text=text))
    if profile.gpus and not gpu_names:
        n_gpus = sum(gpu.count for gpu in profile.gpus)
        text = (
            f"no driver shows the {n_gpus} GPUs of the hardware profile: "
            "their idle power counts, their work does not"
        )
        found.append(Caveat(code="gpus-not-seen", text=text))
    return found


def _physical(hardware: Hardware, profile: HardwareProfile, part: float) -> Hardware:
    """Give the machine that the profile speaks of, as far as it does."""
    kind, n_cpus = profile.kind or hardware.kind, hardware.n_cpus
    memory_gib = profile.memory_gib if profile.memory_gib is not None else hardware.memory_gib
    if profile.is_of_a_part:
        kind = MachineKind.SERVER if kind is MachineKind.VIRTUAL else kind
        n_cpus = profile.host_threads or max(n_cpus, round(n_cpus / part))
        if profile.memory_gib is None and memory_gib is not None:
            memory_gib /= part  # the virtual machine's own memory is all its own
    return replace(
        hardware,
        kind=kind,
        n_sockets=profile.n_sockets or (1 if profile.is_of_a_part else hardware.n_sockets),
        n_cpus=n_cpus,
        memory_gib=memory_gib,
        is_recognised=hardware.is_recognised or profile.kind is not None,
    )


def _with_cpu(model: PowerModel, profile: HardwareProfile) -> PowerModel:
    if profile.power_at is PowerAt.WALL:
        return replace(model, node_curve=profile.curve)
    if not profile.curve:
        return model
    return replace(
        model,
        cpu_idle_w=profile.curve[0][1],
        cpu_full_w=profile.curve[-1][1],
        cpu_curve=profile.curve if len(profile.curve) > 2 else (),
        cpu_model="cpu_profile",
        cpu_basis=Basis.GIVEN,
    )


def _with_memory(model: PowerModel, profile: HardwareProfile) -> PowerModel:
    if profile.memory_w is None:
        return model
    return replace(model, ram_w=profile.memory_w, ram_model="ram_profile", ram_basis=Basis.GIVEN)


def _with_other(model: PowerModel, profile: HardwareProfile) -> PowerModel:
    """Take what is stated of the base power and the power supply."""
    if profile.base_w is not None:
        base_w = profile.base_w + (profile.psu_loss_w or 0.0)
        model = replace(model, base_w=base_w, base_sigma=power.given_base_sigma(), other_basis=Basis.GIVEN)
    if profile.psu_efficiency is not None:
        model = replace(model, other_fraction=power.other_fraction_of_psu(profile.psu_efficiency))
    elif (
        profile.psu_loss_w is not None
    ):  # all of its loss is in the base: what is left of the slope is the rest's
        model = replace(model, other_fraction=power.other_fraction_of_psu(1.0))
    return model


def _part_of(model: PowerModel, part: float) -> PowerModel:
    if part == 1:
        return model
    return replace(
        model,
        cpu_idle_w=model.cpu_idle_w * part,
        cpu_full_w=model.cpu_full_w * part,
        cpu_curve=_scaled(model.cpu_curve, part),
        node_curve=_scaled(model.node_curve, part),
        ram_w=None if model.ram_w is None else model.ram_w * part,
        base_w=model.base_w * part,
    )


def _scaled(curve: Curve, part: float) -> Curve:
    return tuple((load, power_w * part) for load, power_w in curve)


def unseen_gpus_w(profile: HardwareProfile | None, gpu_names: Sequence[str]) -> float:
    """Idle power of the GPUs of a profile where no driver shows any. [W]; they are not shared with other machines."""
    if profile is None or gpu_names:
        return 0.0
    return sum(gpu.count * gpu.idle_w for gpu in profile.gpus)
