"""Rates with intervals that heed who is in which trial.

A pair of strangers shares no person with hardly any other, yet each person is in thousands of
pairs. So a rate's variance is taken from leaving out one person at a time (the delete-one
jackknife), and its interval is Wilson's on the number of independent trials that would vary as
much: Fogliato, Patil and Perona, "Confidence intervals for error rates in 1:1 matching tasks",
International Journal of Computer Vision 132, 2024.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from facegate.evaluation.arrays import Counts, Floats
from facegate.evaluation.results import Rate, Ratio, Support
from facegate.figures.intervals import Interval, exact

ALPHA: Final = 0.05
"""Probability of a miss."""
_Z: Final = 1.959963984540054
"""Normal quantile of a two-sided 95 %."""
Z_ONE_SIDED: Final = 1.6448536269514722
"""Normal quantile of a one-sided 95 %."""
SOME_ERRORS: Final = 10
"""Errors below which a sample supports no rate at all."""
_MANY_ERRORS, _MANY_PEOPLE, _FEW_PEOPLE = 30, 20, 5
_HALVINGS: Final = 60


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Trials that went wrong, and all trials, with who is in them.

    Whoever makes trials depend on each other is called a person here; of attacks it is the
    instrument. People are by their codes.

    Attributes:
        errors: trials that went wrong.
        trials: all of them.
        wrong: of the errors, how many each person is in; empty where people are not known.
        involved: of the trials, how many each person is in; empty where people are not known.
    """

    errors: int
    trials: int
    wrong: Counts
    involved: Counts

    def __add__(self, other: Counted) -> Counted:
        size = max(len(self.involved), len(other.involved))
        wrong, involved = np.zeros(size, np.int64), np.zeros(size, np.int64)
        for each in (self, other):
            wrong[: len(each.wrong)] += each.wrong
            involved[: len(each.involved)] += each.involved
        errors, trials = self.errors + other.errors, self.trials + other.trials
        return Counted(errors, trials, wrong, involved)

    @property
    def share(self) -> float:
        return self.errors / self.trials

    @property
    def rate(self) -> Rate:
        """The rate, of one or more trials."""
        most = int(self.involved.max(initial=0))
        naive, bound = wilson(self.share, self.trials), _bound(self.share, self.trials)
        if not most:
            counts = self.errors, self.trials
            return Rate(*counts, None, naive, None, bound, None, None, None, Support.NOT_SUPPORTED)
        # Trials fall into sets in which nobody is twice, as many as one person has trials, and the
        # mean of all is at least as sharp as that of one set (Hoeffding 1963, section 5).
        guaranteed = _bound(self.share, self.trials // most)
        if most == 1:
            interval = exact(self.errors, self.trials, ALPHA)
        elif self.errors == 0:
            interval = Interval(0.0, guaranteed)
        elif self.errors == self.trials:
            interval = Interval(1 - _bound(0.0, self.trials // most), 1.0)
        else:
            interval = wilson(self.share, self.independent)
        return Rate(
            self.errors,
            self.trials,
            interval,
            naive,
            self.independent,
            bound,
            guaranteed,
            int(np.count_nonzero(self.wrong)),
            self._top_five,
            self._support,
        )

    @property
    def independent(self) -> float:
        """So many independent trials would vary as much, 1 to ``trials``; people are known.

        Where nothing is left without one person it is 1. Where all went wrong or nothing did the
        jackknife is blind, and it is ``trials``.
        """
        if self.involved.max() == 1:
            return float(self.trials)
        without = self.without
        if without is None:
            return 1.0
        variance = jackknife_variance(without[self.involved > 0])
        everything = float(self.trials)
        binomial = self.share * (1 - self.share)
        return max(1.0, min(everything, binomial / variance)) if variance else everything

    @property
    def without(self) -> Floats | None:
        """The rate without each person, by code; None where nothing is left without one."""
        left = self.trials - self.involved
        return (self.errors - self.wrong) / left if left.all() else None

    @property
    def _top_five(self) -> float:
        """Share of the errors that are those of the five people with the most."""
        most = np.sort(self.wrong)[-_FEW_PEOPLE:]
        return int(most.sum()) / int(self.wrong.sum()) if self.errors else 0.0

    @property
    def _support(self) -> Support:
        if self.errors < SOME_ERRORS:
            return Support.NOT_SUPPORTED
        few = np.count_nonzero(self.wrong) < _MANY_PEOPLE or self._top_five >= 0.5
        return Support.WEAK if few or self.errors < _MANY_ERRORS else Support.SUPPORTED


def ratio(one: Counted, two: Counted) -> Ratio:
    """The first rate over the second, with an interval by the delta method on the log scale.

    Both are of the same people by code, of whom some may be in one alone. A rate of 0 stands in
    with its upper bound if trials were independent; then there is no interval.

    Args:
        one: one or more trials.
        two: one or more trials.
    """
    rates = one.rate, two.rate
    support = max((each.support for each in rates), key=list(Support).index)
    shares = [each.share or each.bound_if_independent for each in rates]
    value = shares[0] / shares[1]
    interval = None
    if one.errors and two.errors:
        spread = _spread_of_difference(one, two, relative=True)
        if spread is not None:
            interval = Interval(value * math.exp(-_Z * spread), value * math.exp(_Z * spread))
    return Ratio(value, interval, not (one.errors and two.errors), support)


def difference(one: Counted, two: Counted) -> Interval | None:
    """95 % of the second rate less the first, leaving out one person at a time.

    Both are of the same people by code. None where they are not known, or one is in all trials.
    """
    spread = _spread_of_difference(one, two, relative=False)
    if spread is None:
        return None
    middle = two.share - one.share
    return Interval(max(-1.0, middle - _Z * spread), min(1.0, middle + _Z * spread))


def _spread_of_difference(one: Counted, two: Counted, *, relative: bool) -> float | None:
    """Standard deviation of a difference of rates, each over its own value if it is relative."""
    people = max(len(one.wrong), len(two.wrong))
    known = np.zeros(people, np.bool_)
    apart = np.zeros(people)
    for sign, each in ((-1, one), (1, two)):
        without = each.without
        if without is None or not len(without):
            return None
        known[: len(without)] |= each.involved > 0
        shift = without - each.share
        apart[: len(without)] += sign * shift / (each.share if relative else 1.0)
    return math.sqrt(jackknife_variance(apart[known]))


def jackknife_variance(without: Floats) -> float:
    """Variance of a statistic (Quenouille, Tukey).

    Args:
        without: its value without each person.
    """
    people = len(without)
    return (people - 1) / people * float(np.sum((without - without.mean()) ** 2))


def wilson(share: float, trials: float, z: float = _Z) -> Interval:
    """Wilson's interval of a rate.

    Args:
        share: the rate, 0..1.
        trials: how many independent ones it is of, more than 0; need not be whole.
        z: normal quantile of the confidence.
    """
    low, high = (float(_wilson(share, trials, side)) for side in (-z, z))
    return Interval(max(0.0, low) if share > 0 else 0.0, min(1.0, high) if share < 1 else 1.0)


def wilson_bound(shares: Floats, trials: Floats, z: float) -> Floats:
    """Wilson's upper bound of each of several rates; see :func:`wilson`."""
    bounds: Floats = np.minimum(1.0, _wilson(shares, trials, z))
    return bounds


def people_needed(rate: float) -> int:
    """So many people, all compared with each other, have 30 errors at a rate between 0 and 1."""
    pairs = _MANY_ERRORS / rate
    return max(_MANY_PEOPLE, math.ceil((1 + math.sqrt(1 + 8 * pairs)) / 2))


def people_for_guarantee(rate: float) -> int:
    """So many people, without an error, guarantee with 95 % a rate between 0 and 1."""
    return 2 * math.ceil(math.log(ALPHA) / math.log1p(-rate))


def _wilson(share: Any, trials: Any, z: float) -> Any:
    """One end of Wilson's interval, of numbers or arrays: the lower one of a negative quantile."""
    spread = np.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    return (share + z * z / (2 * trials) + z * spread) / (1 + z * z / trials)


def _bound(share: float, trials: int) -> float:
    """The upper bound, with 95 %, of the rate of independent trials or of means as sharp.

    Chernoff's, in the form with relative entropy: without an error it is Clopper and Pearson's, and
    unlike that one it holds for means of dependent sets of trials as well.
    """
    if trials == 0 or share >= 1:
        return 1.0
    limit = -math.log(ALPHA) / trials
    low, high = share, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _entropy(share, middle) <= limit:
            low = middle
        else:
            high = middle
    return high


def _entropy(share: float, other: float) -> float:
    """Relative entropy of one rate to another, which is between 0 and 1."""
    if other >= 1:
        return math.inf
    yes = share * math.log(share / other) if share else 0.0
    return yes + (1 - share) * math.log((1 - share) / (1 - other))


def one_sided(rate: Rate) -> Interval | None:
    """A lower and an upper bound of a rate, each with 95 % by itself; None without an interval."""
    if rate.interval is None or rate.independent is None:
        return None
    span = wilson(rate.share, rate.independent, Z_ONE_SIDED)
    if rate.errors == 0 and rate.bound_guaranteed is not None:
        return Interval(0.0, rate.bound_guaranteed)
    return span
