"""Lines of text that fit a terminal of 80 columns: rows, items, sources."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from carbonprint.messages import translator
from carbonprint.reporting.plain import shown
from carbonprint.reporting.quantities import short_number

if TYPE_CHECKING:
    from carbonprint.provenance import Source

WIDTH = 80
LABEL_WIDTH = 26
UNKNOWN = "–"


class Paragraphs:
    """Writes lines in one language.

    Args:
        language: ``en`` or ``nl``.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self.translate = translator(language)

    def number(self, value: float | None) -> str:
        """Write a number, or a dash for one that is not known."""
        return short_number(value, self.language) if value is not None else UNKNOWN

    def percent(self, share: float) -> str:
        """Write a fraction as a percentage."""
        return f"{short_number(share * 100, self.language, digits=3)}%"

    def row(self, label: str, text: str) -> list[str]:
        """Write a label and a text beside it."""
        return wrapped(f"  {label:<{LABEL_WIDTH - 2}}", text)

    def item(self, text: str) -> list[str]:
        """Write one thing of a list."""
        return wrapped("  ", text, indent=4)

    def source(self, source: Source) -> list[str]:
        """Write where the figure above was published."""
        parts = (source.publisher, source.title, str(source.year or ""), source.licence, source.url)
        return wrapped("      ", "; ".join(part for part in parts if part))


def wrapped(start: str, text: str, *, indent: int | None = None) -> list[str]:
    """Break a text into lines; what a terminal would act on is shown escaped, and no word is broken."""
    lines = textwrap.wrap(
        shown(text),
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * (len(start) if indent is None else indent),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [start.rstrip()]
