"""``carbonprint run``: run a command and measure its footprint."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import click

from carbonprint.cli.options import hardware_option, lang_option, settings_of, state_dir_option

if TYPE_CHECKING:
    from carbonprint.api.running import RunOutcome
    from carbonprint.settings import Settings


@click.command(
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
    options_metavar="[OPTIONS] [--]",
)
@click.option(
    "--host", metavar="HOST", help="Where it runs: a host of the catalogue, or the path of a host file."
)
@click.option("--name", metavar="NAME", default="", help="Name of the run.  [default: the script's name]")
@click.option(
    "--phase", metavar="PHASE", default="", help="Phase of the algorithm: training, inference or another."
)
@click.option("--units", type=float, metavar="N", help="How many units of work it does, with --unit.")
@click.option("--unit", metavar="LABEL", help="What one unit is: prediction, page, user.")
@click.option("--interval", type=float, metavar="SECONDS", help="Time between two samples.  [default: 1]")
@hardware_option
@state_dir_option
@lang_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND [ARG]...")
def run(
    host: str | None,
    name: str,
    phase: str,
    units: float | None,
    unit: str | None,
    interval: float | None,
    hardware: str | None,
    state_dir: str | None,
    lang: str | None,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND, measure it, and say at the end what it cost.

    Its input, output, signals and exit status are its own; the summary goes to standard error. Options of ours stand
    before COMMAND; -- ends them.
    """
    from carbonprint.api.running import run as run_and_keep
    from carbonprint.measuring.ending import end_like
    from carbonprint.measuring.launch import CommandNotStartedError

    settings = settings_of(
        recovers=False, host=host, interval=interval, hardware=hardware, state_dir=state_dir, lang=lang
    )
    try:
        outcome = run_and_keep(command, settings, name=name, phase=phase, units=_units(units, unit))
    except CommandNotStartedError as error:
        from carbonprint.reporting.plain import shown

        click.echo(f"carbonprint: {shown(str(error))}", err=True)
        sys.exit(error.exit_status)
    _tell(outcome, settings)
    end_like(outcome.ended)


def _units(count: float | None, label: str | None) -> tuple[float, str] | None:
    if count is None and label is None:
        return None
    if count is None or not label:
        raise click.UsageError("--units N and --unit LABEL belong together; give both.")
    if not 0 < count < float("inf"):
        raise click.BadParameter(f"a number above 0, got {count:g}", param_hint="--units")
    return count, label


def _tell(outcome: RunOutcome, settings: Settings) -> None:
    """Print the summary; a standard error that is closed or full does the command no harm."""
    from carbonprint.reporting.summary import failure_line, recovery_line, summary_lines

    kept, language = outcome.kept, str(settings.lang)
    if kept is None:
        lines = [failure_line(outcome.fault, language)]
    else:
        lines = summary_lines(kept.record, language, ledger_fault=kept.fault, aside=kept.aside)
    lines += [recovery_line(earlier.record, language) for earlier in outcome.recovered]
    if outcome.ended.wait_status == signal.SIGINT and sys.stderr is not None and sys.stderr.isatty():
        lines.insert(0, "")  # the terminal shows ^C, and no line end after it
    try:
        click.echo("\n".join(lines), err=True)
    except (OSError, ValueError):
        return
