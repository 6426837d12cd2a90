"""Make the record of a run: everything a reader, and a later recomputation, needs of it."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from carbonprint import __version__
from carbonprint.footprint.seed import N_DRAWS, SEED
from carbonprint.hosting.standing import HostFactors, Standing
from carbonprint.ledger.record import SCHEMA, printable
from carbonprint.measuring.measurement import Component, GpuDevice, Measurement
from carbonprint.provenance import Basis, Caveat, Estimate, Source
from carbonprint.reference.codecarbon_tables import MIX_SOURCE, energy_mix
from carbonprint.reference.power import model_sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carbonprint.footprint.result import Footprint
    from carbonprint.hosting.host import Host
    from carbonprint.intensity.carbon_intensity import CarbonIntensity
    from carbonprint.ledger.labels import RunLabels


def run_record(
    run_id: str,
    labels: RunLabels,
    measurement: Measurement,
    host: Host,
    footprints: Mapping[Standing, Footprint],
    *,
    exit_status: int | None,
    settings: Mapping[str, Any],
    caveats: Sequence[Caveat] = (),
    is_interrupted: bool = False,
    budget: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make the record of a run in the form ``carbonprint/run/1``.

    Args:
        run_id: Id of the run.
        labels: What the user said of it.
        measurement: What was measured.
        host: Where it ran.
        footprints: Its footprint as evidenced and as claimed.
        exit_status: Exit status of the command; 128 + N where signal N killed it; None for a block of Python.
        settings: The settings it ran with: name → value and origin.
        caveats: What a reader must know, besides what measurement and host say themselves.
        is_interrupted: Whether the wrapper was killed before the run ended.
        budget: What it might use, and when that was used up; None without a budget.
    """
    evidenced, claimed = footprints[Standing.EVIDENCED], footprints[Standing.CLAIMED]
    all_caveats = dict.fromkeys((*caveats, *measurement.caveats, *evidenced.factors.caveats))
    host_part = _host(host, evidenced.factors)
    return {
        "schema": SCHEMA,
        "run_id": run_id,
        "name": printable(labels.name),
        "phase": printable(labels.phase) or None,
        "state": "interrupted" if is_interrupted else "finished",
        "command": [printable(word) for word in labels.command],
        "started_at": _utc(measurement.started_at),
        "duration_s": measurement.duration_s,
        "exit_status": exit_status,
        "measurement": _measurement(measurement),
        "host": host_part,
        "footprint": {
            "standing": evidenced.standing.value,
            **_footprint(evidenced),
            "claimed": _footprint(claimed),
            "uncertainty": {"n_draws": N_DRAWS, "seed": SEED},
        },
        "units": None
        if labels.units is None
        else {"count": labels.units[0], "label": printable(labels.units[1])},
        "resumes": labels.resumes or None,
        "repetition": None if labels.repetition is None else asdict(labels.repetition),
        "budget": None if budget is None else dict(budget),
        "settings": dict(settings),
        "caveats": [{"code": caveat.code, "text": printable(caveat.text)} for caveat in all_caveats],
        "sources": _sources(measurement, evidenced.factors, host_part["energy_mix"]),
        "carbonprint_version": __version__,
    }


def _measurement(measurement: Measurement) -> dict[str, Any]:
    reserved = measurement.reserved
    quality = measurement.quality
    cpu = quality[Component.CPU]
    return {
        # The kind is the CPU's quality; a model with default parameters is a model still.
        "kind": (Basis.MODELLED if cpu is Basis.DEFAULT else cpu),
        "interval_s": measurement.interval_s,
        "cpu_s": measurement.cpu_s,
        "extrapolated_s": measurement.extrapolated_s,
        "idle_share": reserved.cpu,
        "idle_share_from": None if reserved.origin is None else reserved.origin.value,
        "idle_share_by": {part.value: getattr(reserved, part.value) for part in Component},
        "outer_run": measurement.outer_run,
        "energy_kwh": measurement.energy.as_dict(),
        "active_energy_kwh": measurement.active_energy.as_dict(),
        "machine_energy_kwh": measurement.machine_energy.as_dict(),
        "idle_energy_kwh": measurement.idle_energy.as_dict(),
        "meter_energy_kwh": measurement.meter_energy_kwh,
        "rest_energy_kwh": measurement.rest_energy.as_dict(),
        "quality": {part.value: quality[part] for part in Component},
        "model": {part.value: measurement.models[part] for part in Component},
        "other_base_kwh": measurement.other_base_kwh,
        "other_base_sigma": measurement.other_base_sigma,
        "machine_id": measurement.machine_id,
        "gpu_devices": [_gpu_device(device) for device in measurement.gpu_devices],
        "gpu_share_sigma": measurement.gpu_share_sigma,
        "series": None if measurement.series is None else {"n_samples": measurement.series.n_samples},
        "hardware_profile": printable(measurement.hardware_profile) or None,
    }


