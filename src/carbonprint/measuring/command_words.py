"""What a command line runs: the words behind ``env``, ``sudo``, ``time`` and their like, and inside ``sh -c``."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_PREFIXES = {
    "chrt": "", "doas": "uC", "env": "uCS", "ionice": "cn", "nice": "n", "nohup": "", "setsid": "", "stdbuf": "ioe",
    "sudo": "ugCDhpRrtTU", "taskset": "", "time": "fo", "timeout": "ks", "unbuffer": "", "xvfb-run": "ns",
}  # fmt: skip
"""Programs that run the rest of their words → letters of their options that take the next word."""

_OPERANDS = {"timeout": 1, "chrt": 1, "taskset": 1}
"""Words of their own that stand before the command."""

_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "ash"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


def program(words: Sequence[str]) -> str:
    """Name of the program of a command line, without its folder."""
    return os.path.basename(words[0]) if words else ""


def commands_in(words: Sequence[str]) -> Iterator[list[str]]:
    """Give the commands that a command line runs, as far as its words show it.

    One, without what stands before it; those of a ``sh -c`` text, split where a shell begins a new command. What a
    script runs is not seen.
    """
    command = _behind_prefixes(list(words))
    if program(command) in _SHELLS:
        for text in _shell_texts(command):
            for part in re.split(r"[;&|\n(){}]+", text):
                try:
                    inner = _behind_prefixes(shlex.split(part, comments=True))
                except ValueError:  # a quotation was cut in two
                    continue
                if inner:
                    yield inner
    elif command:
        yield command


def after_options(words: Sequence[str], with_value: Collection[str]) -> list[str]:
    """Give the words from the first that is no option on.

    Args:
        words: Options, then the rest.
        with_value: Options that take the next word, as they are written (``-H``, ``--host``).
    """
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in with_value else 1
    return list(words[at:])


def option_value(words: Sequence[str], *names: str) -> str:
    """Give the value of an option, in its own word or behind ``=``; ``""`` where it is not there."""
    for at, word in enumerate(words):
        for name in names:
            if word == name and at + 1 < len(words):
                return words[at + 1]
            if word.startswith(f"{name}="):
                return word[len(name) + 1 :]
    return ""


def _behind_prefixes(words: list[str]) -> list[str]:
    while words:
        name = program(words)
        if _ASSIGNMENT.fullmatch(words[0]):
            words = words[1:]
        elif name in _PREFIXES:
            words = after_options(words[1:], {f"-{letter}" for letter in _PREFIXES[name]})
            words = words[_OPERANDS.get(name, 0) :]
        else:
            break
    return words


def _shell_texts(words: Sequence[str]) -> list[str]:
    """The text behind ``-c``, which may stand among other letters (``bash -lc``)."""
    for at, word in enumerate(words[1:-1], start=1):
        if re.fullmatch(r"-[a-z]*c[a-z]*", word):
            return [words[at + 1]]
        if not word.startswith("-"):
            break
    return []
