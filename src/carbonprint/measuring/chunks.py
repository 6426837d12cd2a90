"""Columns of whole numbers as bytes: chunks with a checksum, in which every column is compressed by itself.

A chunk is ``length of the rest (4 bytes) · its CRC-32 (4 bytes) · length of the head (4 bytes) · head · planes``. The
head is deflated JSON: how many rows the chunk stands for; for each column its name, how many numbers it has, the first
of them, and the lengths of its planes; and the words that columns of words count in. The other numbers are differences
to the one before, and plane ``k`` holds the ``k``-th byte of each of them, deflated by itself: the noise of a meter
lies in the low bytes, the others are nearly empty.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

_TYPECODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_START = struct.Struct("<II")
_MOST_ROWS = 1 << 16
_LONGEST_HEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a chunk holds.

    Attributes:
        n_rows: How many rows it stands for.
        columns: Column → its numbers.
        words: What a column of words counts in: its numbers are places in this list.
    """

    n_rows: int
    columns: dict[str, list[int]]
    words: list[str]


def chunk_bytes(chunk: Chunk) -> bytes:
    """Write a chunk.

    Raises:
        OverflowError: If a number jumps by more than 64 bits can hold.
    """
    head: list[list[Any]] = []
    planes: list[bytes] = []
    for name, numbers in chunk.columns.items():
        first, packed = _planes(numbers)
        head.append([name, len(numbers), first, *map(len, packed)])
        planes += packed
    text = zlib.compress(json.dumps([chunk.n_rows, head, chunk.words], separators=(",", ":")).encode(), 9)
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


def whole_chunks(data: bytes) -> list[bytes]:
    """Take a row of chunks apart, and give what stands after the checksum of each.

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


def read_chunk(rest: bytes) -> Chunk:
    """Read what stands after the checksum of a chunk.

    Raises:
        ValueError: If it is nothing that ``chunk_bytes`` has written.
    """
    try:
        n_head = int.from_bytes(rest[:4], "little")
        n_rows, head, words = json.loads(_inflated(rest[4 : 4 + n_head], _LONGEST_HEAD, wbits=15))
        if not 0 < n_rows <= _MOST_ROWS:
            raise ValueError(f"a chunk says that it holds {n_rows} rows")
        columns, start = {}, 4 + n_head
        for name, n_numbers, first, *lengths in head:
            ends = list(accumulate(lengths, initial=start))
            planes = [rest[a:b] for a, b in pairwise(ends)]
            columns[str(name)] = _numbers(int(n_numbers), int(first), planes)
            start = ends[-1]
    except (zlib.error, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"a chunk is of another form ({error})") from None
    return Chunk(n_rows, columns, words)


def _numbers(n_numbers: int, first: int, planes: list[bytes]) -> list[int]:
    if not 0 <= n_numbers <= _MOST_ROWS:
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
