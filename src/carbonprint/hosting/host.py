"""A host: the datacenter (or grid, or desk) a run can take place in, as claims with their evidence.

Nothing here chooses between a claim and its default; ``standing.py`` does.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carbonprint.errors import InvalidQuantityError
from carbonprint.units import require_dcie, require_non_negative, require_positive

if TYPE_CHECKING:
    from carbonprint.provenance import Source

SHARES_TOLERANCE = 1e-6
"""How far shares may lie from the sum they should have, for rounding. [-]"""


class HostKind(enum.StrEnum):
    """What a host stands for."""

    SITE = "site"
    """A datacenter that a team can choose."""
    GRID = "grid"
    """A reference line: a datacenter of the world's average PUE on one country's grid."""
    DESK = "desk"
    """A reference line: a machine outside any datacenter (DCiE 1) on one country's grid."""


class Evidence(enum.StrEnum):
    """Who stands behind a claim."""

    SELF_DECLARED = "self-declared"
    THIRD_PARTY = "third-party"
    AUDITED = "audited"
    PUBLISHED_BY_LAW = "published-by-law"
    GOVERNMENT = "government-publication"
    METERED = "metered"
    """Twelve months of kWh readings of IT and facility, from which the figure is computed here."""

    @property
    def counts(self) -> bool:
        """Whether it evidences a claim on efficiency, supply or water; a contract has its own rule."""
        return self not in (Evidence.SELF_DECLARED, Evidence.THIRD_PARTY)

    @property
    def counts_for_label(self) -> bool:
        """Whether it evidences a supplier's label: anybody but the host stands behind it, readings do not."""
        return self not in (Evidence.SELF_DECLARED, Evidence.METERED)


