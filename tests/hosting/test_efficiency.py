import pytest

from carbonprint.hosting.caveats import efficiency_caveats
from carbonprint.hosting.efficiency import dcie_half_width, default_efficiency, efficiency, is_evidenced
from carbonprint.hosting.host import DcieClaim, DcieKind, Evidence, Host, HostKind
from carbonprint.hosting.standing import Standing
from carbonprint.provenance import Basis, Source

WORLD = 1 / 1.56
"""0.641"""


def claim(dcie=0.9, year=2024, kind=DcieKind.MEASURED, evidence=Evidence.SELF_DECLARED, category=None):
    return DcieClaim(
        dcie=dcie,
        year=year,
        kind=kind,
        evidence=evidence,
        source=Source(title="a page", year=year),
        metering_category=category,
    )


def host(dcie=None, kind=HostKind.SITE):
    return Host(host_id="a-host", name="A host", kind=kind, country="NLD", dcie=dcie)


def chosen(dcie, standing, kind=HostKind.SITE):
    return efficiency(host(dcie, kind), standing, on_year=2026)


def test_the_default_is_the_worlds_average():
    default = default_efficiency()
    assert default.dcie == pytest.approx(0.641, abs=1e-4)
    assert (default.basis, default.excess_sigma, default.year) == (Basis.DEFAULT, 0.5, 2024)


@pytest.mark.parametrize("standing", list(Standing))
def test_no_claim_is_the_default_in_both(standing):
    assert chosen(None, standing) == default_efficiency()


@pytest.mark.parametrize("standing", list(Standing))
def test_a_desk_has_no_datacenter(standing):
    desk = chosen(None, standing, HostKind.DESK)
    assert (desk.dcie, desk.half_width_90, desk.excess_sigma) == (1.0, 0.0, None)
    assert list(efficiency_caveats(host(kind=HostKind.DESK), desk, on_year=2026)) == []


@pytest.mark.parametrize(
    "evidence", [Evidence.AUDITED, Evidence.PUBLISHED_BY_LAW, Evidence.GOVERNMENT, Evidence.METERED]
)
def test_evidence_that_counts_holds_in_both(evidence):
    for standing in Standing:
        found = chosen(claim(0.9, evidence=evidence), standing)
        assert (found.dcie, found.basis) == (0.9, Basis.COUNTED)


@pytest.mark.parametrize("evidence", [Evidence.SELF_DECLARED, Evidence.THIRD_PARTY])
def test_a_claim_better_than_the_world_is_not_evidenced(evidence):
    claimed, evidenced = (chosen(claim(0.9, evidence=evidence), standing) for standing in Standing)
    assert (claimed.dcie, claimed.basis) == (0.9, Basis.GIVEN)
    assert (evidenced.dcie, evidenced.basis) == (pytest.approx(WORLD), Basis.DEFAULT)


def test_a_claim_worse_than_the_world_is_believed():
    evidenced = chosen(claim(0.5), Standing.EVIDENCED)
    assert (evidenced.dcie, evidenced.basis, evidenced.excess_sigma) == (0.5, Basis.GIVEN, None)


def test_a_design_figure_is_no_evidence_whoever_audited_it():
    design = claim(0.9, kind=DcieKind.DESIGN, evidence=Evidence.AUDITED)
    assert not is_evidenced(design)
    assert chosen(design, Standing.CLAIMED).dcie == 0.9
    assert chosen(design, Standing.EVIDENCED).basis is Basis.DEFAULT


@pytest.mark.parametrize(
    ("stated", "half_width"),
    [
        (claim(year=2026), 0.03),
        (claim(year=2022), 0.07),  # 0.03 + 0.01 · 4
        (claim(year=2027), 0.04),
        (claim(kind=DcieKind.DESIGN), 0.10),
        (claim(kind=DcieKind.ESTIMATED), 0.10),
        (claim(year=2026, category=1), 0.05),  # 0.03 + 0.02
        (claim(year=2026, category=2), 0.05),
        (claim(year=2026, category=3), 0.03),
    ],
)
def test_how_sure_a_dcie_is(stated, half_width):
    assert dcie_half_width(stated, on_year=2026) == pytest.approx(half_width)


def codes(dcie, standing):
    of_host = host(dcie)
    picked = efficiency(of_host, standing, on_year=2026)
    return [caveat.code for caveat in efficiency_caveats(of_host, picked, on_year=2026)]


def test_what_a_reader_must_know():
    assert codes(None, Standing.CLAIMED) == codes(None, Standing.EVIDENCED) == ["dcie-default"]
    assert codes(claim(), Standing.CLAIMED) == []
    assert codes(claim(), Standing.EVIDENCED) == ["dcie-not-evidenced"]
    assert codes(claim(year=2024, evidence=Evidence.AUDITED), Standing.EVIDENCED) == []
    assert codes(claim(year=2023, evidence=Evidence.AUDITED), Standing.EVIDENCED) == ["dcie-old"]
    assert codes(claim(category=1), Standing.CLAIMED) == ["dcie-category"]


def test_the_age_of_evidence_is_said():
    of_host = host(claim(year=2022, evidence=Evidence.GOVERNMENT))
    picked = efficiency(of_host, Standing.EVIDENCED, on_year=2026)
    (caveat,) = efficiency_caveats(of_host, picked, on_year=2026)
    assert "of 2022, 4 years before the run" in caveat.text
