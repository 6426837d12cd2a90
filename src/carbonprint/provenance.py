"""Where a figure comes from, how sure it is, and what a reader must know with it."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from carbonprint.errors import InvalidQuantityError


class Basis(enum.StrEnum):
    """How a figure was obtained."""

    COUNTED = "counted"
    """Read from a counter or meter of the hardware."""
    MODELLED = "modelled"
    """Computed from something that was measured, by a model with known parameters of this machine."""
    GIVEN = "given"
    """Stated by the user or by a document the user brought."""
    DEFAULT = "default"
    """Assumed, since nothing better is known; an average of many machines or sites."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a figure was published.

    Attributes:
        title: Title of the table, report or page.
        publisher: Who published it.
        year: Year to which the figure belongs, where there is one.
        url: Where it can be read, without any key or token.
        licence: Under which licence the figure may be shared, where one is known.
    """

    title: str
    publisher: str = ""
    year: int | None = None
    url: str = ""
    licence: str = ""

    @property
    def label(self) -> str:
        """Publisher (else title) and year, short enough for a line of a summary."""
        name = self.publisher or self.title
        return f"{name} {self.year}" if self.year is not None else name

    def as_dict(self) -> dict[str, object]:
        """Return the fields that hold something, for a record."""
        fields = {name: getattr(self, name) for name in ("title", "publisher", "year", "url", "licence")}
        return {name: value for name, value in fields.items() if value not in ("", None)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An uncertain figure: its printed value and the interval that holds it with a probability of 90 %.

    Attributes:
        low: 5th percentile, in the unit of the figure.
        central: The printed figure.
        high: 95th percentile, in the unit of the figure.
    """

    low: float
    central: float
    high: float

    def __post_init__(self) -> None:
        values = (self.low, self.central, self.high)
        if not all(math.isfinite(value) for value in values) or self.low > self.high:
            raise InvalidQuantityError(f"an interval needs finite bounds, low ≤ high, got {values}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caveat:
    """Something a reader must know together with a figure.

    Attributes:
        code: A stable name of the kind of caveat, for programs (``"default-host"``).
        text: One sentence for a person.
    """

    code: str
    text: str
