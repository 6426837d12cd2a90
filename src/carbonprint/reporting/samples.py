"""The samples of a run as people read them: a table, and the power of the job as one line of bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carbonprint.messages import translator
from carbonprint.reporting.quantities import fixed_number, number
from carbonprint.reporting.run_table import UNKNOWN
from carbonprint.reporting.sparkline import resampled, sparkline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from carbonprint.measuring.samples import Sample

_PARTS = ("cpu", "gpu", "ram", "other", "total")
_LEAST_WIDTH = 9
_MOST_BARS = 36
"""So many bars leave room for the figures in a line of 80."""


def sample_lines(samples: Iterable[Sample], language: str = "en") -> Iterator[str]:
    """Give a table of samples line by line: powers of the machine by component, of the job, and its share of the CPU.

    Args:
        samples: The samples of one run.
        language: ``en`` or ``nl``.
    """
    _ = translator(language)
    names = {
        "cpu": _("CPU"), "gpu": _("GPU"), "ram": _("memory"), "other": _("other"), "total": _("machine"),
    }  # fmt: skip
    headings = [
        _("from (s)"),
        _("for (s)"),
        *(f"{names[part]} (W)" for part in _PARTS),
        _("job (W)"),
        _("job (% CPU)"),
    ]
    widths = [max(len(heading), _LEAST_WIDTH) for heading in headings]

    def line(cells: Iterable[str]) -> str:
        return "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))

    def figure(value: float | None, places: int) -> str:
        return UNKNOWN if value is None else fixed_number(value, language, places=places)

    yield line(headings)
    for sample in samples:
        machine_j = sample.known_j(sample.split.machine)
        share = sample.job_cpu_share
        yield line(
            [
                figure(sample.start_s, 3),
                figure(sample.duration_s, 3),
                *(figure(sample.power_w(machine_j[part]), 2) for part in _PARTS),
                figure(sample.power_w(sample.split.job_j), 2),
                figure(None if share is None else 100 * share, 1),
            ]
        )


def power_line(samples: Iterable[Sample], language: str = "en") -> str:
    """Draw the power of the job over time, with its mean and the least and the most of what is drawn.

    Args:
        samples: The samples of one run; neighbours may be merged.
        language: ``en`` or ``nl``.

    Returns:
        The line; ``""`` where there are too few samples to draw anything.
    """
    energies = [(sample.duration_s, sample.split.job_j) for sample in samples]
    powers_w = resampled(energies, min(len(energies), _MOST_BARS)) if len(energies) > 1 else []
    if not powers_w:
        return ""
    least, mean, most = (
        number(power_w, language, digits=3)
        for power_w in (min(powers_w), sum(powers_w) / len(powers_w), max(powers_w))
    )
    _ = translator(language)
    figures = _("{mean} W ({least} to {most})").format(mean=mean, least=least, most=most)
    return f"{sparkline(powers_w)}  {figures}"
