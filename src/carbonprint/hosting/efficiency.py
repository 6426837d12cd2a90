"""Which DCiE a computation uses, in each standing."""

from __future__ import annotations

from carbonprint.hosting.host import DcieClaim, DcieKind, Host, HostKind
from carbonprint.hosting.host_factors import Efficiency, Standing
from carbonprint.provenance import Basis
from carbonprint.reference.tables import constant, sources
from carbonprint.units import dcie_from_pue


def efficiency(host: Host, standing: Standing, *, on_year: int) -> Efficiency:
    """Give the DCiE of a host in one standing.

    A desk has no datacenter around it: DCiE 1. No claim: the world's average PUE, in both standings. A claim
    with evidence that counts holds in both. Any other claim is taken at its word as claimed; as evidenced the
    worse of it and the world's average holds.

    Args:
        host: The host.
        standing: As claimed or as evidenced.
        on_year: Year of the run; an older figure has a wider interval.
    """
    if host.kind is HostKind.DESK:
        return Efficiency(dcie=1.0, year=on_year, basis=Basis.GIVEN, source=sources()["iso-30134-2"])
    claim, default = host.dcie, default_efficiency()
    if claim is None:
        return default
    if is_evidenced(claim):
        return _stated(claim, Basis.COUNTED, on_year)
    if standing is Standing.EVIDENCED and default.dcie < claim.dcie:
        return default
    return _stated(claim, Basis.GIVEN, on_year)


def default_efficiency() -> Efficiency:
    """Give the world's average: PUE 1.56, drawn per host with PUE − 1 lognormal around its median 0.56.

    Sources:
        Uptime Institute, average annual PUE of its survey of 2024; the sigma of 0.5 is a working assumption.

    Example:
        1 / 1.56 = 0.641.
    """
    pue = constant("world_pue")
    assert pue.source.year is not None  # a row of the shipped table
    return Efficiency(
        dcie=dcie_from_pue(pue.value),
        year=pue.source.year,
        basis=Basis.DEFAULT,
        source=pue.source,
        excess_sigma=constant("world_pue_excess_sigma").value,
    )


def is_evidenced(claim: DcieClaim) -> bool:
    """Tell whether a DCiE is evidenced: twelve months of kWh, an audit, publication by law or a government.

    A design figure says nothing of the site in use, whoever stands behind it.
    """
    return claim.evidence.counts and claim.kind is not DcieKind.DESIGN


def dcie_half_width(claim: DcieClaim, *, on_year: int) -> float:
    """Give the half-width of the 90 % interval of a stated DCiE, as a fraction of it. [-].

    Working assumptions: measured ± 3 %, and 1 % more for every year between the figure and the run; design
    figures and estimates ± 10 %; 2 % more where the IT energy is metered at the UPS or the PDU, so that the
    losses behind the meter count as IT.

    Example:
        Measured in 2022, run in 2026: 0.03 + 0.01 · 4 = 0.07.
    """
    if claim.kind is DcieKind.MEASURED:
        half_width = constant("dcie_metered_half_width").value
        half_width += constant("dcie_half_width_per_year").value * abs(on_year - claim.year)
    else:
        half_width = constant("dcie_design_half_width").value
    if claim.metering_category in (1, 2):
        half_width += constant("dcie_category_half_width").value
    return half_width


def _stated(claim: DcieClaim, basis: Basis, on_year: int) -> Efficiency:
    return Efficiency(
        dcie=claim.dcie,
        year=claim.year,
        basis=basis,
        source=claim.source,
        half_width_90=dcie_half_width(claim, on_year=on_year),
    )
