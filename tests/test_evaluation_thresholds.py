"""Thresholds for rates: as a sample has them, and such as keep the rate on other people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluation import crossed
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from evaluated import trials
from facegate.errors import InvalidRequest
from facegate.evaluation.assured import thresholds_for
from facegate.evaluation.intervals import Z_ONE_SIDED, wilson
from facegate.evaluation.rates import at_threshold, most_errors, threshold_for
from facegate.evaluation.scores import FAILED, Scores, Trials

SCORES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=40)
RATES = st.sampled_from([0.5, 0.3, 0.1, 0.01])


@given(SCORES, RATES)
def test_the_threshold_is_the_lowest_that_keeps_the_rate(scores: list[float], rate: float) -> None:
    impostor = trials(scores)
    threshold = threshold_for(impostor, rate)
    assert impostor.reaching(threshold).mean() <= rate
    lower = [each for each in set(scores) if each < threshold]
    assert all(impostor.reaching(each).mean() > rate for each in lower)


def test_equal_scores_stay_together() -> None:
    """Three of ten have the same score: a rate of 2 in 10 would go through their middle."""
    impostor = trials([0.9, 0.8, 0.8, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    threshold = threshold_for(impostor, 0.2)
    assert threshold == np.nextafter(0.8, 1)
    assert impostor.reaching(threshold).sum() == 1


def test_the_rate_is_the_one_asked_for_where_decimals_are_not_binary() -> None:
    assert [most_errors(rate, 100) for rate in (0.29, 0.07, 0.1, 0.3)] == [29, 7, 10, 30]


@pytest.mark.parametrize("lower", [False, True])
def test_a_distance_is_a_mirrored_score(lower: bool) -> None:  # noqa: FBT001
    scores = replace(crossed(60), lower_is_closer=lower)
    closeness = threshold_for(scores.impostor, 0.01)
    at = at_threshold(scores, closeness, 0.01)
    assert at.threshold == (-closeness if lower else closeness)
    assert at.fmr == at_threshold(crossed(60), closeness).fmr


def test_what_failed_in_capture_is_no_match_and_the_rates_without_it_are_beside() -> None:
    scores = Scores(
        "few",
        genuine=trials([0.9, 0.8, FAILED, 0.2], range(4)),
        impostor=trials([0.7, 0.1, FAILED, 0.1], [0, 1, 2, 3], [1, 2, 3, 0]),
    )
    at = at_threshold(scores, 0.5)
    assert at.fmr_of_captured is not None
    assert at.fnmr_of_captured is not None
    assert (at.fmr.share, at.fmr_of_captured.share) == (1 / 4, 1 / 3)
    assert (at.fnmr.share, at.fnmr_of_captured.share) == (2 / 4, 1 / 3)


def test_failures_alone_give_a_threshold_that_nobody_reaches_by_failing() -> None:
    assert threshold_for(trials([FAILED] * 9 + [0.5]), 0.2) == 0.5


def bound_at(impostor: Trials, threshold: float) -> float:
    counted = impostor.counted(impostor.reaching(threshold))
    if not counted.errors:
        bound = counted.rate.bound_guaranteed
        assert bound is not None
        return bound
    return wilson(counted.share, counted.independent, Z_ONE_SIDED).high


@pytest.mark.parametrize("effect", [0.0, 0.5])
@pytest.mark.parametrize("digits", [1, 8])
def test_the_walk_finds_what_leaving_out_people_at_each_score_finds(
    effect: float, digits: int
) -> None:
    impostor = crossed(80, effect=effect).impostor
    impostor = replace(impostor, closeness=impostor.closeness.round(digits))
    found = thresholds_for(impostor, 0.05)
    assert found.point == threshold_for(impostor, 0.05)
    held = []
    for threshold in np.nextafter(np.unique(impostor.closeness), np.inf)[-2::-1]:
        if bound_at(impostor, threshold) > 0.05:
            break
        held.append(threshold)
    assert found.bound == held[-1]
    assert found.bound_rate == impostor.rate(impostor.reaching(held[-1]))


def test_too_few_people_assure_nothing() -> None:
    found = thresholds_for(crossed(10).impostor, 1e-3)
    assert found.bound is None
    assert found.bound_rate is None


def test_a_threshold_of_one_group_is_from_its_pairs_alone() -> None:
    impostor = crossed(100).impostor
    group = impostor.take((impostor.units[0] < 50) & (impostor.units[1] < 50))
    assert thresholds_for(group, 0.05).point == threshold_for(group, 0.05)


def test_people_must_be_known_to_assure_a_rate() -> None:
    with pytest.raises(InvalidRequest, match="whose people are known"):
        thresholds_for(trials([1.0, 0.0]), 0.1)


@pytest.mark.slow
def test_an_assured_threshold_keeps_the_rate_on_other_people_where_a_point_does_not() -> None:
    """A rate of 1 in 1,000 of 200 people; ``benchmarks/evaluation.py calibration`` has more."""
    rate, samples = 1e-3, 100
    found = [
        thresholds_for(crossed(200, effect=0.3, seed=seed).impostor, rate)
        for seed in range(samples)
    ]
    over = {
        name: sum(norm.sf(getattr(each, name)) > rate for each in found) / samples
        for name in ("point", "bound")
    }
    assert over["bound"] <= 0.1
    assert over["point"] > 0.35
