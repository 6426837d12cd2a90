"""The one family of errors: what is wrong, where, and what to do about it.

Each carries the exit status of a command that it ends; the root command turns it into one sentence on stderr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class CarbonprintError(Exception):
    """Anything that carbonprint refuses or cannot do, in one sentence for a person."""

    exit_code = 1


class InvalidQuantityError(CarbonprintError, ValueError):
    """A number lies outside its physical range."""

    exit_code = 2


class InvalidSettingError(CarbonprintError):
    """A setting has a value that it cannot have; the message names the option, variable or file."""

    exit_code = 2


class DocumentError(CarbonprintError):
    """A file that people or machines write does not hold what it should.

    Attributes:
        path: The file, as the user named it.
        faults: Every fault found in it, each one line: key, what was found, what is allowed.
    """

    exit_code = 2

    def __init__(self, path: str, faults: Sequence[str]) -> None:
        self.path = path
        self.faults = tuple(faults)
        if len(self.faults) == 1:
            message = f"{path}: {self.faults[0]}"
        else:
            message = "\n".join(
                [f"{path}: {len(self.faults)} faults", *(f"  {fault}" for fault in self.faults)]
            )
        super().__init__(message)


class UnknownNameError(CarbonprintError):
    """A name that is not known; the message offers the nearest known ones."""

    exit_code = 2
    kind = "name"

    def __init__(self, name: str, known: Iterable[str], *, hint: str = "") -> None:
        self.name = name
        self.nearest = tuple(nearest_names(name, known))
        offer = f"; did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        super().__init__(f"unknown {self.kind} {name!r}{offer}{' ' + hint if hint else ''}")


class UnknownHostError(UnknownNameError):
    """No host of that id in the catalogue, and no file at that path."""

    kind = "host"


class UnknownZoneError(UnknownNameError):
    """No grid of that zone in the chosen set."""

    kind = "grid zone"


class UnknownRunError(UnknownNameError):
    """No run of that id, or more than one that begins so."""

    kind = "run"


class MeasurementError(CarbonprintError):
    """The job could not be measured."""


class LedgerError(CarbonprintError):
    """The ledger could not be read or written; the message names it and says why."""


class SamplesError(CarbonprintError):
    """The samples of a run are not there, or cannot be read; the message names the run and says why."""

    exit_code = 2


def nearest_names(name: str, known: Iterable[str], *, n_most: int = 3) -> list[str]:
    """Give the known names that look most like one that is not known, nearest first, at most ``n_most``."""
    import difflib  # only errors need it, and every start of the program would pay for it

    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=n_most, cutoff=0.6)
    if not close:
        close = [folded for folded in by_folded if name and name.casefold() in folded][:n_most]
    return [by_folded[folded] for folded in close]
