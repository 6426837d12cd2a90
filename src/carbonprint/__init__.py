"""carbonprint: what one run of an algorithm cost in energy and CO2 at the datacenter that hosts it.

Example:
    >>> import carbonprint
    >>> with carbonprint.measure(host="odc-noord", name="train") as m:  # doctest: +SKIP
    ...     model.fit(images, digits)
    >>> m.footprint.location_based_kg  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carbonprint.api.measure import measure, measured

__version__ = "0.1.0"
__all__ = ["__version__", "measure", "measured"]


def __getattr__(name: str) -> object:
    # Resolved when first used: the command line starts in a tenth of a second and needs none of it.
    if name in {"measure", "measured"}:
        from carbonprint.api import measure as module

        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
