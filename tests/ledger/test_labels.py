"""What a user says of a run is refused before it starts, where it could not be kept after it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from carbonprint.errors import CarbonprintError, InvalidQuantityError, InvalidSettingError
from carbonprint.ledger.labels import RunLabels


@pytest.mark.parametrize(
    "units", [None, (1000, "prediction"), (1e-9, "page"), [1e15, "byte"], (np.int64(3), "p")]
)
def test_labels_that_can_be_kept_are_allowed(units):
    labels = RunLabels(name="x" * 200, phase="training", units=units)
    expected = None if units is None else (float(units[0]), units[1])
    assert labels.units == expected
    json.dumps(labels.units)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"name": None}, InvalidSettingError, "the name is text, got None"),
        ({"name": 3}, InvalidSettingError, "the name is text, got 3"),
        ({"name": "x" * 201}, InvalidSettingError, "the name has 201 signs, allowed are 200"),
        ({"phase": ["a"]}, InvalidSettingError, r"the phase is text, got \['a'\]"),
        ({"units": 3}, InvalidSettingError, "units are a pair of count and label.*; got 3"),
        ({"units": "ab"}, InvalidSettingError, "units are a pair of count and label"),
        ({"units": (1, "a", "b")}, InvalidSettingError, "units are a pair of count and label"),
        ({"units": (1, " ")}, InvalidSettingError, "the label of units is empty"),
        ({"units": (1, None)}, InvalidSettingError, "the label of units is text, got None"),
        ({"units": (1, "x" * 201)}, InvalidSettingError, "the label of units has 201 signs"),
        (
            {"units": ("1", "a")},
            InvalidQuantityError,
            "the count of units is a number from 1e-09 to 1e.15, got '1'",
        ),
        ({"units": (True, "a")}, InvalidQuantityError, "got True"),
        ({"units": (0, "a")}, InvalidQuantityError, "got 0"),
        ({"units": (1e-320, "a")}, InvalidQuantityError, "got 1e-320"),
        ({"units": (10**400, "a")}, InvalidQuantityError, "got 1000"),
        ({"units": (float("nan"), "a")}, InvalidQuantityError, "got nan"),
        ({"units": (float("inf"), "a")}, InvalidQuantityError, "got inf"),
    ],
)
def test_labels_that_cannot_be_kept_are_refused(given, error, told):
    with pytest.raises(error, match=told) as refused:
        RunLabels(**{"name": "x", **given})
    assert isinstance(refused.value, CarbonprintError)
    assert refused.value.exit_code == 2
