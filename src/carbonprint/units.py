"""Conversions between the units that come in and the ones used inside.

Inside, energy is kWh, power W, time s, emissions kgCO2e, intensity gCO2e/kWh and water L. Each function's name says
both ends, and a conversion happens once, where a figure comes in or is printed.
"""

from __future__ import annotations

import math

from carbonprint.errors import InvalidQuantityError

JOULES_PER_KWH = 3_600_000
"""1 kWh = 1000 W · 3600 s (by definition of the watt-hour, SI Brochure 9th ed., table 8 and section 4)."""

GRAMS_PER_KG = 1000
BYTES_PER_GIB = 2**30


def kwh_from_joules(energy_j: float) -> float:
    """Convert energy. [J] → [kWh]."""
    return energy_j / JOULES_PER_KWH


def dcie_from_pue(pue: float) -> float:
    """Give the DCiE that belongs to a PUE: its reciprocal (ISO/IEC 30134-2). [-], 0 < DCiE ≤ 1.

    Raises:
        InvalidQuantityError: If the PUE is below 1 or not finite.
    """
    if not math.isfinite(pue) or pue < 1:
        raise InvalidQuantityError(f"PUE is a ratio of at least 1, got {pue:g}")
    return 1 / pue


def pue_from_dcie(dcie: float) -> float:
    """Give the PUE that belongs to a DCiE: its reciprocal (ISO/IEC 30134-2). [-], PUE ≥ 1.

    Raises:
        InvalidQuantityError: If the DCiE lies outside (0, 1].
    """
    return 1 / require_dcie(dcie)


def require_dcie(dcie: float) -> float:
    """Return a DCiE that is a fraction in (0, 1].

    Raises:
        InvalidQuantityError: If it is not; a value like 80 gets told what to write instead.
    """
    if math.isfinite(dcie) and 0 < dcie <= 1:
        return dcie
    hint = f"; write {dcie / 100:g}, not {dcie:g}" if math.isfinite(dcie) and 1 < dcie <= 100 else ""
    raise InvalidQuantityError(f"DCiE is a fraction in (0, 1], got {dcie:g}{hint}")


def require_non_negative(name: str, value: float, *, unit: str) -> float:
    """Return a value that is finite and not negative.

    Raises:
        InvalidQuantityError: If it is NaN, infinite or below 0.
    """
    if math.isfinite(value) and value >= 0:
        return value
    raise InvalidQuantityError(f"{name} must be a finite number of at least 0 {unit}, got {value:g}")


def require_positive(name: str, value: float, *, unit: str) -> float:
    """Return a value that is finite and above 0.

    Raises:
        InvalidQuantityError: If it is NaN, infinite, 0 or below.
    """
    if math.isfinite(value) and value > 0:
        return value
    raise InvalidQuantityError(f"{name} must be a finite number above 0 {unit}, got {value:g}")
