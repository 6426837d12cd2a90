"""What stands behind the summary of a run: command, settings, what to bear in mind, and the sources."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from carbonprint.messages import Translate, translator
from carbonprint.reporting.plain import shown
from carbonprint.reporting.quantities import duration
from carbonprint.reporting.settings_table import setting_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

_WIDTH = 17
_SOURCE_PARTS = ("publisher", "title", "year", "url")


def detail_lines(record: Mapping[str, Any], language: str = "en", *, power: str = "") -> list[str]:
    """Give the lines that follow the summary of a run; a part that the record lacks is left out.

    Args:
        record: The record of the run.
        language: ``en`` or ``nl``.
        power: The power of the job over time in one line; ``""`` where there are no samples.
    """
    _ = translator(language)
    lines = [_row(_("started"), shown(record["started_at"]))]
    if power:
        lines.append(_row(_("power of the job"), power))
    if record.get("command"):
        lines.append(_row(_("command"), shown(shlex.join(record["command"]))))
    lines += [_row(label, text) for label, text in _circumstances(record, language, _)]
    lines += _section(_("settings"), setting_rows(record.get("settings") or {}, _))
    lines += _section(_("bear in mind"), [shown(each["text"]) for each in record.get("caveats") or ()])
    lines += _section(_("sources"), [_source_row(each) for each in record.get("sources") or ()])
    return lines


def _circumstances(record: Mapping[str, Any], language: str, _: Translate) -> list[tuple[str, str]]:
    """What the user wanted of the run besides its measurement, where there is any."""
    rows = []
    if parts := record.get("parts"):
        rows.append((_("parts"), _("{count} runs added up: {runs}").format(
            count=len(parts), runs=shown(", ".join(parts))
        )))  # fmt: skip
    if repetition := record.get("repetition"):
        text = _("{number} of {count}, the first of them {first}")
        rows.append((_("repetition"), text.format(
            number=repetition["number"], count=repetition["count"], first=shown(repetition["of"])
        )))  # fmt: skip
    if budget := record.get("budget"):
        text = shown(budget["text"])
        if budget["used_up_after_s"] is not None:
            text = _("{budget}, used up after {duration}").format(
                budget=text, duration=duration(budget["used_up_after_s"], language)
            )
        rows.append((_("budget"), text + (_("; the command was asked to end") if budget["stopped"] else "")))
    return rows


def _source_row(source: Mapping[str, Any]) -> str:
    parts = [str(source[part]) for part in _SOURCE_PARTS if source.get(part)]
    return f"{shown(source['figure'])}: {shown(', '.join(parts))}"


def _section(heading: str, rows: list[str]) -> list[str]:
    return ["", f"{heading}:", *(f"  {row}" for row in rows)] if rows else []


def _row(label: str, text: str) -> str:
    return f"  {label:<{_WIDTH}}{text}"
