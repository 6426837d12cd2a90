"""The rules of the house that no single test of a module would see broken."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import carbonprint
from carbonprint.cli.root import root
from carbonprint.hosting.catalogue import host_ids
from carbonprint.reference.tables import sources, table_rows

SOURCE = Path(carbonprint.__file__).parent


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package as a syntax tree, by its name."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def is_package(module: str) -> bool:
    return SOURCE.parent.joinpath(*module.split("."), "__init__.py").exists()


def imports_of(module: str) -> set[str]:
    """What a module imports, wherever in it: at its top, in a function, for types only, absolute or relative."""
    found = set()
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {imported(module, node, alias.name) for alias in node.names}
    return found


def imported(module: str, node: ast.ImportFrom, name: str) -> str:
    base = node.module or ""
    if node.level:
        parts = module.split(".")
        parts = parts[: len(parts) - node.level + is_package(module)]
        base = ".".join([*parts, *([node.module] if node.module else [])])
    return f"{base}.{name}" if f"{base}.{name}" in modules() or base == "carbonprint" else base


# Who may import whom: the order of the rooms in docs/architecture.md, and what each may see of the others

GROUND = {"units", "errors"}
SHELF = {
    "provenance", "documents", "settings", "hardware", "hardware_profile", "hardware_file", "messages",
}  # fmt: skip
BELOW = GROUND | SHELF | {"reference"}

# A record holds the host a run took place on and the figures that a footprint was made of: the types that the
# fields of Footprint have. They lie on lower floors, so no arrow points up.
TYPES_OF_A_FOOTPRINT = {
    "footprint.result", "footprint.seed", "hosting.host", "hosting.host_factors", "hosting.standing",
    "intensity.carbon_intensity",
}  # fmt: skip

ALLOWED = {
    "errors": set(),
    "units": {"errors"},
    **dict.fromkeys(SHELF, GROUND | SHELF),
    "reference": GROUND | SHELF,
    "measuring": BELOW,
    "intensity": BELOW,
    "hosting": BELOW | {"intensity"},
    "footprint": BELOW | {"intensity", "hosting", "measuring.measurement"},
    "scenarios": BELOW | {"intensity", "hosting", "measuring.measurement", "footprint"},
    "ledger": BELOW | {"measuring.measurement"} | TYPES_OF_A_FOOTPRINT,
    "register": BELOW | {"intensity", "hosting", "measuring.measurement", "footprint", "ledger"},
    "reporting": BELOW
    | {"measuring", "intensity", "hosting", "footprint", "scenarios", "ledger", "register"},
    "api": BELOW
    | {"measuring", "intensity", "hosting", "footprint", "scenarios", "ledger", "register", "reporting"},
    "cli": BELOW
    | {
        "measuring",
        "intensity",
        "hosting",
        "footprint",
        "scenarios",
        "ledger",
        "register",
        "reporting",
        "api",
    },
    "": {"api"},  # the package hands on the names that users import
    "__main__": {"cli"},
}
"""Room → the rooms, or single modules of them, that it may import; its own modules it always may."""


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def arrows() -> list[tuple[str, str]]:
    """Every import of a module of ours by another; the version is a text of the package, no module."""
    return [
        (module, target)
        for module in modules()
        for target in sorted(imports_of(module))
        if target.split(".")[0] == "carbonprint" and target != "carbonprint.__version__"
    ]


def test_every_room_stands_in_the_table():
    assert {room(module) for module in modules()} <= set(ALLOWED)


def test_imports_point_down_the_table():
    wrong = [
        f"{module} imports {target}"
        for module, target in arrows()
        if room(target) != room(module)
        and not {room(target), target.removeprefix("carbonprint.")} & ALLOWED[room(module)]
    ]
    assert wrong == []


def test_the_table_itself_has_no_circle():
    floors = {name: {each.split(".")[0] for each in allowed} for name, allowed in ALLOWED.items()}
    one_row = {name: frozenset(SHELF) if name in SHELF else frozenset({name}) for name in floors}
    graph = {
        row: {one_row[each] for name in row for each in floors[name]} - {row} for row in set(one_row.values())
    }
    assert circles(graph) == []


def test_only_one_module_imports_codecarbon():
    importers = [
        module
        for module in modules()
        if any(target.split(".")[0] == "codecarbon" for target in imports_of(module))
    ]
    assert importers == ["carbonprint.measuring.codecarbon_meter"]


def test_no_circle_of_imports_passes_through_two_rooms():
    graph = defaultdict(set)
    for module, target in arrows():
        graph[module].add(target)
    found = [sorted(circle) for circle in circles(graph) if len({room(module) for module in circle}) > 1]
    assert found == []


def circles(graph):
    """Sets of nodes that can all be reached from each other."""

    def reach(start):
        seen, waiting = set(), list(graph.get(start, ()))
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting += graph.get(node, ())
        return seen

    reached = {node: reach(node) for node in graph}
    found = {
        frozenset(other for other in reached if other in reached[node] and node in reached[other])
        for node in reached
        if node in reached[node]
    }
    return sorted(found, key=sorted)


def test_relative_and_hidden_imports_are_seen(monkeypatch):
    """The rules above are worth what this finds: an import in a function, for types, or with dots."""
    text = """
