"""A file of records is read strictly: all that is wrong with it is said at once."""

from __future__ import annotations

import json

import pytest

from carbonprint.errors import DocumentError
from carbonprint.ledger.importing import read_record_file


@pytest.fixture
def faults_of(tmp_path):
    """Write a file and give the faults that reading it names."""

    def read(content):
        path = tmp_path / "records.json"
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(DocumentError) as told:
            read_record_file(path)
        assert told.value.path == str(path)
        return list(told.value.faults)

    return read


def test_one_record_or_a_list_of_them_is_read_as_it_stands(tmp_path, make_record):
    one, another = make_record(run_id="a"), make_record(run_id="b", key_of_a_later_version={"x": 1})
    path = tmp_path / "records.json"
    for content, expected in ((one, [one]), ([one, another], [one, another]), ([], [])):
        path.write_text(json.dumps(content))
        assert read_record_file(path) == expected
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(one).encode())  # as Windows saves it
    assert read_record_file(path) == [one]


def test_what_is_not_known_may_be_null(tmp_path, make_record):
    nothing = dict.fromkeys(("cpu", "gpu", "ram", "other", "total"))
    unknown = {"location_based": None, "market_based": None}
    record = make_record(
        name=None,
        exit_status=None,
        duration_s=None,
        units=None,
        measurement={"energy_kwh": nothing, "cpu_s": None, "kind": None, "rest_energy_kwh": None},
        host={"country": None},
        footprint={
            "site_energy_kwh": None,
            "emissions_kg": unknown,
            "emissions_kg_90": unknown,
            "water_l": None,
        },
    )
    path = tmp_path / "records.json"
    path.write_text(json.dumps(record))
    assert read_record_file(path) == [record]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "this is not JSON: Expecting value at line 1, column 1"),
        ('{\n "a": 1,\n "b" 2}', "this is not JSON: Expecting ':' delimiter at line 3, column 6"),
        (b"\xff{}", "is not UTF-8 text (byte 0)"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "c: this key stands more than once in one object"),
        ('{"a": NaN}', "NaN is not a number; a figure that is not known is null"),
        ('{"a": -Infinity}', "-Infinity is not a number; a figure that is not known is null"),
        ('{"a": 1e999}', "1e999 is larger than any number that can be kept"),
        ("[" * 100_000, "is nested too deeply to be a record"),
        ("3", "schema: got 'no object'; allowed: 'carbonprint/run/1', the record of a run"),
        ("{}", "schema: got 'no such key'; allowed: 'carbonprint/run/1', the record of a run"),
        (
            '{"schema": "carbonprint/run/2"}',
            "schema: got 'carbonprint/run/2'; allowed: 'carbonprint/run/1', the record of a run",
        ),
    ],
)
def test_what_is_no_json_or_no_record_is_told(faults_of, text, fault):
    assert faults_of(text) == [fault]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"run_id": "a b"}, "run_id: got 'a b'; allowed: up to 100 letters, digits, dots, dashes and under"),
        ({"run_id": "last"}, "run_id: got 'last'; allowed: up to 100 letters"),
        ({"run_id": "../x"}, "run_id: got '../x'; allowed: up to 100 letters"),
        ({"run_id": "a\n"}, "run_id: got 'a\\n'; allowed: up to 100 letters"),
        ({"state": "running"}, "state: got 'running'; allowed: 'finished' or 'interrupted'"),
        ({"command": "python train.py"}, "command: got 'python train.py'; allowed: a valid list"),
        ({"started_at": "2026-01-31 12:00"}, "started_at: got '2026-01-31 12:00'; allowed: a moment in UTC"),
        (
            {"started_at": "2026-01-31T12:00:00+01:00"},
            "started_at: got '2026-01-31T12:00:00+01:00'; allowed: a m",
        ),
        ({"duration_s": -1}, "duration_s: got -1; allowed: greater than or equal to 0"),
        ({"duration_s": True}, "duration_s: got True; allowed: a valid number"),
        ({"duration_s": 10**400}, "duration_s: got 1000"),
        ({"exit_status": "0"}, "exit_status: got '0'; allowed: a valid integer"),
        ({"host": {"dcie": 80}}, "host.dcie: got 80; allowed: less than or equal to 1"),
        ({"host": {"dcie": 0}}, "host.dcie: got 0; allowed: greater than 0"),
        ({"host": None}, "host: got None; allowed: an object"),
        ({"phase": 3}, "phase: got 3; allowed: a valid string"),
        ({"settings": {"host": "x"}}, "settings.host: got 'x'; allowed: an object"),
        ({"caveats": ["x"]}, "caveats.0: got 'x'; allowed: an object"),
        ({"sources": [{"title": "x"}]}, "sources.0.figure: missing; write null where it is not known"),
        ({"units": {"count": 0}}, "units.count: got 0; allowed: greater than or equal to 0.000000001"),
        (
            {"units": {"count": 1e16}},
            "units.count: got 1e+16; allowed: less than or equal to 1000000000000000",
        ),
        ({"duration_s": 1e16}, "duration_s: got 1e+16; allowed: less than or equal to 1000000000000000"),
        ({"exit_status": 10**30}, "exit_status: got 1000"),
        ({"exit_status": -1}, "exit_status: got -1; allowed: greater than or equal to 0"),
        ({"exit_status": 65536}, "exit_status: got 65536; allowed: less than or equal to 65535"),
        (
            {"host": {"energy_mix": {"shares": {"gas": "abc"}}}},
            "host.energy_mix.shares.gas: got 'abc'; allowed: a valid number",
        ),
        (
            {"host": {"energy_mix": {"shares": {"gas": 0.5}}}},
            "host.energy_mix.shares: got {'gas': 0.5}; allowed: shares that add up to 1",
        ),
        ({"host": {"energy_mix": "gas"}}, "host.energy_mix: got 'gas'; allowed: an object"),
        (
            {
                "measurement": {"energy_kwh": {"total": 0.021}},
                "footprint": {"site_energy_kwh": None, "claimed": None},
            },
            "measurement.energy_kwh.total: got 0.021; its known parts add up to 0.02",
        ),
        (
            {"measurement": {"idle_energy_kwh": {"total": None}}},
            "measurement.idle_energy_kwh.total: got None; its known parts add up to 0.009",
        ),
        (
            {"footprint": {"emissions_kg": {"location_based": 0.0}}},
            "footprint.emissions_kg.location_based: got 0; 0.025 kWh · 270 g/kWh ÷ 1000 is 0.00675",
        ),
        (
            {"footprint": {"claimed": {"emissions_kg": {"market_based": 0.01}}}},
            "footprint.claimed.emissions_kg.market_based: got 0.01; 0.025 kWh · 401 g/kWh ÷ 1000 is 0.010025",
        ),
        (
            {"footprint": {"dcie": 0.5}},
            "footprint.site_energy_kwh: got 0.025; 0.02 kWh ÷ DCiE 0.5 is 0.04",
        ),
        (
            {"footprint": {"claimed": {"dcie": 0.9}}},
            "footprint.claimed.site_energy_kwh: got 0.025; 0.02 kWh ÷ DCiE 0.9 is 0.0222222222222",
        ),
        (
            {"measurement": {"energy_kwh": {"cpu": "0.1"}}},
            "measurement.energy_kwh.cpu: got '0.1'; allowed: a valid number",
        ),
        (
            {"measurement": {"quality": {"cpu": "guessed"}}},
            "measurement.quality.cpu: got 'guessed'; allowed: 'counted', 'modelled', 'given' or 'default'",
        ),
        (
            {"footprint": {"emissions_kg_90": {"market_based": [2, 1]}}},
            "footprint.emissions_kg_90.market_based: got [2, 1]; allowed: two numbers, the lower one first",
        ),
        (
            {"footprint": {"claimed": {"emissions_kg_90": {"location_based": [1]}}}},
            "footprint.claimed.emissions_kg_90.location_based: got [1]; allowed: two numbers, the lower",
        ),
    ],
)
def test_a_figure_that_cannot_be_is_told(faults_of, make_record, changes, fault):
    (found,) = faults_of(make_record(**changes))
    assert found.startswith(fault)


