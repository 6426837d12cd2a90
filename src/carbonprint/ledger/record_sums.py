"""Whether the figures of a record fit each other: its sums, and E_site = E_IT / DCiE and O = E_site · CI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carbonprint.ledger.record import number_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOLERANCE = 1e-6
"""How far a figure may lie from what the others make of it, as a fraction: room for rounding in what wrote it."""

_PARTS = ("cpu", "gpu", "ram", "other")
_ENERGIES = ("energy_kwh", "active_energy_kwh", "machine_energy_kwh", "idle_energy_kwh", "rest_energy_kwh")


def sum_faults(record: Mapping[str, Any]) -> list[str]:
    """Say which figures contradict others; what is not known contradicts nothing.

    Args:
        record: A record whose figures each have the right form.
    """
    faults = [fault for name in _ENERGIES for fault in _total_faults(record, f"measurement.{name}")]
    for place in ("footprint", "footprint.claimed"):
        faults += _site_faults(record, place)
        faults += _emission_faults(record, place)
    return faults


def _total_faults(record: Mapping[str, Any], place: str) -> Iterator[str]:
    parts = [number_at(record, f"{place}.{part}") for part in _PARTS]
    known = [part for part in parts if part is not None]
    total_kwh = number_at(record, f"{place}.total")
    if not known:  # a wattmeter may know the whole and no part
        return
    size_kwh = sum(abs(part) for part in known)
    if total_kwh is None or abs(total_kwh - sum(known)) > TOLERANCE * size_kwh:
        shown = "None" if total_kwh is None else f"{total_kwh:.12g}"
        yield f"{place}.total: got {shown}; its known parts add up to {sum(known):.12g}"


def _site_faults(record: Mapping[str, Any], place: str) -> Iterator[str]:
    site_kwh = number_at(record, f"{place}.site_energy_kwh")
    it_kwh = number_at(record, "measurement.energy_kwh.total")
    dcie = number_at(record, f"{place}.dcie")
    if dcie is None and place == "footprint":  # of what is claimed, the host's own DCiE says nothing
        dcie = number_at(record, "host.dcie")
    if site_kwh is None or it_kwh is None or dcie is None:
        return
    if not _is_near(site_kwh, it_kwh / dcie):
        yield (
            f"{place}.site_energy_kwh: got {site_kwh:.12g}; "
            f"{it_kwh:.12g} kWh ÷ DCiE {dcie:.12g} is {it_kwh / dcie:.12g}"
        )


def _emission_faults(record: Mapping[str, Any], place: str) -> Iterator[str]:
    site_kwh = number_at(record, f"{place}.site_energy_kwh")
    for accounting in ("location_based", "market_based"):
        emissions_kg = number_at(record, f"{place}.emissions_kg.{accounting}")
        g_per_kwh = number_at(record, f"{place}.intensity_g_per_kwh.{accounting}")
        if site_kwh is None or emissions_kg is None or g_per_kwh is None:
            continue
        if not _is_near(emissions_kg, site_kwh * g_per_kwh / 1000):
            yield (
                f"{place}.emissions_kg.{accounting}: got {emissions_kg:.12g}; "
                f"{site_kwh:.12g} kWh · {g_per_kwh:.12g} g/kWh ÷ 1000 is {site_kwh * g_per_kwh / 1000:.12g}"
            )


def _is_near(found: float, expected: float) -> bool:
    return abs(found - expected) <= TOLERANCE * abs(expected)
