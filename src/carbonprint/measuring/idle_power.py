"""The idle power of this machine, per component and boot, as runs and calibrations have found it.

It lies where all users of the machine can read it: in the directory of the registry.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from typing import TYPE_CHECKING, Any

from carbonprint.measuring.journal import boot_id

if TYPE_CHECKING:
    from collections.abc import Mapping

DIRECTORIES = ("/run/carbonprint", "/dev/shm/carbonprint")
"""Where root made it, the first; else the second, which anybody may make."""

FILE_NAME = "idle-power.json"


def read_idle_w() -> dict[str, float]:
    """Give the idle power that is known of this boot, by component (``cpu``, ``ram``, ``gpu0`` …). [W]."""
    return {name: float(entry["power_w"]) for name, entry in _entries().items()}


def note_idle_w(powers: Mapping[str, float], origin: str) -> None:
    """Note idle power for the runs to come; where that is not possible, nothing is noted.

    Args:
        powers: Power by component. [W].
        origin: Who found it: ``"calibration"`` or ``"run"``.
    """
    content = _entries()
    for name, power_w in powers.items():
        content[name] = {"power_w": power_w, "origin": origin}
    text = json.dumps({"boot_id": boot_id(), "components": content})
    path = os.path.join(_directory(), FILE_NAME)
    temporary = f"{path}.{os.getpid()}.part"
    try:
        _make_directory()
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with open(file, "w", encoding="ascii") as stream:
            stream.write(text)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _entries() -> dict[str, dict[str, Any]]:
    try:
        file = os.open(os.path.join(_directory(), FILE_NAME), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(file, encoding="ascii") as stream:
            if os.fstat(file).st_uid not in {0, os.geteuid()}:
                return {}
            content = json.load(stream)
        if content["boot_id"] != boot_id():
            return {}
        entries = content["components"]
        return {str(name): dict(each) for name, each in entries.items() if float(each["power_w"]) >= 0}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _directory() -> str:
    return DIRECTORIES[0] if os.path.isdir(DIRECTORIES[0]) else DIRECTORIES[1]


def _make_directory() -> None:
    directory = _directory()
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory)
        os.chmod(directory, 0o1777)
    if not stat.S_ISDIR(os.lstat(directory).st_mode):
        raise NotADirectoryError(directory)
