"""``carbonprint run``: run a command and measure its footprint."""

from __future__ import annotations

import sys

import click

from carbonprint.cli.options import hardware_option, lang_option, settings_of, state_dir_option
from carbonprint.cli.telling import Telling
from carbonprint.cli.terminal import say

STOPPED_AT_BUDGET = 75
"""Exit status of a run that was ended at its budget: EX_TEMPFAIL of sysexits.h, it may be tried again."""


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
@click.option("--live", is_flag=True, help="Show on the terminal, while it runs, what it has cost so far.")
@click.option(
    "--budget",
    metavar="AMOUNT",
    help="Warn once when it has used this much: 500g of CO₂e (location-based), or 2kWh at the IT input.",
)
@click.option("--stop-at-budget", is_flag=True, help="Then ask it to end (SIGTERM); the exit status is 75.")
@click.option(
    "--repeat", type=click.IntRange(min=1), metavar="N", help="Run it N times and show mean and spread."
)
@click.option(
    "--warmup",
    type=click.IntRange(min=0),
    metavar="K",
    help="With --repeat: run it K times before, without keeping that.",
)
@click.option(
    "--resume",
    metavar="RUN",
    default="",
    help="It goes on with this run, from a checkpoint: both count as one.",
)
@click.option("--wait-descendants", is_flag=True, help="Go on until all it leaves behind has ended, too.")
@click.option(
    "--idle-share",
    metavar="busy|N",
    help="Its share of the idle machine, 0 to 1, or by what was busy.  [default: what is reserved for it]",
)
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
    live: bool,
    budget: str | None,
    stop_at_budget: bool,
    repeat: int | None,
    warmup: int | None,
    resume: str,
    wait_descendants: bool,
    idle_share: str | None,
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
    from carbonprint.measuring.ending import end_like, end_with
    from carbonprint.measuring.launch import CommandNotStartedError, NotMeasurableError
    from carbonprint.measuring.sharing import idle_share_from

    _require_partners(budget, stop_at_budget, repeat, warmup, resume)
    share = None if idle_share is None else idle_share_from(idle_share)
    settings = settings_of(
        recovers=False, host=host, interval=interval, hardware=hardware, state_dir=state_dir, lang=lang
    )
    counted = _units(units, unit)
    telling = Telling(str(settings.lang), shows=live, budget=budget, stops=stop_at_budget)
    try:
        try:
            if repeat is None:
                outcome = run_and_keep(
                    command, settings, name=name, phase=phase, units=counted, resumes=resume,
                    wait_descendants=wait_descendants, idle_share=share, follower=telling.follower,
                )  # fmt: skip
                telling.tell(outcome)
            else:
                from carbonprint.api.repeating import run_repeatedly

                repeated = run_repeatedly(
                    command, settings, n_runs=repeat, n_warmups=warmup or 0, name=name, phase=phase, units=counted,
                    wait_descendants=wait_descendants, idle_share=share, follower=telling.follower,
                )  # fmt: skip
                outcome = repeated.last
                telling.tell_repeated(repeated)
        except NotMeasurableError as error:
            say(f"carbonprint: {error}: the command runs, but is not measured")
            error.become(command)
    except CommandNotStartedError as error:
        from carbonprint.reporting.plain import shown

        click.echo(f"carbonprint: {shown(str(error))}", err=True)
        sys.exit(error.exit_status)
    if telling.follower.has_stopped:
        end_with(STOPPED_AT_BUDGET)
    end_like(outcome.ended)


def _require_partners(
    budget: str | None, stop_at_budget: bool, repeat: int | None, warmup: int | None, resume: str
) -> None:
    """Refuse options that say nothing without another one, or nothing beside it."""
    if stop_at_budget and budget is None:
        raise click.UsageError("--stop-at-budget needs a budget: give --budget AMOUNT as well.")
    if warmup is not None and repeat is None:
        raise click.UsageError("--warmup K goes before the runs of --repeat N; give both.")
    if repeat is not None and budget is not None:
        raise click.UsageError("a budget is for one run, and --repeat makes several; give one of them.")
    if repeat is not None and resume:
        raise click.UsageError("only one run can go on with another: give --resume without --repeat.")


def _units(count: float | None, label: str | None) -> tuple[float, str] | None:
    if count is None and label is None:
        return None
    if count is None or not label:
        raise click.UsageError("--units N and --unit LABEL belong together; give both.")
    if not 0 < count < float("inf"):
        raise click.BadParameter(f"a number above 0, got {count:g}", param_hint="--units")
    return count, label
