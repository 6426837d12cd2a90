"""The time series of a run in a compact form: intervals as columns of small whole numbers, compressed.

What adds up (seconds, joules) is rounded as the sum so far, and the differences of that are kept: so a total stays
exact to half a step, however many samples it has. What does not (shares, factors) is rounded by itself.

A series is a row of chunks, each ``length of the rest (4 bytes) · its CRC-32 (4 bytes) · length of the head (4 bytes) ·
head · planes``. The head is deflated JSON: how many intervals the chunk holds, and for each column its name, how many
numbers it has, the first of them, and the lengths of its planes. The other numbers are differences to the one before,
and plane ``k`` holds the ``k``-th byte of each of them, deflated by itself: the noise of a meter lies in the low bytes,
the others are nearly empty. A column is found by its name: one that a chunk does not have takes its field's default.

Only the standard library is needed, so nothing has to be loaded for it, neither by a short job nor by a broken numpy.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from dataclasses import dataclass
from itertools import accumulate, pairwise, repeat
from typing import TYPE_CHECKING, Any

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


_SECONDS = _Quantity(1_000, adds_up=True)
_JOULES = _Quantity(100, adds_up=True)
_BOARD_JOULES = _Quantity(20, adds_up=True)
_SHARE = _Quantity(10_000, adds_up=False)
_FACTORS = dict.fromkeys(IdleFactors._fields, _SHARE)

INTERVAL_FIELDS: Mapping[str, _Quantity] = {
    "duration_s": _SECONDS,
    "busy_cpu_s": _SECONDS,
    "job_cpu_s": _SECONDS,
    "meter_cpu_s": _SECONDS,
    "cpu_counted_j": _JOULES,
    "ram_counted_j": _JOULES,
    "node_counted_j": _JOULES,
    "unseen_s": _SECONDS,
}
"""The numbers of an ``Interval``; its ``gpus``, ``still`` and ``idle_factors`` are taken apart."""

GPU_FIELDS: Mapping[str, _Quantity] = {
    "energy_j": _BOARD_JOULES,
    "active_share": _SHARE,
    "idle_share": _SHARE,
    "unseen_s": _SECONDS,
}
"""The fields of a ``GpuUse``."""

_TYPECODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_START = struct.Struct("<II")
_MOST_IN_CHUNK = 1 << 16
_LONGEST_HEAD = 1 << 20

Columns = dict[str, list[int]]
"""Column → its numbers. ``has.NAME`` is 1 where NAME is known, and NAME then has a number for those intervals only; the
columns of GPU n have one for each interval that has so many GPUs, as ``gpus`` says."""


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
                self._chunks += _chunk(self._waiting, self._carried)
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
        return bytes(self._chunks) + _chunk(self._waiting, dict(self._carried))


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
    for chunk in _whole_chunks(data):
        n_intervals, columns = _read_chunk(chunk)
        if merging > 1:
            n_intervals, columns = _merged(n_intervals, columns, merging)
        yield from _intervals(n_intervals, columns)


# From intervals to columns and back


def _columns(intervals: Sequence[Interval], carried: dict[str, float]) -> Columns:
    columns: Columns = {}

    def put(prefix: str, quantities: Mapping[str, _Quantity], rows: Sequence[object]) -> None:
        for field, quantity in quantities.items():
            values = [getattr(row, field) for row in rows]
            known = [value for value in values if value is not None]
            if len(known) < len(values):
                columns[f"has.{prefix}{field}"] = [int(value is not None) for value in values]
            columns[prefix + field] = _whole_numbers(prefix + field, quantity, known, carried)

    put("", INTERVAL_FIELDS, intervals)
    put("idle_factors.", _FACTORS, [interval.idle_factors for interval in intervals])
    for part in sorted({part for interval in intervals for part in interval.still}):
        columns[f"still.{part}"] = [int(part in interval.still) for interval in intervals]
    columns["gpus"] = [len(interval.gpus) for interval in intervals]
    for n in range(max(columns["gpus"])):
        put(f"gpu{n}.", GPU_FIELDS, [interval.gpus[n] for interval in intervals if len(interval.gpus) > n])
    return columns


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


def _intervals(n_intervals: int, columns: Columns) -> Iterator[Interval]:
    try:
        n_gpus = columns["gpus"]
        gpus = [
            _rows(f"gpu{n}.", GPU_FIELDS, columns, sum(count > n for count in n_gpus))
            for n in range(max(n_gpus))
        ]
        factors = _rows("idle_factors.", _FACTORS, columns, n_intervals)
        fields = _rows("", INTERVAL_FIELDS, columns, n_intervals)
        still = {name[6:]: flags for name, flags in columns.items() if name.startswith("still.")}
        for row, count in enumerate(n_gpus):
            yield Interval(
                **next(fields),
                gpus=tuple(GpuUse(**next(gpu)) for gpu in gpus[:count]),
                still=frozenset(part for part, flags in still.items() if flags[row]),
                idle_factors=IdleFactors(**next(factors)),
            )
    except (LookupError, TypeError, RuntimeError) as error:  # a StopIteration comes out as a RuntimeError
        raise ValueError(f"its columns do not fit each other ({error})") from None


def _rows(
    prefix: str, quantities: Mapping[str, _Quantity], columns: Columns, n_rows: int
) -> Iterator[dict[str, Any]]:
    """Give the fields of one row after the other, without those that the chunk does not have."""
    found = {}
    for field, quantity in quantities.items():
        numbers = columns.get(prefix + field)
        if numbers is None:
            continue
        known = iter([number / quantity.steps_per_unit for number in numbers])
        mask = columns.get(f"has.{prefix}{field}")
        found[field] = known if mask is None else [next(known) if has else None for has in mask]
    if not found:
        return repeat({}, n_rows)
    return (dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True))


def _merged(n_intervals: int, columns: Columns, size: int) -> tuple[int, Columns]:
    """Put intervals together by so many; a chunk in which counters come or go stays as it is."""
    flags = [name for name in columns if name == "gpus" or name.startswith(("has.", "still."))]
    if any(min(columns[name]) != max(columns[name]) for name in flags):
        return n_intervals, columns
    starts = range(0, n_intervals, size)

    def merged(name: str, numbers: list[int]) -> list[int]:
        blocks = [numbers[start : start + size] for start in starts] if numbers else []
        if name in flags:
            return [block[0] for block in blocks]
        if _quantity(name).adds_up:
            return [sum(block) for block in blocks]
        return [round(sum(block) / len(block)) for block in blocks]

    return len(starts), {name: merged(name, numbers) for name, numbers in columns.items()}


def _quantity(column: str) -> _Quantity:
    prefix, _, field = column.rpartition(".")
    if prefix == "idle_factors":
        return _FACTORS[field]
    return GPU_FIELDS[field] if prefix else INTERVAL_FIELDS[field]


# From columns to bytes and back


def _chunk(intervals: Sequence[Interval], carried: dict[str, float]) -> bytes:
    head: list[list[Any]] = []
    planes: list[bytes] = []
    for name, numbers in _columns(intervals, carried).items():
        first, packed = _planes(numbers)
        head.append([name, len(numbers), first, *map(len, packed)])
        planes += packed
    text = zlib.compress(json.dumps([len(intervals), head], separators=(",", ":")).encode(), 9)
    rest = len(text).to_bytes(4, "little") + text + b"".join(planes)
    return _START.pack(len(rest), zlib.crc32(rest)) + rest


def _planes(numbers: list[int]) -> tuple[int, list[bytes]]:
    """Give the first of the numbers, and the bytes of the differences between them, plane by plane."""
    first = numbers[0] if numbers else 0
    # Signs go into the lowest bit: 0, -1, 1, -2, 2 … become 0, 1, 2, 3, 4 …
    steps = [2 * step if step >= 0 else -2 * step - 1 for step in (b - a for a, b in pairwise(numbers))]
    most = max(steps, default=0)
    if most == 0:
        return first, []
    width = next((width for width in _TYPECODES if most < 1 << 8 * width), None)
    if width is None:
        raise OverflowError(f"a figure jumps by {most // 2} steps")
    return first, [_deflated(plane) for plane in _little_endian(steps, width)]


def _little_endian(steps: list[int], width: int) -> list[bytes]:
    packed = array(_TYPECODES[width], steps)
    if sys.byteorder == "big":
        packed.byteswap()
    data = packed.tobytes()
    return [data[k::width] for k in range(width)]


def _deflated(plane: bytes) -> bytes:
    # The bytes of a plane are noise or repeat at once: a filtered strategy codes the one and finds the other.
    packer = zlib.compressobj(9, wbits=-15, strategy=zlib.Z_FILTERED)
    return packer.compress(plane) + packer.flush()


def _whole_chunks(data: bytes) -> list[bytes]:
    """Take a series apart at the starts of its chunks.

    Raises:
        ValueError: If a byte of it is wrong or missing.
    """
    chunks: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + _START.size
        if start > len(data):
            raise ValueError(f"its end is missing, after {len(chunks)} whole chunks")
        length, checksum = _START.unpack_from(data, position)
        chunk = data[start : start + length]
        if len(chunk) != length or zlib.crc32(chunk) != checksum:
            raise ValueError(f"the checksum of chunk {len(chunks) + 1} does not fit")
        chunks.append(chunk)
        position = start + length
    return chunks


def _read_chunk(rest: bytes) -> tuple[int, Columns]:
    """Read what stands after the checksum of a chunk: its number of intervals, and its columns.

    Raises:
        ValueError: If it is nothing that this version has written.
    """
    try:
        n_head = int.from_bytes(rest[:4], "little")
        n_intervals, head = json.loads(_inflated(rest[4 : 4 + n_head], _LONGEST_HEAD, wbits=15))
        if not 0 < n_intervals <= _MOST_IN_CHUNK:
            raise ValueError(f"it says that it holds {n_intervals} intervals")
        columns, start = {}, 4 + n_head
        for name, n_numbers, first, *lengths in head:
            ends = list(accumulate(lengths, initial=start))
            planes = [rest[a:b] for a, b in pairwise(ends)]
            columns[str(name)] = _numbers(int(n_numbers), int(first), planes)
            start = ends[-1]
    except (zlib.error, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"a chunk is of another form ({error})") from None
    return n_intervals, columns


def _numbers(n_numbers: int, first: int, planes: list[bytes]) -> list[int]:
    if not 0 <= n_numbers <= _MOST_IN_CHUNK:
        raise ValueError(f"a column says that it holds {n_numbers} numbers")
    if n_numbers == 0:
        return []
    if not planes:
        return [first] * n_numbers
    width = len(planes)
    data = bytearray((n_numbers - 1) * width)
    for k, plane in enumerate(planes):
        data[k::width] = _inflated(plane, n_numbers - 1, wbits=-15)
    packed = array(_TYPECODES[width], bytes(data))
    if sys.byteorder == "big":
        packed.byteswap()
    return list(accumulate(((each >> 1) ^ -(each & 1) for each in packed), initial=first))


def _inflated(data: bytes, most: int, *, wbits: int) -> bytes:
    """Unpack, and refuse what would fill the memory."""
    unpacker = zlib.decompressobj(wbits)
    content = unpacker.decompress(data, most + 1)
    if len(content) > most or not unpacker.eof:
        raise ValueError("it is longer than it says")
    return content
