from __future__ import annotations

import ast
import io
import re
import string
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

import carbonprint
from carbonprint.hosting.catalogue import load_host
from carbonprint.hosting.host import DcieKind, Evidence
from carbonprint.hosting.standing import both_standings
from carbonprint.intensity.carbon_intensity import FactorScope
from carbonprint.intensity.mixes import energy_sources
from carbonprint.messages import catalogue, translator, words
from carbonprint.reference.codecarbon_tables import energy_mix
from carbonprint.reference.factors import grid_rows
from carbonprint.reporting.host_table import host_table
from carbonprint.reporting.host_view import host_lines
from carbonprint.reporting.run_table import run_table
from carbonprint.reporting.summary import failure_line, summary_lines

SOURCE = Path(carbonprint.__file__).parent
FOLDER = SOURCE / "messages" / "nl" / "LC_MESSAGES"

SAME_IN_BOTH = {
    "CPU", "GPU", "DCiE", "PUE", "WUE {wue} L/kWh, {evidence}",
    "code", "host", "run", "runs", "{count} runs", "budget", "gas", "wind", "direct", "machine",
    "server", "desktop", "laptop",
}  # fmt: skip

LOOKED_UP = {
    "host.wue_evidence.value",
    "claim.kind.value",
    "claim.evidence.value",
    "supply.evidence.value",
    "contract.evidence.value",
    "name.replace('_', ' ')",
    "part.technology.replace('_', ' ')",
    "intensity.scope.value.replace('_', ' ')",
}
"""Calls that look a value up: their words stand in messages/words.py."""


@pytest.fixture(scope="module")
def dutch():
    with open(FOLDER / "carbonprint.po", "rb") as file:
        return read_po(file, locale="nl")


@cache
def extracted():
    found = extract_from_dir(
        str(SOURCE), method_map=[("**.py", "python")], keywords={**DEFAULT_KEYWORDS, "_": None}
    )
    return {message for _file, _line, message, _comments, _context in found}


