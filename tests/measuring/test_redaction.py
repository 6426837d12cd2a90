"""Secrets stay out of a stored command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.measuring.redaction import is_secret_name, redacted


@pytest.mark.parametrize(
    ("command", "stored"),
    [
        (["x", "--token", "abc"], ["x", "--token", "***"]),
        (["x", "--api-key=abc d", "--keyboard=us"], ["x", "--api-key=***", "--keyboard=us"]),
        (["AWS_SECRET_ACCESS_KEY=abc", "y"], ["AWS_SECRET_ACCESS_KEY=***", "y"]),
        (["x", "--password", "-dash"], ["x", "--password", "***"]),
        (["x", "--password", "--verbose"], ["x", "--password", "--verbose"]),
        (["curl", "https://u:p@h/x?api_key=1&b=2"], ["curl", "https://***@h/x?api_key=***&b=2"]),
        (["curl", "-H", "Authorization: Bearer abc"], ["curl", "-H", "Authorization: ***"]),
        (["sh", "-c", "run --token abc; TOKEN='a b' go"], ["sh", "-c", "run --token *** TOKEN=*** go"]),
        (["x", "--data", '{"password": "p", "a": "b"}'], ["x", "--data", '{"password": ***, "a": "b"}']),
        (["python", "train.py", "--epochs", "3"], ["python", "train.py", "--epochs", "3"]),
    ],
)
def test_values_that_look_like_secrets_are_hidden(command, stored):
    assert redacted(command) == stored


NAMES = ["token", "API_KEY", "db-password", "clientSecret", "credentials", "HF_TOKEN", "apiKey", "passphrase"]


@given(st.sampled_from(NAMES), st.text("abcdefghijklmnopqrstuvwxyz0123456789%$#@!", min_size=6))
def test_no_secret_survives_in_any_form(name, secret):
    forms = [
        [f"--{name}", secret],
        [f"--{name}={secret}"],
        [f"{name}={secret}"],
        ["env", f"{name}={secret}", "x"],
    ]
    for form in forms:
        assert secret not in " ".join(redacted(form)).replace(name, "")


@pytest.mark.parametrize("name", ["author", "keyboard-layout", "epochs", "monitor"])
def test_ordinary_names_are_left_alone(name):
    assert not is_secret_name(name)
