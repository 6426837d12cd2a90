"""What the keys of a host file must fulfil together; each rule stands alone and names its faults.

A rule looks at the file as it was read and passes over what is not of the type it should be: that is a fault
of the key, and named beside these.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeGuard

from carbonprint.documents import found
from carbonprint.errors import nearest_names
from carbonprint.intensity.carbon_intensity import FactorScope
from carbonprint.intensity.mixes import (
    SHARES_TOLERANCE,
    direct_factor_g_per_kwh,
    energy_sources,
    lowest_direct_g_per_kwh,
    shares_faults,
    total,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MONTHS_PER_YEAR = 12
HIGHEST_PUE = 5
"""Above it a PUE is a slip of the pen or of the meters; no site in use has it. [-], a hard check of our own."""

LOWEST_DCIE = 1 / HIGHEST_PUE
"""The same check of a DCiE. [-]"""


def one_efficiency(content: dict[str, Any]) -> Iterator[str]:
    """A host gives its efficiency in one way: dcie, pue, or twelve months of readings."""
    table = _table(content, "efficiency")
    if table is None:
        return
    yield from _one_of(table, ("dcie", "pue", "months"), "efficiency")
    for number, row in _tables(table, "history"):
        yield from _one_of(row, ("dcie", "pue"), f"efficiency.history[{number}]")
    if "months" not in table and "year" not in table:
        yield "efficiency.year: is required, found nothing"


def readings_are_metered(content: dict[str, Any]) -> Iterator[str]:
    """Evidence "metered" stands for twelve months of readings, and for nothing else."""
    table = _table(content, "efficiency") or {}
    evidence, kind = table.get("evidence"), table.get("kind")
    if "months" in table:
        if isinstance(evidence, str) and evidence != "metered":
            yield f'efficiency.evidence: is "metered" for monthly readings, found {found(evidence)}'
        if isinstance(kind, str) and kind != "measured":
            yield f'efficiency.kind: is "measured" for monthly readings, found {found(kind)}'
    elif evidence == "metered":
        yield 'efficiency.evidence: "metered" needs twelve [[efficiency.months]], found none'
    for number, row in _tables(table, "history"):
        if row.get("evidence") == "metered":
            yield f'efficiency.history[{number}].evidence: "metered" needs monthly readings, found none'


def readings_fill_a_year(content: dict[str, Any]) -> Iterator[str]:
    """An annual figure needs twelve consecutive months, each once; none is filled in."""
    table = _table(content, "efficiency") or {}
    if not isinstance(table.get("months"), list):
        return
    given = [row["month"] for _, row in _tables(table, "months") if is_month(row.get("month"))]
    twice = [month for month, count in Counter(given).items() if count > 1]
    if twice:
        yield f"efficiency.months: each month stands once, found more than once: {', '.join(sorted(twice))}"
    expected = twelve_months(given, table.get("year"))
    missing = [month for month in expected if month not in given]
    outside = sorted(set(given) - set(expected))
    if missing or not expected:
        lack = f"missing: {', '.join(missing)}" if missing else "found none"
        yield f"efficiency.months: an annual figure needs twelve consecutive months, {lack}"
    if outside:
        span = f"{expected[0]} to {expected[-1]}"
        yield f"efficiency.months: the twelve months are {span}, found outside them: {', '.join(outside)}"


def it_within_facility(content: dict[str, Any]) -> Iterator[str]:
    """The IT equipment draws at most what the whole facility draws."""
    for number, row in _tables(_table(content, "efficiency") or {}, "months"):
        it_kwh, facility_kwh = _number(row, "it_kwh"), _number(row, "facility_kwh")
        if it_kwh is not None and facility_kwh is not None and it_kwh > facility_kwh:
            yield (
                f"efficiency.months[{number}].it_kwh: must be at most facility_kwh ({found(facility_kwh)}), "
                f"found {found(it_kwh)}"
            )


def readings_give_a_dcie(content: dict[str, Any]) -> Iterator[str]:
    """Readings that give a PUE above 5 are of different units or meters."""
    rows = [row for _, row in _tables(_table(content, "efficiency") or {}, "months")]
    it_kwh, facility_kwh = (
        total(_number(row, key) or math.nan for row in rows) for key in ("it_kwh", "facility_kwh")
    )
    if rows and 0 < it_kwh < LOWEST_DCIE * facility_kwh < math.inf:
        yield (
            f"efficiency.months: the readings must give a DCiE of at least {LOWEST_DCIE:g} (PUE {HIGHEST_PUE}), "
            f"found {it_kwh / facility_kwh:.3g}"
        )


def supply_is_a_mix(content: dict[str, Any]) -> Iterator[str]:
    """The shares of a physical supply are of known sources and sum to 1."""
    shares = (_table(content, "supply") or {}).get("shares")
    if isinstance(shares, dict) and all(_is_number(share) for share in shares.values()):
        yield from (f"supply.shares: {fault}" for fault in shares_faults(shares))


def contract_says_something(content: dict[str, Any]) -> Iterator[str]:
    """A contract names covered parts, a market-based figure or a label, and covers at most all."""
    table = _table(content, "contract")
    if table is None:
        return
    if not any(key in table for key in ("covered", "claimed_g_per_kwh", "uncovered")):
        yield "contract: give [[contract.covered]], claimed_g_per_kwh or [contract.uncovered], found none"
    shares = [share for _, row in _tables(table, "covered") if (share := _number(row, "share")) is not None]
    if total(shares) > 1 + SHARES_TOLERANCE:
        yield f"contract.covered: the shares must sum to at most 1, found {total(shares):.6g}"


def covered_has_a_factor(content: dict[str, Any]) -> Iterator[str]:
    """A covered part has a direct factor: 0 where nothing is burned, else one that its plant can have."""
    for number, row in _tables(_table(content, "contract") or {}, "covered"):
        where, technology = f"contract.covered[{number}]", row.get("technology", "")
        if not isinstance(technology, str):
            continue
        known = energy_sources(FactorScope.LIFECYCLE)
        if technology and technology not in known:
            nearest = nearest_names(technology, known)
            offer = f"did you mean {' or '.join(nearest)}?" if nearest else f"allowed: {', '.join(known)}"
            yield f"{where}.technology: is no known energy source, found {found(technology)}; {offer}"
        elif "g_per_kwh" not in row and direct_factor_g_per_kwh(technology) is None:
            yield f"{where}.g_per_kwh: is required unless technology burns nothing, found nothing"
        else:
            lowest, given = lowest_direct_g_per_kwh(technology), _number(row, "g_per_kwh")
            if lowest is not None and given is not None and given < lowest:
                yield (
                    f"{where}.g_per_kwh: must be at least {lowest:g} for {technology}, which is burned, "
                    f"found {found(given)}"
                )


def statements_stand_once(content: dict[str, Any]) -> Iterator[str]:
    """A cancellation statement covers one part; under two its MWh would count twice."""
    first: dict[str, str] = {}
    for number, row in _tables(_table(content, "contract") or {}, "covered"):
        statement = (_table(row, "cancellation") or {}).get("statement")
        if not isinstance(statement, str) or not statement.strip():
            continue
        where = f"contract.covered[{number}].cancellation.statement"
        earlier = first.setdefault("".join(statement.split()).casefold(), where)
        if earlier != where:
            yield f"{where}: a statement stands once, found {found(statement)}, which also stands at {earlier}"


def a_label_is_not_metered(content: dict[str, Any]) -> Iterator[str]:
    """Readings of a site say nothing of its supplier's label."""
    label = _table(_table(content, "contract") or {}, "uncovered") or {}
    if label.get("evidence") == "metered":
        yield 'contract.uncovered.evidence: "metered" stands for readings of the site, not for a label'


