"""What a vendor takes in lines, both ways or as a client alone: the seams have to carry the rest.

Every line that is not blank is counted, docstrings and comments too; tests and licences are not.
Of the examples that is all, the README and the metadata too; else the modules that a plugin uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OPENCV = "plugins/facegate-opencv/facegate_opencv"

BUDGETS = {
    "docs/example-plugin/**/*": 210,
    f"{OPENCV}/*.py {OPENCV}/fr_cloud/*.py": 360,
    "docs/example-plugin-2/**/*": 170,
    "plugins/facegate-azure/facegate_azure/*.py": 220,
    # Of these, 11 models with two thresholds each, and guards for what the server does not say.
    "plugins/facegate-deepface/facegate_deepface/*.py": 240,
    **{
        f"plugins/facegate-{name}/facegate_{name}/*.py": 340
        for name in ("compreface", "regula", "tencent")
    },
    # Beyond what others have: AWS's regions and variables, and a diagnosis by a call of its own.
    "plugins/facegate-rekognition/facegate_rekognition/*.py": 445,
}
"""Lines at most, by the files of a plugin."""

IGNORED = {"tests", "LICENSE", "__pycache__", "build", "dist"}


def counted(patterns: str) -> Iterator[Path]:
    """The files that a budget is for."""
    for pattern in patterns.split():
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and not IGNORED & set(path.relative_to(ROOT).parts):
                yield path


def lines(path: Path) -> int:
    """The lines of a file that are not blank."""
    return sum(bool(line.strip()) for line in path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(("patterns", "most"), BUDGETS.items())
def test_a_vendor_is_short(patterns: str, most: int) -> None:
    found = {path.relative_to(ROOT).as_posix(): lines(path) for path in counted(patterns)}
    assert any(name.endswith("provider.py") for name in found)
    assert sum(found.values()) <= most, found
