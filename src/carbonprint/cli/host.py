"""``carbonprint host``: the hosts that a run can take place on."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from carbonprint.cli.options import echo_lines, format_option, settings_of, terminal_width

KINDS = ("site", "grid", "desk", "all")


@click.group()
def host() -> None:
    """List, show and check the hosts a run can take place on.

    HOST is an id of the catalogue (odc-noord, gcp/europe-west4, grid/NLD), or the path of a host file.
    """


@host.command("list")
@click.option("--country", metavar="CODE", help="Show only hosts in this country (NLD).")
@click.option("--match", metavar="TEXT", help="Show only hosts that hold this text in id, name or place.")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="site",
    show_default=True,
    help="Show datacenters, or the reference hosts of every country.",
)
@format_option("table", "json")
def list_(country: str | None, match: str | None, kind: str, form: str) -> None:
    """List the hosts of the catalogue by country."""
    from carbonprint.hosting.catalogue import select_hosts
    from carbonprint.hosting.host import HostKind
    from carbonprint.hosting.standing import both_standings
    from carbonprint.reporting.host_json import hosts_json
    from carbonprint.reporting.host_table import by_country, host_table

    wanted = HostKind(kind) if kind != "all" else None
    chosen = by_country(select_hosts(country=country, match=match, kind=wanted))
    rows = [(each, both_standings(each, on_year=_this_year())) for each in chosen]
    if form == "json":
        click.echo(hosts_json(rows), nl=False)
    elif rows:
        echo_lines(host_table(rows, settings_of().lang, width=terminal_width()))
    else:
        click.echo("no host fits; --kind all shows the reference hosts, too", err=True)


@host.command()
@click.argument("name", metavar="HOST")
@format_option("text", "json")
def show(name: str, form: str) -> None:
    """Show a host: every figure with its source, as claimed and as evidenced."""
    from carbonprint.hosting.catalogue import load_host
    from carbonprint.hosting.standing import both_standings
    from carbonprint.reference.codecarbon_tables import energy_mix
    from carbonprint.reporting.host_json import host_json
    from carbonprint.reporting.host_view import host_lines

    shown_host = load_host(name)
    standings = both_standings(shown_host, on_year=_this_year())
    mix = energy_mix(shown_host.country)
    if form == "json":
        click.echo(host_json(shown_host, standings, mix), nl=False)
    else:
        echo_lines(host_lines(shown_host, standings, mix, settings_of().lang))


@host.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a host file; name every fault with its key, what is allowed and what was found."""
    from carbonprint.hosting.host_file import read_host_file

    checked = read_host_file(file)
    click.echo(f"{file}: no faults; host {checked.host_id}, {checked.country}")


def _this_year() -> int:
    return datetime.datetime.now(tz=datetime.UTC).year
