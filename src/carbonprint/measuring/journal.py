"""The journal of a run: every sample is appended to a file at once, so that nothing measured is lost with the wrapper.

One line an entry, ``CRC-32 in hexadecimal, blank, JSON``: whatever cuts the file, its whole lines still stand. The file
is held by flock(2), so the kernel tells whether its writer lives. A thread of its own writes, and has the disk hold
what was written every few seconds; so a slow disk never keeps the loop from passing a signal on.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from carbonprint.measuring.intervals import GpuUse, IdleFactors, Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

FORM = 1
"""The form of the journal that this version writes; it stands in the first entry."""

_SYNC_EVERY_S = 5.0
"""At most so much is lost when the power fails. [s]"""

_LONGEST_WAIT_S = 5.0
"""How long the end of a run waits for a disk that hangs. [s]"""

_DECIMALS = 6
"""Seconds and joules are written to the millionth."""


class Journal:
    """Writes the journal of one run; a disk that fails never raises, and what it refused is tried again.

    Args:
        path: The file; its directory is made.
        header: Gives the first entry; called when the journal is opened.
    """

    def __init__(self, path: Path, header: Callable[[], Mapping[str, Any]]) -> None:
        self.path = path
        self._header = header
        self._file: int | None = None
        self._unwritten = b""
        self._n_written = 0
        self._entries: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None

    def open(self, **start: object) -> None:
        """Make the file, hold it, and write the first entry; where that fails, the run has no journal.

        Args:
            start: What the first entry says besides the header: when the run started.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(
                self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
        except OSError:
            return
        hold(self._file)
        self.append("header", {"form": FORM, **start, **self._header()})
        writer = threading.Thread(target=self._write_entries, name="carbonprint-journal", daemon=True)
        with contextlib.suppress(
            RuntimeError
        ):  # as many threads as there may be: the entries are written at once
            writer.start()
            self._writer = writer

    def append(self, kind: str, value: object) -> None:
        """Append an entry."""
        if self._file is None:
            return
        line = _line(kind, value)
        if self._writer is not None:
            self._entries.put(line)
        else:
            self._write(line)

    def add_interval(self, interval: Interval) -> None:
        """Append what was seen between two samples."""
        self.append("interval", interval_as_list(interval))

    def close(self, **end: object) -> None:
        """Append the last entry, which says that the run has ended, and wait until all is written."""
        self.append("end", end)
        self._stop_writer()

    def remove(self) -> None:
        """Remove the file, once its run is kept."""
        self._stop_writer()
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        with contextlib.suppress(OSError):
            os.close(self._file)
        self._file = None

    def _stop_writer(self) -> None:
        if self._writer is not None:
            self._entries.put(None)
            self._writer.join(_LONGEST_WAIT_S)
            self._writer = None

    def _write_entries(self) -> None:
        synced_s = time.monotonic()
        while (line := self._entries.get()) is not None:
            self._write(line)
            if time.monotonic() - synced_s >= _SYNC_EVERY_S and self._file is not None:
                with contextlib.suppress(OSError):
                    os.fdatasync(self._file)
                synced_s = time.monotonic()

    def _write(self, line: bytes) -> None:
        """Write, after what a full disk has refused before; a line that did not fit is taken back."""
        if self._file is None:
            return
        waiting = self._unwritten + line
        try:
            n_taken = os.write(self._file, waiting)
        except OSError:
            n_taken = 0
        whole = waiting[:n_taken].rpartition(b"\n")
        n_kept = len(whole[0]) + len(whole[1])
        if n_kept < len(waiting):
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._n_written + n_kept)
                os.lseek(self._file, self._n_written + n_kept, os.SEEK_SET)
        self._n_written += n_kept
        self._unwritten = waiting[n_kept:]


