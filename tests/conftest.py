"""What tests in several folders share."""

from __future__ import annotations

import copy
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from pathlib import Path

settings.register_profile(
    "carbonprint", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("carbonprint")

MakeRecord = Callable[..., dict[str, Any]]

_FOOTPRINT = {
    # 0.020 kWh at DCiE 0.80 is 0.025 kWh; 0.025 · 270 = 6.75 g and 0.025 · 401 = 10.025 g
    "site_energy_kwh": 0.025,
    "water_l": {"site": None, "power": None},
    "embodied_kg": None,
    "cost_eur": None,
    "intensity_g_per_kwh": {"location_based": 270.0, "market_based": 401.0},
    "emissions_kg": {"location_based": 0.00675, "market_based": 0.010025},
    "emissions_kg_90": {"location_based": [0.005, 0.009], "market_based": [0.008, 0.0125]},
}

_RECORD = {
    "schema": "carbonprint/run/1",
    "run_id": "a1b2c3d4e5",
    "name": "train",
    "phase": "training",
    "state": "finished",
    "command": ["python", "train.py"],
    "started_at": "2026-01-31T12:00:00Z",
    "duration_s": 61.2,
    "exit_status": 0,
    "measurement": {
        "kind": "counted",
        "interval_s": 1.0,
        "cpu_s": 58.9,
        "extrapolated_s": 0.1,
        "idle_share": 1.0,
        "idle_share_from": "machine",
        "idle_share_by": {"cpu": 1.0, "ram": 1.0, "gpu": 1.0, "other": 1.0},
        "outer_run": None,
        "energy_kwh": {"cpu": 0.012, "gpu": 0.0, "ram": 0.002, "other": 0.006, "total": 0.020},
        "active_energy_kwh": {"cpu": 0.010, "gpu": 0.0, "ram": 0.0, "other": 0.001, "total": 0.011},
        "machine_energy_kwh": {"cpu": 0.013, "gpu": 0.0, "ram": 0.002, "other": 0.006, "total": 0.021},
        "idle_energy_kwh": {"cpu": 0.002, "gpu": 0.0, "ram": 0.002, "other": 0.005, "total": 0.009},
        "meter_energy_kwh": 0.0001,
        "rest_energy_kwh": {"cpu": 0.001, "gpu": 0.0, "ram": 0.0, "other": 0.0, "total": 0.001},
        "quality": {"cpu": "counted", "gpu": None, "ram": "modelled", "other": "default"},
    },
    "host": {"id": "odc-noord", "country": "NLD", "dcie": 0.80, "dcie_year": 2024, "dcie_basis": "counted"},
    "footprint": {
        "standing": "evidenced",
        **copy.deepcopy(_FOOTPRINT),
        "dcie": 0.80,
        "intensity": {
            "location_based": {"g_per_kwh": 270.0, "zone": "NLD", "year": 2024, "source": "Ember 2024"},
            "market_based": {"g_per_kwh": 401.0, "zone": "NLD", "year": 2026, "source": "list 2026"},
        },
        "claimed": copy.deepcopy(_FOOTPRINT),
    },
    "units": {"count": 1000.0, "label": "prediction"},
    "settings": {"host": {"value": "odc-noord", "origin": "option --host"}},
    "caveats": [{"code": "busy-machine", "text": "Others used the machine, too."}],
    "sources": [{"figure": "dcie", "title": "Jaarrapportage", "publisher": "Rijk", "year": 2024}],
}


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the settings, the ledger and the language of whoever runs the tests out of them."""
    for name in [name for name in os.environ if name.startswith(("CARBONPRINT_", "LC_"))]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home", numbered=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("LANG", "C.UTF-8")
    # Runs of other tests, and of others on this machine, would divide the idle power of these.
    monkeypatch.setenv("CARBONPRINT_REGISTRY_DIR", str(home / "registry"))


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 64 KiB; to be used by tests that are marked ``needs_root``."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def make_record() -> MakeRecord:
    """Make the record of a run; a change of a nested object changes only the keys it names."""

    def make(**changes: Any) -> dict[str, Any]:
        return _merged(copy.deepcopy(_RECORD), changes)

    return make


def _merged(content: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    for key, value in changes.items():
        is_nested = isinstance(value, dict) and isinstance(content.get(key), dict)
        content[key] = _merged(content[key], value) if is_nested else value
    return content
