"""How well a job's energy is told: beside codecarbon, in the same run.

Three tables: active energy per CPU second of the same work in six shapes of processes; the energy of the machine
against counters that advance at a known power; and what metering itself costs with few and with many processes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapes import SHAPES
from stage import OWN, PEER, BenchmarkError, Stage, set_stage

sys.path.append(str(Path(__file__).parents[1] / "tests" / "measuring"))
from powercap_tree import TWO_PACKAGES, tree_in_memory, writing

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
JOULES_PER_KWH = 3_600_000
MOST_SPREAD = 0.03
"""How much the shapes may differ in active energy per CPU second. [-]"""
MOST_ERROR = 0.01
"""How far a counted energy may lie from the truth. [-]"""
JOB_SECONDS = (0.05, 0.5, 5.0, 60.0)
COST_AIMS = {10: 0.005, 500: 0.02}
"""Processes in the job → the part of one core that metering may take. [-]"""
MEMORY_AIM_MIB = 100


def shape_rows(stage: Stage, work_s: float) -> list[list[str]]:
    """Measure the same work in every shape; the last line of the table is the spread."""
    figures: dict[str, tuple[float, float]] = {}
    rows = []
    for label, function in SHAPES.items():
        command = [sys.executable, "-S", str(HERE / "shapes.py"), function.__name__, str(work_s)]
        own_log, peer_log = (
            stage.folder / f"own-{function.__name__}",
            stage.folder / f"peer-{function.__name__}",
        )
        record = own_record(stage, [*command, str(own_log)])
        own = record["measurement"]["active_energy_kwh"]["cpu"] * JOULES_PER_KWH / cpu_seconds(own_log)
        peer = peer_result(stage, "process", "-", [*command, str(peer_log)])["cpu_j"] / cpu_seconds(peer_log)
        figures[label] = own, peer
        counted = record["measurement"]["cpu_s"] / cpu_seconds(own_log)
        rows.append([label, f"{own:.3f}", f"{counted:.4f}", f"{peer:.3f}"])
        progress()
    own_spread, peer_spread = (spread([each[at] for each in figures.values()]) for at in (0, 1))
    reached = "yes" if own_spread <= MOST_SPREAD else "no"
    rows.append(["spread", f"{own_spread:.1%}", f"aim {MOST_SPREAD:.0%}: {reached}", f"{peer_spread:.0%}"])
    return [["active J per CPU second", OWN, "CPU s counted / truth", f"{PEER}, process mode"], *rows]


def truth_rows(stage: Stage, job_seconds: Sequence[float]) -> list[list[str]]:
    """Measure waiting jobs beside counters that advance at a known power."""
    rows = [["job of", "truth J", OWN, "error", "reached", PEER, "error"]]
    for job_s in job_seconds:
        command = ["sleep", str(job_s)]
        with tree_in_memory(TWO_PACKAGES) as tree:
            with writing(tree) as logs:
                time.sleep(0.2)
                record = own_record(stage, command, CARBONPRINT_POWERCAP_DIR=str(tree.root))
                peer = peer_result(stage, "machine", str(tree.root), command)
            log = logs[0]
        started_s = record_start_s(record)
        truth_j = log.energy_j("package", started_s, started_s + record["duration_s"])
        own_j = record["measurement"]["machine_energy_kwh"]["cpu"] * JOULES_PER_KWH
        peer_truth_j = log.energy_j("package", peer["started_s"], peer["ended_s"])
        own_error, peer_error = own_j / truth_j - 1, peer["cpu_j"] / peer_truth_j - 1
        reached = "yes" if abs(own_error) <= MOST_ERROR else "no"
        rows.append(
            [f"{job_s:g} s", f"{truth_j:.2f}", f"{own_j:.2f}", f"{own_error:+.2%}", reached,
             f"{peer['cpu_j']:.2f}", f"{peer_error:+.1%}"]
        )  # fmt: skip
        progress()
    return rows


def cost_rows(stage: Stage, window_s: float) -> list[list[str]]:
    """Measure what metering takes of one core, once everything is loaded, and the peak of its memory."""
    rows = [
        ["processes in the job", f"{OWN}, of one core", "aim", "reached", "peak MiB", f"{PEER}, of one core"]
    ]
    for n_processes, aim in COST_AIMS.items():
        command = [
            sys.executable, "-S", str(HERE / "shapes.py"), "idle", str(n_processes), str(window_s + 12)
        ]  # fmt: skip
        own, memory_mib = running_cost(stage, OWN, command, window_s)
        peer, _ = running_cost(stage, PEER, command, window_s)
        reached = "yes" if own < aim and memory_mib < MEMORY_AIM_MIB else "no"
        rows.append(
            [str(n_processes), f"{own:.2%}", f"< {aim:.1%}", reached, f"{memory_mib:.0f}", f"{peer:.2%}"]
        )
        progress()
    return rows


def running_cost(stage: Stage, contender: str, command: list[str], window_s: float) -> tuple[float, float]:
    """Part of one core that a wrapper takes while its job waits [-], and the peak of its memory [MiB]."""
    arguments = stage.wrapped(contender, command)
    if contender == PEER:  # its samples are 10 s apart unless told otherwise
        arguments[2:2] = ["--measure-power-secs", "1"]
    silent = subprocess.DEVNULL
    process = subprocess.Popen(
        arguments, cwd=stage.folder, env=stage.environ, stdin=silent, stdout=silent, stderr=silent
    )
    try:
        time.sleep(8)  # by then both have loaded what they load
        before_s, began_s = own_cpu_s(process.pid), time.monotonic()
        time.sleep(window_s)
        share = (own_cpu_s(process.pid) - before_s) / (time.monotonic() - began_s)
        return share, peak_memory_mib(process.pid)
    finally:
        process.terminate()
        process.wait()


def own_cpu_s(pid: int) -> float:
    """CPU time of one process by its own clock, without its children. [s]."""
    return time.clock_gettime((~pid << 3) | 2)


def peak_memory_mib(pid: int) -> float:
    """Largest resident size of a process so far. [MiB]."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise BenchmarkError(f"/proc/{pid}/status names no peak of memory")


