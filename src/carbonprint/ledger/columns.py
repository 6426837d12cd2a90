"""A record as one flat row: the columns with their units, and where each figure stands in a record."""

from __future__ import annotations

import enum
import shlex
from typing import TYPE_CHECKING, Any

from carbonprint.ledger.record import number_at, printable, value_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Kind(enum.Enum):
    """What a column holds."""

    TEXT = "text"
    WORDS = "words"
    """A command line, joined as a shell would read it."""
    NUMBER = "number"
    WHOLE = "whole number"


def _energy(prefix: str, path: str) -> dict[str, tuple[str, Kind]]:
    parts = ("cpu", "gpu", "ram", "other", "total")
    return {f"{prefix}_{part}_kwh": (f"{path}.{part}", Kind.NUMBER) for part in parts}


def _footprint(prefix: str, path: str) -> dict[str, tuple[str, Kind]]:
    """Name the figures of a footprint in one standing, both accountings side by side."""
    columns = {f"{prefix}site_energy_kwh": f"{path}.site_energy_kwh"}
    for accounting in ("location_based", "market_based"):
        columns |= {
            f"{prefix}intensity_{accounting}_g_per_kwh": f"{path}.intensity_g_per_kwh.{accounting}",
            f"{prefix}emissions_{accounting}_kg": f"{path}.emissions_kg.{accounting}",
            f"{prefix}emissions_{accounting}_low_kg": f"{path}.emissions_kg_90.{accounting}.0",
            f"{prefix}emissions_{accounting}_high_kg": f"{path}.emissions_kg_90.{accounting}.1",
        }
    columns |= {
        f"{prefix}embodied_kg": f"{path}.embodied_kg",
        f"{prefix}water_site_l": f"{path}.water_l.site",
        f"{prefix}water_power_l": f"{path}.water_l.power",
        f"{prefix}cost_eur": f"{path}.cost_eur",
    }
    return {name: (place, Kind.NUMBER) for name, place in columns.items()}


COLUMNS: dict[str, tuple[str, Kind]] = {
    "run_id": ("run_id", Kind.TEXT),
    "name": ("name", Kind.TEXT),
    "phase": ("phase", Kind.TEXT),
    "state": ("state", Kind.TEXT),
    "command": ("command", Kind.WORDS),
    "started_at": ("started_at", Kind.TEXT),
    "duration_s": ("duration_s", Kind.NUMBER),
    "exit_status": ("exit_status", Kind.WHOLE),
    "outer_run": ("measurement.outer_run", Kind.TEXT),
    "host": ("host.id", Kind.TEXT),
    "country": ("host.country", Kind.TEXT),
    "dcie": ("host.dcie", Kind.NUMBER),
    "kind": ("measurement.kind", Kind.TEXT),
    "cpu_s": ("measurement.cpu_s", Kind.NUMBER),
    "idle_share": ("measurement.idle_share", Kind.NUMBER),
    "idle_share_from": ("measurement.idle_share_from", Kind.TEXT),
    **_energy("energy", "measurement.energy_kwh"),
    **_energy("active_energy", "measurement.active_energy_kwh"),
    **_energy("machine_energy", "measurement.machine_energy_kwh"),
    "quality_cpu": ("measurement.quality.cpu", Kind.TEXT),
    "quality_gpu": ("measurement.quality.gpu", Kind.TEXT),
    "quality_ram": ("measurement.quality.ram", Kind.TEXT),
    "quality_other": ("measurement.quality.other", Kind.TEXT),
    "standing": ("footprint.standing", Kind.TEXT),
    **_footprint("", "footprint"),
    **_footprint("claimed_", "footprint.claimed"),
    "units_count": ("units.count", Kind.NUMBER),
    "units_label": ("units.label", Kind.TEXT),
}
"""Column → (path in the record, what it holds). Columns may be added at the end of a group, never renamed."""

LISTED = (
    "run_id",
    "started_at",
    "name",
    "phase",
    "state",
    "exit_status",
    "host",
    "duration_s",
    "energy_total_kwh",
    "emissions_location_based_kg",
    "emissions_market_based_kg",
)
"""The columns by which one run is told from another in a list."""


def flat_row(record: Mapping[str, Any], columns: Sequence[str] = tuple(COLUMNS)) -> dict[str, Any]:
    """Return the figures of a record by column; what is not known is None, never 0."""
    return {name: _cell(record, *COLUMNS[name]) for name in columns}


def _cell(record: Mapping[str, Any], path: str, kind: Kind) -> Any:  # noqa: ANN401  # text or number
    if kind is Kind.NUMBER:
        return number_at(record, path)
    value = value_at(record, path)
    if kind is Kind.WHOLE:
        return value if isinstance(value, int) else None
    if kind is Kind.WORDS and isinstance(value, list):
        value = shlex.join(str(word) for word in value)
    return printable(value) if isinstance(value, str) else None
