"""Host files: a site as its provider or its customer describes it, in TOML.

    name = "Example datacenter"
    country = "NLD"

    [efficiency]
    pue = 1.25
    year = 2025
    evidence = "self-declared"
    source = "provider's web page, read on 2026-01-15"

``configs/hosts/`` holds commented examples of everything else.
"""

from __future__ import annotations

import datetime
import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from carbonprint.documents import found, read_toml, validate
from carbonprint.hosting.host import (
    Cancellation,
    Contract,
    CoveredShare,
    DcieClaim,
    DcieKind,
    Evidence,
    Host,
    HostKind,
    Supply,
    Uncovered,
)
from carbonprint.hosting.host_document import (
    ContractTable,
    CoveredTable,
    EfficiencyTable,
    HistoryTable,
    HostDocument,
    SourceTable,
)
from carbonprint.hosting.host_rules import MONTHS_PER_YEAR, RULES
from carbonprint.hosting.shipped_hosts import shipped_host
from carbonprint.intensity.mixes import direct_factor_g_per_kwh
from carbonprint.provenance import Source
from carbonprint.units import dcie_from_pue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KWH_PER_MWH = 1000


def read_host_file(path: Path, *, today: datetime.date | None = None) -> Host:
    """Read a host file.

    Args:
        path: The file.
        today: A year or month after it is no evidence, but a slip; None for the date of the clock (UTC).

    Raises:
        DocumentError: If it cannot be read, or has faults; it names every one with its key, what is allowed
            and what was found.
    """

    def id_is_free(content: dict[str, Any]) -> Iterator[str]:
        host_id = content.get("id", path.stem)
        if isinstance(host_id, str) and shipped_host(host_id) is not None:
            yield f"id: must not be that of a host of the catalogue, found {found(host_id)}"

    document = validate(
        HostDocument,
        read_toml(path),
        path,
        rules=(*RULES, id_is_free),
        context={"today": today or datetime.datetime.now(tz=datetime.UTC).date()},
    )
    read = host_from_document(document, host_id=document.id or path.stem, origin=str(path))
    if document.hardware is None:
        return read
    return replace(read, hardware=os.path.join(path.parent, os.path.expanduser(document.hardware)))


def host_from_document(document: HostDocument, *, host_id: str, origin: str) -> Host:
    """Turn a host file that has no faults into a host.

    Args:
        document: The file.
        host_id: Its id.
        origin: Where it was read from.
    """
    efficiency, supply, water = document.efficiency, document.supply, document.water
    return Host(
        host_id=host_id,
        name=document.name,
        kind=HostKind.SITE,
        country=document.country,
        operator=document.operator,
        site=document.site,
        grid_zone=document.grid_zone,
        dcie=_dcie_claim(efficiency) if efficiency is not None else None,
        dcie_history=_history(efficiency.history) if efficiency is not None else (),
        supply=Supply(
            shares=supply.shares,
            year=supply.year,
            evidence=supply.evidence,
            source=_source(supply.source, supply.year),
        )
        if supply is not None
        else None,
        contract=_contract(document.contract, efficiency) if document.contract is not None else None,
        wue_l_per_kwh=water.wue_l_per_kwh if water is not None else None,
        wue_source=_source(water.source, water.year) if water is not None else None,
        wue_evidence=water.evidence if water is not None else Evidence.SELF_DECLARED,
        origin=origin,
        notes=tuple(document.notes),
    )


def dcie_of_readings(it_kwh: list[float], facility_kwh: list[float]) -> float:
    """Give the DCiE over a year: energy over energy, not a mean of monthly ratios. [-], 0 < DCiE ≤ 1.

        DCiE = Σ E_IT / Σ E_facility

    Args:
        it_kwh: Energy of the IT equipment by month. [kWh], > 0.
        facility_kwh: Energy of the whole facility by month. [kWh], at least that of the IT equipment.

    Example:
        Months of 60 of 100 kWh and 160 of 200 kWh: 220 / 300 = 0.733; the mean of the ratios would be 0.70.
    """
    return math.fsum(it_kwh) / math.fsum(facility_kwh)


