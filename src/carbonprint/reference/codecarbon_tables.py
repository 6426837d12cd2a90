"""codecarbon's packaged tables, read as files: its code is neither imported nor run.

Where codecarbon is not installed, or a newer version keeps its tables elsewhere, what they would tell is not
known: None, or an empty table.
"""

from __future__ import annotations

import csv
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

from carbonprint.provenance import Source

MIX_SOURCE = Source(
    title="global_energy_mix.json (electricity by source, after Our World in Data)",
    publisher="codecarbon",
    url="https://github.com/mlco2/codecarbon",
    licence="MIT",
)

_ENERGY_SOURCES = {
    "coal_TWh": "coal",
    "gas_TWh": "gas",
    "oil_TWh": "oil",
    "nuclear_TWh": "nuclear",
    "hydroelectricity_TWh": "hydro",
    "wind_TWh": "wind",
    "solar_TWh": "solar",
    "biofuel_TWh": "biomass",
    "other_renewable_exc_biofuel_TWh": "other_renewable",
}
"""Its columns that are parts, under our names; the others are sums of them (fossil, low_carbon, renewables)
or overlap (other_renewable holds biofuel)."""

_CLOSURE = 0.03
"""How far the parts of a mix may lie from its printed total, as a fraction, for rounding; a row that lies
farther off does not mean what it is taken to mean here."""


def energy_mix(country_iso3: str) -> tuple[dict[str, float], int] | None:
    """From which sources a country's electricity came.

    Args:
        country_iso3: ISO 3166-1 alpha-3 code.

    Returns:
        Fraction per energy source (largest first, without the empty ones; they sum to 1), and the year; None
        where the country is not in the table, or its row does not add up to its own total within 3 %.
    """
    row = _mix_table().get(country_iso3)
    if not isinstance(row, dict):
        return None
    parts_twh = {name: float(row.get(column) or 0) for column, name in _ENERGY_SOURCES.items()}
    sum_twh, total_twh = sum(parts_twh.values()), float(row.get("total_TWh") or 0)
    if sum_twh <= 0 or abs(sum_twh - total_twh) > _CLOSURE * sum_twh:
        return None
    largest_first = sorted(parts_twh.items(), key=lambda part: -part[1])
    return {name: part_twh / sum_twh for name, part_twh in largest_first if part_twh > 0}, int(row["year"])


@cache
def cpu_tdp_table() -> dict[str, float]:
    """The thermal design power of every CPU that codecarbon knows, by its name there. [W], > 0.

    A row whose power is no number (3.3.2 has one of "27.29.5") is left out: the CPU is not known then.
    """
    text = _read("data/hardware/cpu_power.csv") or ""
    powers_w = {row["Name"]: _watts(row["TDP"]) for row in csv.DictReader(text.splitlines())}
    return {name: power_w for name, power_w in powers_w.items() if power_w > 0}


@cache
def _mix_table() -> dict[str, Any]:
    text = _read("data/private_infra/global_energy_mix.json")
    return json.loads(text) if text is not None else {}


def _watts(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _read(name: str) -> str | None:
    spec = importlib.util.find_spec("codecarbon")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None
