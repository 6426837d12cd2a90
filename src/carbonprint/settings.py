"""Settings: what each may be, the places it may come from, and which place wins.

From strongest to weakest: an option of the command, a ``CARBONPRINT_*`` variable, ``carbonprint.toml`` in
the working directory or the nearest folder above it that has one, ``carbonprint.toml`` in the user's
configuration directory, the default. A project's file that another user made is passed over: one in /tmp would
else hold for everybody who works below it. All of it is read before the wrapped command starts, so what few
people need is imported where it is needed.
"""

from __future__ import annotations

import enum
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carbonprint.errors import DocumentError, InvalidSettingError, nearest_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FILE_NAME = "carbonprint.toml"
"""The configuration file: the same name in a project and in the user's configuration directory."""

LEAST_INTERVAL_S = 0.05
"""Shortest time between two samples: below it the meter's own work would show in what it measures. [s]"""

MOST_INTERVAL_S = 60.0
"""Longest time between two samples. [s]

A RAPL counter of 32 bits in units of 15.3 µJ wraps around after 65 kJ, at 300 W every 218 s; one that wrapped twice
between two samples would count too little.
"""


class Language(enum.StrEnum):
    """In which language people are spoken to."""

    NL = "nl"
    EN = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as it holds now.

    Attributes:
        name: As it stands in the configuration file (``"state_dir"``, ``"hosts.allowed"``).
        value: Its value, of the type of the setting.
        origin: Where it came from: ``"option --host"``, ``"variable CARBONPRINT_HOST"``,
            ``"file ./carbonprint.toml"``, ``"environment LANG"`` or ``"default"``.
    """

    name: str
    value: object
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """A place where a configuration file was looked for.

    Attributes:
        path: The file that was found, or else the first path that was tried.
        shown: The path as a person reads it: ``./carbonprint.toml`` in the working directory, else in full.
        is_found: Whether it is there and is used.
        scope: ``"project"`` (the working directory and the folders above it) or ``"user"``.
        is_anothers: Whether it is there, and not used because it belongs to another user.
    """

    path: Path
    shown: str
    is_found: bool
    scope: str
    is_anothers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, checked, and where each came from.

    Attributes:
        host: Host id or path of a host file; None where none was named.
        state_dir: Directory of the ledger.
        lang: Language of what people read.
        interval_s: Time between two samples (setting ``interval``). [s], 0.05 to 60
        powercap_dir: Directory of the RAPL counters, such as a host's sysfs mounted into a container.
        hardware: Hardware profile of the machine; None where none was named.
        hosts_allowed: Hosts that may be recommended (setting ``hosts.allowed``); None means all.
        origins: Setting name → where its value came from.
        files: The configuration files that were looked for, strongest first; no user's one without a home.
    """

    host: str | None
    state_dir: Path
    lang: Language
    interval_s: float
    powercap_dir: Path
    hardware: Path | None
    hosts_allowed: tuple[str, ...] | None
    origins: Mapping[str, str]
    files: tuple[ConfigFile, ...]

    def each(self) -> Iterator[Setting]:
        """Give every setting with its value and origin, in a fixed order."""
        for name, rule in _RULES.items():
            yield Setting(name=name, value=getattr(self, rule.attribute), origin=self.origins[name])

    def as_record(self) -> dict[str, dict[str, object]]:
        """Return the settings as they stand in a record: name → value and origin, ready for JSON."""
        return {each.name: {"value": _plain(each.value), "origin": each.origin} for each in self.each()}


def command_option(name: str) -> str:
    """Say where a setting came from that was given as an option of a command."""
    return f"option --{name.replace('_', '-')}"


def python_argument(name: str) -> str:
    """Say where a setting came from that was given as an argument of a Python function."""
    return f"argument {name}"


def working_directory() -> Path:
    """Return the working directory; where it has been deleted, ``.``, in which no file is found."""
    try:
        return Path.cwd()
    except OSError:
        return Path(os.curdir)


