"""How sure each input is: draws of an energy, a DCiE and an intensity, each centred on its figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carbonprint.footprint.draws import Draws, sigma_of_half_width
from carbonprint.intensity.carbon_intensity import FactorScope
from carbonprint.measuring.measurement import Component, Measurement
from carbonprint.reference import power

if TYPE_CHECKING:
    from carbonprint.footprint.arithmetic import Floats
    from carbonprint.hosting.standing import Efficiency
    from carbonprint.intensity.carbon_intensity import CarbonIntensity

_SOURCE_FACTORS = frozenset(scope.value for scope in FactorScope)
"""What the key of an energy source's factor begins with: the factor's scope."""


def energy_draws_kwh(measurement: Measurement, draws: Draws) -> Floats:
    """Draw the energy of a run at the input of the IT equipment. [kWh], shape (n_draws,).

    Each component's meter or model has a lognormal error; half of its variance is common to all uses of that
    meter or model and half is the machine's own (a working assumption), so it does not average out over runs.
    The job's share of the active energy of a GPU that others use as well has an error besides.
    What no counter sees is drawn as (1 + r)·s − 1 of the rest, s lognormal, plus its base power. A component
    without a known meter or model is taken as it stands. Where the whole machine is known at its own input, what
    no counter sees is the rest of that: then the sum is drawn, with the error of what is known of it.

    Sources:
        ``reference/power.toml``: model, other, base_power.
    """
    machine = measurement.machine_id
    whole_kwh, whole_model = measurement.energy.total, measurement.models[Component.OTHER]
    if whole_kwh is not None and whole_model in power.node_models():
        return whole_kwh * _factors(measurement, Component.OTHER, whole_model, draws)
    seen = np.zeros(draws.n_draws)
    seen_kwh = 0.0
    for part in (Component.CPU, Component.GPU, Component.RAM):
        energy_kwh, model = getattr(measurement.energy, part.value), measurement.models[part]
        if not energy_kwh:
            continue
        if model is None:
            seen = seen + energy_kwh
        else:
            drawn_kwh = _gpu_draws_kwh(measurement, draws) if part is Component.GPU else energy_kwh
            seen = seen + drawn_kwh * _factors(measurement, part, model, draws)
        seen_kwh += energy_kwh
    other_kwh = measurement.energy.other
    if other_kwh is None:
        return seen
    # Where nothing was seen that a part of it could follow, all of it is base.
    base_kwh = min(measurement.other_base_kwh, other_kwh) if seen_kwh > 0 else other_kwh
    ratio = (other_kwh - base_kwh) / seen_kwh if seen_kwh > 0 else 0.0
    slope = draws.lognormal(
        power.other_fraction_sigma(), ("model/other", 0.5), (f"machine/{machine}/other", 0.5)
    )
    base = base_kwh * draws.lognormal(
        measurement.other_base_sigma, ("model/base", 0.5), (f"machine/{machine}/base", 0.5)
    )
    return np.asarray(seen + np.maximum((1 + ratio) * slope - 1, 0) * seen + base, dtype=np.float64)


def _gpu_draws_kwh(measurement: Measurement, draws: Draws) -> Floats | float:
    """Draw the job's part of what the GPUs' meters say. [kWh], shape (n_draws,); as it stands where it is not modelled.

    The active part has a lognormal error of its own where the job shares a GPU, and never exceeds what the boards drew
    for anybody; half of its variance is common to all such shares (a working assumption).

    Sources:
        ``measuring/gpu_share.py``: sigma of each way to share.
    """
    gpu_kwh, active_kwh = measurement.energy.gpu or 0.0, measurement.active_energy.gpu or 0.0
    if measurement.gpu_share_sigma == 0:
        return gpu_kwh
    names = (("gpu_share", 0.5), (f"machine/{measurement.machine_id}/gpu_share", 0.5))
    drawn_kwh = active_kwh * draws.lognormal(measurement.gpu_share_sigma, *names)
    boards_kwh = (measurement.machine_energy.gpu or 0.0) - (measurement.idle_energy.gpu or 0.0)
    return np.asarray(
        gpu_kwh - active_kwh + np.minimum(drawn_kwh, max(boards_kwh, active_kwh)), dtype=np.float64
    )


def _factors(measurement: Measurement, part: Component, model: str, draws: Draws) -> Floats:
    """Draw true over reported of one component. [-], shape (n_draws,).

    For the part of the time in which its counter was not seen, the model that filled it has its own error.
    """

    def of(name: str) -> Floats:
        names = ((f"model/{name}", 0.5), (f"machine/{measurement.machine_id}/{part}/{name}", 0.5))
        return draws.lognormal(power.model_sigma(name), *names)

    unseen_share, fallback = measurement.unseen.get(part, (0.0, ""))
    if unseen_share == 0:
        return of(model)
    return np.asarray((1 - unseen_share) * of(model) + unseen_share * of(fallback), dtype=np.float64)


def dcie_draws(efficiency: Efficiency, host_id: str, draws: Draws) -> Floats:
    """Draw a DCiE. [-], shape (n_draws,), each in (0, 1].

    A default is drawn for each host: PUE − 1 lognormal around the world's average. A published figure is
    lognormal around itself and ends at 1.
    """
    if efficiency.excess_sigma is not None:
        excess = (1 / efficiency.dcie - 1) * draws.lognormal(efficiency.excess_sigma, (f"pue/{host_id}", 1.0))
        return np.asarray(1 / (1 + excess), dtype=np.float64)
    if efficiency.half_width_90 == 0:
        return np.full(draws.n_draws, efficiency.dcie)
    sigma = sigma_of_half_width(efficiency.half_width_90)
    factors = draws.lognormal(sigma, (f"dcie/{host_id}/{efficiency.year}", 1.0))
    return np.asarray(np.minimum(efficiency.dcie * factors, 1.0), dtype=np.float64)


def intensity_draws_g_per_kwh(intensity: CarbonIntensity, draws: Draws) -> Floats:
    """Draw a carbon intensity. [gCO2e/kWh], shape (n_draws,).

    Each input it is put together from has a lognormal error. That of an energy source (``lifecycle/wind``) is
    drawn once for the source. Of any other figure, half of the variance is the method of the set, shared by
    all figures of that set, and half is the figure's own (a working assumption).
    """
    total = np.zeros(draws.n_draws)
    for term in intensity.terms:
        set_id = term.key.partition("/")[0]
        names = [(f"set/{set_id}", 0.5), (f"factor/{term.key}", 0.5)]
        if set_id in _SOURCE_FACTORS:
            names = [(f"factor/{term.key}", 1.0)]
        total = total + term.g_per_kwh * draws.lognormal(sigma_of_half_width(term.half_width_90), *names)
    return np.asarray(total, dtype=np.float64)
