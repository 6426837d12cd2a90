"""A line of small bars: how something went over time, in the width of a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BARS = "▁▂▃▄▅▆▇█"


def resampled(energies: Iterable[tuple[float, float]], n_cells: int) -> list[float]:
    """Give the mean power in each of as many cells of equal duration; what falls into two is shared by time.

    Args:
        energies: Duration [s] and energy [J] of what follows each other.
        n_cells: How many cells.

    Returns:
        Mean powers [W], shape (n_cells,); nothing where all of it took no time.
    """
    parts = list(energies)
    cell_s = sum(duration_s for duration_s, _ in parts) / n_cells
    if cell_s <= 0:
        return []
    cells_j = [0.0] * n_cells
    begin_s = 0.0
    for duration_s, energy_j in parts:
        end_s = begin_s + duration_s
        first = min(int(begin_s / cell_s), n_cells - 1)
        last = min(int(end_s / cell_s), n_cells - 1)
        if first == last:
            cells_j[first] += energy_j
        else:
            for cell in range(first, last + 1):
                inside_s = min(end_s, (cell + 1) * cell_s) - max(begin_s, cell * cell_s)
                cells_j[cell] += energy_j * inside_s / duration_s
        begin_s = end_s
    return [cell_j / cell_s for cell_j in cells_j]


def sparkline(values: Sequence[float]) -> str:
    """Draw one bar a value, from 0 to the largest."""
    most = max(values, default=0.0)
    if most <= 0:
        return BARS[0] * len(values)
    return "".join(BARS[min(int(max(value, 0.0) / most * len(BARS)), len(BARS) - 1)] for value in values)