def _dcie_claim(table: EfficiencyTable) -> DcieClaim:
    if table.months:
        dcie = dcie_of_readings(
            [month.it_kwh for month in table.months], [month.facility_kwh for month in table.months]
        )
        year, evidence, kind = _readings_year(table), Evidence.METERED, DcieKind.MEASURED
    else:
        assert table.year is not None  # a rule of the file
        dcie, year, kind = _stated_dcie(table), table.year, table.kind
        evidence = table.evidence or Evidence.SELF_DECLARED
    return DcieClaim(
        dcie=dcie,
        year=year,
        kind=kind,
        evidence=evidence,
        source=_source(table.source, year),
        metering_category=table.metering_category,
    )


def _readings_year(table: EfficiencyTable) -> int:
    """Give the year that most of the twelve months fall in, the earlier one of two halves."""
    years = sorted(int(month.month[:4]) for month in table.months)
    return years[(MONTHS_PER_YEAR - 1) // 2]


def _stated_dcie(table: EfficiencyTable | HistoryTable) -> float:
    if table.pue is not None:
        return dcie_from_pue(table.pue)
    assert table.dcie is not None  # a rule of the file
    return table.dcie


def _history(rows: list[HistoryTable]) -> tuple[DcieClaim, ...]:
    return tuple(
        DcieClaim(
            dcie=_stated_dcie(row),
            year=row.year,
            kind=row.kind,
            evidence=row.evidence,
            source=_source(row.source, row.year),
        )
        for row in sorted(rows, key=lambda row: row.year)
    )


def _contract(table: ContractTable, efficiency: EfficiencyTable | None) -> Contract:
    site_energy_mwh = table.site_energy_mwh
    if site_energy_mwh is None and efficiency is not None:
        site_energy_mwh = _read_mwh(efficiency, table.year)
    uncovered = table.uncovered
    return Contract(
        year=table.year,
        evidence=table.evidence,
        source=_source(table.source, table.year),
        covered=tuple(_covered(row) for row in table.covered),
        uncovered=Uncovered(
            g_per_kwh=uncovered.g_per_kwh,
            year=uncovered.year,
            source=_source(uncovered.source, uncovered.year),
            evidence=uncovered.evidence,
        )
        if uncovered is not None
        else None,
        scope=table.scope,
        claimed_g_per_kwh=table.claimed_g_per_kwh,
        site_energy_mwh=site_energy_mwh,
    )


def _read_mwh(efficiency: EfficiencyTable, year: int) -> float | None:
    """Give what the readings of one calendar year sum to; None where they are not of that year."""
    of_year = [month.facility_kwh for month in efficiency.months if int(month.month[:4]) == year]
    return math.fsum(of_year) / KWH_PER_MWH if len(of_year) == MONTHS_PER_YEAR else None


def _covered(row: CoveredTable) -> CoveredShare:
    g_per_kwh = row.g_per_kwh if row.g_per_kwh is not None else direct_factor_g_per_kwh(row.technology)
    assert g_per_kwh is not None  # a rule of the file
    cancelled = row.cancellation
    return CoveredShare(
        share=row.share,
        g_per_kwh=g_per_kwh,
        technology=row.technology,
        country=row.country or "",
        cancellation=Cancellation(
            statement=cancelled.statement,
            beneficiary=cancelled.beneficiary,
            year=cancelled.year,
            energy_mwh=cancelled.energy_mwh,
        )
        if cancelled is not None
        else None,
    )


def _source(table: SourceTable, year: int) -> Source:
    return Source(
        title=table.title,
        publisher=table.publisher,
        year=table.year if table.year is not None else year,
        url=table.url,
        licence=table.licence,
    )
