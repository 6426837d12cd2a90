"""What a run has used so far, for whoever follows it while it goes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a run has used so far, as far as it is known now: its idle power may turn out lower before it ends.

    Attributes:
        elapsed_s: Since it started. [s].
        power_w: Mean power of the job since the last sample, its share of idle included. [W].
        energy_kwh: Energy of the job at the input of the IT equipment. [kWh].
    """

    elapsed_s: float
    power_w: float
    energy_kwh: float