def own_record(stage: Stage, command: list[str], **variables: str) -> dict[str, Any]:
    """Have carbonprint run a command, and return its record."""
    environ = {**stage.environ, **variables}
    silent = subprocess.DEVNULL
    subprocess.run(
        stage.wrapped(OWN, command), cwd=stage.folder, env=environ, stdin=silent, stdout=silent, stderr=silent,
        check=True,
    )  # fmt: skip
    shown = subprocess.run(
        [stage.executables[OWN], "runs", "show", "last", "--format", "json"],
        cwd=stage.folder, env=environ, capture_output=True, check=True,
    )  # fmt: skip
    return json.loads(shown.stdout)


def peer_result(stage: Stage, mode: str, tree: str, command: list[str]) -> dict[str, float]:
    """Have codecarbon's tracker run a command, and return what it says of the CPU."""
    out = stage.folder / "peer.json"
    subprocess.run(
        [sys.executable, str(HERE / "peer.py"), mode, tree, str(out), *command],
        cwd=stage.folder, env=stage.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return json.loads(out.read_text(encoding="ascii"))


def cpu_seconds(log: Path) -> float:
    """CPU seconds that the processes of a job wrote down. [s]."""
    return sum(float(line) for line in log.read_text(encoding="ascii").splitlines())


def record_start_s(record: dict[str, Any]) -> float:
    from datetime import datetime

    return datetime.fromisoformat(record["started_at"]).timestamp()


def spread(figures: Sequence[float]) -> float:
    """How far the largest lies above the smallest. [-]."""
    return max(figures) / min(figures) - 1 if min(figures) > 0 else float("inf")


def progress() -> None:
    print(".", end="", file=sys.stderr, flush=True)


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out in columns; the first is text, the others stand to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *others = (cell.ljust(width) if at == 0 else cell.rjust(width)
                          for at, (cell, width) in enumerate(zip(row, widths, strict=True)))  # fmt: skip
        lines.append("  ".join([first, *others]))
    return "\n".join(lines)


def main() -> None:
    """Read the options and run the benchmark."""
    parser = argparse.ArgumentParser(
        description="Measure how well a job's energy is told, beside codecarbon."
    )
    parser.add_argument("--work-seconds", type=float, default=6.0, metavar="S",
                        help="CPU seconds of the work in every shape (default: 6)")  # fmt: skip
    parser.add_argument("--window-seconds", type=float, default=20.0, metavar="S",
                        help="how long the cost of metering is watched (default: 20)")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="leave the job of 60 s out")
    options = parser.parse_args()
    if options.work_seconds <= 0 or options.window_seconds <= 0:
        parser.error("--work-seconds and --window-seconds have to be above 0")
    with tempfile.TemporaryDirectory(prefix="attribution-") as folder:
        stage = set_stage(Path(folder))
        tables = [
            shape_rows(stage, options.work_seconds),
            truth_rows(stage, JOB_SECONDS[:-1] if options.quick else JOB_SECONDS),
            cost_rows(stage, options.window_seconds),
        ]
    print(file=sys.stderr)
    print("\n\n".join(map(text_table, tables)))


if __name__ == "__main__":
    try:
        main()
    except (BenchmarkError, subprocess.CalledProcessError) as error:
        sys.exit(f"attribution.py: {error}")
