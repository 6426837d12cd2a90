"""A meter at the machine's input: against a known truth, and whatever it does, the job does not notice."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from powercap_tree import Domain, tree_in_memory, writing
from test_known_truth import JOULES_PER_KWH, measured_beside_the_writer, run_record, span
from wrapped import Wrapper

from carbonprint.hardware_profile import MeterPlace, MeterSource
from carbonprint.measuring.node_meter import NodeMeter

NODE = Domain("node", "node", 420.0, start_uj=900_000_000, range_uj=1_000_000_000)
"""A counter of 420 W, which wraps around every 2.4 s."""

METER = """
[meter]
at = "wall"
file = "{root}/node/energy_uj"
unit = "uJ"
wraps_at = 1e9
"""


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


def total_j(record, name="machine_energy_kwh"):
    return record["measurement"][name]["total"] * JOULES_PER_KWH


@pytest.mark.parametrize("job_s", ["0.05", "0.5", "3"])
def test_the_machine_is_within_one_percent_of_its_meter(job_s, tmp_path, monkeypatch):
    with tree_in_memory([NODE]) as tree:
        profile = tmp_path / "node.toml"
        profile.write_text(METER.format(root=tree.root))
        monkeypatch.setenv("CARBONPRINT_HARDWARE", str(profile))
        record, log = measured_beside_the_writer(tree, str(tmp_path), ["sleep", job_s])
    measurement = record["measurement"]
    assert total_j(record) == pytest.approx(log.energy_j("node", *span(record)), rel=0.01)
    assert measurement["quality"]["other"] == "counted"
    assert measurement["model"]["other"] == "node_meter"
    assert measurement["hardware_profile"] == f"node ({profile})"
    parts = ("idle_energy_kwh", "active_energy_kwh", "rest_energy_kwh")
    known_j = sum(total_j(record, part) for part in parts)
    known_j += measurement["meter_energy_kwh"] * JOULES_PER_KWH
    assert known_j == pytest.approx(total_j(record), rel=1e-9)
    low, high = record["footprint"]["emissions_kg_90"]["location_based"]
    assert low < record["footprint"]["emissions_kg"]["location_based"] < high


def test_a_power_in_a_file_that_a_matching_profile_names(wrapper, tmp_path):
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "carbonprint" / "hardware"
    folder.mkdir(parents=True)
    (tmp_path / "power").write_text("0.25 kW\n")
    (folder / "mine.toml").write_text(
        f"[match]\ncpu = '*'\n[meter]\nat = 'bmc'\nunit = 'kW'\nfile = '{tmp_path}/power'\n"
    )
    (folder / "other.toml").write_text("[match]\nhostname = 'nowhere'\n[base]\npower_w = 5\n")
    (folder / "wrong.toml").write_text("[base]\npower_w = -5\n")
    wrapper.run("--interval", "0.2", "--", "sleep", "2")
    record = wrapper.record()
    # Of the first moments, before it was found, the model stands for it.
    assert total_j(record) == pytest.approx(250 * record["duration_s"], rel=0.6)
    assert record["measurement"]["model"]["other"] == "node_bmc"
    assert record["measurement"]["hardware_profile"].startswith("mine (")
    texts = {caveat["code"]: caveat["text"] for caveat in record["caveats"]}
    assert "wrong.toml: base.power_w: must be at least 0, found -5" in texts["profile-not-used"]


def test_a_meter_that_cannot_be_read_leaves_the_model_and_says_so(wrapper):
    (wrapper.folder / "node.toml").write_text("[meter]\nat = 'wall'\nunit = 'W'\nfile = 'missing'\n")
    done = wrapper.run("--hardware", "node.toml", "--", "sh", "-c", "echo out; sleep 0.3; exit 7")
    assert (done.returncode, done.stdout) == (7, b"out\n")
    record = wrapper.record()
    assert record["measurement"]["quality"]["other"] in {"default", "modelled"}
    assert "node-meter-not-used" in {caveat["code"] for caveat in record["caveats"]}


def test_a_counter_in_another_unit_is_refused(tmp_path, monkeypatch):
    domains = [
        Domain("intel-rapl/intel-rapl:0", "package-0", 100.0),
        Domain("node", "node", 0.3),  # kilojoules taken for joules
    ]
    with tree_in_memory(domains) as tree:
        profile = tmp_path / "node.toml"
        profile.write_text(METER.format(root=tree.root))
        monkeypatch.setenv("CARBONPRINT_HARDWARE", str(profile))
        with writing(tree):
            time.sleep(0.1)
            record = run_record(tree, str(tmp_path), ["sleep", "0.5"])
    assert record["measurement"]["quality"]["cpu"] == "counted"
    assert record["measurement"]["quality"]["other"] != "counted"
    (text,) = [each["text"] for each in record["caveats"] if each["code"] == "node-meter-not-used"]
    assert "check its unit" in text


# A meter that a command reads

COMMAND = """
[meter]
at = "pdu"
unit = "W"
key = "Power"
command = [{python!r}, "-c", "print('Power: 300 Watts'); n = 0\\nwhile n < 10**6: n += 1"]
"""


def test_a_command_is_run_beside_the_job_and_its_work_is_none_of_the_jobs(wrapper):
    (wrapper.folder / "node.toml").write_text(COMMAND.format(python=sys.executable))
    done = wrapper.run(
        "--hardware",
        "node.toml",
        "--interval",
        "0.2",
        "--",
        "sh",
        "-c",
        "sleep 2.5; ps -e -o ppid=,args= | cat >&1",
    )
    assert done.returncode == 0
    record = wrapper.record()
    assert record["measurement"]["quality"]["other"] == "counted"
    assert record["measurement"]["model"]["other"] == "node_meter"
    assert total_j(record) == pytest.approx(300 * record["duration_s"], rel=0.6)
    assert record["measurement"]["cpu_s"] < 0.5  # the command used more, again and again
    assert children_of_meters() == []


def test_the_child_ends_when_the_wrapper_is_killed(wrapper):
    (wrapper.folder / "node.toml").write_text(COMMAND.format(python=sys.executable))
    command = ["sh", "-c", "echo $$; exec sleep 30"]
    with wrapper.start("--hardware", "node.toml", "--", *command) as run:
        job = int(run.stdout.readline())
        deadline = time.monotonic() + 20
        while not children_of_meters() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert children_of_meters()
        run.send_signal(signal.SIGKILL)
        os.kill(job, signal.SIGKILL)
        while children_of_meters() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert children_of_meters() == []


def test_a_command_that_only_a_host_file_names_is_not_run(wrapper):
    (wrapper.folder / "node.toml").write_text(
        "[base]\npower_w = 11\n[meter]\nat = 'pdu'\nunit = 'W'\ncommand = ['touch', '/tmp/carbonprint-never']\n"
    )
    (wrapper.folder / "site.toml").write_text('name = "Site"\ncountry = "NLD"\nhardware = "node.toml"\n')
    assert wrapper.run("--host", "site.toml", "--", "sleep", "0.5").returncode == 0
    record = wrapper.record()
    assert "meter-command-not-run" in {caveat["code"] for caveat in record["caveats"]}
    assert record["measurement"]["quality"]["other"] == "given"
    assert not os.path.exists("/tmp/carbonprint-never")


def test_a_profile_with_faults_ends_the_wrapper_before_the_command_starts(wrapper):
    (wrapper.folder / "node.toml").write_text("[power]\nat = 'wall'\nidle_w = 300\nfull_w = 100\n")
    done = wrapper.run("--hardware", "node.toml", "--", "touch", "started")
    assert done.returncode == 2
    assert b"node.toml: power: power must not fall with load, found 300 and then 100" in done.stderr
    assert not (wrapper.folder / "started").exists()


def test_the_watts_of_a_profile_are_given(wrapper):
    (wrapper.folder / "node.toml").write_text(
        "[power]\nat = 'package'\nidle_w = 30\nfull_w = 90\nsource = 'wattmeter'\nyear = 2026\n"
    )
    wrapper.run("--hardware", "node.toml", "--", "sleep", "0.3")
    record = wrapper.record()
    measurement = record["measurement"]
    assert (measurement["kind"], measurement["model"]["cpu"]) == ("given", "cpu_profile")
    idle_w = measurement["idle_energy_kwh"]["cpu"] * JOULES_PER_KWH / record["duration_s"]
    assert idle_w == pytest.approx(30)
    assert {"figure": "hardware_power", "title": "wattmeter", "year": 2026} in record["sources"]


def children_of_meters():
    """Process ids of what runs meters' commands."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.endswith(b"meter_child.py") for word in words):
            found.append(int(path.parent.name))
    return found


# The reader itself


def test_a_file_that_hangs_does_not_hold_up_the_loop(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    meter = NodeMeter(MeterSource(place=MeterPlace.WALL, unit="W", file=tmp_path / "pipe"))
    meter.start()
    assert meter.energy_j(time.monotonic() - 1, time.monotonic()) is None
    meter.close()


def test_the_reader_reads_what_stands_in_the_file_now(tmp_path):
    path = tmp_path / "meter"
    path.write_text("1000")
    meter = NodeMeter(MeterSource(place=MeterPlace.WALL, unit="J", file=path))
    begun_s = time.monotonic()
    meter.start()
    time.sleep(0.02)
    path.write_text("1060")
    assert meter.energy_j(begun_s, time.monotonic()) == pytest.approx(60, rel=0.3)
    path.write_text("gone")
    assert meter.energy_j(time.monotonic() - 1, time.monotonic()) is None
    meter.close()
