"""Thresholds for rates, and rates at thresholds. Ties are never split, nothing is interpolated."""

from __future__ import annotations

from typing import Final

import numpy as np

from facegate.evaluation.intervals import people_for_guarantee, people_needed
from facegate.evaluation.results import AtThreshold, Rate, Support
from facegate.evaluation.scores import FAILED, Scores, Trials

RATES: Final = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""False match rates that thresholds are chosen for."""


def threshold_for(impostor: Trials, rate: float) -> float:
    """The lowest threshold, as closeness, at which a false match rate is at most that asked for.

    It lies just above the closest impostor pair that is not to match.

    Args:
        impostor: pairs of strangers; 1 or more.
        rate: the most that is allowed, between 0 and 1.
    """
    return threshold_above(impostor, most_errors(rate, len(impostor)))


def most_errors(rate: float, trials: int) -> int:
    """The most errors at which the rate of trials is at most that asked for."""
    errors = min(int(rate * trials) + 1, trials)
    while errors / trials > rate:
        errors -= 1
    return errors


def at_threshold(scores: Scores, closeness: float, asked: float | None = None) -> AtThreshold:
    """Error rates at a threshold.

    Args:
        scores: with genuine and with impostor pairs.
        closeness: the threshold, as closeness.
        asked: the false match rate that it was chosen for.
    """
    fmr, fnmr = error_rates(scores.genuine, scores.impostor, closeness)
    captured: tuple[Rate | None, Rate | None] = None, None
    parts = scores.genuine.captured, scores.impostor.captured
    if not all(part.all() for part in parts) and all(part.any() for part in parts):
        genuine, impostor = parts
        captured = (
            scores.impostor.rate(scores.impostor.reaching(closeness), impostor),
            scores.genuine.rate(~scores.genuine.reaching(closeness), genuine),
        )
    wanted = asked or fmr.share
    short = fmr.support is not Support.SUPPORTED and 0 < wanted < 1
    return AtThreshold(
        asked,
        scores.on_scale(closeness),
        fmr,
        fnmr,
        *captured,
        people_needed(wanted) if short else None,
        people_for_guarantee(asked) if asked else None,
    )


def error_rates(genuine: Trials, impostor: Trials, closeness: float) -> tuple[Rate, Rate]:
    """The false match rate and the false non-match rate at a threshold, given as closeness."""
    fmr = impostor.rate(impostor.reaching(closeness))
    return fmr, genuine.rate(~genuine.reaching(closeness))


def threshold_above(trials: Trials, errors: int) -> float:
    """The lowest threshold, as closeness, that at most so many trials reach."""
    scores = trials.ascending
    if errors >= len(scores) or scores[-1 - errors] == FAILED:
        return float(trials.captured_ascending[0]) if trials.captured.any() else 0.0
    return float(np.nextafter(scores[-1 - errors], np.inf))
