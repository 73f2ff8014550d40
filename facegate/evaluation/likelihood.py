"""Scores as log-likelihood ratios, and what they are worth.

Bruemmer and du Preez, "Application-independent evaluation of speaker detection", Computer Speech
and Language 20, 2006.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from facegate.evaluation.analyses import LogLikelihood, ReliabilityPoint
from facegate.evaluation.arrays import Floats
from facegate.evaluation.curves import Hull
from facegate.evaluation.scores import Trials

_STEPS: Final = 100
_CHUNK: Final = 1 << 20
_BINS: Final = 10
_LEVELS: Final = 2000
"""Quantiles of each kind that stand for all of it where bins are cut."""


def likelihood(genuine: Trials, impostor: Trials) -> LogLikelihood | None:
    """Log-likelihood ratios that are affine in closeness, and their cost.

    What failed in capture is left out. None where nothing is left of one kind, or where one
    threshold tells all pairs apart, so that the fit has no end.
    """
    same, different = (each.captured_ascending for each in (genuine, impostor))
    if not len(same) or not len(different) or same[0] > different[-1]:
        return None
    fitted = _fit(_thinned(same), _thinned(different))
    if fitted is None:
        return None
    slope, offset = fitted
    ratios = slope * same + offset, slope * different + offset
    return LogLikelihood(
        slope=slope,
        offset=offset,
        cllr=cllr(*ratios),
        min_cllr=min_cllr(same, different),
        reliability=_reliability(*ratios),
    )


def cllr(genuine: Floats, impostor: Floats) -> float:
    """The cost of log-likelihood ratios (natural logarithm), in bits."""
    return (_bits(-genuine) + _bits(impostor)) / 2


def min_cllr(genuine: Floats, impostor: Floats) -> float:
    """The least cost, in bits, of an increasing function of closeness, which ascends."""
    hull = Hull.of(genuine, impostor)
    same, different = hull.genuine / len(genuine), hull.impostor / len(impostor)
    both = same + different
    with np.errstate(divide="ignore", invalid="ignore"):
        costs = [np.where(each > 0, each * np.log2(both / each), 0.0) for each in (same, different)]
    return float(sum(cost.sum() for cost in costs) / 2)


def _bits(ratios: Floats) -> float:
    """The mean of log2(1 + exp(x)), in parts, for an array more is a lot of memory."""
    total = 0.0
    for start in range(0, len(ratios), _CHUNK):
        total += float(np.logaddexp(0.0, ratios[start : start + _CHUNK]).sum())
    return total / len(ratios) / math.log(2)


def _thinned(ascending: Floats) -> Floats:
    """Evenly spaced quantiles, where there are very many."""
    step = len(ascending) // _CHUNK + 1
    return ascending[step // 2 :: step]


def _fit(genuine: Floats, impostor: Floats) -> tuple[float, float] | None:
    """Slope and offset of logistic regression in which both kinds weigh the same, by Newton.

    None where the fit has no end.
    """
    from scipy.special import expit

    middle = (genuine.mean() + impostor.mean()) / 2
    unit = math.sqrt((genuine.var() + impostor.var()) / 2) or 1.0
    at = np.zeros(2)
    for _ in range(_STEPS):
        gradient, curvature = np.zeros(2), np.zeros((2, 2))
        for scores, truth in ((genuine, 1.0), (impostor, 0.0)):
            scaled = (scores - middle) / unit
            probability = expit(at[0] * scaled + at[1])
            rest = (probability - truth) / len(scores)
            weight = probability * (1 - probability) / len(scores)
            gradient += scaled @ rest, rest.sum()
            mixed = weight @ scaled
            curvature += np.array([[weight @ scaled**2, mixed], [mixed, weight.sum()]])
        try:
            step = np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError:  # all are told apart, but for those at one score
            return None
        at -= step
        if np.abs(step).max() < 1e-12 * np.abs(at).max():
            break
    return float(at[0] / unit), float(at[1] - at[0] * middle / unit)


def _reliability(genuine: Floats, impostor: Floats) -> list[ReliabilityPoint]:
    """Bins of about the same weight, of log-likelihood ratios that ascend."""
    from scipy.special import expit

    mixed = np.concatenate(
        [
            each[np.linspace(0, len(each) - 1, _LEVELS).astype(np.intp)]
            for each in (genuine, impostor)
        ]
    )
    inner = np.unique(np.quantile(mixed, np.linspace(0, 1, _BINS + 1)[1:-1]))
    cuts = [np.searchsorted(each, inner) for each in (genuine, impostor)]
    points = []
    for same, different in zip(
        np.split(genuine, cuts[0]), np.split(impostor, cuts[1]), strict=True
    ):
        shares = len(same) / len(genuine), len(different) / len(impostor)
        if not sum(shares):
            continue
        predicted = sum(
            share * float(expit(part).mean())
            for share, part in zip(shares, (same, different), strict=True)
            if len(part)
        )
        points.append(
            ReliabilityPoint(
                predicted / sum(shares), shares[0] / sum(shares), len(same), len(different)
            )
        )
    return points
