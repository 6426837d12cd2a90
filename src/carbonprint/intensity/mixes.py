"""Energy mixes: shares of sources times the factors of the sources."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from carbonprint.errors import InvalidQuantityError, UnknownNameError, nearest_names
from carbonprint.intensity.carbon_intensity import Accounting, CarbonIntensity, FactorScope, IntensityTerm
from carbonprint.reference.factors import SourceFactorRow, source_factor_rows
from carbonprint.reference.tables import constant, constants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from carbonprint.provenance import Source

SHARES_TOLERANCE = 1e-6
"""How far the sum of the shares of a mix may lie from 1. [-]"""

_WIDEST = 1.0
"""No source's interval is wider than from nothing to twice its factor, as a fraction of it. [-]"""


class UnknownEnergySourceError(UnknownNameError):
    """No factor for an energy source of that name."""

    kind = "energy source"


def energy_sources(scope: FactorScope = FactorScope.LIFECYCLE) -> tuple[str, ...]:
    """Name the energy sources that have a factor of this scope."""
    return tuple(source_factor_rows(scope.value))


def direct_factor_g_per_kwh(energy_source: str) -> float | None:
    """Give the direct emissions of a source that burns nothing (0), for market-based figures; else None."""
    row = source_factor_rows(FactorScope.DIRECT.value).get(energy_source)
    return row.central_g_per_kwh if row is not None else None


def lowest_direct_g_per_kwh(energy_source: str) -> float | None:
    """Give the direct emissions below which no plant on this fuel lies, or None where nothing fossil is burned.

    Sources:
        A working assumption, rounded down from the lowest direct figures of plants that were found: the rows
        ``direct_floor_…`` of ``reference/constants.csv``. Biomass has none: its direct emissions are 0 in the
        Dutch list.
    """
    floor = constants().get(f"direct_floor_{energy_source}")
    return floor.value if floor is not None else None


def mix_intensity(shares: Mapping[str, float], *, zone: str, year: int, source: Source) -> CarbonIntensity:
    """Give the location-based intensity of a physical supply with known shares.

        CI = Σ share_i · EF_i

    Each source's lifecycle factor is one uncertain input, independent of the others, so

        half-width = √ Σ (share_i · EF_i · h_i)² / CI

    Args:
        shares: Fraction per energy source. [-], ≥ 0; they sum to 1 within 1e-6.
        zone: Whose supply it is: the host's id.
        year: Year that the shares describe.
        source: Where the shares were published.

    Raises:
        InvalidQuantityError: If a share is negative or not finite, or they do not sum to 1.
        UnknownEnergySourceError: If there is no factor for a source; it names the nearest ones.

    Sources:
        The lifecycle rows of ``reference/source_factors.csv`` (NREL 2021, medians of published studies).

    Example:
        Half wind (13 g/kWh), half gas (486 g/kWh): 0.5 · 13 + 0.5 · 486 = 249.5 gCO2e/kWh.
    """
    _require_shares(shares)
    factors = source_factor_rows(FactorScope.LIFECYCLE.value)
    parts = tuple(
        IntensityTerm(
            key=f"{FactorScope.LIFECYCLE}/{name}",
            g_per_kwh=share * factors[name].central_g_per_kwh,
            half_width_90=source_half_width(factors[name]),
            source=factors[name].source,
        )
        for name, share in shares.items()
    )
    return CarbonIntensity.put_together(
        parts,
        accounting=Accounting.LOCATION,
        scope=FactorScope.LIFECYCLE,
        year=year,
        zone=zone,
        set_id="supply",
        source=source,
    )


def source_half_width(row: SourceFactorRow) -> float:
    """Give the half-width of the 90 % interval of a source's factor, as a fraction of it. [-], 0 to 1.

    A working assumption: half of the range from the lowest to the highest of the published studies, which
    differ in plant, place and method more than one supply does, and never more than the factor itself.

    Example:
        Coal, 675 to 1689 around 1001: 0.5 · (1689 − 675) / 2 / 1001 = 0.25.
    """
    if row.central_g_per_kwh <= 0:
        return 0.0
    half_range = (row.high_g_per_kwh - row.low_g_per_kwh) / 2 / row.central_g_per_kwh
    return min(constant("source_range_part").value * half_range, _WIDEST)


def shares_faults(shares: Mapping[str, float]) -> Iterator[str]:
    """Name everything that is wrong with the shares of a mix, one line each."""
    known = energy_sources()
    for name, share in shares.items():
        if name not in known:
            nearest = nearest_names(name, known)
            offer = f"; did you mean {' or '.join(nearest)}?" if nearest else f"; known: {', '.join(known)}"
            yield f"unknown energy source {name!r}{offer}"
        if not math.isfinite(share) or share < 0:
            yield f"the share of {name} must be a finite number of at least 0, got {share:g}"
    if not abs(total(shares.values()) - 1) <= SHARES_TOLERANCE:
        yield f"the shares must sum to 1, got {total(shares.values()):.6g}"


def total(values: Iterable[float]) -> float:
    """Sum figures of a document that may be absurd: too large a sum is infinite, one with what is none NaN."""
    figures = list(values)
    if not all(map(math.isfinite, figures)):
        return math.nan
    try:
        return math.fsum(figures)
    except OverflowError:
        return math.inf


def _require_shares(shares: Mapping[str, float]) -> None:
    known = energy_sources()
    for name in shares:
        if name not in known:
            raise UnknownEnergySourceError(name, known, hint=f"(known: {', '.join(known)})")
    faults = list(shares_faults(shares))
    if faults:
        raise InvalidQuantityError(f"energy mix: {'; '.join(faults)}")
