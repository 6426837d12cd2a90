"""The footprint of one run on one host, in one standing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carbonprint.footprint.arithmetic import operational_kg, site_energy_kwh, site_water_l
from carbonprint.footprint.draws import Draws, interval_90
from carbonprint.footprint.uncertainty import dcie_draws, energy_draws_kwh, intensity_draws_g_per_kwh
from carbonprint.provenance import Estimate

if TYPE_CHECKING:
    from carbonprint.hosting.standing import HostFactors, Standing
    from carbonprint.intensity.carbon_intensity import CarbonIntensity
    from carbonprint.measuring.measurement import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What one run cost on one host.

    Attributes:
        standing: Whether the host's claims were taken at their word.
        it_energy_kwh: Energy at the input of the IT equipment. [kWh]; None where nothing of it is known.
        site_energy_kwh: Energy that the site drew for it. [kWh].
        location_based_kg: Emissions by the grid or the physical supply. [kgCO2e].
        market_based_kg: Emissions by what was contracted. [kgCO2e]; None where that is not known.
        site_water_l: Water that the site used. [L]; None where its WUE is not known.
        factors: The host's figures that went into it.
    """

    standing: Standing
    it_energy_kwh: float | None
    site_energy_kwh: float | None
    location_based_kg: Estimate | None
    market_based_kg: Estimate | None
    site_water_l: float | None
    factors: HostFactors


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
        return Footprint(
            standing=factors.standing, it_energy_kwh=None, site_energy_kwh=None, location_based_kg=None,
            market_based_kg=None, site_water_l=None, factors=factors,
        )  # fmt: skip
    dcie = factors.efficiency.dcie
    site_kwh = float(site_energy_kwh(it_kwh, dcie))
    site_draws = energy_draws_kwh(measurement, draws) / dcie_draws(factors.efficiency, factors.host_id, draws)

    def emissions(intensity: CarbonIntensity | None) -> Estimate | None:
        if intensity is None:
            return None
        low, high = interval_90(site_draws * intensity_draws_g_per_kwh(intensity, draws) / 1000)
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
