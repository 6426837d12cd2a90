"""Hardware profiles as files: TOML that people write, read strictly.

    name = "Rack 12, two Xeon 6330"

    [power]
    at = "wall"
    idle_w = 180
    full_w = 640
    source = "wattmeter, 2026-01-15"

``configs/hardware/`` holds commented examples of everything else.
"""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from carbonprint.documents import found, read_toml, validate
from carbonprint.errors import DocumentError
from carbonprint.hardware import MachineKind
from carbonprint.hardware_profile import (
    ENERGY_UNITS_J,
    GpuProfile,
    HardwareProfile,
    Match,
    MeterPlace,
    MeterSource,
    PowerAt,
)
from carbonprint.provenance import Source

if TYPE_CHECKING:
    from carbonprint.hardware import Curve

_MOST_WATTS = 1e6
"""1 MW: no single machine draws so much; a figure above it is in another unit. [W]"""


def read_hardware_file(path: Path) -> HardwareProfile:
    """Read a hardware profile.

    Args:
        path: The file; a meter's file is looked for beside it.

    Raises:
        DocumentError: If it cannot be read, or has faults; it names every one with its key, what is allowed and
            what was found.
    """
    path = Path(os.path.expanduser(path))
    document = validate(HardwareDocument, read_toml(path), path, rules=(_fit_together,))
    cpu, power, virtual = document.cpu, document.power, document.virtual
    memory, psu, base = document.memory, document.psu, document.base
    profile = HardwareProfile(
        name=document.name or path.stem,
        origin=str(path),
        match=Match(**document.match.model_dump()) if document.match is not None else None,
        kind=document.kind,
        cpu_name=cpu.name,
        tdp_w=cpu.tdp_w,
        n_sockets=cpu.sockets,
        n_cores=cpu.cores,
        n_threads=cpu.threads,
        power_at=power.at if power is not None else None,
        curve=power.as_curve() if power is not None else (),
        virtual_share=virtual.share if virtual is not None else None,
        host_threads=virtual.host_threads if virtual is not None else None,
        memory_gib=memory.size_gib,
        memory_w=memory.power_w,
        gpus=tuple(GpuProfile(name=gpu.name, count=gpu.count, idle_w=gpu.idle_w) for gpu in document.gpus),
        base_w=base.power_w if base is not None else None,
        psu_efficiency=psu.efficiency if psu is not None else None,
        psu_loss_w=psu.loss_w if psu is not None else None,
        meter=_meter(document.meter, path) if document.meter is not None else None,
        sources=tuple(_sources(document)),
        notes=tuple(document.notes),
    )
    if not _states_anything(profile):
        raise DocumentError(
            str(path), ["states nothing of a machine; carbonprint hardware profile prints an example"]
        )
    return profile


def _states_anything(profile: HardwareProfile) -> bool:
    empty = HardwareProfile(name="", origin="")
    passed_over = {"name", "origin", "match", "sources", "notes"}
    names = set(HardwareProfile.__slots__) - passed_over
    return any(getattr(profile, name) != getattr(empty, name) for name in names)


def _meter(table: MeterTable, path: Path) -> MeterSource:
    file = None if table.file is None else path.parent / os.path.expanduser(table.file)
    return MeterSource(
        place=table.at,
        unit=table.unit,
        file=file,
        command=tuple(table.command),
        key=table.key,
        pattern=table.pattern,
        wraps_at=table.wraps_at,
        idle_w=table.idle_w,
    )


def _sources(document: HardwareDocument) -> list[tuple[str, Source]]:
    tables = [
        *(
            (name, getattr(document, name))
            for name in ("cpu", "power", "virtual", "memory", "base", "psu", "meter")
        ),
        *((f"gpu {gpu.name}", gpu) for gpu in document.gpus),
    ]
    return [
        (name, Source(title=table.source, year=table.year))
        for name, table in tables
        if table is not None and table.source
    ]


