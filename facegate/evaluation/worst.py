"""The rows to look at first: wrong by far, or labelled wrongly."""

from __future__ import annotations

from typing import Final

import numpy as np

from facegate.evaluation.results import WorstError, WorstErrors
from facegate.evaluation.scores import FAILED, Scores, Trials

_LISTED: Final = 20

_Row = tuple[int, float]
"""A row's place and its closeness."""


def worst_errors(scores: Scores) -> WorstErrors:
    """The closest of what should be far, and the farthest of what should be close."""
    if scores.compared:
        close, far, on_scale = [scores.impostor], [scores.genuine], scores.on_scale
    else:
        close, far = list(scores.attacks.values()), [scores.bona_fide]
        on_scale = scores.on_liveness_scale
    wrong = sorted((row for each in close for row in _ends(each, -1)), key=lambda row: -row[1])
    missed = [row for each in far for row in _ends(each, 1)]
    kinds = wrong[:_LISTED], missed[:_LISTED]
    names = iter(scores.names_of([row for kind in kinds for row, _ in kind]))
    listed = [
        [
            WorstError(next(names), None if closeness == FAILED else on_scale(closeness))
            for _, closeness in kind
        ]
        for kind in kinds
    ]
    return WorstErrors(*listed)


def _ends(trials: Trials, sign: int) -> list[_Row]:
    """The farthest trials, or with a negative sign the closest."""
    if not len(trials):
        return []
    count = min(_LISTED, len(trials))
    limit = trials.ascending[sign * count - (sign > 0)]
    ends = np.flatnonzero(sign * trials.closeness <= sign * limit)
    ends = ends[np.argsort(sign * trials.closeness[ends], kind="stable")[:count]]
    return [(int(trials.rows[end]), float(trials.closeness[end])) for end in ends]
