"""Hardware profiles as files: what they may hold, and that every fault is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from carbonprint.errors import DocumentError
from carbonprint.hardware import Hardware, MachineKind, power_on_curve_w
from carbonprint.hardware_file import MeterTable, read_hardware_file
from carbonprint.hardware_profile import (
    ENERGY_UNITS_J,
    POWER_UNITS_W,
    GpuProfile,
    Match,
    MeterPlace,
    MeterSource,
    PowerAt,
)
from carbonprint.provenance import Source

EXAMPLES = Path(__file__).parents[1] / "configs" / "hardware"

FULL = """
schema = "carbonprint/hardware/1"
name = "Rack 12"
kind = "server"
notes = ["Firmware 2.1."]

[match]
cpu = "*Xeon*6330*"
hostname = "node-*"

[cpu]
name = "Intel(R) Xeon(R) Gold 6330 CPU @ 2.00GHz"
tdp_w = 205
sockets = 2
cores = 56
threads = 112
source = "data sheet"
year = 2021

[power]
at = "package"
curve = [{ load = 0, power_w = 90 }, { load = 0.5, power_w = 300 }, { load = 1, power_w = 410 }]

[memory]
size_gib = 512
power_w = 40.5

[[gpus]]
name = "L40S"
count = 2
idle_w = 33

[base]
power_w = 85
source = "wattmeter less counters"
year = 2026

[psu]
efficiency = 0.94

[meter]
at = "bmc"
file = "power"
unit = "mW"
key = "node_power"
idle_w = 240
"""


def write(tmp_path, text, name="node.toml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def faults_of(tmp_path, text):
    with pytest.raises(DocumentError) as caught:
        read_hardware_file(write(tmp_path, text))
    assert caught.value.exit_code == 2
    return list(caught.value.faults)


def test_everything_that_a_profile_can_hold(tmp_path):
    profile = read_hardware_file(write(tmp_path, FULL))
    assert (profile.name, profile.kind, profile.notes) == ("Rack 12", MachineKind.SERVER, ("Firmware 2.1.",))
    assert profile.match == Match(cpu="*Xeon*6330*", hostname="node-*")
    assert (profile.tdp_w, profile.n_sockets, profile.n_cores, profile.n_threads) == (205, 2, 56, 112)
    assert profile.power_at is PowerAt.PACKAGE
    assert profile.curve == ((0, 90), (0.5, 300), (1, 410))
    assert (profile.memory_gib, profile.memory_w, profile.base_w) == (512, 40.5, 85)
    assert profile.gpus == (GpuProfile(name="L40S", count=2, idle_w=33),)
    assert (profile.psu_efficiency, profile.psu_loss_w) == (0.94, None)
    assert profile.meter == MeterSource(
        place=MeterPlace.BMC, unit="mW", file=tmp_path / "power", key="node_power", idle_w=240
    )
    assert profile.sources == (
        ("cpu", Source(title="data sheet", year=2021)),
        ("base", Source(title="wattmeter less counters", year=2026)),
    )


def test_a_profile_of_two_lines(tmp_path):
    profile = read_hardware_file(write(tmp_path, "[power]\nat = 'wall'\nidle_w = 100\nfull_w = 400\n"))
    assert (profile.name, profile.curve) == ("node", ((0, 100), (1, 400)))
    # 100 + 0.25 · 300
    assert power_on_curve_w(profile.curve, 0.25) == 175
    assert [power_on_curve_w(profile.curve, load) for load in (-1, 0, 1, 2)] == [100, 100, 400, 400]


def test_the_units_of_a_meter_are_those_that_can_be_converted():
    assert set(MeterTable.model_fields["unit"].annotation.__args__) == {*POWER_UNITS_W, *ENERGY_UNITS_J}


def test_every_fault_is_told_at_once(tmp_path):
    text = """
