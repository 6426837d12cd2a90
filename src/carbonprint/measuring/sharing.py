"""How one run shares the machine with the other runs on it: what the registry says, put into each interval.

Loaded before the command starts, so what it needs later is imported there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from carbonprint.errors import InvalidQuantityError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from carbonprint.measuring.idle_division import Shares
    from carbonprint.measuring.intervals import IdleFactors, Interval
    from carbonprint.measuring.measurement import ReservedShare
    from carbonprint.measuring.readings import Instant
    from carbonprint.measuring.registry import Registration
    from carbonprint.measuring.tally import Setup
    from carbonprint.provenance import Caveat

BUSY: Literal["busy"] = "busy"
"""Instead of a reserved share: the job's part of what was busy, interval by interval."""

IdleShare = float | Literal["busy"]
"""What a user wants the job's share of the idle machine to be: a fraction from 0 to 1, or ``BUSY``."""


class Sharing:
    """The part of one run in what is shared; without a registry it has its machine for itself.

    Args:
        run_id: Id of the run; None for one that is not registered.
        idle_share: What the user wants its share of the idle machine to be, a fraction or ``BUSY``; None: what is
            reserved for it.

    Attributes:
        idle_share: As given.
        has_company: Whether another run was seen that shares the idle machine with this one.
    """

    def __init__(self, run_id: str | None = None, idle_share: IdleShare | None = None) -> None:
        self.idle_share = idle_share
        self._run_id = run_id
        self._registration: Registration | None = None
        self._ended_s: float | None = None
        self._faults: list[Caveat] = []
        self.has_company = False

    def begin(self, start_s: float) -> None:
        """Register the run, which started at a moment. [s], monotonic; what fails leaves it undivided."""
        if self._run_id is None:
            return
        try:
            from carbonprint.measuring.registry import Registration

            self._registration = Registration.begin(self._run_id, start_s)
        except Exception:  # noqa: BLE001  # a system without what the registry rests on
            return
        if self._ended_s is not None:
            self.end(self._ended_s)

    def settle(self, setup: Setup, boards: tuple[float, ...] = ()) -> Setup:
        """Tell the others what is reserved for the run, and give the setup with what they have told.

        Args:
            setup: The setup of the run.
            boards: What of each GPU is reserved for it. [-], 0 to 1.
        """
        if self._registration is None:
            return setup
        try:
            self._registration.reserve(shares_of(setup.reserved), self._wanted(boards))
            self.has_company = self._registration.has_company
            return replace(setup, outer_run=self._registration.outer_run, has_company=self.has_company)
        except Exception:  # noqa: BLE001  # whatever stands in the registry, the run is metered
            self._lose()
            return setup

    def end(self, at_s: float) -> None:
        """Tell the others that the run has ended. [s], monotonic."""
        self._ended_s = at_s
        if self._registration is not None:
            try:
                self._registration.end(at_s)
            except Exception:  # noqa: BLE001  # as above
                self._lose()

    def shared(self, interval: Interval, since: Instant, now: Instant, n_cpus: int) -> Interval:
        """Give an interval in which the others on the machine have their part.

        Args:
            interval: What was seen between two moments.
            since: The first of them.
            now: The other.
            n_cpus: Hardware threads of the machine, which cannot be busier than all of them.
        """
        from carbonprint.measuring.intervals import UNDIVIDED

        factors, board_factors = UNDIVIDED, tuple[float, ...]()
        if self._registration is not None:
            try:
                self._registration.update(now.at_s, now.job_cpu_s, now.meter_cpu_s)
                factors = self._registration.idle_factors(since.at_s, now.at_s)
                board_factors = self._registration.board_factors(since.at_s, now.at_s)
                others_s = self._registration.others_cpu_s(since.at_s, now.at_s)
            except Exception:  # noqa: BLE001  # whatever stands in the registry, the run is metered
                self._lose()
            else:
                interval = _as_busy_as_known(interval, others_s, n_cpus)
                self.has_company = self.has_company or self._registration.has_company
                if self._registration.is_lost:
                    self._lose()
        if self.idle_share == BUSY:
            factors = _by_busy(interval, factors)
        reserved = self._wanted(tuple(gpu.idle_share for gpu in interval.gpus))
        # Each board has been divided by itself, and must not be again with all of them.
        is_known = len(board_factors) >= len(reserved) > 0
        gpus = tuple(
            replace(gpu, idle_share=share * (board_factors[number] if is_known else 1.0))
            for number, (gpu, share) in enumerate(zip(interval.gpus, reserved, strict=True))
        )
        if is_known:
            factors = factors._replace(gpu=1.0)
        return replace(interval, gpus=gpus, idle_factors=factors)

    def _wanted(self, boards: tuple[float, ...]) -> tuple[float, ...]:
        """At most so much of each GPU as the user wants to be the job's. [-]."""
        if self.idle_share is None or self.idle_share == BUSY:
            return boards
        return tuple(min(share, self.idle_share) for share in boards)

    def _lose(self) -> None:
        """Go on without the registry; who was seen before is missing from now on."""
        registration, self._registration = self._registration, None
        if registration is not None:
            registration.close()
        if self.has_company:
            from carbonprint.provenance import Caveat

            text = (
                "other runs on this machine could no longer be seen in the middle: from then on this run carries its "
                "share of the idle machine undivided"
            )
            self._faults.append(Caveat(code="registry-lost", text=text))

    def take_faults(self) -> list[Caveat]:
        """Give what has gone wrong since this was asked the last time."""
        faults, self._faults = self._faults, []
        return faults

    def close(self, quiet_w: Mapping[str, float], powercap_dir: Path) -> None:
        """Let go of the registry; the last run on the machine keeps the idle power that it has seen.

        Args:
            quiet_w: Lowest power seen with nothing to do, by component. [W].
            powercap_dir: The counters that have shown it.
        """
        if self._registration is None:
            return
        from carbonprint.measuring.idle_power import SEEN, note_idle_w

        self._registration.close()
        if quiet_w:
            note_idle_w(quiet_w, SEEN, powercap_dir)