from __future__ import annotations
from typing import TYPE_CHECKING
from . import store
from .record import SCHEMA
from ..footprint import draws
if TYPE_CHECKING:
    from carbonprint.api.measure import measure
def late():
    import codecarbon.core.cpu
    from carbonprint import cli
    from carbonprint.reference import power
"""
    monkeypatch.setitem(modules(), "carbonprint.ledger.a_module", ast.parse(text))
    assert imports_of("carbonprint.ledger.a_module") == {
        "__future__", "typing", "codecarbon.core.cpu", "carbonprint.ledger.store", "carbonprint.ledger.record",
        "carbonprint.footprint.draws", "carbonprint.api.measure", "carbonprint.cli", "carbonprint.reference.power",
    }  # fmt: skip
    with pytest.raises(AssertionError):
        test_imports_point_down_the_table()
    with pytest.raises(AssertionError):
        test_only_one_module_imports_codecarbon()


# Size and start


def test_no_module_is_over_400_lines():
    lengths = {
        str(path.relative_to(SOURCE)): len(path.read_text().splitlines()) for path in SOURCE.rglob("*.py")
    }
    assert {path: length for path, length in lengths.items() if length > 400} == {}


HEAVY = {"pandas", "numpy", "codecarbon", "sqlalchemy", "pydantic", "rich"}


@pytest.mark.parametrize("module", [name for name in modules() if room(name) == "cli"])
def test_a_command_is_loaded_without_the_heavy_libraries(module):
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "click" in loaded or module == "carbonprint.cli"
    assert loaded & HEAVY == set()


# A float says its unit

UNIT = re.compile(r"(^|_)(kwh|mwh|twh|w|j|uj|s|kg|g|l|gib|eur|years)$|_per_[a-z]+$")

DIMENSIONLESS = re.compile(
    r"(^|_)(dcie|pue|ref|erf|share|fraction|sigma|utilisation|load|efficiency|p_greener|half_width|half_width_90)$"
)

OTHER_NAMES = {
    # In the unit of the figure, which the value or its neighbour names.
    ("provenance", "Estimate", "low"),
    ("provenance", "Estimate", "central"),
    ("provenance", "Estimate", "high"),
    *(("ledger.spread", "Spread", name) for name in ("mean", "deviation", "least", "most")),
    ("reference.tables", "Constant", "value"),
    # In the unit that the meter speaks, which the profile names.
    ("hardware_profile", "MeterSource", "wraps_at"),
    ("measuring.meter_text", "MeterIntegral.add", "reading"),
    ("units", "require_non_negative", "value"),
    ("units", "require_positive", "value"),
    ("reporting.paragraphs", "Paragraphs.number", "value"),
    ("reporting.quantities", "number", "value"),
    ("reporting.quantities", "short_number", "value"),
    ("reporting.quantities", "fixed_number", "value"),
    # By component, under the names of the record: energy_kwh.cpu, idle_share_by.cpu. The type says what of it.
    ("measuring.measurement", "ComponentEnergy", "cpu"),
    ("measuring.measurement", "ComponentEnergy", "gpu"),
    ("measuring.measurement", "ComponentEnergy", "ram"),
    ("measuring.measurement", "ComponentEnergy", "other"),
    ("measuring.measurement", "ReservedShare", "cpu"),
    ("measuring.measurement", "ReservedShare", "gpu"),
    ("measuring.measurement", "ReservedShare", "ram"),
    # What users write: the setting interval, as CARBONPRINT_INTERVAL and --interval, and how many --units of --unit.
    ("api.measure", "measure.__init__", "interval"),
    ("api.measure", "measured", "interval"),
    ("cli.run", "run", "interval"),
    ("cli.hardware", "calibrate", "seconds"),
    ("cli.hardware", "calibrate", "patience"),
    ("cli.run", "run", "units"),
}
"""(module, class or function, name) of the floats whose unit is said in another way."""


def test_every_public_float_says_its_unit():
    mute = {
        each for each in public_floats() if not UNIT.search(each[2]) and not DIMENSIONLESS.search(each[2])
    }
    assert mute - OTHER_NAMES == set()
    assert OTHER_NAMES - mute == set(), "these are no longer there: take them off the list"


def public_floats():
    """Fields of dataclasses and parameters of functions that are a float, and that others can see."""
    for module, tree in modules().items():
        for place, name in floats_in(tree.body, ""):
            yield module.removeprefix("carbonprint."), place, name


def floats_in(body, prefix):
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
                for field in node.body:
                    if isinstance(field, ast.AnnAssign) and is_float(field.annotation):
                        yield prefix + node.name, field.target.id
            yield from floats_in(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name.startswith("_") and node.name != "__init__":
                continue
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield from ((prefix + node.name, each.arg) for each in arguments if is_float(each.annotation))


def is_float(annotation) -> bool:
    """Whether an annotation is ``float``, alone or in a union."""
    if isinstance(annotation, ast.BinOp):
        return is_float(annotation.left) or is_float(annotation.right)
    return isinstance(annotation, ast.Name) and annotation.id == "float"


# A figure has its source and its year


def power_tables():
    """The tables of power.toml that hold figures, each with the table that names its source."""
    content = tomllib.loads((SOURCE / "reference" / "power.toml").read_text(encoding="utf-8"))
    for name, table in content.items():
        if any(isinstance(value, dict) for value in table.values()):
            shared = content.get(f"{name}_source", {})
            yield from ((f"{name}.{inner}", shared | row) for inner, row in table.items())
        elif not name.endswith("_source"):
            yield name, table


@pytest.mark.parametrize(("name", "table"), list(power_tables()))
def test_every_power_has_its_source_and_year(name, table):
    figures = [value for key, value in table.items() if key != "year" and isinstance(value, float)]
    assert figures
    assert len(table["source"]) > 20
    assert 2000 <= table["year"] <= 2100


@pytest.mark.parametrize(
    "name", sorted(path.name for path in (SOURCE / "reference").glob("*.csv") if path.name != "sources.csv")
)
def test_every_row_of_a_table_has_its_source_and_year(name):
    rows = table_rows(name)
    assert rows
    for row in rows:
        source = sources()[row["source"]]
        year = row.get("year") or row.get("list_year") or source.year
        if row["source"] == "carbonprint":
            # Nothing was published, so there is no year of publication; the row says so, and what it rests on.
            assert "working assumption" in row.get("standing", row["note"])
            assert len(row["note"]) > 20
        else:
            assert 1990 <= int(year) <= 2100, row


def test_the_list_of_host_ids_is_that_of_the_catalogue():
    listed = (SOURCE / "reference" / "host_ids.txt").read_text(encoding="ascii").splitlines()
    assert sorted(listed) == sorted(host_ids())
    assert tuple(listed) == host_ids()


# Every command says what it does


def commands(group, path=()):
    """Every command that the root leads to, itself too: its words, and the command."""
    yield path, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            yield from commands(group.get_command(context, name), (*path, name))


COMMANDS = dict(commands(root))


def test_there_are_commands_in_groups():
    assert {("run",), ("runs", "list"), ("host", "show"), ("config", "show")} <= set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(("carbonprint", *path)))
def test_every_command_has_help(path):
    result = CliRunner().invoke(root, [*path, "--help"], prog_name="carbonprint")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(" ".join(["Usage: carbonprint", *path]))
    command = COMMANDS[path]
    assert command.help
    assert command.help.splitlines()[0].endswith(".")
    assert command.help.split()[0] in result.output
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert [each.name for each in options if not each.help] == []
