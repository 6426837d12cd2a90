"""What a reader must know of a job's processes: those left running, and those whose times nobody has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carbonprint.measuring.processes import living, process_name
from carbonprint.provenance import Caveat

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMED = 3
"""How many processes are named; the rest are only counted."""


def left_behind_caveat(roots: Iterable[int], *, was_waited_for: bool = False) -> Caveat | None:
    """Say which of these processes and their descendants still run; None where none does.

    Args:
        roots: Process ids of the wrapper's children.
        was_waited_for: Whether the wrapper waited for them, and was told not to any longer.
    """
    running = [each for each in living(roots) if each.state not in {"Z", "X"}]
    if not running:
        return None
    named = ", ".join(f"{process_name(each.pid)} {each.pid}" for each in running[:_NAMED])
    more = f" and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
    if was_waited_for:
        text = f"the wait for what the command left running was ended: {named}{more} still run, counted up to then"
        return Caveat(code="left-behind", text=text)
    # The first process of a PID namespace takes all others along, pid_namespaces(7).
    fate = "the end of the container ends it" if os.getpid() == 1 else "--wait-descendants waits for it"
    text = f"the command left {len(running)} running: {named}{more}; counted up to the command's end, {fate}"
    return Caveat(code="left-behind", text=text)


def dropped_times_caveat() -> Caveat:
    """Say that CPU seconds may be missing: a process ignored SIGCHLD, and no cgroup counted its children."""
    text = (
        "a process of the job ignores SIGCHLD, so the kernel drops its children's CPU seconds as they end: "
        "what they used after the last sample that saw them is missing"
    )
    return Caveat(code="dropped-times", text=text)
