"""The report on a machine, its JSON, and the profile to start from."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from carbonprint.hardware import Hardware, MachineKind
from carbonprint.hardware_file import read_hardware_file
from carbonprint.measuring.calibration import Calibration
from carbonprint.measuring.measurement import Component, ReservedShare, ShareFrom
from carbonprint.measuring.remedies import Remedy
from carbonprint.measuring.survey import ComponentMeter, Survey
from carbonprint.provenance import Basis, Caveat
from carbonprint.reference.power import model_names
from carbonprint.reporting import hardware_words
from carbonprint.reporting.hardware_json import calibration_json, hardware_json
from carbonprint.reporting.hardware_report import calibration_lines, hardware_lines
from carbonprint.reporting.paragraphs import WIDTH
from carbonprint.reporting.profile_template import profile_template

SERVER = Hardware(
    kind=MachineKind.SERVER, cpu_name="AMD EPYC 7763 64-Core Processor", cpu_vendor="AuthenticAMD", cpu_family=25,
    cpu_model=1, n_sockets=2, n_cpus=256, memory_gib=503.4,
)  # fmt: skip


def meter(component, model, basis, power_w=12.345, idle_w=None):
    return ComponentMeter(component=component, model=model, basis=basis, power_w=power_w, idle_w=idle_w)


SURVEY = Survey(
    hardware=SERVER,
    names={"cpu": SERVER.cpu_name, "product": "PowerEdge R7525", "hostname": "node-7"},
    n_cores=128,
    gpu_names=("NVIDIA L40S", "NVIDIA L40S"),
    in_container=False,
    reserved=ReservedShare(cpu=0.25, ram=1.0, gpu=1.0, origin=ShareFrom.SLURM),
    components=(
        meter(Component.CPU, "rapl_amd", Basis.COUNTED, idle_w=90.0),
        meter(Component.GPU, "nvml", Basis.COUNTED),
        meter(Component.RAM, None, None, None),
        meter(Component.OTHER, "other", Basis.MODELLED),
    ),
    power_w=321.4,
    profile=None,
    remedies=(
        Remedy(code="idle-unknown", lines=("carbonprint hardware calibrate",)),
        Remedy(code="sensor-not-used", lines=("carbonprint hardware profile > node.toml",), values={"path": "/sys/x"}),
    ),
    sensors=(Path("/sys/class/hwmon/hwmon1/power1_average"),),
    has_ipmi=True,
    caveats=(Caveat(code="profile-misfit", text="It may be another machine."),),
)  # fmt: skip

VIRTUAL = replace(
    SURVEY, hardware=replace(SERVER, kind=MachineKind.VIRTUAL, n_cpus=4), gpu_names=(), sensors=(), in_container=True
)  # fmt: skip


def test_the_report_says_what_measures_each_part_and_what_mends_what_is_missing():
    text = "\n".join(hardware_lines(SURVEY))
    for part in (
        "server", "sockets: 2, cores: 128, threads: 256", "503.4 GiB", "NVIDIA L40S, NVIDIA L40S",
        "CPU 25%, memory 100%, GPU 100% (by Slurm's allocation)",
        "counted: RAPL energy counters of the CPU, modelled", "12.3 W", "90 W idle", "not there, or not known",
        "\n      carbonprint hardware calibrate\n", "(/sys/x)", "321 W just now", "It may be another machine.",
    ):  # fmt: skip
        assert part in text
    assert "what a virtual machine cannot see" not in text
    # exp(1.645 · 0.12) = 1.218
    assert "90 %: 0.821 to 1.22 times what it says" in " ".join(text.split())


def test_a_virtual_machine_is_told_what_it_cannot_see():
    text = "\n".join(hardware_lines(VIRTUAL))
    assert "virtual machine, in a container" in text
    assert "the hypervisor keeps them" in text


@pytest.mark.parametrize("language", ["en", "nl"])
def test_what_is_no_line_to_copy_fits_the_terminal(language):
    for survey in (SURVEY, VIRTUAL):
        assert [line for line in hardware_lines(survey, language) if len(line) > WIDTH] == []


def test_the_report_in_dutch():
    text = "\n".join(hardware_lines(VIRTUAL, "nl"))
    assert "virtuele machine, in een container" in text
    assert "wat een virtuele machine niet kan zien" in text
    assert "503,4 GiB" in text


def test_every_meter_and_model_has_words():
    unchanged = str
    for model in (*model_names(), "other"):
        assert hardware_words.meter_words(model, unchanged) != model


def test_the_report_as_json():
    content = json.loads(hardware_json(VIRTUAL))
    assert content["kind"] == "virtual"
    assert content["components"]["cpu"]["quality"] == "counted"
    assert content["components"]["cpu"]["sigma"] == 0.12
    assert content["components"]["ram"]["model"] is None
    assert content["missing"][0]["lines"] == ["carbonprint hardware calibrate"]
    assert len(content["not_visible"]) == 4
    assert json.loads(hardware_json(SURVEY))["not_visible"] == []


def test_a_calibration_in_words_and_as_json():
    found = Calibration(idle_w={"cpu": 45.5, "gpu1": 20.0, "node": 140.0}, duration_s=30.0, busy_share=0.012)
    lines = calibration_lines(found)
    assert lines[0].startswith("idle power over 30 s, 1.2% of the machine busy")
    assert [line.split() for line in lines[1:]] == [
        ["CPU", "45.5", "W"], ["GPU", "1", "20", "W"], ["whole", "machine", "140", "W"],
    ]  # fmt: skip
    assert json.loads(calibration_json(found))["idle_w"] == found.idle_w


@pytest.mark.parametrize(
    "survey", [SURVEY, VIRTUAL, replace(SURVEY, sensors=()), replace(SURVEY, gpu_names=())]
)
def test_the_profile_to_start_from_can_be_read_as_it_is(tmp_path, survey):
    path = tmp_path / "node.toml"
    path.write_text(profile_template(survey, "~/.config/carbonprint/hardware"))
    profile = read_hardware_file(path)
    assert profile.match.fits(**survey.names)
    if survey.hardware.kind is MachineKind.VIRTUAL:
        assert profile.n_threads is None
    else:
        assert (profile.n_sockets, profile.n_cores, profile.n_threads) == (2, 128, 256)
    assert (profile.meter is not None) == bool(survey.sensors)


def test_every_line_of_the_template_can_be_made_one_that_counts(tmp_path):
    """With the comment signs removed from its examples, all tables together are a profile without faults."""
    text = profile_template(replace(SURVEY, sensors=()), "folder")
    tables = re.compile(r"# (\[+\w+\]+$|[a-z_]+ = )")
    lines = [line.removeprefix("# ") if tables.match(line) else line for line in text.splitlines()]
    other_ways = ("curve =", 'at = "wall"')  # besides idle_w and full_w, and [base]
    kept = "\n".join(line for line in lines if not line.startswith(other_ways))
    (tmp_path / "node.toml").write_text(kept.replace("[power]", '[power]\nat = "package"'))
    profile = read_hardware_file(tmp_path / "node.toml")
    assert profile.tdp_w == 205
    assert profile.meter.command == ("ipmitool", "dcmi", "power", "reading")
    assert profile.base_w == 60