@dataclass(slots=True)
class JournalContent:
    """What the whole entries of a journal hold.

    Attributes:
        header: What was known before the run started; empty where not even that was written.
        setup: The machine and the model; None where they were not known yet.
        intervals: What was seen, in order.
        caveats: Code and text of what went wrong.
        end: The last entry of a run that ended; None of one that was cut off.
        interval_s: Time between two samples at the end, where it has grown. [s]; else None.
        n_damaged: How many lines were no whole entries.
    """

    header: dict[str, Any] = field(default_factory=dict)
    setup: dict[str, Any] | None = None
    intervals: list[Interval] = field(default_factory=list)
    caveats: list[tuple[str, str]] = field(default_factory=list)
    end: dict[str, Any] | None = None
    interval_s: float | None = None
    n_damaged: int = 0

    @property
    def is_of_another_version(self) -> bool:
        """Whether a newer carbonprint wrote it, which alone knows what stands in it."""
        return bool(self.header.get("form", FORM) != FORM)


def read_journal(data: bytes) -> JournalContent:
    """Read the whole entries of a journal; what is damaged is counted and passed over.

    Args:
        data: The bytes of the file, cut wherever it may be.
    """
    content = JournalContent()
    for line in data.split(b"\n")[:-1]:
        try:
            _take_in(content, *_entry(line))
        except (TypeError, ValueError, LookupError):
            content.n_damaged += 1
    return content


def _take_in(content: JournalContent, kind: str, value: Any) -> None:  # noqa: ANN401  # whatever a file holds
    if kind == "interval":
        content.intervals.append(interval_from_list(value))
    elif kind == "caveat":
        content.caveats.append((str(value[0]), str(value[1])))
    elif kind == "interval_s":
        content.interval_s = float(value)
    elif kind in {"header", "setup", "end"}:
        setattr(content, kind, dict(value))
    else:
        raise ValueError(f"entries of the kind {kind} are not known")


def hold(file: int) -> bool:
    """Take the lock that says that somebody is at this file; give whether it was free.

    Where the file system knows no locks, it counts as free.
    """
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def boot_id() -> str:
    """Give the id of this boot of the machine, random_(4); ``""`` where there is none."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def interval_as_list(interval: Interval) -> list[Any]:
    """Give an interval as a list that JSON can hold, seconds and joules to the millionth."""
    return [
        *(
            _rounded(value)
            for value in (
                interval.duration_s,
                interval.busy_cpu_s,
                interval.job_cpu_s,
                interval.meter_cpu_s,
                interval.cpu_counted_j,
                interval.ram_counted_j,
                interval.node_counted_j,
                interval.unseen_s,
            )
        ),
        sorted(interval.still),
        [_rounded(factor) for factor in interval.idle_factors],
        [
            [
                _rounded(gpu.energy_j),
                _rounded(gpu.active_share),
                _rounded(gpu.idle_share),
                _rounded(gpu.unseen_s),
                _rounded(gpu.process_share),
                _rounded(gpu.utilisation),
                gpu.method,
            ]
            for gpu in interval.gpus
        ],
    ]


def interval_from_list(values: list[Any]) -> Interval:
    """Read what ``interval_as_list`` wrote.

    Raises:
        TypeError, ValueError, IndexError: If it is something else.
    """
    duration_s, busy_s, job_s, meter_s, cpu_j, ram_j, node_j, unseen_s, still, factors, gpus = values
    return Interval(
        duration_s=float(duration_s),
        busy_cpu_s=busy_s,
        job_cpu_s=float(job_s),
        meter_cpu_s=float(meter_s),
        cpu_counted_j=cpu_j,
        ram_counted_j=ram_j,
        node_counted_j=node_j,
        unseen_s=float(unseen_s),
        still=frozenset(still),
        idle_factors=IdleFactors(*factors),
        gpus=tuple(
            GpuUse(
                energy_j=energy_j,
                active_share=active,
                idle_share=idle,
                unseen_s=gpu_unseen_s,
                process_share=process_share,
                utilisation=utilisation,
                method=method,
            )
            for energy_j, active, idle, gpu_unseen_s, process_share, utilisation, method in gpus
        ),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)


def _line(kind: str, value: object) -> bytes:
    import json
    import zlib

    text = json.dumps([kind, value], separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _entry(line: bytes) -> tuple[str, Any]:
    """Read one line.

    Raises:
        ValueError: If it is not whole.
    """
    import json
    import zlib

    checksum, _, text = line.partition(b" ")
    if int(checksum, 16) != zlib.crc32(text):
        raise ValueError("the checksum does not fit")
    kind, value = json.loads(text)
    return str(kind), value
