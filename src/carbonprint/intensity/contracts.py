"""Market-based intensity: what was contracted, and the rule for the rest.

One kind throughout: direct emissions, in which wind, solar, hydro and nuclear are 0; no lifecycle factors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from carbonprint.errors import InvalidQuantityError
from carbonprint.intensity.carbon_intensity import Accounting, CarbonIntensity, FactorScope, IntensityTerm
from carbonprint.intensity.grids import annual_half_width
from carbonprint.reference.factors import country_name, dutch_factor_rows
from carbonprint.reference.tables import constant
from carbonprint.units import require_non_negative

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carbonprint.provenance import Source

SHARES_TOLERANCE = 1e-6
"""How far the covered shares may lie above 1, for rounding. [-]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredPart:
    """A part of a year's electricity for which a contract names the source.

    Attributes:
        share: Fraction of the electricity. [-], 0 to 1.
        g_per_kwh: Its direct emissions. [gCO2e/kWh], ≥ 0.
    """

    share: float
    g_per_kwh: float

    def __post_init__(self) -> None:
        require_non_negative("share", self.share, unit="[-]")
        require_non_negative("g_per_kwh", self.g_per_kwh, unit="gCO2e/kWh")


def guarantee_counts(site_country: str, produced_in: str) -> bool:
    """Tell whether a guarantee of origin from one country covers electricity of a site in another.

    Dutch sites count Dutch guarantees only, as the Dutch central government does; elsewhere any counts.

    Sources:
        Denk Doe Duurzaam (Rijksoverheid), Feiten en cijfers: which electricity the central government counts.
    """
    return site_country != "NLD" or produced_in == "NLD"


def stated_intensity(
    g_per_kwh: float, *, set_id: str, zone: str, year: int, source: Source, on_year: int
) -> CarbonIntensity:
    """Give the annual figure of a supplier's label or of a provider as an intensity.

    Args:
        g_per_kwh: The figure, direct emissions. [gCO2e/kWh], ≥ 0.
        set_id: ``"label"`` or ``"contract"``.
        zone: Whose figure it is: the host's id.
        year: Year that it describes.
        source: Where it was published.
        on_year: Year of the run; the interval grows with the distance, as that of a grid does.
    """
    return CarbonIntensity(
        g_per_kwh=g_per_kwh,
        accounting=Accounting.MARKET,
        scope=FactorScope.DIRECT,
        year=year,
        zone=zone,
        set_id=set_id,
        source=source,
        half_width_90=annual_half_width(abs(on_year - year)),
    )


def uncovered_intensity(country: str, label: CarbonIntensity | None = None) -> CarbonIntensity | None:
    """Give the intensity of the electricity that no guarantee and no PPA covers.

    The supplier's label comes first, then the residual mix of the country; the package ships no residual mix.
    For the Netherlands the official figure for grey electricity takes its place: the supply without green
    guarantees, 401 g/kWh direct. For another country without a label it is not known: the grid's average is
    greener than what is left after others have bought its guarantees.

    Args:
        country: Where the site stands, ISO 3166-1 alpha-3.
        label: The supplier's label, where there is one.

    Returns:
        The intensity, or None where it is not known; ``uncovered_missing`` says what to do then.

    Sources:
        CO2emissiefactoren.nl, list of 2026, "Grijze stroom": 483 = 401 direct + 82 fuel chain.
    """
    if label is not None:
        return label
    if country != "NLD":
        return None
    grey = dutch_factor_rows()["grey"]
    assert grey.direct_g_per_kwh is not None  # a row of the shipped table
    return CarbonIntensity(
        g_per_kwh=grey.direct_g_per_kwh,
        accounting=Accounting.MARKET,
        scope=FactorScope.DIRECT,
        year=grey.list_year,
        zone=country,
        set_id="nl-official",
        source=grey.source,
        half_width_90=constant("residual_half_width").value,
    )


def uncovered_missing(country: str) -> str:
    """Say why there is no market-based figure for a country, and what would make it known."""
    return (
        f"no factor is shipped for electricity without guarantees ({country_name(country)}); give the "
        "supplier's label, with its evidence, in the host file under [contract.uncovered] (for European "
        "countries, AIB's European Residual Mixes is the table to look it up in)"
    )


def label_missing(country: str, evidence: str) -> str:
    """Say why a supplier's label without evidence that counts gives no market-based figure, and what would."""
    return (
        f"the supplier's label is {evidence}, no evidence that counts, and no factor is shipped for "
        f"electricity without guarantees ({country_name(country)}); give the label's evidence in the host file "
        'under [contract.uncovered] ("published-by-law" for a label that the law asks of the supplier)'
    )


def contracted_intensity(
    covered: Sequence[CoveredPart],
    uncovered: CarbonIntensity | None,
    *,
    zone: str,
    year: int,
    source: Source,
    on_year: int,
) -> CarbonIntensity | None:
    """Give the market-based intensity of electricity that is covered in part.

        CI = Σ covered_j · EF_j + (1 − Σ covered_j) · uncovered

    Args:
        covered: The parts that count.
        uncovered: Intensity of the rest, or None where it is not known.
        zone: Whose contract it is: the host's id.
        year: Year that the contract describes.
        source: Where the contract was published.
        on_year: Year of the run.

    Returns:
        The intensity; None where something is left uncovered and the intensity of the rest is not known.

    Raises:
        InvalidQuantityError: If the covered shares sum to more than 1.

    Example:
        52 % wind (0 g/kWh), the rest Dutch grey (401 g/kWh): 0.52 · 0 + 0.48 · 401 = 192.48 gCO2e/kWh.
    """
    total_share = math.fsum(part.share for part in covered)
    if total_share > 1 + SHARES_TOLERANCE:
        raise InvalidQuantityError(f"the covered shares sum to at most 1, got {total_share:g}")
    rest_share = max(0.0, 1 - total_share)
    if rest_share <= SHARES_TOLERANCE:
        rest_share = 0.0
    if uncovered is None and rest_share > 0:
        return None
    if total_share == 0 and uncovered is not None:
        return uncovered
    own = IntensityTerm(
        key=f"contract/{zone}/{year}",
        g_per_kwh=math.fsum(part.share * part.g_per_kwh for part in covered),
        half_width_90=annual_half_width(abs(on_year - year)),
        source=source,
    )
    return CarbonIntensity.put_together(
        (own, *_rest_terms(uncovered, rest_share)),
        accounting=Accounting.MARKET,
        scope=FactorScope.DIRECT,
        year=year,
        zone=zone,
        set_id="contract",
        source=source,
    )


def _rest_terms(uncovered: CarbonIntensity | None, share: float) -> tuple[IntensityTerm, ...]:
    if uncovered is None or share == 0:
        return ()
    return tuple(replace(term, g_per_kwh=share * term.g_per_kwh) for term in uncovered.terms)
