"""Measurement × host → footprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carbonprint.footprint.arithmetic import operational_kg, site_energy_kwh, site_water_l
from carbonprint.footprint.draws import Draws, interval_90
from carbonprint.footprint.result import Footprint, unknown_footprint
from carbonprint.footprint.uncertainty import dcie_draws, energy_draws_kwh, intensity_draws_g_per_kwh
from carbonprint.provenance import Estimate

__all__ = ["Footprint", "footprint_of", "unknown_footprint"]

if TYPE_CHECKING:
    from carbonprint.hosting.host_factors import HostFactors
    from carbonprint.intensity.carbon_intensity import CarbonIntensity
    from carbonprint.measuring.measurement import Measurement


def footprint_of(measurement: Measurement, factors: HostFactors, draws: Draws | None = None) -> Footprint:
    """Compute what a run cost on a host: E_site = E_IT / DCiE, O = E_site · CI, both accountings.

    Args:
        measurement: What was measured.
        factors: The host's figures in one standing.
        draws: Shared draws; the default ones are the same in every call.

    Returns:
        The footprint; what is not known in it is None, never 0.
    """
    draws = draws or Draws()
    it_kwh = measurement.energy.total
    if it_kwh is None:
        return unknown_footprint(factors)
    dcie = factors.efficiency.dcie
    site_kwh = float(site_energy_kwh(it_kwh, dcie))
    site_draws = energy_draws_kwh(measurement, draws) / dcie_draws(factors.efficiency, factors.host_id, draws)

    def emissions(intensity: CarbonIntensity | None) -> Estimate | None:
        if intensity is None:
            return None
        low, high = interval_90(operational_kg(site_draws, intensity_draws_g_per_kwh(intensity, draws)))
        central = float(operational_kg(site_kwh, intensity.g_per_kwh))
        return Estimate(low=low, central=central, high=high)

    water_l = None
    if factors.wue_l_per_kwh is not None:
        water_l = float(site_water_l(it_kwh, factors.wue_l_per_kwh))
    return Footprint(
        standing=factors.standing,
        it_energy_kwh=it_kwh,
        site_energy_kwh=site_kwh,
        location_based_kg=emissions(factors.location_based),
        market_based_kg=emissions(factors.market_based),
        site_water_l=water_l,
        factors=factors,
    )
