"""The list of runs as a table: one line a run, both accountings side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carbonprint.ledger.columns import LISTED, flat_row
from carbonprint.messages import Translate, translator
from carbonprint.reporting.plain import shown
from carbonprint.reporting.quantities import energy_unit, mass_unit, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

UNKNOWN = "–"
"""What stands where a figure is not known: a 0 would be read as a figure."""

_GAP = "  "
_LEAST_TEXT_WIDTH = 6
_WIDE = 100
"""From this width on there is room for what one can also see in ``runs show``."""

_LEAST_SHOWN = 0.001
"""Below this part of the smallest unit there is no figure worth its width, only "less than"."""

_DURATION_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    heading: str
    cells: Sequence[str]
    is_number: bool = False
    is_cut: bool = False
    """Whether it gives way where the table would be too wide."""

    def width(self, heading: str) -> int:
        from rich.cells import cell_len

        return max(cell_len(text) for text in (*heading.splitlines(), *self.cells))


def run_table(
    records: Iterable[Mapping[str, Any]], language: str = "en", *, width: int | None = None
) -> list[str]:
    """Give the lines of a table of runs.

    Names come from outside: they are never read as markup, and what a terminal would act on is shown escaped.

    Args:
        records: The records, in the order in which they are to stand.
        language: ``en`` or ``nl``.
        width: Columns of the terminal; None for a file or a pipe, where nothing is cut off.
    """
    _ = translator(language)
    rows = [flat_row(record, LISTED) for record in records]
    columns = _columns(rows, language, _, is_wide=width is None or width >= _WIDE)
    lines = _lines(columns, width)
    interrupted = [shown(row["run_id"]) for row in rows if row["state"] == "interrupted"]
    if interrupted:
        lines.append(_("interrupted: {runs}").format(runs=", ".join(interrupted)))
    return lines


def _columns(rows: Sequence[dict[str, Any]], language: str, _: Translate, *, is_wide: bool) -> list[_Column]:
    def texts(name: str) -> list[str]:
        return [shown(row[name]) if row[name] else UNKNOWN for row in rows]

    def masses(name: str) -> list[str]:
        return [_amount(row[name], mass_unit, language) for row in rows]

    started = [(row["started_at"] or UNKNOWN)[:16].replace("T", " ") for row in rows]
    energy = [_amount(row["energy_total_kwh"], energy_unit, language) for row in rows]
    durations = [_amount(row["duration_s"], _duration_unit, language) for row in rows]
    columns = [
        _Column(heading=_("run"), cells=texts("run_id")),
        _Column(heading=_("started (UTC)"), cells=[shown(text) for text in started]),
        _Column(heading=_("name"), cells=texts("name"), is_cut=True),
    ]
    if is_wide:
        columns.append(_Column(heading=_("phase"), cells=texts("phase"), is_cut=True))
    columns.append(_Column(heading=_("host"), cells=texts("host"), is_cut=True))
    if is_wide:
        columns.append(_Column(heading=_("duration"), cells=durations, is_number=True))
    return [
        *columns,
        _Column(heading=_("energy"), cells=energy, is_number=True),
        _Column(heading=_("CO₂e\nlocation"), cells=masses("emissions_location_based_kg"), is_number=True),
        _Column(heading=_("CO₂e\nmarket"), cells=masses("emissions_market_based_kg"), is_number=True),
    ]


def _lines(columns: Sequence[_Column], width: int | None) -> list[str]:
    """Lay the columns out; those that give way share what the others leave."""
    headings = [each.heading if width else each.heading.replace("\n", " ") for each in columns]
    widths = [each.width(heading) for each, heading in zip(columns, headings, strict=True)]
    if width is not None:
        widths = _fitted(widths, [each.is_cut for each in columns], width - len(_GAP) * (len(columns) - 1))
    height = max(heading.count("\n") + 1 for heading in headings)
    stacks = [["", *heading.split("\n")][-height:] for heading in headings]  # the words stand at the bottom
    filled = [stack + list(each.cells) for stack, each in zip(stacks, columns, strict=True)]
    are_numbers = [each.is_number for each in columns]
    return [_GAP.join(map(_cell, row, widths, are_numbers)).rstrip() for row in zip(*filled, strict=True)]


def _cell(text: str, width: int, is_number: bool) -> str:
    """Fill a cell up to its width, or cut it off with a mark that says so."""
    from rich.cells import cell_len, set_cell_size

    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - length) + text if is_number else text + " " * (width - length)


def _fitted(widths: Sequence[int], is_cut: Sequence[bool], room: int) -> list[int]:
    """Take what is too much from the widest column that gives way, sign by sign."""
    fitted = list(widths)
    while sum(fitted) > room:
        widest = max((i for i, cut in enumerate(is_cut) if cut), key=lambda i: fitted[i])
        if fitted[widest] <= _LEAST_TEXT_WIDTH:
            break
        fitted[widest] -= 1
    return fitted


def _amount(value: float | None, unit_of: Any, language: str) -> str:  # noqa: ANN401  # one of three
    if value is None:
        return UNKNOWN
    scale, unit = unit_of(value)
    if 0 < value / scale < _LEAST_SHOWN:
        return f"<{number(_LEAST_SHOWN, language, digits=1)} {unit}"
    return f"{number(value / scale, language, digits=3)} {unit}"


def _duration_unit(duration_s: float) -> tuple[float, str]:
    return next((unit for unit in _DURATION_UNITS if duration_s >= unit[0]), _DURATION_UNITS[-1])
