"""Writing to a terminal that the command is using at the same moment."""

from __future__ import annotations

import os
import signal
import sys

import click

_LOOK_AGAIN_MS = 200
"""How often to look whether somebody wants us to end, while nobody reads what we say. [ms]"""

_ERASE_TO_END = "\x1b[K"
"""Erase in line, ECMA-48, 8.3.41."""


class LiveLine:
    """One line at the bottom of the terminal that is written again and again; nothing where there is no terminal.

    It never waits: while the terminal takes nothing (Ctrl-S), or the job is in the background, nothing is written.
    """

    def __init__(self) -> None:
        self._is_shown = False

    @staticmethod
    def is_possible() -> bool:
        """Whether standard error is a terminal."""
        return sys.stderr is not None and sys.stderr.isatty()

    def write(self, text: str) -> None:
        """Write the line, and go back to its beginning: what the command writes next takes its place."""
        if _takes_more() and _is_in_foreground():
            click.echo(f"\r{text}{_ERASE_TO_END}\r", err=True, nl=False)
            self._is_shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._is_shown and _takes_more():
            click.echo(f"\r{_ERASE_TO_END}", err=True, nl=False)
        self._is_shown = False


def columns() -> int:
    """Give the columns of the terminal that standard error goes to."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def say_without_waiting(text: str) -> bool:
    """Write a line on standard error if it takes one now, and give whether it did."""
    if sys.stderr is None or not _takes_more():
        return False
    click.echo(text, err=True)
    return True


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
    except (OSError, ValueError):
        return


def _write(descriptor: int, rest: bytes) -> None:
    try:  # once the command has ended: what is loaded earlier delays it
        from select import PIPE_BUF, POLLOUT, poll
    except (ImportError, MemoryError):  # on Windows, or with no memory left
        os.write(descriptor, rest)
        return
    writable = poll()
    writable.register(descriptor, POLLOUT)
    while rest:
        if writable.poll(_LOOK_AGAIN_MS):
            rest = rest[os.write(descriptor, rest[:PIPE_BUF]) :]
        elif signal.sigpending() & {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM}:
            return


def _takes_more() -> bool:
    import select

    try:
        return bool(select.select([], [sys.stderr.fileno()], [], 0)[1])
    except (OSError, ValueError):
        return False


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
    except OSError:
        return False
