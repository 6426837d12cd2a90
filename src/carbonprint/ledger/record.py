"""The record of one run as JSON: its text, and how a figure in it is reached.

A record is made once, when a run ends, and only read from then on; so it stays what it is in files, a JSON
object. A figure that is not known is null in it, and a part that is not there is not known either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

SCHEMA = "carbonprint/run/1"
"""The form of the record that this version of carbonprint writes and reads."""


def json_text(value: object, *, indent: int | None = None) -> str:
    """Write a value as JSON: keys sorted, nothing but ASCII, so that any terminal and file can hold it.

    Raises:
        ValueError: If it holds NaN or an infinity, which JSON does not know.
        TypeError: If it holds something that is not JSON.
    """
    separators = (",", ":") if indent is None else None
    return json.dumps(value, allow_nan=False, sort_keys=True, indent=indent, separators=separators)


def value_at(record: object, path: str) -> object:
    """Return what stands at a path of keys and positions (``"footprint.emissions_kg_90.market_based.0"``).

    Where a part of the path is missing or null, the value is not known: None.
    """
    value = record
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, Sequence) and not isinstance(value, str) and step.isdecimal():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def number_at(record: object, path: str) -> float | None:
    """Return the number at a path; None where there is none."""
    value = value_at(record, path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def utc_moment(text: str) -> datetime:
    """Read a moment such as ``2026-01-31T12:00:00Z``.

    Raises:
        ValueError: If it is not ISO 8601 or names no offset from UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no offset from UTC")
    return moment.astimezone(UTC)


def printable(text: str) -> str:
    """Return text that any encoding of Unicode can hold: bytes that were no UTF-8 are shown as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
