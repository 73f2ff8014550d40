"""Made-up scores whose truth is known, and lists of scores in files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from facegate.evaluation.scores import Scores, Trials


def trials(closeness: ArrayLike, *people: ArrayLike) -> Trials:
    """Trials with the codes of the people of each side, where they are known."""
    scores = np.array(closeness, float)
    units = tuple(np.array(codes, np.int32) for codes in people)
    return Trials(scores, np.arange(len(scores), dtype=np.int32), units)


def written(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """A CSV file of rows, whose columns are those of the first."""
    listed = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)
    return path


def pairs_of(scores: Scores) -> list[dict[str, Any]]:
    """Pairs as rows of a score list."""
    return [
        {
            "id": f"r{row}",
            "probe_subject": f"p{people[0]}",
            "gallery_subject": f"p{people[-1]}",
            "score": scores.on_scale(closeness),
        }
        for side in (scores.genuine, scores.impostor)
        for closeness, row, *people in zip(
            side.closeness.tolist(), side.rows.tolist(), *side.units, strict=True
        )
    ]
