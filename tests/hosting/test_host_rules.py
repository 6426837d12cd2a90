import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.hosting import host_rules
from carbonprint.hosting.host_rules import RULES, is_month, twelve_months

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["months", "month", "it_kwh", "covered", "share", "technology", "shares", "year"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def faults(rule, content):
    return list(rule(content))


@given(
    st.dictionaries(st.sampled_from(["efficiency", "supply", "contract", "water", "name"]), anything),
    st.sampled_from(RULES),
)
def test_no_rule_stumbles_over_a_wrong_type(content, rule):
    assert all(isinstance(fault, str) and fault for fault in rule(content))


@pytest.mark.parametrize("rule", RULES)
def test_an_empty_file_breaks_no_rule(rule):
    assert faults(rule, {}) == []


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ({"year": 2025}, "none of them"),
        ({"year": 2025, "dcie": 0.8, "pue": 1.2}, "dcie and pue"),
        ({"dcie": 0.8, "months": []}, "dcie and months"),
    ],
)
def test_efficiency_is_given_in_one_way(table, found):
    assert faults(host_rules.one_efficiency, {"efficiency": table})[0] == (
        f"efficiency: give one of dcie, pue, months, found {found}"
    )


def test_a_single_figure_needs_its_year_and_readings_do_not():
    assert faults(host_rules.one_efficiency, {"efficiency": {"dcie": 0.8}}) == [
        "efficiency.year: is required, found nothing"
    ]
    assert faults(host_rules.one_efficiency, {"efficiency": {"months": []}}) == []


def test_metered_means_readings():
    rule = host_rules.readings_are_metered
    assert faults(rule, {"efficiency": {"dcie": 0.8, "evidence": "metered"}}) == [
        'efficiency.evidence: "metered" needs twelve [[efficiency.months]], found none'
    ]
    assert faults(rule, {"efficiency": {"months": [], "evidence": "audited", "kind": "design"}}) == [
        'efficiency.evidence: is "metered" for monthly readings, found "audited"',
        'efficiency.kind: is "measured" for monthly readings, found "design"',
    ]
    assert faults(rule, {"efficiency": {"months": [], "evidence": "metered", "kind": "measured"}}) == []
    assert faults(rule, {"efficiency": {"dcie": 0.8, "history": [{"evidence": "metered"}]}}) == [
        'efficiency.history[1].evidence: "metered" needs monthly readings, found none'
    ]


def test_no_readings_are_no_year():
    assert faults(host_rules.readings_fill_a_year, {"efficiency": {"months": []}}) == [
        "efficiency.months: an annual figure needs twelve consecutive months, found none"
    ]


@pytest.mark.parametrize(
    ("given_months", "year", "first", "last"),
    [
        (["2025-02", "2025-11"], None, "2025-01", "2025-12"),
        (["2025-02", "2024-11"], None, "2024-11", "2025-10"),
        (["2025-02"], 2023, "2023-01", "2023-12"),
        (["2024-12", "2025-01"], None, "2024-12", "2025-11"),
    ],
)
def test_which_twelve_months_readings_should_fill(given_months, year, first, last):
    months = twelve_months(given_months, year)
    assert (len(months), months[0], months[-1]) == (12, first, last)


@pytest.mark.parametrize("text", ["2025-00", "2025-13", "2025-1", "25-01", "2025-01-01", 202501, None])
def test_what_is_no_month(text):
    assert not is_month(text)


