"""The summary of one run: what it cost, how sure that is, and what can be done next; at most fourteen lines.

Made from the record alone, so that ``runs show`` prints years later what ``run`` printed. A record may come from a file
that people can edit: what is missing in it is shown as unknown.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from carbonprint.ledger.record import number_at, value_at
from carbonprint.messages import Translate, translator
from carbonprint.reporting.plain import shown
from carbonprint.reporting.quantities import duration, energy_unit, mass_unit, number, short_number
from carbonprint.reporting.rows import per_unit, row

if TYPE_CHECKING:
    from pathlib import Path

_AMOUNT_WIDTH = 9
_MIX_PARTS = 4
_NOTED = {
    "meter-fault",
    "counter-stands-still",
    "counters-not-readable",
    "load-unknown",
    "machine-unknown",
    "no-cpu-seconds",
    "footprint-fault",
    "settings-not-used",
    "platform",
    "left-behind",
    "part-gone",
    "parts-not-seen",
    "dropped-times",
    "work-elsewhere",
    "little-cpu",
    "container-remote",
    "container-exec",
    "container-not-seen",
    "container-by-time",
    "container-left-running",
    "container-cut-short",
}
"""Caveats that change how the figures of the summary must be read; the rest stands in ``runs show``."""

Record = Mapping[str, Any]


def summary_lines(
    record: Record, language: str = "en", *, ledger_fault: str = "", aside: Path | None = None
) -> list[str]:
    """Give the lines of the summary, without line ends.

    Args:
        record: The record of the run.
        language: ``en`` or ``nl``.
        ledger_fault: Why the ledger could not be written, where it could not.
        aside: The file that the record was written to instead.
    """
    _ = translator(language)
    lines = [_headline(record, language, _), *_energy_lines(record, language, _)]
    lines.append(row(_("CO₂e location"), _emissions(record, "location_based", language, _)))
    lines.append(row(_("CO₂e market"), _emissions(record, "market_based", language, _)))
    if record.get("units"):
        emissions_kg = {
            accounting: number_at(record, f"footprint.emissions_kg.{accounting}")
            for accounting in ("location_based", "market_based")
        }
        energy_kwh = number_at(record, "measurement.energy_kwh.total")
        lines.append(row(_("per unit"), per_unit(record["units"], energy_kwh, emissions_kg, language, _)))
    lines += _host_lines(record, language, _)
    notes = [shown(caveat["text"]) for caveat in record.get("caveats") or () if caveat["code"] in _NOTED]
    if notes:
        lines.append(row(_("note"), "; ".join(notes)))
    lines.append(row(_("run"), _next_step(record, ledger_fault, aside, _)))
    return lines


def failure_line(fault: str, language: str = "en") -> str:
    """Say that a run could not be kept at all, and that the command was not harmed."""
    _ = translator(language)
    text = _("the footprint could not be kept ({fault}); the command's own result stands")
    return f"carbonprint: {text.format(fault=shown(fault))}"


def recovery_line(record: Record, language: str = "en") -> str:
    """Say that a run whose wrapper was killed has been kept after all."""
    _ = translator(language)
    run_id = shown(str(record["run_id"]))
    if record.get("state") != "interrupted":
        text = _("run {run_id} had ended and was not kept yet; it is now")
        return f"carbonprint: {text.format(run_id=run_id)}"
    text = _("run {run_id} was interrupted; its first {duration} are kept: carbonprint runs show {run_id}")
    length = duration(number_at(record, "duration_s") or 0.0, language)
    return f"carbonprint: {text.format(run_id=run_id, duration=length)}"


def _headline(record: Record, language: str, _: Translate) -> str:
    parts = [f"carbonprint: {shown(str(record.get('name') or record['run_id']))}"]
    if record.get("phase"):
        parts.append(shown(record["phase"]))
    duration_s, cpu_s = number_at(record, "duration_s"), number_at(record, "measurement.cpu_s")
    if duration_s is not None:
        parts.append(duration(duration_s, language))
    if cpu_s is not None:
        parts.append(_("{cpu_s} CPU seconds").format(cpu_s=number(cpu_s, language)))
    if record.get("exit_status") is not None:
        parts.append(_("exit status {status}").format(status=record["exit_status"]))
    if record.get("state") == "interrupted":
        parts.append(_("interrupted"))
    return " · ".join(parts)


def _energy_lines(record: Record, language: str, _: Translate) -> list[str]:
    total_kwh = number_at(record, "measurement.energy_kwh.total")
    if total_kwh is None:
        return [row(_("energy"), _("unknown: nothing of it could be measured or modelled"))]
    scale, unit = energy_unit(total_kwh)
    words = {"counted": _("counted"), "modelled": _("modelled"), "given": _("given"), "default": _("default")}
    text = _amount(total_kwh / scale, unit, language)
    site_kwh, dcie = number_at(record, "footprint.site_energy_kwh"), number_at(record, "host.dcie")
    if site_kwh is not None and dcie is not None:
        text += _("at the IT input; {energy} {unit} at the site (÷ DCiE {dcie})").format(
            energy=number(site_kwh / scale, language), unit=unit, dcie=short_number(dcie, language)
        )
    lines = [row(_("energy"), text)]
    for part, label in (("cpu", _("CPU")), ("gpu", _("GPU")), ("ram", _("memory")), ("other", _("other"))):
        energy_kwh = number_at(record, f"measurement.energy_kwh.{part}")
        quality = value_at(record, f"measurement.quality.{part}")
        if part == "gpu" and quality is None and energy_kwh == 0:
            continue
        word = words.get(str(quality), "")
        text = _("unknown") if energy_kwh is None else _amount(energy_kwh / scale, unit, language) + word
        lines.append(row(f"  {label}", text))
    return lines


def _emissions(record: Record, accounting: str, language: str, _: Translate) -> str:
    emissions_kg = number_at(record, f"footprint.emissions_kg.{accounting}")
    if emissions_kg is None:
        is_energy_known = number_at(record, "measurement.energy_kwh.total") is not None
        is_factor_known = number_at(record, f"footprint.intensity_g_per_kwh.{accounting}") is not None
        if accounting == "location_based" or is_factor_known or not is_energy_known:
            return _("unknown")
        return _(
            "unknown: no factor for what no guarantee covers; carbonprint host show {host} says more"
        ).format(host=shown(shlex.quote(str(value_at(record, "host.id")))))
    scale, unit = mass_unit(emissions_kg)
    parts = [_amount(emissions_kg / scale, unit, language)]
    bounds = value_at(record, f"footprint.emissions_kg_90.{accounting}")
    if isinstance(bounds, list):
        low, high = (number(bound / scale, language, digits=2) for bound in bounds)
        parts.append(_("90 %: {low} to {high}; ").format(low=low, high=high))
    intensity = number_at(record, f"footprint.intensity_g_per_kwh.{accounting}")
    if intensity is not None:
        parts.append(f"{short_number(intensity, language)} g/kWh")
        origin = [
            value_at(record, f"footprint.intensity.{accounting}.{key}")
            for key in ("zone", "year", "publisher")
        ]
        if all(origin):
            parts.append(" ({} {}, {})".format(*(shown(str(word)) for word in origin)))
    return "".join(parts)


def _host_lines(record: Record, language: str, _: Translate) -> list[str]:
    host = record["host"]
    dcie = number_at(record, "host.dcie")
    basis = {
        "counted": _("evidenced"),
        "given": _("as claimed"),
        "default": _("world average, for want of evidence"),
    }
    if any(caveat["code"] == "default-host" for caveat in record.get("caveats") or ()):
        text = _(
            "none named: world average assumed, DCiE {dcie} of {year}; name yours with --host HOST"
        ).format(
            dcie=_("unknown") if dcie is None else short_number(dcie, language),
            year=host.get("dcie_year") or "?",
        )
    elif host.get("kind") == "desk":
        text = _("{host}, {country}; no datacenter (DCiE 1)").format(
            host=shown(str(host.get("id"))), country=shown(str(host.get("country")))
        )
    else:
        text = _("{host}, {country}; DCiE {dcie} of {year}, {basis}").format(
            host=shown(str(host.get("id"))),
            country=shown(str(host.get("country"))),
            dcie=_("unknown") if dcie is None else short_number(dcie, language),
            year=host.get("dcie_year") or "?",
            basis=basis.get(str(host.get("dcie_basis")), "?"),
        )
    lines = [row(_("host"), text)]
    shares = value_at(record, "host.energy_mix.shares")
    if isinstance(shares, Mapping) and shares:
        lines.append(row(_("energy mix"), _mix(record, shares, language, _)))
    else:
        zone = value_at(record, "footprint.intensity.location_based.zone") or host.get("country")
        lines.append(
            row(_("energy mix"), _("its sources are not known for {zone}").format(zone=shown(str(zone))))
        )
    return lines


def _mix(record: Record, shares: Mapping[str, float], language: str, _: Translate) -> str:
    names = {
        "coal": _("coal"), "gas": _("gas"), "oil": _("oil"), "nuclear": _("nuclear"), "hydro": _("hydro"),
        "wind": _("wind"), "solar": _("solar"), "biomass": _("biomass"), "other_renewable": _("other renewable"),
        "geothermal": _("geothermal"), "wind_onshore": _("onshore wind"), "wind_offshore": _("offshore wind"),
    }  # fmt: skip
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    parts = [
        f"{names.get(name, shown(name))} {_percent(share, language)}" for name, share in ranked[:_MIX_PARTS]
    ]
    rest = sum(share for _name, share in ranked[_MIX_PARTS:])
    if rest > 0:
        parts.append(" ".join([_("the rest"), _percent(rest, language)]))
    mix = record["host"]["energy_mix"]
    origin = f"{shown(str(mix.get('zone', '')))} {mix.get('year', '')}".strip()
    return f"{origin}: {', '.join(parts)} ({shown(str(mix.get('source', '')))})"


def _next_step(record: Record, ledger_fault: str, aside: Path | None, _: Translate) -> str:
    run_id = shown(str(record["run_id"]))
    if aside is None:
        return _("{run_id}; next: carbonprint runs show {run_id}").format(run_id=run_id)
    return _("{run_id}; {fault}; next: carbonprint runs import {path}").format(
        run_id=run_id, fault=shown(ledger_fault), path=shown(shlex.quote(str(aside)))
    )


def _amount(value: float, unit: str, language: str) -> str:
    return f"{number(value, language):>{_AMOUNT_WIDTH}} {unit:<4}"


def _percent(share: float, language: str) -> str:
    return f"{short_number(share * 100, language, digits=2)} %"
