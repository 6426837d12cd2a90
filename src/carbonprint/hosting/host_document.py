"""The host file as pydantic reads it: which keys there are, and what each may hold.

What keys must fulfil together stands in ``host_rules.py``; what becomes of them in ``host_file.py``.
"""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
)

from carbonprint.documents import found
from carbonprint.hosting.host import DcieKind, Evidence
from carbonprint.hosting.host_rules import HIGHEST_PUE, LOWEST_DCIE
from carbonprint.reference.factors import grid_rows, nearest_countries
from carbonprint.units import dcie_from_pue, require_dcie

SCHEMA = "carbonprint/host/1"

_MOST_KWH = 1e10
"""10 TWh: what a site draws in a month lies far below it. [kWh]"""


def _source_table(value: object) -> object:
    if isinstance(value, str):
        return {"title": value}
    if not isinstance(value, dict):
        raise ValueError(f"must be text or a table, found {found(value)}")
    return value


def _known_country(code: str) -> str:
    if code in grid_rows():
        return code
    nearest = nearest_countries(code)
    offer = f" (did you mean {' or '.join(nearest)}?)" if nearest else ""
    raise ValueError(f'must be an ISO 3166-1 alpha-3 code such as "NLD", found {found(code)}{offer}')


def _month(text: str, info: ValidationInfo) -> str:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise ValueError(f'must be a month such as "2025-01", found {found(text)}')
    today = _today(info)
    if today is not None and text > f"{today:%Y-%m}":
        raise ValueError(f"must be at most {today:%Y-%m}, the month of today, found {found(text)}")
    return text


def _year(year: int, info: ValidationInfo) -> int:
    today = _today(info)
    if today is not None and year > today.year:
        raise ValueError(f"must be at most {today.year}, the year of today, found {year}")
    return year


def _today(info: ValidationInfo) -> datetime.date | None:
    """Give the date of today as whoever reads the document passes it; without it no date is too late."""
    today = (info.context or {}).get("today")
    return today if isinstance(today, datetime.date) else None


def _host_id(text: str) -> str:
    if re.fullmatch(r"[a-z0-9][a-z0-9._-]*", text):
        return text
    raise ValueError(f"must be of small letters, digits, dots, dashes and underscores, found {found(text)}")


def _pue(pue: float) -> float:
    dcie_from_pue(pue)
    if pue > HIGHEST_PUE:
        raise ValueError(f"PUE is at most {HIGHEST_PUE} for a site in use, got {pue:g}")
    return pue


def _dcie(dcie: float) -> float:
    require_dcie(dcie)
    if dcie < LOWEST_DCIE:
        raise ValueError(
            f"DCiE is at least {LOWEST_DCIE:g} for a site in use (PUE {HIGHEST_PUE}), got {dcie:g}"
        )
    return dcie


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
TextOrNone = Annotated[str, StringConstraints(strip_whitespace=True)]
Year = Annotated[int, Field(ge=1990, le=2100), AfterValidator(_year)]
NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
MonthKwh = Annotated[float, Field(gt=0, le=_MOST_KWH)]
Country = Annotated[str, AfterValidator(_known_country)]
Dcie = Annotated[float, AfterValidator(_dcie)]
Pue = Annotated[float, AfterValidator(_pue)]
EvidenceClass = Annotated[Evidence, Field(strict=False)]
Kind = Annotated[DcieKind, Field(strict=False)]


class Table(BaseModel):
    """A table of the file: unknown keys, wrong types, NaN and infinity are faults."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class SourceTable(Table):
    """Where a figure was published; a plain text is its title."""

    title: Text
    publisher: TextOrNone = ""
    year: Year | None = None
    url: TextOrNone = ""
    licence: TextOrNone = ""


SourceOrTitle = Annotated[SourceTable, BeforeValidator(_source_table)]


class MonthTable(Table):
    """The readings of one month. [kWh]."""

    month: Annotated[str, AfterValidator(_month)]
    it_kwh: MonthKwh
    facility_kwh: MonthKwh


class HistoryTable(Table):
    """The efficiency of an earlier year."""

    dcie: Dcie | None = None
    pue: Pue | None = None
    year: Year
    kind: Kind = DcieKind.MEASURED
    evidence: EvidenceClass = Evidence.SELF_DECLARED
    source: SourceOrTitle


class EfficiencyTable(Table):
    """The efficiency of the site: an annual DCiE, a PUE, or twelve months of readings."""

    dcie: Dcie | None = None
    pue: Pue | None = None
    months: list[MonthTable] = []
    year: Year | None = None
    kind: Kind = DcieKind.MEASURED
    evidence: EvidenceClass | None = None
    metering_category: Literal[1, 2, 3] | None = None
    source: SourceOrTitle
    history: list[HistoryTable] = []


class SupplyTable(Table):
    """A physical supply of the site's own."""

    year: Year
    evidence: EvidenceClass = Evidence.SELF_DECLARED
    source: SourceOrTitle
    shares: dict[str, float]


class CancellationTable(Table):
    """The statement by which guarantees of origin were used up."""

    statement: Text
    beneficiary: Text
    year: Year
    energy_mwh: NonNegative


class CoveredTable(Table):
    """A part of the electricity that guarantees of origin or a PPA cover."""

    share: Annotated[float, Field(ge=0, le=1)]
    technology: TextOrNone = ""
    country: Country | None = None
    g_per_kwh: NonNegative | None = None
    cancellation: CancellationTable | None = None


class UncoveredTable(Table):
    """The supplier's label for the rest."""

    g_per_kwh: NonNegative
    year: Year
    evidence: EvidenceClass = Evidence.SELF_DECLARED
    source: SourceOrTitle


class ContractTable(Table):
    """What the site bought."""

    year: Year
    evidence: EvidenceClass = Evidence.SELF_DECLARED
    source: SourceOrTitle
    scope: TextOrNone = ""
    claimed_g_per_kwh: NonNegative | None = None
    site_energy_mwh: Positive | None = None
    covered: list[CoveredTable] = []
    uncovered: UncoveredTable | None = None


class WaterTable(Table):
    """The water that the site uses."""

    wue_l_per_kwh: NonNegative
    year: Year
    evidence: EvidenceClass = Evidence.SELF_DECLARED
    source: SourceOrTitle


class HostDocument(Table):
    """The whole file."""

    schema_id: Literal["carbonprint/host/1"] = Field(default="carbonprint/host/1", alias="schema")
    id: Annotated[str, AfterValidator(_host_id)] | None = None
    name: Text
    country: Country
    operator: TextOrNone = ""
    site: TextOrNone = ""
    grid_zone: TextOrNone = ""
    hardware: Text | None = None
    notes: list[Text] = []
    efficiency: EfficiencyTable | None = None
    supply: SupplyTable | None = None
    contract: ContractTable | None = None
    water: WaterTable | None = None
