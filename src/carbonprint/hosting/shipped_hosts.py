"""The shipped catalogue: hosts built from the reference tables, each figure with its class of evidence."""

from __future__ import annotations

from carbonprint.hosting.host import Contract, CoveredShare, DcieClaim, DcieKind, Evidence, Host, HostKind
from carbonprint.reference.datacenters import (
    PROVIDERS,
    CloudRow,
    GovernmentDcieRow,
    cloud_rows,
    government_dcie_rows,
    government_purchase_rows,
)
from carbonprint.reference.factors import GridRow, grid_rows
from carbonprint.units import dcie_from_pue

GRID, DESK = "grid", "desk"
"""First part of the id of a reference host; the second is its country (``grid/NLD``)."""

DEFAULT_HOST_ID = "grid/WLD"
"""The host of a run whose user names none: the world's average grid and PUE."""


def shipped_host_ids() -> tuple[str, ...]:
    """Name every host of the catalogue: sites first, then the reference hosts of each country."""
    countries = grid_rows()
    return (
        *government_dcie_rows(),
        *cloud_rows(),
        *(f"{GRID}/{country}" for country in countries),
        *(f"{DESK}/{country}" for country in countries),
    )


def shipped_host(host_id: str) -> Host | None:
    """Build one host of the catalogue from its rows; None where there is none of that id."""
    government = government_dcie_rows().get(host_id)
    if government is not None:
        return _government_host(host_id, government)
    group, _, name = host_id.partition("/")
    if group in PROVIDERS and host_id in cloud_rows():
        return _cloud_host(host_id, cloud_rows()[host_id])
    if group in (GRID, DESK) and name in grid_rows():
        return _reference_host(host_id, HostKind(group), grid_rows()[name])
    return None


def _government_host(host_id: str, rows: tuple[GovernmentDcieRow, ...]) -> Host:
    claims = tuple(
        DcieClaim(
            dcie=row.dcie,
            year=row.year,
            kind=DcieKind.MEASURED,
            evidence=Evidence.GOVERNMENT,
            source=row.source,
        )
        for row in rows
    )
    return Host(
        host_id=host_id,
        name=rows[-1].name,
        kind=HostKind.SITE,
        country="NLD",
        operator="Dutch central government",
        dcie=claims[-1],
        dcie_history=claims[:-1],
        contract=_government_contract(),
        notes=("The published DCiE is of electricity only, and names no metering category.",),
    )


def _government_contract() -> Contract:
    """Give what the central government bought, as a claim: it names no site, technology or cancellation."""
    rows = government_purchase_rows()
    return Contract(
        year=rows[0].year,
        evidence=Evidence.SELF_DECLARED,
        source=rows[0].source,
        covered=tuple(
            CoveredShare(share=row.share, g_per_kwh=row.g_per_kwh, country=row.country) for row in rows
        ),
        scope=rows[0].scope,
    )


def _cloud_host(host_id: str, row: CloudRow) -> Host:
    return Host(
        host_id=host_id,
        name=f"{PROVIDERS[row.provider]} {row.region}",
        kind=HostKind.SITE,
        country=row.country,
        operator=PROVIDERS[row.provider],
        site=row.location,
        dcie=_cloud_dcie(row),
        contract=_cloud_contract(row),
        wue_l_per_kwh=row.wue_l_per_kwh,
        wue_source=row.source if row.wue_l_per_kwh is not None else None,
        grid_zone=row.grid_zone,
        notes=("The provider states its figures of the region, which may be several buildings.",),
    )


def _cloud_dcie(row: CloudRow) -> DcieClaim | None:
    if row.pue is None:
        return None
    return DcieClaim(
        dcie=dcie_from_pue(row.pue),
        year=row.year,
        kind=DcieKind.MEASURED,
        evidence=Evidence.SELF_DECLARED,
        source=row.source,
    )


def _cloud_contract(row: CloudRow) -> Contract | None:
    if row.market_based_g_per_kwh is None:
        return None
    return Contract(
        year=row.year,
        evidence=Evidence.SELF_DECLARED,
        source=row.source,
        claimed_g_per_kwh=row.market_based_g_per_kwh,
    )


def _reference_host(host_id: str, kind: HostKind, row: GridRow) -> Host:
    what = "the world's average PUE" if kind is HostKind.GRID else "no datacenter"
    return Host(host_id=host_id, name=f"{row.name}: its grid, {what}", kind=kind, country=row.country)
