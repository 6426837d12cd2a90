"""Where the contenders run: a temporary directory with its own home, and the commands that they wrap."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BARE, OWN, PEER = "bare", "carbonprint", "codecarbon"
ARGUMENTS = {
    OWN: ["run", "--host", "odc-noord", "--"],
    PEER: ["monitor", "--offline", "--country-iso-code", "NLD", "--no-api", "--"],
}
"""What turns an executable into a wrapper; neither of them asks the network for anything."""


class BenchmarkError(Exception):
    """The benchmark cannot go on; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that has run to its end.

    Attributes:
        invoked_ns: The monotonic clock just before it was started. [ns]
        wall_s: From there to its end. [s]
        cpu_s: User and system time of it and of all that it has waited for. [s]
        peak_memory_mib: Largest resident size of it, or of one that it has waited for. [MiB]
    """

    invoked_ns: int
    wall_s: float
    cpu_s: float
    peak_memory_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A temporary directory in which everything runs: nothing lands in the checkout or the home directory.

    Attributes:
        folder: Working directory, home and state directory.
        environ: Environment of what is run.
        executables: Contender → its executable.
        probe: The command that is wrapped: see probe.c.
    """

    folder: Path
    environ: dict[str, str]
    executables: dict[str, str]
    probe: list[str]

    def wrapped(self, contender: str, command: Sequence[str]) -> list[str]:
        """Return the command line by which a contender runs a command."""
        if contender == BARE:
            return list(command)
        return [self.executables[contender], *ARGUMENTS[contender], *command]

    def run(self, command: Sequence[str]) -> Ended:
        """Run a command line to its end, silently.

        Raises:
            BenchmarkError: If its exit status is not 0.
        """
        silent = subprocess.DEVNULL
        invoked_ns = time.monotonic_ns()
        process = subprocess.Popen(
            command, cwd=self.folder, env=self.environ, stdin=silent, stdout=silent, stderr=silent
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = (time.monotonic_ns() - invoked_ns) / 1e9
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise BenchmarkError(f"exit status {process.returncode}; try it by hand: {shlex.join(command)}")
        return Ended(
            invoked_ns=invoked_ns,
            wall_s=wall_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            peak_memory_mib=usage.ru_maxrss / 1024,
        )


def set_stage(folder: Path) -> Stage:
    """Prepare the temporary directory: environment, executables, probe.

    Raises:
        BenchmarkError: If carbonprint or codecarbon is not installed beside this Python.
    """
    executables = {contender: _executable(contender) for contender in (OWN, PEER)}
    return Stage(folder=folder, environ=_environment(folder), executables=executables, probe=_probe(folder))


def _executable(name: str) -> str:
    scripts = sysconfig.get_path("scripts")
    found = shutil.which(name, path=scripts)
    if found is None:
        raise BenchmarkError(
            f"no {name} in {scripts}; run this with the Python of an environment that has it"
        )
    return found


def _environment(folder: Path) -> dict[str, str]:
    """Give our environment without what would change a contender: settings, a ban on writing bytecode."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CARBONPRINT_", "CODECARBON_", "XDG_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    for name in ("HOME", "TMPDIR", "CARBONPRINT_STATE_DIR", "CARBONPRINT_REGISTRY_DIR"):
        environ[name] = str(folder)
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        environ[f"XDG_{name}_HOME"] = str(folder)
    return environ


def _probe(folder: Path) -> list[str]:
    """Compile the probe; without a compiler take its Python twin, whose start the bare figure holds too."""
    source = Path(__file__).with_name("probe.c")
    compiler = shutil.which("cc")
    if compiler is not None:
        built = subprocess.run([compiler, "-O2", "-o", folder / "probe", source], capture_output=True)
        if built.returncode == 0:
            return [str(folder / "probe")]
    return [sys.executable, "-S", "-E", str(source.with_suffix(".py"))]