def _gpu_device(device: GpuDevice) -> dict[str, Any]:
    return {
        "name": printable(device.name),
        "method": device.method,
        "samples": device.n_samples,
        "idle_w": device.idle_w,
        "active_share": device.active_share,
        "idle_share": device.idle_share,
        "energy_kwh": device.energy_kwh,
        "active_energy_kwh": device.active_energy_kwh,
        "unseen_s": device.unseen_s,
    }


def _host(host: Host, factors: HostFactors) -> dict[str, Any]:
    efficiency = factors.efficiency
    return {
        "id": printable(host.host_id),
        "name": printable(host.name),
        "country": host.country,
        "kind": host.kind.value,
        "dcie": efficiency.dcie,
        "dcie_year": efficiency.year,
        "dcie_basis": efficiency.basis.value,
        "energy_mix": _energy_mix(host, factors),
        "origin": printable(host.origin),
    }


def _energy_mix(host: Host, factors: HostFactors) -> dict[str, Any] | None:
    """The mix behind the location-based figure: the site's own supply where that counts, else the country's grid."""
    if host.supply is not None and factors.location_based.zone == host.host_id:
        source = host.supply.source.publisher or host.supply.source.title
        return {
            "zone": host.host_id,
            "year": host.supply.year,
            "shares": host.supply.shares,
            "source": source,
        }
    found = energy_mix(host.country)
    if found is None:
        return None
    shares, year = found
    return {"zone": host.country, "year": year, "shares": shares, "source": MIX_SOURCE.publisher}


def _footprint(footprint: Footprint) -> dict[str, Any]:
    factors = footprint.factors
    by_accounting = {"location_based": factors.location_based, "market_based": factors.market_based}
    emissions = {"location_based": footprint.location_based_kg, "market_based": footprint.market_based_kg}
    return {
        "dcie": factors.efficiency.dcie,
        "site_energy_kwh": footprint.site_energy_kwh,
        "water_l": {"site": footprint.site_water_l, "power": None},
        "embodied_kg": None,
        "cost_eur": None,
        "intensity_g_per_kwh": {
            name: None if each is None else each.g_per_kwh for name, each in by_accounting.items()
        },
        "emissions_kg": {name: None if each is None else each.central for name, each in emissions.items()},
        "emissions_kg_90": {name: _bounds(each) for name, each in emissions.items()},
        "intensity": {name: _intensity(each) for name, each in by_accounting.items()},
        "market_missing": factors.market_missing or None,
    }


def _bounds(estimate: Estimate | None) -> list[float] | None:
    return None if estimate is None else [estimate.low, estimate.high]


def _intensity(intensity: CarbonIntensity | None) -> dict[str, Any] | None:
    if intensity is None:
        return None
    return {
        "g_per_kwh": intensity.g_per_kwh,
        "zone": intensity.zone,
        "year": intensity.year,
        "set": intensity.set_id,
        "scope": intensity.scope.value,
        "half_width_90": intensity.half_width_90,
        "publisher": intensity.source.publisher or intensity.source.title,
    }


def _sources(
    measurement: Measurement, factors: HostFactors, mix: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Where every figure of a record comes from: the host's, and the meters and models behind the energy."""
    found: list[tuple[str, Source]] = [
        ("dcie", factors.efficiency.source),
        ("intensity_location_based", factors.location_based.source),
    ]
    if factors.market_based is not None:
        found.append(("intensity_market_based", factors.market_based.source))
    if mix is not None and mix["source"] == MIX_SOURCE.publisher:
        found.append(("energy_mix", replace(MIX_SOURCE, year=mix["year"])))
    for part, model in measurement.models.items():
        if model is not None:
            found += [(f"energy_{part.value}", source) for source in model_sources(model)]
    found += [(f"hardware_{name}", source) for name, source in measurement.profile_sources]
    return [{"figure": figure, **source.as_dict()} for figure, source in found]


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
