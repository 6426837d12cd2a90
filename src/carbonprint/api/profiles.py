"""The hardware profile that holds for a run: named by the user or the host file, else one that fits the machine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from carbonprint.errors import DocumentError
from carbonprint.settings import user_config_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carbonprint.hardware_profile import HardwareProfile, ProfileChoice
    from carbonprint.hosting.host import Host
    from carbonprint.provenance import Caveat
    from carbonprint.settings import Settings

DIRECTORY = "hardware"
"""Directory of the user's profiles, in the user's configuration directory."""


def named_profile(
    settings: Settings, load_host: Callable[[], tuple[Host, tuple[Caveat, ...]]]
) -> ProfileChoice | None:
    """Read the profile that the settings or the host file name; None where none is named.

    Without one nothing is imported: it is asked for before the job starts.

    Args:
        settings: The settings.
        load_host: Gives the host, as ``named_host`` does.

    Raises:
        DocumentError: If the profile that was named cannot be read or has faults.
    """
    path = settings.hardware or _path_in_host_file(settings, load_host)
    if path is None:
        return None
    from carbonprint.hardware_file import read_hardware_file
    from carbonprint.hardware_profile import ProfileChoice

    profile = read_hardware_file(path)
    return ProfileChoice(profile=profile) if settings.hardware is not None else _without_command(profile)


def fitting_profile() -> ProfileChoice:
    """Find the profile in the user's configuration directory whose ``[match]`` fits this machine most closely."""
    from carbonprint.hardware_profile import ProfileChoice

    folder = user_config_directory()
    return ProfileChoice() if folder is None else fitting_profile_in(folder / DIRECTORY)


def fitting_profile_in(folder: Path) -> ProfileChoice:
    """Find the profile in a directory whose ``[match]`` fits this machine with the most conditions.

    Args:
        folder: The directory; it need not be there.
    """
    from carbonprint.hardware_profile import ProfileChoice
    from carbonprint.provenance import Caveat

    paths = sorted(folder.glob("*.toml"))
    if not paths:
        return ProfileChoice()
    from carbonprint.hardware_file import read_hardware_file
    from carbonprint.measuring.detection import machine_names

    names = machine_names()
    best: HardwareProfile | None = None
    caveats = []
    for path in paths:
        try:
            profile = read_hardware_file(path)
        except DocumentError as error:
            text = f"a hardware profile was passed over: {'; '.join(str(error).split(chr(10)))}"
            caveats.append(Caveat(code="profile-not-used", text=text))
            continue
        if profile.match is None or not profile.match.fits(**names):
            continue
        if best is None or profile.match.n_conditions > (best.match.n_conditions if best.match else 0):
            best = profile
    return ProfileChoice(profile=best, caveats=tuple(caveats))


def _path_in_host_file(
    settings: Settings, load_host: Callable[[], tuple[Host, tuple[Caveat, ...]]]
) -> Path | None:
    """Give the profile that a host file names; a host of the catalogue, which is loaded beside the job, has none."""
    from carbonprint.hosting.known_hosts import is_shipped

    if settings.host is None or is_shipped(settings.host):
        return None
    from pathlib import Path

    hardware = load_host()[0].hardware
    return Path(hardware) if hardware else None


def _without_command(profile: HardwareProfile) -> ProfileChoice:
    """Refuse to run what only a host file leads to: such files are handed on, and this would be a program in one."""
    from carbonprint.hardware_profile import ProfileChoice
    from carbonprint.provenance import Caveat

    if profile.meter is None or not profile.meter.command:
        return ProfileChoice(profile=profile)
    text = (
        f"the meter's command of {profile.origin} was not run, since only the host file names that profile; "
        "name it with --hardware to have it run"
    )
    caveat = Caveat(code="meter-command-not-run", text=text)
    return ProfileChoice(profile=replace(profile, meter=None), caveats=(caveat,))
