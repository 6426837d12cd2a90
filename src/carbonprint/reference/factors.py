"""Shipped emission factors: grids of countries, the Dutch official list, and energy sources."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from carbonprint.errors import nearest_names
from carbonprint.reference.tables import number_or_none, row_source, table_rows

if TYPE_CHECKING:
    from carbonprint.provenance import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """The intensity of one country's grid.

    Attributes:
        country: ISO 3166-1 alpha-3 code, or ``WLD``.
        name: English name of the country.
        g_per_kwh: Production-based, lifecycle-style, per kWh generated. [gCO2e/kWh], ≥ 0.
        year: Year of the electricity.
        source: Where it was published.
    """

    country: str
    name: str
    g_per_kwh: float
    year: int
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class DutchFactorRow:
    """A row of the Dutch official list of emission factors.

    Attributes:
        direct_g_per_kwh: Combustion in the plant. [gCO2e/kWh], or None where it differs by supplier.
        chain_g_per_kwh: The fuel chain, on top. [gCO2e/kWh].
        list_year: Year of the list.
        source: Where it was published.
    """

    direct_g_per_kwh: float | None
    chain_g_per_kwh: float
    list_year: int
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFactorRow:
    """Emissions of one energy source, in one scope.

    Attributes:
        low_g_per_kwh: Lowest of the published studies. [gCO2e/kWh]; < 0 where it counts avoided emissions.
        central_g_per_kwh: Their median. [gCO2e/kWh], ≥ 0.
        high_g_per_kwh: Highest of them. [gCO2e/kWh].
        year: Year of the table.
        source: Where it was published.
    """

    low_g_per_kwh: float
    central_g_per_kwh: float
    high_g_per_kwh: float
    year: int
    source: Source


@cache
def grid_rows() -> dict[str, GridRow]:
    """Every country's newest year, and the world's, by ISO 3166-1 alpha-3 code."""
    return {
        row["country_iso3"]: GridRow(
            country=row["country_iso3"],
            name=row["country"],
            g_per_kwh=float(row["intensity_g_per_kwh"]),
            year=int(row["year"]),
            source=row_source(row),
        )
        for row in table_rows("grid_intensity.csv")
    }


def country_name(country_iso3: str) -> str:
    """Give the English name of a country, or its code where the table does not know it."""
    row = grid_rows().get(country_iso3)
    return row.name if row is not None else country_iso3


def nearest_countries(text: str) -> list[str]:
    """Give the codes that a text most likely stands for: a country's name, the start of a code, or a slip."""
    folded = text.casefold()
    named = [row.country for row in grid_rows().values() if row.name.casefold() == folded]
    begun = [country for country in grid_rows() if folded and country.casefold().startswith(folded)]
    return named or begun or nearest_names(text, grid_rows())


@cache
def trading_countries() -> frozenset[str]:
    """Small countries that trade so much electricity that published sets lie far apart for them."""
    return frozenset(row["country_iso3"] for row in table_rows("trading_countries.csv"))


@cache
def dutch_factor_rows() -> dict[str, DutchFactorRow]:
    """The Dutch official list by kind of contract (``grey``, ``unknown``, ``label``) and energy source."""
    return {
        row["factor"]: DutchFactorRow(
            direct_g_per_kwh=number_or_none(row["direct_g_per_kwh"]),
            chain_g_per_kwh=float(row["chain_g_per_kwh"]),
            list_year=int(row["list_year"]),
            source=row_source(row),
        )
        for row in table_rows("dutch_factors.csv")
    }


@cache
def source_factor_rows(scope: str) -> dict[str, SourceFactorRow]:
    """Factors by energy source, of one scope: ``"lifecycle"`` or ``"direct"``."""
    return {
        row["energy_source"]: SourceFactorRow(
            low_g_per_kwh=float(row["low_g_per_kwh"]),
            central_g_per_kwh=float(row["central_g_per_kwh"]),
            high_g_per_kwh=float(row["high_g_per_kwh"]),
            year=int(row["year"]),
            source=row_source(row),
        )
        for row in table_rows("source_factors.csv")
        if row["scope"] == scope
    }
