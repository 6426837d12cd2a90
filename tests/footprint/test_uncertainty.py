import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.footprint.draws import Draws, interval_90
from carbonprint.footprint.uncertainty import dcie_draws, energy_draws_kwh, intensity_draws_g_per_kwh
from carbonprint.hosting.efficiency import default_efficiency
from carbonprint.hosting.host_factors import Efficiency
from carbonprint.intensity.carbon_intensity import Accounting, CarbonIntensity, FactorScope
from carbonprint.intensity.grids import grid_intensity
from carbonprint.intensity.mixes import mix_intensity
from carbonprint.measuring.measurement import Component
from carbonprint.provenance import Basis, Source
from carbonprint.reference.power import model_names

SOURCE = Source(title="a page", year=2025)
WITHOUT_MODEL = dict.fromkeys(Component)

kwh = st.just(0.0) | st.floats(1e-6, 100)


def efficiency(dcie, half_width=0.0, **changes):
    return Efficiency(
        dcie=dcie, year=2025, basis=Basis.COUNTED, source=SOURCE, half_width_90=half_width, **changes
    )


def intensity(g_per_kwh, half_width=0.2, **changes):
    content = {
        "accounting": Accounting.LOCATION,
        "scope": FactorScope.LIFECYCLE,
        "year": 2025,
        "zone": "NLD",
        "set_id": "ember",
        "source": SOURCE,
    }
    return CarbonIntensity(g_per_kwh=g_per_kwh, half_width_90=half_width, **(content | changes))


def correlation(one, other):
    return float(np.corrcoef(np.log(one), np.log(other))[0, 1])


# Energy


def test_the_energy_of_a_run_is_centred_on_its_total(make_measurement):
    # 0.012 + 0.002 + 0.006 = 0.020; a sum of lognormals has a median slightly above the sum of their medians.
    drawn = energy_draws_kwh(make_measurement(), Draws())
    assert np.median(drawn) == pytest.approx(0.020, rel=0.05)
    assert interval_90(drawn)[0] < 0.020 < interval_90(drawn)[1]


@pytest.mark.parametrize(
    "model", [name for name in model_names() if not name.startswith(("dram", "nv", "amd"))]
)
def test_each_meter_of_a_cpu_is_centred_on_its_reading(make_measurement, model):
    measurement = make_measurement(
        ram=0.0, other=None, base_kwh=0.0, models=WITHOUT_MODEL | {Component.CPU: model}
    )
    assert np.median(energy_draws_kwh(measurement, Draws())) == pytest.approx(0.012, rel=0.05)


def test_a_reading_without_a_known_meter_is_taken_as_it_stands(make_measurement):
    measurement = make_measurement(ram=0.0, other=None, base_kwh=0.0, models=WITHOUT_MODEL)
    assert np.array_equal(energy_draws_kwh(measurement, Draws()), np.full(4096, 0.012))


def test_what_is_not_known_of_the_rest_is_not_drawn(make_measurement):
    """The total holds the known parts only; so do its draws, base power or not."""
    known = make_measurement(ram=0.0, other=None, base_kwh=0.004, models=WITHOUT_MODEL)
    assert np.array_equal(energy_draws_kwh(known, Draws()), np.full(4096, 0.012))


def test_the_rest_alone_is_drawn_whole(make_measurement):
    """Where no component was seen, nothing of the rest can follow one: all of it is base power."""
    measurement = make_measurement(cpu=None, gpu=0.0, ram=None, other=0.006, base_kwh=0.004)
    assert np.median(energy_draws_kwh(measurement, Draws())) == pytest.approx(0.006, rel=0.05)


def test_nothing_used_is_nothing_drawn(make_measurement):
    measurement = make_measurement(cpu=0.0, gpu=0.0, ram=0.0, other=0.0, base_kwh=0.0)
    assert np.array_equal(energy_draws_kwh(measurement, Draws()), np.zeros(4096))


@given(st.floats(1e-3, 1e3))
def test_draws_of_energy_are_linear(make_measurement, factor):
    once = energy_draws_kwh(make_measurement(), Draws())
    scaled = make_measurement(
        cpu=0.012 * factor, ram=0.002 * factor, other=0.006 * factor, base_kwh=0.004 * factor
    )
    assert np.allclose(energy_draws_kwh(scaled, Draws()), once * factor, rtol=1e-9, atol=0)


