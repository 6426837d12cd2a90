"""The settings as people and programs read them: value, origin, and the files that were looked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from carbonprint.messages import Translate, translator
from carbonprint.reporting.plain import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carbonprint.settings import Settings


def setting_rows(settings: Mapping[str, Mapping[str, Any]], _: Translate) -> list[str]:
    """Give one line a setting: name, value and, between brackets, where it came from.

    Args:
        settings: The settings as they stand in a record: name → value and origin.
        _: The words of the language.
    """
    values = {name: _value(name, setting["value"], _) for name, setting in settings.items()}
    name_width = max(map(len, values), default=0)
    value_width = min(max(map(len, values.values()), default=0), 40)
    return [
        f"{shown(name):<{name_width}}  {values[name]:<{value_width}}  ({shown(settings[name]['origin'])})"
        for name in values
    ]


def settings_table(settings: Settings, language: str = "en") -> list[str]:
    """Give the lines that show every setting and the files that were looked for."""
    _ = translator(language)
    lines = [*setting_rows(settings.as_record(), _), "", _("Files looked for, the first one wins:")]
    for file in settings.files:
        is_project = file.scope == "project"
        if file.is_found:
            found = _("found")
        elif file.is_anothers:
            found = _("not used: owned by another user")
        else:
            found = _("not there, nor in a folder above it") if is_project else _("not there")
        lines.append(f"  {shown(str(file.path))}  ({found})")
    return lines


def settings_json(settings: Settings) -> str:
    """Write every setting and the files that were looked for as JSON."""
    files = [
        {
            "path": str(file.path),
            "scope": file.scope,
            "is_found": file.is_found,
            "is_anothers": file.is_anothers,
        }
        for file in settings.files
    ]
    content = {"settings": settings.as_record(), "files": files}
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _value(name: str, value: object, _: Translate) -> str:
    if value is None:
        return _("not set")
    if name == "interval":
        return f"{value} s"
    return shown(", ".join(map(str, value)) if isinstance(value, list) else str(value))
