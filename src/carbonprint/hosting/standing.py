"""A host as claimed, and the same host as evidenced.

*As evidenced* takes the worse (by central values) of a claim without evidence that counts and the default; no
claim means the default in both. It is therefore never below *as claimed*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carbonprint.hosting.caveats import efficiency_caveats, electricity_caveats, water_caveats
from carbonprint.hosting.efficiency import efficiency
from carbonprint.hosting.electricity import location_intensity, market_figure
from carbonprint.hosting.host_factors import Efficiency, HostFactors, Standing

if TYPE_CHECKING:
    from carbonprint.hosting.host import Host

__all__ = ["Efficiency", "HostFactors", "Standing", "both_standings", "factors"]


def both_standings(host: Host, on_year: int) -> dict[Standing, HostFactors]:
    """Give what follows from a host for one kWh of IT energy, as claimed and as evidenced.

    Args:
        host: The host.
        on_year: Year of the run.

    Raises:
        UnknownZoneError: If there is no grid figure for the host's country.
    """
    return {standing: factors(host, standing, on_year=on_year) for standing in Standing}


def factors(host: Host, standing: Standing, *, on_year: int) -> HostFactors:
    """Give what follows from a host for one kWh of IT energy, in one standing.

    Args:
        host: The host.
        standing: As claimed or as evidenced.
        on_year: Year of the run; figures of other years have wider intervals.

    Raises:
        UnknownZoneError: If there is no grid figure for the host's country.

    Example:
        A cloud region in the Netherlands that states PUE 1.07 and 0 g/kWh of its own: as claimed 1.07 kWh at
        the site for each kWh of IT energy, at 252.7 g/kWh by location and 0 by market; as evidenced 1.56 kWh,
        at 252.7 g/kWh by location and 401 (Dutch grey electricity) by market.
    """
    chosen = efficiency(host, standing, on_year=on_year)
    location = location_intensity(host, standing, on_year=on_year)
    market = market_figure(host, standing, on_year=on_year)
    wue_holds = standing is Standing.CLAIMED or host.wue_evidence.counts
    caveats = (
        *efficiency_caveats(host, chosen, on_year=on_year),
        *electricity_caveats(host, standing, location, market, on_year=on_year),
        *water_caveats(host, standing),
    )
    return HostFactors(
        host_id=host.host_id,
        country=host.country,
        standing=standing,
        efficiency=chosen,
        location_based=location,
        market_based=market.intensity,
        market_missing=market.missing,
        any_origin_g_per_kwh=market.any_origin_g_per_kwh,
        wue_l_per_kwh=host.wue_l_per_kwh if wue_holds else None,
        caveats=caveats,
    )