@given(cpu=kwh, gpu=kwh, ram=kwh, load_kwh=st.floats(0, 0.2), base_kwh=kwh)
def test_the_interval_of_any_run_holds_its_total(make_measurement, cpu, gpu, ram, load_kwh, base_kwh):
    other = load_kwh * (cpu + gpu + ram) + base_kwh
    measurement = make_measurement(cpu=cpu, gpu=gpu, ram=ram, other=other, base_kwh=base_kwh)
    low, high = interval_90(energy_draws_kwh(measurement, Draws()))
    assert low <= measurement.energy.total * (1 + 1e-9)
    assert high >= measurement.energy.total * (1 - 1e-9)
    assert low >= 0


def test_half_the_error_of_a_meter_is_common_to_all_machines(make_measurement):
    def cpu_on(machine_id):
        measurement = make_measurement(ram=0.0, other=None, base_kwh=0.0, machine_id=machine_id)
        return energy_draws_kwh(measurement, Draws())

    assert np.array_equal(cpu_on("a"), cpu_on("a"))
    assert correlation(cpu_on("a"), cpu_on("b")) == pytest.approx(0.5, abs=0.08)


def test_a_better_meter_gives_a_narrower_interval(make_measurement):
    def width(model):
        measurement = make_measurement(ram=0.0, other=None, models=WITHOUT_MODEL | {Component.CPU: model})
        low, high = interval_90(energy_draws_kwh(measurement, Draws()))
        return high - low

    assert width("rapl_intel") < width("rapl_amd") < width("rapl_intel_old") < width("cpu_tdp")


# DCiE


def test_an_exact_dcie_is_drawn_as_it_is():
    assert np.array_equal(dcie_draws(efficiency(1.0), "desk/NLD", Draws()), np.ones(4096))
    assert np.array_equal(dcie_draws(efficiency(0.8), "a-host", Draws()), np.full(4096, 0.8))


def test_a_stated_dcie_has_the_half_width_it_was_given():
    # 0.80 ± 5 %: 0.80 / 1.05 = 0.762 and 0.80 · 1.05 = 0.84
    drawn = dcie_draws(efficiency(0.80, 0.05), "a-host", Draws())
    assert np.median(drawn) == pytest.approx(0.80, rel=0.005)
    assert interval_90(drawn) == pytest.approx((0.762, 0.84), abs=0.004)


def test_the_default_is_drawn_around_the_worlds_average():
    # PUE − 1: median 0.56, sigma 0.5; 5th and 95th percentile: 0.56 · exp(∓1.645 · 0.5) = 0.246 and 1.275.
    pue = 1 / dcie_draws(default_efficiency(), "a-host", Draws())
    assert np.median(pue) == pytest.approx(1.56, rel=0.02)
    assert interval_90(pue) == pytest.approx((1.246, 2.275), rel=0.05)
    assert math.isclose(1 / default_efficiency().dcie, 1.56)


def test_the_default_is_drawn_for_each_host():
    one, other = (dcie_draws(default_efficiency(), host_id, Draws()) for host_id in ("a", "b"))
    assert abs(correlation(1 / one - 1, 1 / other - 1)) < 0.08
    assert np.array_equal(one, dcie_draws(default_efficiency(), "a", Draws()))


@given(st.floats(0.05, 1), st.floats(0, 0.5))
def test_no_draw_of_a_dcie_lies_outside_its_range(dcie, half_width):
    drawn = dcie_draws(efficiency(dcie, half_width), "a-host", Draws())
    assert np.all(drawn > 0)
    assert np.all(drawn <= 1)
    low, high = interval_90(drawn)
    assert low * (1 - 1e-9) <= dcie <= high * (1 + 1e-9)


@given(st.floats(0.05, 1), st.floats(0, 2))
def test_no_draw_of_a_default_lies_outside_its_range(dcie, sigma):
    drawn = dcie_draws(efficiency(dcie, excess_sigma=sigma), "a-host", Draws())
    assert np.all(drawn > 0)
    assert np.all(drawn <= 1)


# Intensity


def test_a_grid_has_the_half_width_it_was_given():
    # 270 ± 20 %: 270 / 1.2 = 225 and 270 · 1.2 = 324
    drawn = intensity_draws_g_per_kwh(intensity(270, 0.2), Draws())
    assert np.median(drawn) == pytest.approx(270, rel=0.01)
    assert interval_90(drawn) == pytest.approx((225, 324), rel=0.02)


def test_one_grid_is_one_input_wherever_it_is_used():
    one, other = (intensity_draws_g_per_kwh(grid_intensity("NLD", on_year=2026), Draws()) for _ in range(2))
    assert np.array_equal(one, other)


