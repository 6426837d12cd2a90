"""Text from outside, made safe to print: no markup is interpreted, and no control sequence reaches the terminal."""

from __future__ import annotations


def shown(text: str) -> str:
    """Return text in which whatever a terminal would act on is shown as an escape instead."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
