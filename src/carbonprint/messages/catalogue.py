"""Find the words of a language."""

from __future__ import annotations

import gettext
import struct
from collections.abc import Callable
from functools import cache
from importlib.resources import as_file, files

Translate = Callable[[str], str]


@cache
def translator(language: str) -> Translate:
    """Give the function that turns an English sentence into one of this language (``en`` or ``nl``).

    English is what the code holds; it also stands in where a catalogue is missing or damaged. A run that was
    measured is then told in English, not lost.
    """
    if language == "en":
        return gettext.NullTranslations().gettext
    try:
        with as_file(files("carbonprint.messages")) as folder:
            found = gettext.translation("carbonprint", localedir=folder, languages=[language], fallback=True)
    except (OSError, ValueError, LookupError, struct.error):  # what gettext raises at a damaged catalogue
        found = gettext.NullTranslations()
    return found.gettext
