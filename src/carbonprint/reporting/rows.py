"""The rows that summaries are made of: a label in a column of its own, and figures per unit of work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carbonprint.reporting.plain import shown
from carbonprint.reporting.quantities import energy_unit, mass_unit, number, short_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carbonprint.messages import Translate

_LABEL_WIDTH = 15


def row(label: str, text: str) -> str:
    """Give a row: its label, and what is said."""
    return f"  {label:<{_LABEL_WIDTH}}{text}".rstrip()


def per_unit(
    units: Mapping[str, Any],
    energy_kwh: float | None,
    emissions_kg: Mapping[str, float | None],
    language: str,
    _: Translate,
) -> str:
    """Give energy and emissions for each unit of work; what is not known is left out.

    Args:
        units: Count and label of what was done.
        energy_kwh: Energy of all of it. [kWh].
        emissions_kg: Emissions of all of it, by accounting. [kgCO2e].
        language: ``en`` or ``nl``.
        _: Translates.
    """
    count, parts = units["count"], []
    if energy_kwh is not None:
        scale, unit = energy_unit(energy_kwh / count)
        parts.append(f"{number(energy_kwh / count / scale, language)} {unit}")
    words = {"location_based": _("location"), "market_based": _("market")}
    for accounting, word in words.items():
        total_kg = emissions_kg[accounting]
        if total_kg is not None:
            scale, unit = mass_unit(total_kg / count)
            parts.append(f"{number(total_kg / count / scale, language)} {unit} {word}")
    return _("{amounts} per {label} (of {count})").format(
        amounts=" · ".join(parts), label=shown(units["label"]), count=short_number(count, language, digits=12)
    )