def resolve(
    options: Mapping[str, object | None],
    environ: Mapping[str, str],
    cwd: Path,
    *,
    option_origin: Callable[[str], str] = command_option,
) -> Settings:
    """Settle every setting: the strongest place that has a value wins.

    Args:
        options: Setting name → what the command was given, as text or typed; None or left out: not given.
        environ: The environment; an empty variable counts as unset.
        cwd: The working directory: the search for a project's file and relative paths begin there.
        option_origin: How the origin of an option is worded; a Python function has arguments instead.

    Raises:
        DocumentError: If a configuration file cannot be read or holds faults: all of its faults at once.
        InvalidSettingError: If an option or variable holds what it cannot; a variable that loses to an
            option is not looked at.
    """
    files = tuple(_config_files(cwd))
    settled = _defaults(environ)
    for file in reversed(files):
        if file.is_found:
            settled |= _from_file(file)
    given = {name: value for name, value in options.items() if value is not None}
    for name in _VARIABLES:
        variable = f"CARBONPRINT_{name.upper()}"
        if name not in given and environ.get(variable):
            settled[name] = _from_person(name, environ[variable], cwd, f"variable {variable}")
    for name, value in given.items():
        settled[name] = _from_person(name, value, cwd, option_origin(name))
    values = {rule.attribute: settled[name].value for name, rule in _RULES.items()}
    origins = {name: settled[name].origin for name in _RULES}
    return Settings(**values, origins=origins, files=files)  # type: ignore[arg-type]  # the rules gave the types


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """The attribute that holds a setting, what it may be, and how it is read: ValueError at anything else."""

    attribute: str
    allowed: str
    read: Callable[[object, Path | None], object]


def _host(value: object, folder: Path | None) -> str:
    """Read a host; a path in a file starts at that file's folder, one a person typed at the working directory."""
    text = _text(value)
    if folder is None and text.startswith("~"):  # of --host=~/mine.toml the shell leaves the ~
        return os.path.expanduser(text)
    if folder is None or not (text.endswith(".toml") or text.startswith((".", "~", "/"))):
        return text
    return str(_path(text, folder))


def _hosts(value: object, folder: Path | None) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError
    return tuple(_host(item, folder) for item in value)


def _path(value: object, folder: Path | None) -> Path:
    text = os.path.expanduser(_text(os.fspath(value) if isinstance(value, os.PathLike) else value))
    if text.startswith("~"):  # no such user, or no home directory
        raise ValueError
    return Path(text) if folder is None else folder / text


def _language(value: object, _folder: Path | None) -> Language:
    return Language(_text(value))


def _interval_s(value: object, _folder: Path | None) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    if not LEAST_INTERVAL_S <= value <= MOST_INTERVAL_S:
        raise ValueError
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError
    return value


_SECONDS = f"a number of seconds from {LEAST_INTERVAL_S:g} to {MOST_INTERVAL_S:g}"
_DIRECTORY = "the path of a directory"
_RULES = {
    "host": _Rule(
        attribute="host", allowed="a host's id, such as odc-noord, or the path of a host file", read=_host
    ),
    "state_dir": _Rule(attribute="state_dir", allowed=_DIRECTORY, read=_path),
    "lang": _Rule(attribute="lang", allowed="nl or en", read=_language),
    "interval": _Rule(attribute="interval_s", allowed=_SECONDS, read=_interval_s),
    "powercap_dir": _Rule(attribute="powercap_dir", allowed=_DIRECTORY, read=_path),
    "hardware": _Rule(attribute="hardware", allowed="the path of a hardware profile", read=_path),
    "hosts.allowed": _Rule(
        attribute="hosts_allowed", allowed="a list of host ids, at least one", read=_hosts
    ),
}

_VARIABLES = ("host", "state_dir", "lang", "interval", "powercap_dir", "hardware")
"""Settings that a variable may give; the list of allowed hosts comes from files only."""


def _from_person(name: str, value: object, cwd: Path, origin: str) -> Setting:
    """Read a setting from an option or a variable, where a number arrives as text."""
    rule = _RULES[name]
    try:
        typed = float(value) if name == "interval" and isinstance(value, str) else value
        return Setting(name=name, value=rule.read(typed, None if name == "host" else cwd), origin=origin)
    except ValueError:
        raise InvalidSettingError(f"{origin}: got {_shown(value)}; allowed: {rule.allowed}") from None


def _from_file(file: ConfigFile) -> dict[str, Setting]:
    """Read a configuration file strictly: all that is wrong with it in one error."""
    from carbonprint.documents import read_toml

    settings: dict[str, Setting] = {}
    faults: list[str] = []
    for name, value in _entries(read_toml(file.path)):
        if name not in _RULES:
            near = " or ".join(nearest_names(name, _RULES))
            offer = f"did you mean {near}?" if near else f"allowed: {', '.join(_RULES)}"
            faults.append(f"{name}: unknown key; {offer}")
            continue
        try:
            typed = _RULES[name].read(value, file.path.parent)
            settings[name] = Setting(name=name, value=typed, origin=f"file {file.shown}")
        except ValueError:
            faults.append(f"{name}: got {_shown(value)}; allowed: {_RULES[name].allowed}")
    if faults:
        raise DocumentError(str(file.path), faults)
    return settings


