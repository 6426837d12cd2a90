"""What goes wrong around the job does it no harm, and is said."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from powercap_tree import TWO_PACKAGES, tree_in_memory, writing
from wrapped import CARBONPRINT, Wrapper


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


def namespaces_work() -> bool:
    done = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True)
    return done.returncode == 0


needs_namespaces = pytest.mark.skipif(not namespaces_work(), reason="needs root and namespaces")


def test_codecarbon_that_raises_leaves_the_job_alone(wrapper):
    wrapper.put_before({"codecarbon/__init__.py": "raise RuntimeError('no such luck')"})
    done = wrapper.run("--", "sh", "-c", "echo out; exit 4")
    assert (done.returncode, done.stdout) == (4, b"out\n")
    assert b"no such luck" in done.stderr
    record = wrapper.record()
    assert record["measurement"]["energy_kwh"]["total"] > 0
    assert record["measurement"]["quality"]["cpu"] in {"modelled", "default"}


def test_a_meter_that_fails_in_the_middle_leaves_a_gap_that_the_model_fills(wrapper):
    with tree_in_memory(TWO_PACKAGES) as tree, writing(tree):
        wrapper.environment["CARBONPRINT_POWERCAP_DIR"] = str(tree.root)
        process = wrapper.start("--interval", "0.2", "--", "sh", "-c", "echo ready; sleep 2")
        process.stdout.readline()
        subprocess.run(["sleep", "1"], check=True)
        shutil.rmtree(tree.root / "intel-rapl" / "intel-rapl:1")
        process.communicate(timeout=30)
    assert process.returncode == 0
    measurement = wrapper.record()["measurement"]
    assert 0 < measurement["extrapolated_s"] < 2
    assert measurement["machine_energy_kwh"]["cpu"] > 0


def test_metering_that_fails_altogether_keeps_what_is_known(wrapper):
    wrapper.put_before(
        {
            "sitecustomize.py": """
                import carbonprint.measuring.metering as metering
                def sample(self, *_): raise RuntimeError("meter on fire")
                metering.Metering.sample = sample
            """
        },
    )
    done = wrapper.run("--interval", "0.1", "--", "sh", "-c", "sleep 1; exit 6")
    assert done.returncode == 6
    assert b"meter on fire" in done.stderr
    record = wrapper.record()
    assert record["measurement"]["energy_kwh"]["total"] is None
    assert record["footprint"]["emissions_kg"] == {"location_based": None, "market_based": None}
    assert record["duration_s"] >= 1


@needs_namespaces
@pytest.mark.needs_root
def test_without_proc_the_job_runs_and_is_kept(wrapper):
    script = 'mount -t tmpfs none /proc && exec "$@" run -- sh -c "echo out; exit 3"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "_", *CARBONPRINT],
        env=wrapper.environment, cwd=wrapper.folder, capture_output=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, b"out\n")
    assert wrapper.record()["measurement"]["energy_kwh"]["total"] > 0


@needs_namespaces
@pytest.mark.needs_root
def test_nothing_leaves_the_machine(wrapper):
    """In a namespace without any network, and by what strace sees: no socket but those of this machine."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace")
    log = wrapper.folder.parent / "calls"
    command = [
        strace,
        "-f",
        "-e",
        "trace=%network",
        "-o",
        str(log),
        *CARBONPRINT,
        "run",
        "--host",
        "odc-noord",
    ]
    done = subprocess.run(
        ["unshare", "--net", *command, "--", sys.executable, "-S", "-c", "pass"],
        env=wrapper.environment, cwd=wrapper.folder, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    calls = [line for line in log.read_text().splitlines() if "AF_INET" in line]
    assert calls == []
    assert wrapper.record()["state"] == "finished"


@pytest.mark.needs_root
def test_a_full_disk_does_the_job_no_harm(wrapper, tiny_disk):
    (tiny_disk / "filler").write_bytes(b"x" * 65536)
    wrapper.environment["CARBONPRINT_STATE_DIR"] = str(tiny_disk / "state")
    wrapper.environment["TMPDIR"] = str(wrapper.folder)
    done = wrapper.run("--", "sh", "-c", "exit 9")
    assert done.returncode == 9
    (aside,) = wrapper.folder.glob("carbonprint-*.json")
    assert str(aside).encode() in done.stderr


def test_nothing_is_written_into_the_working_directory(wrapper):
    wrapper.run("--", "true")
    assert list(wrapper.folder.iterdir()) == []


def test_elsewhere_than_on_linux_the_command_runs_and_the_record_says_so(wrapper):
    """What another platform lacks is taken away; the rest is real."""
    wrapper.put_before({"sitecustomize.py": "import signal\ndel signal.sigtimedwait"})
    done = wrapper.run("--", "sh", "-c", "echo out; exit 3")
    assert (done.returncode, done.stdout) == (3, b"out\n")
    assert b"outside Linux" in done.stderr
    record = wrapper.record()
    assert record["measurement"]["cpu_s"] > 0
    assert "platform" in {caveat["code"] for caveat in record["caveats"]}
    assert wrapper.run("--", "no-such-program").returncode == 127


def test_counters_that_may_not_be_read_are_told_with_what_mends_it(wrapper):
    with tree_in_memory(TWO_PACKAGES) as tree:
        for counter in tree.root.rglob("energy_uj"):
            counter.unlink()
            counter.mkdir()  # what root, too, cannot read
        wrapper.environment["CARBONPRINT_POWERCAP_DIR"] = str(tree.root)
        done = wrapper.run("--", "true")
    assert b"chmod -R a+r" in done.stderr
    assert wrapper.record()["measurement"]["kind"] == "modelled"


@pytest.mark.parametrize(
    "broken", ["numpy/__init__.py", "sqlalchemy/__init__.py"], ids=["numpy", "sqlalchemy"]
)
def test_a_library_that_is_broken_costs_neither_the_job_nor_the_record(wrapper, broken):
    wrapper.put_before({broken: "raise ImportError('this library is broken')"})
    done = wrapper.run("--host", "odc-noord", "--", "sh", "-c", "exit 4")
    assert done.returncode == 4
    assert b"this library is broken" in done.stderr
    del wrapper.environment["PYTHONPATH"]
    if broken.startswith("sqlalchemy"):
        (aside,) = wrapper.state_dir.glob("carbonprint-*.json")
        subprocess.run(
            [*CARBONPRINT, "runs", "import", str(aside)],
            env=wrapper.environment,
            check=True,
            capture_output=True,
        )
    record = wrapper.record()
    assert record["exit_status"] == 4
    assert record["duration_s"] > 0


def test_a_codecarbon_that_ends_the_program_does_not_end_the_wrapper(wrapper):
    wrapper.put_before({"codecarbon/__init__.py": "raise SystemExit('bye')"})
    done = wrapper.run("--", "sh", "-c", "exit 4")
    assert done.returncode == 4
    assert wrapper.record()["measurement"]["energy_kwh"]["total"] > 0


@needs_namespaces
@pytest.mark.needs_root
def test_without_dev_null_the_job_is_watched_to_its_end(wrapper):
    script = 'mount -t tmpfs none /dev && exec "$@" run -- /bin/sh -c "exit 3"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "_", *CARBONPRINT],
        env=wrapper.environment, cwd=wrapper.folder, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 3
    assert wrapper.record()["exit_status"] == 3


def test_where_no_thread_can_be_started_the_meter_is_loaded_at_the_end(wrapper):
    wrapper.put_before(
        {
            "sitecustomize.py": """
                import threading
                def start(self): raise RuntimeError("can't start new thread")
                threading.Thread.start = start
            """
        },
    )
    done = wrapper.run("--", "sh", "-c", "exit 5")
    assert done.returncode == 5
    assert wrapper.record()["measurement"]["energy_kwh"]["total"] > 0
