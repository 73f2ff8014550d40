"""Intervals, and exact statistics of counts that are looked at once."""

from __future__ import annotations

import math
from typing import NamedTuple


class Interval(NamedTuple):
    """A closed interval: both ends belong to it."""

    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the width."""
        return (self.high - self.low) / 2

    def above(self, least: float) -> Interval:
        """The part above a value, which itself is left out."""
        above = math.nextafter(least, math.inf)
        return Interval(max(self.low, above), max(self.high, above))

    def below(self, most: float) -> Interval:
        """The part below a value, which itself is left out."""
        below = math.nextafter(most, -math.inf)
        return Interval(min(self.low, below), min(self.high, below))


def exact(count: int, total: int, alpha: float) -> Interval:
    """Clopper and Pearson's interval of a rate: guaranteed, for one look.

    Args:
        count: cases of the kind, 0..total.
        total: all cases; of none the interval is 0..1.
        alpha: probability of a miss, at most; between 0 and 1.
    """
    from scipy.special import betaincinv

    right = total - count
    low = float(betaincinv(count, right + 1, alpha / 2)) if count else 0.0
    high = float(betaincinv(count + 1, right, 1 - alpha / 2)) if right else 1.0
    return Interval(low, high)


def mcnemar(gained: int, lost: int) -> float:
    """McNemar's exact p-value, 0..1, two-sided, for one look.

    The hypothesis is that both directions of disagreement are as likely.

    Args:
        gained: cases where only the second says yes.
        lost: cases where only the first does.
    """
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0
