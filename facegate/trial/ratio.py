"""The sample ratio: whether people were split as configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RATIO_P = 0.001
"""A split that is less likely than this is held to be broken."""
_FEW = 5
"""Expected counts below this are too few to trust chi-square with."""


@dataclass(frozen=True)
class SampleRatio:
    """The split as it came out, beside the split as it was configured.

    Attributes:
        people: in each arm that has a weight.
        expected: people in each of these arms, by the weights.
        p: probability, 0..1, that chance alone makes a split as uneven; by chi-square, or exactly
            where few people are expected.
    """

    people: Mapping[str, int]
    expected: Mapping[str, float]
    p: float

    @property
    def broken(self) -> bool:
        """Whether chance alone hardly does this."""
        return self.p < RATIO_P

    @classmethod
    def of(cls, people: Mapping[str, int], weights: Mapping[str, float]) -> SampleRatio | None:
        """The ratio of the arms that have weights; None where an arm has none.

        Args:
            people: in each arm where there were any.
            weights: of each arm, 0 or more, on any scale.
        """
        whole, total = sum(weights.values()), sum(people.values())
        if not people.keys() <= weights.keys() or not whole:
            return None
        expected = {arm: total * weight / whole for arm, weight in weights.items()}
        counts = {arm: people.get(arm, 0) for arm in weights}
        return cls(counts, expected, ratio_p(counts, weights))


def ratio_p(counts: Mapping[str, int], weights: Mapping[str, float]) -> float:
    """P-value, 0..1, of a split as uneven as this or worse; for one look.

    Chi-square, or where few are expected in an arm the exact binomial test of each arm, by
    Bonferroni.

    Args:
        counts: people in each arm.
        weights: of each arm, 0 or more, on any scale; every arm of ``counts`` has one.
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
    if min(expected) >= _FEW:
        return float(chisquare(observed, expected).pvalue)
    tests = len(shares) if len(shares) > 2 else 1  # of two arms both tests are the same
    each = zip(observed, shares.values(), strict=True)
    return min(1.0, tests * min(float(binomtest(k, total, p).pvalue) for k, p in each))