def test_two_grids_of_one_set_share_its_method():
    dutch, german, other_set = (
        intensity_draws_g_per_kwh(intensity(300, zone=zone, set_id=set_id), Draws())
        for zone, set_id in (("NLD", "ember"), ("DEU", "ember"), ("NLD", "nl-official"))
    )
    assert correlation(dutch, german) == pytest.approx(0.5, abs=0.08)
    assert correlation(dutch, other_set) == pytest.approx(0, abs=0.08)


def test_an_energy_source_is_one_input_of_its_own():
    """Wind is drawn once, for all mixes; and what is wrong with wind is not what is wrong with gas."""

    def mix(**shares):
        mixed = mix_intensity(shares, zone="a-host", year=2025, source=SOURCE)
        return intensity_draws_g_per_kwh(mixed, Draws())

    assert abs(correlation(mix(wind=1.0), mix(gas=1.0))) < 0.08
    # 0.5 · 13 + 0.5 · 486: half of each, with the draws of each
    assert mix(wind=0.5, gas=0.5) == pytest.approx(0.5 * mix(wind=1.0) + 0.5 * mix(gas=1.0))


def test_the_interval_of_a_mix_is_the_one_it_states():
    """Its half-width is put together as of independent sources; so are its draws."""
    mixed = mix_intensity({"gas": 0.6, "coal": 0.4}, zone="a-host", year=2025, source=SOURCE)
    _low, high = interval_90(intensity_draws_g_per_kwh(mixed, Draws()))
    assert high / mixed.g_per_kwh - 1 == pytest.approx(mixed.half_width_90, rel=0.1)


def test_what_is_sure_to_be_nothing_is_nothing():
    assert np.array_equal(intensity_draws_g_per_kwh(intensity(0.0), Draws()), np.zeros(4096))


@given(st.floats(0, 2000), st.floats(0, 1))
def test_the_interval_of_any_intensity_holds_its_figure(g_per_kwh, half_width):
    low, high = interval_90(intensity_draws_g_per_kwh(intensity(g_per_kwh, half_width), Draws()))
    assert low * (1 - 1e-9) <= g_per_kwh <= high * (1 + 1e-9)


def test_the_parts_of_an_intensity_are_drawn_each():
    part = intensity(100, 0.5).terms[0]
    of_two = intensity(200, 0.0, parts=(part, replace(part, key="contract/a-host/2025", half_width_90=0.0)))
    drawn = intensity_draws_g_per_kwh(of_two, Draws())
    assert drawn - 100 == pytest.approx(intensity_draws_g_per_kwh(intensity(100, 0.5), Draws()))


def test_a_modelled_share_of_a_gpu_widens_its_active_part_alone(make_measurement):
    # 3 kWh on the GPU, 2 of them active, of 4 that the board had: no meter, no machine around it.
    def drawn(**changes):
        nothing = dict.fromkeys(("cpu", "ram", "other"), 0.0)
        measurement = make_measurement(
            **nothing, gpu=3.0, base_kwh=0.0, models=WITHOUT_MODEL | {Component.GPU: "nvml"}
        )
        parts = {
            "active_energy": replace(measurement.energy, gpu=2.0),
            "machine_energy": replace(measurement.energy, gpu=6.0),
            "idle_energy": replace(measurement.energy, gpu=2.0),
        }
        return energy_draws_kwh(replace(measurement, **parts, **changes), Draws())

    meter = drawn() / 3.0
    shared = drawn(gpu_share_sigma=0.35) / meter
    assert np.median(shared) == pytest.approx(3.0, rel=0.02)
    assert shared.min() > 1.0  # the idle part stands
    assert shared.max() == pytest.approx(1.0 + 4.0)  # and no job has more than the board drew
    low, high = interval_90(shared)
    assert low == pytest.approx(1 + 2 * math.exp(-1.645 * 0.35), rel=0.03)
    assert high == pytest.approx(1 + 2 * math.exp(1.645 * 0.35), rel=0.03)


# The whole machine at its own input


@pytest.mark.parametrize(
    ("model", "sigma"), [("node_meter", 0.02), ("node_bmc", 0.06), ("node_profile", 0.2)]
)
def test_a_machine_known_at_its_input_is_drawn_as_a_whole(make_measurement, model, sigma):
    models = {
        Component.CPU: "rapl_amd",
        Component.RAM: "dram_per_gib",
        Component.GPU: None,
        Component.OTHER: model,
    }
    drawn = energy_draws_kwh(make_measurement(models=models), Draws())
    assert np.median(drawn) == pytest.approx(0.020, rel=0.02)
    assert float(np.std(np.log(drawn))) == pytest.approx(sigma, rel=0.1)
