"""What a run says of itself in the registry: one line of fixed length with a checksum, written over itself in place."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import asdict, dataclass
from typing import Any

from carbonprint.measuring.idle_division import WHOLE, Claim, Shares

LINE_BYTES = 1024
"""Length of the line, padded with blanks: a line written over another leaves nothing of it."""

_MOST_S = 1e12
"""No machine runs, and no job computes, for so long. [s]"""

_MOST_PID = 2**31

MOST_BOARDS = 16
"""So many GPUs have room in the line of a run; of those beyond, others take all to be reserved."""

_FORM = 2
_RUN_ID = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One run in the registry.

    Attributes:
        run_id: Id of the run.
        pid: Process id of its wrapper.
        pid_start: When that process started, in ticks since the machine did: an id may be given twice.
        pid_namespace: In which PID namespace it has that id; 0 where unknown.
        boot_id: Since which start of the machine it runs.
        start_s: Monotonic time at which it started. [s].
        last_s: Up to when it has counted. [s], monotonic.
        end_s: When it ended. [s], monotonic; None while it lives, or where it was killed.
        shares: What of the machine is reserved for it.
        boards: What of each GPU is reserved for it, of at most ``MOST_BOARDS``. [-].
        job_cpu_s: CPU seconds of its job up to ``last_s``. [s].
        meter_cpu_s: The same of its wrapper. [s].
        outer: Id of the run that it takes place in; None of an outermost one.
    """

    run_id: str
    pid: int
    pid_start: int
    pid_namespace: int
    boot_id: str
    start_s: float
    last_s: float
    end_s: float | None = None
    shares: Shares = WHOLE
    boards: tuple[float, ...] = ()
    job_cpu_s: float = 0.0
    meter_cpu_s: float = 0.0
    outer: str | None = None

    def as_line(self) -> bytes:
        """Return it as a line of ``LINE_BYTES``."""
        text = json.dumps({"form": _FORM, **asdict(self)}, separators=(",", ":"), allow_nan=False).encode()
        return (b"%08x %b" % (zlib.crc32(text), text)).ljust(LINE_BYTES - 1) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Entry | None:
        """Read what ``as_line`` wrote; None where it is torn, of another form, or holds what cannot be."""
        checksum, _, text = line.strip().partition(b" ")
        try:
            if int(checksum, 16) != zlib.crc32(text):
                return None
            fields = json.loads(text)
            if fields.pop("form") != _FORM:
                return None
            entry = cls(**{**fields, "shares": Shares(*fields["shares"]), "boards": tuple(fields["boards"])})
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        return entry if _is_possible(entry) else None

    def claim(self, end_s: float, counted_until_s: float) -> Claim:
        """Give its claim on the idle machine.

        Args:
            end_s: When it ended. [s], monotonic; infinite while it lives.
            counted_until_s: Up to when it had counted before it could know of us. [s].
        """
        return Claim(
            start_s=self.start_s,
            end_s=end_s,
            shares=self.shares,
            counted_until_s=counted_until_s,
            boards=self.boards,
        )


def _is_possible(entry: Entry) -> bool:
    """Whether the values are what they say: anybody on the machine may have written them."""
    seconds = [entry.start_s, entry.last_s, entry.job_cpu_s, entry.meter_cpu_s]
    if entry.end_s is not None:
        seconds.append(entry.end_s)
    return (
        all(_is_between(value, 0, _MOST_S) for value in seconds)
        and all(_is_between(share, 0, 1) for share in (*entry.shares, *entry.boards))
        and len(entry.boards) <= MOST_BOARDS
        and all(isinstance(number, int) for number in (entry.pid, entry.pid_start, entry.pid_namespace))
        and 0 < entry.pid < _MOST_PID
        and isinstance(entry.boot_id, str)
        and _is_run_id(entry.run_id)
        and (entry.outer is None or _is_run_id(entry.outer))
        and entry.start_s <= entry.last_s
        and (entry.end_s is None or entry.end_s >= entry.start_s)
    )


def _is_between(value: Any, least: float, most: float) -> bool:  # noqa: ANN401  # whatever the file holds
    return isinstance(value, int | float) and least <= value <= most


def _is_run_id(value: Any) -> bool:  # noqa: ANN401  # likewise
    return isinstance(value, str) and _RUN_ID.fullmatch(value) is not None
