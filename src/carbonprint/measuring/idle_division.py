"""Divide the idle machine among the runs that overlap: sums over stretches of time; no file, no clock.

Each run counts its own time, window by window, and never takes a window back. So what counts at a moment is what the
others had already counted, without this run, and what they count together with it:

    factor = min(1, max(0, 1 − Σ shares that counted it without us) / Σ shares that count it with us)

Where everybody knows of everybody in time, this is 1 / max(1, Σ shares). Summed over the runs, factor · share is never
more than 1, in whatever order they start, end and count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from carbonprint.measuring.intervals import UNDIVIDED, IdleFactors

if TYPE_CHECKING:
    from collections.abc import Sequence


class Shares(NamedTuple):
    """What of the machine is reserved for a run. [-], 0 to 1 each; in the order of ``IdleFactors``.

    Attributes:
        cpu: Of the CPU packages.
        ram: Of the memory.
        gpu: Of the GPUs.
        other: Of what no counter sees.
    """

    cpu: float
    ram: float
    gpu: float
    other: float


WHOLE = Shares(1.0, 1.0, 1.0, 1.0)
"""What a run may claim of which nothing is known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The time for which a run has a part of the idle machine.

    Attributes:
        start_s: Monotonic time of its start. [s].
        end_s: Monotonic time of its end. [s]; infinite while it lives.
        shares: What is reserved for it.
        counted_until_s: Up to when it had counted before it could know of us. [s]; −∞ where it knew from the start.
        boards: What of each GPU is reserved for it. [-], 0 to 1 each; empty where that is not told.
    """

    start_s: float
    end_s: float
    shares: Shares
    counted_until_s: float = -math.inf
    boards: tuple[float, ...] = ()

    def of_board(self, number: int) -> Claim:
        """Give its claim on one GPU, as one on all GPUs; all of a board of which nothing is told."""
        told = self.boards[number] if number < len(self.boards) else float(self.shares.gpu > 0)
        return replace(self, shares=Shares(0.0, 0.0, told, 0.0))


def divided(own: Shares | None, others: Sequence[Claim], since_s: float, until_s: float) -> IdleFactors:
    """Give by how much the idle machine is divided for one run, as a mean over a window of its time.

    Args:
        own: What is reserved for the run; None for a run inside another: that one has its part, and this one goes by
            the same divisor.
        others: The other outermost runs.
        since_s: Start of the window, monotonic. [s].
        until_s: Its end. [s].
    """
    seen = [claim for claim in others if claim.start_s < until_s and claim.end_s > since_s]
    if not seen or until_s <= since_s:
        return UNDIVIDED
    edges = {since_s, until_s}
    for claim in seen:
        moments = (claim.start_s, claim.end_s, claim.counted_until_s)
        edges.update(moment for moment in moments if since_s < moment < until_s)
    sums = [0.0] * len(IdleFactors._fields)
    for begin_s, end_s in pairwise(sorted(edges)):
        present = [claim for claim in seen if claim.start_s <= begin_s < claim.end_s]
        part = (end_s - begin_s) / (until_s - since_s)
        for number in range(len(sums)):
            sums[number] += part * _factor(own, present, begin_s, number)
    return IdleFactors(*(min(1.0, each) for each in sums))


def divided_boards(
    own: Sequence[float], others: Sequence[Claim], since_s: float, until_s: float, *, is_inner: bool
) -> tuple[float, ...]:
    """Give by how much each idle GPU is divided for one run, as ``divided`` does for the machine. [-], 0 to 1 each.

    Args:
        own: What of each GPU is reserved for the run. [-].
        others: The other outermost runs.
        since_s: Start of the window, monotonic. [s].
        until_s: Its end. [s].
        is_inner: Whether the run takes place inside another.
    """
    factors = []
    for number, share in enumerate(own):
        of_run = None if is_inner else Shares(0.0, 0.0, share, 0.0)
        claims = [claim.of_board(number) for claim in others]
        factors.append(divided(of_run, claims, since_s, until_s).gpu)
    return tuple(factors)


def _factor(own: Shares | None, present: Sequence[Claim], at_s: float, number: int) -> float:
    """Give the factor of one resource at one moment."""
    taken = sum(claim.shares[number] for claim in present if at_s < claim.counted_until_s)
    open_share = sum(claim.shares[number] for claim in present if at_s >= claim.counted_until_s)
    if own is None:
        return 1 / max(1.0, taken + open_share)
    open_share += own[number]
    return min(1.0, max(0.0, 1 - taken) / open_share) if open_share > 0 else 1.0
