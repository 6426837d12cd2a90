"""What one kWh of electricity causes, with everything that may not be mixed."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carbonprint.errors import InvalidQuantityError
from carbonprint.units import require_non_negative

if TYPE_CHECKING:
    from carbonprint.provenance import Source


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
class IntensityTerm:
    """One uncertain input of an intensity, and what it adds to it.

    Attributes:
        key: Name of the input (``"ember/NLD/2024"``, ``"lifecycle/wind"``); who shares it shares its draw.
        g_per_kwh: Its contribution to the intensity: share · factor. [gCO2e/kWh], finite, ≥ 0.
        half_width_90: Half the width of the input's 90 % interval, as a fraction of the input. [-], ≥ 0.
        source: Where the input was published.
    """

    key: str
    g_per_kwh: float
    half_width_90: float
    source: Source

    def __post_init__(self) -> None:
        require_non_negative("g_per_kwh", self.g_per_kwh, unit="gCO2e/kWh")
        require_non_negative("half_width_90", self.half_width_90, unit="[-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonIntensity:
    """How much greenhouse gas one kWh of electricity causes.

    Attributes:
        g_per_kwh: Intensity. [gCO2e/kWh], finite, ≥ 0.
        accounting: LOCATION or MARKET.
        scope: Which emissions it counts.
        year: Year of the electricity that it describes.
        zone: Country (ISO 3166-1 alpha-3) that it describes, or the host's id for a supply or contract.
        set_id: The set it belongs to (``ember``, ``nl-official``, ``supply``, ``contract``, ``label``).
        source: Where it was published.
        half_width_90: Half the width of its 90 % interval, as a fraction of the figure. [-], ≥ 0.
        parts: What it is put together from, where that is not one published figure; they add up to it.
    """

    g_per_kwh: float
    accounting: Accounting
    scope: FactorScope
    year: int
    zone: str
    set_id: str
    source: Source
    half_width_90: float
    parts: tuple[IntensityTerm, ...] = ()

    def __post_init__(self) -> None:
        require_non_negative("g_per_kwh", self.g_per_kwh, unit="gCO2e/kWh")
        require_non_negative("half_width_90", self.half_width_90, unit="[-]")
        total = math.fsum(part.g_per_kwh for part in self.parts)
        if self.parts and not math.isclose(total, self.g_per_kwh, rel_tol=1e-9, abs_tol=1e-9):
            raise InvalidQuantityError(f"the parts add up to {total:g}, not to {self.g_per_kwh:g} g/kWh")

    @classmethod
    def put_together(
        cls,
        parts: tuple[IntensityTerm, ...],
        *,
        accounting: Accounting,
        scope: FactorScope,
        year: int,
        zone: str,
        set_id: str,
        source: Source,
    ) -> CarbonIntensity:
        """Add up parts: their sum, and a half-width as of independent errors (the root of the sum of squares).

        Args:
            parts: What it is put together from.
            accounting: As the attribute; likewise the rest.
            scope: Which emissions all parts count.
            year: Year of the electricity.
            zone: What it describes.
            set_id: The set it belongs to.
            source: Where its composition was published.
        """
        g_per_kwh = math.fsum(part.g_per_kwh for part in parts)
        spread_g_per_kwh = math.hypot(*(part.g_per_kwh * part.half_width_90 for part in parts))
        return cls(
            g_per_kwh=g_per_kwh,
            accounting=accounting,
            scope=scope,
            year=year,
            zone=zone,
            set_id=set_id,
            source=source,
            half_width_90=spread_g_per_kwh / g_per_kwh if g_per_kwh > 0 else 0.0,
            parts=parts,
        )

    @property
    def terms(self) -> tuple[IntensityTerm, ...]:
        """Its uncertain inputs: the parts, or the figure itself as the only one."""
        if self.parts:
            return self.parts
        only = IntensityTerm(
            key=f"{self.set_id}/{self.zone}/{self.year}",
            g_per_kwh=self.g_per_kwh,
            half_width_90=self.half_width_90,
            source=self.source,
        )
        return (only,)
