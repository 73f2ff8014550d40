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
        *(ROOT / "docs").glob("example-plugin*/facegate_*/*.py"),
    ]
)

LAYERS = """
    model
    errors
    rates
    document  consent  scores  runtime
    images  events  thresholds  calibration
    question  providers
    policy  plugin  journal  telemetry  preparing
    figures
    routing  trial
    health
    config  answering
    verifier
    opening
    batch
    evaluation
    sentinel
    typing  __init__
    gateway  testing
    cli
    __main__
"""
"""From the bottom up. A module imports only from lines above its own; a package is one room, whose
modules may import each other. What is imported for types, or late, counts."""

LIBRARIES = {
    "certifi": {"runtime"},
    "h11": {"runtime", "gateway"},
    "idna": {"runtime"},
    "click": {"cli", "providers"},
    "rich": {"cli"},
    "pluggy": {"providers"},
    "imagesize": {"images"},
    "PIL": {"images"},
    "pillow_heif": {"images"},
    "pybase64": {"images"},
    "starlette": {"gateway"},
    "trio": {"runtime"},
    "uvicorn": {"gateway"},
    "hypothesis": {"testing"},
    "dask": {"batch"},
    "distributed": {"batch"},
    "duckdb": {"batch", "evaluation", "journal", "sentinel"},
    "limits": {"routing"},
    "numpy": {"cli", "evaluation"},
    "opentelemetry": {"telemetry"},
    "prometheus_client": {"telemetry"},
    "pytest": {"testing"},
    "ray": {"batch"},
    "redis": {"gateway", "routing"},
    "scipy": {"cli", "evaluation", "figures", "trial"},
    "sqlalchemy": {"gateway", "journal"},
    "structlog": {"telemetry"},
    "vcr": {"testing"},
    "yaml": {"testing"},
}
"""Who may import which."""

ANYWHERE = {"anyio", "pydantic", "typing_extensions"}

VENDORS = {
    *(path.parent.name for path in PLUGINS if path.name == "__init__.py"),
    *("azure", "facetec", "insightface", "iproov", "luxand", "opencv", "rekognition", "sface"),
    *("verifik", "yunet"),
}

PROMISED = {"facegate", "facegate.cli", "facegate.plugin"}


def place_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


NAMES = {place_of(path).removesuffix(".__init__") for path in CORE}
"""The names of the core's modules."""


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it, for whatever purpose, and by text too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=level):
                assert not level, f"{path.name} imports relatively"
                names = (f"{module}.{alias.name}" for alias in node.names)
                yield from names if module == "facegate" else [module]
            case ast.Constant(value=str(text)) if text in NAMES:
                yield text


def name_of(path: Path) -> str:
    """A module's name, or that of the package it is a part of."""
    return path.relative_to(ROOT).parts[1].removesuffix(".py")


def of_core(names: Iterator[str]) -> set[str]:
    """The core's rooms among them."""
    found = {name.split(".")[1] for name in names if name.startswith("facegate.")}
    modules = set(map(name_of, CORE))
    return {name if name in modules else "__init__" for name in found}


ARROWS = [
    "from facegate.verifier import FaceVerifier",
    "from facegate import verifier",
    "import facegate.verifier",
    "if TYPE_CHECKING:\n    from facegate.verifier import FaceVerifier",
    "def late():\n    from facegate.verifier import FaceVerifier",
    "import_module('facegate.verifier')",
]


@pytest.mark.parametrize("code", ARROWS)
def test_the_check_itself_sees_every_kind_of_import(code: str, tmp_path: Path) -> None:
    path = tmp_path / "low.py"
    path.write_text(code)
    assert of_core(imported(path)) == {"verifier"}


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
    for name in imported(path):
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
    assert core <= PROMISED
