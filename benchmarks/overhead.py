"""What wrapping a command costs: carbonprint beside codecarbon's own wrapper, in the same run.

Bare command, carbonprint and codecarbon take turns within every round, so that a drift of the machine hits
all three; what is added is the difference to the bare command of the same round. One table of medians goes
to standard output; README.md tells how to read it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from results import Result, Row, as_json, table, under, under_share
from stage import BARE, OWN, PEER, BenchmarkError, Ended, Stage, set_stage

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_JOB_ROUNDS = 5
"""Rounds of the CPU-bound job, at most: each takes some 18 s, and the whole must end within three minutes."""

MOST_MEMORY_ROUNDS = 3
"""Rounds of the memory's peak, at most: it differs by less than 1 MiB from one run to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A command, the contenders that run it, and what is read off each run.

    Attributes:
        command: Contender → command line.
        rows: What is read off.
        most_rounds: How many rounds at most.
        contenders: Who takes part, in this order.
    """

    command: Callable[[str], list[str]]
    rows: tuple[Row, ...]
    most_rounds: int = sys.maxsize
    contenders: tuple[str, ...] = (BARE, OWN, PEER)


def scenarios(stage: Stage, job_s: float) -> list[Scenario]:
    """List what is measured, as the table shows it; the CPU-bound job is calibrated here."""
    stamp = [*stage.probe, "stamp", str(stage.folder / "stamp")]
    job = [*stage.probe, "work", str(_steps(stage, job_s))]
    return [
        Scenario(
            command=lambda contender: stage.wrapped(contender, stamp),
            rows=(Row(label="(a) start of the command, added", unit="s", figure=_start_s,
                      aims=(under(0.1, "s"), under_share(10))),),
        ),
        Scenario(
            command=lambda contender: stage.wrapped(contender, ["true"]),
            rows=(Row(label="(b) wall added to true", unit="s", figure=_wall_s, aims=(under_share(3),)),
                  Row(label="(b) CPU added to true", unit="s", figure=_cpu_s, aims=(under_share(3),))),
        ),
        Scenario(
            command=lambda contender: stage.wrapped(contender, job),
            rows=(Row(label=f"(c) wall added to a {job_s:g} s job", unit="s", figure=_wall_s,
                      aims=(under(0.1, "s"),)),),
            most_rounds=MOST_JOB_ROUNDS,
        ),
        Scenario(
            command=lambda contender: stage.wrapped(contender, ["sleep", "0.5"]),
            rows=(Row(label="(d) peak memory", unit="MiB", figure=_memory_mib, aims=(under(100, "MiB"),),
                      is_above_bare=False),),
            most_rounds=MOST_MEMORY_ROUNDS,
            contenders=(OWN, PEER),
        ),
        Scenario(
            command=lambda contender: [stage.executables[contender], "--help"],
            rows=(Row(label="(e) --help", unit="s", figure=_wall_s, aims=(under(0.15, "s"),),
                      is_above_bare=False),),
            contenders=(OWN, PEER),
        ),
    ]  # fmt: skip


def measure(scenario: Scenario, stage: Stage, n_runs: int) -> list[Result]:
    """Let the contenders take turns, and return the figures of every row."""
    figures: dict[str, list[list[float]]] = {contender: [] for contender in scenario.contenders}
    for _ in range(min(n_runs, scenario.most_rounds)):
        for contender in scenario.contenders:
            ended = stage.run(scenario.command(contender))
            figures[contender].append([row.figure(ended, stage) for row in scenario.rows])
        print(".", end="", file=sys.stderr, flush=True)

    def of(contender: str, at: int, row: Row) -> list[float]:
        if not row.is_above_bare:
            return [each[at] for each in figures[contender]]
        pairs = zip(figures[contender], figures[BARE], strict=True)
        return [each[at] - bare[at] for each, bare in pairs]

    return [
        Result(row=row, own=of(OWN, at, row), peer=of(PEER, at, row)) for at, row in enumerate(scenario.rows)
    ]


def warm_up(stage: Stage) -> None:
    """Run everything once, so that no measured start compiles bytecode or reads a cold disk."""
    for contender in (BARE, OWN, PEER):
        stage.run(stage.wrapped(contender, ["true"]))
    for executable in stage.executables.values():
        stage.run([executable, "--help"])


def _steps(stage: Stage, job_s: float) -> int:
    """Find how many steps of the probe's work take about this long on one core."""
    n_steps, wall_s = 100_000, 0.0
    while wall_s < 0.4:
        n_steps *= 2
        wall_s = stage.run([*stage.probe, "work", str(n_steps)]).wall_s
    return max(1, round(n_steps * job_s / wall_s))


def _start_s(ended: Ended, stage: Stage) -> float:
    stamp = stage.folder / "stamp"
    started_ns = int(stamp.read_text(encoding="ascii"))
    stamp.unlink()  # a command that does not start must not find the stamp of the one before
    return (started_ns - ended.invoked_ns) / 1e9


def _wall_s(ended: Ended, _stage: Stage) -> float:
    return ended.wall_s


def _cpu_s(ended: Ended, _stage: Stage) -> float:
    return ended.cpu_s


def _memory_mib(ended: Ended, _stage: Stage) -> float:
    return ended.peak_memory_mib


def conditions_of(stage: Stage, load: float) -> dict[str, object]:
    """Say under which conditions the figures were taken."""
    return {
        "python": sys.version.split()[0],
        OWN: version(OWN),
        PEER: version(PEER),
        "n_cores": len(os.sched_getaffinity(0)),
        "load_before": round(load, 2),
        "probe": "C" if len(stage.probe) == 1 else "Python",
    }


def benchmark(n_runs: int, job_s: float, json_path: Path | None) -> None:
    """Measure everything, print the table, write the JSON file where one is asked for."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        stage = set_stage(Path(folder))
        warm_up(stage)
        results = [
            result for scenario in scenarios(stage, job_s) for result in measure(scenario, stage, n_runs)
        ]
        conditions = conditions_of(stage, load)
    print(file=sys.stderr)
    print(", ".join(f"{name} {value}" for name, value in conditions.items()))
    print(table(results))
    if json_path is not None:
        json_path.write_text(as_json(results, conditions), encoding="utf-8")


def main() -> None:
    """Read the options and run the benchmark."""
    parser = argparse.ArgumentParser(description="Measure what wrapping a command costs, beside codecarbon.")
    parser.add_argument("--runs", type=int, default=7, metavar="N", help="rounds (default: 7)")
    parser.add_argument("--job-seconds", type=float, default=5.0, metavar="S",
                        help="how long the CPU-bound job takes, about (default: 5)")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every round's figures here")
    options = parser.parse_args()
    if options.runs < 1 or options.job_seconds <= 0:
        parser.error("--runs and --job-seconds have to be above 0")
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"--json: {options.json.parent} is not a directory")
    try:
        benchmark(options.runs, options.job_seconds, options.json)
    except BenchmarkError as error:
        sys.exit(f"overhead.py: {error}")


if __name__ == "__main__":
    main()
