"""Calibrations made of scores: what they keep, and what they refuse to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from facegate import InvalidRequest, UnsupportedOption
from facegate.calibration import Calibration, CalibrationSettings, Key
from facegate.evaluation.calibrating import About, calibration, rechecks, roundest
from facegate.evaluation.scores import Scores, Trials
from facegate.model import Scale

Floats = NDArray[np.float64]
SCALE = Scale(name="acme", low=-50, high=50)
ABOUT = About(
    key=Key(plugin="acme", lineage="acme-1", match=SCALE, liveness=SCALE),
    by="us",
    on="people who were drawn",
    made=date(2026, 11, 1),
)
COUNTED = CalibrationSettings(assurance="point")
ASSURED = CalibrationSettings()


def crowd(people: int, effect: float = 0.0, seed: int = 1, kin: int = 0) -> Scores:
    """All pairs of drawn people, of whom some look like many: normal scores, of variance 1.

    Args:
        people: number of people; each has one genuine pair.
        effect: share of the variance that is the people's own, 0..1.
        seed: of the draw.
        kin: the first so many are a group of their own, whose strangers score higher by 1.
    """
    draw = np.random.default_rng(seed)
    left, right = np.triu_indices(people, 1)
    own = draw.normal(scale=np.sqrt(effect / 2), size=people)
    scores = own[left] + own[right] + draw.normal(scale=np.sqrt(1 - effect), size=len(left))
    group = (np.arange(people) >= kin).astype(np.int32)
    both = (group[left] == 0) & (group[right] == 0)
    grouped = {"sex": (group[left], group[right])} if kin else {}
    return Scores(
        name="acme",
        impostor=trials(scores + both, left, right, groups=grouped),
        genuine=trials(
            draw.normal(loc=5, size=people),
            np.arange(people),
            groups={"sex": (group, group)} if kin else {},
        ),
        group_names={"sex": ["women", "men"]} if kin else {},
    )


def trials(scores: Floats, *units: NDArray[Any], groups: Any = None) -> Trials:
    codes = tuple(unit.astype(np.int32) for unit in units)
    rows = np.arange(len(scores), dtype=np.int32)
    return Trials(scores, rows, codes, named=bool(units), groups=groups or {})


def threshold(made: Calibration, rate: float, reading: CalibrationSettings = ASSURED) -> float:
    rates = made.match_rates(reading)
    assert rates is not None
    return rates.threshold(rate)


def bound_of(scores: Scores, at: float) -> float:
    """Wilson's one-sided bound at a threshold, each person left out in turn, by the definition."""
    probe, gallery = scores.impostor.units
    wrong = scores.impostor.closeness >= at
    share, people = wrong.mean(), int(gallery.max()) + 1
    without = np.array(
        [wrong[(probe != person) & (gallery != person)].mean() for person in range(people)]
    )
    variance = (people - 1) / people * np.sum((without - without.mean()) ** 2)
    independent = min(len(wrong), share * (1 - share) / variance)
    z = norm.ppf(0.95)
    middle = share + z * z / (2 * independent)
    spread = z * np.sqrt(share * (1 - share) / independent + (z / (2 * independent)) ** 2)
    return float((middle + spread) / (1 + z * z / independent))


# Thresholds


def test_the_threshold_is_the_laxest_whose_bound_is_low_enough() -> None:
    scores = crowd(60, effect=0.3)
    made = calibration(scores, ABOUT)
    taken = threshold(made, 0.05)
    assert bound_of(scores, taken) <= 0.05
    assert made.match is not None
    laxer = next(step for step in made.match.steps if step.threshold < taken)
    assert bound_of(scores, laxer.threshold) > 0.05


def test_the_counted_threshold_is_the_laxest_that_few_enough_strangers_reach() -> None:
    scores = crowd(60)
    taken = threshold(calibration(scores, ABOUT), 0.02, COUNTED)
    reached = np.mean(scores.impostor.closeness >= taken)
    assert reached <= 0.02 < reached + 1 / len(scores.impostor)


def test_equal_scores_are_let_in_together_or_not_at_all() -> None:
    """A vendor sends one decimal: a threshold lies on a score, above those that it keeps out."""
    scores = crowd(60)
    rounded = trials(np.round(scores.impostor.closeness, 1), *scores.impostor.units)
    made = calibration(replace(scores, impostor=rounded), ABOUT)
    assert made.match is not None
    for step in made.match.steps:
        assert step.threshold == pytest.approx(round(step.threshold, 1), abs=1e-12)
        assert step.errors == np.count_nonzero(rounded.closeness >= step.threshold)


@pytest.mark.parametrize(
    ("above", "most", "number"),
    [
        (0.64, 0.65, 0.65),
        (0.643912, 0.643955, 0.64392),
        (2.8, 2.9, 2.9),
        (-0.5, 0.2, 0),
        (98, 99, 99),
    ],
)
def test_a_threshold_has_as_few_decimals_as_there_can_be(
    above: float, most: float, number: float
) -> None:
    """Vendors round what they are told; a threshold that ends sooner stays where it is."""
    assert roundest(above, most) == number


@given(st.floats(-100, 100), st.floats(1e-9, 10))
def test_it_lies_above_what_it_keeps_out_and_lets_the_last_one_in(low: float, wide: float) -> None:
    assume(low + wide > low)
    assert low < roundest(low, low + wide) <= low + wide


