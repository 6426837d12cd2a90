"""Secrets stay out of a stored command line."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.measuring.redaction import is_secret_name, redacted

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("command", "stored"),
    [
        (["x", "--token", "abc"], ["x", "--token", "***"]),
        (["x", "--api-key=abc d", "--keyboard=us"], ["x", "--api-key=***", "--keyboard=us"]),
        (["AWS_SECRET_ACCESS_KEY=abc", "y"], ["AWS_SECRET_ACCESS_KEY=***", "y"]),
        (["x", "--password", "-dash"], ["x", "--password", "***"]),
        (["x", "--password", "--verbose", "y"], ["x", "--password", "***", "y"]),
        (["x", "--use-auth", "--password", "abc"], ["x", "--use-auth", "***", "***"]),
        (["x", "--private-key", PEM], ["x", "--private-key", "***"]),
        (["x", f"a {PEM} b"], ["x", "a *** b"]),
        (["x", "--pass", "abc", "--passwd", "abc"], ["x", "--pass", "***", "--passwd", "***"]),
        (["env", "PASS=a", "DB_PASS=b", "--pass=c", "x"], ["env", "PASS=***", "DB_PASS=***", "--pass=***", "x"]),
        (["docker", "run", "--env=TOKEN=a b", "x"], ["docker", "run", "--env=TOKEN=***", "x"]),
        (["docker", "run", "-e", "TOKEN=abc", "x"], ["docker", "run", "-e", "TOKEN=***", "x"]),
        (["docker", "run", "-eTOKEN=abc", "x"], ["docker", "run", "-eTOKEN=***", "x"]),
        (["python", "-c", "token = 'abc'"], ["python", "-c", "token = ***"]),
        (["python", "-c", 'import x\nopenai.api_key = "abc"'], ["python", "-c", "import x\nopenai.api_key = ***"]),
        (["x", "--authorization", "abc", "--bearer", "abc"], ["x", "--authorization", "***", "--bearer", "***"]),
        (["x", "--jwt", "abc", "--cookie", "abc"], ["x", "--jwt", "***", "--cookie", "***"]),
        (["aws", "configure", "set", "secret_key", "abc"], ["aws", "configure", "set", "secret_key", "***"]),
        (["curl", "https://u:p@h/x?api_key=1&b=2"], ["curl", "https://***@h/x?api_key=***&b=2"]),
        (["x", "postgresql://u:hun@ter2@h/db"], ["x", "postgresql://***@h/db"]),
        (["x", "postgresql://u:a/b@h"], ["x", "postgresql://***@h"]),
        (["x", "--url=postgresql://u:a b@h"], ["x", "--url=postgresql://***@h"]),
        (["curl", "-H", "Authorization: Bearer abc"], ["curl", "-H", "Authorization: ***"]),
        (["curl", "-H", "X-Custom-Token: a'b c"], ["curl", "-H", "X-Custom-Token: ***"]),
        (["curl", "-HCookie: abc", "token:abc"], ["curl", "-HCookie: ***", "token:***"]),
        (["curl", "-u", "me:abc", "--user", "me:abc"], ["curl", "-u", "me:***", "--user", "me:***"]),
        (["curl", "--user=me:abc", "-sume:abc"], ["curl", "--user=me:***", "-sume:***"]),
        (["sh", "-c", "curl -u me:abc h"], ["sh", "-c", "curl -u me:*** h"]),
        (["sh", "-c", "run --token abc; TOKEN='a b' go"], ["sh", "-c", "run --token *** TOKEN=*** go"]),
        (["sh", "-c", "curl -d 'password=a b' h"], ["sh", "-c", "curl -d 'password=***"]),
        (["x", "--data", '{"password": "p", "a": "b"}'], ["x", "--data", '{"password": ***, "a": "b"}']),
        (["x", "--data", '{"password":12345}'], ["x", "--data", '{"password":***']),
        (["x", "ghp_abcdefghij", "a,hf_abcdefghijklmnopqrst"], ["x", "***", "a,***"]),
        (["x", "gho_abcdefghij", "github_pat_11ABC_def", "glpat-abcdefgh"], ["x", "***", "***", "***"]),
        (["x", "sk-proj-abcdefghijk", "xoxb-12-34-abc", "AKIAABCDEFGHIJKLMNOP"], ["x", "***", "***", "***"]),
        (["x", "eyJhbGciOi.eyJzdWIiOiI.SflKxwRJSM"], ["x", "***"]),
    ],
)  # fmt: skip
def test_values_that_look_like_secrets_are_hidden(command, stored):
    assert redacted(command) == stored


@pytest.mark.parametrize(
    "command",
    [
        "python train.py --epochs 3 --author me --keyboard us",
        "python train.py --tokenizer bert-base --tokenizer_name=x --tokens 3 --max-tokens 100 --num_tokens=5",
        "python train_token_model.py --name secret-project data.csv --lr 1e-4",
        "docker run -v /data:/data --user 1000 python:3.11 python -u train.py",
        "curl https://example.org:8080/a?b=c --output a.json",
        "./task-something-with-a-long-name hf_trainer.py",
    ],
)
def test_ordinary_arguments_stay(command):
    assert redacted(command.split()) == command.split()


def test_a_number_of_tokens_stays_and_any_other_value_of_that_name_does_not():
    assert redacted(["x", "--max-tokens", "a1", "--tokens=abc"]) == [
        "x",
        "--max-tokens",
        "***",
        "--tokens=***",
    ]
    assert redacted(["x", '{"max_tokens": 100, "n": 2}']) == ["x", '{"max_tokens": 100, "n": 2}']
    assert redacted(["x", "--token", "123456"]) == ["x", "--token", "***"]


NAMES = [
    "token", "API_KEY", "db-password", "clientSecret", "credentials", "HF_TOKEN", "apiKey", "passphrase", "PASS",
    "DB_PASS", "X-Custom-Token", "jwt", "bearer", "Authorization", "passwd", "AWS_SECRET_ACCESS_KEY", "PASSWORD2",
]  # fmt: skip
SECRETS = st.text("QRSTUVWXYZ0123456789%$#@!&;:/=,.-+*~'\"\\ \n()[]{}<>|?", min_size=6, max_size=30).filter(
    str.strip
)
IN_SHELL = st.text("QRSTUVWXYZ0123456789%#@!;:/=,.-+*~", min_size=6, max_size=30)


def forms(name: str, secret: str) -> list[list[str]]:
    """Ways in which a command may hold a secret under a name, each quoted as its language has it."""
    word, python, text = shlex.quote(secret), repr(secret), json.dumps(secret)
    identifier = name.replace("-", "_")
    scripts = [
        f"export {identifier}={word}; go", f"curl -H {shlex.quote(f'{name}: {secret}')} h", f"run --{name} {word} go",
        f"run --{name}={word} go", f"{identifier} = {python}\ntrain()", f"f({identifier}={python}, a=1)",
        f"os.environ[{name!r}] = {python}", f'{{"{name}": {text}, "a": 1}}',
        f'{{"{name}":{text}}}', f"curl -d {shlex.quote(json.dumps({name: secret}))} h", f"a: 1\n{name}: {text}\n",
        f"x.{identifier} += {python} + 'a'", f'{{"{name}": ["a", {text}]}}', f"{identifier}=[{python}, {python}]",
        json.dumps({"a": json.dumps({name: secret, "b": 1})}),
    ]  # fmt: skip
    return [
        [f"--{name}", secret], [f"-{name}", secret], [f"--{name}={secret}"], [f"{name}={secret}"],
        ["env", f"{name}={secret}", "x"], [f"--env={name}={secret}"], [f"-e{name}={secret}"], [f"{name}: {secret}"],
        [f"{name}:{secret}"], ["-H", f"{name}:", secret], [f"--x={name}: {secret}"],
        *(["sh", "-c", script] for script in scripts),
    ]  # fmt: skip


def pieces(secret: str) -> set[str]:
    return {secret[i : i + 5] for i in range(len(secret) - 4)}


@given(st.sampled_from(NAMES), SECRETS)
def test_no_secret_survives_in_any_form(name, secret):
    for form in forms(name, secret):
        shown = "\n".join(redacted(form))
        left = [
            piece for piece in pieces(secret) if sum(sign.isalnum() for sign in piece) > 2 and piece in shown
        ]
        assert left == [], (form, shown)


@given(st.sampled_from(NAMES), IN_SHELL)
def test_no_secret_survives_unquoted_in_a_script(name, secret):
    for script in (
        f"run --{name} {secret} go",
        f"a; {name}={secret} go",
        f"curl https://h/x?{name}={secret}",
    ):
        shown = redacted(["sh", "-c", script])[2]
        assert not [piece for piece in pieces(secret) if piece.isalnum() and piece in shown], (script, shown)


@given(SECRETS)
def test_no_password_of_a_login_survives(secret):
    for form in ([f"https://u:{secret}@h/x"], ["curl", "-u", f"me:{secret}"], [f"--url=a+b://u:{secret}@h"]):
        assert not [piece for piece in pieces(secret) if piece in "\n".join(redacted(form))], form


@given(st.lists(st.text(), max_size=4))
def test_any_command_line_keeps_its_length(command):
    assert len(redacted(command)) == len(command)


@pytest.mark.parametrize(
    "sign", ["a", "-", ":", "=", "'", '"', "\\", "a=", "a:", "-u", "eyJ", "'\"", "token=", "[", " ", "\\'"]
)
def test_a_long_argument_is_gone_through_once(sign):
    """A pattern that tries every beginning again would not end in the time of the whole suite."""
    assert len(redacted(["x", sign * (100_000 // len(sign)), "y"])) == 3


@pytest.mark.parametrize(
    "name", ["author", "keyboard-layout", "epochs", "monitor", "tokenizer", "Tokenization", "compose"]
)
def test_ordinary_names_are_left_alone(name):
    assert not is_secret_name(name)
