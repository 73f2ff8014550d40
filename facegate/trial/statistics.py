"""Intervals and tests for a trial that somebody looks at every day.

Nearly all of it is one idea. Bet against the hypothesis that outcomes fall at certain rates, on
rates spread around these. If the hypothesis is true the stake is a martingale that starts at 1, so
it ever exceeds 1/alpha with probability alpha at most (Ville 1939), at however many looks. The
rates that are not refuted make an interval that is right at all looks together: a confidence
sequence. It is exact, needs the counts alone, and the logarithm of the stake is convex in the
rates, so that there is one interval and bisection finds its ends.

- one rate or several: Lindon and Malek, "Anytime-valid inference for multinomial count data",
  NeurIPS 2022, with their Dirichlet mixture around the hypothesis
- a difference of two rates, by the product of both stakes: Turner and Gruenwald, "Exact
  anytime-valid confidence intervals for contingency tables and beyond", Statistics and Probability
  Letters 198, 2023
- a quantile, by the rate of what lies below: Howard and Ramdas, "Sequential estimation of quantiles
  with applications to A/B testing and best-arm identification", Bernoulli 28, 2022

Outcomes are taken to be independent, with rates that do not depend on when somebody arrived.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from math import lgamma, log
from typing import NamedTuple

_SPREAD = 25.0
_WIDE = 2.0
"""For disagreements, which are few and may all be one way."""
_GOLDEN = (math.sqrt(5) - 1) / 2
_HALVINGS = 32
_SECTIONS = 28
_SMALL = 5
"""Expected counts below which chi-square is not to be trusted."""


class Interval(NamedTuple):
    """From where to where; both ends belong to it."""

    low: float
    high: float

    @property
    def half(self) -> float:
        """Half its width."""
        return (self.high - self.low) / 2

    def above(self, least: float) -> Interval:
        """The part that is above."""
        above = math.nextafter(least, math.inf)
        return Interval(max(self.low, above), max(self.high, above))

    def below(self, most: float) -> Interval:
        """The part that is below."""
        below = math.nextafter(most, -math.inf)
        return Interval(min(self.low, below), min(self.high, below))


def evidence(counts: Sequence[int], rates: Sequence[float], spread: float = _SPREAD) -> float:
    """How strongly counts speak against rates, whenever one looks.

    Args:
        counts: of each outcome.
        rates: of each outcome by the hypothesis; they add up to 1.
        spread: how close to them to bet, as if so many outcomes had been seen before. Intervals
            are tightest for some times as many.

    Returns:
        Natural logarithm of the stake: below 0 where the counts agree with the rates.
    """
    found = lgamma(spread) - lgamma(spread + sum(counts))
    for count, each in zip(counts, rates, strict=True):
        if count:
            if each <= 0:
                return math.inf
            before = spread * each
            found += lgamma(before + count) - lgamma(before) - count * log(each)
    return found


def always_p(gained: int, lost: int) -> float:
    """A p-value, 0..1, that both directions of disagreement are as likely; for all looks."""
    return min(1.0, math.exp(-evidence((gained, lost), (0.5, 0.5), _WIDE)))


def rate(count: int, total: int, alpha: float) -> Interval:
    """Confidence sequence of a rate: at all looks together it misses with probability alpha."""
    counts = (count, total - count)
    return _set(lambda p: evidence(counts, (p, 1 - p)), count / total if total else 0.5, alpha, 0.0)


def difference(first: tuple[int, int], second: tuple[int, int], alpha: float) -> Interval:
    """Confidence sequence of the second rate less the first; each is given as (count, total)."""
    (a, n), (b, m) = first, second

    def cost(d: float) -> float:
        return _lowest(
            lambda p: evidence((a, n - a), (p, 1 - p)) + evidence((b, m - b), (p + d, 1 - p - d)),
            max(0.0, -d),
            min(1.0, 1 - d),
        )

    best = b / m - a / n if n and m else 0.0
    return _set(cost, best, alpha, -1.0)


def paired_difference(gained: int, lost: int, same: int, alpha: float) -> Interval:
    """Confidence sequence of how much higher the second of two rates is, seen on the same cases.

    Args:
        gained: cases where only the second says yes.
        lost: cases where only the first does.
        same: cases where they agree.
        alpha: how often it may miss, at all looks together.
    """
    counts = (gained, lost, same)

    def cost(d: float) -> float:
        return _lowest(
            lambda p: evidence(counts, (p + d, p, 1 - 2 * p - d)), max(0.0, -d), (1 - d) / 2
        )

    total = sum(counts)
    return _set(cost, (gained - lost) / total if total else 0.0, alpha, -1.0)


def quantile(ordered: Sequence[float], level: float, alpha: float) -> Interval:
    """Confidence sequence of a quantile.

    Args:
        ordered: what was measured, ascending.
        level: 0..1, 0.95 for the 95th percentile.
        alpha: how often it may miss, at all looks together.

    Returns:
        The interval; its ends are infinite where there is too little to bound them.
    """
    count = len(ordered)
    limit = -log(alpha)

    def refuted(below: int) -> bool:
        return evidence((below, count - below), (level, 1 - level)) > limit

    middle = round(level * count)
    # The evidence grows to both sides of the middle.
    low = _first(0, middle, lambda below: not refuted(below))
    high = _first(middle, count + 1, refuted) - 1
    return Interval(
        ordered[low - 1] if low else -math.inf, ordered[high] if high < count else math.inf
    )


def exact(count: int, total: int, alpha: float) -> Interval:
    """Clopper and Pearson's interval of a rate: guaranteed, for one look."""
    from scipy.stats import binomtest

    if not total:
        return Interval(0.0, 1.0)
    found = binomtest(count, total).proportion_ci(1 - alpha, "exact")
    return Interval(float(found.low), float(found.high))


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided p-value that both directions of disagreement are as likely; for one look."""
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0


def ratio_p(counts: Mapping[str, int], weights: Mapping[str, float]) -> float:
    """How likely a split as uneven as this, or worse, is by chance; for one look.

    Chi-square, or where few are expected in an arm the exact binomial test of each arm, by
    Bonferroni.

    Args:
        counts: people in each arm.
        weights: of each arm, on any scale; every arm of ``counts`` has one.
    """
    from scipy.stats import binomtest, chisquare

    total, whole = sum(counts.values()), sum(weights.values())
    if any(not weights[arm] for arm, count in counts.items() if count):
        return 0.0
    shares = {arm: weight / whole for arm, weight in weights.items() if weight}
    if len(shares) < 2 or not total:
        return 1.0
    observed = [counts.get(arm, 0) for arm in shares]
    expected = [total * share for share in shares.values()]
    if min(expected) >= _SMALL:
        return float(chisquare(observed, expected).pvalue)
    tests = len(shares) if len(shares) > 2 else 1  # of two arms both tests are the same
    each = zip(observed, shares.values(), strict=True)
    return min(1.0, tests * min(float(binomtest(k, total, p).pvalue) for k, p in each))


def _set(cost: Callable[[float], float], best: float, alpha: float, least: float) -> Interval:
    """Where a convex cost, lowest at ``best``, keeps below the limit; from ``least`` to 1."""
    limit = -log(alpha)
    return Interval(_edge(cost, best, least, limit), _edge(cost, best, 1.0, limit))


def _edge(cost: Callable[[float], float], inside: float, outside: float, limit: float) -> float:
    if cost(outside) <= limit:
        return outside
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if cost(middle) <= limit:
            inside = middle
        else:
            outside = middle
    return outside


def _lowest(cost: Callable[[float], float], low: float, high: float) -> float:
    """The least of a convex function, by golden sections."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = cost(left), cost(right)
    for _ in range(_SECTIONS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = cost(right)
    return min(at_left, at_right)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first of low..high for which it holds; it holds for all after that, and for ``high``."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
