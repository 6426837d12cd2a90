"""The number in what a meter says, and the energy of its readings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.hardware_profile import MeterPlace, MeterSource
from carbonprint.measuring.meter_text import MeterIntegral, reading_in

IPMITOOL = """
    Instantaneous power reading:                   220 Watts
    Minimum during sampling period:                  8 Watts
"""
REDFISH = '{"PowerControl": [{"Name": "node 1", "PowerConsumedWatts": 344.5}], "Text": "12 W"}'
EXPORTER = """# HELP node_power_watts Power.
node_power_watts_total 9
node_power_watts{chip="hwmon3",sensor="power1"} 1.25e2
"""


def source(unit="W", **how):
    return MeterSource(place=MeterPlace.WALL, unit=unit, **how)


@pytest.mark.parametrize(
    ("text", "meter", "expected"),
    [
        ("182000000\n", source("uW"), 182.0),
        (" 0.5 kWh", source("kWh"), 1.8e6),
        (IPMITOOL, source(key="Instantaneous power reading"), 220.0),
        (IPMITOOL, source(pattern=r"Minimum.*?(\d+) Watts"), 8.0),
        (REDFISH, source(key="PowerControl.0.PowerConsumedWatts"), 344.5),
        (REDFISH, source(key="Text"), 12.0),
        (EXPORTER, source(key="node_power_watts"), 125.0),
        ("power=0.31", source("kW", key="power"), 310.0),
        ("0", source("Wh"), 0.0),
    ],
)
def test_a_reading_is_found(text, meter, expected):
    assert reading_in(text, meter) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "meter"),
    [
        ("", source()),
        ("no number", source()),
        ("0", source()),
        ("-5", source()),
        ("nan", source()),
        ("1e999", source()),
        ("-1", source("J")),
        (REDFISH, source(key="PowerControl.3.PowerConsumedWatts")),
        (REDFISH, source(key="PowerControl.Name")),
        ('{"on": true}', source(key="on")),
        ("{broken", source(key="on")),
        (EXPORTER, source(key="node_power")),
        ("abc", source(pattern="(a)")),
        ("xyz", source(pattern="(1)")),
        ("x", source(pattern="x(1)?")),
    ],
)
def test_what_is_no_reading_is_none(text, meter):
    assert reading_in(text, meter) is None


def test_a_power_runs_straight_from_reading_to_reading():
    integral = MeterIntegral(source())
    integral.add(0.0, 100.0)
    integral.add(2.0, 200.0)
    assert integral.energy_j(0.0, 2.0) == pytest.approx(300)
    # The last power stands until the next reading, which corrects it: 3 s from 200 to 140 W are 510 J in all.
    assert integral.energy_j(2.0, 4.0) == pytest.approx(400)
    integral.add(5.0, 140.0)
    assert integral.energy_j(4.0, 5.0) == pytest.approx(110)


def test_a_counter_that_wraps_around_and_one_that_is_set_back():
    wrapping = MeterIntegral(source("J", wraps_at=1000.0))
    plain = MeterIntegral(source("J"))
    for integral in (wrapping, plain):
        integral.add(0.0, 900.0)
        assert integral.energy_j(0.0, 0.0) is None  # one reading of a counter tells nothing
        integral.add(1.0, 50.0)
    assert wrapping.energy_j(0.0, 1.0) == 150
    assert plain.energy_j(0.0, 1.0) is None
    plain.add(2.0, 80.0)
    assert plain.energy_j(1.0, 2.0) == 30


def test_after_silence_nothing_is_made_up():
    integral = MeterIntegral(source())
    integral.add(0.0, 100.0)
    assert integral.energy_j(0.0, 10.0) == 1000
    assert integral.energy_j(10.0, 45.0) is None
    integral.lose()
    integral.add(50.0, 100.0)
    assert integral.energy_j(45.0, 51.0) is None  # it saw a sixth of that time
    assert integral.energy_j(51.0, 52.0) == pytest.approx(100)


def test_a_meter_that_began_to_answer_late_stands_for_the_whole_if_it_saw_most_of_it():
    integral = MeterIntegral(source())
    integral.add(0.2, 100.0)
    assert integral.energy_j(0.0, 1.0) == pytest.approx(100)


@given(st.lists(st.tuples(st.floats(0.01, 5), st.floats(0, 1e4)), min_size=2, max_size=30))
def test_what_is_given_adds_up_to_what_was_counted(steps):
    integral, at_s, counter_j, given_j = MeterIntegral(source("J")), 0.0, 7.0, 0.0
    integral.add(at_s, counter_j)
    for duration_s, more_j in steps:
        since_s, at_s, counter_j = at_s, at_s + duration_s, counter_j + more_j
        integral.add(at_s, counter_j)
        given_j += integral.energy_j(since_s, at_s)
    assert given_j == pytest.approx(counter_j - 7.0, rel=1e-9, abs=1e-6)
