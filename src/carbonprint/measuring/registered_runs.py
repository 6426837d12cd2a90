"""What the files of the registry say of the runs behind them, and whether these live."""

from __future__ import annotations

import fcntl
import os

from carbonprint.measuring.journal import boot_id
from carbonprint.measuring.processes import parent_and_start
from carbonprint.measuring.registry_directory import open_to_read
from carbonprint.measuring.registry_entry import LINE_BYTES, Entry

SUFFIX = ".run"
"""What follows the id of a run in the name of its file."""

MOST_FILES = 1000
"""More than these are not looked at: somebody has filled the directory."""


def has_live_runs(directory: int) -> bool:
    """Whether any run is registered that lives."""
    try:
        names = [name for name in os.listdir(directory) if name.endswith(SUFFIX)]
    except OSError:
        return False
    return any(
        seen is not None and seen[1] and seen[0].end_s is None and seen[0].boot_id == boot_id()
        for seen in (read_run(directory, name) for name in names[:MOST_FILES])
    )


def read_run(directory: int, name: str) -> tuple[Entry, bool, bool] | None:
    """Read the file of a run; give its entry, whether it lives, and whether we may remove it; None where it is none."""
    file = open_to_read(directory, name)
    if file is None:
        return None
    try:
        # First the lock: a run writes its end before it lets go.
        is_held = _is_held(file)
        entry = Entry.from_line(os.pread(file, LINE_BYTES, 0)) or Entry.from_line(
            os.pread(file, LINE_BYTES, 0)
        )
        is_removable = os.geteuid() in {0, os.fstat(file).st_uid}
    except OSError:
        return None
    finally:
        os.close(file)
    return None if entry is None else (entry, is_held and is_running(entry), is_removable)


def _is_held(file: int) -> bool:
    """Whether somebody holds a file; where the file system knows no locks, the process tells."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def is_running(entry: Entry) -> bool:
    """Whether the process of a run is there, as far as it can be seen from here."""
    if entry.pid_namespace == 0 or entry.pid_namespace != pid_namespace():
        return True
    found = parent_and_start(entry.pid)
    if found is not None:
        return found[1] == entry.pid_start
    try:
        os.kill(entry.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def pid_namespace() -> int:
    """Tell in which PID namespace this process is; 0 where that cannot be told."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def ancestors() -> dict[int, int]:
    """Give this process and all above it, nearest first, each with its start in ticks."""
    found: dict[int, int] = {}
    pid = os.getpid()
    while pid > 0 and pid not in found and (known := parent_and_start(pid)) is not None:
        found[pid] = known[1]
        pid = known[0]
    return found
