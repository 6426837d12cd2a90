"""The TDP of a CPU by codecarbon's table, looked up once for a machine and boot.

Reading the table of some thousand CPUs and matching a name takes tens of milliseconds of a core, beside every job. What
was found lies in the user's cache; one that is broken, or of another CPU, boot or codecarbon, is looked up again.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from carbonprint.measuring.journal import boot_id

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "detection.json"

_MOST_W = 1e5
"""No CPU has a TDP beyond it. [W]"""


def tdp_of_cpu_w(cpu_name: str) -> float | None:
    """Look up a CPU by codecarbon's own rule. [W]; None where it does not know the CPU.

    Args:
        cpu_name: Name of the CPU, as the kernel gives it.
    """
    from carbonprint.measuring.codecarbon_meter import CODECARBON_VERSION, match_tdp_w

    key = {"boot_id": boot_id(), "cpu_name": cpu_name, "codecarbon": CODECARBON_VERSION}
    path = _cache_path()
    if path is not None and (cached := _cached(path, key)):
        return cached[0]
    from carbonprint.reference.codecarbon_tables import cpu_tdp_table

    tdp_w = match_tdp_w(cpu_name, cpu_tdp_table())
    if path is not None and key["boot_id"]:
        _keep(path, {**key, "tdp_w": tdp_w})
    return tdp_w


def _cache_path() -> Path | None:
    """Name the file in the user's cache; None for a user without a home."""
    import platformdirs

    with contextlib.suppress(RuntimeError):
        folder = platformdirs.user_cache_path("carbonprint")
        if folder.is_absolute():
            return folder / FILE_NAME
    return None


def _cached(path: Path, key: dict[str, str]) -> tuple[float | None, ...]:
    """Give what was found before, which may be None, as the only member; nothing where the cache is of no use."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        tdp_w = content["tdp_w"]
        is_possible = tdp_w is None or (type(tdp_w) in {int, float} and 0 < tdp_w < _MOST_W)
        is_ours = {name: content.get(name) for name in key} == key
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()
    return (tdp_w,) if is_possible and is_ours else ()


def _keep(path: Path, content: dict[str, Any]) -> None:
    """Write the file whole or not at all; a cache that cannot be written is none."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.write_text(json.dumps(content), encoding="utf-8")
        os.replace(temporary, path)
