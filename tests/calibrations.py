"""Calibrations that are made up, and files of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facegate.calibration import FORMAT, digest

PAIRS = 1_000_000


def sample(errors: Sequence[tuple[float, int]], supported_from: float = 1e-5) -> dict[str, Any]:
    """A sample of a thousand people; each step's bound is a quarter above what was counted."""
    return {
        "people": 1000,
        "pairs": PAIRS,
        "supported_from": supported_from,
        "steps": [[threshold, count, 1.25 * count / PAIRS] for threshold, count in errors],
    }


STEPS = ((0.95, 3), (0.9, 8), (0.85, 80), (0.8, 800), (0.7, 8000))
"""Thresholds and strangers that reach them, of a million."""

KEY = {
    "plugin": "acme",
    "lineage": "acme-1",
    "match": {"name": "acme"},
    "settings": {"mode": "FAST"},
}


def document(**parts: Any) -> dict[str, Any]:
    """A calibration as data, with these parts instead of the usual ones, and its digest."""
    data = {
        "form": FORMAT,
        "made": "2026-11-01",
        "by": "Rurutania's risk team",
        "on": "selfies of Rurutanians",
        "key": KEY,
        "match": sample(STEPS),
    } | parts
    return data | {"digest": digest(data)}


def written(folder: Path, name: str = "calibration.json", **parts: Any) -> Path:
    """The file of a calibration."""
    path = folder / name
    path.write_text(json.dumps(document(**parts)), encoding="utf-8")
    return path
