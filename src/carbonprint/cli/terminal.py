"""Writing to a terminal that the command is using at the same moment."""

from __future__ import annotations

import os
import select
import shutil
import sys

import click

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
    """Give the columns of the terminal."""
    return shutil.get_terminal_size().columns


def say_without_waiting(text: str) -> bool:
    """Write a line on standard error if it takes one now, and give whether it did."""
    if sys.stderr is None or not _takes_more():
        return False
    click.echo(text, err=True)
    return True


def _takes_more() -> bool:
    try:
        return bool(select.select([], [sys.stderr.fileno()], [], 0)[1])
    except (OSError, ValueError):
        return False


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
    except OSError:
        return False
