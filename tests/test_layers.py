"""Which way dependencies point, as data."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "facegate").rglob("*.py"))
PLUGINS = sorted(
    [
        *(ROOT / "plugins").glob("*/facegate_*/**/*.py"),
        *(ROOT / "docs" / "example-plugin").glob("facegate_*/*.py"),
    ]
)

LAYERS = """
    errors  forking  lazy
    document  sniff  model  deadline  background
    images  flow  sockets  scores
    connection
    pools
    exchange  provider  fetch
    drivers  http  policy  consent  dialect
    question  events
    routing  journal
    hookspecs
    plugin  registry
    config
    answering  telemetry
    verifier
    opening
    __init__
    terminal  globs  gateway  testing  options
    report
    command  checking
    cli
    __main__
"""
"""From the bottom up. A module or package imports only from lines above its own, and itself; what a
package adds to the command line, in its ``command.py``, is near the top."""

LIBRARIES = {
    "certifi": {"connection"},
    "h11": {"connection", "exchange"},
    "idna": {"connection"},
    "click": {"checking", "cli", "command", "globs", "hookspecs", "options"},
    "rich": {"cli", "report", "terminal"},
    "pluggy": {"hookspecs", "registry"},
    "imagesize": {"sniff"},
    "pybase64": {"images"},
    "starlette": {"gateway"},
    "trio": {"background"},
    "uvicorn": {"gateway"},
    "hypothesis": {"testing"},
    "duckdb": {"journal"},
    "limits": {"routing"},
    "opentelemetry": {"telemetry"},
    "prometheus_client": {"telemetry"},
    "pytest": {"testing"},
    "redis": {"routing"},
    "scipy": {"command", "report"},
    "sqlalchemy": {"journal"},
    "structlog": {"telemetry"},
    "vcr": {"testing"},
    "yaml": {"testing"},
}
"""Who may import which."""

ANYWHERE = {"anyio", "pydantic"}

VENDORS = {
    *(path.parent.name for path in PLUGINS if path.name == "__init__.py"),
    *("azure", "facetec", "insightface", "iproov", "luxand", "opencv", "rekognition", "sface"),
    *("verifik", "yunet"),
}

PROMISED = {"facegate", "facegate.plugin"}
EXCEPTIONS = {"demo": {"facegate.terminal"}}  # it shows results as the command line does


def imported(path: Path, *, for_types: bool = False) -> Iterator[str]:
    """The modules that a file imports, wherever in it; by default not those for types only."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=level):
                assert not level, f"{path.name} imports relatively"
                names = (f"{module}.{alias.name}" for alias in node.names)
                yield from names if module == "facegate" else [module]
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) if not for_types:
                continue
        pending += ast.iter_child_nodes(node)


def name_of(path: Path) -> str:
    """A module's name, or that of the package it is a part of."""
    if path.name == "command.py":
        return "command"
    return path.relative_to(ROOT).parts[1].removesuffix(".py")


def of_core(names: Iterator[str]) -> set[str]:
    """The core's modules among them, by short name."""
    found = {name.split(".")[1] for name in names if name.startswith("facegate.")}
    modules = set(map(name_of, CORE))
    return {name if name in modules else "__init__" for name in found}


def place_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_every_module_has_its_layer() -> None:
    assert sorted(LAYERS.split()) == sorted(set(map(name_of, CORE)))


@pytest.mark.parametrize("path", CORE, ids=place_of)
def test_a_module_imports_only_from_below(path: Path) -> None:
    lines = LAYERS.strip().splitlines()
    mine = next(number for number, line in enumerate(lines) if name_of(path) in line.split())
    below = {name for line in lines[:mine] for name in line.split()}
    itself = {name_of(path)} if path.parent.name != "facegate" else set()
    assert of_core(imported(path)) <= below | itself


@pytest.mark.parametrize("path", CORE, ids=place_of)
def test_a_library_is_imported_only_where_it_belongs(path: Path) -> None:
    for name in imported(path, for_types=True):
        library = name.partition(".")[0]
        assert name_of(path) in LIBRARIES.get(library, {name_of(path)}), f"imports {library}"


def test_every_dependency_is_listed_here() -> None:
    used = {name.partition(".")[0] for path in CORE for name in imported(path)}
    assert used - set(sys.stdlib_module_names) - {"facegate"} == {*LIBRARIES, *ANYWHERE}


@pytest.mark.parametrize("path", CORE, ids=place_of)
def test_the_core_knows_no_vendor(path: Path) -> None:
    text = path.read_text(encoding="utf-8").lower()
    assert not [vendor for vendor in VENDORS if vendor in text]


@pytest.mark.parametrize("path", PLUGINS, ids=place_of)
def test_a_plugin_imports_only_what_is_promised_to_it(path: Path) -> None:
    core = {name for name in imported(path) if name.partition(".")[0] == "facegate"}
    assert core <= PROMISED | EXCEPTIONS.get(path.stem, set())
