"""The list of hosts as a table: one line a host, by country, DCiE as claimed and as evidenced."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from carbonprint.hosting.host import HostKind
from carbonprint.hosting.standing import HostFactors, Standing
from carbonprint.messages import Translate, translator
from carbonprint.provenance import Basis
from carbonprint.reference.factors import country_name
from carbonprint.reference.tables import constant
from carbonprint.reporting.paragraphs import WIDTH, wrapped
from carbonprint.reporting.plain import shown
from carbonprint.reporting.quantities import short_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from carbonprint.hosting.host import Host

    HostRow = tuple[Host, Mapping[Standing, HostFactors]]
    """A host with what follows from it in both standings."""

_GAP = 2
_LEAST_PLACE = 8
_DEFAULT_MARK = "*"
_KIND_ORDER = {kind: place for place, kind in enumerate(HostKind)}


def by_country(hosts: Iterable[Host]) -> list[Host]:
    """Sort hosts by the name of their country, the sites of each first."""
    return sorted(hosts, key=lambda host: (country_name(host.country), _KIND_ORDER[host.kind], host.host_id))


def host_table(hosts: Sequence[HostRow], language: str = "en", *, width: int | None = None) -> list[str]:
    """Give the lines of a table of hosts; the place gives way where room is short.

    Args:
        hosts: The hosts, in the order in which they are to stand.
        language: ``en`` or ``nl``.
        width: Columns of the terminal; None for a file or a pipe, where 80 are taken.
    """
    _ = translator(language)
    headings = [
        _("code"),
        _("host"),
        _("place"),
        _("DCiE\nclaimed"),
        _("DCiE\nevidenced"),
        _("grid\ng/kWh"),
        _("year"),
    ]
    rows = [_cells(host, standings, language) for host, standings in hosts]
    return [*_laid_out(headings, rows, width or WIDTH), *_footnote(hosts, language, _)]


def _laid_out(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    widths = [
        max(map(cell_len, (*heading.splitlines(), *cells)))
        for heading, cells in zip(headings, zip(*rows, strict=True), strict=True)
    ]
    widths[2] = max(_LEAST_PLACE, min(widths[2], width - sum(widths) + widths[2] - _GAP * (len(widths) - 1)))
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="")
    for number, (heading, column_width) in enumerate(zip(headings, widths, strict=True)):
        table.add_column(
            Text(heading),
            justify="left" if number < 3 else "right",
            vertical="bottom",
            no_wrap=True,
            overflow="ellipsis",
            width=column_width,
        )
    for cells in rows:
        table.add_row(*(Text(cell) for cell in cells))
    stream = io.StringIO()
    total = sum(widths) + _GAP * len(widths)
    console = Console(file=stream, width=total, color_system=None, force_terminal=False, legacy_windows=False)
    console.print(table)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def _cells(host: Host, standings: Mapping[Standing, HostFactors], language: str) -> list[str]:
    claimed, evidenced = standings[Standing.CLAIMED], standings[Standing.EVIDENCED]
    place = (host.site or host.name) if host.kind is HostKind.SITE else country_name(host.country)
    return [
        host.country,
        shown(host.host_id),
        shown(place),
        _dcie(claimed, language),
        _dcie(evidenced, language),
        short_number(evidenced.location_based.g_per_kwh, language),
        str(evidenced.location_based.year),
    ]


def _dcie(factors: HostFactors, language: str) -> str:
    text = f"{factors.efficiency.dcie:.2f}"
    mark = _DEFAULT_MARK if factors.efficiency.basis is Basis.DEFAULT else ""
    return (text.replace(".", ",") if language == "nl" else text) + mark


def _footnote(hosts: Sequence[HostRow], language: str, _: Translate) -> list[str]:
    bases = {factors.efficiency.basis for _host, both in hosts for factors in both.values()}
    if Basis.DEFAULT not in bases:
        return []
    pue = constant("world_pue")
    text = _("the world's average PUE of {pue} ({source}), where no DCiE is stated or evidenced").format(
        pue=short_number(pue.value, language), source=pue.source.label
    )
    return ["", *wrapped(f"{_DEFAULT_MARK} ", text)]
