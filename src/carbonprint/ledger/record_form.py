"""What a record of a run must hold, as a model: records come back from files that people can edit.

Every figure has to be there, since one that is not known is null and never left out; what stands around the
figures may be missing, and keys that a later carbonprint adds are let through.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from carbonprint.ledger.labels import LEAST_COUNT, MOST_COUNT
from carbonprint.ledger.record import utc_moment


def _in_utc(text: str) -> str:
    try:
        utc_moment(text)
        is_utc = text.endswith(("Z", "+00:00"))
    except ValueError:
        is_utc = False
    if not is_utc:
        raise ValueError("allowed: a moment in UTC, such as 2026-01-31T12:00:00Z")
    return text


def _run_id(text: str) -> str:
    if text == "last" or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise ValueError(
            "allowed: up to 100 letters, digits, dots, dashes and underscores, not the word last"
        )
    return text


def _ordered(bounds: list[float]) -> list[float]:
    if len(bounds) != 2 or bounds[0] > bounds[1]:
        raise ValueError("allowed: two numbers, the lower one first")
    return bounds


def _whole(shares: dict[str, float]) -> dict[str, float]:
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError("allowed: shares that add up to 1")
    return shares


RunId = Annotated[str, AfterValidator(_run_id)]
Moment = Annotated[str, AfterValidator(_in_utc)]
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
"""No run has figures beyond these, whatever their unit; what was computed from larger ones would overflow."""
Amount = Annotated[float, Field(ge=0, le=1e15)] | None
Fraction = Annotated[float, Field(ge=0, le=1)]
Share = Fraction | None
Bounds = Annotated[list[Number], AfterValidator(_ordered)] | None
Year = Annotated[int, Field(ge=0, le=9999)] | None
Quality = Literal["counted", "modelled", "given", "default"] | None


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


class JobEnergy(_Part):
    """Energy of the job, by component and in all. [kWh], ≥ 0."""

    cpu: Amount
    gpu: Amount
    ram: Amount
    other: Amount
    total: Amount


class MachineEnergy(_Part):
    """A part of the machine's energy: a difference of counters, which can fall a hair below 0. [kWh]."""

    cpu: Number | None
    gpu: Number | None
    ram: Number | None
    other: Number | None
    total: Number | None


class ShareByComponent(_Part):
    """Which share of each component was kept for the job. [-], 0 to 1."""

    cpu: Share
    gpu: Share
    ram: Share
    other: Share


class QualityByComponent(_Part):
    """How the energy of each component was obtained; null for one that the machine does not have."""

    cpu: Quality
    gpu: Quality
    ram: Quality
    other: Quality


class GpuDeviceForm(_Part):
    """What one GPU adds up to: the board's energy, and the job's share of it."""

    name: str
    method: Literal["exclusive", "time_slicing", "processes", "mps", "mig", "whole_device", "unused"] | None
    samples: Annotated[int, Field(ge=0)]
    idle_w: Amount
    active_share: Share
    idle_share: Share
    energy_kwh: Amount
    active_energy_kwh: Amount
    unseen_s: Amount


class SeriesForm(_Part):
    """The samples that were kept beside the record, in the ledger it was made in."""

    n_samples: Annotated[int, Field(ge=0)]


class MeasurementForm(_Part):
    """What was measured."""

    kind: Quality
    interval_s: Amount
    cpu_s: Amount
    extrapolated_s: Amount
    idle_share: Share
    idle_share_from: Literal["machine", "affinity", "cgroup", "slurm", "option"] | None
    idle_share_by: ShareByComponent | None
    outer_run: RunId | None
    energy_kwh: JobEnergy
    active_energy_kwh: JobEnergy | None
    machine_energy_kwh: MachineEnergy | None
    idle_energy_kwh: MachineEnergy | None
    meter_energy_kwh: Amount
    rest_energy_kwh: MachineEnergy | None
    quality: QualityByComponent
    gpu_devices: list[GpuDeviceForm] | None = None
    gpu_share_sigma: Annotated[float, Field(ge=0, le=10)] = 0.0
    series: SeriesForm | None = None


class MixForm(_Part):
    """From which sources the electricity came. [-], shares of 1."""

    zone: str | None = None
    year: Year = None
    shares: Annotated[dict[str, Fraction], AfterValidator(_whole)]
    source: str | None = None


class HostForm(_Part):
    """Where it ran, as evidenced."""

    id: str
    country: str | None
    dcie: Annotated[float, Field(gt=0, le=1)]
    dcie_year: Year = None
    energy_mix: MixForm | None = None


class Water(_Part):
    """Water of the site and of its electricity. [L]."""

    site: Amount
    power: Amount


class ByAccounting(_Part):
    """A figure by either accounting."""

    location_based: Amount
    market_based: Amount


class BoundsByAccounting(_Part):
    """The 90 % interval of a figure by either accounting."""

    location_based: Bounds
    market_based: Bounds


class StandingForm(_Part):
    """The footprint in one standing."""

    site_energy_kwh: Amount
    water_l: Water | None
    embodied_kg: Amount
    cost_eur: Number | None
    intensity_g_per_kwh: ByAccounting
    emissions_kg: ByAccounting
    emissions_kg_90: BoundsByAccounting


class FootprintForm(StandingForm):
    """The footprint as evidenced, with the same figures as claimed."""

    standing: str
    claimed: StandingForm | None


class UnitsForm(_Part):
    """What the run did, in the units by which its footprint can be divided."""

    count: Annotated[float, Field(ge=LEAST_COUNT, le=MOST_COUNT)]
    label: str


class RepetitionForm(_Part):
    """Which of several runs of the same command it was."""

    of: RunId
    number: Annotated[int, Field(ge=1)]
    count: Annotated[int, Field(ge=1)]
    n_warmups: Annotated[int, Field(ge=0)]


class BudgetForm(_Part):
    """What the run might use, and when that was used up."""

    text: str
    energy_kwh: Amount
    emissions_kg: Amount
    used_up_after_s: Amount
    stopped: bool


class SettingForm(_Part):
    """A setting that the run had, and where it came from."""

    value: object
    origin: str


class CaveatForm(_Part):
    """Something to bear in mind with the figures."""

    code: str
    text: str


class SourceForm(_Part):
    """Where a figure was published."""

    figure: str
    title: str | None = None
    publisher: str | None = None
    year: Year = None
    url: str | None = None


class RecordForm(_Part):
    """The record of one run."""

    schema_: Literal["carbonprint/run/1"] = Field(alias="schema")
    run_id: RunId
    name: str | None
    phase: str | None = None
    state: Literal["finished", "interrupted"]
    command: list[str] | None
    started_at: Moment
    duration_s: Amount
    exit_status: Annotated[int, Field(ge=0, le=65535)] | None
    measurement: MeasurementForm
    host: HostForm
    footprint: FootprintForm
    units: UnitsForm | None
    resumes: RunId | None = None
    repetition: RepetitionForm | None = None
    budget: BudgetForm | None = None
    settings: dict[str, SettingForm] | None = None
    caveats: list[CaveatForm] | None = None
    sources: list[SourceForm] | None = None
