"""The root command: which subcommands there are, and the one place where our errors become one sentence."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from carbonprint.errors import CarbonprintError

COMMANDS = {
    "run": ("carbonprint.cli.run:run", "Run a command and measure its footprint."),
    "runs": ("carbonprint.cli.runs:runs", "List, show, export, import and remove the runs that were kept."),
    "host": ("carbonprint.cli.host:host", "List, show and check the hosts a run can take place on."),
    "hardware": (
        "carbonprint.cli.hardware:hardware",
        "Tell what this machine is measured by, and what is missing.",
    ),
    "config": ("carbonprint.cli.config:config", "Show the settings and where each came from."),
}
"""Command → (module:attribute, one line of help): ``--help`` of the root loads none of them."""


class LazyGroup(click.Group):
    """A group that imports a subcommand only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the subcommands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand."""
        if cmd_name not in COMMANDS:
            return None
        module_name, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module_name), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401  # as click has it
        """Run the command line; where standard output cannot be written, that ends it with one sentence and 1."""
        if (
            sys.stdout is None
        ):  # it was closed: whoever writes to it shall hear that, and nothing else may get its number
            sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")  # noqa: SIM115
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if not _is_of_output(error):
                raise
            _throw_output_away()
            click.echo(f"Error: standard output cannot be written: {error.strerror or error}", err=True)
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # as click has it
        """Run the subcommand; an error of ours ends it with one sentence and its exit status."""
        try:
            return super().invoke(ctx)
        except CarbonprintError as error:
            shown = click.ClickException(str(error))
            shown.exit_code = error.exit_code  # type: ignore[misc]  # click declares it on the class
            raise shown from error


def _is_of_output(error: OSError) -> bool:
    """Whether an error came from printing on standard output, which all of us do with ``click.echo``."""
    import traceback

    frames = (frame for frame, _line in traceback.walk_tb(error.__traceback__))
    return any(frame.f_code is click.echo.__code__ and not frame.f_locals.get("err") for frame in frames)


def _throw_output_away() -> None:
    """Let what standard output still holds go nowhere: Python would try again at its end, and say so."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="carbonprint")
def root() -> None:
    """Tell what one run of an algorithm cost in energy and CO₂ at the datacenter that hosts it."""
