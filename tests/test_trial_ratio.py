"""The check of a split against independent implementations, and against chance itself."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.gof import chisquare as their_chisquare

from facegate.trial.ratio import ratio_p

pytestmark = pytest.mark.slow

ALPHA = 0.05


@pytest.mark.parametrize("counts", [(900, 100), (1830, 170), (870, 130), (5, 5)])
def test_the_ratio_is_checked_as_statsmodels_and_scipy_do(counts: tuple[int, int]) -> None:
    total = sum(counts)
    p = ratio_p(dict(zip("ab", counts, strict=True)), {"a": 90, "b": 10})
    if total * 0.1 >= 5:
        theirs = their_chisquare(np.array(counts), np.array([0.9, 0.1]) * total)[1]
    else:
        theirs = stats.binomtest(counts[0], total, 0.9).pvalue
    assert p == pytest.approx(float(theirs))


def test_with_few_people_an_honest_split_is_not_called_broken() -> None:
    shares = {"a": 0.9, "b": 0.06, "c": 0.04}
    total, wrong = 20, 0.0
    for a, b in itertools.product(range(total + 1), repeat=2):
        if a + b <= total:
            counts = (a, b, total - a - b)
            if ratio_p(dict(zip("abc", counts, strict=True)), shares) < ALPHA:
                wrong += stats.multinomial.pmf(counts, total, list(shares.values()))
    assert wrong <= ALPHA


def test_an_arm_that_nobody_should_be_in_breaks_the_ratio() -> None:
    assert ratio_p({"a": 99, "b": 1}, {"a": 1, "b": 0}) == 0
    assert ratio_p({"a": 99}, {"a": 1, "b": 0}) == 1
    assert ratio_p({"a": 99, "b": 0}, {"a": 90, "b": 10}) < 0.001