def test_an_energy_mix_and_a_rounding_below_a_millionth_are_taken_in(tmp_path, make_record):
    record = make_record(
        host={
            "energy_mix": {"zone": "NLD", "year": 2023, "shares": {"gas": 0.4, "wind": 0.6}, "source": "x"}
        },
        footprint={"site_energy_kwh": 0.025 * (1 + 9e-7)},
        exit_status=65535,
    )
    path = tmp_path / "records.json"
    path.write_text(json.dumps(record))
    assert read_record_file(path) == [record]


def test_every_contradiction_is_told(faults_of, make_record):
    record = make_record(host={"dcie": 0.5}, measurement={"energy_kwh": {"total": 1.0}})
    del record["footprint"]["dcie"]
    assert faults_of(record) == [
        "measurement.energy_kwh.total: got 1; its known parts add up to 0.02",
        "footprint.site_energy_kwh: got 0.025; 1 kWh ÷ DCiE 0.5 is 2",
    ]


def test_what_stands_around_the_figures_may_be_missing(tmp_path, make_record):
    record = make_record()
    for key in ("phase", "settings", "caveats", "sources"):
        del record[key]
    path = tmp_path / "records.json"
    path.write_text(json.dumps(record))
    assert read_record_file(path) == [record]


def test_a_figure_that_was_left_out_is_told_wherever_it_stands(faults_of, make_record):
    record = make_record()
    del (
        record["exit_status"],
        record["measurement"]["quality"],
        record["footprint"]["claimed"]["emissions_kg"],
    )
    assert faults_of(record) == [
        "exit_status: missing; write null where it is not known",
        "measurement.quality: missing; write null where it is not known",
        "footprint.claimed.emissions_kg: missing; write null where it is not known",
    ]


