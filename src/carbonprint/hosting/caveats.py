"""What a reader must know with the figures of a host: defaults, doubts, and what does not count."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from carbonprint.hosting.efficiency import default_efficiency
from carbonprint.hosting.electricity import FRESH_YEARS, counted_parts, evidenced_share, is_stale
from carbonprint.hosting.host import DcieClaim, DcieKind, HostKind
from carbonprint.hosting.host_factors import Efficiency, Standing
from carbonprint.intensity.contracts import uncovered_intensity
from carbonprint.provenance import Basis, Caveat
from carbonprint.reference.tables import constant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carbonprint.hosting.electricity import MarketFigure
    from carbonprint.hosting.host import Contract, Host
    from carbonprint.intensity.carbon_intensity import CarbonIntensity


def efficiency_caveats(host: Host, chosen: Efficiency, *, on_year: int) -> Iterator[Caveat]:
    """Say what a reader must know with the DCiE that was chosen."""
    claim = host.dcie
    if host.kind is HostKind.DESK:
        return
    world = (
        f"the world's average PUE of {constant('world_pue').value:g} ({default_efficiency().source.label})"
    )
    if claim is None:
        yield Caveat(code="dcie-default", text=f"No DCiE is stated: {world} stands in for it.")
    elif chosen.basis is Basis.DEFAULT:
        text = f"The DCiE of {claim.dcie:.2f} is {_doubt(claim)}: {world} stands in for it."
        yield Caveat(code="dcie-not-evidenced", text=text)
    else:
        yield from _stated_dcie_caveats(claim, on_year)


def electricity_caveats(
    host: Host, standing: Standing, location: CarbonIntensity, market: MarketFigure, *, on_year: int
) -> Iterator[Caveat]:
    """Say what a reader must know with the intensities that were chosen."""
    on_grid = location.zone == host.country
    if "-" in host.grid_zone and on_grid:
        text = (
            f"The average of the whole country stands for the grid zone {host.grid_zone}, which may differ."
        )
        yield Caveat(code="national-grid", text=text)
    if host.supply is not None and standing is Standing.EVIDENCED and on_grid:
        text = f"The physical supply is {host.supply.evidence}, no evidence that counts: the grid holds."
        yield Caveat(code="supply-not-evidenced", text=text)
    if host.contract is not None:
        yield from _contract_caveats(host, host.contract, market)
        if standing is Standing.EVIDENCED:
            yield from _cover_caveats(host, host.contract, on_year)
            yield from _cancellation_caveats(host.contract, on_year)
            yield from _label_caveats(host, host.contract, on_year)


def water_caveats(host: Host, standing: Standing) -> Iterator[Caveat]:
    """Say where a stated WUE does not hold; there is no default to take its place."""
    if host.wue_l_per_kwh is None or host.wue_evidence.counts or standing is Standing.CLAIMED:
        return
    text = f"The WUE of {host.wue_l_per_kwh:g} L/kWh is {host.wue_evidence}: the water is not known."
    yield Caveat(code="wue-not-evidenced", text=text)


def _stated_dcie_caveats(claim: DcieClaim, on_year: int) -> Iterator[Caveat]:
    age_years = on_year - claim.year
    if age_years > FRESH_YEARS:
        text = f"The DCiE is of {claim.year}, {age_years} years before the run: its interval is wider for it."
        yield Caveat(code="dcie-old", text=text)
    if claim.metering_category in (1, 2):
        text = (
            f"The IT energy behind the DCiE is metered in category {claim.metering_category}, so that losses "
            "behind the meter count as IT: its interval is wider for it."
        )
        yield Caveat(code="dcie-category", text=text)


def _doubt(claim: DcieClaim) -> str:
    if claim.kind is DcieKind.DESIGN:
        return "a design figure, which says nothing of the site in use"
    return f"{claim.evidence}, no evidence that counts"


def _contract_caveats(host: Host, contract: Contract, market: MarketFigure) -> Iterator[Caveat]:
    if contract.scope:
        text = f"What was bought is stated of {contract.scope}, not of this site."
        yield Caveat(code="contract-scope", text=text)
    abroad = _share_sum(contract) - math.fsum(part.share for part in counted_parts(host, contract))
    if abroad > 0:
        text = (
            f"Guarantees for {abroad:.0%} of the electricity are not Dutch; a Dutch site does not count them."
        )
        if market.any_origin_g_per_kwh is not None:
            text += f" With them the market-based figure would be {market.any_origin_g_per_kwh:.0f} g/kWh."
        yield Caveat(code="guarantees-abroad", text=text)
    label, grey = contract.uncovered, uncovered_intensity(host.country)
    if label is not None and grey is not None and label.g_per_kwh < grey.g_per_kwh:
        text = (
            f"The supplier's label ({label.g_per_kwh:g} g/kWh) lies below grey electricity "
            f"({grey.g_per_kwh:g} g/kWh): it counts the supplier's guarantees, of whatever country."
        )
        yield Caveat(code="label-below-grey", text=text)


def _cover_caveats(host: Host, contract: Contract, on_year: int) -> Iterator[Caveat]:
    stated = _share_sum(contract)
    counted = math.fsum(
        evidenced_share(part, contract, on_year=on_year) for part in counted_parts(host, contract)
    )
    if contract.claimed_g_per_kwh is not None and counted == 0:
        text = (
            "No cancellation statement that counts stands behind the provider's market-based figure: nothing "
            "is covered."
        )
        yield Caveat(code="contract-not-evidenced", text=text)
    elif counted < stated:
        text = (
            f"Stated as covered: {stated:.0%} of the electricity; by cancellation statements: {counted:.0%}."
        )
        yield Caveat(code="contract-not-evidenced", text=text)


def _cancellation_caveats(contract: Contract, on_year: int) -> Iterator[Caveat]:
    """Say which cancellations cover nothing, and how old those are that do."""
    cancelled = [part.cancellation for part in contract.covered if part.cancellation is not None]
    if cancelled and contract.site_energy_mwh is None:
        text = "The cancelled MWh cannot be set against the site's use: state contract.site_energy_mwh."
        yield Caveat(code="site-energy-missing", text=text)
    for cancellation in cancelled:
        if cancellation.year != contract.year:
            text = (
                f"Cancellation {cancellation.statement} is of {cancellation.year}, the contract of "
                f"{contract.year}: it covers nothing."
            )
            yield Caveat(code="cancellation-other-year", text=text)
    if any(part.cancellation is not None and not part.technology for part in contract.covered):
        text = "A cancellation that names no technology covers nothing: state contract.covered.technology."
        yield Caveat(code="technology-missing", text=text)
    if on_year != contract.year and any(each.year == contract.year for each in cancelled):
        yield _age_caveat(contract.year, on_year)


def _age_caveat(year: int, on_year: int) -> Caveat:
    distance = f"The cancelled guarantees are of {year}, {_distance(year, on_year)} the run"
    if is_stale(year, on_year=on_year):
        text = f"{distance}: a guarantee of so distant a year covers none of its electricity."
        return Caveat(code="contract-old", text=text)
    return Caveat(code="contract-year", text=f"{distance}: they count as if they were of its year.")


def _label_caveats(host: Host, contract: Contract, on_year: int) -> Iterator[Caveat]:
    label, default = contract.uncovered, uncovered_intensity(host.country)
    if label is None:
        return
    if label.evidence.counts_for_label:
        if is_stale(label.year, on_year=on_year):
            text = f"The supplier's label is of {label.year}, {_distance(label.year, on_year)} the run."
            yield Caveat(code="label-old", text=text)
    elif default is None or default.g_per_kwh > label.g_per_kwh:
        instead = (
            "what is not covered is not known" if default is None else "grey electricity stands in for it"
        )
        text = (
            f"The supplier's label ({label.g_per_kwh:g} g/kWh) is {label.evidence}, no evidence that counts: "
            f"{instead}."
        )
        yield Caveat(code="label-not-evidenced", text=text)


def _distance(year: int, on_year: int) -> str:
    years = abs(on_year - year)
    return f"{years} year{'s' if years > 1 else ''} {'before' if year < on_year else 'after'}"


def _share_sum(contract: Contract) -> float:
    return math.fsum(part.share for part in contract.covered)