def idle_share_from(text: str) -> IdleShare:
    """Read what a user has written for the job's share of the idle machine.

    Raises:
        InvalidQuantityError: If it is neither a fraction nor ``busy``.
    """
    if text == BUSY:
        return BUSY
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if 0 <= share <= 1:
        return share
    raise InvalidQuantityError(f"--idle-share is a fraction from 0 to 1, or the word busy; got {text!r}")


def shares_of(reserved: ReservedShare) -> Shares:
    """Give what is reserved for a run, as its energy is reckoned: what is not known is all of it, and no GPU none."""
    from carbonprint.measuring.idle_division import Shares

    cpu = 1.0 if reserved.cpu is None else reserved.cpu
    ram = 1.0 if reserved.ram is None else reserved.ram
    gpu = 0.0 if reserved.gpu is None else reserved.gpu
    return Shares(cpu=cpu, ram=ram, gpu=gpu, other=max(cpu, ram, gpu))


def _as_busy_as_known(interval: Interval, others_cpu_s: float, n_cpus: int) -> Interval:
    """Take the machine to have been at least as busy as all known runs were: ``/proc/stat`` counts in ticks."""
    if interval.busy_cpu_s is None:
        return interval
    known_s = interval.job_cpu_s + interval.meter_cpu_s + others_cpu_s
    capacity_s = interval.duration_s * n_cpus
    return replace(interval, busy_cpu_s=max(interval.busy_cpu_s, min(known_s, capacity_s)))


def _by_busy(interval: Interval, factors: IdleFactors) -> IdleFactors:
    """Divide by the job's part of what was busy, on top of what the others have; GPUs have rules of their own."""
    from carbonprint.measuring.intervals import IdleFactors

    busy_s = max(interval.busy_cpu_s or 0.0, interval.job_cpu_s + interval.meter_cpu_s)
    part = interval.job_cpu_s / busy_s if busy_s > 0 else 0.0
    return IdleFactors(
        cpu=factors.cpu * part, ram=factors.ram * part, gpu=factors.gpu, other=factors.other * part
    )
