"""The raw energy counters of the powercap tree, read before codecarbon has been loaded.

Only the numbers are read here; which of them count, and what they add up to, is codecarbon's to say
(``codecarbon_meter.py``), which is given these as its first reading.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

DEFAULT_POWERCAP_DIR = Path("/sys/class/powercap")
"""Where Linux shows the RAPL counters (kernel documentation, power/powercap)."""


_UNDISTURBED_S = 0.0003
"""A reading of a dozen files takes less than this unless something comes between. [s]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCounters:
    """One reading of every counter.

    Attributes:
        at_s: Monotonic time of the reading, in the middle of it. [s].
        energy_uj: Counter by the real path of its file. [µJ].
    """

    at_s: float
    energy_uj: dict[str, int]


def find_counters(powercap_dir: Path) -> list[str]:
    """Find the ``energy_uj`` files of all RAPL domains, whether readable or not."""
    found: dict[str, None] = {}
    folders = [
        folder for folder in _subfolders(str(powercap_dir)) if "intel-rapl" in folder.rpartition("/")[2]
    ]
    for depth in range(3):
        deeper: list[str] = []
        for folder in folders:
            path = f"{folder}/energy_uj"
            if os.path.exists(path):
                found[os.path.realpath(path)] = None
            deeper += [sub for sub in _subfolders(folder) if ":" in sub.rpartition("/")[2]]
        folders = deeper if depth < 2 else []
    return list(found)


def read_counters(paths: list[str]) -> RawCounters:
    """Read the counters now; one that cannot be read is left out.

    A reading that was interrupted does not belong to one moment: it is repeated, and the quickest of three stands.
    """
    best, best_s = _read_once(paths)
    for _ in range(2):
        if best_s <= _UNDISTURBED_S:
            break
        again, again_s = _read_once(paths)
        if again_s < best_s:
            best, best_s = again, again_s
    return best


def _read_once(paths: list[str]) -> tuple[RawCounters, float]:
    """Read the counters, and say how long that took. [s]."""
    begun_s = time.monotonic()
    energy_uj: dict[str, int] = {}
    for path in paths:
        try:
            with open(path, "rb", buffering=0) as counter:
                energy_uj[path] = int(counter.read(64))
        except (OSError, ValueError):
            continue
    ended_s = time.monotonic()
    return RawCounters(at_s=(begun_s + ended_s) / 2, energy_uj=energy_uj), ended_s - begun_s


def wall_clock_at(monotonic_s: float) -> float:
    """Give the wall clock at a moment of the monotonic clock. [s since 1970].

    The two clocks are read one after the other; of three tries the one with the least between them stands.
    """
    tries = []
    for _ in range(3):
        before_s, wall_s, after_s = time.monotonic(), time.time(), time.monotonic()
        tries.append((after_s - before_s, wall_s - (before_s + after_s) / 2))
    return monotonic_s + min(tries)[1]


def _subfolders(folder: str) -> list[str]:
    try:
        return [entry.path for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return []
