"""Measuring a block of Python, and a function."""

from __future__ import annotations

import asyncio
import functools
import logging
import multiprocessing
import subprocess
import sys
import threading
import time
import warnings

import pytest

import carbonprint
from carbonprint.errors import CarbonprintError, UnknownHostError
from carbonprint.hosting.standing import Standing
from carbonprint.ledger.store import Ledger
from carbonprint.measuring.measurement import Component

BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def kept(state_dir):
    with Ledger(state_dir) as ledger:
        return list(ledger.iterate())


def test_a_block_gives_a_footprint_and_the_same_record_lands_in_the_ledger(tmp_path):
    with carbonprint.measure(host="odc-noord", name="train", phase="training", state_dir=tmp_path) as m:
        burn(0.3)
    assert m.footprint.standing is Standing.EVIDENCED
    assert m.footprint.site_energy_kwh == pytest.approx(m.footprint.it_energy_kwh / 0.80)
    assert m.footprint.location_based_kg.low < m.footprint.location_based_kg.central
    assert m.measurement.cpu_s == pytest.approx(0.3, abs=0.1)
    (record,) = kept(tmp_path)
    assert record == m.record
    assert (record["run_id"], record["name"], record["phase"]) == (m.run_id, "train", "training")
    assert record["exit_status"] == 0
    assert record["settings"]["host"]["origin"] == "argument host"


def test_threads_and_child_processes_of_the_block_are_counted(tmp_path):
    with carbonprint.measure(state_dir=tmp_path, interval=0.1) as m:
        threads = [threading.Thread(target=burn, args=(0.2,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        subprocess.run([sys.executable, "-S", "-c", BURN], check=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # fork beside a thread, which this is about
            worker = multiprocessing.get_context("fork").Process(target=burn, args=(0.2,))
            worker.start()
        worker.join()
        for thread in threads:
            thread.join()
    assert 0.88 <= m.measurement.cpu_s < 1.4  # what starts a process is work, too


def test_the_meters_own_cost_is_not_the_blocks(tmp_path):
    with carbonprint.measure(state_dir=tmp_path, interval=0.05) as m:
        time.sleep(0.6)
    assert m.measurement.cpu_s < 0.1
    assert m.measurement.meter_energy_kwh > 0


def test_an_error_in_the_block_goes_on_and_the_run_is_kept(tmp_path):
    with pytest.raises(ZeroDivisionError), carbonprint.measure(state_dir=tmp_path):
        raise ZeroDivisionError
    (record,) = kept(tmp_path)
    assert record["exit_status"] == 1


def test_nothing_is_there_before_the_block_has_ended(tmp_path):
    with carbonprint.measure(state_dir=tmp_path) as m:
        with pytest.raises(CarbonprintError, match="has not ended"):
            _ = m.footprint
        with pytest.raises(CarbonprintError, match="has not ended"):
            _ = m.measurement
    assert m.measurement.quality[Component.CPU] is not None


def test_an_unknown_host_is_refused_before_the_block():
    with pytest.raises(UnknownHostError, match="odc-noord"):
        carbonprint.measure(host="odc-nord")


def test_a_ledger_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with (
        pytest.warns(RuntimeWarning, match=r"carbonprint-\w+\.json"),
        carbonprint.measure(state_dir=blocked) as m,
    ):
        pass
    assert (tmp_path / f"carbonprint-{m.run_id}.json").exists()


def test_a_decorated_function_is_measured_at_every_call(tmp_path):
    @carbonprint.measured(host="desk/NLD", units=(2, "page"), state_dir=tmp_path)
    def add(a, b):
        """Add."""
        return a + b

    assert add(1, b=2) == 3
    assert add(3, 4) == 7
    assert add.__doc__ == "Add."
    assert [record["name"] for record in kept(tmp_path)] == ["add", "add"]
    assert kept(tmp_path)[0]["units"] == {"count": 2, "label": "page"}


def test_a_decorated_coroutine_function_is_measured_until_it_has_ended(tmp_path):
    @carbonprint.measured(name="wait", state_dir=tmp_path)
    async def wait():
        await asyncio.sleep(0.2)
        return 5

    assert asyncio.run(wait()) == 5
    assert kept(tmp_path)[0]["duration_s"] >= 0.2


def test_a_generator_function_is_refused(tmp_path):
    def count():
        yield 1

    with pytest.raises(TypeError, match="around the loop"):
        carbonprint.measured(state_dir=tmp_path)(count)


def test_a_callable_without_a_name_is_measured(tmp_path):
    add_one = carbonprint.measured(state_dir=tmp_path)(functools.partial(max, 1))
    assert add_one(2) == 2
    assert kept(tmp_path)[0]["name"] == "block"


@pytest.mark.parametrize(
    ("error", "status"),
    [(SystemExit(0), 0), (SystemExit(3), 3), (SystemExit("no"), 1), (KeyboardInterrupt(), 130)],
)
def test_the_exit_status_of_a_block_is_that_of_a_program_that_ends_so(tmp_path, error, status):
    with pytest.raises(type(error)), carbonprint.measure(state_dir=tmp_path):
        raise error
    assert kept(tmp_path)[0]["exit_status"] == status


def test_metering_that_fails_leaves_the_blocks_own_error_alone(tmp_path, monkeypatch):
    def failing(*_arguments, **_options):
        raise OSError("no such luck")

    monkeypatch.setattr("carbonprint.measuring.metering.Metering.finish", failing)
    with pytest.raises(ValueError, match="mine"), carbonprint.measure(state_dir=tmp_path):
        raise ValueError("mine")
    (record,) = kept(tmp_path)
    assert record["measurement"]["energy_kwh"]["total"] is None
    assert threading.active_count() == 1


def test_who_uses_codecarbon_besides_keeps_what_it_logs(tmp_path, caplog):
    with carbonprint.measure(state_dir=tmp_path):
        pass
    logger = logging.getLogger("codecarbon")
    logger.addHandler(caplog.handler)
    logger.warning("heard")
    logger.removeHandler(caplog.handler)
    assert "heard" in caplog.text


def test_the_package_has_only_the_names_it_has():
    assert set(carbonprint.__all__) == {"__version__", "measure", "measured"}
    with pytest.raises(AttributeError):
        _ = carbonprint.nothing


def test_a_block_with_a_hardware_profile_whose_meter_is_a_command(tmp_path):

    profile = tmp_path / "node.toml"
    script = "n = 0\nwhile n < 2 * 10**6: n += 1\nprint(120)"
    profile.write_text(
        f"[meter]\nat = 'wall'\nunit = 'W'\ncommand = ['{sys.executable}', '-c', '''{script}''']\n"
    )
    with carbonprint.measure(hardware=profile, state_dir=tmp_path / "state", interval=0.2) as m:
        time.sleep(2)
    assert m.record["measurement"]["quality"]["other"] == "counted"
    assert m.record["measurement"]["cpu_s"] < 0.3  # the command used more, again and again
