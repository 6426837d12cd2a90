"""Which GPUs are the job's: what scheduler, container and user say in its environment; no driver, no file.

The job has the wrapper's environment. Devices are counted as the driver's management library counts them, by PCI bus.

Sources:
    NVIDIA, CUDA C++ Programming Guide, environment variables; NVIDIA Container Toolkit, NVIDIA_VISIBLE_DEVICES; Slurm,
    srun and gres.conf (SLURM_JOB_GPUS, sharding); AMD, ROCm documentation, GPU isolation techniques.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SAY_NOTHING = {"", "all", "none", "void"}
"""Values of NVIDIA_VISIBLE_DEVICES that name no device: where there are any, they came in another way (CDI)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceId:
    """What a device is called by.

    Attributes:
        names: Its UUIDs and serials, in the forms that a variable may have them.
        mig_names: The same of each of its MIG instances, in the driver's order.
        model: Its model.
    """

    names: tuple[str, ...] = ()
    mig_names: tuple[tuple[str, ...], ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuReservation:
    """The devices of one maker that are the job's.

    Attributes:
        devices: Numbers of those that are, from 0.
        mig_instances: Of these that are cut into instances, the ones that are named: (device, instance).
        is_restricted: Whether anything says so; all are the job's where nothing does.
        is_by_scheduler: Whether a scheduler gave whole boards.
        is_order_sure: Whether the numbers surely mean these devices.
    """

    devices: frozenset[int]
    mig_instances: frozenset[tuple[int, int]] = field(default_factory=frozenset)
    is_restricted: bool = False
    is_by_scheduler: bool = False
    is_order_sure: bool = True


def nvidia_reservation(devices: Sequence[DeviceId], environment: Mapping[str, str]) -> GpuReservation:
    """Tell which NVIDIA devices are the job's.

    Args:
        devices: All that the driver shows.
        environment: Of the job.
    """
    everything = list(range(len(devices)))
    slurm = environment.get("SLURM_STEP_GPUS") or environment.get("SLURM_JOB_GPUS")
    outer = [
        _by_host_numbers(devices, text)
        for text in (slurm, environment.get("NVIDIA_VISIBLE_DEVICES"))
        if text is not None and text.strip().casefold() not in _SAY_NOTHING
    ]
    kept = [number for number in everything if all(number in each.devices for each in outer)]
    instances = frozenset(name for each in outer for name in each.mig_instances)
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    is_order_sure = True
    if visible is not None:
        inner = _by_position(devices, everything, visible)
        kept = [number for number in kept if number in inner.devices]
        instances = inner.mig_instances or instances
        is_one_model = len({device.model for device in devices}) <= 1
        is_by_number = any(word.isdigit() for word in _words(visible))
        is_order_sure = (
            is_one_model or not is_by_number or environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
        )
    shards = {"SLURM_SHARDS_ON_NODE", "SLURM_JOB_SHARDS", "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"}
    return GpuReservation(
        devices=frozenset(kept),
        mig_instances=instances,
        is_restricted=bool(outer) or visible is not None,
        is_by_scheduler=bool(slurm) and not shards & environment.keys(),
        is_order_sure=is_order_sure,
    )


def amd_reservation(devices: Sequence[DeviceId], environment: Mapping[str, str]) -> GpuReservation:
    """Tell which AMD devices are the job's; each variable counts among those that the one before has left.

    Args:
        devices: All that the driver shows.
        environment: Of the job.
    """
    kept, is_restricted = list(range(len(devices))), False
    slurm = environment.get("SLURM_STEP_GPUS") or environment.get("SLURM_JOB_GPUS")
    if slurm:
        kept, is_restricted = sorted(_by_host_numbers(devices, slurm).devices), True
    # HIP reads CUDA's variable too, where its own is not set.
    hip = "HIP_VISIBLE_DEVICES" if "HIP_VISIBLE_DEVICES" in environment else "CUDA_VISIBLE_DEVICES"
    among = list(range(len(devices)))
    for name in ("ROCR_VISIBLE_DEVICES", hip):
        if name in environment:
            is_restricted = True
            among = list(_by_position(devices, among, environment[name]).devices_in_order)
    kept = [number for number in kept if number in among]
    return GpuReservation(
        devices=frozenset(kept),
        is_restricted=is_restricted,
        is_by_scheduler=bool(slurm) and "SLURM_SHARDS_ON_NODE" not in environment,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    devices_in_order: tuple[int, ...] = ()
    mig_instances: frozenset[tuple[int, int]] = frozenset()

    @property
    def devices(self) -> frozenset[int]:
        return frozenset(self.devices_in_order)


def _by_host_numbers(devices: Sequence[DeviceId], text: str) -> _Named:
    """Read numbers as the host counts: a container, or a step that is shut in, sees no more devices than it has."""
    everything = range(len(devices))
    words = [word.partition(":") for word in _words(text)]
    is_by_number = all(device.isdigit() for device, _, _ in words)
    if not is_by_number or len({device for device, _, _ in words}) < len(devices):
        return _by_position(devices, everything, text)
    instances = {
        (int(device), int(instance))
        for device, _, instance in words
        if instance.isdigit() and int(device) < len(devices)
    }
    return _Named(devices_in_order=tuple(everything), mig_instances=frozenset(instances))


def _by_position(devices: Sequence[DeviceId], among: Sequence[int], text: str) -> _Named:
    """Read numbers and UUIDs up to the first that names nothing, as CUDA does."""
    found: list[int] = []
    instances: set[tuple[int, int]] = set()
    for word in _words(text):
        position, _, instance = word.partition(":")
        if position.isdigit():
            if int(position) >= len(among):
                break
            found.append(among[int(position)])
            if instance.isdigit():
                instances.add((found[-1], int(instance)))
            continue
        place = _find(devices, among, word)
        if place is None:
            break
        found.append(place[0])
        if place[1] is not None:
            instances.add((place[0], place[1]))
    return _Named(devices_in_order=tuple(found), mig_instances=frozenset(instances))


def _find(devices: Sequence[DeviceId], among: Sequence[int], word: str) -> tuple[int, int | None] | None:
    """Find the device, or the instance of one, that a UUID or its beginning names."""
    sought = word.casefold()
    for number in among:
        if any(name.casefold().startswith(sought) for name in devices[number].names):
            return number, None
        for instance, names in enumerate(devices[number].mig_names):
            if any(name.casefold().startswith(sought) for name in names):
                return number, instance
    return None


def _words(text: str) -> list[str]:
    """Split a list; of numbers, ``2-4`` stands for 2, 3 and 4."""
    words: list[str] = []
    for word in filter(None, (word.strip() for word in text.split(","))):
        span = re.fullmatch(r"(\d{1,4})-(\d{1,4})", word)
        words += map(str, range(int(span[1]), int(span[2]) + 1)) if span else [word]
    return words
