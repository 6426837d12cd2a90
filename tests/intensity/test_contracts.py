import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.errors import InvalidQuantityError
from carbonprint.intensity.carbon_intensity import Accounting, FactorScope
from carbonprint.intensity.contracts import (
    CoveredPart,
    contracted_intensity,
    guarantee_counts,
    label_missing,
    stated_intensity,
    uncovered_intensity,
    uncovered_missing,
)
from carbonprint.provenance import Source

SOURCE = Source(title="a contract", year=2025)


def contracted(parts, uncovered, on_year=2026):
    covered = [CoveredPart(share=share, g_per_kwh=g_per_kwh) for share, g_per_kwh in parts]
    return contracted_intensity(covered, uncovered, zone="a-host", year=2025, source=SOURCE, on_year=on_year)


def label(g_per_kwh, year=2025):
    return stated_intensity(g_per_kwh, set_id="label", zone="a-host", year=year, source=SOURCE, on_year=2026)


def test_dutch_sites_count_dutch_guarantees_only():
    assert guarantee_counts("NLD", "NLD")
    assert not guarantee_counts("NLD", "NOR")
    assert not guarantee_counts("NLD", "")
    assert guarantee_counts("DEU", "NOR")


def test_uncovered_dutch_electricity_is_grey():
    grey = uncovered_intensity("NLD")
    assert grey.g_per_kwh == 401
    assert grey.scope is FactorScope.DIRECT
    assert grey.accounting is Accounting.MARKET
    assert (grey.set_id, grey.year, grey.half_width_90) == ("nl-official", 2026, 0.25)


def test_elsewhere_it_is_not_known_and_the_sentence_says_what_to_give():
    assert uncovered_intensity("DEU") is None
    text = uncovered_missing("DEU")
    assert "Germany" in text
    assert "[contract.uncovered]" in text
    assert "AIB's European Residual Mixes" in text


def test_the_label_comes_first():
    assert uncovered_intensity("NLD", label(182.0)).g_per_kwh == 182
    assert uncovered_intensity("DEU", label(182.0)).g_per_kwh == 182


def test_partly_covered():
    # 0.52 · 0 + 0.48 · 401 = 192.48
    intensity = contracted([(0.52, 0.0)], uncovered_intensity("NLD"))
    assert intensity.g_per_kwh == pytest.approx(192.48)
    assert intensity.half_width_90 == pytest.approx(0.25)
    assert [term.key for term in intensity.terms] == ["contract/a-host/2025", "nl-official/NLD/2026"]


def test_two_sources_and_a_rest():
    # 0.5 · 0 + 0.2 · 50 + 0.3 · 401 = 0 + 10 + 120.3 = 130.3
    assert contracted([(0.5, 0.0), (0.2, 50.0)], uncovered_intensity("NLD")).g_per_kwh == pytest.approx(130.3)


def test_nothing_covered_is_the_uncovered_figure_itself():
    grey = uncovered_intensity("NLD")
    assert contracted([], grey) is grey
    assert contracted([(0.0, 0.0)], grey) is grey


def test_fully_covered_needs_no_rest():
    assert contracted([(1.0, 0.0)], None).g_per_kwh == 0
    assert contracted([(0.6, 0.0), (0.4, 30.0)], None).g_per_kwh == pytest.approx(12)  # 0.4 · 30


def test_an_unknown_rest_makes_it_unknown():
    assert contracted([(0.99, 0.0)], None) is None
    assert contracted([], None) is None


def test_more_than_all_is_refused():
    with pytest.raises(InvalidQuantityError, match=r"at most 1, got 1\.2"):
        contracted([(0.6, 0.0), (0.6, 0.0)], None)


@given(st.floats(0, 1), st.floats(0, 900), st.floats(0, 900))
def test_it_lies_between_what_is_covered_and_what_is_not(share, covered_g, uncovered_g):
    intensity = contracted([(share, covered_g)], label(uncovered_g))
    low, high = sorted((covered_g, uncovered_g))
    assert low - 1e-3 <= intensity.g_per_kwh <= high + 1e-3


@given(st.floats(0, 0.9), st.floats(0, 0.1))
def test_covering_more_with_wind_never_raises_it(share, more):
    grey = uncovered_intensity("NLD")
    less_covered, more_covered = contracted([(share, 0.0)], grey), contracted([(share + more, 0.0)], grey)
    assert more_covered.g_per_kwh <= less_covered.g_per_kwh + 1e-3


def test_the_interval_of_a_label_grows_with_age():
    assert label(300.0, year=2026).half_width_90 == pytest.approx(0.10)
    assert label(300.0, year=2024).half_width_90 == pytest.approx(0.20)


def test_a_label_without_evidence_is_told_what_it_lacks():
    text = label_missing("DEU", "self-declared")
    assert "is self-declared, no evidence that counts" in text
    assert "(Germany)" in text
    assert '"published-by-law"' in text
