"""A host as programs read it: what it states, what follows in both standings, and where that is from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from carbonprint.hosting.standing import Efficiency, HostFactors, Standing
from carbonprint.reference.codecarbon_tables import MIX_SOURCE
from carbonprint.reference.factors import country_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from carbonprint.hosting.host import Contract, CoveredShare, DcieClaim, Host
    from carbonprint.intensity.carbon_intensity import CarbonIntensity

HOST_SCHEMA, LIST_SCHEMA = "carbonprint/host-view/1", "carbonprint/host-list/1"


def hosts_json(hosts: Iterable[tuple[Host, Mapping[Standing, HostFactors]]]) -> str:
    """Write a list of hosts as JSON: of each its name, place, and the figures of both standings."""
    rows = [
        _identity(host) | {standing.value: _figures(both[standing]) for standing in Standing}
        for host, both in hosts
    ]
    return _text({"schema": LIST_SCHEMA, "hosts": rows})


def host_json(
    host: Host,
    standings: Mapping[Standing, HostFactors],
    energy_mix: tuple[dict[str, float], int] | None,
) -> str:
    """Write one host as JSON: every figure with its source.

    Args:
        host: The host.
        standings: What follows from it, as claimed and as evidenced.
        energy_mix: Sources of the grid's electricity and their year; None where they are not known.
    """
    content = _identity(host) | {
        "schema": HOST_SCHEMA,
        "origin": host.origin,
        "grid_zone": host.grid_zone or None,
        "notes": list(host.notes),
        "stated": _stated(host),
        "energy_mix": _mix(energy_mix) if energy_mix is not None else None,
        **{standing.value: _detailed(standings[standing]) for standing in Standing},
    }
    return _text(content)


def _identity(host: Host) -> dict[str, Any]:
    return {
        "host": host.host_id,
        "name": host.name,
        "kind": host.kind.value,
        "country": host.country,
        "country_name": country_name(host.country),
        "operator": host.operator or None,
        "site": host.site or None,
    }


def _figures(factors: HostFactors) -> dict[str, Any]:
    market = factors.market_based
    return {
        "dcie": factors.efficiency.dcie,
        "dcie_year": factors.efficiency.year,
        "dcie_basis": factors.efficiency.basis.value,
        "intensity_g_per_kwh": {
            "location_based": factors.location_based.g_per_kwh,
            "market_based": market.g_per_kwh if market is not None else None,
        },
        "wue_l_per_kwh": factors.wue_l_per_kwh,
    }


def _detailed(factors: HostFactors) -> dict[str, Any]:
    return _figures(factors) | {
        "efficiency": _efficiency(factors.efficiency),
        "intensity": {
            "location_based": _intensity(factors.location_based),
            "market_based": _intensity(factors.market_based),
        },
        "market_missing": factors.market_missing or None,
        "any_origin_g_per_kwh": factors.any_origin_g_per_kwh,
        "caveats": [{"code": caveat.code, "text": caveat.text} for caveat in factors.caveats],
    }


def _mix(energy_mix: tuple[dict[str, float], int]) -> dict[str, Any]:
    shares, year = energy_mix
    return {"shares": shares, "year": year, "source": MIX_SOURCE.as_dict()}


def _efficiency(efficiency: Efficiency) -> dict[str, Any]:
    is_default = efficiency.excess_sigma is not None
    return {
        "half_width_90": None if is_default else efficiency.half_width_90,
        "excess_sigma": efficiency.excess_sigma,
        "source": efficiency.source.as_dict(),
    }


def _intensity(intensity: CarbonIntensity | None) -> dict[str, Any] | None:
    if intensity is None:
        return None
    return {
        "g_per_kwh": intensity.g_per_kwh,
        "accounting": intensity.accounting.value,
        "scope": intensity.scope.value,
        "year": intensity.year,
        "zone": intensity.zone,
        "set": intensity.set_id,
        "half_width_90": intensity.half_width_90,
        "source": intensity.source.as_dict(),
        "parts": [
            {"input": part.key, "g_per_kwh": part.g_per_kwh, "source": part.source.as_dict()}
            for part in intensity.parts
        ],
    }


def _stated(host: Host) -> dict[str, Any]:
    supply = host.supply
    return {
        "dcie": _dcie(host.dcie) if host.dcie is not None else None,
        "dcie_history": [_dcie(claim) for claim in host.dcie_history],
        "supply": {
            "shares": dict(supply.shares),
            "year": supply.year,
            "evidence": supply.evidence.value,
            "source": supply.source.as_dict(),
        }
        if supply is not None
        else None,
        "contract": _contract(host.contract) if host.contract is not None else None,
        "wue": {
            "wue_l_per_kwh": host.wue_l_per_kwh,
            "evidence": host.wue_evidence.value,
            "source": host.wue_source.as_dict() if host.wue_source is not None else None,
        }
        if host.wue_l_per_kwh is not None
        else None,
    }


def _dcie(claim: DcieClaim) -> dict[str, Any]:
    return {
        "dcie": claim.dcie,
        "year": claim.year,
        "kind": claim.kind.value,
        "evidence": claim.evidence.value,
        "metering_category": claim.metering_category,
        "source": claim.source.as_dict(),
    }


def _contract(contract: Contract) -> dict[str, Any]:
    uncovered = contract.uncovered
    return {
        "year": contract.year,
        "evidence": contract.evidence.value,
        "source": contract.source.as_dict(),
        "scope": contract.scope or None,
        "claimed_g_per_kwh": contract.claimed_g_per_kwh,
        "site_energy_mwh": contract.site_energy_mwh,
        "covered": [_covered(part) for part in contract.covered],
        "uncovered": {
            "g_per_kwh": uncovered.g_per_kwh,
            "year": uncovered.year,
            "evidence": uncovered.evidence.value,
            "source": uncovered.source.as_dict(),
        }
        if uncovered is not None
        else None,
    }


def _covered(part: CoveredShare) -> dict[str, Any]:
    cancelled = part.cancellation
    return {
        "share": part.share,
        "g_per_kwh": part.g_per_kwh,
        "technology": part.technology or None,
        "country": part.country or None,
        "cancellation": {
            "statement": cancelled.statement,
            "beneficiary": cancelled.beneficiary,
            "year": cancelled.year,
            "energy_mwh": cancelled.energy_mwh,
        }
        if cancelled is not None
        else None,
    }


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
