"""Which electricity a computation counts, in each accounting and standing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carbonprint.hosting.host_factors import Standing
from carbonprint.intensity.contracts import (
    CoveredPart,
    contracted_intensity,
    guarantee_counts,
    stated_intensity,
    uncovered_intensity,
    uncovered_missing,
)
from carbonprint.intensity.grids import grid_intensity
from carbonprint.intensity.mixes import mix_intensity

if TYPE_CHECKING:
    from carbonprint.hosting.host import Contract, CoveredShare, Host
    from carbonprint.intensity.carbon_intensity import CarbonIntensity


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFigure:
    """A market-based intensity, or why there is none.

    Attributes:
        intensity: The intensity; None where it is not known.
        missing: Why it is not known and what would make it known, else ``""``.
        any_origin_g_per_kwh: What it would be if guarantees of any country counted, where that differs.
            [gCO2e/kWh].
    """

    intensity: CarbonIntensity | None
    missing: str = ""
    any_origin_g_per_kwh: float | None = None


def location_intensity(host: Host, standing: Standing, *, on_year: int) -> CarbonIntensity:
    """Give the location-based intensity: the grid, unless the site has a physical supply of its own.

    As claimed the supply holds. As evidenced it holds where its evidence counts, else the worse of it and the
    grid.
    """
    grid = grid_intensity(host.country, on_year=on_year)
    if host.supply is None:
        return grid
    supply = mix_intensity(
        host.supply.shares, zone=host.host_id, year=host.supply.year, source=host.supply.source
    )
    if standing is Standing.CLAIMED or host.supply.evidence.counts:
        return supply
    return max(supply, grid, key=lambda intensity: intensity.g_per_kwh)


def market_figure(host: Host, standing: Standing, *, on_year: int) -> MarketFigure:
    """Give the market-based intensity: what was bought, the rest by the uncovered rule.

    As claimed the provider's own published figure holds, else its covered shares. As evidenced only shares
    with a cancellation statement are covered, and the worse of that and the claim holds; where either is not
    known, neither is the figure. Without a contract the uncovered rule holds for all of it.
    """
    intensity = _market(host, standing, on_year, any_origin=False)
    other = _market(host, standing, on_year, any_origin=True)
    differs = intensity is not None and other is not None and other.g_per_kwh != intensity.g_per_kwh
    return MarketFigure(
        intensity=intensity,
        missing="" if intensity is not None else uncovered_missing(host.country),
        any_origin_g_per_kwh=other.g_per_kwh if differs and other is not None else None,
    )


def evidenced_share(part: CoveredShare, contract: Contract) -> float:
    """Give the part of the site's electricity that cancelled guarantees cover. [-], 0 to the claimed share.

        covered = cancelled MWh of the year / MWh that the site drew in that year

    A cancellation of another year, or of a site whose yearly use is not stated, covers nothing.

    Example:
        900 MWh cancelled, 1000 MWh drawn, a share of 1 claimed: 900 / 1000 = 0.9.
    """
    cancelled = part.cancellation
    if cancelled is None or cancelled.year != contract.year or contract.site_energy_mwh is None:
        return 0.0
    return min(part.share, cancelled.energy_mwh / contract.site_energy_mwh)


def counted_parts(host: Host, contract: Contract) -> list[CoveredShare]:
    """Give the covered parts that a site of this country counts at all."""
    return [part for part in contract.covered if guarantee_counts(host.country, part.country)]


def _market(host: Host, standing: Standing, on_year: int, *, any_origin: bool) -> CarbonIntensity | None:
    contract = host.contract
    if contract is None:
        return uncovered_intensity(host.country)
    parts = list(contract.covered) if any_origin else counted_parts(host, contract)
    claimed = _claimed(host, contract, parts, on_year)
    if standing is Standing.CLAIMED or claimed is None:
        return claimed
    evidenced = _contracted(
        host, contract, [_covered(part, evidenced_share(part, contract)) for part in parts], on_year
    )
    if evidenced is None:
        return None
    return max(claimed, evidenced, key=lambda intensity: intensity.g_per_kwh)


def _claimed(
    host: Host, contract: Contract, parts: list[CoveredShare], on_year: int
) -> CarbonIntensity | None:
    if contract.claimed_g_per_kwh is None:
        return _contracted(host, contract, [_covered(part, part.share) for part in parts], on_year)
    return stated_intensity(
        contract.claimed_g_per_kwh,
        set_id="contract",
        zone=host.host_id,
        year=contract.year,
        source=contract.source,
        on_year=on_year,
    )


def _contracted(
    host: Host, contract: Contract, covered: list[CoveredPart], on_year: int
) -> CarbonIntensity | None:
    return contracted_intensity(
        covered,
        uncovered_intensity(host.country, _label(host, contract, on_year)),
        zone=host.host_id,
        year=contract.year,
        source=contract.source,
        on_year=on_year,
    )


def _label(host: Host, contract: Contract, on_year: int) -> CarbonIntensity | None:
    if contract.uncovered is None:
        return None
    return stated_intensity(
        contract.uncovered.g_per_kwh,
        set_id="label",
        zone=host.host_id,
        year=contract.uncovered.year,
        source=contract.uncovered.source,
        on_year=on_year,
    )


def _covered(part: CoveredShare, share: float) -> CoveredPart:
    return CoveredPart(share=share, g_per_kwh=part.g_per_kwh)