def _entries(content: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Give the keys of a file with their values; those of a table carry its name before a dot."""
    for key, value in content.items():
        if isinstance(value, dict) and key not in _RULES:
            yield from ((f"{key}.{inner}", item) for inner, item in value.items())
        else:
            yield key, value


def _config_files(cwd: Path) -> Iterator[ConfigFile]:
    yield from _project_files(cwd)
    folder = _user_directory("config")
    if folder is not None:
        path = folder / FILE_NAME
        yield ConfigFile(path=path, shown=str(path), is_found=_is_there(path), scope="user")


def _project_files(cwd: Path) -> Iterator[ConfigFile]:
    """Give the nearest file at or above the working directory, after those on the way that are another user's."""
    first = cwd / FILE_NAME
    trusted = {0, os.geteuid(), *_owners(cwd)}  # who works in somebody's folder runs what is theirs anyway
    passed_over = False
    for path in (first, *(folder / FILE_NAME for folder in cwd.parents)):
        if not _is_there(path):
            continue
        shown = f"./{FILE_NAME}" if path == first else str(path)
        if _owners(path) <= trusted:
            yield ConfigFile(path=path, shown=shown, is_found=True, scope="project")
            return
        passed_over = True
        yield ConfigFile(path=path, shown=shown, is_found=False, scope="project", is_anothers=True)
    if not passed_over:
        yield ConfigFile(path=first, shown=f"./{FILE_NAME}", is_found=False, scope="project")


def _is_there(path: Path) -> bool:
    """Whether a file is there to be read; pipes and devices are none, and reading a pipe would never end.

    A directory or a link that leads nowhere is one that somebody wanted to be a file: reading it says what is wrong.
    """
    if not os.path.lexists(path):
        return False
    try:
        mode = path.stat().st_mode
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _owners(path: Path) -> set[int]:
    """Name the users to whom a file or directory belongs; a link and what it leads to may have two."""
    try:
        owners = {path.lstat().st_uid}
        owners.add(path.stat().st_uid)
    except OSError:
        return owners if path.is_symlink() else set()
    return owners


def _defaults(environ: Mapping[str, str]) -> dict[str, Setting]:
    lang, lang_origin = _default_language(environ)
    state_dir, state_origin = _default_state_dir(environ)
    return {
        "host": Setting(name="host", value=None, origin="default"),
        "state_dir": Setting(name="state_dir", value=state_dir, origin=state_origin),
        "lang": Setting(name="lang", value=lang, origin=lang_origin),
        "interval": Setting(name="interval", value=1.0, origin="default"),
        "powercap_dir": Setting(name="powercap_dir", value=Path("/sys/class/powercap"), origin="default"),
        "hardware": Setting(name="hardware", value=None, origin="default"),
        "hosts.allowed": Setting(name="hosts.allowed", value=None, origin="default"),
    }


def _default_language(environ: Mapping[str, str]) -> tuple[Language, str]:
    """Follow the locale as POSIX ranks its variables: the first that is set decides."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(variable):
            is_dutch = environ[variable].casefold().startswith("nl")
            return (Language.NL if is_dutch else Language.EN), f"environment {variable}"
    return Language.EN, "default"


def _default_state_dir(environ: Mapping[str, str]) -> tuple[Path, str]:
    folder = _user_directory("state")
    if folder is not None:
        return folder, "default"
    temporary = Path(environ.get("TMPDIR") or "/tmp")
    return temporary / f"carbonprint-{os.getuid()}", "default (no home directory)"


def user_config_directory() -> Path | None:
    """Return the user's directory for configuration; None for a user without a home."""
    return _user_directory("config")


def _user_directory(kind: str) -> Path | None:
    """Return the user's directory for ``"config"`` or ``"state"``; None for a user without a home.

    A container often runs as such a user; platformdirs then raises or gives a path that begins with "~".
    """
    import platformdirs

    find = platformdirs.user_config_path if kind == "config" else platformdirs.user_state_path
    try:
        path = find("carbonprint")
    except RuntimeError:
        return None
    return path if path.is_absolute() else None


def _shown(value: object) -> str:
    text = repr(str(value) if isinstance(value, os.PathLike) else value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _plain(value: object) -> object:
    if isinstance(value, Path | Language):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
