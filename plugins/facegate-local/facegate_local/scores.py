"""Scores that callers see, from the cosine of two embeddings.

The table belongs to one model file: another embedder spreads its cosines differently. It was
measured on Labeled Faces in the Wild by ``benchmarks/lfw.py``; ``docs/providers/local.md`` has all
figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from facegate.plugin import BadReply, Scale, ScoreSpec

EMBEDDER_SHA256: Final = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"
"""The model file that the knots were measured with."""

KNOTS: Final = (
    (-1.0, 0.0),
    (0.0, 0.30),
    (0.294, 0.60),
    (0.363, 0.67),
    (0.425, 0.70),
    (0.491, 0.75),
    (0.594, 0.83),
    (0.75, 0.92),
    (1.0, 1.0),
)
"""Cosine and score, joined by straight lines. At the inner four about 1 in 100, 1,000, 10,000 and
100,000 of all pairs of strangers match; the calibration has the thresholds for rates."""

COPY: Final = 0.968
"""Score, a cosine of 0.90, from which two pictures are taken for one and the same photograph.

Of 234,797 pairs of one person in Labeled Faces in the Wild, 118 reach it, many of them one photo
published twice. Of 294 such photos (250 pixels), about 19 in 20 still do when saved at quality 40,
shrunk by a quarter, or cropped; of 31 such copies of larger portraits, all.
"""

MATCH: Final = ScoreSpec(
    Scale(name="facegate-local/sface"),
    threshold=0.70,
    typical_of_strangers=0.45,
)


def score(cosine: float) -> float:
    """The score, 0 to 1, of a cosine of -1 to 1; steeper where impostors end and kin begin.

    Raises:
        BadReply: the cosine is no number, so there is nothing to decide on.
    """
    (only,) = all_scores([cosine])
    return only


def all_scores(cosines: Sequence[float]) -> list[float]:
    """The score of each cosine; see :func:`score`."""
    if not np.isfinite(cosines).all():
        raise BadReply("the engine computed no finite similarity")
    at, values = zip(*KNOTS, strict=True)
    scores: list[float] = np.interp(cosines, at, values).tolist()
    return scores
