"""Runs that go on with each other, from checkpoint to checkpoint, add up as one run.

The parts stay what they are, each with its own record; this makes the record of the whole. Energies, times, emissions
and water are sums; the DCiE and the intensities are what follows from the sums; everything else is the newest part's.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from carbonprint.ledger.record import number_at, value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Record = Mapping[str, Any]

_COMPONENTS = ("cpu", "gpu", "ram", "other", "total")
_ENERGIES = ("energy_kwh", "active_energy_kwh", "machine_energy_kwh", "idle_energy_kwh", "rest_energy_kwh")
_ACCOUNTINGS = ("location_based", "market_based")
_STANDINGS = ("footprint", "footprint.claimed")
_GRAMS_PER_KG = 1000

_SUMMED = (
    "duration_s",
    "measurement.cpu_s",
    "measurement.extrapolated_s",
    "measurement.meter_energy_kwh",
    "measurement.other_base_kwh",
    *(f"measurement.{energy}.{part}" for energy in _ENERGIES for part in _COMPONENTS),
    *(
        f"{standing}.{figure}"
        for standing in _STANDINGS
        for figure in ("site_energy_kwh", "embodied_kg", "cost_eur", "water_l.site", "water_l.power")
    ),
    *(f"{standing}.emissions_kg.{accounting}" for standing in _STANDINGS for accounting in _ACCOUNTINGS),
)
"""Figures that add up. A figure that one part does not know is not known of the whole."""


def chain_of(record: Record, get: Callable[[str], Record | None]) -> list[Record]:
    """Give the runs that a run goes on with, oldest first, and itself as the last.

    Args:
        record: The run.
        get: Gives the record of a run by its id; None where it is not kept any more.
    """
    parts, seen = [record], {record["run_id"]}
    while (earlier := parts[0].get("resumes")) and earlier not in seen:
        found = get(earlier)
        if found is None:
            break
        parts.insert(0, found)
        seen.add(earlier)
    return parts


def whole_runs(records: Iterable[Record], get: Callable[[str], Record | None]) -> Iterator[Record]:
    """Give runs with those that they go on with added up, each at the place of its newest part.

    Args:
        records: Runs, newest first. A run that two others go on with counts with the newest of them.
        get: Gives the record of a run by its id; None where it is not kept any more.
    """
    taken: set[str] = set()
    for record in records:
        if record["run_id"] not in taken:
            parts = chain_of(record, lambda run_id: None if run_id in taken else get(run_id))
            taken.update(part["run_id"] for part in parts)
            yield added_up(parts)


def added_up(parts: Sequence[Record]) -> Record:
    """Give the record of a whole run; of a single part, that part.

    Its interval of emissions is the sum of the parts' bounds, since what is uncertain of one is so of all. It starts
    when its first part did, and lasts as long as all parts together: the time between them is not the run's.

    Args:
        parts: Records of the runs that go on with each other, at least one, oldest first.
            One that was cut off before its first sample is named and left out.
    """
    if len(parts) == 1:
        return parts[0]
    unseen = [part["run_id"] for part in parts if _ended_before_it_was_seen(part)]
    named, parts = parts, [part for part in parts if part["run_id"] not in unseen] or parts
    whole = copy.deepcopy(dict(parts[-1]))
    whole["run_id"], whole["parts"] = named[-1]["run_id"], [part["run_id"] for part in named]
    whole["started_at"] = parts[0]["started_at"]
    for path in _SUMMED:
        _put(whole, path, _sum(parts, path))
    for standing in _STANDINGS:
        for accounting in _ACCOUNTINGS:
            _put(whole, f"{standing}.emissions_kg_90.{accounting}", _bounds(parts, standing, accounting))
        _put_ratios(whole, standing, f"{standing}.dcie" if standing == "footprint" else "")
    _put(whole, "host.dcie", number_at(whole, "footprint.dcie"))
    if len({value_at(part, "host.id") for part in parts}) > 1:
        text = "the parts of this run took place on several hosts; the host shown is that of the last"
        whole["caveats"] = [*(whole.get("caveats") or ()), {"code": "several-hosts", "text": text}]
    if unseen and len(unseen) < len(named):
        text = f"cut off before their first sample, and not in these figures: {', '.join(unseen)}"
        whole["caveats"] = [*(whole.get("caveats") or ()), {"code": "parts-not-seen", "text": text}]
    counted = [number_at(part, "units.count") for part in parts]
    if all(count is not None for count in counted):
        _put(whole, "units.count", sum(count for count in counted if count is not None))
    return whole


def _ended_before_it_was_seen(part: Record) -> bool:
    """Whether a part was cut off before its first sample: then nothing of it is known, and it was short."""
    return part.get("state") == "interrupted" and number_at(part, "measurement.energy_kwh.total") is None


def _put_ratios(whole: dict[str, Any], standing: str, dcie_path: str) -> None:
    """Put the intensities, and the DCiE, that follow from the sums of a standing."""
    site_kwh = number_at(whole, f"{standing}.site_energy_kwh")
    it_kwh = number_at(whole, "measurement.energy_kwh.total")
    if site_kwh and it_kwh and dcie_path:
        _put(whole, dcie_path, it_kwh / site_kwh)
    for accounting in _ACCOUNTINGS:
        emissions_kg = number_at(whole, f"{standing}.emissions_kg.{accounting}")
        if site_kwh and emissions_kg is not None:
            _put(
                whole, f"{standing}.intensity_g_per_kwh.{accounting}", emissions_kg * _GRAMS_PER_KG / site_kwh
            )


def _sum(parts: Sequence[Record], path: str) -> float | None:
    figures = [number_at(part, path) for part in parts]
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) else None


def _bounds(parts: Sequence[Record], standing: str, accounting: str) -> list[float] | None:
    bounds = [_sum(parts, f"{standing}.emissions_kg_90.{accounting}.{end}") for end in (0, 1)]
    return [bound for bound in bounds if bound is not None] if None not in bounds else None


def _put(record: dict[str, Any], path: str, value: object) -> None:
    """Put a value where there is a place for it; a part that the record lacks stays away."""
    *folders, name = path.split(".")
    place: Any = record
    for folder in folders:
        place = place.get(folder) if isinstance(place, dict) else None
    if isinstance(place, dict) and name in place:
        place[name] = value
