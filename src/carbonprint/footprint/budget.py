"""What a run has cost so far, and its budget: an amount of energy, or of CO₂e."""

from __future__ import annotations

import re
from dataclasses import dataclass

from carbonprint.errors import InvalidQuantityError

_UNITS = {
    "mg": ("emissions", 1e-6), "g": ("emissions", 1e-3), "kg": ("emissions", 1.0), "t": ("emissions", 1e3),
    "mWh": ("energy", 1e-6), "Wh": ("energy", 1e-3), "wh": ("energy", 1e-3), "kWh": ("energy", 1.0),
    "kwh": ("energy", 1.0), "MWh": ("energy", 1e3),
}  # fmt: skip
"""Unit → what it measures, and how many kg or kWh it is. Of m and M the case is the only difference."""

_FORM = re.compile(
    r"(?P<number>[0-9]*(?:[.][0-9]+|[.]|,[0-9]{1,2}|,[0-9]{4,})?(?:[eE][+-]?[0-9]+)?) ?"
    r"(?P<unit>[A-Za-z]+?)(?:[cC][oO]2e?)?"
)
"""A comma before three digits may be that of thousands: it is not guessed at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may use; one of the two amounts is None.

    Attributes:
        text: As the user wrote it.
        energy_kwh: Energy of the run at the input of the IT equipment. [kWh], > 0.
        emissions_kg: Location-based emissions of it, as evidenced. [kgCO2e], > 0.
    """

    text: str
    energy_kwh: float | None = None
    emissions_kg: float | None = None

    def used(self, energy_kwh: float, emissions_kg: float | None) -> float | None:
        """Give the part of the budget that is used. [-], 1 where all of it is; None where that is not known.

        Args:
            energy_kwh: Energy so far at the input of the IT equipment. [kWh].
            emissions_kg: Location-based emissions so far. [kgCO2e].
        """
        if self.energy_kwh is not None:
            return energy_kwh / self.energy_kwh
        if self.emissions_kg is None or emissions_kg is None:
            return None
        return emissions_kg / self.emissions_kg


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """What a run has cost so far.

    Attributes:
        elapsed_s: Since it started. [s].
        power_w: Mean power of the job since the last sample. [W].
        energy_kwh: Energy at the input of the IT equipment. [kWh].
        emissions_kg: Location-based emissions as evidenced. [kgCO2e]; None while the host is not loaded yet.
        budget: The budget; None without one.
        budget_used_share: The part of it that is used. [-]; None where that is not known.
    """

    elapsed_s: float
    power_w: float
    energy_kwh: float
    emissions_kg: float | None
    budget: Budget | None = None
    budget_used_share: float | None = None

    @property
    def is_over_budget(self) -> bool:
        """Whether all of the budget is used."""
        return self.budget_used_share is not None and self.budget_used_share >= 1


def read_budget(text: str) -> Budget:
    """Read a budget such as ``500g``, ``1.5 kg``, ``2kWh`` or ``300 gCO2e``.

    Raises:
        InvalidQuantityError: If it is none.
    """
    found = _FORM.fullmatch(text.strip())
    unit = found["unit"] if found else ""
    kind, scale = _UNITS.get(unit, ("", 0.0))
    try:
        amount = float(found["number"].replace(",", ".")) * scale if found else 0.0
    except ValueError:
        amount = 0.0
    if not 0 < amount < float("inf"):
        raise InvalidQuantityError(
            "a budget is an amount above 0 of CO₂e (mg, g, kg, t) or energy (mWh, Wh, kWh, MWh), such as 500g or 2kWh; "
            f"got {text!r}"
        )
    if kind == "energy":
        return Budget(text=text.strip(), energy_kwh=amount)
    return Budget(text=text.strip(), emissions_kg=amount)
