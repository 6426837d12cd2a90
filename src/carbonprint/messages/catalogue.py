"""Find the words of a language."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from functools import cache
from importlib.resources import as_file, files

Translate = Callable[[str], str]


@cache
def translator(language: str) -> Translate:
    """Give the function that turns an English sentence into one of this language (``en`` or ``nl``)."""
    if language == "en":
        return gettext.NullTranslations().gettext
    with as_file(files("carbonprint.messages")) as folder:
        return gettext.translation("carbonprint", localedir=folder, languages=[language]).gettext
