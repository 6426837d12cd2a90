from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from carbonprint.measuring.measurement import (
    Component,
    ComponentEnergy,
    Measurement,
    ReservedShare,
    ShareFrom,
)
from carbonprint.provenance import Basis

MakeMeasurement = Callable[..., Measurement]

NOTHING = ComponentEnergy(cpu=0.0, gpu=0.0, ram=0.0, other=0.0)


@pytest.fixture(scope="session")
def make_measurement() -> MakeMeasurement:
    """Make the measurement of a run from the energy of its components. [kWh]; the rest is of no account."""

    def make(
        *,
        cpu: float | None = 0.012,
        gpu: float | None = 0.0,
        ram: float | None = 0.002,
        other: float | None = 0.006,
        base_kwh: float = 0.004,
        models: dict[Component, str | None] | None = None,
        **changes: Any,
    ) -> Measurement:
        known = {
            Component.CPU: "rapl_intel",
            Component.GPU: "nvml" if gpu else None,
            Component.RAM: "dram_per_gib",
            Component.OTHER: "other",
        }
        energy = ComponentEnergy(cpu=cpu, gpu=gpu, ram=ram, other=other)
        content: dict[str, Any] = {
            "started_at": datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC),
            "duration_s": 61.2,
            "interval_s": 1.0,
            "cpu_s": 58.9,
            "extrapolated_s": 0.0,
            "energy": energy,
            "active_energy": energy,
            "machine_energy": energy,
            "idle_energy": NOTHING,
            "meter_energy_kwh": 0.0,
            "rest_energy": NOTHING,
            "other_base_kwh": base_kwh,
            "other_base_sigma": 0.5,
            "reserved": ReservedShare(cpu=1.0, ram=1.0, gpu=1.0, origin=ShareFrom.MACHINE),
            "quality": dict.fromkeys(Component, Basis.COUNTED),
            "models": known if models is None else models,
            "machine_id": "a-machine",
        }
        return Measurement(**(content | changes))

    return make
