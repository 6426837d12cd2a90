"""How a figure differs over several runs of the same command."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carbonprint.ledger.record import number_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UNSTABLE_SHARE = 0.10
"""From this standard deviation on, as a fraction of the mean, figures count as unstable (a working assumption). [-]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A figure over several runs, in its own unit.

    Attributes:
        mean: Arithmetic mean.
        deviation: Standard deviation of the sample (n − 1); None of a single run.
        least: The smallest.
        most: The largest.
    """

    mean: float
    deviation: float | None
    least: float
    most: float

    @property
    def is_unstable(self) -> bool:
        """Whether the runs differ so much that their mean says little."""
        return self.deviation is not None and self.deviation > UNSTABLE_SHARE * abs(self.mean)


def spread_of(records: Sequence[Mapping[str, Any]], path: str) -> Spread | None:
    """Give the mean and the spread of a figure; None where one of the runs does not know it.

    Args:
        records: The records of the runs.
        path: Where the figure stands in them.
    """
    figures = [number_at(record, path) for record in records]
    known = [figure for figure in figures if figure is not None]
    if not known or len(known) < len(figures):
        return None
    return Spread(
        mean=math.fsum(known) / len(known),
        deviation=statistics.stdev(known) if len(known) > 1 else None,
        least=min(known),
        most=max(known),
    )
