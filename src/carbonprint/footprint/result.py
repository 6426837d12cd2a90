"""The footprint of one run on one host, in one standing, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carbonprint.hosting.host_factors import HostFactors, Standing
    from carbonprint.provenance import Estimate


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


def unknown_footprint(factors: HostFactors, it_energy_kwh: float | None = None) -> Footprint:
    """Give a footprint of which nothing but the host's figures is known.

    Args:
        factors: The host's figures in one standing.
        it_energy_kwh: Energy at the input of the IT equipment, where that is known. [kWh].
    """
    return Footprint(
        standing=factors.standing,
        it_energy_kwh=it_energy_kwh,
        site_energy_kwh=None,
        location_based_kg=None,
        market_based_kg=None,
        site_water_l=None,
        factors=factors,
    )
