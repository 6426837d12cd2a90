"""Take secrets out of a command line before it is stored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HIDDEN = "***"

_SECRET_WORD = (
    r"(?:token|key|keys|apikey|password|passwd|passphrase|pwd|secret|secrets|credential|credentials|auth)"
)
# A name holds such a word as a whole part (API_KEY, --api-key, apiKey), or ends in one (AWSSECRETKEY).
_SECRET_NAME = re.compile(
    rf"(?:^|[-_.])(?i:{_SECRET_WORD})(?:$|[-_.])|(?i:token|secret|passw|credential)|(?:[a-z](?:Key|Token|Auth)|(?i:key))$"
)
_OPTION = re.compile(r"(--?[A-Za-z][\w.-]*)$")
_ASSIGNED = re.compile(r"(?P<name>-{0,2}[A-Za-z_][\w.-]*)(?P<is>=)(?P<value>'[^']*'|\"[^\"]*\"|[^\s&;'\"]+)")
_WHOLE_ASSIGNMENT = re.compile(r"(?P<name>-{0,2}[A-Za-z_][\w.-]*)=", re.DOTALL)
_OPTION_IN_TEXT = re.compile(
    r"(?P<name>--?[A-Za-z][\w.-]*)(?P<is>\s+)(?P<value>'[^']*'|\"[^\"]*\"|[^\s'\"-][^\s'\"]*)"
)
_URL_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/\s@]+@")
_HEADER = re.compile(
    r"(?i)(?P<name>authorization|x-api-key|x-auth-token|private-token|cookie)(?P<is>\s*:\s*)[^'\"]+"
)
_JSON_PAIR = re.compile(r"(?P<name>[\"'][\w.-]+[\"'])(?P<is>\s*:\s*)(?P<value>\"[^\"]*\"|'[^']*')")


def redacted(command: Sequence[str]) -> list[str]:
    """Replace the values of options, variables and URLs that look like secrets by ``***``.

    A secret is what follows a name that holds token, key, password, secret, credential or the like: ``--token X``,
    ``--api-key=X``, ``AWS_SECRET_ACCESS_KEY=X``, ``https://user:X@host``, ``?key=X``, ``Authorization: X``, also within
    one argument (``bash -c 'TOKEN=X curl …'``). It hides rather too much than too little.
    """
    shown: list[str] = []
    is_value_of_secret = False
    for argument in command:
        if is_value_of_secret and not argument.startswith("--"):
            shown.append(HIDDEN)
            is_value_of_secret = False
            continue
        whole = _WHOLE_ASSIGNMENT.match(argument)
        if whole is not None and is_secret_name(whole["name"]):
            shown.append(f"{whole['name']}={HIDDEN}")
            continue
        option = _OPTION.match(argument)
        is_value_of_secret = option is not None and is_secret_name(option.group(1))
        shown.append(_redacted_text(argument))
    return shown


def is_secret_name(name: str) -> bool:
    """Whether a value with this name looks like a secret."""
    return _SECRET_NAME.search(name.strip("'\"").lstrip("-")) is not None


def _redacted_text(text: str) -> str:
    text = _URL_LOGIN.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _HEADER.sub(rf"\g<name>\g<is>{HIDDEN}", text)
    for pattern in (_ASSIGNED, _JSON_PAIR, _OPTION_IN_TEXT):
        text = pattern.sub(_hide_where_secret, text)
    return text


def _hide_where_secret(match: re.Match[str]) -> str:
    if not is_secret_name(match["name"]):
        return match[0]
    return f"{match['name']}{match['is']}{HIDDEN}"
