import datetime
import os
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from carbonprint.documents import found, key_path, read_toml, validate
from carbonprint.errors import DocumentError


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    share: Annotated[float, Field(ge=0, le=1)]
    label: Annotated[str, Field(min_length=1)] = "x"
    count: int = 1
    is_on: bool = True
    level: Literal[1, 2] = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    inner: Inner
    rows: list[Inner] = []
    schema_id: str = Field(default="", alias="schema")


def faults(content, path, **options):
    with pytest.raises(DocumentError) as caught:
        validate(Outer, content, path, **options)
    assert caught.value.exit_code == 2
    assert caught.value.path == str(path)
    return list(caught.value.faults)


def test_a_good_document_becomes_its_model(tmp_path):
    document = validate(Outer, {"inner": {"share": 0.5}, "schema": "a/1"}, tmp_path / "a.toml")
    assert (document.inner.share, document.schema_id) == (0.5, "a/1")


@pytest.mark.parametrize(
    ("inner", "fault"),
    [
        ({}, "inner.share: is required, found nothing"),
        ({"share": 2}, "inner.share: must be at most 1, found 2"),
        ({"share": -0.5}, "inner.share: must be at least 0, found -0.5"),
        ({"share": "0.5"}, 'inner.share: must be a number, found "0.5"'),
        ({"share": True}, "inner.share: must be a number, found true"),
        ({"share": float("nan")}, "inner.share: must be a finite number, found nan"),
        ({"share": float("inf")}, "inner.share: must be a finite number, found inf"),
        ({"share": [1, 2]}, "inner.share: must be a number, found a list of 2"),
        ({"share": {"a": 1}}, "inner.share: must be a number, found a table"),
        ({"share": 1, "label": ""}, 'inner.label: must not be empty, found ""'),
        ({"share": 1, "label": 5}, "inner.label: must be text, found 5"),
        ({"share": 1, "count": 1.5}, "inner.count: must be a whole number, found 1.5"),
        ({"share": 1, "is_on": 1}, "inner.is_on: must be true or false, found 1"),
        ({"share": 1, "level": 3}, "inner.level: must be 1 or 2, found 3"),
        ({"share": 1, "sharee": 1}, "inner.sharee: is no known key; did you mean share?"),
        (
            {"share": 1, "zzz": 1},
            "inner.zzz: is no known key; allowed: share, label, count, is_on, level",
        ),
    ],
)
def test_a_fault_says_what_is_allowed_and_what_was_found(inner, fault, tmp_path):
    assert faults({"inner": inner}, tmp_path / "a.toml") == [fault]


@pytest.mark.parametrize(("inner", "text"), [(3, "3"), ([], "a list of 0"), ("a", '"a"')])
def test_a_table_must_be_a_table(inner, text, tmp_path):
    assert faults({"inner": inner}, tmp_path / "a.toml") == [f"inner: must be a table, found {text}"]


def test_every_fault_is_named_in_one_go(tmp_path):
    content = {"inner": {"share": 2, "count": "x"}, "rows": [{"share": 1}, {"label": ""}], "schme": "a"}
    assert faults(content, tmp_path / "a.toml") == [
        "inner.share: must be at most 1, found 2",
        'inner.count: must be a whole number, found "x"',
        "rows[2].share: is required, found nothing",
        'rows[2].label: must not be empty, found ""',
        "schme: is no known key; did you mean schema?",
    ]


def test_rules_add_their_faults_to_those_of_single_keys(tmp_path):
    def never_five(content):
        if content["inner"].get("count") == 5:
            yield "inner.count: must not be 5, found 5"

    assert faults({"inner": {"count": 5}}, tmp_path / "a.toml", rules=[never_five]) == [
        "inner.share: is required, found nothing",
        "inner.count: must not be 5, found 5",
    ]
    assert faults({"inner": {"share": 1, "count": 5}}, tmp_path / "a.toml", rules=[never_five]) == [
        "inner.count: must not be 5, found 5"
    ]


def test_no_message_speaks_of_the_library(tmp_path):
    content = {"inner": {"share": "x", "label": 1, "count": None, "is_on": "?", "level": [], "a": 1}}
    text = "\n".join(faults(content, tmp_path / "a.toml")).casefold()
    for word in ("pydantic", "http", "input", "type=", "valid "):
        assert word not in text


def test_what_is_no_toml_says_where(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("a = 1\nb = \n")
    with pytest.raises(DocumentError, match=r"a\.toml: this is not TOML: .*line 2"):
        read_toml(path)


def test_what_cannot_be_read_says_why(tmp_path):
    with pytest.raises(DocumentError, match="cannot be read: No such file"):
        read_toml(tmp_path / "nothing.toml")
    with pytest.raises(DocumentError, match="cannot be read: Is a directory"):
        read_toml(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'a = "\xe9"')
    with pytest.raises(DocumentError, match=r"is not UTF-8 text \(byte 5\)"):
        read_toml(tmp_path / "latin.toml")


def test_a_byte_order_mark_is_no_fault(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert read_toml(tmp_path / "a.toml") == {"a": 1}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (False, "false"),
        ("a" * 61, f'"{"a" * 57}..."'),
        (datetime.date(2025, 1, 2), "the date 2025-01-02"),
    ],
)
def test_values_are_shown_as_they_were_written(value, text):
    assert found(value) == text


def test_places_are_written_with_lists_counted_from_one():
    assert key_path(("contract", "covered", 1, "share")) == "contract.covered[2].share"
    assert key_path(("rows", 0)) == "rows[1]"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = " + "[" * 20_000, "is nested too deeply"),
        ("a = " + "[" * 60 + "]" * 60, "is nested too deeply: at most 50 tables and lists"),
        (".".join(["a"] * 60) + " = 1", "is nested too deeply"),
        ("a = " + "9" * 5000, "holds a whole number of more than 64 bits"),
        ("a = [0x" + "F" * 5000 + "]", "holds a whole number of more than 64 bits"),
        ("a = -9223372036854775809", "holds a whole number of more than 64 bits"),
    ],
)
def test_what_is_too_large_or_too_deep_is_a_fault(text, fault, tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(DocumentError, match=fault):
        read_toml(path)


def test_what_is_large_and_deep_is_read(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("a = 9223372036854775807\nb = -9223372036854775808\nc = " + "[" * 40 + "]" * 40)
    assert read_toml(path)["a"] == 2**63 - 1


def test_what_is_no_regular_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.toml")
    for path in (tmp_path / "a.toml", Path("/dev/zero")):
        with pytest.raises(DocumentError, match="is no regular file"):
            read_toml(path)
    with pytest.raises(DocumentError, match="cannot be read: embedded null"):
        read_toml(tmp_path / "a\0.toml")


def test_a_model_can_know_more_than_its_document(tmp_path):
    def below(value, info):
        if value > info.context["most"]:
            raise ValueError("too much")
        return value

    class Bounded(BaseModel):
        count: Annotated[int, AfterValidator(below)]

    assert validate(Bounded, {"count": 2}, tmp_path, context={"most": 2}).count == 2
    with pytest.raises(DocumentError, match="count: too much"):
        validate(Bounded, {"count": 3}, tmp_path, context={"most": 2})