class DcieKind(enum.StrEnum):
    """How an efficiency was arrived at."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    DESIGN = "design"


@dataclass(frozen=True, slots=True, kw_only=True)
class DcieClaim:
    """The DCiE that a site states for one year.

    Attributes:
        dcie: Datacenter infrastructure efficiency, annual. [-], 0 < dcie ≤ 1.
        year: Year that it describes.
        kind: Measured, estimated or design.
        evidence: Who stands behind it.
        source: Where it was published.
        metering_category: Where the IT energy is metered (ISO/IEC 30134-2), where that is known: 1 (UPS),
            2 (PDU) or 3 (input of the IT equipment).
    """

    dcie: float
    year: int
    kind: DcieKind
    evidence: Evidence
    source: Source
    metering_category: int | None = None

    def __post_init__(self) -> None:
        require_dcie(self.dcie)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """A physical supply of the site's own, instead of the public grid.

    Attributes:
        shares: Fraction per energy source (``wind``, ``gas`` …); the fractions sum to 1.
        year: Year that it describes.
        evidence: Who stands behind it.
        source: Where it was published.
    """

    shares: dict[str, float]
    year: int
    evidence: Evidence
    source: Source

    def __post_init__(self) -> None:
        for name, share in self.shares.items():
            require_non_negative(f"the share of {name}", share, unit="[-]")
        total = math.fsum(self.shares.values())
        if abs(total - 1) > SHARES_TOLERANCE:
            raise InvalidQuantityError(f"the shares of a supply must sum to 1, got {total:.6g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """The statement by which guarantees of origin were used up for somebody.

    Attributes:
        statement: Number of the statement.
        beneficiary: For whom they were cancelled.
        year: Year of the electricity.
        energy_mwh: Energy they cover. [MWh], ≥ 0.
    """

    statement: str
    beneficiary: str
    year: int
    energy_mwh: float

    def __post_init__(self) -> None:
        require_non_negative("energy_mwh", self.energy_mwh, unit="MWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredShare:
    """The part of a year's electricity that one kind of contract covers.

    Attributes:
        share: Fraction of the site's electricity. [-], 0 to 1.
        g_per_kwh: Factor of the covered electricity, direct emissions. [gCO2e/kWh], ≥ 0.
        technology: Energy source (``wind``), or ``""`` where the claim names none: then it stays a claim.
        country: Where it was produced (ISO 3166-1 alpha-3), or ``""`` where the claim names none.
        cancellation: The statement that uses it up, or None: then it stays a claim.
    """

    share: float
    g_per_kwh: float
    technology: str = ""
    country: str = ""
    cancellation: Cancellation | None = None

    def __post_init__(self) -> None:
        require_non_negative("g_per_kwh", self.g_per_kwh, unit="gCO2e/kWh")
        if not 0 <= self.share <= 1:
            raise InvalidQuantityError(f"a covered share is a fraction from 0 to 1, got {self.share:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncovered:
    """The supplier's label for what no guarantee or PPA covers, direct emissions.

    Attributes:
        g_per_kwh: Factor. [gCO2e/kWh], ≥ 0.
        year: Year that it describes.
        source: The label.
        evidence: Who stands behind it; a supplier's label is published by law.
    """

    g_per_kwh: float
    year: int
    source: Source
    evidence: Evidence = Evidence.SELF_DECLARED

    def __post_init__(self) -> None:
        require_non_negative("g_per_kwh", self.g_per_kwh, unit="gCO2e/kWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What the site bought, as it says itself.

    Attributes:
        year: Year that it describes.
        evidence: Who stands behind it.
        source: Where it was published.
        covered: Its parts; their shares sum to at most 1.
        uncovered: The supplier's label for the rest, where there is one.
        scope: Of what the claim speaks, where that is not this site (``"the whole central government"``).
        claimed_g_per_kwh: The market-based figure as the provider publishes it, where it publishes only that.
            [gCO2e/kWh], ≥ 0.
        site_energy_mwh: What the site drew in that year, to set cancelled guarantees against. [MWh], > 0.
    """

    year: int
    evidence: Evidence
    source: Source
    covered: tuple[CoveredShare, ...] = ()
    uncovered: Uncovered | None = None
    scope: str = ""
    claimed_g_per_kwh: float | None = None
    site_energy_mwh: float | None = None

    def __post_init__(self) -> None:
        total = math.fsum(part.share for part in self.covered)
        if total > 1 + SHARES_TOLERANCE:
            raise InvalidQuantityError(f"the covered shares of a contract sum to at most 1, got {total:.6g}")
        if self.claimed_g_per_kwh is not None:
            require_non_negative("claimed_g_per_kwh", self.claimed_g_per_kwh, unit="gCO2e/kWh")
        if self.site_energy_mwh is not None:
            require_positive("site_energy_mwh", self.site_energy_mwh, unit="MWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A place where a run can take place, as claims.

    Attributes:
        host_id: Id in the catalogue (``odc-noord``, ``gcp/europe-west4``, ``grid/NLD``), or of the file.
        name: Name for people.
        kind: Site, or one of the two reference lines.
        country: Where it stands (ISO 3166-1 alpha-3), or ``WLD`` for the world's average.
        operator: Who runs it.
        site: Town or region.
        dcie: What it claims as its DCiE; None where it claims nothing.
        dcie_history: Earlier years, oldest first.
        supply: A physical supply of its own, where it has one.
        contract: What it bought, where it says so.
        wue_l_per_kwh: Water usage effectiveness. [L/kWh of IT energy], or None where unknown.
        wue_source: Where the WUE was published.
        wue_evidence: Who stands behind the WUE.
        grid_zone: Zone of the grid inside the country, where it is known.
        origin: File it was read from, or ``"catalogue"``.
        notes: What a reader should know of it, one sentence each.
        hardware: Path of the hardware profile of its machines, where its file names one.
    """

    host_id: str
    name: str
    kind: HostKind
    country: str
    operator: str = ""
    site: str = ""
    dcie: DcieClaim | None = None
    dcie_history: tuple[DcieClaim, ...] = ()
    supply: Supply | None = None
    contract: Contract | None = None
    wue_l_per_kwh: float | None = None
    wue_source: Source | None = None
    wue_evidence: Evidence = Evidence.SELF_DECLARED
    grid_zone: str = ""
    origin: str = "catalogue"
    notes: tuple[str, ...] = ()
    hardware: str = ""

    def __post_init__(self) -> None:
        if self.wue_l_per_kwh is not None:
            require_non_negative("wue_l_per_kwh", self.wue_l_per_kwh, unit="L/kWh")
