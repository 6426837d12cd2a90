import pytest

from carbonprint.errors import InvalidQuantityError
from carbonprint.hosting.host import (
    Cancellation,
    Contract,
    CoveredShare,
    DcieClaim,
    DcieKind,
    Evidence,
    Host,
    HostKind,
    Supply,
    Uncovered,
)
from carbonprint.provenance import Source

SOURCE = Source(title="a page")


@pytest.mark.parametrize(
    ("evidence", "counts"),
    [
        (Evidence.SELF_DECLARED, False),
        (Evidence.THIRD_PARTY, False),
        (Evidence.AUDITED, True),
        (Evidence.PUBLISHED_BY_LAW, True),
        (Evidence.GOVERNMENT, True),
        (Evidence.METERED, True),
    ],
)
def test_which_evidence_counts(evidence, counts):
    assert evidence.counts is counts


@pytest.mark.parametrize("dcie", [0, -0.1, 1.01, 80, float("nan"), float("inf")])
def test_no_dcie_outside_its_range(dcie):
    with pytest.raises(InvalidQuantityError, match="DCiE is a fraction"):
        DcieClaim(
            dcie=dcie,
            year=2024,
            kind=DcieKind.MEASURED,
            evidence=Evidence.AUDITED,
            source=SOURCE,
        )


@pytest.mark.parametrize("shares", [{"wind": 0.9}, {"wind": 1.5, "gas": -0.5}, {}, {"wind": float("nan")}])
def test_no_supply_that_is_not_a_mix(shares):
    with pytest.raises(InvalidQuantityError):
        Supply(shares=shares, year=2024, evidence=Evidence.AUDITED, source=SOURCE)


def test_no_contract_that_covers_more_than_all():
    half = CoveredShare(share=0.6, g_per_kwh=0.0)
    with pytest.raises(InvalidQuantityError, match=r"at most 1, got 1\.2"):
        Contract(year=2024, evidence=Evidence.SELF_DECLARED, source=SOURCE, covered=(half, half))


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_no_figure_below_zero_or_without_bounds(bad):
    with pytest.raises(InvalidQuantityError):
        Contract(year=2024, evidence=Evidence.SELF_DECLARED, source=SOURCE, claimed_g_per_kwh=bad)
    with pytest.raises(InvalidQuantityError):
        Contract(year=2024, evidence=Evidence.SELF_DECLARED, source=SOURCE, site_energy_mwh=bad)
    with pytest.raises(InvalidQuantityError):
        Uncovered(g_per_kwh=bad, year=2024, source=SOURCE)
    with pytest.raises(InvalidQuantityError):
        CoveredShare(share=bad, g_per_kwh=0.0)
    with pytest.raises(InvalidQuantityError):
        Cancellation(statement="S", beneficiary="B", year=2024, energy_mwh=bad)
    with pytest.raises(InvalidQuantityError):
        Host(host_id="a", name="A", kind=HostKind.SITE, country="NLD", wue_l_per_kwh=bad)
