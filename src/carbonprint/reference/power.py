"""Powers where no counter tells, and how sure each kind of meter is (``power.toml``, each row with its source)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from carbonprint.hardware import MachineKind
from carbonprint.provenance import Source


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(files("carbonprint.reference").joinpath("power.toml").read_text(encoding="utf-8"))


def cpu_fractions_of_tdp() -> tuple[float, float]:
    """Idle and full-load power of a CPU package as fractions of its TDP. [-]."""
    row = _tables()["cpu_from_tdp"]
    return row["idle_fraction"], row["full_fraction"]


def cpu_watts_per_thread() -> tuple[float, float]:
    """Idle and full-load power of one hardware thread of an unknown CPU. [W]."""
    row = _tables()["cpu_per_thread"]
    return row["idle_w"], row["full_w"]


def dram_w_per_gib() -> float:
    """Power of installed memory without a counter. [W/GiB]."""
    return float(_tables()["dram"]["w_per_gib"])


def other_fraction() -> float:
    """What no counter sees, in proportion to what counters see. [-]."""
    return float(_tables()["other"]["fraction_of_seen"])


def other_fraction_sigma() -> float:
    """Lognormal sigma of 1 + ``other_fraction``. [-]."""
    return float(_tables()["other"]["fraction_sigma"])


def base_power(kind: MachineKind, n_cpus: int) -> tuple[float, float]:
    """What no counter sees at any load.

    Args:
        kind: Kind of machine.
        n_cpus: Its hardware threads, or a virtual machine's vCPUs.

    Returns:
        Power [W], and the lognormal sigma of it [-].
    """
    row = _tables()["base_power"][kind.value if kind is not MachineKind.VIRTUAL else "virtual_per_cpu"]
    return row["w"] * (n_cpus if kind is MachineKind.VIRTUAL else 1), row["sigma"]


def given_base_sigma() -> float:
    """Lognormal sigma of a base power that a hardware profile gives. [-]."""
    return float(_tables()["base_power"]["given"]["sigma"])


def other_fraction_of_psu(efficiency: float) -> float:
    """What no counter sees, in proportion to what counters see, with a known power supply. [-].

    The published slope holds the loss of a supply of about 0.92; that is taken out and the own one put in:

        1 + fraction = (1 + 0.12) · 0.92 / efficiency

    Args:
        efficiency: Output over input of the power supply. [-], 0 < efficiency ≤ 1.

    Example:
        0.80: 1.12 · 0.92 / 0.80 − 1 = 0.288.
    """
    behind = float(_tables()["psu"]["efficiency_behind_other"])
    return (1 + other_fraction()) * behind / efficiency - 1


def model_sigma(model: str) -> float:
    """Lognormal sigma of (true / reported) of one kind of meter or model. [-]."""
    return float(_tables()["model"][model]["sigma"])


def model_sources(model: str) -> list[Source]:
    """Where one kind of meter or model, and its uncertainty, come from.

    Args:
        model: A name of ``model_names``, or ``other`` for what no counter sees.
    """
    tables = _tables()
    behind = {"cpu_tdp": "cpu_from_tdp", "cpu_per_thread": "cpu_per_thread", "dram_per_gib": "dram"}
    if model == "other":
        rows = [tables["other"], tables["base_power_source"]]
    else:
        rows = [*([tables[behind[model]]] if model in behind else []), tables["model"][model]]
    return [Source(title=row["source"], year=row["year"], url=row.get("url", "")) for row in rows]


def node_models() -> frozenset[str]:
    """Every kind of meter or model of a whole machine at its input."""
    return frozenset(name for name in model_names() if name.startswith("node_"))


def model_names() -> tuple[str, ...]:
    """Every kind of meter or model that is known."""
    return tuple(_tables()["model"])
