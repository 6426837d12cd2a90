"""Draws that are shared by everything that shares an input.

A draw is found by the name of its input (``factor/ember/NLD/2024``), not by the order in which it is asked
for. So the same input gives the same draws in every run, host and command, and what two figures share drops
out of their ratio.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

from carbonprint.footprint.seed import N_DRAWS, SEED

if TYPE_CHECKING:
    from carbonprint.footprint.arithmetic import Floats

_Z_95 = 1.6448536269514722
"""95th percentile of the standard normal distribution."""


class Draws:
    """Standard normal draws by name.

    Args:
        n_draws: How many.
        seed: Seed of all of them.
    """

    def __init__(self, n_draws: int = N_DRAWS, seed: int = SEED) -> None:
        self.n_draws = n_draws
        self.seed = seed
        self._known: dict[str, Floats] = {}

    def normal(self, name: str) -> Floats:
        """Give the draws of one input. [-], shape (n_draws,); the same for the same name."""
        if name not in self._known:
            digest = hashlib.sha256(f"{self.seed}\0{name}".encode()).digest()
            generator = np.random.default_rng(int.from_bytes(digest[:16], "big"))
            self._known[name] = generator.standard_normal(self.n_draws)
            self._known[name].setflags(write=False)  # all who share the input are given this one array
        return self._known[name]

    def lognormal(self, sigma: float, *parts: tuple[str, float]) -> Floats:
        """Give factors of median 1. [-], shape (n_draws,).

        Args:
            sigma: Standard deviation of the logarithm. [-].
            parts: Inputs that make it up: name, and its part of the variance; the parts sum to 1.
        """
        exponent = sum(math.sqrt(part) * self.normal(name) for name, part in parts)
        return np.asarray(np.exp(sigma * exponent), dtype=np.float64)


def sigma_of_half_width(half_width_90: float) -> float:
    """Give the sigma of the lognormal whose 95th percentile lies that fraction above its median. [-]."""
    return math.log1p(half_width_90) / _Z_95


def interval_90(draws: Floats) -> tuple[float, float]:
    """Give the 5th and 95th percentile of draws, in their unit."""
    # As numpy.quantile has it by default; that one imports numpy.ma, which takes longer than all the rest.
    ordered = np.sort(draws)
    last = len(ordered) - 1
    low, high = np.interp((0.05 * last, 0.95 * last), np.arange(last + 1), ordered)
    return float(low), float(high)
