"""Budgets as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.errors import InvalidQuantityError
from carbonprint.footprint.budget import read_budget


@pytest.mark.parametrize(
    ("text", "emissions_kg", "energy_kwh"),
    [
        ("500g", 0.5, None),
        ("1.5 kg", 1.5, None),
        ("2 t", 2000, None),
        ("20mg", 2e-5, None),
        ("300 gCO2e", 0.3, None),
        ("0,5kgCO2", 0.5, None),
        ("2kWh", None, 2),
        ("1e-3 kwh", None, 0.001),
        ("250Wh", None, 0.25),
        ("3 MWh", None, 3000),
        ("3 mWh", None, 3e-6),
    ],
)
def test_amounts_of_co2_and_of_energy_are_read(text, emissions_kg, energy_kwh):
    budget = read_budget(text)
    assert budget.emissions_kg == (emissions_kg and pytest.approx(emissions_kg))
    assert budget.energy_kwh == (energy_kwh and pytest.approx(energy_kwh))


@pytest.mark.parametrize("text", ["", "g", "5", "-5g", "0 g", "5 km", "1.2.3g", "inf kg", "1e999kg", "nan g"])
def test_anything_else_is_refused_in_one_sentence(text):
    with pytest.raises(InvalidQuantityError, match="such as 500g or 2kWh"):
        read_budget(text)


@given(st.floats(1e-6, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_energy_never_uses_less_of_a_budget(amount, first_kwh, more_kwh):
    budget = read_budget(f"{amount!r} kWh")
    assert budget.used(first_kwh + more_kwh, None) >= budget.used(first_kwh, None)
    assert budget.used(budget.energy_kwh, None) == 1


def test_a_budget_of_emissions_is_not_known_to_be_used_while_the_factor_is_not():
    assert read_budget("1 g").used(5.0, None) is None
