"""What follows from a host for one kWh of IT energy, in one standing."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carbonprint.units import require_dcie, require_non_negative

if TYPE_CHECKING:
    from carbonprint.intensity.carbon_intensity import CarbonIntensity
    from carbonprint.provenance import Basis, Caveat, Source


class Standing(enum.StrEnum):
    """Whether claims are taken at their word."""

    CLAIMED = "claimed"
    EVIDENCED = "evidenced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """The DCiE that a computation uses, and how sure it is.

    Attributes:
        dcie: [-], 0 < dcie ≤ 1.
        year: Year that it describes.
        basis: COUNTED for evidence that counts, GIVEN for a claim, DEFAULT for the world's average.
        source: Where it was published.
        half_width_90: Half the width of its 90 % interval, as a fraction of it. [-]; ignored for a default.
        excess_sigma: For a default: sigma of the lognormal of PUE − 1, else None.
    """

    dcie: float
    year: int
    basis: Basis
    source: Source
    half_width_90: float = 0.0
    excess_sigma: float | None = None

    def __post_init__(self) -> None:
        require_dcie(self.dcie)
        require_non_negative("half_width_90", self.half_width_90, unit="[-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFactors:
    """What follows from a host for one kWh of IT energy, in one standing.

    Attributes:
        host_id: The host.
        country: Where it stands.
        standing: As claimed or as evidenced.
        efficiency: DCiE with its source.
        location_based: Intensity of the grid or of the physical supply.
        market_based: Intensity of what was contracted; None where it is not known.
        market_missing: Why market_based is None and what would make it known, else ``""``.
        any_origin_g_per_kwh: Where guarantees of a Dutch site come from elsewhere: what market_based would be
            if guarantees of any country counted. [gCO2e/kWh]; else None.
        wue_l_per_kwh: Water per kWh of IT energy, or None where it is not known in this standing.
        caveats: What a reader must know with these.
    """

    host_id: str
    country: str
    standing: Standing
    efficiency: Efficiency
    location_based: CarbonIntensity
    market_based: CarbonIntensity | None
    market_missing: str = ""
    any_origin_g_per_kwh: float | None = None
    wue_l_per_kwh: float | None = None
    caveats: tuple[Caveat, ...] = ()
