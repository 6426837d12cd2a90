"""The time series of a run in a compact form: intervals as columns of small whole numbers, compressed.

What adds up (seconds, joules) is rounded as the sum so far, and the differences of that are kept: so a total stays
exact to half a step, however many samples it has. What does not (shares, factors) is rounded by itself.

A series is a row of chunks (``chunks.py``), each of which can be read by itself. A column is found by its name: one
that a chunk does not have takes its field's default.

Only the standard library is needed, so nothing has to be loaded for it, neither by a short job nor by a broken numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise, repeat
from typing import TYPE_CHECKING, Any

from carbonprint.measuring.chunks import Chunk, chunk_bytes, read_chunk, whole_chunks
from carbonprint.measuring.intervals import GpuUse, IdleFactors, Interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FORM = 1
"""The form of a series that this version writes and reads."""

CHUNK_SIZE = 1024
"""Intervals in a chunk that is full: few enough to be written between two signals, some 10 ms with one GPU."""


@dataclass(frozen=True, slots=True)
class _Quantity:
    """How the values of a field become whole numbers: so many steps to one, of the sum so far or by themselves."""

    steps_per_unit: int
    adds_up: bool


@dataclass(frozen=True, slots=True)
class _Word:
    """A field that holds one of a few words: kept is its place among the words of the chunk."""


_Kind = _Quantity | _Word

_WORD = _Word()
_SECONDS = _Quantity(1_000, adds_up=True)
_JOULES = _Quantity(100, adds_up=True)
_BOARD_JOULES = _Quantity(20, adds_up=True)
_SHARE = _Quantity(10_000, adds_up=False)
_FACTORS: Mapping[str, _Kind] = dict.fromkeys(IdleFactors._fields, _SHARE)

INTERVAL_FIELDS: Mapping[str, _Kind] = {
    "duration_s": _SECONDS,
    "busy_cpu_s": _SECONDS,
    "job_cpu_s": _SECONDS,
    "meter_cpu_s": _SECONDS,
    "cpu_counted_j": _JOULES,
    "ram_counted_j": _JOULES,
    "node_counted_j": _JOULES,
    "unseen_s": _SECONDS,
}
"""The fields of an ``Interval``, besides its ``gpus``, ``still`` and ``idle_factors``, which are taken apart."""

GPU_FIELDS: Mapping[str, _Kind] = {
    "energy_j": _BOARD_JOULES,
    "active_share": _SHARE,
    "idle_share": _SHARE,
    "unseen_s": _SECONDS,
    "process_share": _SHARE,
    "utilisation": _SHARE,
    "method": _WORD,
}
"""The fields of a ``GpuUse``."""


class SeriesWriter:
    """Takes the intervals of a run as they come, and keeps them in little memory."""

    def __init__(self) -> None:
        self._chunks = bytearray()
        self._waiting: list[Interval] = []
        self._carried: dict[str, float] = {}
        self._n_encoded = 0
        self._fault = ""

    def add(self, interval: Interval) -> None:
        """Add an interval; where a figure cannot be kept, ``encoded`` says so, and no run suffers from it before."""
        if self._fault:
            return
        self._waiting.append(interval)
        if len(self._waiting) == CHUNK_SIZE:
            try:
                self._chunks += chunk_bytes(_columns(self._waiting, self._carried))
            except (ValueError, OverflowError) as error:
                self._fault = str(error)
            self._n_encoded += CHUNK_SIZE
            self._waiting = []

    @property
    def n_samples(self) -> int:
        """How many intervals were added."""
        return self._n_encoded + len(self._waiting)

    def encoded(self) -> bytes:
        """Give all that was added so far; more may be added after it.

        Raises:
            ValueError, OverflowError: If a figure is none that can be kept (NaN, infinite).
        """
        if self._fault:
            raise ValueError(self._fault)
        if not self._waiting:
            return bytes(self._chunks)
        return bytes(self._chunks) + chunk_bytes(_columns(self._waiting, dict(self._carried)))


def encode(intervals: Iterable[Interval]) -> bytes:
    """Write intervals in the compact form.

    Raises:
        ValueError, OverflowError: If a figure is none that can be kept (NaN, infinite).
    """
    writer = SeriesWriter()
    for interval in intervals:
        writer.add(interval)
    return writer.encoded()


def decode(data: bytes, *, merging: int = 1) -> Iterator[Interval]:
    """Read what ``encode`` wrote, chunk by chunk.

    Args:
        data: All of it.
        merging: Put so many intervals that follow each other together, where they were seen by the same counters; their
            shares are then means.

    Raises:
        ValueError: If it is damaged, before the first interval where a byte of it is wrong; the message says how.
    """
    for rest in whole_chunks(data):
        chunk = read_chunk(rest)
        yield from _intervals(_merged(chunk, merging) if merging > 1 else chunk)


# From intervals to columns and back: ``has.NAME`` is 1 where NAME is known, and NAME then has a number for those
# intervals only; the columns of GPU n have one for each interval that has so many GPUs, as ``gpus`` says.


def _columns(intervals: Sequence[Interval], carried: dict[str, float]) -> Chunk:
    columns: dict[str, list[int]] = {}
    words: dict[str, int] = {}

    def put(prefix: str, kinds: Mapping[str, _Kind], rows: Sequence[object]) -> None:
        for field, kind in kinds.items():
            values = [getattr(row, field) for row in rows]
            known = [value for value in values if value is not None]
            if len(known) < len(values):
                columns[f"has.{prefix}{field}"] = [int(value is not None) for value in values]
            if isinstance(kind, _Word):
                columns[prefix + field] = [words.setdefault(str(word), len(words)) for word in known]
            else:
                columns[prefix + field] = _whole_numbers(prefix + field, kind, known, carried)

    put("", INTERVAL_FIELDS, intervals)
    put("idle_factors.", _FACTORS, [interval.idle_factors for interval in intervals])
    for part in sorted({part for interval in intervals for part in interval.still}):
        columns[f"still.{part}"] = [int(part in interval.still) for interval in intervals]
    columns["gpus"] = [len(interval.gpus) for interval in intervals]
    for n in range(max(columns["gpus"])):
        put(f"gpu{n}.", GPU_FIELDS, [interval.gpus[n] for interval in intervals if len(interval.gpus) > n])
    return Chunk(len(intervals), columns, list(words))


def _whole_numbers(
    name: str, quantity: _Quantity, values: list[float], carried: dict[str, float]
) -> list[int]:
    """Round values; what rounding has left over of a sum is carried into the next chunk."""
    steps = quantity.steps_per_unit
    if not quantity.adds_up:
        return [round(value * steps) for value in values]
    sums = list(accumulate(values, initial=carried.get(name, 0.0)))
    rounded = [0, *(round(total * steps) for total in sums[1:])]
    carried[name] = sums[-1] - rounded[-1] / steps
    return [later - earlier for earlier, later in pairwise(rounded)]


def _intervals(chunk: Chunk) -> Iterator[Interval]:
    columns = chunk.columns
    try:
        n_gpus = columns["gpus"]
        gpus = [
            _rows(f"gpu{n}.", GPU_FIELDS, chunk, sum(count > n for count in n_gpus))
            for n in range(max(n_gpus))
        ]
        factors = _rows("idle_factors.", _FACTORS, chunk, chunk.n_rows)
        fields = _rows("", INTERVAL_FIELDS, chunk, chunk.n_rows)
        still = {name[6:]: flags for name, flags in columns.items() if name.startswith("still.")}
        for row, count in enumerate(n_gpus):
            yield Interval(
                **next(fields),
                gpus=tuple(GpuUse(**next(gpu)) for gpu in gpus[:count]),
                still=frozenset(part for part, flags in still.items() if flags[row]),
                idle_factors=IdleFactors(**next(factors)),
            )
    except (
        LookupError,
        TypeError,
        StopIteration,
        RuntimeError,
    ) as error:  # of an inner generator, RuntimeError
        raise ValueError(f"its columns do not fit each other ({error})") from None


def _rows(prefix: str, kinds: Mapping[str, _Kind], chunk: Chunk, n_rows: int) -> Iterator[dict[str, Any]]:
    """Give the fields of one row after the other, without those that the chunk does not have."""
    found: dict[str, Iterable[Any]] = {}
    for field, kind in kinds.items():
        numbers = chunk.columns.get(prefix + field)
        if numbers is None:
            continue
        values: list[Any] = (
            [chunk.words[number] for number in numbers]
            if isinstance(kind, _Word)
            else [number / kind.steps_per_unit for number in numbers]
        )
        mask = chunk.columns.get(f"has.{prefix}{field}")
        known = iter(values)
        found[field] = values if mask is None else [next(known) if has else None for has in mask]
    if not found:
        return repeat({}, n_rows)
    return (dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True))


def _merged(chunk: Chunk, size: int) -> Chunk:
    """Put intervals together by so many; a chunk in which counters come or go stays as it is."""
    columns = chunk.columns
    flags = [name for name in columns if name == "gpus" or name.startswith(("has.", "still."))]
    if any(min(columns[name]) != max(columns[name]) for name in flags):
        return chunk
    starts = range(0, chunk.n_rows, size)

    def merged(name: str, numbers: list[int]) -> list[int]:
        blocks = [numbers[start : start + size] for start in starts] if numbers else []
        if name in flags:
            return [block[0] for block in blocks]
        kind = _kind(name)
        if isinstance(kind, _Word):
            return [block[-1] for block in blocks]
        if kind.adds_up:
            return [sum(block) for block in blocks]
        return [round(sum(block) / len(block)) for block in blocks]

    merged_columns = {name: merged(name, numbers) for name, numbers in columns.items()}
    return Chunk(len(starts), merged_columns, chunk.words)


def _kind(column: str) -> _Kind:
    prefix, _, field = column.rpartition(".")
    if prefix == "idle_factors":
        return _FACTORS[field]
    return GPU_FIELDS[field] if prefix else INTERVAL_FIELDS[field]
