"""Importing facegate loads no more than the libraries any such client needs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ALWAYS = {
    *("annotated_types", "facegate", "pybase64", "pydantic", "pydantic_core"),
    *("typing_extensions", "typing_inspection"),
}
"""All others that facegate uses are loaded when they are needed, if ever."""

LATER = ["asyncio", "http", "multiprocessing", "sqlite3", "ssl"]
"""Of Python's own, what takes long to load."""


def loaded_by(statement: str) -> set[str]:
    """The modules that are there after it."""
    command = [sys.executable, "-c", f"import sys; {statement}; print(*sys.modules)"]
    # Where branches are counted, the counter would load modules of its own.
    alone = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=alone)
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    return loaded_by("import facegate")


def test_importing_facegate_loads_few_libraries(loaded: set[str]) -> None:
    beside = sys.stdlib_module_names | {name.partition(".")[0] for name in loaded_by("pass")}
    libraries = {name.partition(".")[0] for name in loaded} - beside
    # What Python's sysconfig makes of the platform's name is no library.
    assert {each for each in libraries if not each.startswith("_sysconfigdata")} <= ALWAYS


@pytest.mark.parametrize("module", LATER)
def test_importing_facegate_does_not_load(loaded: set[str], module: str) -> None:
    assert "facegate" in loaded
    assert module not in loaded


def test_importing_facegate_loads_fewer_modules_than_its_libraries(loaded: set[str]) -> None:
    """How long it takes is in ``benchmarks/import_cost.py``."""
    assert len(loaded) < len(loaded_by("import httpx, pydantic"))


@pytest.mark.parametrize(
    ("statement", "library", "extra"),
    [
        ("from facegate.testing import FakeProvider", "hypothesis", "testing"),
        ("from facegate.testing import FakeProvider", "pytest", "testing"),
        ("from facegate.testing import play_cassette", "vcr", "testing"),
        ("from facegate.gateway import create_app", "starlette", "gateway"),
        ("from facegate.gateway import serving", "uvicorn", "gateway"),
    ],
)
def test_a_library_that_is_missing_is_named_with_its_extra(
    statement: str, library: str, extra: str
) -> None:
    without = f"import sys; sys.modules[{library!r}] = None; {statement}"
    said = subprocess.run([sys.executable, "-c", without], check=False, capture_output=True).stderr
    last = said.decode().splitlines()[-1]
    assert f" needs {library}" in last
    assert last.endswith(f'pip install "facegate[{extra}]"')
