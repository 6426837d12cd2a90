"""Shipped figures of datacenters: the Dutch government's, and the regions of three clouds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from carbonprint.reference.tables import number_or_none, row_source, table_rows

if TYPE_CHECKING:
    from carbonprint.provenance import Source

PROVIDERS = {"aws": "Amazon Web Services", "gcp": "Google Cloud", "azure": "Microsoft Azure"}
"""First part of a cloud host's id → the provider's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernmentDcieRow:
    """The DCiE of one Dutch government datacenter in one year. [-], 0 < dcie ≤ 1."""

    host_id: str
    name: str
    year: int
    dcie: float
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernmentPurchaseRow:
    """A part of the electricity that the Dutch central government bought in one year.

    Attributes:
        share: Fraction of that electricity. [-], 0 to 1.
        country: Where it was produced, or ``""`` where only "other countries" is said.
        year: Year of the electricity.
        g_per_kwh: Direct emissions. [gCO2e/kWh].
        scope: Of whose electricity it speaks.
        source: Where it was published.
    """

    share: float
    country: str
    year: int
    g_per_kwh: float
    scope: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRow:
    """What a cloud provider states of one region.

    Attributes:
        provider: ``aws``, ``gcp`` or ``azure``.
        region: The provider's name of the region.
        location: Where it is, in the provider's words.
        country: ISO 3166-1 alpha-3 code.
        grid_zone: Grid zone of the region, or ``""`` where none is given.
        year: Year of the figures.
        pue: [-], ≥ 1, or None where none is stated.
        wue_l_per_kwh: [L/kWh of IT energy], or None where none is stated.
        market_based_g_per_kwh: [gCO2e/kWh], or None where none is stated.
        source: Where it was published.
    """

    provider: str
    region: str
    location: str
    country: str
    grid_zone: str
    year: int
    pue: float | None
    wue_l_per_kwh: float | None
    market_based_g_per_kwh: float | None
    source: Source


@cache
def government_dcie_rows() -> dict[str, tuple[GovernmentDcieRow, ...]]:
    """The Dutch government datacenters by host id, each with its years, oldest first."""
    by_host: dict[str, list[GovernmentDcieRow]] = {}
    for row in table_rows("odc_dcie.csv"):
        by_host.setdefault(row["host_id"], []).append(
            GovernmentDcieRow(
                host_id=row["host_id"],
                name=row["site"],
                year=int(row["year"]),
                dcie=float(row["dcie"]),
                source=row_source(row),
            )
        )
    return {host_id: tuple(sorted(rows, key=lambda row: row.year)) for host_id, rows in by_host.items()}


@cache
def government_purchase_rows() -> tuple[GovernmentPurchaseRow, ...]:
    """What the Dutch central government says it bought."""
    return tuple(
        GovernmentPurchaseRow(
            share=float(row["share"]),
            country=row["country_iso3"],
            year=int(row["year"]),
            g_per_kwh=float(row["g_per_kwh"]),
            scope=row["scope"],
            source=row_source(row),
        )
        for row in table_rows("odc_contract.csv")
    )


@cache
def cloud_rows() -> dict[str, CloudRow]:
    """The cloud regions by host id (``gcp/europe-west4``)."""
    return {f"{row['provider']}/{row['region']}": _cloud_row(row) for row in table_rows("cloud_regions.csv")}


def _cloud_row(row: dict[str, str]) -> CloudRow:
    source = row_source(row)
    return CloudRow(
        provider=row["provider"],
        region=row["region"],
        location=row["location"],
        country=row["country_iso3"],
        grid_zone=row["grid_zone"],
        year=int(row["year"]),
        pue=number_or_none(row["pue"]),
        wue_l_per_kwh=number_or_none(row["wue_l_per_kwh"]),
        market_based_g_per_kwh=number_or_none(row["market_based_g_per_kwh"]),
        source=replace(source, publisher=f"{PROVIDERS[row['provider']]}, in {source.publisher}"),
    )
