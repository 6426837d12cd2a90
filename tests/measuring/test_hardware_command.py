"""``carbonprint hardware``: the report, the calibration and the profile, on the machine of the tests."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from powercap_tree import TWO_PACKAGES, tree_in_memory, writing

from carbonprint.cli.root import root
from carbonprint.measuring import calibration, idle_power, survey
from carbonprint.measuring.intervals import GpuUse, Interval


@pytest.fixture
def quiet(monkeypatch):
    """A machine on which nothing happens, whoever else uses it."""
    for module in (survey, calibration):
        monkeypatch.setattr(module, "busy_cpu_seconds", lambda: 5.0, raising=False)


@contextmanager
def moving_tree():
    """A powercap tree whose writer is at work."""
    with tree_in_memory(TWO_PACKAGES) as tree, writing(tree):
        counter = tree.root / TWO_PACKAGES[0].folder / "energy_uj"
        before, deadline = counter.read_text(), time.monotonic() + 10
        while counter.read_text() in {before, ""} and time.monotonic() < deadline:
            time.sleep(0.01)
        yield tree


def invoke(*words):
    return CliRunner().invoke(root, ["hardware", *words], prog_name="carbonprint")


def test_the_report_on_this_machine():
    text = invoke()
    assert text.exit_code == 0, text.output
    assert text.output.startswith("this machine:")
    content = json.loads(invoke("--format", "json").output)
    assert content["schema"] == "carbonprint/hardware-survey/1"
    assert content["threads"] >= 1
    assert set(content["components"]) == {"cpu", "gpu", "ram", "other"}
    assert invoke("--lang", "nl").output.startswith("deze machine:")


def test_counters_and_a_meter_are_seen(monkeypatch, tmp_path):
    (tmp_path / "power").write_text("400")
    profile = tmp_path / "node.toml"
    profile.write_text("[meter]\nat = 'pdu'\nunit = 'W'\nfile = 'power'\n")
    with moving_tree() as tree:
        monkeypatch.setenv("CARBONPRINT_POWERCAP_DIR", str(tree.root))
        content = json.loads(invoke("--hardware", str(profile), "--format", "json").output)
    components = content["components"]
    assert [components[name]["quality"] for name in ("cpu", "ram", "other")] == ["counted"] * 3
    assert components["cpu"]["power_w"] == pytest.approx(135, rel=0.2)
    assert content["power_w"] == pytest.approx(400, rel=0.01)
    assert content["profile"] == {"name": "node", "file": str(profile)}
    assert "idle-unknown" in {each["code"] for each in content["missing"]}


def test_a_profile_with_faults_is_told(tmp_path):
    (tmp_path / "node.toml").write_text("[cpu]\ntdp_w = -1\n")
    result = invoke("--hardware", str(tmp_path / "node.toml"))
    assert result.exit_code == 2
    assert "cpu.tdp_w: must be above 0, found -1" in result.output


@pytest.mark.usefixtures("quiet")
def test_a_calibration_is_what_runs_read(monkeypatch):
    with moving_tree() as tree:
        monkeypatch.setenv("CARBONPRINT_POWERCAP_DIR", str(tree.root))
        result = invoke("calibrate", "--seconds", "1", "--format", "json")
        assert result.exit_code == 0, result.output
        found = json.loads(result.output)
        # 55 + 80 W of the packages, 7 + 9 W of the memory
        assert found["idle_w"]["cpu"] == pytest.approx(135, rel=0.1)
        assert found["idle_w"]["ram"] == pytest.approx(16, rel=0.1)
        assert found["busy_share"] == 0
        assert idle_power.read_idle_w(tree.root) == pytest.approx(found["idle_w"])
        content = json.loads(invoke("--format", "json").output)
    assert content["components"]["cpu"]["idle_w"] == pytest.approx(found["idle_w"]["cpu"])
    assert "idle-unknown" not in {each["code"] for each in content["missing"]}


def test_without_counters_one_sentence_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("CARBONPRINT_POWERCAP_DIR", str(tmp_path))
    result = invoke("calibrate")
    assert result.exit_code == 1
    assert "there is no counter or meter that could be read" in result.output
    assert idle_power.read_idle_w() == {}


def test_counters_that_stand_still_calibrate_nothing(monkeypatch, quiet):
    with tree_in_memory(TWO_PACKAGES) as tree:
        monkeypatch.setenv("CARBONPRINT_POWERCAP_DIR", str(tree.root))
        result = invoke("calibrate", "--seconds", "1")
    assert result.exit_code == 1
    assert "stand still" in result.output


def test_a_machine_that_does_not_become_quiet(monkeypatch):
    clock = iter(range(0, 100_000, 50))
    monkeypatch.setattr(survey, "busy_cpu_seconds", lambda: float(next(clock)))
    with moving_tree() as tree:
        monkeypatch.setenv("CARBONPRINT_POWERCAP_DIR", str(tree.root))
        result = invoke("calibrate", "--seconds", "1", "--patience", "0")
    assert result.exit_code == 1
    assert "the machine did not become quiet within 0 s (100% of it was busy" in result.output
    assert idle_power.read_idle_w() == {}


def test_the_profile_to_start_from_holds_on_this_machine(tmp_path):
    result = invoke("profile")
    assert result.exit_code == 0
    (tmp_path / "node.toml").write_text(result.output)
    content = json.loads(invoke("--hardware", str(tmp_path / "node.toml"), "--format", "json").output)
    assert content["profile"]["file"] == str(tmp_path / "node.toml")
    assert "profile-misfit" not in {each["code"] for each in content["caveats"]}


def test_idle_power_is_the_mean_over_what_was_seen_throughout():
    def interval(cpu_j, ram_j, *gpus_j, still=frozenset()):
        return Interval(
            duration_s=2, busy_cpu_s=0, job_cpu_s=0, meter_cpu_s=0, cpu_counted_j=cpu_j, ram_counted_j=ram_j,
            gpus=tuple(GpuUse(energy_j=each, utilisation=0.0) for each in gpus_j), still=still,
        )  # fmt: skip

    found = calibration.idle_powers_w([interval(80.0, 10.0, 60.0, None), interval(120.0, None, 40.0, None)])
    assert found == {"cpu": 50, "gpu0": 20}
    assert calibration.idle_powers_w([interval(80.0, 10.0, still=frozenset({"ram"}))]) == {"cpu": 40}
