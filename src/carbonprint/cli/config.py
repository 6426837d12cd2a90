"""``carbonprint config``: the settings that hold, and where each came from."""

from __future__ import annotations

import click

from carbonprint.cli.options import echo_lines, format_option, settings_of


@click.group()
def config() -> None:
    """Show the settings and where each came from."""


@config.command()
@format_option("table", "json")
def show(form: str) -> None:
    """Show every setting, its value, where that came from, and which files were looked for."""
    from carbonprint.reporting.settings_table import settings_json, settings_table

    settings = settings_of()
    if form == "json":
        click.echo(settings_json(settings), nl=False)
    else:
        echo_lines(settings_table(settings, settings.lang))