# What the file may hold


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    return text


Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_text)
]
Watts = Annotated[float, Field(ge=0, le=_MOST_WATTS)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Share = Annotated[float, Field(gt=0, le=1)]
Kind = Annotated[MachineKind, Field(strict=False)]


class Table(BaseModel):
    """A table of the file: unknown keys, wrong types, NaN and infinity are faults."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class FigureTable(Table):
    """A table of figures; each may say where they come from."""

    source: Text | None = None
    year: Annotated[int, Field(ge=1990, le=2100)] | None = None


class MatchTable(Table):
    """Which machines the profile is of."""

    cpu: Text | Literal[""] = ""
    product: Text | Literal[""] = ""
    hostname: Text | Literal[""] = ""

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if not (self.cpu or self.product or self.hostname):
            raise ValueError("must hold cpu, product or hostname")
        return self


class CpuTable(FigureTable):
    """The CPUs of the machine."""

    name: Text | Literal[""] = ""
    tdp_w: Annotated[float, Field(gt=0, le=10_000)] | None = None
    sockets: Count | None = None
    cores: Count | None = None
    threads: Count | None = None

    @model_validator(mode="after")
    def _counts_rise(self) -> Self:
        counts = [(name, getattr(self, name)) for name in ("sockets", "cores", "threads")]
        known = [(name, count) for name, count in counts if count is not None]
        for (smaller, low), (larger, high) in itertools.pairwise(known):
            if low > high:
                raise ValueError(f"{smaller} must be at most {larger}, found {low} and {high}")
        return self


class PointTable(Table):
    """One point of a load curve."""

    load: Annotated[float, Field(ge=0, le=1)]
    power_w: Watts


class PowerTable(FigureTable):
    """Power against load: idle and full, or a curve."""

    at: Annotated[PowerAt, Field(strict=False)]
    idle_w: Watts | None = None
    full_w: Annotated[float, Field(gt=0, le=_MOST_WATTS)] | None = None
    curve: list[PointTable] = []

    @model_validator(mode="after")
    def _is_one_curve(self) -> Self:
        ends = (self.idle_w, self.full_w)
        if (ends == (None, None)) != bool(self.curve) or (None in ends and not self.curve):
            raise ValueError("must hold idle_w and full_w, or a curve")
        points = self.as_curve()
        if len(points) < 2 or points[0][0] != 0 or points[-1][0] != 1:
            raise ValueError("curve must begin at load = 0 and end at load = 1")
        for (load, power_w), (next_load, next_w) in itertools.pairwise(points):
            if next_load <= load:
                raise ValueError(f"curve must have rising loads, found {load:g} and then {next_load:g}")
            if next_w < power_w:
                raise ValueError(f"power must not fall with load, found {power_w:g} and then {next_w:g}")
        return self

    def as_curve(self) -> Curve:
        """Give the points, lowest load first."""
        if self.idle_w is not None and self.full_w is not None:
            return ((0.0, self.idle_w), (1.0, self.full_w))
        return tuple((point.load, point.power_w) for point in self.curve)


class VirtualTable(FigureTable):
    """The part of its physical machine that a virtual machine holds."""

    share: Share | None = None
    host_threads: Count | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        _one_of(self, "share", "host_threads")
        return self


class MemoryTable(FigureTable):
    """The memory."""

    size_gib: Annotated[float, Field(gt=0, le=1e6)] | None = None
    power_w: Watts | None = None


class GpuTable(FigureTable):
    """GPUs of one kind."""

    name: Text
    count: Count = 1
    idle_w: Annotated[float, Field(ge=0, le=10_000)]


class BaseTable(FigureTable):
    """What no counter sees at any load."""

    power_w: Watts


class PsuTable(FigureTable):
    """The power supply."""

    efficiency: Annotated[float, Field(ge=0.3, le=1)] | None = None
    loss_w: Watts | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        _one_of(self, "efficiency", "loss_w")
        return self


class MeterTable(FigureTable):
    """The meter at the input of the machine."""

    at: Annotated[MeterPlace, Field(strict=False)]
    unit: Literal["uW", "mW", "W", "kW", "uJ", "mJ", "J", "kJ", "Wh", "kWh"]
    file: Text | None = None
    command: list[Text] = []
    key: Text | Literal[""] = ""
    pattern: Text | Literal[""] = ""
    wraps_at: Annotated[float, Field(gt=0, le=1e30)] | None = None
    idle_w: Watts | None = None

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if (self.file is None) == (not self.command):
            raise ValueError("must hold file or command, one of them")
        if self.key and self.pattern:
            raise ValueError("must hold key or pattern, not both")
        if self.pattern:
            try:
                n_groups = re.compile(self.pattern).groups
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"pattern is no regular expression ({error})") from None
            if n_groups != 1:
                raise ValueError(f"pattern must have one group, the number, found {n_groups}")
        if self.wraps_at is not None and self.unit not in ENERGY_UNITS_J:
            raise ValueError(f"wraps_at belongs to a counter of energy, found unit {found(self.unit)}")
        return self


class HardwareDocument(Table):
    """The whole file."""

    schema_id: Literal["carbonprint/hardware/1"] = Field(default="carbonprint/hardware/1", alias="schema")
    name: Text | None = None
    kind: Kind | None = None
    notes: list[Text] = []
    match: MatchTable | None = None
    cpu: CpuTable = CpuTable()
    power: PowerTable | None = None
    virtual: VirtualTable | None = None
    memory: MemoryTable = MemoryTable()
    gpus: list[GpuTable] = []
    base: BaseTable | None = None
    psu: PsuTable | None = None
    meter: MeterTable | None = None


def _one_of(table: Table, first: str, second: str) -> None:
    if (getattr(table, first) is None) == (getattr(table, second) is None):
        raise ValueError(f"must hold {first} or {second}, one of them")


def _fit_together(content: dict[str, Any]) -> list[str]:
    """Name the faults of tables that do not fit each other."""
    faults = []
    if "virtual" in content and "meter" in content:
        faults.append(
            "meter: of a physical machine, it tells nothing of the part that a virtual machine holds"
        )
    psu, power = content.get("psu"), content.get("power")
    if isinstance(psu, dict) and "loss_w" in psu and "base" not in content:
        faults.append(
            "psu.loss_w: needs base.power_w, whose default holds the loss of the power supply already"
        )
    if isinstance(power, dict) and power.get("at") == PowerAt.WALL and "base" in content:
        faults.append("base: the watts of power at the wall hold it already")
    return faults
