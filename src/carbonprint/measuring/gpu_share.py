"""One job's share of a GPU: rules over plain values; no driver, no file, no clock.

No counter tells energy by process: the board's is divided. For every device and sample

    job = (P − P_idle) · dt · active share + P_idle · dt · idle share

and the shares of jobs on one device never add up to more than it.

Sources:
    NVIDIA, NVML API reference: nvmlDeviceGetProcessUtilization, nvmlDeviceGetComputeMode, MIG. NVIDIA, Multi-Process
    Service: CUDA_MPS_ACTIVE_THREAD_PERCENTAGE. Kepler (a CNCF project) divides active energy by smUtil likewise.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ENOUGH_SAMPLES = 30
"""Below this a modelled share is less sure still."""

_ALONE_SHARE = 0.95
"""In so many samples nobody else is on a device that counts as the job's own. [-]"""


class ShareMethod(enum.StrEnum):
    """How the job's share of a device was found."""

    EXCLUSIVE = "exclusive"
    """Nobody else was on it: all of it."""
    TIME_SLICING = "time_slicing"
    """By the share of time in which each process had a kernel on it."""
    PROCESSES = "processes"
    """By the number of processes on it: the driver told no more."""
    MPS = "mps"
    """By the thread percentages of the clients of the Multi-Process Service, equally where they have none."""
    MIG = "mig"
    """By the compute slices of the job's instances, of all that the board has."""
    WHOLE_DEVICE = "whole_device"
    """Whose processes are on it could not be told: all of it."""
    UNUSED = "unused"
    """No process of the job was on it."""


_SIGMA = {
    ShareMethod.TIME_SLICING: 0.35,
    ShareMethod.PROCESSES: 0.5,
    ShareMethod.MPS: 0.5,
    ShareMethod.MIG: 0.4,
}
"""Lognormal sigma of the job's active part (working assumptions: what smUtil and slices do not see is how many
multiprocessors and which pipes are in use). [-]"""

_SIGMA_OF_FEW_SAMPLES = 0.5

MODELLED = frozenset(_SIGMA)
"""The methods that divide a device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """Whose processes were on a device, or on an instance of it, between two samples.

    Attributes:
        job: Process ids of the job.
        others: Those of others.
        n_unknown: How many process ids mean nothing here: the driver's are the host's, seen from a container.
        sm_utilisation: Time with a kernel of each process, in any unit; empty where the driver does not tell. Only
            the ratio counts.
        uses_mps: Whether the Multi-Process Service runs on it; ``job`` and ``others`` are its clients then.
        thread_fractions: CUDA_MPS_ACTIVE_THREAD_PERCENTAGE of clients that have one. [-], 0 to 1.
    """

    job: frozenset[int] = frozenset()
    others: frozenset[int] = frozenset()
    n_unknown: int = 0
    sm_utilisation: Mapping[int, float] = field(default_factory=dict)
    uses_mps: bool = False
    thread_fractions: Mapping[int, float] = field(default_factory=dict)

    @property
    def are_untold(self) -> bool:
        """Whether there are processes, and of none it can be told whose it is."""
        return self.n_unknown > 0 and not self.job and not self.others

    @property
    def n_others(self) -> int:
        """How many are not the job's: where the job's ids mean something here, one that means nothing is another's."""
        return len(self.others) + (0 if self.are_untold else self.n_unknown)

    @property
    def part_of_processes(self) -> float:
        """The job's part of the processes. [-], 0 to 1; 0 without any."""
        n = len(self.job) + self.n_others
        return len(self.job) / n if n else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MigInstance:
    """One MIG device: a compute instance of a board that is cut into slices.

    Attributes:
        n_slices: Its compute slices.
        is_named: Whether the environment gives it to the job.
        users: Who was on it; None where the driver does not tell.
    """

    n_slices: int
    is_named: bool = False
    users: Users | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceShare:
    """The job's share of a device between two samples.

    Attributes:
        active_share: Of its active energy. [-], 0 to 1.
        idle_share: What of it was reserved for the job. [-], 0 to 1.
        process_share: At most so much of its idle energy is the job's: its part of the processes. [-], 0 to 1.
        method: How that was found.
    """

    active_share: float
    idle_share: float
    process_share: float
    method: ShareMethod


