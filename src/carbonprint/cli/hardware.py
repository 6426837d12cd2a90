"""``carbonprint hardware``: what this machine is, what a run on it is measured by, and its idle power."""

from __future__ import annotations

import click

from carbonprint.cli.options import (
    echo_lines,
    format_option,
    hardware_option,
    lang_option,
    settings_of,
)


@click.group(invoke_without_command=True)
@hardware_option
@format_option("text", "json")
@lang_option
@click.pass_context
def hardware(context: click.Context, hardware: str | None, form: str, lang: str | None) -> None:
    """Tell what this machine is measured by, what is missing, and the exact line that mends it.

    Without a subcommand it looks at the machine for half a second and prints the report.
    """
    if context.invoked_subcommand is not None:
        return
    from carbonprint.api.hardware import survey
    from carbonprint.reporting.hardware_json import hardware_json
    from carbonprint.reporting.hardware_report import hardware_lines

    settings = settings_of(hardware=hardware, lang=lang)
    found = survey(settings)
    if form == "json":
        click.echo(hardware_json(found), nl=False)
    else:
        echo_lines(hardware_lines(found, str(settings.lang)))


@hardware.command()
@click.option(
    "--seconds",
    type=click.FloatRange(min=1, max=3600),
    default=30,
    show_default=True,
    help="For how long the machine is to be quiet.",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=600,
    show_default=True,
    help="How many seconds to wait for a quiet machine.",
)
@hardware_option
@format_option("text", "json")
@lang_option
def calibrate(seconds: float, patience: float, hardware: str | None, form: str, lang: str | None) -> None:
    """Measure the idle power of this machine while nobody uses it, for the runs until it is restarted."""
    from carbonprint.api import hardware as machine
    from carbonprint.reporting.hardware_json import calibration_json
    from carbonprint.reporting.hardware_report import calibration_lines

    settings = settings_of(hardware=hardware, lang=lang)
    waiting = _Waiting()
    found = machine.calibrate(settings, quiet_s=seconds, patience_s=patience, tell_busy=waiting.tell)
    if form == "json":
        click.echo(calibration_json(found), nl=False)
    else:
        echo_lines(calibration_lines(found, str(settings.lang)))


@hardware.command()
def profile() -> None:
    """Print a hardware profile to start from, with what was found on this machine."""
    from carbonprint.api.hardware import profile_directory, survey
    from carbonprint.reporting.profile_template import profile_template

    click.echo(profile_template(survey(settings_of(), has_profile=False), profile_directory()), nl=False)


class _Waiting:
    """Says once that the machine is busy, and is waited for."""

    def __init__(self) -> None:
        self._has_told = False

    def tell(self, busy_share: float) -> None:
        if not self._has_told:
            click.echo(f"{busy_share:.0%} of the machine is busy; waiting until it is quiet", err=True)
        self._has_told = True
