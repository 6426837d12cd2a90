"""Programs that have others do the work: which they are, and how to measure it nevertheless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carbonprint.measuring.command_words import commands_in, program

if TYPE_CHECKING:
    from collections.abc import Sequence

INSTEAD = {
    "ssh": "ssh works on another machine, whose energy is not in these figures: "
    "run carbonprint there (ssh HOST carbonprint run -- COMMAND)",
    "kubectl": "kubectl has the cluster do the work, whose energy is not in these figures: "
    "make carbonprint the entry point of the container (carbonprint run -- COMMAND)",
    "sbatch": "sbatch leaves the work to a job of its own, whose energy is not in these figures: "
    "put carbonprint run -- COMMAND into the job script",
    "srun": "srun has Slurm start the work outside this command, and its energy is not in these figures: "
    "turn them round (srun carbonprint run -- COMMAND)",
    "qsub": "qsub leaves the work to a job of its own, whose energy is not in these figures: "
    "put carbonprint run -- COMMAND into the job script",
    "systemd-run": "systemd-run has a service do the work, whose energy is not in these figures: "
    "add --scope, or put carbonprint into it (systemd-run carbonprint run -- COMMAND)",
}
"""Program → what it does, and what to do instead."""

_SAME = {"oc": "kubectl", "bsub": "qsub", "slogin": "ssh"}

_KUBECTL_WORK = {"run", "exec", "apply", "create", "debug", "replace", "rollout", "scale", "attach"}
_SSH_CARRIERS = ("git", "rsync", "scp", "sftp", "autossh")
"""Programs that use ssh to carry files: the other machine does next to nothing."""


def works_elsewhere(words: Sequence[str], *, parent: str = "") -> str:
    """Tell which program of ``INSTEAD`` a command line runs; ``""`` for none.

    Args:
        words: A program and its arguments; prefixes such as ``sudo`` and the text of ``sh -c`` are looked through.
        parent: Name of the program that started it, where it is known.
    """
    for command in commands_in(words):
        name = program(command)
        name = _SAME.get(name, name)
        if name in INSTEAD and _has_work_done(name, command[1:], parent):
            return name
    return ""


def _has_work_done(name: str, arguments: Sequence[str], parent: str) -> bool:
    if {"--version", "--help"} & set(arguments):
        return False
    if name == "kubectl":
        return bool(_KUBECTL_WORK & set(arguments))
    if name == "systemd-run":
        return "--scope" not in arguments
    if name == "ssh":
        return not {"-V", "-N", "-Q", "-G"} & set(arguments) and not parent.startswith(_SSH_CARRIERS)
    return True