def calls():
    """Every argument that the code gives to ``_`` or to ``translate``, as a syntax tree."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
                if name in {"_", "translate"}:
                    yield path.relative_to(SOURCE), node.args[0]


def translations(messages):
    return {message.id: message.string for message in messages if message.id}


# What the code says and what the catalogue knows


def test_every_text_of_the_code_has_its_dutch(dutch):
    known = translations(dutch)
    assert extracted()
    assert [text for text in sorted(extracted()) if not known.get(text)] == []


def test_the_catalogue_holds_nothing_that_the_code_does_not_say(dutch):
    assert set(translations(dutch)) - extracted() == set()
    assert not dutch.obsolete


def test_no_translation_is_a_guess(dutch):
    assert [message.id for message in dutch if message.fuzzy] == []


def test_extraction_finds_every_text_that_is_looked_up():
    """A text inside an f-string is not found: it would stay English for good."""
    texts = {argument.value: path for path, argument in calls() if isinstance(argument, ast.Constant)}
    assert {text: str(path) for text, path in texts.items() if text not in extracted()} == {}


def test_every_value_that_is_looked_up_has_its_words_listed():
    """Who looks up another value adds its words to messages/words.py, and the call here."""
    computed = [argument for _path, argument in calls() if not isinstance(argument, ast.Constant)]
    assert {ast.unparse(argument) for argument in computed} - LOOKED_UP == set()


def test_the_listed_words_are_those_that_the_values_have():
    assert tuple(each.value for each in Evidence) == words.EVIDENCE
    assert tuple(each.value for each in DcieKind) == words.KINDS_OF_DCIE
    assert tuple(each.value.replace("_", " ") for each in FactorScope) == words.FACTOR_SCOPES
    sources = {*energy_sources(FactorScope.LIFECYCLE), *energy_sources(FactorScope.DIRECT)}
    sources |= {name for country in grid_rows() for name in (energy_mix(country) or ({}, 0))[0]}
    assert sources
    assert {name.replace("_", " ") for name in sources} <= set(words.ENERGY_SOURCES)


def test_only_words_of_both_languages_stay_as_they_are(dutch):
    same = {text for text, translated in translations(dutch).items() if text == translated}
    assert same == SAME_IN_BOTH


# Form


def placeholders(text):
    return sorted(part[1:] for part in string.Formatter().parse(text) if part[1] is not None)


def test_placeholders_are_identical(dutch):
    known = translations(dutch)
    assert {text: new for text, new in known.items() if placeholders(text) != placeholders(new)} == {}


def test_line_breaks_and_outer_spaces_are_identical(dutch):
    """A heading of two lines stays one of two lines, and what is put together keeps its space."""
    for text, translated in translations(dutch).items():
        assert text.count("\n") == translated.count("\n"), text
        assert (text[:1] == " ", text[-1:] == " ") == (translated[:1] == " ", translated[-1:] == " "), text


def test_dutch_addresses_nobody(dutch):
    address = re.compile(r"\b(u|uw|je|jij|jouw|jullie)\b", re.IGNORECASE)
    assert [new for new in translations(dutch).values() if address.search(new)] == []


def test_the_compiled_catalogue_is_what_the_text_compiles_to(dutch):
    compiled = io.BytesIO()
    write_mo(compiled, dutch)
    compiled.seek(0)
    with open(FOLDER / "carbonprint.mo", "rb") as file:
        shipped = read_mo(file)
    assert translations(shipped) == translations(read_mo(compiled))
    assert translations(shipped) == translations(dutch)


# Looking up


def test_the_translator_speaks_both_languages():
    assert translator("nl")("energy mix") == "energiemix"
    assert translator("en")("energy mix") == "energy mix"


def test_a_text_without_dutch_stays_english():
    assert translator("nl")("no such text") == "no such text"


def test_a_language_without_a_catalogue_is_english():
    assert translator("fy")("energy mix") == "energy mix"


def _mo_of(header, text):
    """A catalogue of one header, as the format has it: its table of originals, of translations, the bytes."""
    start = 28 + 2 * 8
    numbers = (0x950412DE, 0, 1, 28, 36, 0, start, 0, start, len(header), start + 1)
    return b"".join(number.to_bytes(4, "little") for number in numbers) + b"\0" + header + text


DAMAGED = {
    "empty": b"",
    "no catalogue": b"this is no catalogue at all",
    "cut off": (FOLDER / "carbonprint.mo").read_bytes()[:1000],
    "not UTF-8": _mo_of(b"Content-Type: text/plain; charset=utf-8\n\xff\xfe", b"\0"),
    "unknown charset": _mo_of(b"Content-Type: text/plain; charset=no-such\n", b"\0"),
    "plural that is none": _mo_of(b"Plural-Forms: nplurals=2; plural=import os;\n", b"\0"),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_catalogue_is_english(content, tmp_path, monkeypatch):
    folder = tmp_path / "nl" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "carbonprint.mo").write_bytes(content)
    monkeypatch.setattr(catalogue, "files", lambda _package: tmp_path)
    assert translator.__wrapped__("nl")("energy mix") == "energy mix"


def test_a_missing_catalogue_is_english(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "files", lambda _package: tmp_path / "not there")
    assert translator.__wrapped__("nl")("energy mix") == "energy mix"


# In its place


def dutch_summaries(make_record):
    """Summaries that together show every row there is."""
    market_unknown = {
        "market_missing": "no factor is shipped",
        "intensity_g_per_kwh": {"market_based": None},
        "emissions_kg": {"market_based": None},
    }
    mix = {
        "zone": "NLD",
        "year": 2023,
        "shares": {"gas": 0.4, "wind": 0.3, "solar": 0.1, "coal": 0.1, "oil": 0.1},
    }
    gpu = {"energy_kwh": {"gpu": 0.5, "total": 0.52}, "quality": {"gpu": "counted"}}
    default_host = [{"code": "default-host", "text": "no host was named"}]
    faults = [{"code": "meter-fault", "text": "a meter failed"}]
    unknown = {"energy_kwh": dict.fromkeys(("cpu", "gpu", "ram", "other", "total"))}
    return [
        summary_lines(make_record(measurement=gpu, host={"energy_mix": mix}, caveats=faults), "nl"),
        summary_lines(make_record(caveats=default_host, state="interrupted"), "nl"),
        summary_lines(make_record(footprint=market_unknown), "nl"),
        summary_lines(make_record(measurement=unknown), "nl"),
        summary_lines(make_record(), "nl", ledger_fault="schijf vol", aside=Path("/tmp/run.json")),
    ]


def test_the_labels_of_a_dutch_summary_fit_their_column(make_record):
    labels = set()
    for lines in dutch_summaries(make_record):
        assert len(lines) <= 14
        for line in lines[1:]:
            label = line[2:17]
            assert line[:2] == "  "
            assert label.endswith(" "), f"the label of {line!r} is longer than 14 signs"
            labels.add(label.strip())
    # By name, so that a row that is not shown here is missed.
    assert labels == {
        "energie", "CPU", "GPU", "geheugen", "overig", "CO₂e locatie", "CO₂e markt", "per eenheid", "host",
        "energiemix", "let op", "run",
    }  # fmt: skip


def test_a_dutch_summary_writes_a_decimal_comma(make_record):
    for lines in dutch_summaries(make_record):
        assert re.search(r"\d,\d", lines[0])
        assert [line for line in lines if re.search(r"\d\.\d", line)] == []


def test_a_dutch_failure_is_dutch():
    assert failure_line("LedgerError: vol", "nl") == (
        "carbonprint: de voetafdruk kon niet worden bewaard (LedgerError: vol); "
        "de opdracht zelf is gewoon uitgevoerd"
    )


@pytest.mark.parametrize(
    "host_id", ["odc-noord", "gcp/europe-west4", "grid/NLD", "desk/NLD", "aws/us-east-1"]
)
def test_a_dutch_host_fits_its_columns(host_id):
    host = load_host(host_id)
    lines = host_lines(host, both_standings(host, on_year=2026), energy_mix(host.country), "nl")
    start = lines.index(next(line for line in lines if line.split() == ["geclaimd", "onderbouwd"]))
    figures = lines[start + 1 : start + 8]
    assert [line[2:].partition("  ")[0] for line in figures[:4]] == [
        "DCiE", "PUE", "locatie, g/kWh", "markt, g/kWh",
    ]  # fmt: skip
    for line in figures:
        assert line[25] == " ", line
        assert line[52] == " ", line


def test_dutch_tables_have_dutch_headings(make_record):
    assert run_table([make_record()], "nl")[0].split() == [
        "run", "gestart", "(UTC)", "naam", "fase", "host", "duur", "energie",
        "CO₂e", "locatie", "CO₂e", "markt",
    ]  # fmt: skip
    host = load_host("odc-noord")
    lines = host_table([(host, both_standings(host, on_year=2026))], "nl")
    assert lines[1].split() == ["code", "host", "plaats", "geclaimd", "onderbouwd", "g/kWh", "jaar"]


def test_a_dutch_run_is_dutch(tmp_path):
    options = ["--lang", "nl", "--host", "odc-noord", "--state-dir", str(tmp_path / "state")]
    command = [sys.executable, "-m", "carbonprint", "run", *options, "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    lines = [line for line in done.stderr.splitlines() if not line.startswith("  let op")]
    assert " CPU-seconden · exitstatus 0" in lines[0]
    text = "\n".join(lines)
    assert "voor het datacenter (÷ DCiE 0,8)" in text
    assert "DCiE 0,8 over 2022, onderbouwd" in text
    assert "90 %: " in text
    assert " tot " in text
    assert "verder met: carbonprint runs show" in text
    assert re.search(r"\d\.\d", text) is None
