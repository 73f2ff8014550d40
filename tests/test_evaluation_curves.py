"""Curves and single figures over all thresholds, against other people's code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from evaluation import crossed
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import det_curve, roc_auc_score, roc_curve

from evaluated import trials
from facegate.evaluation.curves import Hull, area, det, eer, histograms
from facegate.evaluation.likelihood import cllr, likelihood, min_cllr
from facegate.evaluation.rates import error_rates
from facegate.evaluation.scores import FAILED, Scores, Trials

KIN = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0]), min_size=1, max_size=30)


def labelled(genuine: Trials, impostor: Trials) -> tuple[Any, Any]:
    """Labels and scores, as scikit-learn takes them."""
    truth = np.repeat([1, 0], [len(genuine), len(impostor)])
    return truth, np.concatenate([genuine.closeness, impostor.closeness])


@given(KIN, KIN)
def test_rates_at_every_threshold_are_those_of_scikit_learn(
    kin: list[float], strangers: list[float]
) -> None:
    genuine, impostor = trials(kin), trials(strangers)
    fmr, fnmr, thresholds = det_curve(*labelled(genuine, impostor))
    for wrong, missed, threshold in zip(fmr, fnmr, thresholds, strict=True):
        found = error_rates(genuine, impostor, threshold)
        assert [each.share for each in found] == pytest.approx([wrong, missed], abs=1e-12)


@given(KIN, KIN)
def test_the_area_is_that_of_scikit_learn(kin: list[float], strangers: list[float]) -> None:
    genuine, impostor = trials(kin), trials(strangers)
    theirs = roc_auc_score(*labelled(genuine, impostor))
    assert area(genuine, impostor) == pytest.approx(theirs, abs=1e-12)


@given(KIN, KIN)
def test_the_equal_error_rate_is_the_best_of_all_thresholds(
    kin: list[float], strangers: list[float]
) -> None:
    genuine, impostor = trials(kin), trials(strangers)
    fmr, tmr, _ = roc_curve(*labelled(genuine, impostor), drop_intermediate=False)
    best = np.abs(1 - tmr - fmr).min()
    found = eer(genuine, impostor, float)
    rates = error_rates(genuine, impostor, found.threshold)
    assert abs(rates[0].share - rates[1].share) == pytest.approx(best, abs=1e-12)
    assert found.step == pytest.approx((rates[0].share + rates[1].share) / 2)
    assert 0 <= found.hull <= 0.5


def test_equal_error_rates_by_hand() -> None:
    """By rising threshold FMR and FNMR are 1 0, 1/2 0, 1/4 1/2, 0 1; the hull cuts 1/4 1/2 off."""
    found = eer(trials([4, 4, 3, 3]), trials([4, 3, 1, 1]), float)
    assert (found.step, found.threshold) == ((1 / 4 + 1 / 2) / 2, 4)
    assert found.hull == pytest.approx(1 / 3)


@given(KIN, KIN)
def test_the_hull_is_what_isotonic_regression_pools(
    kin: list[float], strangers: list[float]
) -> None:
    genuine, impostor = trials(kin), trials(strangers)
    truth, scores = labelled(genuine, impostor)
    weights = np.where(truth == 1, 1 / len(kin), 1 / len(strangers))
    theirs = IsotonicRegression().fit(scores, truth, sample_weight=weights).predict(scores)
    with np.errstate(divide="ignore"):
        ratios = np.log(theirs) - np.log1p(-theirs)
    expected = cllr(ratios[truth == 1], ratios[truth == 0])
    ours = min_cllr(genuine.ascending, impostor.ascending)
    assert ours == pytest.approx(expected, abs=1e-9)


def test_the_hull_has_all_trials_and_rises_ever_less() -> None:
    scores = crossed(60, shift=1.5)
    hull = Hull.of(scores.genuine.ascending, scores.impostor.ascending)
    assert (hull.genuine.sum(), hull.impostor.sum()) == (60, 1770)
    with np.errstate(divide="ignore"):
        assert (np.diff(hull.genuine / hull.impostor) < 0).all()


def test_the_affine_fit_is_the_cheapest() -> None:
    scores = crossed(60, shift=1.5)
    found = likelihood(scores.genuine, scores.impostor)
    assert found is not None

    def cost(line: Any) -> float:
        slope, offset = line
        return cllr(
            slope * scores.genuine.closeness + offset, slope * scores.impostor.closeness + offset
        )

    theirs = minimize(cost, (1.0, 0.0), tol=1e-12)
    assert (found.slope, found.offset) == pytest.approx(tuple(theirs.x), rel=1e-4)
    assert found.cllr == pytest.approx(cost((found.slope, found.offset)), abs=1e-12)
    assert found.min_cllr < found.cllr < 1


def test_the_cost_of_ratios_that_say_nothing_is_one_bit() -> None:
    assert cllr(np.zeros(3), np.zeros(5)) == pytest.approx(1)


def test_reliability_has_every_pair_in_one_bin() -> None:
    scores = crossed(100, shift=1.5)
    found = likelihood(scores.genuine, scores.impostor)
    assert found is not None
    assert sum(each.genuine for each in found.reliability) == 100
    assert sum(each.impostor for each in found.reliability) == 4950
    predicted = [each.predicted for each in found.reliability]
    assert predicted == sorted(predicted)
    assert all(abs(each.predicted - each.observed) < 0.15 for each in found.reliability)


def test_pairs_that_one_threshold_tells_apart_have_no_likelihood_ratio() -> None:
    assert likelihood(trials([2, 3]), trials([0, 1, FAILED])) is None


def test_cost_of_ratios_is_that_of_lir() -> None:
    """Run with lir 1.3.1 installed, its dependencies aside: pip install --no-deps lir==1.3.1."""
    metrics = pytest.importorskip("lir.metrics")
    models = pytest.importorskip("lir.data.models")
    scores = crossed(80, shift=1.5)
    found = likelihood(scores.genuine, scores.impostor)
    assert found is not None
    truth, closeness = labelled(scores.genuine, scores.impostor)
    decimal = (found.slope * closeness + found.offset) / np.log(10)
    ratios = models.LLRData(features=decimal, labels=truth)
    assert found.cllr == pytest.approx(metrics.cllr(ratios), abs=1e-9)
    assert found.min_cllr == pytest.approx(metrics.cllr_min(ratios), abs=1e-9)


def test_points_of_the_curve_are_rates_at_their_thresholds() -> None:
    scores = crossed(60, shift=2)
    points = det(scores)
    assert len(points) > 20
    assert points[0].fmr == pytest.approx(0.5, abs=1e-3)
    assert points[-1].fmr <= 1 / 1770
    for point in points:
        fmr, fnmr = error_rates(scores.genuine, scores.impostor, point.threshold)
        assert (point.fmr, point.fnmr) == pytest.approx((fmr.share, fnmr.share))
        assert point.band is not None
    assert [point.fmr for point in points] == sorted((each.fmr for each in points), reverse=True)


def test_a_band_is_wider_where_scores_are_the_peoples_own() -> None:
    widths = []
    for effect in (0.0, 0.9):
        points = det(crossed(100, effect=effect, shift=2))
        middle = min(points, key=lambda point: abs(point.fmr - 0.01))
        assert middle.band is not None
        assert middle.band.low <= middle.fnmr <= middle.band.high
        widths.append(middle.band.half)
    assert widths[1] > widths[0]


def test_a_band_of_independent_pairs_is_as_wide_as_their_number_says() -> None:
    draw = np.random.default_rng(5)
    scores = Scores("apart", trials(draw.normal(2, 1, 400)), trials(draw.normal(0, 1, 40_000)))
    points = det(scores.as_independent())
    middle = min(points, key=lambda point: abs(point.fmr - 0.01))
    assert middle.band is not None
    half = 1.96 * np.sqrt(middle.fnmr * (1 - middle.fnmr) / 400)
    assert 0.9 * half < middle.band.half < 1.3 * half


def test_a_curve_of_people_whom_nobody_knows_has_no_band() -> None:
    scores = Scores("unknown", trials([2.0, 1.0]), trials([0.0, 1.0, 0.5]))
    assert all(point.band is None for point in det(scores))


def test_histograms_share_their_bins_and_leave_out_failures() -> None:
    scores = Scores("few", trials([2.0, FAILED]), trials([0.0, 1.0]))
    genuine, impostor = histograms(scores)
    assert genuine.edges == impostor.edges
    assert (genuine.edges[0], genuine.edges[-1]) == (0, 2)
    assert (sum(genuine.counts), sum(impostor.counts)) == (1, 2)


def test_histograms_of_distances_ascend_too() -> None:
    scores = Scores("far", trials([-0.2]), trials([-0.9, -0.8]), lower_is_closer=True)
    genuine, impostor = histograms(scores)
    assert (genuine.edges[0], genuine.edges[-1]) == pytest.approx((0.2, 0.9))
    assert (genuine.counts[0], impostor.counts[-1]) == (1, 1)
