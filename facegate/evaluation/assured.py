"""Thresholds that keep a false match rate with 95 %, not only on the sample they were chosen on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facegate.errors import InvalidRequest
from facegate.evaluation.arrays import Codes, Floats, Places
from facegate.evaluation.intervals import ALPHA, Z_ONE_SIDED, wilson_bound
from facegate.evaluation.rates import most_errors, threshold_above
from facegate.evaluation.results import Rate
from facegate.evaluation.scores import Trials


@dataclass(frozen=True, slots=True)
class Assured:
    """Thresholds for one false match rate, as closeness.

    Attributes:
        asked: the rate.
        point: the lowest threshold at which this sample's rate is at most that.
        point_rate: the rate there.
        bound: the lowest threshold at which, as at all higher ones that a pair reaches, the rate's
            upper bound, one-sided with 95 %, is at most that; None where no threshold's is.
        bound_rate: the rate there; None as for ``bound``.
    """

    asked: float
    point: float
    point_rate: Rate
    bound: float | None
    bound_rate: Rate | None


def thresholds_for(impostor: Trials, rate: float) -> Assured:
    """The thresholds for a false match rate: as this sample has it, and assured.

    The walk goes down the sorted scores. At each it takes the variance by leaving out one person at
    a time, the number of independent pairs that would vary as much, and Wilson's upper bound; it
    ends where this first is above the rate.

    Args:
        impostor: pairs of strangers; of one group alone, if the threshold is for that.
        rate: the most that is allowed, between 0 and 1.

    Raises:
        InvalidRequest: there are no pairs, or their people are not known.
    """
    if not len(impostor) or not impostor.units:
        raise InvalidRequest("a threshold for a rate takes impostor pairs whose people are known")
    most = most_errors(rate, len(impostor))
    closest = _closest(impostor, most + 1)
    scores = impostor.closeness[closest]
    upper = upper_bounds(impostor, closest[:most])
    # Between equal scores there is no threshold.
    possible = np.ones(most + 1, np.bool_)
    possible[1 : len(scores)] = scores[1:] < scores[:-1]
    upper[1:] = np.maximum.accumulate(np.where(possible, upper, 0.0)[1:])
    held = np.flatnonzero(possible & (upper <= rate))
    point = threshold_above(impostor, most)
    bound = threshold_above(impostor, int(held[-1])) if len(held) else None
    bound_rate = None if bound is None else _fmr(impostor, bound)
    return Assured(rate, point, _fmr(impostor, point), bound, bound_rate)


def _closest(impostor: Trials, count: int) -> Places:
    """Places of the closest pairs, the closest first."""
    least = impostor.ascending[-min(count, len(impostor))]
    among = np.flatnonzero(impostor.closeness >= least)
    return among[np.argsort(-impostor.closeness[among], kind="stable")[:count]]


def _fmr(impostor: Trials, closeness: float) -> Rate:
    return impostor.rate(impostor.reaching(closeness))


def upper_bounds(trials: Trials, wrong: Places) -> Floats:
    """The upper bound, one-sided with 95 %, of the rate of so many wrong trials, from none on.

    It is Clopper and Pearson's where nobody is in two trials. Else it is Wilson's, and the sums
    that make the jackknife's variance grow with every error by what its people add.

    Args:
        trials: of people who are known; 1 or more.
        wrong: places of those that go wrong, in the order in which they do.
    """
    from scipy.special import betaincinv

    total, involved = len(trials), trials.involved
    errors, people = np.arange(len(wrong) + 1), int(np.count_nonzero(involved))
    if involved.max() == 1:
        return np.where(errors < total, betaincinv(errors + 1, total - errors, 1 - ALPHA), 1.0)
    if total in involved:  # nothing is left without that person
        return np.ones(len(errors))
    weights = np.where(involved > 0, 1 / (total - involved), 0.0)
    units = np.stack([unit[wrong] for unit in trials.units], axis=1)
    each, before = weights[units], _seen_before(units)
    ones, squares, counted = (
        np.concatenate([[0.0], np.cumsum(added.sum(axis=1))])
        for added in (each, each**2, (2 * before + 1) * each**2)
    )
    mean = (errors * weights.sum() - ones) / people
    spread = errors**2 * np.sum(weights**2) - 2 * errors * squares + counted - people * mean**2
    variance = (people - 1) / people * np.maximum(spread, 0.0)
    share = errors / total
    independent = np.full(len(errors), float(total))
    np.divide(share * (1 - share), variance, out=independent, where=variance > 0)
    upper = wilson_bound(share, np.clip(independent, 1.0, total), Z_ONE_SIDED)
    # The jackknife is blind without errors.
    upper[0] = trials.rate(np.zeros(total, np.bool_)).bound_guaranteed
    return upper


def _seen_before(units: Codes) -> Places:
    """How often the person of each place was in the rows above it."""
    flat = units.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.flatnonzero(np.diff(flat[order], prepend=-1))
    sizes = np.diff(starts, append=len(flat))
    before = np.empty(len(flat), np.intp)
    before[order] = np.arange(len(flat)) - np.repeat(starts, sizes)
    return before.reshape(units.shape)
