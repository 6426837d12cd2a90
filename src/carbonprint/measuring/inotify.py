"""Hear of new folders as they are made: inotify(7) (Linux)."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# include/uapi/linux/inotify.h
_CREATE = 0x100
_IS_FOLDER = 0x40000000
_ONLY_FOLDERS = 0x01000000
_HEAD = struct.Struct("iIII")


class NewFolders:
    """Hears of folders that are made in the folders it watches.

    Attributes:
        descriptor: Can be read when there is something to hear.

    Raises:
        OSError: If the kernel offers it not, or no more of it.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._folders: dict[int, Path] = {}

    def watch(self, folder: Path) -> bool:
        """Watch one folder; False where that is not possible (it is gone, or the user watches as many as allowed)."""
        number = self._libc.inotify_add_watch(self.descriptor, os.fsencode(folder), _CREATE | _ONLY_FOLDERS)
        if number >= 0:
            self._folders[number] = folder
        return bool(number >= 0)

    def heard(self) -> Iterator[Path]:
        """Give the folders that were made since it was last asked."""
        try:
            content = os.read(self.descriptor, 65536)
        except BlockingIOError:
            return
        while content:
            number, mask, _cookie, length = _HEAD.unpack_from(content)
            name = content[_HEAD.size : _HEAD.size + length].rstrip(b"\0")
            content = content[_HEAD.size + length :]
            folder = self._folders.get(number)
            if folder is not None and name and mask & _IS_FOLDER:
                yield folder / os.fsdecode(name)

    def close(self) -> None:
        """Hear of nothing any more."""
        os.close(self.descriptor)
