"""Curves over all thresholds: DET and ROC, equal error rates, the area, histograms.

A closeness that is equal in two trials is one threshold: no curve goes between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from facegate.evaluation.arrays import Codes, Counts, Floats, Places
from facegate.evaluation.rates import threshold_for
from facegate.evaluation.results import CurvePoint, Eer, Histogram
from facegate.evaluation.scores import Scores, Trials
from facegate.figures.intervals import Interval

_POINTS: Final = 40
_FINE: Final = 5
"""Thresholds for each point, from which a draw of people chooses its own."""
_LOOSEST: Final = 0.5
_DRAWS: Final = 400
_MOST_PEOPLE: Final = 1 << 18
_PAIRS: Final = 1 << 18
"""The closest pairs, which all take part in a draw; of others beyond, a sample does."""
_BINS: Final = 50


def area(genuine: Trials, impostor: Trials) -> float:
    """The area under the ROC curve: how often a genuine pair is closer; equal ones are half."""
    below = np.searchsorted(impostor.ascending, genuine.closeness, side="left").mean()
    up_to = np.searchsorted(impostor.ascending, genuine.closeness, side="right").mean()
    return float((below + up_to) / 2 / len(impostor))


def eer(genuine: Trials, impostor: Trials, on_scale: Callable[[float], float]) -> Eer:
    """The equal error rate, both ways.

    Args:
        genuine: those that are to be accepted; bona fide presentations among attacks.
        impostor: those that are to be refused; attacks among presentations.
        on_scale: gives the score of a closeness.
    """
    step, closeness = _step_eer(genuine, impostor)
    return Eer(step, _hull_eer(Hull.of(genuine.ascending, impostor.ascending)), on_scale(closeness))


def _step_eer(genuine: Trials, impostor: Trials) -> tuple[float, float]:
    """The mean of both rates at the threshold where they differ least, and that threshold.

    FNMR less FMR grows with the threshold, so the least difference is beside the change of sign.
    """

    def rates(threshold: float) -> tuple[float, float]:
        fmr = impostor.count_reaching(threshold) / len(impostor)
        return fmr, 1 - genuine.count_reaching(threshold) / len(genuine)

    candidates = [np.inf]
    for ascending in (genuine.ascending, impostor.ascending):
        low, high = 0, len(ascending)
        while low < high:
            middle = (low + high) // 2
            fmr, fnmr = rates(ascending[middle])
            low, high = (middle + 1, high) if fnmr < fmr else (low, middle)
        before = ascending[max(low - 1, 0)]
        candidates += [float(before), *map(float, ascending[low : low + 1])]
    best = min(sorted(candidates), key=lambda each: abs(np.subtract(*rates(each))))
    return float(np.mean(rates(best))), best


@dataclass(frozen=True, slots=True, eq=False)
class Hull:
    """The convex hull of a ROC curve, from the highest threshold to the lowest.

    Its segments are what isotonic regression (PAV) pools, so that they make likelihood ratios too.

    Attributes:
        genuine: genuine trials of each segment.
        impostor: impostor trials of each segment.
    """

    genuine: Counts
    impostor: Counts

    @classmethod
    def of(cls, genuine: Floats, impostor: Floats) -> Hull:
        """The hull of closeness that ascends, of one or more of each kind."""
        from scipy.optimize import isotonic_regression

        # Corners of the hull are at scores of genuine trials, and at the end.
        corners = np.unique(genuine)[::-1]
        reached = len(genuine) - np.searchsorted(genuine, corners)
        passed = len(impostor) - np.searchsorted(impostor, corners)
        more = np.diff(reached, prepend=0, append=len(genuine))
        wrong = np.diff(passed, prepend=0, append=len(impostor))
        if not more[-1] and not wrong[-1]:
            more, wrong = more[:-1], wrong[:-1]
        pooled = isotonic_regression(more / (more + wrong), weights=more + wrong, increasing=False)
        starts = pooled.blocks[:-1]
        return cls(np.add.reduceat(more, starts), np.add.reduceat(wrong, starts))


def _hull_eer(hull: Hull) -> float:
    """Where the hull crosses equal rates, which lies on a straight piece of it."""
    fmr = np.append(0, np.cumsum(hull.impostor)) / hull.impostor.sum()
    fnmr = 1 - np.append(0, np.cumsum(hull.genuine)) / hull.genuine.sum()
    after = int(np.argmax(fmr >= fnmr))
    before = after - 1
    gap, next_gap = fnmr[before] - fmr[before], fnmr[after] - fmr[after]
    along = gap / (gap - next_gap)
    return float(fmr[before] + along * (fmr[after] - fmr[before]))


def det(scores: Scores) -> list[CurvePoint]:
    """Points of the DET curve at FMRs evenly spaced on the log scale, with bands.

    Args:
        scores: with genuine and with impostor pairs.
    """
    genuine, impostor = scores.genuine, scores.impostor
    ladder = _thresholds(impostor)
    fmr = np.array([impostor.count_reaching(each) for each in ladder]) / len(impostor)
    fnmr = 1 - np.array([genuine.count_reaching(each) for each in ladder]) / len(genuine)
    chosen = np.unique(_first_at_most(fmr, _fine(impostor)[::_FINE]))
    draws = fnmr_draws(genuine, impostor, fmr[chosen])
    return [
        CurvePoint(
            scores.on_scale(float(ladder[at])), float(fmr[at]), float(fnmr[at]), _band(draws, place)
        )
        for place, at in enumerate(chosen)
    ]


def _first_at_most(fmr: Floats, asked: Floats) -> Places:
    """Place of the lowest threshold at which a rate is at most that asked for; else of the last.

    Args:
        fmr: rates by rising threshold.
        asked: the rates asked for, a place each in the result.
    """
    kept = fmr <= asked[:, None] * (1 + 1e-12)
    return np.where(kept.any(axis=1), kept.argmax(axis=1), len(fmr) - 1)


def _band(draws: Floats | None, at: int) -> Interval | None:
    if draws is None:
        return None
    low, high = np.quantile(draws[:, at], (0.025, 0.975))
    return Interval(float(low), float(high))


def _thresholds(impostor: Trials) -> Floats:
    """Thresholds, ascending, at FMRs that are evenly spaced on the log scale."""
    return np.unique([threshold_for(impostor, each) for each in _fine(impostor)])


def _fine(impostor: Trials) -> Floats:
    least = min(_LOOSEST, 1 / len(impostor))
    return np.geomspace(_LOOSEST, least, _FINE * (_POINTS - 1) + 1)


def fnmr_draws(genuine: Trials, impostor: Trials, asked: Floats) -> Floats | None:
    """The FNMR at each FMR asked for, in draws of people with replacement, a row each.

    A person who is drawn twice counts twice, a pair as often as both its people together: the
    product of both numbers. Each draw chooses its own thresholds, out of a ladder. Draws are the
    same for the same people. None where people are not known, or are too many to be drawn.
    """
    if not genuine.units or not impostor.units:
        return None
    people = max(len(genuine.involved), len(impostor.involved))
    present = np.zeros(people, np.bool_)
    for trials in (genuine, impostor):
        present[: len(trials.involved)] |= trials.involved > 0
    known = np.flatnonzero(present)
    if len(known) > _MOST_PEOPLE:
        return None
    draw = np.random.default_rng(1)
    ladder = _thresholds(impostor)
    closest, own = _Ladder.of(impostor, ladder), _Ladder.of(genuine, ladder)
    fnmr = np.empty((_DRAWS, len(asked)))
    for number in range(_DRAWS):
        weights = np.zeros(people)
        weights[known] = draw.multinomial(len(known), np.full(len(known), 1 / len(known)))
        fmr = closest.reaching(weights) / _total(impostor, weights)
        missed = 1 - own.reaching(weights) / _total(genuine, weights)
        fnmr[number] = missed[_first_at_most(fmr, asked)]
    return fnmr


def _total(trials: Trials, weights: Floats) -> float:
    """How many trials there are in a draw; of pairs of two people to the first order."""
    first_order = float(weights[: len(trials.involved)] @ trials.involved)
    return max(1.0, first_order - (len(trials.units) - 1) * len(trials))


@dataclass(frozen=True, slots=True, eq=False)
class _Ladder:
    """Trials by the highest threshold of a ladder that they reach.

    Attributes:
        units: people of those that reach the lowest threshold, the closest first.
        times: for how many each stands.
        starts: where the trials begin that reach a threshold and no higher one, highest first.
    """

    units: tuple[Codes, ...]
    times: Floats
    starts: Places

    @classmethod
    def of(cls, trials: Trials, ladder: Floats) -> _Ladder:
        """The trials on a ladder of thresholds, ascending; of very many, a sample."""
        places, times = _sample(trials, float(ladder[0]))
        steps = np.searchsorted(ladder, trials.closeness[places], side="right")
        order = np.argsort(-steps, kind="stable")
        starts = np.searchsorted(-steps[order], -np.arange(len(ladder), 0, -1))
        units = tuple(unit[places[order]] for unit in trials.units)
        return cls(units, times[order], starts)

    def reaching(self, weights: Floats) -> Floats:
        """How many trials reach each threshold, ascending, in a draw with weights of people."""
        product = self.times
        for unit in self.units:
            product = product * weights[unit]
        ends = np.append(self.starts[1:], len(product))
        summed = np.append(0.0, np.cumsum(product))
        reached: Floats = summed[ends][::-1]
        return reached


def _sample(trials: Trials, least: float) -> tuple[Places, Floats]:
    """Places of all the closest trials, of every n-th of the others, and how many each is for.

    Args:
        trials: all of them.
        least: the closeness that they reach.
    """
    count = trials.count_reaching(least)
    if count <= 2 * _PAIRS:
        return np.flatnonzero(trials.reaching(least)), np.ones(count)
    limit = trials.ascending[-_PAIRS]
    closest = np.flatnonzero(trials.reaching(limit))
    others = np.arange(0, len(trials), count // _PAIRS)
    closeness = trials.closeness[others]
    others = others[(closeness >= least) & (closeness < limit)]
    each = (count - len(closest)) / len(others)
    times = np.append(np.ones(len(closest)), np.full(len(others), each))
    return np.append(closest, others), times


def histograms(scores: Scores) -> list[Histogram]:
    """Scores of each kind in bins that are the same for all; failures in capture are in none."""
    if scores.compared:
        kinds: Mapping[str, Trials] = {"genuine": scores.genuine, "impostor": scores.impostor}
        return _binned(scores, kinds)
    return _binned(scores, {"bona_fide": scores.bona_fide, **scores.attacks})


def _binned(scores: Scores, kinds: Mapping[str, Trials]) -> list[Histogram]:
    known = {kind: trials.captured_ascending for kind, trials in kinds.items()}
    if not any(map(len, known.values())):
        return []
    ends = [end for values in known.values() if len(values) for end in (values[0], values[-1])]
    edges = np.linspace(min(ends), max(ends), _BINS + 1)
    counts = {kind: np.histogram(values, edges)[0].tolist() for kind, values in known.items()}
    if scores.lower_is_closer:
        edges, counts = -edges[::-1], {kind: each[::-1] for kind, each in counts.items()}
    return [Histogram(kind, edges.tolist(), each) for kind, each in counts.items()]
