"""Reading the shipped tables: each file once, when it is first asked for.

Every row names its source by its id in ``sources.csv``. The tables are read before a measured command starts,
so only what is quick to import is used: ``pkgutil`` reads the same files as ``importlib.resources``, which
takes five times as long to import.
"""

from __future__ import annotations

import csv
import pkgutil
from dataclasses import dataclass, replace
from functools import cache

from carbonprint.provenance import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """One figure that holds for all hosts.

    Attributes:
        value: The figure, in ``unit``.
        unit: Its unit.
        is_assumption: Whether it is a working assumption of ours, and no published figure.
        note: What it is, or what it rests on.
        source: Where it was published.
    """

    value: float
    unit: str
    is_assumption: bool
    note: str
    source: Source


def constant(name: str) -> Constant:
    """Return one figure of ``constants.csv``."""
    return constants()[name]


@cache
def constants() -> dict[str, Constant]:
    """Every figure of ``constants.csv`` by its name."""
    return {
        row["constant"]: Constant(
            value=float(row["value"]),
            unit=row["unit"],
            is_assumption=row["standing"] == "working assumption",
            note=row["note"],
            source=sources()[row["source"]],
        )
        for row in table_rows("constants.csv")
    }


@cache
def sources() -> dict[str, Source]:
    """Every source of the shipped tables by its id."""
    return {
        row["source"]: Source(
            title=row["title"],
            publisher=row["publisher"],
            year=int(row["year"]) if row["year"] else None,
            url=row["url"],
            licence=row["licence"],
        )
        for row in table_rows("sources.csv")
    }


def row_source(row: dict[str, str]) -> Source:
    """Return the source that a row names, of the year that the row describes."""
    source = sources()[row["source"]]
    return replace(source, year=int(row["year"])) if row.get("year") else source


def number_or_none(text: str) -> float | None:
    """Read a cell: an empty one is not known, which is not 0."""
    return float(text) if text else None


def table_rows(name: str) -> list[dict[str, str]]:
    """Read one shipped CSV file; its first line names the columns."""
    data = pkgutil.get_data("carbonprint.reference", name)
    assert data is not None  # a file of this package
    return list(csv.DictReader(data.decode("utf-8").splitlines()))
