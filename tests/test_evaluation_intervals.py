"""Rates and their intervals, against counting by hand, other people's code, and the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from evaluation import crossed
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from evaluated import trials
from facegate.evaluation.intervals import (
    Counted,
    difference,
    one_sided,
    people_for_guarantee,
    people_needed,
    ratio,
    wilson,
)
from facegate.evaluation.results import Rate, Support
from facegate.evaluation.scores import Trials


def rate_at(pairs: Trials, threshold: float) -> Rate:
    return pairs.rate(pairs.reaching(threshold))


@pytest.mark.parametrize(("errors", "total"), [(0, 7), (1, 30), (26, 266_772), (500, 500)])
def test_wilson_is_that_of_statsmodels(errors: int, total: int) -> None:
    theirs = proportion_confint(errors, total, 0.05, "wilson")
    assert wilson(errors / total, total) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("errors", [0, 1, 6, 20])
def test_where_nobody_is_in_two_trials_the_interval_is_exact(errors: int) -> None:
    pairs = trials([1.0] * errors + [0.0] * (20 - errors), range(20))
    theirs = proportion_confint(errors, 20, 0.05, "beta")
    interval = rate_at(pairs, 0.5).interval
    assert interval == pytest.approx(np.nan_to_num(theirs, nan=errors / 20), abs=1e-12)


def test_the_interval_comes_from_leaving_out_one_person_at_a_time() -> None:
    """Four people, all pairs: the one false match is of people 0 and 1."""
    pairs = trials([1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 2], [1, 2, 3, 2, 3, 3])
    without = [0 / 3, 0 / 3, 1 / 3, 1 / 3]
    variance = 3 / 4 * sum((each - 1 / 6) ** 2 for each in without)
    found = rate_at(pairs, 0.5)
    assert found.independent == pytest.approx(1 / 6 * 5 / 6 / variance)
    assert found.interval == pytest.approx(wilson(1 / 6, 1 / 6 * 5 / 6 / variance))


@given(st.data())
def test_leaving_out_is_recounting(data: st.DataObject) -> None:
    strangers = st.permutations(range(6)).map(lambda order: order[:2])
    pairs = [
        (*two, error)
        for two, error in data.draw(st.lists(st.tuples(strangers, st.booleans()), min_size=1))
    ]
    wrong = np.array([error for *_, error in pairs])
    found = trials(wrong, [one for one, *_ in pairs], [two for _, two, _ in pairs])
    counted = found.counted(wrong)
    for person in range(len(counted.involved)):
        left = [error for one, two, error in pairs if person not in (one, two)]
        assert counted.trials - counted.involved[person] == len(left)
        assert counted.errors - counted.wrong[person] == sum(left)
    rate = counted.rate
    assert rate.interval is not None
    assert 0 <= rate.interval.low <= rate.share <= rate.interval.high <= 1


def test_people_whom_nobody_knows_give_no_interval_and_no_support() -> None:
    found = rate_at(trials([1.0] * 50 + [0.0] * 50), 0.5)
    assert (found.share, found.interval, found.support) == (0.5, None, Support.NOT_SUPPORTED)
    assert found.naive == wilson(0.5, 100)


def test_one_person_in_all_pairs_says_nothing_about_others() -> None:
    found = rate_at(trials([1, 1, 0, 0], [0, 0, 0, 0], [1, 2, 3, 4]), 0.5)
    assert found.independent == 1
    assert found.bound_guaranteed is not None
    assert found.bound_guaranteed > 0.95


def test_without_an_error_both_bounds_are_given() -> None:
    """A thousand people, all pairs: 6e-6 if pairs were independent, 6e-3 guaranteed."""
    counted = Counted(0, 499_500, np.zeros(1000, np.int64), np.full(1000, 999))
    assert counted.rate.bound_if_independent == pytest.approx(1 - 0.05 ** (1 / 499_500))
    assert counted.rate.bound_if_independent == pytest.approx(6e-6, rel=0.01)
    assert counted.rate.bound_guaranteed == pytest.approx(1 - 0.05 ** (1 / 500))
    assert list(counted.rate.interval or ()) == [0, counted.rate.bound_guaranteed]
    assert counted.rate.support is Support.NOT_SUPPORTED


def test_it_takes_sixty_thousand_people_to_guarantee_one_in_ten_thousand() -> None:
    assert people_for_guarantee(1e-4) == 59_912
    people = people_needed(1e-4)
    assert math.comb(people, 2) * 1e-4 >= 30 > math.comb(people - 1, 2) * 1e-4


def spread(errors: int, people: int) -> Rate:
    """The rate of so many errors, spread over as many people, in 10,000 trials of 1,000."""
    wrong = np.zeros(1000, np.int64)
    np.add.at(wrong, np.arange(errors) % people, 1)
    return Counted(errors, 10_000, wrong, np.full(1000, 10)).rate


@pytest.mark.parametrize(
    ("errors", "people", "support"),
    [
        (9, 9, Support.NOT_SUPPORTED),
        (10, 10, Support.WEAK),
        (29, 29, Support.WEAK),
        (30, 30, Support.SUPPORTED),
        (30, 20, Support.SUPPORTED),
        (40, 19, Support.WEAK),
        (100, 3, Support.WEAK),
    ],
)
def test_support_takes_errors_and_people(errors: int, people: int, support: Support) -> None:
    assert spread(errors, people).support is support


def test_support_is_weak_where_five_people_have_half_of_the_errors() -> None:
    wrong = np.concatenate([np.full(5, 10), np.ones(50, np.int64), np.zeros(945, np.int64)])
    found = Counted(100, 10_000, wrong, np.full(1000, 10)).rate
    assert (found.top_five, found.people, found.support) == (0.5, 55, Support.WEAK)


def test_a_ratio_of_independent_rates_has_the_textbook_interval() -> None:
    """The delta method: the variance of a logarithm is (1 - p) / errors."""
    one = trials([1] * 40 + [0] * 960, range(1000))
    two = trials([1] * 20 + [0] * 980, range(1000, 2000))
    found = ratio(*(each.counted(each.reaching(0.5)) for each in (one, two)))
    half = norm.isf(0.025) * math.sqrt(0.96 / 40 + 0.98 / 20)
    assert found.value == pytest.approx(2)
    assert found.interval == pytest.approx((2 * math.exp(-half), 2 * math.exp(half)), rel=2e-3)
    assert found.support is Support.WEAK


def test_a_ratio_to_no_errors_takes_their_bound_and_says_so() -> None:
    one, two = trials([1] * 40 + [0] * 60, range(100)), trials([0] * 100, range(100, 200))
    found = ratio(*(each.counted(each.reaching(0.5)) for each in (one, two)))
    assert found.bounded
    assert found.interval is None
    assert found.value == pytest.approx(0.4 / (1 - 0.05**0.01))


def test_a_difference_on_the_same_people_is_surer_than_of_others() -> None:
    draw = np.random.default_rng(1)
    score = draw.random(400)
    first = trials(score, range(400))
    same = trials(score + 0.02 * draw.random(400), range(400))
    others = trials(score, range(400, 800))
    counted = [each.counted(each.reaching(0.9)) for each in (first, same, others)]
    paired, apart = difference(counted[0], counted[1]), difference(counted[0], counted[2])
    assert paired is not None
    assert apart is not None
    assert paired.half < apart.half / 2


def test_one_sided_bounds_are_within_the_interval() -> None:
    found = rate_at(crossed(200).impostor, 2.0)
    span = one_sided(found)
    assert span is not None
    assert found.interval is not None
    assert found.interval.low < span.low < found.share < span.high < found.interval.high


@pytest.mark.slow
@pytest.mark.parametrize("people", [200, 500])
@pytest.mark.parametrize("effect", [0.0, 0.3, 0.6])
def test_the_interval_holds_the_truth_where_the_naive_one_does_not(
    people: int, effect: float
) -> None:
    """A rate of 1 in 100; the whole simulation is ``benchmarks/evaluation.py coverage``."""
    samples, truth = 120, 0.01
    rates = [
        rate_at(crossed(people, effect=effect, seed=seed).impostor, norm.isf(truth))
        for seed in range(samples)
    ]
    held = sum(
        each.interval is not None and each.interval.low <= truth <= each.interval.high
        for each in rates
    )
    naive = sum(each.naive.low <= truth <= each.naive.high for each in rates)
    assert held / samples >= 0.88  # 0.91 or more in many samples, less three standard errors
    if effect == 0.6:
        assert naive / samples < 0.7
