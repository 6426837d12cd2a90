"""What one kWh of electricity causes, with everything that may not be mixed."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from carbonprint.provenance import Source
from carbonprint.units import require_non_negative


class Accounting(enum.StrEnum):
    """Whose electricity is counted (the split follows the GHG Protocol Scope 2 Guidance, 2015)."""

    LOCATION = "location_based"
    """The grid, or the physical supply, as it is where the site stands."""
    MARKET = "market_based"
    """What was contracted: guarantees of origin and PPAs, the uncovered rest by its own rule."""


class FactorScope(enum.StrEnum):
    """Which emissions a factor counts; different scopes are never mixed in one sum."""

    DIRECT = "direct"
    """Combustion in the plant only."""
    DIRECT_AND_CHAIN = "direct_and_chain"
    """Combustion, and getting the fuel to the plant."""
    LIFECYCLE = "lifecycle"
    """Combustion, fuel chain, and building the plant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonIntensity:
    """How much greenhouse gas one kWh of electricity causes.

    Attributes:
        g_per_kwh: Intensity. [gCO2e/kWh], finite, ≥ 0.
        accounting: LOCATION or MARKET.
        scope: Which emissions it counts.
        year: Year of the electricity that it describes.
        zone: Grid or country that it describes (ISO 3166-1 alpha-3), or the host's id for a supply of its own.
        set_id: The set of figures it belongs to (``ember``, ``nl-official``, ``supply``, ``contract``).
        source: Where it was published.
        half_width_90: Half the width of its 90 % interval, as a fraction of the figure. [-], ≥ 0.
    """

    g_per_kwh: float
    accounting: Accounting
    scope: FactorScope
    year: int
    zone: str
    set_id: str
    source: Source
    half_width_90: float

    def __post_init__(self) -> None:
        require_non_negative("g_per_kwh", self.g_per_kwh, unit="gCO2e/kWh")
        require_non_negative("half_width_90", self.half_width_90, unit="[-]")
