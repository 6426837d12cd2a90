"""The rows of a benchmark: each figure beside codecarbon's and its aim, as a table for eyes and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from stage import OWN, PEER, Ended, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a figure should come under.

    Attributes:
        text: As the table shows it.
        limit: In the row's unit; or as a share of codecarbon's figure. [-]
        is_share: Which of the two.
    """

    text: str
    limit: float
    is_share: bool = False

    def is_reached(self, own: float, peer: float) -> bool:
        """Tell whether carbonprint's figure comes under it."""
        return own < (self.limit * peer if self.is_share else self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table.

    Attributes:
        label: What it tells; the letter says which question it answers.
        unit: Its unit.
        figure: Takes the figure from what a scenario has measured.
        aims: All of them have to be reached.
        is_above_bare: Whether the bare command's figure of the same round is subtracted.
    """

    label: str
    unit: str
    figure: Callable[[Ended, Stage], float]
    aims: tuple[Aim, ...]
    is_above_bare: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A row with its figures, one a round: carbonprint's and codecarbon's."""

    row: Row
    own: list[float]
    peer: list[float]

    @property
    def ratio(self) -> float | None:
        """Carbonprint's median as a share of codecarbon's; None where the latter is lost in the noise."""
        return median(self.own) / median(self.peer) if median(self.peer) > 0 else None

    def missed(self) -> list[str]:
        """Name the aims that were not reached."""
        own, peer = median(self.own), median(self.peer)
        return [aim.text for aim in self.row.aims if not aim.is_reached(own, peer)]


def under(limit: float, unit: str) -> Aim:
    """Return the aim to stay under a limit in the row's own unit."""
    return Aim(text=f"< {limit:g} {unit}", limit=limit)


def under_share(parts: int) -> Aim:
    """Return the aim to stay under one of so many parts of codecarbon's figure."""
    return Aim(text=f"< 1/{parts}", limit=1 / parts, is_share=True)


def table(results: Sequence[Result]) -> str:
    """Lay out the results, one row each."""
    heading = ["median", "n", OWN, "lowest", "highest", PEER, "ratio", "unit", "aim", "reached"]
    lines = [heading, *(_cells(result) for result in results)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heading))]
    numeric = range(1, 7)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at in numeric else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(result: Result) -> list[str]:
    digits = 1 if result.row.unit == "MiB" else 3
    figures = (median(result.own), min(result.own), max(result.own), median(result.peer))
    ratio = "–" if result.ratio is None else f"{result.ratio:.2f}"
    aim = " and ".join(aim.text for aim in result.row.aims)
    missed = " and ".join(result.missed())
    return [
        *(result.row.label, str(len(result.own))),
        *(f"{figure:.{digits}f}" for figure in figures),
        *(ratio, result.row.unit, aim, f"no: {missed}" if missed else "yes"),
    ]


def as_json(results: Sequence[Result], conditions: Mapping[str, object]) -> str:
    """Return conditions and all figures, every round's too, as a JSON document."""
    rows = [
        {
            "label": result.row.label,
            "unit": result.row.unit,
            "is_above_bare": result.row.is_above_bare,
            OWN: {"median": median(result.own), "rounds": result.own},
            PEER: {"median": median(result.peer), "rounds": result.peer},
            "ratio": result.ratio,
            "aims": [aim.text for aim in result.row.aims],
            "missed": result.missed(),
        }
        for result in results
    ]
    document = {"schema_version": 1, "conditions": conditions, "rows": rows}
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
