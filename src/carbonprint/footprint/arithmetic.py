"""The formulas, over runs × hosts.

Every function takes numbers or arrays that broadcast together; with energies of shape (n_runs, 1) and hosts
of shape (n_hosts,), results have shape (n_runs, n_hosts). A leading axis of draws goes along.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carbonprint.errors import InvalidQuantityError
from carbonprint.units import GRAMS_PER_KG

Floats = NDArray[np.float64]


def site_energy_kwh(it_energy_kwh: ArrayLike, dcie: ArrayLike) -> Floats:
    """Energy that the site drew for energy used by its IT equipment: E_site = E_IT / DCiE.

    The building draws more than the IT equipment (cooling, power conversion, lighting); DCiE is the share of
    its energy that reaches the IT.

    Args:
        it_energy_kwh: Energy at the input of the IT equipment. [kWh], ≥ 0.
        dcie: Datacenter infrastructure efficiency, annual. [-], 0 < dcie ≤ 1.

    Returns:
        Energy of the site. [kWh]

    Raises:
        InvalidQuantityError: If a value lies outside these ranges, is NaN or infinite.

    Sources:
        ISO/IEC 30134-2 (PUE = E_DC / E_IT; DCiE is its reciprocal).

    Example:
        0.4 kWh at DCiE 0.80: 0.4 / 0.80 = 0.5 kWh.
    """
    share = _floats("DCiE", dcie)
    if np.any(share <= 0) or np.any(share > 1):
        raise InvalidQuantityError("DCiE is a fraction in (0, 1]")
    return non_negative("energy", it_energy_kwh) / share


def operational_kg(energy_kwh: ArrayLike, intensity_g_per_kwh: ArrayLike) -> Floats:
    """Emissions of the electricity that the site drew: O = E_site · CI.

    Args:
        energy_kwh: Energy of the site. [kWh], ≥ 0.
        intensity_g_per_kwh: Carbon intensity of its electricity, of one kind. [gCO2e/kWh], ≥ 0.

    Returns:
        Operational emissions. [kgCO2e]

    Raises:
        InvalidQuantityError: If a value is negative, NaN or infinite.

    Sources:
        Green Software Foundation, Software Carbon Intensity (ISO/IEC 21031:2024), operational emissions:
        O = E · I.

    Example:
        0.5 kWh at 270 g/kWh: 0.5 · 270 / 1000 = 0.135 kgCO2e.
    """
    energy = non_negative("energy", energy_kwh)
    return energy * non_negative("carbon intensity", intensity_g_per_kwh) / GRAMS_PER_KG


def footprint_kg(it_energy_kwh: ArrayLike, dcie: ArrayLike, intensity_g_per_kwh: ArrayLike) -> Floats:
    """Operational emissions of runs on hosts: O = E_IT / DCiE · CI.

    Args:
        it_energy_kwh: Energy of each run at the input of the IT equipment. [kWh], shape (…, n_runs).
        dcie: DCiE of each host. [-], shape (…, n_hosts).
        intensity_g_per_kwh: Carbon intensity at each host. [gCO2e/kWh], shape (…, n_hosts).

    Returns:
        Emissions. [kgCO2e], shape (…, n_runs, n_hosts); the dots stand for an axis of draws, if any.

    Raises:
        InvalidQuantityError: If a value lies outside its range.

    Example:
        0.4 and 0.8 kWh at DCiE 0.80 on 270 g/kWh: 0.4 / 0.80 · 270 / 1000 = 0.135, and 0.270 kgCO2e.
    """
    of_runs = np.atleast_1d(it_energy_kwh)[..., :, np.newaxis]
    dcie_of_hosts = np.atleast_1d(dcie)[..., np.newaxis, :]
    intensity_of_hosts = np.atleast_1d(intensity_g_per_kwh)[..., np.newaxis, :]
    return operational_kg(site_energy_kwh(of_runs, dcie_of_hosts), intensity_of_hosts)


def mix_g_per_kwh(shares: ArrayLike, factors_g_per_kwh: ArrayLike) -> Floats:
    """Carbon intensity of an energy mix: CI = Σ share · EF.

    Args:
        shares: Share of each source. [-], shape (…, n_sources), each ≥ 0, summing to 1 within 1e-6.
        factors_g_per_kwh: Emission factor of each source, of one kind. [gCO2e/kWh], shape (…, n_sources).

    Returns:
        Carbon intensity. [gCO2e/kWh], shape (…).

    Raises:
        InvalidQuantityError: If shares do not sum to 1, there is not one factor for each, or a value is
            negative, NaN or infinite.

    Example:
        Half wind (13 g/kWh), half gas (486 g/kWh): 0.5 · 13 + 0.5 · 486 = 249.5 gCO2e/kWh.
    """
    parts = np.atleast_1d(non_negative("share", shares))
    factors = np.atleast_1d(non_negative("emission factor", factors_g_per_kwh))
    n_parts, n_factors = parts.shape[-1], factors.shape[-1]
    if n_parts != n_factors:
        raise InvalidQuantityError(f"a mix needs one factor for each share, got {n_factors} for {n_parts}")
    if np.any(np.abs(parts.sum(axis=-1) - 1) > 1e-6):
        raise InvalidQuantityError(f"the shares of an energy mix sum to 1, these sum to {parts.sum(axis=-1)}")
    return np.asarray(np.sum(parts * factors, axis=-1), dtype=np.float64)


def site_water_l(it_energy_kwh: ArrayLike, wue_l_per_kwh: ArrayLike) -> Floats:
    """Water that the site used: W_site = E_IT · WUE (ISO/IEC 30134-9). [L]."""
    return non_negative("energy", it_energy_kwh) * non_negative("WUE", wue_l_per_kwh)


def non_negative(name: str, values: ArrayLike) -> Floats:
    """Return values as floats.

    Raises:
        InvalidQuantityError: If one is negative, NaN or infinite.
    """
    floats = _floats(name, values)
    if np.any(floats < 0):
        raise InvalidQuantityError(f"{name} must be at least 0, got {floats.min():g}")
    return floats


def _floats(name: str, values: ArrayLike) -> Floats:
    floats = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(floats)):
        raise InvalidQuantityError(f"{name} must be finite numbers")
    return floats
