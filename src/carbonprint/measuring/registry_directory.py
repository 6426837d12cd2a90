"""The directory in which the runs of one machine see each other: small files that any of its users may have written.

``/run/carbonprint`` where root made it, else ``/dev/shm/carbonprint``, which whoever comes first makes for all. Nothing
in it is trusted further than its form: links, pipes, devices and long files are passed over.
"""

from __future__ import annotations

import contextlib
import os
import stat

BY_ROOT = "/run/carbonprint"
"""Root may make this one (``install -d -m 1777 /run/carbonprint``)."""

FOR_ALL = "/dev/shm/carbonprint"
"""Whoever comes first makes this one, in memory; gone with the next start of the machine."""

VARIABLE = "CARBONPRINT_REGISTRY_DIR"
"""Another directory in place of both, for tests: runs in different ones do not see each other. No setting."""

MOST_BYTES = 4096
"""No file of ours is longer."""

_OPEN_TO_ALL = 0o1777


def open_directory() -> int | None:
    """Open the directory, and make it where nobody has; None where there is none that can be trusted or used.

    Returns:
        A descriptor that closes on exec.
    """
    given = os.environ.get(VARIABLE)
    if given:
        with contextlib.suppress(OSError):
            os.makedirs(given, mode=0o700, exist_ok=True)
        return _opened(given)
    directory = _opened(BY_ROOT)
    if directory is not None:
        made_by = os.fstat(directory)
        if made_by.st_uid == 0 and stat.S_IMODE(made_by.st_mode) & _OPEN_TO_ALL == _OPEN_TO_ALL:
            return directory
        os.close(directory)
    return _made_for_all()


def open_to_read(directory: int, name: str) -> int | None:
    """Open a small regular file of the directory; None where it is gone or something else."""
    try:
        file = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=directory
        )
    except OSError:
        return None
    status = os.fstat(file)
    if stat.S_ISREG(status.st_mode) and status.st_size <= MOST_BYTES:
        return file
    os.close(file)
    return None


def make_hidden(directory: int, name: str) -> int:
    """Make a new file under a name that nobody looks for, readable by all; ``show`` gives it its own.

    Raises:
        OSError: If it cannot be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    hidden = _hidden(name)
    with contextlib.suppress(OSError):  # of a process that had our id and died in between
        os.unlink(hidden, dir_fd=directory)
    file = os.open(hidden, flags, 0o644, dir_fd=directory)
    with contextlib.suppress(OSError):
        os.fchmod(file, 0o644)  # whatever the umask
    return file


def show(directory: int, name: str) -> None:
    """Give a file made by ``make_hidden`` its name, in place of one of ours that may have it.

    Raises:
        OSError: If the name is another user's, or the directory is gone.
    """
    os.rename(_hidden(name), name, src_dir_fd=directory, dst_dir_fd=directory)


def identity(descriptor: int) -> tuple[int, int]:
    """Tell a file from every other: its device and its number there.

    Raises:
        OSError: If the descriptor is closed.
    """
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def close_own(descriptor: int, known: tuple[int, int]) -> None:
    """Close a descriptor, unless somebody has closed it and its number is another file's now.

    A block of Python that makes its process a daemon closes everything that is open.
    """
    with contextlib.suppress(OSError):
        if identity(descriptor) == known:
            os.close(descriptor)


def _hidden(name: str) -> str:
    return f".{name}.{os.getpid()}"


def _opened(path: str) -> int | None:
    """Open a directory that cannot be a trap: root's or ours, or one in which nobody can replace another's files."""
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, AttributeError):  # not every system has all of these flags
        return None
    status = os.fstat(directory)
    if status.st_uid in {0, os.geteuid()} or status.st_mode & stat.S_ISVTX:
        return directory
    os.close(directory)
    return None


def _made_for_all() -> int | None:
    has_made = False
    with contextlib.suppress(OSError):
        os.mkdir(FOR_ALL, _OPEN_TO_ALL)
        has_made = True
    directory = _opened(FOR_ALL)
    if directory is not None and has_made:
        with contextlib.suppress(OSError):
            os.fchmod(directory, _OPEN_TO_ALL)  # whatever the umask
    return directory
