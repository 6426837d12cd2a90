"""What a hardware profile changes in the model of a machine."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from carbonprint.hardware import Hardware, MachineKind
from carbonprint.hardware_profile import GpuProfile, HardwareProfile, MeterPlace, MeterSource, PowerAt
from carbonprint.measuring.attribution import Attribution, IdlePower
from carbonprint.measuring.detection import power_model
from carbonprint.measuring.intervals import Interval
from carbonprint.measuring.measurement import Component, ReservedShare, ShareFrom
from carbonprint.measuring.profiled import idle_powers_w, profile_caveats, profiled_model, unseen_gpus_w
from carbonprint.measuring.tally import Setup
from carbonprint.provenance import Basis, Source


def machine(kind=MachineKind.SERVER, **changes):
    known = {
        "cpu_name": "", "cpu_vendor": "", "cpu_family": None, "cpu_model": None, "n_sockets": 2, "n_cpus": 8,
        "memory_gib": 64.0,
    }  # fmt: skip
    return Hardware(kind=kind, **(known | changes))


def profile(**stated):
    return HardwareProfile(name="a node", origin="node.toml", **stated)


def test_without_a_profile_nothing_changes():
    assert profiled_model(machine(), None, 100.0) == power_model(machine(), 100.0)
    assert profiled_model(machine(), profile(n_threads=8), 100.0) == power_model(machine(), 100.0)


def test_watts_of_the_packages_replace_the_tdp():
    model = profiled_model(machine(), profile(power_at=PowerAt.PACKAGE, curve=((0, 40), (1, 300))), 100.0)
    assert (model.cpu_idle_w, model.cpu_full_w, model.cpu_curve) == (40, 300, ())
    assert (model.cpu_model, model.cpu_basis) == ("cpu_profile", Basis.GIVEN)
    bent = ((0, 40), (0.5, 250), (1, 300))
    assert profiled_model(machine(), profile(power_at=PowerAt.PACKAGE, curve=bent), None).cpu_curve == bent


def test_a_stated_tdp_wins_from_the_table_and_counts_for_every_socket():
    model = profiled_model(machine(), profile(tdp_w=150.0), 100.0)
    # 2 · 150 W · 0.10 and 0.85
    assert (model.cpu_idle_w, model.cpu_full_w) == (pytest.approx(30), pytest.approx(255))
    assert model.cpu_basis is Basis.MODELLED
    assert profiled_model(machine(), profile(tdp_w=150.0, n_sockets=1), None).cpu_idle_w == pytest.approx(15)


def test_watts_at_the_wall_leave_the_cpu_to_its_model():
    model = profiled_model(machine(), profile(power_at=PowerAt.WALL, curve=((0, 150), (1, 500))), 100.0)
    assert model.node_curve == ((0, 150), (1, 500))
    assert (model.cpu_model, model.cpu_idle_w) == ("cpu_tdp", pytest.approx(20))


def test_a_virtual_machine_takes_its_part_of_the_physical_one():
    virtual = machine(MachineKind.VIRTUAL, n_cpus=8, n_sockets=1)
    stated = profile(
        host_threads=64, power_at=PowerAt.PACKAGE, curve=((0, 60), (0.5, 200), (1, 300)), base_w=80.0, memory_gib=512.0
    )  # fmt: skip
    model = profiled_model(virtual, stated, None)
    assert (model.cpu_idle_w, model.cpu_full_w) == (7.5, 37.5)
    assert model.cpu_curve == ((0, 7.5), (0.5, 25), (1, 37.5))
    assert model.base_w == 10
    assert model.ram_w == pytest.approx(512 * 0.15 / 8)
    assert model.other_basis is Basis.GIVEN


def test_a_known_part_makes_the_tdp_of_a_virtual_machine_worth_something():
    virtual = machine(MachineKind.VIRTUAL, n_cpus=8, n_sockets=1)
    model = profiled_model(virtual, profile(virtual_share=0.125, n_sockets=2), 200.0)
    # 2 · 200 W · 0.10 / 8 and · 0.85 / 8; the base power of a server / 8; its own 64 GiB are all its own
    assert (model.cpu_idle_w, model.cpu_full_w) == (pytest.approx(5), pytest.approx(42.5))
    assert model.cpu_basis is Basis.MODELLED
    assert model.base_w == pytest.approx(50 / 8)
    assert model.ram_w == pytest.approx(64 * 0.15)
    assert model.other_basis is Basis.MODELLED
    assert power_model(virtual, 200.0).cpu_basis is Basis.DEFAULT


def test_memory_base_and_power_supply():
    model = profiled_model(machine(), profile(memory_w=33.0, base_w=70.0, psu_efficiency=0.8), 100.0)
    assert (model.ram_w, model.ram_model, model.ram_basis) == (33, "ram_profile", Basis.GIVEN)
    assert (model.base_w, model.base_sigma, model.other_basis) == (70, 0.2, Basis.GIVEN)
    # 1.12 · 0.92 / 0.8 − 1
    assert model.other_fraction == pytest.approx(0.288)
    lossy = profiled_model(machine(), profile(base_w=70.0, psu_loss_w=15.0), 100.0)
    assert lossy.base_w == 85
    assert lossy.other_fraction == pytest.approx(1.12 * 0.92 - 1)
    assert profiled_model(machine(), profile(memory_gib=128.0), 100.0).ram_w == pytest.approx(128 * 0.15)


def test_idle_power_that_is_stated():
    gpus = (GpuProfile(name="L40S", count=2, idle_w=33.0),)
    meter = MeterSource(place=MeterPlace.WALL, unit="W", idle_w=210.0)
    stated = profile(power_at=PowerAt.PACKAGE, curve=((0, 40), (1, 300)), gpus=gpus, meter=meter)
    names = ("NVIDIA L40S", "NVIDIA T4")
    assert idle_powers_w(machine(), stated, names) == {"cpu": 40, "gpu0": 33, "node": 210}
    assert idle_powers_w(machine(), profile(power_at=PowerAt.WALL, curve=((0, 150), (1, 500))), ()) == {
        "node": 150
    }
    assert idle_powers_w(machine(), None, names) == {}
    assert unseen_gpus_w(stated, ()) == 66
    assert unseen_gpus_w(stated, names) == 0


def test_a_profile_of_another_machine_is_told():
    (caveat,) = profile_caveats(machine(), profile(n_sockets=1, n_threads=16, n_cores=4), (), n_cores=4)
    assert caveat.code == "profile-misfit"
    assert "2 sockets, not 1" in caveat.text
    assert "8 threads, not 16" in caveat.text
    assert "cores" not in caveat.text
    assert profile_caveats(machine(), profile(n_sockets=2, n_threads=8), ()) == []
    assert profile_caveats(machine(), profile(n_threads=64, virtual_share=0.1), ()) == []
    (unseen,) = profile_caveats(machine(), profile(gpus=(GpuProfile(name="A", count=2, idle_w=1.0),)), ())
    assert unseen.code == "gpus-not-seen"


def test_gpus_that_no_driver_shows_draw_their_idle_power():
    model = replace(power_model(machine(), 100.0), unseen_gpus_w=66.0)
    half = ReservedShare(cpu=1.0, ram=1.0, gpu=0.5, origin=ShareFrom.OPTION)
    part = Interval(duration_s=10, busy_cpu_s=0, job_cpu_s=0, meter_cpu_s=0)
    split = Attribution(model, IdlePower(cpu_w=0, ram_w=0), half, 8).split(part)
    gpu = Component.GPU
    assert (split.machine[gpu], split.idle[gpu], split.job_idle[gpu], split.job_active[gpu]) == (
        660,
        660,
        330,
        0,
    )


def test_a_setup_with_a_profile_comes_back_from_its_journal():
    curve = ((0.0, 40.0), (0.5, 200.0), (1.0, 300.0))
    stated = profile(power_at=PowerAt.PACKAGE, curve=curve, memory_w=33.0, base_w=70.0)
    setup = Setup(
        hardware=machine(),
        model=profiled_model(machine(), stated, None),
        reserved=ReservedShare(cpu=1.0, ram=1.0, gpu=None, origin=ShareFrom.MACHINE),
        idle_w={"cpu": 40.0, "node": 200.0},
        node_model="node_bmc",
        profile="a node (node.toml)",
        profile_sources=(("power", Source(title="wattmeter", year=2026)),),
    )
    assert Setup.from_dict(json.loads(json.dumps(setup.as_dict()))) == setup
