"""``carbonprint runs``: what is done with the runs that were kept."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carbonprint.cli.options import (
    echo_lines,
    echo_stream,
    format_option,
    settings_of,
    state_dir_option,
    terminal_width,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carbonprint.ledger.store import Ledger
    from carbonprint.settings import Settings


@click.group()
def runs() -> None:
    """List, show, export, import and remove the runs that were kept.

    RUN is a run id, the beginning of one, or the word last.
    """


@runs.command("list")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Show the newest N.  [default: all]")
@click.option("--name", help="Show only runs of this name.")
@click.option("--host", help="Show only runs on this host.")
@format_option("table", "json", "csv")
@state_dir_option
def list_(limit: int | None, name: str | None, host: str | None, form: str, state_dir: str | None) -> None:
    """List the runs that were kept, newest first.

    Runs that go on with each other (run --resume) are one line, under the id of the last.
    """
    from carbonprint.ledger import export
    from carbonprint.ledger.chains import whole_runs
    from carbonprint.ledger.columns import LISTED
    from carbonprint.reporting.run_table import run_table

    settings = settings_of(state_dir=state_dir)
    with _ledger(settings) as ledger:
        whole = whole_runs(ledger.iterate(name=name, host=host), ledger.get_if_kept)
        records = list(islice(whole, limit))
    if form == "json":
        click.echo(export.rows_to_json(records), nl=False)
    elif form == "csv":
        click.echo(export.to_csv(records, LISTED), nl=False)
    elif records:
        echo_lines(run_table(records, settings.lang, width=terminal_width()))
    else:
        click.echo(f"no runs to list in {settings.state_dir}", err=True)


@runs.command()
@click.argument("run")
@click.option("--samples", is_flag=True, help="Show its samples instead: powers over time.")
@format_option("text", "json")
@state_dir_option
def show(run: str, samples: bool, form: str, state_dir: str | None) -> None:
    """Show one run with its settings and the sources of its figures, or with its samples.

    A run that goes on with others (run --resume) is shown together with them.
    """
    from carbonprint.api.samples import power_over_time

    settings = settings_of(state_dir=state_dir)
    with _ledger(settings) as ledger:
        record = ledger.whole(run)
        if samples:
            _show_samples(ledger, record, form, str(settings.lang))
            return
        power = power_over_time(ledger, record["run_id"], str(settings.lang)) if form == "text" else ""
    if form == "json":
        from carbonprint.ledger.record import json_text

        click.echo(json_text(record, indent=2))
        return
    from carbonprint.reporting.run_details import detail_lines
    from carbonprint.reporting.summary import summary_lines

    echo_lines(summary_lines(record, settings.lang) + detail_lines(record, settings.lang, power=power))


def _show_samples(ledger: Ledger, record: Mapping[str, Any], form: str, language: str) -> None:
    if form == "json":
        _export_samples(ledger, [record], form, None)
        return
    from carbonprint.api.samples import samples_of
    from carbonprint.reporting.samples import sample_lines

    echo_stream(sample_lines(samples_of(ledger, record["run_id"]), language))


@runs.command("export")
@click.argument("run", nargs=-1)
@click.option("--samples", is_flag=True, help="Write their samples instead, one row each.")
@format_option("json", "csv", "parquet")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File to write.  [default: stdout]",
)
@state_dir_option
def export_(
    run: tuple[str, ...], samples: bool, form: str, output: Path | None, state_dir: str | None
) -> None:
    """Write runs, all of them or those named, for other programs."""
    if form == "parquet" and output is None:
        raise click.UsageError("parquet is no text to be printed: name a file with -o FILE")
    from carbonprint.ledger import export

    with _ledger(settings_of(state_dir=state_dir)) as ledger:
        run_ids = dict.fromkeys(ledger.find(reference) for reference in run)
        records = [ledger.get(run_id) for run_id in run_ids] if run else list(ledger.iterate())
        if samples:
            _export_samples(ledger, records, form, output, skips_without=not run)
            return
    if output is None:
        click.echo(export.export(records, export.ExportFormat(form)), nl=False)
    else:
        export.export_to_file(records, export.ExportFormat(form), output)


def _export_samples(
    ledger: Ledger,
    records: Sequence[Mapping[str, Any]],
    form: str,
    output: Path | None,
    *,
    skips_without: bool = False,
) -> None:
    from carbonprint.api.samples import sample_rows
    from carbonprint.ledger.export import ExportFormat, write_document
    from carbonprint.reporting.sample_export import written

    parts = written(sample_rows(ledger, records, skips_without=skips_without), ExportFormat(form))
    if output is not None:
        write_document(parts, output)
        return
    for part in parts:
        click.echo(part, nl=False)


@runs.command("import")
@click.argument("file", nargs=-1, required=True, type=click.Path(path_type=Path))
@state_dir_option
def import_(file: tuple[Path, ...], state_dir: str | None) -> None:
    """Take in runs from JSON files.

    Such a file comes from export, or from run where the ledger could not be written; all of it or none lands.
    """
    from carbonprint.ledger.importing import read_run_file

    found = [run for path in file for run in read_run_file(path)]
    with _ledger(settings_of(state_dir=state_dir)) as ledger:
        n_new = ledger.add_all(
            [record for record, _ in found],
            {record["run_id"]: series for record, series in found if series is not None},
        )
    click.echo(f"took in {_runs(n_new)}; {len(found) - n_new} already there")


@runs.command()
@click.argument("run", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_dir_option
def remove(run: tuple[str, ...], yes: bool, state_dir: str | None) -> None:
    """Remove runs for good."""
    with _ledger(settings_of(state_dir=state_dir)) as ledger:
        run_ids = list(dict.fromkeys(ledger.find(reference) for reference in run))
        if not yes:
            if not sys.stdin.isatty():
                raise click.UsageError("there is no terminal to ask at: give --yes to remove without asking")
            click.confirm(
                f"Remove {_runs(len(run_ids))} for good ({', '.join(run_ids)})?", abort=True, err=True
            )
        ledger.remove(run_ids)
    click.echo(f"removed {_runs(len(run_ids))}")


def _ledger(settings: Settings) -> Ledger:
    from carbonprint.ledger.store import Ledger

    return Ledger(settings.state_dir)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
