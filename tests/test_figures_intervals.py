"""Statistics of reports against independent implementations, and against chance itself."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.proportion import proportion_confint

from facegate.figures.intervals import Interval, exact, mcnemar
from facegate.figures.sequences import (
    always_p,
    difference,
    evidence,
    paired_difference,
    quantile,
    rate,
)

pytestmark = pytest.mark.slow

ALPHA = 0.05
LIMIT = -math.log(ALPHA)
COUNTS = [(0, 7), (3, 9), (150, 0), (40, 960), (9000, 1000)]


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("first", [0.02, 0.5, 0.9])
def test_the_stake_is_a_dirichlet_mixture_against_the_hypothesis(
    counts: tuple[int, int], first: float
) -> None:
    rates = np.array([first, 1 - first])
    mixture = stats.dirichlet_multinomial(25 * rates, sum(counts)).logpmf(counts)
    hypothesis = stats.multinomial(sum(counts), rates).logpmf(counts)
    assert evidence(counts, [first, 1 - first]) == pytest.approx(mixture - hypothesis, abs=1e-6)


def test_under_the_hypothesis_the_stake_is_fair() -> None:
    rates = (0.2, 0.3, 0.5)
    every = ((a, b, 12 - a - b) for a, b in itertools.product(range(13), repeat=2) if a + b <= 12)
    expected = sum(
        stats.multinomial.pmf(counts, 12, rates) * math.exp(evidence(counts, rates))
        for counts in every
    )
    assert expected == pytest.approx(1)


def missed_at_any_look(p: float, looks: int) -> float:
    """The probability, to the last digit, that the interval of a rate ever leaves out the rate."""
    still_right, missed = [1.0], 0.0
    for total in range(1, looks + 1):
        reached = [0.0] * (total + 1)
        for count, chance in enumerate(still_right):
            reached[count] += chance * (1 - p)
            reached[count + 1] += chance * p
        for count in range(total + 1):
            if reached[count] and evidence((count, total - count), (p, 1 - p)) > LIMIT:
                missed += reached[count]
                reached[count] = 0.0
        still_right = reached
    return missed


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5, 0.93])
def test_a_rate_is_missed_at_any_of_300_looks_in_5_percent_of_trials_at_most(p: float) -> None:
    assert 0.002 < missed_at_any_look(p, 300) <= ALPHA


@pytest.mark.parametrize("counts", COUNTS)
def test_an_interval_ends_where_the_evidence_does(counts: tuple[int, int]) -> None:
    total = sum(counts)
    interval = rate(counts[0], total, ALPHA)
    assert interval.low <= counts[0] / total <= interval.high
    grid = [step / 2000 for step in range(1, 2000)]
    kept = [p for p in grid if evidence(counts, (p, 1 - p)) <= LIMIT]
    assert interval.low == pytest.approx(kept[0], abs=1 / 2000)
    assert interval.high == pytest.approx(kept[-1], abs=1 / 2000)


def arrivals(dice: random.Random, p: Sequence[float], people: int) -> Iterator[tuple[int, ...]]:
    """Two arms, three people in the first for each in the second: (a, n), (b, m) as they grow."""
    counts = [0, 0, 0, 0]
    for _ in range(people):
        arm = dice.random() < 0.25
        counts[2 * arm] += dice.random() < p[arm]
        counts[2 * arm + 1] += 1
        yield tuple(counts)


def test_a_difference_is_not_missed_at_any_look_where_the_usual_interval_is() -> None:
    """Misses of 300 trials without any difference, looked at after every person from the 20th."""
    p, ours, usual = 0.9, 0, 0
    for seed in range(300):
        refuted = fooled = False
        for a, n, b, m in arrivals(random.Random(seed), (p, p), 400):
            if n + m < 20 or not n or not m:
                continue
            # What the interval leaves out, the product of both stakes refutes; not so the reverse.
            stakes = evidence((a, n - a), (p, 1 - p)) + evidence((b, m - b), (p, 1 - p))
            refuted |= stakes > LIMIT
            pooled = (a + b) / (n + m)
            error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
            fooled |= abs(b / m - a / n) > 1.96 * error > 0
        ours += refuted
        usual += fooled
    assert ours <= 300 * ALPHA
    assert usual > 300 * 0.2


@pytest.mark.parametrize("p", [(0.9, 0.9), (0.95, 0.8), (0.02, 0.05)])
def test_the_interval_of_a_difference_holds_the_truth_at_every_look(p: tuple[float, float]) -> None:
    missed = 0
    for seed in range(40):
        seen = list(arrivals(random.Random(seed), p, 1000))
        looks = [
            difference((a, n), (b, m), ALPHA) for a, n, b, m in (seen[k] for k in (29, 249, 999))
        ]
        missed += not all(look.low <= p[1] - p[0] <= look.high for look in looks)
    assert missed <= 2


def test_rates_that_drift_together_do_not_fool_it() -> None:
    missed = 0
    for seed in range(200):
        dice, total, mean = random.Random(seed), [0, 0, 0, 0], 0.0
        wrong = False
        for step in range(400):
            p = 0.85 + 0.1 * math.sin(step / 30)
            mean += (p - mean) / (step + 1)
            a, n, b, m = total = [
                old + new for old, new in zip(total, next(arrivals(dice, (p, p), 1)), strict=True)
            ]
            stakes = evidence((a, n - a), (mean, 1 - mean)) + evidence((b, m - b), (mean, 1 - mean))
            wrong |= stakes > LIMIT
        missed += wrong
    assert missed <= 200 * ALPHA


def test_the_interval_of_a_difference_is_where_no_pair_of_rates_is_refuted() -> None:
    interval = difference((80, 100), (19, 20), ALPHA)
    grid = [step / 200 for step in range(1, 200)]
    kept = [
        q - p
        for p, q in itertools.product(grid, repeat=2)
        if evidence((80, 20), (p, 1 - p)) + evidence((19, 1), (q, 1 - q)) <= LIMIT
    ]
    assert (interval.low, interval.high) == pytest.approx((min(kept), max(kept)), abs=0.012)


def test_the_interval_of_a_paired_difference_is_where_no_rates_are_refuted() -> None:
    interval = paired_difference(4, 15, 81, ALPHA)
    grid = [step / 400 for step in range(1, 160)]
    kept = [
        p - q
        for p, q in itertools.product(grid, repeat=2)
        if evidence((4, 15, 81), (p, q, 1 - p - q)) <= LIMIT
    ]
    assert (interval.low, interval.high) == pytest.approx((min(kept), max(kept)), abs=0.006)


def test_with_no_data_anything_may_be() -> None:
    assert rate(0, 0, ALPHA) == (0, 1)
    assert difference((0, 0), (0, 0), ALPHA) == (-1, 1)
    assert paired_difference(0, 0, 0, ALPHA) == (-1, 1)
    assert quantile([], 0.95, ALPHA) == (-math.inf, math.inf)
    assert exact(0, 0, ALPHA) == (0, 1)
    assert mcnemar(0, 0) == always_p(0, 0) == 1


def test_a_percentile_is_within_its_interval_at_every_look() -> None:
    missed, truth = 0, -math.log(1 - 0.95)
    for seed in range(100):
        dice = random.Random(seed)
        seconds = [dice.expovariate(1) for _ in range(2000)]
        spans = [quantile(sorted(seconds[:look]), 0.95, ALPHA) for look in (50, 200, 600, 2000)]
        missed += not all(span.low <= truth <= span.high for span in spans)
    assert missed <= 100 * ALPHA
    assert spans[-1].high < 1.3 * truth


@pytest.mark.parametrize(("count", "total"), [(0, 150), (3, 60), (60, 60), (100, 10_000)])
def test_a_guaranteed_interval_is_that_of_statsmodels(count: int, total: int) -> None:
    theirs = proportion_confint(count, total, ALPHA, "beta")
    assert exact(count, total, ALPHA) == pytest.approx([float(end) for end in theirs], abs=1e-9)


@pytest.mark.parametrize(("gained", "lost"), [(1, 0), (5, 20), (40, 38), (0, 12)])
def test_mcnemar_is_that_of_statsmodels(gained: int, lost: int) -> None:
    theirs = their_mcnemar([[100, gained], [lost, 50]], exact=True)
    assert mcnemar(gained, lost) == pytest.approx(theirs.pvalue)


def test_disagreement_by_chance_is_hardly_ever_taken_for_more() -> None:
    missed = 0
    for seed in range(400):
        dice, gained = random.Random(seed), 0
        lowest = 1.0
        for total in range(1, 201):
            gained += dice.random() < 0.5
            lowest = min(lowest, always_p(gained, total - gained))
        missed += lowest <= ALPHA
    assert missed <= 400 * ALPHA
    assert always_p(2, 15) < ALPHA


def test_a_part_of_an_interval() -> None:
    assert Interval(-1, 2).above(0).low > 0
    assert Interval(-1, 2).below(0).high < 0
    assert Interval(-1, 2).half == 1.5
