"""Confidence sequences: intervals and a test for data that is looked at again and again.

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
from collections.abc import Callable, Sequence
from math import lgamma, log

from facegate.figures.intervals import Interval

_SPREAD = 25.0
_WIDE = 2.0
"""Spread for disagreements, which are few and may all be one way."""
_GOLDEN = (math.sqrt(5) - 1) / 2
_HALVINGS = 32
_SECTIONS = 28


def evidence(counts: Sequence[int], rates: Sequence[float], spread: float = _SPREAD) -> float:
    """Evidence of counts against hypothetical rates, valid whenever one looks.

    Args:
        counts: cases of each outcome.
        rates: of each outcome by the hypothesis, each 0..1; they add up to 1.
        spread: how close to them to bet, as if so many cases had been seen before. Intervals are
            tightest for some times as many.

    Returns:
        Natural logarithm of the stake: below 0 where the counts agree with the rates, infinite
        where they are impossible.

    Raises:
        ValueError: there are not as many counts as rates.
    """
    stake = lgamma(spread) - lgamma(spread + sum(counts))
    for count, each in zip(counts, rates, strict=True):
        if count:
            if each <= 0:
                return math.inf
            before = spread * each
            stake += lgamma(before + count) - lgamma(before) - count * log(each)
    return stake


def always_p(gained: int, lost: int) -> float:
    """P-value, 0..1, that both directions of disagreement are as likely; valid at all looks.

    Args:
        gained: cases where only the second says yes.
        lost: cases where only the first does.
    """
    return min(1.0, math.exp(-evidence((gained, lost), (0.5, 0.5), _WIDE)))


def rate(count: int, total: int, alpha: float) -> Interval:
    """Confidence sequence of a rate, within 0..1.

    Args:
        count: cases of the kind, 0..total.
        total: all cases.
        alpha: probability of a miss, at most and at all looks together; between 0 and 1.
    """
    counts = (count, total - count)
    return _set(lambda p: evidence(counts, (p, 1 - p)), count / total if total else 0.5, alpha, 0.0)


def difference(first: tuple[int, int], second: tuple[int, int], alpha: float) -> Interval:
    """Confidence sequence of the second rate less the first, within -1..1.

    Args:
        first: cases of the kind, and all cases, of the first sample.
        second: cases of the kind, and all cases, of the second sample.
        alpha: probability of a miss, at most and at all looks together; between 0 and 1.
    """
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
    """Confidence sequence of the second rate less the first, on the same cases; within -1..1.

    Args:
        gained: cases where only the second says yes.
        lost: cases where only the first does.
        same: cases where they agree.
        alpha: probability of a miss, at most and at all looks together; between 0 and 1.
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
        ordered: measurements, ascending, in any unit.
        level: of the quantile, between 0 and 1: 0.95 for the 95th percentile.
        alpha: probability of a miss, at most and at all looks together; between 0 and 1.

    Returns:
        The interval, in the unit of the measurements; its ends are infinite where there are too
        few to bound them.
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


def _set(cost: Callable[[float], float], best: float, alpha: float, least: float) -> Interval:
    """The interval, within ``least``..1, where a convex cost that is lowest at ``best`` is low."""
    limit = -log(alpha)
    return Interval(_edge(cost, best, least, limit), _edge(cost, best, 1.0, limit))


def _edge(cost: Callable[[float], float], inside: float, outside: float, limit: float) -> float:
    """The place between inside and outside where the cost reaches the limit, by bisection."""
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
    """The first of low..high where a condition holds, as it does for all after it and ``high``."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
