"""Our words on standard error, beside those of the command."""

from __future__ import annotations

import os
import signal
import sys

_LOOK_AGAIN_MS = 200
"""How often to look whether somebody wants us to end, while nobody reads. [ms]"""


def say(text: str) -> None:
    """Write lines to standard error; one that is closed or full does the command no harm.

    Signals are blocked by now. So where nobody takes what is written (a terminal that was stopped with Ctrl-S, a pipe
    that nobody reads), what asks to end ends the writing. A standard error that the command has left non-blocking is
    waited for.
    """
    if sys.stderr is None:
        return
    try:
        _write(sys.stderr.fileno(), f"{text}\n".encode(sys.stderr.encoding, sys.stderr.errors or "strict"))
    except (OSError, ValueError, ImportError, MemoryError):
        return


def _write(descriptor: int, rest: bytes) -> None:
    import select  # when the command has ended: what is loaded before it starts delays it

    if not hasattr(select, "poll"):  # on Windows
        os.write(descriptor, rest)
        return
    writable = select.poll()
    writable.register(descriptor, select.POLLOUT)
    while rest:
        if writable.poll(_LOOK_AGAIN_MS):
            rest = rest[os.write(descriptor, rest[: select.PIPE_BUF]) :]
        elif signal.sigpending() & {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM}:
            return