def test_a_contract_says_something():
    rule = host_rules.contract_says_something
    assert faults(rule, {"contract": {"year": 2025}}) == [
        "contract: give [[contract.covered]], claimed_g_per_kwh or [contract.uncovered], found none"
    ]
    assert faults(rule, {"contract": {"claimed_g_per_kwh": 0}}) == []
    assert faults(rule, {"contract": {"covered": [{"share": 0.7}, {"share": 0.4}]}}) == [
        "contract.covered: the shares must sum to at most 1, found 1.1"
    ]


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ({"technology": "wind"}, None),
        ({"technology": "gas", "g_per_kwh": 370}, None),
        ({"g_per_kwh": 0}, None),
        ({}, "g_per_kwh: is required unless technology burns nothing, found nothing"),
        ({"technology": "gas"}, "g_per_kwh: is required unless technology burns nothing, found nothing"),
        (
            {"technology": "coal", "g_per_kwh": 0},
            "g_per_kwh: must be at least 700 for coal, which is burned, found 0",
        ),
        (
            {"technology": "gas", "g_per_kwh": 1e-9},
            "g_per_kwh: must be at least 300 for gas, which is burned, found 1e-09",
        ),
        (
            {"technology": "oil", "g_per_kwh": 399},
            "g_per_kwh: must be at least 400 for oil, which is burned, found 399",
        ),
        ({"technology": "biomass", "g_per_kwh": 0}, None),
        ({"technology": "coal", "g_per_kwh": 713.44}, None),
        (
            {"technology": "winnd"},
            'technology: is no known energy source, found "winnd"; did you mean wind?',
        ),
    ],
)
def test_a_covered_part_has_a_factor(part, fault):
    expected = [] if fault is None else [f"contract.covered[1].{fault}"]
    assert faults(host_rules.covered_has_a_factor, {"contract": {"covered": [part]}}) == expected


@pytest.mark.parametrize(("stated_mwh", "is_fault"), [(1.2, False), (1.21, False), (1.3, True), (1200, True)])
def test_the_stated_use_agrees_with_the_readings(stated_mwh, is_fault):
    months = [{"month": f"2025-{month:02d}", "facility_kwh": 100} for month in range(1, 13)]
    content = {
        "efficiency": {"months": months},
        "contract": {"year": 2025, "site_energy_mwh": stated_mwh},
    }
    found = faults(host_rules.site_energy_agrees, content)
    assert bool(found) is is_fault
    if is_fault:
        assert found == [f"contract.site_energy_mwh: the readings of 2025 sum to 1.2, found {stated_mwh:g}"]


def test_a_statement_stands_once():
    def parts(*statements):
        return {"contract": {"covered": [{"cancellation": {"statement": each}} for each in statements]}}

    rule = host_rules.statements_stand_once
    assert faults(rule, parts("S-1", "S-2", "S-3")) == []
    assert faults(rule, parts("", "", 1, 1, None)) == []
    (fault,) = faults(rule, parts("S-1", "S-2", " s-1 "))
    where = "contract.covered[{}].cancellation.statement"
    assert fault == (
        f'{where.format(3)}: a statement stands once, found " s-1 ", which also stands at {where.format(1)}'
    )


def test_readings_that_no_site_has_are_refused():
    def months(it_kwh, facility_kwh):
        return {"efficiency": {"months": [{"it_kwh": it_kwh, "facility_kwh": facility_kwh}] * 12}}

    rule = host_rules.readings_give_a_dcie
    assert faults(rule, months(20, 100)) == faults(rule, months(1e308, 1e308)) == []
    assert faults(rule, months(10, 100)) == [
        "efficiency.months: the readings must give a DCiE of at least 0.2 (PUE 5), found 0.1"
    ]


def test_absurd_figures_make_no_rule_stumble():
    months = [
        {"month": f"2025-{month:02d}", "it_kwh": 1e308, "facility_kwh": 1e308} for month in range(1, 13)
    ]
    content = {
        "efficiency": {"months": months},
        "supply": {"shares": {"wind": 1e308, "gas": 1e308, "coal": 1e308}},
        "contract": {"year": 2025, "site_energy_mwh": 1.0, "covered": [{"share": 1e308}] * 3},
    }
    found = [fault for rule in RULES for fault in rule(content)]
    assert "contract.covered: the shares must sum to at most 1, found inf" in found
    assert "supply.shares: the shares must sum to 1, got inf" in found


def test_a_label_has_no_meter():
    rule = host_rules.a_label_is_not_metered
    assert faults(rule, {"contract": {"uncovered": {"evidence": "audited"}}}) == []
    assert faults(rule, {"contract": {"uncovered": {"evidence": "metered"}}}) == [
        'contract.uncovered.evidence: "metered" stands for readings of the site, not for a label'
    ]
