"""The distributions agree on what they are: one version, the same Pythons, tested on each."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "Programming Language :: Python :: "


def metadata(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


CORE = metadata(ROOT)
PROJECTS: dict[str, dict[str, Any]] = {
    path.parent.relative_to(ROOT).as_posix(): metadata(path.parent)["project"]
    for path in sorted(ROOT.glob("*/*/pyproject.toml"))
}
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
every_plugin = pytest.mark.parametrize("folder", PROJECTS)


def pythons(project: dict[str, Any]) -> list[str]:
    """The Python versions that a distribution claims, the lowest first."""
    claimed = (each.removeprefix(PYTHON) for each in project["classifiers"])
    return sorted((each for each in claimed if re.fullmatch(r"3\.\d+", each)), key=_number)


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@every_plugin
def test_a_plugin_says_of_itself_what_the_core_does(folder: str) -> None:
    for field in ("version", "requires-python", "classifiers", "license"):
        assert PROJECTS[folder][field] == CORE["project"][field]


@every_plugin
def test_a_plugin_asks_for_the_core_of_its_own_minor_version(folder: str) -> None:
    major, minor = _number(CORE["project"]["version"])[:2]
    assert f"facegate>={major}.{minor},<{major}.{minor + 1}" in PROJECTS[folder]["dependencies"]


def test_the_lowest_python_is_the_same_wherever_it_is_named() -> None:
    lowest = pythons(CORE["project"])[0]
    assert CORE["project"]["requires-python"] == f">={lowest}"
    assert CORE["tool"]["ruff"]["target-version"] == f"py{lowest.replace('.', '')}"


def test_every_claimed_python_is_tested() -> None:
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == pythons(CORE["project"])


def test_the_workflow_names_tests_that_there_are() -> None:
    for pattern in re.findall(r"tests/[\w*]+\.py", WORKFLOW):
        assert [*ROOT.glob(pattern)], pattern


def test_every_distribution_is_installed_for_development() -> None:
    installed = runpy.run_path(str(ROOT / "dev.py"))["DEVELOP"]
    assert {*PROJECTS, ".[all]"} == {path for path in installed[1::2] if "txt" not in path}


def test_the_changes_begin_with_the_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", text, re.MULTILINE)[0] == CORE["project"]["version"]
