"""What is said of a run while it goes on: one line that is written again and again, and one word at its budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carbonprint.messages import translator
from carbonprint.reporting.plain import shown
from carbonprint.reporting.quantities import duration, energy_unit, mass_unit, number, short_number

if TYPE_CHECKING:
    from carbonprint.footprint.budget import SoFar


def live_line(so_far: SoFar, language: str = "en", *, width: int) -> str:
    """Give the line that shows what a run has cost so far, cut off where the terminal ends.

    Args:
        so_far: What it has cost.
        language: ``en`` or ``nl``.
        width: Columns of the terminal.
    """
    parts = [
        f"carbonprint {_clock(so_far.elapsed_s)}",
        f"{short_number(so_far.power_w, language, digits=3)} W",
        _energy(so_far, language),
    ]
    if so_far.emissions_kg is not None:
        parts.append(_emissions(so_far, language))
    if so_far.budget is not None and so_far.budget_used_share is not None:
        parts.append(f"{100 * so_far.budget_used_share:.0f} % / {shown(so_far.budget.text)}")
    return " · ".join(parts)[: max(0, width - 1)]


def budget_line(so_far: SoFar, language: str = "en", *, stops: bool) -> str:
    """Say that the budget of a run is used up, and what becomes of the command.

    Args:
        so_far: What it has cost.
        language: ``en`` or ``nl``.
        stops: Whether the command is asked to end.
    """
    _ = translator(language)
    text = _("the budget of {budget} is used up after {duration} ({energy})")
    told = text.format(
        budget=shown(so_far.budget.text if so_far.budget is not None else ""),
        duration=duration(so_far.elapsed_s, language),
        energy=", ".join(
            [_energy(so_far, language), *([_emissions(so_far, language)] if so_far.emissions_kg is not None else [])]
        ),
    )  # fmt: skip
    if stops:
        told += _("; the command is asked to end")
    return f"carbonprint: {told}"


def _clock(elapsed_s: float) -> str:
    whole = int(elapsed_s)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _energy(so_far: SoFar, language: str) -> str:
    scale, unit = energy_unit(so_far.energy_kwh)
    return f"{number(so_far.energy_kwh / scale, language, digits=3)} {unit}"


def _emissions(so_far: SoFar, language: str) -> str:
    emissions_kg = so_far.emissions_kg or 0.0
    scale, unit = mass_unit(emissions_kg)
    return f"{number(emissions_kg / scale, language, digits=3)} {unit} CO₂e"