def test_every_fault_of_every_record_of_a_list_is_told(faults_of, make_record):
    assert faults_of([make_record(), make_record(state="x", duration_s=-1), 3]) == [
        "record 2: state: got 'x'; allowed: 'finished' or 'interrupted'",
        "record 2: duration_s: got -1; allowed: greater than or equal to 0",
        "record 3: schema: got 'no object'; allowed: 'carbonprint/run/1', the record of a run",
    ]


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(DocumentError, match=r"/nowhere\.json: cannot be read: No such file"):
        read_record_file(tmp_path / "nowhere.json")
    with pytest.raises(DocumentError, match="cannot be read: Is a directory"):
        read_record_file(tmp_path)


def test_what_each_gpu_adds_up_to_is_checked(tmp_path, make_record, faults_of):
    gpu = {
        "name": "NVIDIA L4", "method": "mig", "samples": 40, "idle_w": None, "active_share": 0.4, "idle_share": None,
        "energy_kwh": 1.0, "active_energy_kwh": 0.4, "unseen_s": 0.0,
    }  # fmt: skip
    good = make_record(measurement={"gpu_devices": [gpu], "gpu_share_sigma": 0.4})
    path = tmp_path / "good.json"
    path.write_text(json.dumps(good))
    assert read_record_file(path) == [good]
    wrong = [gpu | {"method": "guess"}, gpu | {"active_share": 1.5}, {"name": "NVIDIA L4"}]
    faults = faults_of(make_record(measurement={"gpu_devices": wrong, "gpu_share_sigma": -1}))
    assert len(faults) >= 4
    assert any("gpu_devices" in fault for fault in faults)
