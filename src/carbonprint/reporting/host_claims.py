"""What a host states of itself, each figure with its year, its class of evidence and its source."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carbonprint.hosting.host import Contract, CoveredShare, DcieClaim, Host, Supply, Uncovered
    from carbonprint.reporting.paragraphs import Paragraphs


def claim_lines(host: Host, write: Paragraphs) -> Iterator[str]:
    """Give the lines of everything that a host states; none where it states nothing."""
    _ = write.translate
    if host.dcie is not None:
        yield from write.item(_dcie_text(host.dcie, write))
        yield from write.source(host.dcie.source)
    yield from _history_lines(host.dcie_history, write)
    if host.supply is not None:
        yield from _supply_lines(host.supply, write)
    if host.contract is not None:
        yield from _contract_lines(host.contract, write)
    if host.wue_l_per_kwh is not None and host.wue_source is not None:
        wue, evidence = write.number(host.wue_l_per_kwh), _(host.wue_evidence.value)
        yield from write.item(_("WUE {wue} L/kWh, {evidence}").format(wue=wue, evidence=evidence))
        yield from write.source(host.wue_source)


def _history_lines(history: tuple[DcieClaim, ...], write: Paragraphs) -> Iterator[str]:
    """Give the earlier years, those of one source together; the years stand with the figures."""
    _ = write.translate
    for source, claims in groupby(history, key=lambda claim: replace(claim.source, year=None)):
        years = ", ".join(f"{claim.year} {write.number(claim.dcie)}" for claim in claims)
        yield from write.item(_("DCiE of earlier years: {years}").format(years=years))
        yield from write.source(source)


def shares_text(shares: dict[str, float], write: Paragraphs) -> str:
    """Write the shares of a mix in the order in which they stand."""
    _ = write.translate
    return ", ".join(f"{_(name.replace('_', ' '))} {write.percent(share)}" for name, share in shares.items())


def _dcie_text(claim: DcieClaim, write: Paragraphs) -> str:
    _ = write.translate
    return _("DCiE {dcie} of {year}, {kind}, {evidence}, metering category {category}").format(
        dcie=write.number(claim.dcie),
        year=claim.year,
        kind=_(claim.kind.value),
        evidence=_(claim.evidence.value),
        category=claim.metering_category or _("not stated"),
    )


def _supply_lines(supply: Supply, write: Paragraphs) -> Iterator[str]:
    _ = write.translate
    text = _("physical supply of its own, {year}, {evidence}: {shares}").format(
        year=supply.year, evidence=_(supply.evidence.value), shares=shares_text(supply.shares, write)
    )
    yield from write.item(text)
    yield from write.source(supply.source)


def _contract_lines(contract: Contract, write: Paragraphs) -> Iterator[str]:
    _ = write.translate
    if contract.claimed_g_per_kwh is not None:
        text = _("market-based {figure} g/kWh of {year}, {evidence}").format(
            figure=write.number(contract.claimed_g_per_kwh),
            year=contract.year,
            evidence=_(contract.evidence.value),
        )
        yield from write.item(text)
    for part in contract.covered:
        yield from write.item(_covered_text(part, contract.year, write))
    yield from write.source(contract.source)
    if contract.uncovered is not None:
        yield from _label_lines(contract.uncovered, write)


def _label_lines(claim: Uncovered, write: Paragraphs) -> Iterator[str]:
    _ = write.translate
    text = _("supplier's label {figure} g/kWh of {year}, {evidence}").format(
        figure=write.number(claim.g_per_kwh), year=claim.year, evidence=_(claim.evidence.value)
    )
    yield from write.item(text)
    yield from write.source(claim.source)


def _covered_text(part: CoveredShare, year: int, write: Paragraphs) -> str:
    _ = write.translate
    cancelled = part.cancellation
    if cancelled is None:
        standing = _("no cancellation statement")
    else:
        standing = _("{energy} MWh of {year} cancelled, statement {statement}").format(
            energy=write.number(cancelled.energy_mwh), year=cancelled.year, statement=cancelled.statement
        )
    return _("bought in {year}: {share} {technology} from {country}, {figure} g/kWh; {standing}").format(
        year=year,
        share=write.percent(part.share),
        technology=_(part.technology.replace("_", " "))
        if part.technology
        else _("green (no technology named)"),
        country=part.country or _("another country (none named)"),
        figure=write.number(part.g_per_kwh),
        standing=standing,
    )
