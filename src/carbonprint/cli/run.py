"""``carbonprint run``: run a command and measure its footprint."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from carbonprint.cli.options import lang_option, settings_of, state_dir_option

if TYPE_CHECKING:
    from carbonprint.api.running import RunOutcome
    from carbonprint.settings import Settings

_LOOK_AGAIN_MS = 200
"""How often to look whether somebody wants us to end, while nobody reads what we say. [ms]"""


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
    from carbonprint.measuring.launch import CommandNotStartedError, NotMeasurableError

    settings = settings_of(host=host, interval=interval, state_dir=state_dir, lang=lang)
    try:
        try:
            outcome = run_and_keep(command, settings, name=name, phase=phase, units=_units(units, unit))
        except NotMeasurableError as error:
            _say(f"carbonprint: {error}: the command runs, but is not measured")
            error.become(command)
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
    """Print the summary; whatever fails in that, the command's own result stands."""
    try:
        lines = _lines(outcome, str(settings.lang))
    except Exception as error:  # noqa: BLE001  # as above
        lines = [f"carbonprint: the summary could not be made ({type(error).__name__}: {error})"]
    if outcome.ended.wait_status == signal.SIGINT and sys.stderr is not None and sys.stderr.isatty():
        lines.insert(0, "")  # the terminal shows ^C, and no line end after it
    _say("\n".join(lines))


def _lines(outcome: RunOutcome, language: str) -> list[str]:
    from carbonprint.reporting.summary import failure_line, summary_lines

    kept = outcome.kept
    if kept is None:
        return [failure_line(outcome.fault, language)]
    return summary_lines(kept.record, language, ledger_fault=kept.fault, aside=kept.aside)


def _say(text: str) -> None:
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
    try:
        from select import (
            PIPE_BUF,
            POLLOUT,
            poll,
        )  # once the command has ended: what is loaded earlier delays it
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
