"""What is public is listed, sorted and explained, and needs nothing that is not."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

import facegate
import facegate.plugin
from facegate import AsyncFaceVerifier, FaceVerifier, testing
from facegate.providers import hookspecs
from facegate.testing import FakeProvider
from facegate.testing.versions import VERSION
from pages import PAGES, blocks, read
from surface import PUBLIC, is_foreign, modules, named, names_of, notes

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = Path(facegate.__file__).parents[1]
MODULES = modules()
PROMISED = [value for module in MODULES.values() for value in names_of(module).values()]
EAGER = [facegate, facegate.plugin, MODULES["facegate.typing"], MODULES["facegate.cli"]]
SHOWN = [
    *(ROOT / "docs" / "examples").rglob("*.py"),
    *ROOT.glob("docs/example-plugin*/*/*.py"),
    *(ROOT / "plugins").glob("*/facegate_*/**/*.py"),
]

surfaces = pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
verifiers = pytest.mark.parametrize("verifier", [FaceVerifier, AsyncFaceVerifier])


@surfaces
def test_the_list_is_sorted_and_without_repetition(module: ModuleType) -> None:
    listed = module.__all__
    assert listed == sorted(set(listed), key=lambda name: (not name.isupper(), name))


@pytest.mark.parametrize("module", EAGER, ids=lambda module: module.__name__)
def test_the_list_is_complete(module: ModuleType) -> None:
    """What a surface imports it offers; submodules are attributes of their package anyway."""
    there = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert there == set(module.__all__)


def is_clicks(value: object) -> bool:
    """Whether it is one of the command line's options, which click makes."""
    return getattr(value, "__module__", "").startswith("click")


@surfaces
def test_every_public_name_is_explained(module: ModuleType) -> None:
    assert module.__doc__
    for name, value in names_of(module).items():
        if (inspect.isclass(value) or inspect.isroutine(value)) and not is_clicks(value):
            assert value.__doc__, name


@surfaces
def test_every_name_in_a_public_signature_is_public(module: ModuleType) -> None:
    missing = {
        (public, name)
        for public, value in names_of(module).items()
        for note, home in notes(f"{module.__name__}.{public}", value)
        for name, meant in named(note, home)
        if not is_foreign(meant, name, home) and not any(meant is each for each in PROMISED)
    }
    assert not missing


def test_the_names_of_a_signature_are_looked_at_where_they_stand() -> None:
    """The check itself: annotations of a constructor, of fields, and for types alone."""
    found = {
        name
        for public in ("FaceVerifier", "Question", "open")
        for note, home in notes(f"facegate.{public}", getattr(facegate, public))
        for name, _ in named(note, home)
    }
    assert {"Route", "Intake", "Recorder", "Consent", "ImageSource", "Thresholds", "os"} <= found


# Public modules


def test_every_public_module_is_there() -> None:
    assert {"facegate", "facegate.plugin", "facegate.typing", "facegate.testing"} <= set(PUBLIC)
    assert [name for name in PUBLIC if not import_module(name).__doc__] == []
    assert set(PUBLIC) - set(MODULES) == {"facegate.testing.plugin"}


def test_the_page_names_the_newest_version_of_the_contract() -> None:
    assert f"the newest is {VERSION}." in read("reference/stability.md")


def imported(code: str) -> Iterator[str]:
    """The modules and names of facegate that a piece of code imports, with their dots."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inner(code: str) -> list[str]:
    """What of facegate it imports from elsewhere than a public module."""
    names = [name for name in imported(code) if name.partition(".")[0] == "facegate"]
    return [name for name in names if not is_public(name)]


def is_public(name: str) -> bool:
    """Whether it is a public module, or listed by one."""
    module, _, last = name.rpartition(".")
    listed = MODULES[module].__all__ if module in MODULES else ()
    return name in PUBLIC or last in listed or name == "facegate.__version__"


def test_the_check_itself_knows_an_inner_module() -> None:
    assert inner("from facegate.config import Config") == ["facegate.config.Config"]
    assert inner("import facegate.testing.faults") == ["facegate.testing.faults"]
    assert inner("from facegate import verifier") == ["facegate.verifier"]
    assert innermost("facegate.testing.faults.reset") == "facegate.testing.faults"
    assert not innermost("facegate.testing.reset")
    assert not inner("import facegate\nfrom facegate.plugin import Provider\nimport os")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_imports_what_is_public(page: str) -> None:
    for _, code in blocks(page, "python"):
        assert not inner(textwrap.dedent(code))


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_example_and_a_plugin_import_what_is_public(path: Path) -> None:
    assert not inner(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_sends_nobody_to_an_inner_module(page: str) -> None:
    """Tables that are made from the code say where it is, and hooks are what plugins define."""
    text = re.sub(r"^<!-- made: .*", "", read(page), flags=re.MULTILINE)
    named = set(re.findall(r"\bfacegate(?:\.[a-z_]+)+", text))
    assert {name for name in map(innermost, named) if name} <= {"facegate.providers.hookspecs"}


def innermost(name: str) -> str | None:
    """The inner module that a name leads to, if any."""
    parts = name.split(".")
    found = None
    for end in range(2, len(parts) + 1):
        place = INSTALLED.joinpath(*parts[:end])
        if place.is_dir() or place.with_suffix(".py").exists():
            found = ".".join(parts[:end])
    return None if found in PUBLIC else found


# Verifiers


@verifiers
def test_every_method_of_a_verifier_is_explained(verifier: type) -> None:
    for name, member in inspect.getmembers(verifier):
        if not name.startswith("_"):
            assert inspect.getdoc(member), name


@pytest.mark.parametrize("verb", ["ask", "compare", "compare_live", "liveness"])
def test_a_question_says_what_it_takes_gives_and_raises(verb: str) -> None:
    method = getattr(FaceVerifier, verb)
    _, _, told = (inspect.getdoc(method) or "").partition("Args:\n")
    arguments, _, rest = told.partition("Returns:\n")
    explained = re.findall(r"^    (\w+):", arguments, re.MULTILINE)
    assert explained == [name for name in inspect.signature(method).parameters if name != "self"]
    assert "Raises:\n" in rest


@verifiers
@pytest.mark.parametrize("misspelt", ["observer", "record", "routes", "observers_"])
def test_a_misspelt_argument_is_refused_by_name(verifier: type, misspelt: str) -> None:
    with pytest.raises(TypeError, match=f"'{misspelt}'"):
        verifier(FakeProvider(), **{misspelt: ()})


def test_both_verifiers_take_the_same_questions() -> None:
    for name in ("__init__", "compare", "compare_live", "liveness", "close"):
        blocking = inspect.signature(getattr(FaceVerifier, name))
        awaited = inspect.signature(getattr(AsyncFaceVerifier, name))
        assert blocking == awaited
    opened = inspect.signature(facegate.open).parameters
    assert opened == inspect.signature(facegate.open_async).parameters


# The rest


def test_hooks_carry_the_projects_name() -> None:
    hooks = [name for name in vars(hookspecs) if name.startswith("facegate_")]
    assert hooks == ["facegate_providers", "facegate_compatible_apis", "facegate_commands"]


def test_the_version_is_that_of_what_is_installed() -> None:
    assert facegate.__version__ == version("facegate")
    assert "__version__" not in vars(facegate)  # importing pays nothing for it


@pytest.mark.parametrize(
    "module", [facegate, testing, *map(import_module, ("facegate.journal", "facegate.telemetry"))]
)
def test_a_misspelt_name_is_refused_by_name(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match="FaceVerifyer"):
        getattr(module, "FaceVerifyer")  # noqa: B009  a checker refuses it, too
