"""The summary of several runs of the same command: mean, spread, and figures per unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carbonprint.ledger.spread import Spread, spread_of
from carbonprint.messages import Translate, translator
from carbonprint.reporting.plain import shown
from carbonprint.reporting.quantities import energy_unit, mass_unit, number
from carbonprint.reporting.rows import per_unit, row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Unit = Callable[[float], tuple[float, str]]


def repetition_lines(
    records: Sequence[Mapping[str, Any]], language: str = "en", *, n_asked: int
) -> list[str]:
    """Give the lines of the summary, without line ends.

    Args:
        records: The records of the runs, at least one, in order. One that failed does not count, unless all did.
        language: ``en`` or ``nl``.
        n_asked: How many runs there were to be.
    """
    _ = translator(language)
    kept = records
    records = [record for record in kept if record.get("exit_status") == 0] or kept
    first = records[0]
    times = _("{count} runs").format(count=len(records))
    if len(kept) < n_asked or len(records) < len(kept):
        times = _("{count} of {n_asked} runs: the last did not end with exit status 0").format(
            count=len(records), n_asked=n_asked
        )
    warmups = (first.get("repetition") or {}).get("n_warmups")
    parts = [f"carbonprint: {shown(str(first.get('name') or first['run_id']))}", times]
    if warmups:
        parts.append(_("after {count} to warm up").format(count=warmups))
    rows: list[tuple[str, str, Unit]] = [
        (_("duration"), "duration_s", _seconds),
        (_("CPU seconds"), "measurement.cpu_s", _seconds),
        (_("energy"), "measurement.energy_kwh.total", energy_unit),
        (_("CO₂e location"), "footprint.emissions_kg.location_based", mass_unit),
        (_("CO₂e market"), "footprint.emissions_kg.market_based", mass_unit),
    ]
    spreads = {path: spread_of(records, path) for _label, path, _unit in rows}
    lines = [" · ".join(parts)]
    lines += [row(label, _text(spreads[path], unit, language, _)) for label, path, unit in rows]
    if first.get("units"):
        energy = spreads["measurement.energy_kwh.total"]
        emissions_kg = {
            accounting: None
            if (spread := spreads[f"footprint.emissions_kg.{accounting}"]) is None
            else spread.mean
            for accounting in ("location_based", "market_based")
        }
        energy_kwh = None if energy is None else energy.mean
        lines.append(row(_("per unit"), per_unit(first["units"], energy_kwh, emissions_kg, language, _)))
    note = _note(spreads, _)
    if note:
        lines.append(row(_("note"), note))
    run_ids = [shown(str(record["run_id"])) for record in kept]
    lines.append(row(_("runs"), _("{first} to {last}; next: carbonprint runs list").format(
        first=run_ids[0], last=run_ids[-1]
    )))  # fmt: skip
    return lines


def _text(spread: Spread | None, unit_of: Unit, language: str, _: Translate) -> str:
    if spread is None:
        return _("unknown")
    scale, unit = unit_of(spread.mean)
    text = f"{number(spread.mean / scale, language):>9} {unit:<4}"
    if spread.deviation is None:
        return text.rstrip()
    return text + _("± {deviation} ({least} to {most})").format(
        deviation=number(spread.deviation / scale, language, digits=2),
        least=number(spread.least / scale, language, digits=3),
        most=number(spread.most / scale, language, digits=3),
    )


def _note(spreads: Mapping[str, Spread | None], _: Translate) -> str:
    """Say where the runs differ too much for their mean to say anything."""
    energy = spreads["measurement.energy_kwh.total"]
    if energy is None or energy.deviation is None or not energy.is_unstable:
        return ""
    return _(
        "the runs differ by ± {share} % in energy: quiet the machine, warm up (--warmup), or repeat more often"
    ).format(share=round(100 * energy.deviation / energy.mean))


def _seconds(_duration_s: float) -> tuple[float, str]:
    return 1.0, "s"
