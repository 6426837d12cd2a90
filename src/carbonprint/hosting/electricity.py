"""Which electricity a computation counts, in each accounting and standing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carbonprint.hosting.host_factors import Standing
from carbonprint.intensity.contracts import (
    CoveredPart,
    contracted_intensity,
    guarantee_counts,
    label_missing,
    stated_intensity,
    uncovered_intensity,
    uncovered_missing,
)
from carbonprint.intensity.grids import grid_intensity
from carbonprint.intensity.mixes import mix_intensity

if TYPE_CHECKING:
    from carbonprint.hosting.host import Contract, CoveredShare, Host
    from carbonprint.intensity.carbon_intensity import CarbonIntensity

FRESH_YEARS = 2
"""Evidence older than 24 months after its year still counts, and its age is said; a guarantee covers nothing then.

Sources:
    DESIGN, "Claimed and evidenced". A guarantee of origin is valid for 12 months and expires after 18 (Directive
    (EU) 2018/2001, Art. 19(3)), so that none of an older year is left to cover the electricity of a run.
"""


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
    with a technology and a cancellation statement of at most 24 months before the run are covered, a
    self-declared label gives way to the default, and the worse of that and the claim holds; where either is not
    known, neither is the figure. Without a contract the uncovered rule holds for all of it.
    """
    intensity = _market(host, standing, on_year, any_origin=False)
    other = _market(host, standing, on_year, any_origin=True)
    differs = intensity is not None and other is not None and other.g_per_kwh != intensity.g_per_kwh
    return MarketFigure(
        intensity=intensity,
        missing="" if intensity is not None else _missing(host),
        any_origin_g_per_kwh=other.g_per_kwh if differs and other is not None else None,
    )


def evidenced_share(part: CoveredShare, contract: Contract, *, on_year: int) -> float:
    """Give the part of the site's electricity that cancelled guarantees cover. [-], 0 to the claimed share.

        covered = cancelled MWh of the year / MWh that the site drew in that year

    A cancellation of another year than the contract's, one that ended more than 24 months from the run, one
    of no named technology, or of a site whose yearly use is not stated, covers nothing.

    Args:
        part: The part, of this contract.
        contract: The contract.
        on_year: Year of the run.

    Example:
        900 MWh cancelled, 1000 MWh drawn, a share of 1 claimed: 900 / 1000 = 0.9.
    """
    cancelled = part.cancellation
    if cancelled is None or cancelled.year != contract.year or contract.site_energy_mwh is None:
        return 0.0
    if not part.technology or is_stale(cancelled.year, on_year=on_year):
        return 0.0
    return min(part.share, cancelled.energy_mwh / contract.site_energy_mwh)


def is_stale(year: int, *, on_year: int) -> bool:
    """Tell whether a year lies more than 24 months from that of the run."""
    return abs(on_year - year) > FRESH_YEARS


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
    covered = [_covered(part, evidenced_share(part, contract, on_year=on_year)) for part in parts]
    evidenced = _contracted(host, contract, covered, standing, on_year)
    if evidenced is None:
        return None
    return max(claimed, evidenced, key=lambda intensity: intensity.g_per_kwh)


def _claimed(
    host: Host, contract: Contract, parts: list[CoveredShare], on_year: int
) -> CarbonIntensity | None:
    if contract.claimed_g_per_kwh is None:
        covered = [_covered(part, part.share) for part in parts]
        return _contracted(host, contract, covered, Standing.CLAIMED, on_year)
    return stated_intensity(
        contract.claimed_g_per_kwh,
        set_id="contract",
        zone=host.host_id,
        year=contract.year,
        source=contract.source,
        on_year=on_year,
    )


def _contracted(
    host: Host, contract: Contract, covered: list[CoveredPart], standing: Standing, on_year: int
) -> CarbonIntensity | None:
    return contracted_intensity(
        covered,
        _uncovered(host, contract, standing, on_year),
        zone=host.host_id,
        year=contract.year,
        source=contract.source,
        on_year=on_year,
    )


def _uncovered(host: Host, contract: Contract, standing: Standing, on_year: int) -> CarbonIntensity | None:
    """Give the intensity of the rest; as evidenced a label without evidence gives way to a worse default."""
    label, default = _label(host, contract, on_year), uncovered_intensity(host.country)
    if (
        standing is Standing.CLAIMED
        or contract.uncovered is None
        or contract.uncovered.evidence.counts_for_label
    ):
        return uncovered_intensity(host.country, label)
    if label is None or default is None:
        return None
    return max(label, default, key=lambda intensity: intensity.g_per_kwh)


def _missing(host: Host) -> str:
    label = host.contract.uncovered if host.contract is not None else None
    if label is not None and not label.evidence.counts_for_label:
        return label_missing(host.country, label.evidence.value)
    return uncovered_missing(host.country)


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
