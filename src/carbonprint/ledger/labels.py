"""What the user says of a run, checked before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

from carbonprint.errors import InvalidQuantityError, InvalidSettingError

LONGEST_TEXT = 200
"""How many signs a name, a phase or the label of a unit may have."""

LEAST_COUNT, MOST_COUNT = 1e-9, 1e15
"""Between these lies how many units of work a run did; beyond them a figure per unit says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """Which of several runs of the same command one run is.

    Attributes:
        of: Id of the first of them.
        number: From 1 on.
        count: How many there were to be.
        n_warmups: How many went before them and were not kept.
    """

    of: str
    number: int
    count: int
    n_warmups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLabels:
    """What the user said of a run.

    Attributes:
        name: Name of the run. At most 200 signs.
        phase: ``training``, ``inference`` or any other phase of an algorithm's life; ``""`` where not said. Likewise.
        command: The command line without its secrets; empty for a block of Python.
        units: Count and label of what the run did (1000, ``"prediction"``), or None. Count 1e-9 to 1e15.
        resumes: Id of the run that it goes on with, from a checkpoint; ``""`` where it began anew.
        repetition: Which of several runs of the same command it is; None where there is one.

    Raises:
        InvalidSettingError: If a text is none, or too long.
        InvalidQuantityError: If the count is no number, or lies outside its range.
    """

    name: str
    phase: str = ""
    command: Sequence[str] = ()
    units: tuple[float, str] | None = None
    resumes: str = ""
    repetition: Repetition | None = None

    def __post_init__(self) -> None:
        _require_text("name", self.name)
        _require_text("phase", self.phase)
        if self.units is not None:
            object.__setattr__(self, "units", _checked_units(self.units))


def _checked_units(units: object) -> tuple[float, str]:
    """Return count and label of units as they can be kept: NumPy's numbers as Python's."""
    if not isinstance(units, Sequence) or isinstance(units, str) or len(units) != 2:
        raise InvalidSettingError(
            f"units are a pair of count and label, such as (1000, 'prediction'); got {_shown(units)}"
        )
    count, label = units
    _require_text("label of units", label)
    if not label.strip():
        raise InvalidSettingError("the label of units is empty; say what one unit is, such as 'prediction'")
    is_number = isinstance(count, Real) and not isinstance(count, bool)
    if not is_number or not LEAST_COUNT <= count <= MOST_COUNT:
        raise InvalidQuantityError(
            f"the count of units is a number from {LEAST_COUNT:g} to {MOST_COUNT:g}, got {_shown(count)}"
        )
    return (int(count) if isinstance(count, int) else float(count)), label


def _require_text(what: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidSettingError(f"the {what} is text, got {_shown(value)}")
    if len(value) > LONGEST_TEXT:
        raise InvalidSettingError(f"the {what} has {len(value)} signs, allowed are {LONGEST_TEXT}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