def device_share(
    users: Users | None,
    *,
    is_reserved: bool,
    is_kept: bool = False,
    utilisation: float | None = None,
    thread_fraction: float | None = None,
) -> DeviceShare:
    """Give the job's share of a device that is not cut into slices.

    Args:
        users: Who was on it; None where the driver does not tell.
        is_reserved: Whether it is among the job's devices (all are where nothing restricts the job).
        is_kept: Whether the job has it alone for certain: the scheduler gave the whole board, or its compute mode lets
            one process on it.
        utilisation: Part of the time in which any kernel ran on it. [-]; None where unknown.
        thread_fraction: The job's own CUDA_MPS_ACTIVE_THREAD_PERCENTAGE. [-], 0 to 1; None where it has none.
    """
    idle_share = float(is_reserved)

    def share(active_share: float, method: ShareMethod, process_share: float = 1.0) -> DeviceShare:
        return DeviceShare(
            active_share=active_share, idle_share=idle_share, process_share=process_share, method=method
        )

    is_empty = users is not None and not users.job and not users.n_others and not users.n_unknown
    if users is not None and users.uses_mps and is_reserved and (is_empty or users.are_untold):
        # Older drivers show the service alone, none of its clients.
        return share(1.0 if thread_fraction is None else thread_fraction, ShareMethod.MPS)
    if users is None or users.are_untold or (is_empty and utilisation):  # at work, and nobody is listed
        if not is_reserved:
            return share(0.0, ShareMethod.UNUSED)
        return share(1.0, ShareMethod.EXCLUSIVE if is_kept else ShareMethod.WHOLE_DEVICE)
    if not users.job:
        return share(idle_share if is_empty else 0.0, ShareMethod.UNUSED)
    if not users.n_others:
        return share(1.0, ShareMethod.EXCLUSIVE)
    active_share, method = _part_of_active(users)
    return share(active_share, method, 1.0 if is_kept else users.part_of_processes)


def _part_of_active(users: Users) -> tuple[float, ShareMethod]:
    """The job's part of a device that others use as well."""
    if users.uses_mps:
        return _part_of_clients(users), ShareMethod.MPS
    if not users.sm_utilisation:
        return users.part_of_processes, ShareMethod.PROCESSES
    total = sum(users.sm_utilisation.values())
    job = sum(busy for pid, busy in users.sm_utilisation.items() if pid in users.job)
    return (job / total if total > 0 else users.part_of_processes), ShareMethod.TIME_SLICING


def _part_of_clients(users: Users) -> float:
    """Each client counts by its thread percentage, else equally; they are scaled down where they sum past the board."""
    equal = 1 / (len(users.job) + users.n_others)

    def fraction(pids: Iterable[int]) -> float:
        return sum(users.thread_fractions.get(pid, equal) for pid in pids)

    job = fraction(users.job)
    return job / max(1.0, job + fraction(users.others) + users.n_unknown * equal)


def mig_share(instances: Sequence[MigInstance], n_slices: int, *, is_reserved: bool = True) -> DeviceShare:
    """Give the job's share of a board that is cut into MIG instances, without engine activity: by slices.

    The job's instances are those that the environment names, else those with a process of its own, else, where
    nobody's process can be told, all that are seen. Slices that nobody has are nobody's.

    Args:
        instances: The instances that are seen.
        n_slices: Compute slices of the whole board; 7 of an A100 or H100.
        is_reserved: Whether the board is among the job's devices.
    """
    whole = max(n_slices, sum(instance.n_slices for instance in instances), 1)
    named = [instance for instance in instances if instance.is_named]
    used = [instance for instance in instances if instance.users is not None and instance.users.job]
    are_told = any(instance.users is not None and not instance.users.are_untold for instance in instances)
    active = named or used or ([] if are_told or not is_reserved else list(instances))
    idle = (named or used or list(instances)) if is_reserved else []
    return DeviceShare(
        active_share=sum(each.n_slices * _part_of_instance(each) for each in active) / whole,
        idle_share=sum(each.n_slices for each in idle) / whole,
        process_share=1.0,
        method=ShareMethod.MIG if active else ShareMethod.UNUSED,
    )


def _part_of_instance(instance: MigInstance) -> float:
    """The job's part of an instance of its own: all of it unless others are on it too."""
    users = instance.users
    return 1.0 if users is None or not users.n_others else users.part_of_processes


def method_of_run(samples: Mapping[ShareMethod, int]) -> ShareMethod:
    """Name the method that stands for a whole run on one device.

    A device on which nobody else was in 95 % of the samples counts as the job's own; in the others its energy is
    divided all the same, so that jobs which overlap for a moment never add up to more than the device.

    Args:
        samples: How often each method was used.
    """
    divided = {method: n for method, n in samples.items() if method in MODELLED and n > 0}
    n_whole = {method: samples.get(method, 0) for method in (ShareMethod.EXCLUSIVE, ShareMethod.WHOLE_DEVICE)}
    n_divided, n_used = sum(divided.values()), sum(divided.values()) + sum(n_whole.values())
    if n_used == 0:
        return ShareMethod.UNUSED
    if divided and n_divided > (1 - _ALONE_SHARE) * n_used:
        return max(divided, key=lambda method: divided[method])
    return Counter(n_whole).most_common(1)[0][0]


def share_sigma(method: ShareMethod, n_samples: int) -> float:
    """Give the lognormal sigma of the job's active part of one device. [-].

    Args:
        method: How its share was found.
        n_samples: In how many samples the job was on it.
    """
    sigma = _SIGMA.get(method, 0.0)
    return max(sigma, _SIGMA_OF_FEW_SAMPLES) if sigma and n_samples < _ENOUGH_SAMPLES else sigma
