"""Importing facegate costs no more than the libraries any such client needs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

RUNS = 7
LATER = [
    *("PIL", "certifi", "click", "cv2", "facegate_local", "fastapi", "h11", "httpx", "idna"),
    *("imagesize", "numpy", "pluggy", "pytest", "rich", "starlette"),
]
"""Loaded when they are needed, if ever."""

TIMED = """
import time
started = time.process_time()
{statement}
print(time.process_time() - started)
"""


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Top-level modules that are there after an import."""
    code = "import sys, facegate; print(*{name.partition('.')[0] for name in sys.modules})"
    return set(run(code).split())


@pytest.mark.parametrize("library", LATER)
def test_importing_facegate_does_not_load(loaded: set[str], library: str) -> None:
    assert "facegate" in loaded
    assert library not in loaded


def timings() -> Iterator[tuple[float, float]]:
    """Interleaved, so that a busy moment hits both."""
    for _ in range(RUNS):
        ours, theirs = (
            float(run(TIMED.format(statement=statement)))
            for statement in ("import facegate", "import httpx, pydantic")
        )
        yield ours, theirs


def test_importing_facegate_takes_at_most_half_as_long_again_as_its_libraries() -> None:
    ours, theirs = map(min, zip(*timings(), strict=True))
    assert ours <= 1.5 * theirs
