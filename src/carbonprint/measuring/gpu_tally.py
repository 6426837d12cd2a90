"""What each GPU of a run adds up to: how the job's share of it was found, and how sure that is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from carbonprint.measuring.attribution import split_gpu
from carbonprint.measuring.gpu_share import MODELLED, ShareMethod, method_of_run, share_sigma
from carbonprint.measuring.measurement import GpuDevice
from carbonprint.provenance import Caveat
from carbonprint.units import kwh_from_joules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carbonprint.measuring.intervals import Interval

_SHORT_S = {"nvml_ga100_gh100": 10.0}
_SHORT_OF_OTHERS_S = 2.0
"""Less GPU work than this gives a less sure figure, under the name of the meter with ``_short`` behind it: a counter
moves about every 100 ms, and the boards of the first table are sampled a quarter of the time. [s]"""

_HOW = {
    ShareMethod.TIME_SLICING: "by the time in which each process had a kernel there",
    ShareMethod.PROCESSES: "by the number of processes there",
    ShareMethod.MPS: "by the thread percentages of the Multi-Process Service's clients, equally without",
    ShareMethod.MIG: "by the compute slices of its MIG instances, whatever these did",
}


class GpuTally:
    """Counts what the samples of one run say of its GPUs.

    Attributes:
        samples: Of each GPU, how often each method was used.
        work_s: Of each GPU, the time in which the job had it at work. [s]
    """

    def __init__(self) -> None:
        self.samples: list[Counter[ShareMethod]] = []
        self.work_s: list[float] = []

    def add(self, interval: Interval) -> None:
        """Add one sample."""
        for number, use in enumerate(interval.gpus):
            if number == len(self.samples):
                self.samples.append(Counter())
                self.work_s.append(0.0)
            if use.method is not None:
                self.samples[number][ShareMethod(use.method)] += 1
            self.work_s[number] += (use.utilisation or 0.0) * use.active_share * interval.duration_s


def gpu_devices(
    tally: GpuTally, intervals: Sequence[Interval], names: Sequence[str], idle_w: Mapping[str, float]
) -> tuple[GpuDevice, ...]:
    """Add up every GPU.

    Args:
        tally: What the samples said.
        intervals: All of the run.
        names: Name of each.
        idle_w: Idle power of those (``gpu0`` …) whose is known. [W]
    """
    devices = []
    for number, samples in enumerate(tally.samples):
        known_w = idle_w.get(f"gpu{number}")
        energy_j = idle_j = active_j = job_idle_j = unseen_s = 0.0
        for interval in intervals:
            if number >= len(interval.gpus):
                continue
            use = interval.gpus[number]
            split = split_gpu(use, interval.duration_s, known_w or 0.0, interval.idle_factors.gpu)
            energy_j, idle_j = energy_j + split.energy_j, idle_j + split.idle_j
            active_j, job_idle_j = active_j + split.job_active_j, job_idle_j + split.job_idle_j
            unseen_s += use.unseen_s
        n_used = samples.total() - samples[ShareMethod.UNUSED]
        devices.append(
            GpuDevice(
                name=names[number] if number < len(names) else "GPU",
                method=method_of_run(samples).value if samples else None,
                n_samples=n_used,
                idle_w=known_w,
                active_share=_ratio(active_j, energy_j - idle_j),
                idle_share=_ratio(job_idle_j, idle_j),
                energy_kwh=kwh_from_joules(energy_j),
                active_energy_kwh=kwh_from_joules(active_j),
                unseen_s=unseen_s,
            )
        )
    return tuple(devices)


def gpu_share_sigma(devices: Sequence[GpuDevice]) -> float:
    """Give the lognormal sigma of the job's active part of all GPUs. [-]; the error of a rule is the same on each."""
    active_kwh = sum(device.active_energy_kwh for device in devices)
    if active_kwh == 0:
        return 0.0
    return (
        sum(
            share_sigma(ShareMethod(device.method), device.n_samples) * device.active_energy_kwh
            for device in devices
            if device.method is not None
        )
        / active_kwh
    )


def gpu_meter_model(model: str | None, tally: GpuTally, duration_s: float) -> str | None:
    """Name the meter, by the names of ``reference/power.toml``; a short time of work is less sure.

    Args:
        model: The meter of the GPUs; None without any.
        tally: What the samples said.
        duration_s: How long the run was. [s].
    """
    if model is None:
        return None
    short_s, work_s = _SHORT_S.get(model, _SHORT_OF_OTHERS_S), max(tally.work_s, default=0.0)
    return f"{model}_short" if duration_s < short_s or 0 < work_s < short_s else model


def gpu_caveats(devices: Sequence[GpuDevice]) -> list[Caveat]:
    """Say what a reader must know of the job's share of the GPUs."""
    by_method: dict[ShareMethod, list[int]] = {}
    for number, device in enumerate(devices):
        if device.method is not None:
            by_method.setdefault(ShareMethod(device.method), []).append(number)
    found = []
    for method in sorted(MODELLED & by_method.keys()):
        numbers, n_samples = by_method[method], max(devices[n].n_samples for n in by_method[method])
        text = (
            f"the job's share of the active energy of {_listed(numbers)} is modelled {_HOW[method]} "
            f"({n_samples} samples)"
        )
        found.append(Caveat(code="gpu-share-modelled", text=text))
        without = [number for number in numbers if devices[number].idle_w is None]
        if without:
            text = f"{_listed(without)} had no quiet moment in this run: its idle power is not known, and all is active"
            found.append(Caveat(code="gpu-idle-unknown", text=text))
    if ShareMethod.WHOLE_DEVICE in by_method:
        text = (
            f"whose processes use {_listed(by_method[ShareMethod.WHOLE_DEVICE])} could not be told (in a container the "
            "driver names them as the host does): the whole device counts as the job's"
        )
        found.append(Caveat(code="gpu-processes-unknown", text=text))
    return found


def _listed(numbers: Sequence[int]) -> str:
    return "GPU " + ", ".join(map(str, numbers))


def _ratio(part_j: float, whole_j: float) -> float | None:
    """A share [-], at most 1 whatever the rounding; None of nothing."""
    return min(1.0, part_j / whole_j) if whole_j > 0 else None
