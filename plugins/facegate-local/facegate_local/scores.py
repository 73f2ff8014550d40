"""Scores that callers see, from the cosine of two embeddings.

The table belongs to one model file: another embedder spreads its cosines differently. It was
measured on Labeled Faces in the Wild by ``benchmarks/lfw.py``; ``docs/providers/local.md`` has all
figures.
"""

from __future__ import annotations

import math
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
"""Cosine and score, joined by straight lines. The inner four are the rates in ``AT_FMR``."""

AT_FMR: Final = {1e-2: 0.60, 1e-3: 0.67, 1e-4: 0.70, 1e-5: 0.75}
"""Score by false match rate. Below 1e-5 the labels of the photos are wrong more often than that."""

COPY: Final = 0.968
"""Score, a cosine of 0.90, from which two pictures are taken for one and the same photograph.

Of 234,797 pairs of one person in Labeled Faces in the Wild, 118 reach it, many of them one photo
published twice. Of 294 such photos (250 pixels), about 19 in 20 still do when saved at quality 40,
shrunk by a quarter, or cropped; of 31 such copies of larger portraits, all.
"""

FMR_WITHIN: Final = {
    1e-2: {"women": 1.6e-2, "men": 9.3e-3},
    1e-3: {"women": 2.0e-3, "men": 8.8e-4},
    1e-4: {"women": 2.2e-4, "men": 6.8e-5},
    1e-5: {"women": 2.7e-5, "men": 4.0e-6},
}
"""False match rate among the 1,465 women and among the 4,236 men, one photo of each."""

MATCH: Final = ScoreSpec(
    Scale(name="facegate-local/sface"),
    threshold=0.70,
    at_fmr=AT_FMR,
    measured_on="press photos of adults (Labeled Faces in the Wild)",
    fmr_within=FMR_WITHIN,
    typical_of_strangers=0.45,
)


def score(cosine: float) -> float:
    """The score, 0 to 1, of a cosine of -1 to 1; steeper where impostors end and kin begin.

    Raises:
        BadReply: the cosine is no number, so there is nothing to decide on.
    """
    if not math.isfinite(cosine):
        raise BadReply("the engine computed no finite similarity")
    cosines, scores = zip(*KNOTS, strict=True)
    return float(np.interp(cosine, cosines, scores))
