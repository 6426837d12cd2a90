"""This machine: what was found on it, what a run would be measured by, and its idle power."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carbonprint.api.keeping import named_host
from carbonprint.api.profiles import DIRECTORY, fitting_profile, named_profile
from carbonprint.hardware_profile import ProfileChoice
from carbonprint.settings import user_config_directory

if TYPE_CHECKING:
    from collections.abc import Callable

    from carbonprint.measuring.calibration import Calibration
    from carbonprint.measuring.survey import Survey
    from carbonprint.settings import Settings


def survey(settings: Settings, *, has_profile: bool = True) -> Survey:
    """Look at this machine for half a second.

    Args:
        settings: They name the hardware profile and where the counters are.
        has_profile: Whether a profile is taken into account; one that is to be written anew may be empty by now.

    Raises:
        DocumentError: If the profile or the host file that they name has faults.
    """
    from carbonprint.measuring.survey import take_survey

    return take_survey(settings.powercap_dir, _choice(settings) if has_profile else ProfileChoice())


def calibrate(
    settings: Settings, *, quiet_s: float, patience_s: float, tell_busy: Callable[[float], None]
) -> Calibration:
    """Measure the idle power of this machine, and keep it for the runs of this boot.

    Args:
        settings: They name the hardware profile and where the counters are.
        quiet_s: For how long the machine is to be quiet. [s], > 0.
        patience_s: How long to wait for that. [s].
        tell_busy: Told how busy the machine is, whenever that keeps us waiting. [-].

    Raises:
        MeasurementError: If there are no counters, or the machine does not become quiet.
        DocumentError: If the profile or the host file that the settings name has faults.
    """
    from carbonprint.measuring import calibration

    return calibration.calibrate(
        settings.powercap_dir, _choice(settings), quiet_s=quiet_s, patience_s=patience_s, tell_busy=tell_busy
    )


def profile_directory() -> str:
    """Name the directory in which profiles are found by themselves."""
    folder = user_config_directory()
    return "~/.config/carbonprint/hardware" if folder is None else str(folder / DIRECTORY)


def _choice(settings: Settings) -> ProfileChoice:
    return named_profile(settings, named_host(settings)) or fitting_profile()