def test_distances_are_walked_from_the_other_end() -> None:
    scores = crowd(60)
    away = replace(scores, lower_is_closer=True)
    distance = SCALE.model_copy(update={"lower_is_closer": True})
    about = About(
        key=Key(plugin="acme", lineage="acme-1", match=distance),
        by="us",
        on="them",
        made=ABOUT.made,
    )
    assert threshold(calibration(away, about), 0.05) == pytest.approx(
        -threshold(calibration(scores, ABOUT), 0.05)
    )


# Confidence


@pytest.mark.slow
def test_the_true_rate_is_above_the_asked_one_in_few_samples_though_people_look_alike() -> None:
    """Asked for is 5 %; the threshold at which the counted rate fits misses it half the time."""
    over = {"bound": 0, "point": 0}
    for seed in range(40):
        made = calibration(crowd(200, effect=0.3, seed=seed), ABOUT)
        over["bound"] += norm.sf(threshold(made, 2e-3)) > 2e-3
        over["point"] += norm.sf(threshold(made, 2e-3, COUNTED)) > 2e-3
    assert over["bound"] <= 7
    assert over["point"] >= 12


def test_living_people_each_seen_once_are_bounded_exactly() -> None:
    scores = np.random.default_rng(1).normal(size=400)
    made = calibration(Scores(name="acme", bona_fide=trials(scores, np.arange(400))), ABOUT)
    rates = made.liveness_rates(ASSURED)
    assert rates is not None
    refused = int(np.count_nonzero(scores < rates.threshold(0.05)))
    assert binomtest(refused, 400).proportion_ci(0.9, "exact").high <= 0.05
    assert binomtest(refused + 1, 400).proportion_ci(0.9, "exact").high > 0.05


# Groups


def test_strangers_of_different_groups_flatter_and_are_left_out() -> None:
    scores = crowd(120, kin=60)
    matched = calibration(scores, ABOUT)
    mixed = calibration(scores, ABOUT, matched=False)
    assert matched.match is not None
    assert mixed.match is not None
    assert (matched.match.pairs, mixed.match.pairs) == (2 * 60 * 59 // 2, 120 * 119 // 2)
    assert threshold(matched, 0.02, COUNTED) > threshold(mixed, 0.02, COUNTED)


def test_the_worst_group_takes_the_threshold_that_it_takes_alone() -> None:
    scores = crowd(120, kin=60)
    made = calibration(scores, ABOUT)
    worst = threshold(made, 0.02, CalibrationSettings(assurance="point", group="worst"))
    probe, gallery = scores.impostor.groups["sex"]
    women = scores.impostor.closeness[(probe == 0) & (gallery == 0)]
    assert np.mean(women >= worst) <= 0.02 < np.mean(women >= worst) + 1 / len(women)


# What it does not say


def test_a_rate_that_too_few_errors_speak_of_is_not_said() -> None:
    made = calibration(crowd(60), ABOUT)
    with pytest.raises(UnsupportedOption, match=r"it would take about [\d,]+ people, this"):
        threshold(made, 1e-5)


def test_a_rate_below_what_labels_are_good_for_is_not_said() -> None:
    made = calibration(crowd(60), replace(ABOUT, not_below=0.02))
    with pytest.raises(UnsupportedOption):
        threshold(made, 0.015, COUNTED)
    assert threshold(made, 0.021, COUNTED)


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        (Scores(name="acme"), "neither genuine and impostor pairs nor"),
        (
            Scores(
                name="acme",
                impostor=trials(np.linspace(0, 1, 500)),
                genuine=trials(np.linspace(1, 2, 50)),
            ),
            "who is in each pair",
        ),
        (crowd(4), "take more people"),
    ],
    ids=["nothing", "nobody is known", "four people"],
)
def test_too_little_is_refused(scores: Scores, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        calibration(scores, ABOUT)


def test_labels_of_a_journal_make_no_calibration() -> None:
    with pytest.raises(InvalidRequest, match="selection"):
        calibration(replace(crowd(60), selected=True), ABOUT)


# Rechecks


def test_new_scores_hold_contradict_or_cannot_tell() -> None:
    rates = calibration(crowd(200), ABOUT).match_rates(ASSURED)
    assert rates is not None
    thresholds = {0.01: rates.threshold(0.01)}
    (same,) = rechecks(thresholds, crowd(200, seed=2))
    (few,) = rechecks(thresholds, crowd(20, seed=2))
    higher = crowd(200, seed=2)
    moved = trials(higher.impostor.closeness + 0.5, *higher.impostor.units)
    (other,) = rechecks(thresholds, replace(higher, impostor=moved))
    assert [each.verdict for each in (same, few, other)] == ["holds", "cannot tell", "contradicted"]


# Several providers


def test_on_opposite_scales_one_rate_lets_as_many_strangers_in() -> None:
    """One scores alike from 0 on, the other counts a distance: 1e-2 means the same to both."""
    similar, distant = crowd(250, effect=0.2, seed=1), crowd(250, effect=0.2, seed=2)
    distant = replace(distant, lower_is_closer=True)
    away = SCALE.model_copy(update={"lower_is_closer": True})
    about = replace(ABOUT, key=Key(plugin="acme", lineage="acme-1", match=away))
    counted = [
        rechecks({1e-2: threshold(made, 1e-2)}, replace(new, lower_is_closer=lower))[0].found
        for made, new, lower in (
            (calibration(similar, ABOUT), crowd(250, effect=0.2, seed=3), False),
            (calibration(distant, about), crowd(250, effect=0.2, seed=4), True),
        )
    ]
    one, other = (each.interval for each in counted)
    assert one is not None
    assert other is not None
    assert max(one.low, other.low) <= min(one.high, other.high)
    assert max(one.low, other.low) <= 1e-2
