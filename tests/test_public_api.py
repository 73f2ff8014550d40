"""What is public is listed, sorted and explained."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from types import ModuleType

import pytest

import facegate
import facegate.plugin
from facegate.providers import hookspecs

surfaces = pytest.mark.parametrize("module", [facegate, facegate.plugin], ids=lambda m: m.__name__)


def listed(module: ModuleType) -> list[str]:
    names: list[str] = module.__all__
    return names


@surfaces
def test_the_list_is_sorted_and_without_repetition(module: ModuleType) -> None:
    constants_first = sorted(set(listed(module)), key=lambda name: (not name.isupper(), name))
    assert listed(module) == constants_first


@surfaces
def test_the_list_is_complete(module: ModuleType) -> None:
    """What a surface imports it offers; submodules are attributes of their package anyway."""
    there = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert there == set(listed(module))


@surfaces
def test_every_public_name_is_explained(module: ModuleType) -> None:
    assert module.__doc__
    for name in listed(module):
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert value.__doc__, name


@pytest.mark.parametrize("verifier", [facegate.FaceVerifier, facegate.AsyncFaceVerifier])
def test_every_method_of_a_verifier_is_explained(verifier: type) -> None:
    for name, member in inspect.getmembers(verifier):
        if not name.startswith("_"):
            assert inspect.getdoc(member), name


def test_both_verifiers_take_the_same_questions() -> None:
    for name in ("compare", "compare_live", "liveness", "close"):
        blocking = inspect.signature(getattr(facegate.FaceVerifier, name))
        awaited = inspect.signature(getattr(facegate.AsyncFaceVerifier, name))
        assert blocking == awaited
    opened = inspect.signature(facegate.open).parameters
    assert opened == inspect.signature(facegate.open_async).parameters


def test_hooks_carry_the_projects_name() -> None:
    hooks = [name for name in vars(hookspecs) if name.startswith("facegate_")]
    assert hooks == ["facegate_providers", "facegate_compatible_apis", "facegate_commands"]


def test_the_version_is_that_of_what_is_installed() -> None:
    assert facegate.__version__ == version("facegate")
    assert "__version__" not in vars(facegate)  # importing pays nothing for it


def test_a_misspelt_name_is_refused_by_name() -> None:
    with pytest.raises(AttributeError, match="FaceVerifyer"):
        getattr(facegate, "FaceVerifyer")  # noqa: B009  a checker refuses it, too
