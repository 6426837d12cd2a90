"""Find the number in what a meter at a machine's input says, and put its readings together to an energy."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from carbonprint.hardware_profile import ENERGY_UNITS_J, POWER_UNITS_W

if TYPE_CHECKING:
    from carbonprint.hardware_profile import MeterSource

MOST_BYTES = 65_536
"""So much of what a meter says is looked at."""

_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")

_LONGEST_SILENCE_S = 30.0
"""The last power seen stands for at most so long; BMCs answer every few seconds. [s]"""


def reading_in(text: str, source: MeterSource) -> float | None:
    """Find a meter's reading. [W] or [J], as its unit is; None where there is none, or it is no possible one.

    A machine that is on draws power, so a power of 0 W or less is no reading, and neither is an energy below 0.

    Args:
        text: What its file holds or its command printed.
        source: How the number is found.
    """
    number = _number_in(text, source)
    if number is None or not math.isfinite(number):
        return None
    if source.counts_energy:
        return number * ENERGY_UNITS_J[source.unit] if number >= 0 else None
    return number * POWER_UNITS_W[source.unit] if number > 0 else None


def _number_in(text: str, source: MeterSource) -> float | None:
    if source.pattern:
        match = re.search(source.pattern, text, re.MULTILINE)
        return None if match is None else _float(match.group(1) or "")
    if source.key:
        return _number_of_key(text, source.key)
    return _first_number(text)


def _number_of_key(text: str, key: str) -> float | None:
    """Find the number of a name: in JSON by a path of keys, else on the line that begins with it.

    What Prometheus writes between braces after a name (``{sensor="power1"}``) is no number of it.
    """
    if text.lstrip()[:1] in {"{", "["}:
        return _number_in_json(text, key)
    for line in text.splitlines():
        rest = line.strip().removeprefix(key)
        if rest != line.strip() and not rest[:1].isalnum() and rest[:1] != "_":
            return _first_number(re.sub(r"^\{[^}]*\}", "", rest))
    return None


def _number_in_json(text: str, key: str) -> float | None:
    try:
        value = json.loads(text)
        for part in key.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if isinstance(value, str):
        return _first_number(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _first_number(text: str) -> float | None:
    match = _NUMBER.search(text)
    return None if match is None else _float(match.group())


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


_LEAST_SEEN = 0.5
"""A meter that saw less of an interval than this says nothing of it. [-]"""


class MeterIntegral:
    """The energy of a meter's readings so far.

    Between two readings a power runs straight from the one to the other, and a counter of energy counts what it says;
    around the last, the power seen last stands until the next reading corrects it. What was given once is taken off
    what is given later, so the sum is that of the meter.

    Args:
        source: The meter.
    """

    def __init__(self, source: MeterSource) -> None:
        self._counts_energy = source.counts_energy
        unit_j = ENERGY_UNITS_J.get(source.unit, 1.0)
        self._wraps_at_j = None if source.wraps_at is None else source.wraps_at * unit_j
        self._at_s: float | None = None
        self._begun_s = 0.0
        self._reading = 0.0
        self._power_w: float | None = None
        self._energy_j = 0.0
        self._given_j = 0.0

    def add(self, at_s: float, reading: float) -> None:
        """Add a reading.

        Args:
            at_s: Monotonic time at which it was read. [s].
            reading: Power [W] or energy [J], as the meter has it.
        """
        if self._at_s is not None and at_s > self._at_s:
            more_j = self._since_last_j(at_s - self._at_s, reading)
            if more_j is not None:
                self._energy_j += more_j
                self._power_w = more_j / (at_s - self._at_s)
            else:  # a counter that was set back: what it counted meanwhile is not known
                self.lose()
        if not self._counts_energy:
            self._power_w = reading
        if self._at_s is None:
            self._begun_s = at_s
        self._at_s, self._reading = at_s, reading

    def lose(self) -> None:
        """The meter did not answer: what it counts from now on does not belong to what was before."""
        self._at_s = None
        self._forget()

    def energy_j(self, since_s: float, now_s: float) -> float | None:
        """Give the energy since it was last asked. [J], ≥ 0; None where it is not known.

        Where the meter began to answer in between, what it saw stands for the whole, if it saw most of it.

        Args:
            since_s: Monotonic time of the last question. [s].
            now_s: Monotonic time of this one, near the last reading. [s].
        """
        if self._at_s is None or self._power_w is None or now_s - self._at_s > _LONGEST_SILENCE_S:
            return None
        # Before the last reading as well as after it, its power is the slope.
        so_far_j = self._energy_j + self._power_w * (now_s - self._at_s)
        more_j = max(0.0, so_far_j - self._given_j)
        self._given_j += more_j
        duration_s, seen_s = now_s - since_s, now_s - max(since_s, self._begun_s)
        if seen_s < _LEAST_SEEN * duration_s or seen_s <= 0:
            return None
        return more_j * duration_s / seen_s

    def _forget(self) -> None:
        self._power_w = None
        self._given_j = self._energy_j

    def _since_last_j(self, duration_s: float, reading: float) -> float | None:
        if not self._counts_energy:
            return (self._reading + reading) / 2 * duration_s
        more_j = reading - self._reading
        if more_j < 0 and self._wraps_at_j is not None:
            more_j += self._wraps_at_j
        return more_j if more_j >= 0 else None
