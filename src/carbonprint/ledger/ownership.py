"""Whose a directory is, where anybody may have made it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


ROOT = 0


def is_anothers(directory: Path) -> bool:
    """Whether a directory in a place where all may write (``/tmp``) was made by another user, who rules over it.

    Without a home directory runs are kept in ``/tmp/carbonprint-UID``: a name that everybody can foresee. What belongs
    to root is trusted. A directory elsewhere is as its owner wants it, such as one that a team shares.
    """
    try:
        around, itself = directory.absolute().parent.stat(), directory.lstat()
    except OSError:
        return False
    is_open_to_all = bool(around.st_mode & stat.S_ISVTX) and bool(around.st_mode & stat.S_IWOTH)
    return is_open_to_all and itself.st_uid not in {ROOT, os.geteuid()}
