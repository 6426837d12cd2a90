"""Take secrets out of a command line before it is stored: it hides rather too much than too little.

A secret is what stands after a name that says so, wherever that name comes from: an option, a variable, a header, a key
of JSON, a line of Python. Some values say by themselves what they are: a login in a URL, tokens of well-known services.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HIDDEN = "***"

_PART = (
    r"tokens?|keys?|apikey|pass|passwd|passphrase|passcode|pswd|pwd|pw|secrets?|credentials?|creds|auth|pat|otp|"
    r"sig|signature|sas|cookies?"
)
# A name holds such a word as a whole part (API_KEY, --api-key, PASS2), somewhere in it (clientSecret; but not a
# tokenizer), as a part in camel case (apiKeyValue), or at its end (AWSSECRETKEY, -HCookie).
_SECRET_NAME = re.compile(
    rf"(?:^|[-_.])(?i:{_PART})\d*(?:$|[-_.])"
    r"|(?i:token(?!i[sz][aei])|secret|passw|passphrase|credential|authoriz|bearer|jwt)"
    r"|[a-z](?:Key|Auth|Pwd|Pass)(?![a-z])"
    r"|(?i:keys?|pass|pwd|auth|cookie)\d*$"
)
_COUNTED = re.compile(
    r"(?i:tokens)"
)  # --max-tokens 100 says how many; a token is seldom a short plain number
_PLAIN_NUMBER = re.compile(r"\d{1,9}(?:\.\d*)?(?=$|[\s,;&)\]}])")

_NAME = re.compile(r"[\w.-]+")

# A backslash between single quotes is itself to a shell and not to Python: where such quotes end is not sure.
_QUOTED = r"""(?:"(?:\\.|[^"\\])*+"|'[^'\\]*+')"""
_BETWEEN_QUOTES = re.compile(_QUOTED, re.DOTALL)
# A name with what may close it (['key'] = …), and the sign that gives it a value; a name starts where a word does.
_NAMED = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]++)(?P<closed>[\\\"'\])]{0,4}(?:\[[^\]\n]{0,80}\]){0,3})"
    r"(?P<is>\s*(?:[+:?]?={1,3}>?|:)\s*)"
)
_OPTION = re.compile(r"(?<![\w.-])(?P<name>--?[A-Za-z][\w.-]*+)(?P<is>\s+)(?=\S)")
# Where a value ends for sure: after its closing quote, or after a word that stands in no quotes and opens no bracket.
_QUOTED_VALUE = re.compile(rf"{_QUOTED}(?=\s*[,;}}\])&|]|\s*$|\s+[^\s\\\"'+%.])", re.DOTALL)
_BARE_VALUE = re.compile(rf"""(?>{_QUOTED}|\\.|[^\s&({{\["'\\])++(?=[\s&]|$)""", re.DOTALL)

_LOGIN_OPTION = re.compile(r"--(?:proxy-)?user|-[A-Za-z]{0,8}[uU]")
_LOGIN = re.compile(r"://(?P<login>\S*)@(?P<host>\S*)")
_SPEAKING = (
    (r"(?s)-----BEGIN [^\n]{0,40}PRIVATE KEY.*?(?:-----END [^\n]{0,40}?-----|\Z)", HIDDEN),
    (
        r"(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-)[\w-]{4,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{20,}",
        HIDDEN,
    ),
    (r"(?<![A-Za-z0-9])(?:(?:hf_|npm_)[A-Za-z0-9]{16,}|sk-[\w-]{12,}|pypi-[\w-]{16,})", HIDDEN),
    (r"eyJ[\w=-]{4,2000}+\.[\w=.-]+", HIDDEN),
    (r"(?P<kept>(?<![\w.:/+-])[\w.+-]{1,100}:(?!//))[^\s@]{1,200}(?=@[\w.-])", rf"\g<kept>{HIDDEN}"),
    (r"(?i)(?P<kept>\bbearer\s+|\bbasic\s+(?=[\w+/=-]{8}))\S+", rf"\g<kept>{HIDDEN}"),
    # curl -u user:password, --user=user:password, -uuser:password
    (
        rf"""(?s)(?P<kept>(?<!\S)(?:{_LOGIN_OPTION.pattern})[=\s]*["']?[^\s:=]{{0,100}}:)(?:\\.|\S)+""",
        rf"\g<kept>{HIDDEN}",
    ),
)
"""What shows itself to be a secret, and what stands for it."""
_SPEAKING_PATTERNS = tuple((re.compile(pattern), instead) for pattern, instead in _SPEAKING)


def redacted(command: Sequence[str]) -> list[str]:
    """Replace the values of options, variables, headers, keys and URLs that look like secrets by ``***``.

    A secret is what follows a name that holds token, key, password, secret, credential or the like: ``--token X``,
    ``--api-key=X``, ``AWS_SECRET_ACCESS_KEY=X``, ``https://user:X@host``, ``?key=X``, ``Authorization: X``, also
    within one argument (``bash -c 'TOKEN=X curl …'``, ``python -c "token = 'X'"``): all that follows may go with it.
    """
    shown: list[str] = []
    before = ""
    for argument in command:
        shown.append(HIDDEN if _is_announced(before, argument) else _redacted_argument(before, argument))
        before = argument
    return shown


def is_secret_name(name: str) -> bool:
    """Whether a value with this name looks like a secret."""
    return _SECRET_NAME.search(name.lstrip("-")) is not None


def _is_announced(before: str, argument: str) -> bool:
    """Whether an argument is the value of the one before it, and that is the name of a secret.

    After an option it is, whatever it looks like: a password may begin with dashes. A bare word (``set auth_token X``)
    is judged by its last part, and no option is its value.
    """
    name = before.rstrip(":=")
    if not _NAME.fullmatch(name):
        return False
    if name != before or before.startswith("-"):
        return _is_secret(name, argument)
    return not argument.startswith("-") and _is_secret(re.split("[-_.]", name)[-1], argument)


def _is_secret(name: str, text: str, start: int = 0) -> bool:
    """Whether the value that starts there is a secret; a plain number of tokens is none."""
    if not is_secret_name(name):
        return False
    is_count = _COUNTED.search(name) is not None and not is_secret_name(_COUNTED.sub("", name))
    return not (is_count and _PLAIN_NUMBER.match(text, start))


def _redacted_argument(before: str, argument: str) -> str:
    if _LOGIN_OPTION.fullmatch(before) and ":" in argument:
        return f"{argument.partition(':')[0]}:{HIDDEN}"
    text = _LOGIN.sub(_hide_login, argument)
    scheme, mark, rest = text.partition("://")
    if (
        mark and not re.search(r"\s", scheme) and "@" in rest
    ):  # a URL and no more: its password may hold blanks
        text = f"{scheme}{mark}{HIDDEN}@{rest.rpartition('@')[2]}"
    text = _without_values(_OPTION, _without_values(_NAMED, text))
    for pattern, instead in _SPEAKING_PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _hide_login(url: re.Match[str]) -> str:
    """Hide what stands before the last @ of a URL; where that is a ``?key=a@b``, what follows too."""
    has_secret = any(is_secret_name(name["name"]) for name in _NAMED.finditer(url["login"]))
    return f"://{HIDDEN}@{HIDDEN if has_secret else url['host']}"


def _without_values(pattern: re.Pattern[str], text: str) -> str:
    """Hide the value after every secret name that the pattern finds; what lies within a hidden value is skipped."""
    kept: list[str] = []
    position = unbroken = 0
    for match in pattern.finditer(text):
        is_leading = match.start() == unbroken and not match["is"].isspace()
        unbroken = match.end() if is_leading else -1
        names = _NAME.findall(text, match.start(), match.start("is"))  # environ["KEY"] has two
        if match.start() < position or not any(_is_secret(name, text, match.end()) for name in names):
            continue
        kept += [text[position : match.end()], HIDDEN]
        # TOKEN=X, --env=TOKEN=X, Authorization: X: there the value is all the rest of the argument.
        position = len(text) if is_leading else _end_of_value(text, match)
    return "".join((*kept, text[position:]))


def _end_of_value(text: str, match: re.Match[str]) -> int:
    """Say where a value ends: where that is not sure, as within quotes, at the end of the text."""
    if {'"', "'"} & set(_BETWEEN_QUOTES.sub("", text[: match.start("is")])):
        return len(text)
    value = _QUOTED_VALUE.match(text, match.end())
    if value is None and (match["is"] == "=" or match["is"].isspace()):
        value = _BARE_VALUE.match(text, match.end())
    return len(text) if value is None else value.end()
