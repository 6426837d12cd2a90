"""The idle power of this machine as it is known: seen or calibrated, for all runs since the machine was started.

Runs that overlap must use one figure, or their sum could exceed the machine. So all of them read it at their start, and
it changes only while no run is live. Each user has a file of their own in the directory of the registry, since nobody
can replace another's there; all are read by one rule, so that everybody gets the same: a calibration by root, else the
lowest calibration, else the lowest that was seen. Whatever else drew power meanwhile can only have made it higher; and
whatever a file says, idle is never more than what was counted.
"""

from __future__ import annotations

import json
import math
import os
import re
from typing import TYPE_CHECKING, Any

from carbonprint.measuring.counters import DEFAULT_POWERCAP_DIR
from carbonprint.measuring.journal import boot_id
from carbonprint.measuring.registered_runs import has_live_runs
from carbonprint.measuring.registry_directory import (
    MOST_BYTES,
    make_hidden,
    open_directory,
    open_to_read,
    show,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SEEN = "seen"
"""The lowest power that a run saw while there was nothing to do."""

CALIBRATION = "calibration"
"""Measured for this purpose."""

_FILE = re.compile(r"idle-power\.(\d{1,10})\.json")
_COMPONENT = re.compile(r"cpu|ram|node|gpu\d{1,3}")

_LEAST_W, _MOST_W = 0.01, 10_000.0
"""A component that draws less or more than this with nothing to do is a mistake. [W]"""

_ROOT = 0

_Figures = dict[str, tuple[float, str]]
"""Component → power [W] and where it is from."""


def read_idle_w(powercap_dir: Path = DEFAULT_POWERCAP_DIR) -> dict[str, float]:
    """Give the idle power that is known, by component (``cpu``, ``ram``, ``gpu0`` …). [W]; empty where none is.

    Args:
        powercap_dir: The counters that are read: what others have shown says nothing of them.
    """
    directory = open_directory()
    if directory is None:
        return {}
    try:
        best: dict[str, tuple[int, float]] = {}
        for user_id, figures in _all_figures(directory, powercap_dir):
            for name, (power_w, origin) in figures.items():
                rank = 2 if origin != CALIBRATION else int(user_id != _ROOT)
                best[name] = min(best.get(name, (rank, power_w)), (rank, power_w))
    finally:
        os.close(directory)
    return {name: power_w for name, (_, power_w) in sorted(best.items())}


def note_idle_w(
    powers_w: Mapping[str, float], origin: str, powercap_dir: Path = DEFAULT_POWERCAP_DIR
) -> bool:
    """Keep idle power for the runs to come, until the machine is started anew.

    What was seen replaces only what is higher, and never a calibration; a calibration replaces everything.

    Args:
        powers_w: Power by component (``cpu``, ``ram``, ``gpu0`` …). [W]; one that cannot be is left out.
        origin: ``SEEN`` or ``CALIBRATION``.
        powercap_dir: The counters that have shown it.

    Returns:
        Whether it is kept; not while a run is live, nor where there is no directory to keep it in.
    """
    directory = open_directory()
    if directory is None:
        return False
    try:
        if has_live_runs(directory):
            return False
        user_id = os.geteuid()
        known = dict(_all_figures(directory, powercap_dir)).get(user_id, {})
        possible_w = {name: power_w for name, power_w in powers_w.items() if _is_possible(name, power_w)}
        figures = _renewed(known, possible_w, origin)
        if figures != known:
            _write(directory, _file_name(user_id), figures, powercap_dir)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(directory)


def _renewed(known: _Figures, powers_w: Mapping[str, float], origin: str) -> _Figures:
    figures = dict(known)
    for name, power_w in powers_w.items():
        before_w, before_origin = known.get(name, (math.inf, SEEN))
        if origin == CALIBRATION or (before_origin == SEEN and power_w < before_w):
            figures[name] = (power_w, origin)
    return figures


def _all_figures(directory: int, powercap_dir: Path) -> Iterator[tuple[int, _Figures]]:
    """Give what each user has noted since the machine was started; a file that is not that user's is passed over."""
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in sorted(names):
        matched = _FILE.fullmatch(name)
        file = open_to_read(directory, name) if matched else None
        if matched is None or file is None:
            continue
        try:
            content = os.pread(file, MOST_BYTES, 0) if os.fstat(file).st_uid == int(matched[1]) else b""
        except OSError:
            content = b""
        finally:
            os.close(file)
        yield int(matched[1]), _figures(content, powercap_dir)


def _figures(content: bytes, powercap_dir: Path) -> _Figures:
    """Read one file; what is not as we write it is left out."""
    try:
        fields = json.loads(content)
        if fields["boot_id"] != boot_id() or fields["powercap_dir"] != str(powercap_dir):
            return {}
        return {
            name: (float(each["power_w"]), str(each["origin"]))
            for name, each in fields["idle"].items()
            if _is_possible(name, each["power_w"]) and each["origin"] in {SEEN, CALIBRATION}
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _is_possible(name: str, power_w: Any) -> bool:  # noqa: ANN401  # whatever a file holds
    return (
        _COMPONENT.fullmatch(name) is not None
        and isinstance(power_w, int | float)
        and _LEAST_W <= power_w <= _MOST_W
    )


def _write(directory: int, name: str, figures: _Figures, powercap_dir: Path) -> None:
    content = {
        "boot_id": boot_id(),
        "powercap_dir": str(powercap_dir),
        "idle": {
            part: {"power_w": power_w, "origin": origin}
            for part, (power_w, origin) in sorted(figures.items())
        },
    }
    file = make_hidden(directory, name)
    try:
        data = json.dumps(content).encode()
        is_whole = len(data) <= MOST_BYTES and os.write(file, data) == len(data)
    finally:
        os.close(file)
    if is_whole:
        show(directory, name)


def _file_name(user_id: int) -> str:
    return f"idle-power.{user_id}.json"
