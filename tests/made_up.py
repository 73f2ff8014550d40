"""The scores of made-up people that the documentation tries evaluations on."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "made_up_scores.py"


def made_up(folder: Path, people: int) -> Path:
    """Write the example's ``main.csv``, ``other.csv`` and ``attacks.csv``, of so many people."""
    spec = importlib.util.spec_from_file_location("made_up_scores", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.PEOPLE = people
    example.main(folder)
    return folder
