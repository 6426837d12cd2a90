"""A tree of powercap files on disk, as Linux shows RAPL, with a writer behind it."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from bisect import bisect_right
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WRITER = Path(__file__).with_name("powercap_writer.py")


@dataclass(frozen=True)
class Domain:
    """One counter: its folder in the tree, the name in it, its power, where it starts and where it wraps around.

    ``w_per_cpu`` comes on top of its power for every thread of the machine that is busy; ``stops_after_s`` is when it
    stands still, since it was first written.
    """

    folder: str
    name: str
    power_w: float
    start_uj: int = 0
    range_uj: int = 262_143_328_850
    w_per_cpu: float = 0.0
    stops_after_s: float = float("inf")


TWO_PACKAGES = (
    Domain("intel-rapl/intel-rapl:0", "package-0", 55.0, start_uj=100_000_000, range_uj=150_000_000),
    Domain("intel-rapl/intel-rapl:0/intel-rapl:0:0", "dram", 7.0, start_uj=17_000_000, range_uj=20_000_000),
    Domain("intel-rapl/intel-rapl:1", "package-1", 80.0, start_uj=30_000_000, range_uj=160_000_000),
    Domain("intel-rapl/intel-rapl:1/intel-rapl:1:0", "dram", 9.0, start_uj=3_000_000, range_uj=20_000_000),
)
"""Two packages with DRAM in each; every counter wraps around every two or three seconds."""


class Tree:
    """The files; ``root`` stands for ``/sys/class/powercap``."""

    def __init__(self, root: Path, domains: Sequence[Domain]) -> None:
        self.root = root
        self.domains = tuple(domains)
        for domain in domains:
            folder = root / domain.folder
            folder.mkdir(parents=True)
            (folder / "name").write_text(f"{domain.name}\n")
            (folder / "energy_uj").write_text(f"{domain.start_uj:020d}\n")
            (folder / "max_energy_range_uj").write_text(f"{domain.range_uj}\n")
        (root / "domains.json").write_text(json.dumps([vars(domain) for domain in domains]))


@dataclass
class Log:
    """What the writer wrote and when, by its own clock."""

    rows: list[list[float]]
    domains: tuple[Domain, ...]

    def energy_j(self, name: str, start_s: float, end_s: float) -> float:
        """Energy of all domains whose name begins so, between the last writes before two moments. [J]"""
        columns = [1 + n for n, domain in enumerate(self.domains) if domain.name.startswith(name)]
        start, end = self._row_at(start_s), self._row_at(end_s)
        return sum(end[column] - start[column] for column in columns)

    def longest_gap_s(self, start_s: float, end_s: float) -> float:
        """Longest time between two writes from one moment to another. [s]"""
        times = [row[0] for row in self.rows if start_s - 0.01 <= row[0] <= end_s + 0.01]
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    def _row_at(self, moment_s: float) -> list[float]:
        return self.rows[bisect_right(self.rows, [moment_s, float("inf")]) - 1]


@contextmanager
def writing(tree: Tree) -> Iterator[list[Any]]:
    """Have the writer write; the list that this gives holds its ``Log`` once the block has ended."""
    log_path = tree.root / "log.json"
    command = [sys.executable, "-S", "-E", str(WRITER), str(tree.root), str(log_path)]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE)
    logs: list[Any] = []
    try:
        yield logs
    finally:
        assert writer.stdin is not None
        writer.stdin.close()
        writer.wait(10)
    logs.append(Log(rows=json.loads(log_path.read_text()), domains=tree.domains))


@contextmanager
def tree_in_memory(domains: Sequence[Domain]) -> Iterator[Tree]:
    """Make a tree in memory, where a write takes microseconds."""
    shm = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="powercap-", dir=shm if shm.is_dir() else None))
    try:
        yield Tree(root, domains)
    finally:
        shutil.rmtree(root)
