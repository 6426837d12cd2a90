"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def write_whole(path: Path, content: bytes | Iterable[bytes], *, is_private: bool = False) -> None:
    """Write a file under a temporary name beside it, flush it to the disk, and rename it.

    A file that is there is replaced and keeps its permissions; a link keeps pointing where it did; a pipe or
    a device cannot be replaced, so it is written to. A private file is for its owner alone and replaces
    whatever bears its name: in a directory that all may write, somebody may have laid a link there.

    Args:
        path: The file.
        content: All that it is to hold, at once or part by part.
        is_private: Whether only its owner may read it.

    Raises:
        OSError: If it cannot be written; nothing is left behind then.
    """
    parts = [content] if isinstance(content, bytes) else content
    target = path if is_private else Path(os.path.realpath(path))
    if not is_private and target.exists() and not target.is_file():
        with open(target, "wb") as stream:
            stream.writelines(parts)
        return
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600 if is_private else 0o666)
    try:
        with open(descriptor, "wb") as stream:
            if not is_private and target.exists():
                os.fchmod(stream.fileno(), stat.S_IMODE(target.stat().st_mode))
            stream.writelines(parts)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
