"""Options and words that several commands share."""

from __future__ import annotations

import os
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from carbonprint.api.recovery import recover_interrupted
from carbonprint.settings import Settings, resolve, working_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Command = Any
"""A function that click's decorators turn into a command, or already have."""


def state_dir_option(function: Command) -> Command:
    """Add ``--state-dir``; its value goes to :func:`settings_of` as it was typed."""
    return click.option(
        "--state-dir",
        metavar="DIRECTORY",
        help="Directory in which runs are kept.  [default: the setting state_dir]",
    )(function)


def lang_option(function: Command) -> Command:
    """Add ``--lang``; its value goes to :func:`settings_of` as it was typed."""
    return click.option(
        "--lang", metavar="nl|en", help="Language of what people read.  [default: the setting lang]"
    )(function)


def hardware_option(function: Command) -> Command:
    """Add ``--hardware``; its value goes to :func:`settings_of` as it was typed."""
    return click.option(
        "--hardware",
        metavar="FILE",
        help="Hardware profile of the machine.  [default: the setting hardware, or one that fits]",
    )(function)


def format_option(*forms: str) -> Callable[[Command], Command]:
    """Add ``--format`` with the forms that a command can print, the first of them the default.

    The value arrives as the argument ``form``.
    """
    return click.option(
        "--format",
        "form",
        type=click.Choice(forms),
        default=forms[0],
        show_default=True,
        help="Form of the output.",
    )


def settings_of(*, recovers: bool = True, **options: object | None) -> Settings:
    """Settle the settings of a command from its options, the environment and the configuration files.

    Args:
        recovers: Whether runs whose wrapper was killed are kept first.
        options: Setting name → what the option held; None where it was not given.
    """
    settings = resolve(options, os.environ, working_directory())
    if recovers and (recovered := recover_interrupted(settings)):
        from carbonprint.reporting.summary import recovery_line

        for kept in recovered:
            click.echo(recovery_line(kept.record, str(settings.lang)), err=True)
    return settings


def terminal_width() -> int | None:
    """Return the columns of the terminal that standard output goes to; None where it goes elsewhere."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def echo_stream(lines: Iterable[str]) -> None:
    """Print lines on standard output, a thousand at a time."""
    iterator = iter(lines)
    while part := list(islice(iterator, 1000)):
        echo_lines(part)


def echo_lines(lines: list[str]) -> None:
    """Print lines on standard output."""
    click.echo("\n".join(lines))
