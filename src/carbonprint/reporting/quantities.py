"""Print quantities: a fitting unit, significant digits, and the decimal sign of the language."""

from __future__ import annotations

import math

_ENERGY_UNITS = ((1e3, "MWh"), (1.0, "kWh"), (1e-3, "Wh"), (1e-6, "mWh"))
_LEAST_IN_FULL, _MOST_IN_FULL = 1e-6, 1e12
_MASS_UNITS = ((1e3, "t"), (1.0, "kg"), (1e-3, "g"), (1e-6, "mg"), (1e-9, "µg"))


def energy_unit(energy_kwh: float) -> tuple[float, str]:
    """Choose the unit for an energy: how many kWh it is, and its sign."""
    return _unit(energy_kwh, _ENERGY_UNITS)


def mass_unit(mass_kg: float) -> tuple[float, str]:
    """Choose the unit for a mass: how many kg it is, and its sign."""
    return _unit(mass_kg, _MASS_UNITS)


def number(value: float, language: str, *, digits: int = 4) -> str:
    """Print a number with that many significant digits; ``nl`` has a decimal comma.

    It stands in powers of ten only outside 1e-6 to 1e12, where its zeros could no longer be counted.
    """
    if value == 0 or not math.isfinite(value):
        text = f"{value:g}"
    elif not _LEAST_IN_FULL <= abs(value) < _MOST_IN_FULL:
        text = f"{value:.{min(digits, 6)}g}".replace("e+", "e")
    else:
        places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:.{min(places, 12)}f}"
    return text.replace(".", ",") if language == "nl" else text


def short_number(value: float, language: str, *, digits: int = 4) -> str:
    """Print a number as ``number`` does, without zeros at its end (0.8, not 0.8000)."""
    is_short = 1e-4 <= abs(value) < min(10**digits, _MOST_IN_FULL)
    text = f"{value:.{digits}g}" if is_short else number(value, language, digits=digits)
    return text.replace(".", ",") if language == "nl" else text


def fixed_number(value: float, language: str, *, places: int) -> str:
    """Print a number with that many decimals, for a column in which they stand below each other."""
    text = f"{value:.{places}f}"
    return text.replace(".", ",") if language == "nl" else text


def duration(duration_s: float, language: str) -> str:
    """Print a duration: seconds below two minutes, else hours, minutes and seconds."""
    if duration_s < 120 or not duration_s < _MOST_IN_FULL:
        return f"{number(duration_s, language)} s"
    whole = round(duration_s)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours} h {minutes:02d} min {rest:02d} s" if hours else f"{minutes} min {rest:02d} s"


def _unit(amount: float, units: tuple[tuple[float, str], ...]) -> tuple[float, str]:
    return next((unit for unit in units if abs(amount) >= unit[0]), units[-1])
