"""One host as people read it: what follows in both standings, what it states, and where that is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carbonprint.hosting.host import HostKind
from carbonprint.hosting.standing import HostFactors, Standing
from carbonprint.intensity.carbon_intensity import FactorScope
from carbonprint.provenance import Basis
from carbonprint.reference.codecarbon_tables import MIX_SOURCE
from carbonprint.reference.factors import country_name, source_factor_rows
from carbonprint.reporting.host_claims import claim_lines, shares_text
from carbonprint.reporting.paragraphs import LABEL_WIDTH, Paragraphs
from carbonprint.reporting.plain import shown
from carbonprint.units import pue_from_dcie

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from carbonprint.hosting.host import Host
    from carbonprint.intensity.carbon_intensity import CarbonIntensity
    from carbonprint.provenance import Source

    EnergyMix = tuple[dict[str, float], int]
    """Fraction per energy source, and the year."""

_COLUMN = 27


def host_lines(
    host: Host,
    standings: Mapping[Standing, HostFactors],
    energy_mix: EnergyMix | None,
    language: str = "en",
) -> list[str]:
    """Give the lines that show one host; every figure stands with its year and its source.

    Args:
        host: The host.
        standings: What follows from it, as claimed and as evidenced.
        energy_mix: Sources of the grid's electricity and their year; None where they are not known.
        language: ``en`` or ``nl``.
    """
    write = Paragraphs(language)
    _ = write.translate
    sections = (
        (_("what it states"), claim_lines(host, write)),
        (_("energy mix of the grid"), _mix_lines(host, energy_mix, write)),
        (_("what stands in, and the grid"), _other_sources(host, standings, write)),
        (_("bear in mind"), _remarks(host, standings, write)),
    )
    lines = [*_identity(host, write), "", *_figures(host, standings, write)]
    for heading, section in sections:
        body = list(section)
        if body:
            lines += ["", f"{heading}:", *body]
    return lines


def _identity(host: Host, write: Paragraphs) -> Iterator[str]:
    _ = write.translate
    yield shown(f"{host.host_id}: {host.name}")
    place = ", ".join(part for part in (host.site, country_name(host.country)) if part)
    yield from write.row(_("place"), f"{place} ({host.country})")
    if host.operator:
        yield from write.row(_("operator"), host.operator)
    yield from write.row(_("read from"), host.origin)


def _figures(host: Host, standings: Mapping[Standing, HostFactors], write: Paragraphs) -> Iterator[str]:
    _ = write.translate
    columns = [_column(host, standings[standing], write) for standing in Standing]
    labels = (
        _("DCiE"),
        _("PUE"),
        _("by location, g/kWh"),
        _("by market, g/kWh"),
        _("WUE, L/kWh of IT"),
        _("g/kWh of IT, location"),
        _("g/kWh of IT, market"),
    )
    as_claimed, as_evidenced = _("as claimed"), _("as evidenced")
    yield f"{'':<{LABEL_WIDTH}}{as_claimed:<{_COLUMN}}{as_evidenced}"
    for label, claimed, evidenced in zip(labels, *columns, strict=True):
        yield f"  {label:<{LABEL_WIDTH - 2}}{claimed:<{_COLUMN}}{evidenced}"


def _column(host: Host, factors: HostFactors, write: Paragraphs) -> list[str]:
    dcie, location, market = factors.efficiency.dcie, factors.location_based, factors.market_based
    return [
        _dcie_text(host, factors, write),
        write.number(pue_from_dcie(dcie)),
        _intensity_text(location, write),
        _intensity_text(market, write),
        write.number(factors.wue_l_per_kwh),
        write.number(location.g_per_kwh / dcie),
        write.number(market.g_per_kwh / dcie if market is not None else None),
    ]


def _dcie_text(host: Host, factors: HostFactors, write: Paragraphs) -> str:
    efficiency, _ = factors.efficiency, write.translate
    if host.kind is HostKind.DESK:
        no_datacenter = _("no datacenter")
        return f"{write.number(efficiency.dcie)} ({no_datacenter})"
    words = {Basis.DEFAULT: _("world average"), Basis.COUNTED: _("evidenced"), Basis.GIVEN: _("claim")}
    return f"{write.number(efficiency.dcie)} ({words[efficiency.basis]} {efficiency.year})"


def _intensity_text(intensity: CarbonIntensity | None, write: Paragraphs) -> str:
    if intensity is None:
        return write.number(None)
    scope = write.translate(intensity.scope.value.replace("_", " "))
    return f"{write.number(intensity.g_per_kwh)} ({scope}, {intensity.year})"


def _mix_lines(host: Host, energy_mix: EnergyMix | None, write: Paragraphs) -> Iterator[str]:
    _ = write.translate
    if energy_mix is None:
        yield from write.item(_("not known"))
        return
    shares, year = energy_mix
    yield from write.item(f"{host.country} {year}: {shares_text(shares, write)}")
    yield from write.source(MIX_SOURCE)


def _other_sources(host: Host, standings: Mapping[Standing, HostFactors], write: Paragraphs) -> Iterator[str]:
    """Give the sources of the figures that are not the host's own."""
    own = {claim.source for claim in (host.dcie, host.supply, host.contract) if claim is not None}
    if host.contract is not None and host.contract.uncovered is not None:
        own.add(host.contract.uncovered.source)
    inputs = [each for factors in standings.values() for each in _inputs(factors, write)]
    for label, source in dict.fromkeys([*inputs, *_covered_inputs(host, write)]):
        if source not in own:
            yield from write.item(label)
            yield from write.source(source)


def _inputs(factors: HostFactors, write: Paragraphs) -> Iterator[tuple[str, Source]]:
    _ = write.translate
    yield _("DCiE"), factors.efficiency.source
    for label, intensity in (
        (_("by location"), factors.location_based),
        (_("by market"), factors.market_based),
    ):
        if intensity is not None:
            yield from ((label, term.source) for term in intensity.terms)


def _covered_inputs(host: Host, write: Paragraphs) -> Iterator[tuple[str, Source]]:
    """Give the sources of direct factors that the host's own contract leaves to the package."""
    _, direct = write.translate, source_factor_rows(FactorScope.DIRECT.value)
    for part in host.contract.covered if host.contract is not None else ():
        row = direct.get(part.technology)
        if row is not None and row.central_g_per_kwh == part.g_per_kwh:
            technology = _(part.technology.replace("_", " "))
            yield _("direct emissions of {source}").format(source=technology), row.source


def _remarks(host: Host, standings: Mapping[Standing, HostFactors], write: Paragraphs) -> Iterator[str]:
    _ = write.translate
    claimed, evidenced = ([caveat.text for caveat in standings[standing].caveats] for standing in Standing)
    missing = [standings[standing].market_missing for standing in Standing]
    if missing[-1]:
        words = _("by market: {reason}") if all(missing) else _("as evidenced, by market: {reason}")
        yield from write.item(words.format(reason=missing[-1]))
    for text in (*claimed, *(text for text in evidenced if text not in claimed)):
        if text in claimed and text in evidenced:
            yield from write.item(text)
        elif text in claimed:
            yield from write.item(_("as claimed: {text}").format(text=text))
        else:
            yield from write.item(_("as evidenced: {text}").format(text=text))
    for note in host.notes:
        yield from write.item(note)