def site_energy_agrees(content: dict[str, Any]) -> Iterator[str]:
    """The yearly use of the contract agrees with the readings of the same year, within 1 %."""
    stated_mwh = _number(_table(content, "contract") or {}, "site_energy_mwh")
    year = (_table(content, "contract") or {}).get("year")
    rows = _tables(_table(content, "efficiency") or {}, "months")
    of_year = [row for _, row in rows if str(row.get("month", "")).startswith(f"{year}-")]
    if stated_mwh is None or len(of_year) != MONTHS_PER_YEAR:
        return
    read_mwh = total(_number(row, "facility_kwh") or math.nan for row in of_year) / 1000
    if abs(stated_mwh - read_mwh) > 0.01 * read_mwh:
        yield f"contract.site_energy_mwh: the readings of {year} sum to {read_mwh:g}, found {stated_mwh:g}"


RULES = (
    one_efficiency,
    readings_are_metered,
    readings_fill_a_year,
    it_within_facility,
    readings_give_a_dcie,
    supply_is_a_mix,
    contract_says_something,
    covered_has_a_factor,
    statements_stand_once,
    a_label_is_not_metered,
    site_energy_agrees,
)
"""Every rule, in the order in which their faults are shown."""


def is_month(value: object) -> bool:
    """Whether it is a month such as ``2025-01``."""
    return isinstance(value, str) and re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", value) is not None


def twelve_months(given: list[str], year: object = None) -> list[str]:
    """Name the twelve months that readings should fill.

    Args:
        given: Months that there are readings of, ``YYYY-MM``.
        year: The calendar year they should fill, where one is stated.

    Returns:
        The calendar year where one is stated or all readings fall in one, else twelve months from the first.
    """
    if isinstance(year, int) and 1000 <= year <= 9999:
        first = f"{year}-01"
    elif not given:
        return []
    else:
        first = f"{given[0][:4]}-01" if len({month[:4] for month in given}) == 1 else min(given)
    start = int(first[:4]) * MONTHS_PER_YEAR + int(first[5:]) - 1
    counts = range(start, start + MONTHS_PER_YEAR)
    return [f"{count // MONTHS_PER_YEAR:04d}-{count % MONTHS_PER_YEAR + 1:02d}" for count in counts]


def _one_of(table: dict[str, Any], keys: tuple[str, ...], where: str) -> Iterator[str]:
    given = [key for key in keys if key in table]
    if len(given) != 1:
        yield f"{where}: give one of {', '.join(keys)}, found {' and '.join(given) or 'none of them'}"


def _table(content: dict[str, Any], key: str) -> dict[str, Any] | None:
    value = content.get(key)
    return value if isinstance(value, dict) else None


def _tables(content: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
    """Give the tables of a list with their numbers, counted from 1."""
    value = content.get(key)
    rows = value if isinstance(value, list) else []
    return [(number, row) for number, row in enumerate(rows, start=1) if isinstance(row, dict)]


def _number(content: dict[str, Any], key: str) -> float | None:
    value = content.get(key)
    return float(value) if _is_number(value) else None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
