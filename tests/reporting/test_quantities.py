"""Printed quantities: short enough for a line, whatever the figure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.reporting.quantities import duration, number, short_number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (0.8, "0.8000"), (123456.0, "123456"), (1.23456e-6, "0.000001235"), (9.9e11, "990000000000"),
        (1.23456e-10, "1.235e-10"), (1.5e12, "1.5e12"), (1e308, "1e308"), (float("inf"), "inf"), (-2e-7, "-2e-07"),
    ],
)  # fmt: skip
def test_a_number_stands_in_powers_of_ten_only_where_its_zeros_cannot_be_counted(value, text):
    assert number(value, "en") == text
    assert number(value, "nl") == text.replace(".", ",")


@given(st.floats(), st.sampled_from([1, 2, 3, 4]))
def test_a_number_is_never_long(value, digits):
    assert len(number(value, "en", digits=digits)) <= 13
    assert len(short_number(value, "en", digits=digits)) <= 13
    assert len(duration(value, "en")) <= 27


@given(st.floats())
def test_a_count_of_many_digits_is_never_long(value):
    assert len(short_number(value, "nl", digits=12)) <= 18
