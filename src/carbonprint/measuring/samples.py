"""The samples of a run: from what its series holds to powers of the machine and of the job.

Each is split as the run itself was when it ended, by the same idle power and with the same counters trusted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from carbonprint.errors import SamplesError
from carbonprint.measuring.attribution import ByComponent, IdlePower, Split
from carbonprint.measuring.measurement import Component, Series
from carbonprint.measuring.node_energy import spread
from carbonprint.measuring.series import FORM, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carbonprint.measuring.attribution import Attribution
    from carbonprint.measuring.intervals import Interval
    from carbonprint.measuring.tally import Setup, Tally

_TRUSTED = ("cpu", "ram", "node")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one sample of a run tells.

    Attributes:
        number: Its place in the run, the first being 1.
        start_s: Time since the start of the run at which it begins. [s].
        interval: What was seen.
        split: The energies in it, told apart. [J].
        unknown: Components of which nothing is known in it.
    """

    number: int
    start_s: float
    interval: Interval
    split: Split
    unknown: frozenset[Component]

    @property
    def duration_s(self) -> float:
        """How long it is. [s]."""
        return self.interval.duration_s

    @property
    def job_cpu_share(self) -> float | None:
        """The job's part of what was busy. [-], 0 to 1; None where it could not be read how busy the machine was."""
        if self.interval.busy_cpu_s is None:
            return None
        own_s = self.interval.job_cpu_s + self.interval.meter_cpu_s
        busy_s = max(self.interval.busy_cpu_s, own_s)
        return self.interval.job_cpu_s / busy_s if busy_s > 0 else 0.0

    def known_j(self, figures: ByComponent) -> dict[str, float | None]:
        """Give figures of the split by the name of the component, and their ``total``. [J]; None where not known."""
        parts = {part: None if part in self.unknown else figures[part] for part in Component}
        known = [figure for figure in parts.values() if figure is not None]
        return {**{part.value: figure for part, figure in parts.items()}, "total": sum(known)}

    def power_w(self, energy_j: float | None) -> float | None:
        """Give the mean power of an energy over this sample. [W]; None where it is not known, or took no time."""
        return None if energy_j is None or self.duration_s <= 0 else energy_j / self.duration_s


def pack(tally: Tally) -> Series | None:
    """Give the samples of a run that has ended in their compact form; None where it has none.

    Raises:
        ValueError, OverflowError: If a figure is none that can be kept.
    """
    if tally.series.n_samples == 0:
        return None
    attribution = tally.attribution()
    trusted = {
        "cpu": attribution.trusts_cpu,
        "ram": attribution.trusts_ram,
        "node": attribution.trusts_node,
    }
    return Series(
        form=FORM,
        n_samples=tally.series.n_samples,
        setup={
            "setup": tally.setup.as_dict(),
            "idle": asdict(tally.idle_power),
            "has_coarse_node": tally.node.is_coarse,
            "trusted": [part for part in _TRUSTED if trusted[part]],
        },
        data=tally.series.encoded(),
    )


def unpack(series: Series, run_id: str, *, merging: int = 1) -> Iterator[Sample]:
    """Read the samples of a run one after the other.

    Args:
        series: What was kept of them.
        run_id: Id of the run, for the message.
        merging: Put so many that follow each other together, where that is enough.

    Raises:
        SamplesError: While they are read, if they are damaged or of a form that only a newer carbonprint knows.
    """
    if series.form > FORM:
        raise SamplesError(
            f"the samples of run {run_id} have form {series.form}, which a newer carbonprint wrote; this one reads "
            f"up to form {FORM}"
        )
    try:
        setup, attribution = _setup(series)
        trust_ram = "ram" in series.setup["trusted"]
        start_s = 0.0
        intervals = decode(series.data, merging=merging)
        if series.setup.get("has_coarse_node"):
            intervals = iter(spread(list(intervals)))
        for number, interval in enumerate(intervals, start=1):
            unknown = set()
            if setup.model.ram_w is None and (not trust_ram or interval.ram_counted_j is None):
                unknown.add(Component.RAM)
            if setup.gpu_model is not None and interval.gpu_counted_j is None:
                unknown.add(Component.GPU)
            yield Sample(
                number=number,
                start_s=start_s,
                interval=interval,
                split=attribution.split(interval),
                unknown=frozenset(unknown),
            )
            start_s += interval.duration_s
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise SamplesError(f"the samples of run {run_id} are damaged and cannot be read: {error}") from None


def _setup(series: Series) -> tuple[Setup, Attribution]:
    from carbonprint.measuring.tally import Setup

    setup, idle, trusted = (
        Setup.from_dict(series.setup["setup"]),
        series.setup["idle"],
        series.setup["trusted"],
    )
    attribution = setup.attribution(
        IdlePower(
            cpu_w=idle["cpu_w"], ram_w=idle["ram_w"], gpus_w=tuple(idle["gpus_w"]), node_w=idle["node_w"]
        ),
        trust_cpu="cpu" in trusted,
        trust_ram="ram" in trusted,
        trust_node="node" in trusted,
    )
    return setup, attribution