kind = "toaster"
[cpu]
tdp_w = -5
threads = 8.5
[power]
at = "package"
idle_w = 300
full_w = 100
[virtual]
share = 1.5
[psu]
loss_w = 10
[meter]
at = "wall"
unit = "V"
file = "x"
colour = "red"
"""
    faults = "\n".join(faults_of(tmp_path, text))
    for part in (
        'kind: must be one of', 'found "toaster"', "cpu.tdp_w: must be above 0, found -5",
        "cpu.threads: must be a whole number, found 8.5",
        "power: power must not fall with load, found 300 and then 100",
        "virtual.share: must be at most 1, found 1.5", 'meter.unit: must be', 'found "V"',
        "meter.colour: is no known key", "meter: of a physical machine", "psu.loss_w: needs base.power_w",
    ):  # fmt: skip
        assert part in faults


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "states nothing of a machine"),
        ("name = 'x'\n[match]\ncpu = '*'\n", "states nothing of a machine"),
        ("[match]\n[base]\npower_w = 1\n", "match: must hold cpu, product or hostname"),
        ("[power]\nat = 'wall'\nidle_w = 5\n", "power: must hold idle_w and full_w, or a curve"),
        ("[power]\nat = 'roof'\nidle_w = 5\nfull_w = 6\n", "power.at: must be one of"),
        (
            "[power]\nat = 'wall'\ncurve = [{load = 0.1, power_w = 1}, {load = 1, power_w = 2}]\n",
            "power: curve must begin at load = 0 and end at load = 1",
        ),
        (
            "power.at = 'wall'\npower.curve = [{load = 0, power_w = 1}, {load = 0, power_w = 1}]",
            "power: curve must begin at load = 0 and end at load = 1",
        ),
        (
            "[power]\nat = 'wall'\ncurve = [{load=0, power_w=1}, {load=0, power_w=1}, {load=1, power_w=2}]\n",
            "power: curve must have rising loads, found 0 and then 0",
        ),
        ("[virtual]\nshare = 0.5\nhost_threads = 64\n", "virtual: must hold share or host_threads, one of them"),
        ("[cpu]\nsockets = 4\nthreads = 2\n", "cpu: sockets must be at most threads, found 4 and 2"),
        ("[meter]\nat = 'pdu'\nunit = 'W'\n", "meter: must hold file or command, one of them"),
        (
            "[meter]\nat = 'pdu'\nunit = 'W'\nfile = 'x'\npattern = '('\n",
            "meter: pattern is no regular expression",
        ),
        (
            "[meter]\nat = 'pdu'\nunit = 'W'\nfile = 'x'\npattern = 'a'\n",
            "meter: pattern must have one group, the number, found 0",
        ),
        (
            "[meter]\nat = 'pdu'\nunit = 'W'\nfile = 'x'\nwraps_at = 5\n",
            "meter: wraps_at belongs to a counter of energy",
        ),
        ("[power]\nat = 'wall'\nidle_w = 1\nfull_w = 2\n[base]\npower_w = 3\n", "base: the watts of power at the wall"),
        ("[power]\nat = 'wall'\nidle_w = nan\nfull_w = 2\n", "power.idle_w: must be"),
        ("power = 5\n", "power: must be a table"),
        ("[cpu\n", "this is not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, fault):
    (only,) = faults_of(tmp_path, text)
    assert fault in only


def test_a_match_takes_any_text_for_a_star_and_capitals_for_small_letters():
    match = Match(cpu="*epyc 7763*", product="PowerEdge*")
    assert match.n_conditions == 2
    assert match.fits(cpu="AMD EPYC 7763 64-Core", product="PowerEdge R7525", hostname="anything")
    assert not match.fits(cpu="AMD EPYC 7763 64-Core", product="ProLiant", hostname="anything")


def test_the_part_of_a_machine_that_a_virtual_one_holds(tmp_path):
    hardware = Hardware(
        kind=MachineKind.VIRTUAL, cpu_name="", cpu_vendor="", cpu_family=None, cpu_model=None, n_sockets=1,
        n_cpus=8, memory_gib=32.0,
    )  # fmt: skip
    by_threads = read_hardware_file(write(tmp_path, "[virtual]\nhost_threads = 64\n"))
    assert by_threads.part_of_machine(hardware) == 8 / 64
    assert read_hardware_file(write(tmp_path, "[virtual]\nshare = 0.3\n")).part_of_machine(hardware) == 0.3
    assert read_hardware_file(write(tmp_path, "[base]\npower_w = 3\n")).part_of_machine(hardware) == 1


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_can_be_read(path):
    assert read_hardware_file(path).origin == str(path)
    assert len(list(EXAMPLES.glob("*.toml"))) >= 3
