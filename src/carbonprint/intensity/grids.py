"""The intensity of public grids, location-based."""

from __future__ import annotations

from carbonprint.errors import InvalidSettingError, UnknownZoneError
from carbonprint.intensity.carbon_intensity import Accounting, CarbonIntensity, FactorScope
from carbonprint.reference.factors import grid_rows, trading_countries
from carbonprint.reference.tables import constant

DEFAULT_SET = "ember"
"""Every country's newest year: production-based, lifecycle-style, per kWh generated (Ember, CC BY 4.0)."""


def grid_intensity(zone: str, *, on_year: int, set_id: str = DEFAULT_SET) -> CarbonIntensity:
    """Give the location-based intensity of a country's grid, of the newest year in the set.

    Args:
        zone: ISO 3166-1 alpha-3 code, or ``WLD`` for the world's average.
        on_year: Year of the run; the farther the figure's year lies from it, the wider the interval.
        set_id: Set of figures; one set for all hosts of a comparison.

    Raises:
        UnknownZoneError: If the set has no figure for the zone; it names the nearest ones.
        InvalidSettingError: If there is no such set.
    """
    if set_id != DEFAULT_SET:
        raise InvalidSettingError(f"grid set {set_id!r} is not known; the known one is {DEFAULT_SET}")
    row = grid_rows().get(zone)
    if row is None:
        raise UnknownZoneError(zone, grid_rows(), hint="(zones are ISO 3166-1 alpha-3 codes, such as NLD)")
    return CarbonIntensity(
        g_per_kwh=row.g_per_kwh,
        accounting=Accounting.LOCATION,
        scope=FactorScope.LIFECYCLE,
        year=row.year,
        zone=zone,
        set_id=set_id,
        source=row.source,
        half_width_90=grid_half_width(zone, age_years=abs(on_year - row.year)),
    )


def grid_half_width(zone: str, *, age_years: int) -> float:
    """Give the half-width of the 90 % interval of a national annual figure, as a fraction of it. [-].

    A working assumption: no publisher prints an interval. ± 10 % in the figure's own year (revisions of one
    and the same year: median 5.7 %), ± 15 % a year away (change between years: median 4 to 11 %, 90th
    percentile 12 to 29 %), 5 points more for every further year, never more than ± 50 %. Small countries that
    trade much electricity have ± 50 % at any age: production and consumption lie that far apart there.

    Args:
        zone: ISO 3166-1 alpha-3 code.
        age_years: Years between the figure and the run, ≥ 0.

    Example:
        NLD, figure of 2024, run in 2026: 0.15 + 0.05 · (2 − 1) = 0.20.
    """
    widest = constant("grid_trading_half_width").value
    if zone in trading_countries():
        return widest
    return annual_half_width(age_years)


def annual_half_width(age_years: int) -> float:
    """The rule of ``grid_half_width`` by age alone, which also holds for a supplier's annual figure. [-]."""
    if age_years <= 0:
        return constant("grid_same_year_half_width").value
    aged = constant("grid_one_year_half_width").value
    aged += (age_years - 1) * constant("grid_half_width_per_year").value
    return min(aged, constant("grid_trading_half_width").value)
