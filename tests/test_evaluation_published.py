"""The evaluator against figures that others published, or computed with code of their own.

The data is not here. ``FACEGATE_EVALUATION_DATA`` names a folder with any of these files:

- ``bssr1_face_C.csv.xz``, ``bssr1_face_G.csv.xz``: NIST's Biometric Scores Set Release 1, set 1, as
  score matrices of two face matchers; C failed on one gallery photo, with 517 scores of -1
- ``pad_scores_aasist_l.csv.xz``: scores of AASIST-L on ASVspoof 2019 LA, with ``label`` and
  ``species``; the equal error rates are those that its authors published beside them
- ``bob_per_pai_scores.csv``: ``tests/data/per_pai_scores/scores-dev.csv`` of bob.pad.base, whose
  tests hold the rates
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluated import written
from facegate.evaluation.attacks import attacks
from facegate.evaluation.curves import area, eer
from facegate.evaluation.evaluation import Evaluation
from facegate.evaluation.intervals import wilson
from facegate.evaluation.matrices import score_matrix
from facegate.evaluation.paired import paired
from facegate.evaluation.rates import at_threshold, threshold_for
from facegate.evaluation.readers import score_list
from facegate.evaluation.results import Support
from facegate.evaluation.scores import Scores

FOLDER = os.environ.get("FACEGATE_EVALUATION_DATA")

pytestmark = [
    pytest.mark.skipif(FOLDER is None, reason="FACEGATE_EVALUATION_DATA names no folder"),
    pytest.mark.slow,
]


def published(name: str) -> Path:
    path = Path(FOLDER or "", name)
    if not path.exists():
        pytest.skip(f"there is no {name}")
    return path


@cache
def bssr1(matcher: str) -> Scores:
    path = published(f"bssr1_face_{matcher}.csv.xz")
    return score_matrix(path, failed_score=-1 if matcher == "C" else None)


@pytest.mark.parametrize(("matcher", "auc"), [("C", 0.989089), ("G", 0.982837)])
def test_the_area_under_the_curve(matcher: str, auc: float) -> None:
    scores = bssr1(matcher)
    assert (len(scores.genuine), len(scores.impostor), scores.people) == (517, 266_772, 517)
    assert area(scores.genuine, scores.impostor) == pytest.approx(auc, abs=5e-7)


@pytest.mark.parametrize(
    ("matcher", "rate", "fnmr", "fmr"),
    [
        ("C", 1e-2, 8.5106, 9.9898e-3),
        ("C", 1e-3, 16.0542, 9.9711e-4),
        ("C", 1e-4, 25.7253, 9.7462e-5),
        ("G", 1e-2, 10.8317, None),
        ("G", 1e-3, 22.2437, None),
        ("G", 1e-4, 31.7215, None),
    ],
)
def test_the_fnmr_at_a_false_match_rate(
    matcher: str, rate: float, fnmr: float, fmr: float | None
) -> None:
    scores = bssr1(matcher)
    at = at_threshold(scores, threshold_for(scores.impostor, rate), rate)
    assert 100 * at.fnmr.share == pytest.approx(fnmr, abs=5e-5)
    if fmr is not None:
        assert at.fmr.share == pytest.approx(fmr, rel=5e-5)


def test_the_fnmr_without_the_photo_that_failed() -> None:
    scores = bssr1("C")
    at = at_threshold(scores, threshold_for(scores.impostor, 1e-3))
    assert at.fnmr_of_captured is not None
    assert 100 * at.fnmr_of_captured.share == pytest.approx(15.89, abs=5e-3)


@pytest.mark.parametrize(
    ("matcher", "threshold", "low", "high"),
    [
        ("C", 0.6439, "6.4e-04", "1.55e-03"),
        ("C", 0.6125, "7.8e-03", "1.27e-02"),
        ("C", 0.6728, "4.1e-05", "2.3e-04"),
        ("G", 74.9275, "6.9e-04", "1.43e-03"),
    ],
)
def test_intervals_by_leaving_out_people(
    matcher: str, threshold: float, low: str, high: str
) -> None:
    rate = at_threshold(bssr1(matcher), threshold).fmr
    assert rate.interval is not None
    for end, text in zip(rate.interval, (low, high), strict=True):
        assert f"{end:.{len(text) - 6}e}" == text


@pytest.mark.parametrize("matcher", ["C", "G"])
@pytest.mark.parametrize("rate", [1e-2, 1e-3])
def test_intervals_are_near_those_of_drawing_people_anew(matcher: str, rate: float) -> None:
    scores = bssr1(matcher)
    impostor = scores.impostor
    threshold = threshold_for(impostor, rate)
    matched = np.flatnonzero(impostor.reaching(threshold))
    one, two = (unit[matched] for unit in impostor.units)
    draw, found = np.random.default_rng(1), []
    for _ in range(2000):
        weights = draw.multinomial(517, np.full(517, 1 / 517)).astype(float)
        found.append((weights[one] * weights[two]).sum() / (517**2 - (weights**2).sum()))
    theirs = np.quantile(found, (0.025, 0.975))
    ours = impostor.rate(impostor.reaching(threshold)).interval
    assert ours == pytest.approx(theirs, rel=0.1)


def test_intervals_are_near_those_of_cimat() -> None:
    """Run with cimat 0.1.2 and tqdm installed, its other dependencies aside."""
    estimators: Any = pytest.importorskip("cimat.uncertainty_estimator")
    scores = bssr1("C")
    impostor = scores.impostor
    threshold = 0.6439
    rate = impostor.rate(impostor.reaching(threshold))
    assert rate.interval is not None
    by_person: dict[int, dict[int, list[float]]] = {person: {} for person in range(517)}
    for side in (impostor, scores.genuine):
        units = side.units if len(side.units) == 2 else side.units * 2
        for closeness, one, two in zip(side.closeness, *units, strict=True):
            by_person[int(one)][int(two)] = [float(np.nextafter(closeness, 2))]
    estimator = estimators.UncertaintyEstimator(by_person)
    theirs = estimator.get_binerror_ci(threshold=threshold)[1]
    for mine, other in zip(rate.interval, theirs, strict=True):
        assert 1 / 1.3 < mine / other < 1.3


def test_independence_would_be_claimed_by_a_much_narrower_interval() -> None:
    rate = at_threshold(bssr1("C"), 0.6439).fmr
    assert [float(f"{end:.2e}") for end in rate.naive] == [8.81e-4, 1.12e-3]
    assert rate.naive == wilson(rate.share, 266_772)
    assert rate.independent == pytest.approx(19_339, abs=1)


def test_26_false_matches_of_a_few_people_support_little() -> None:
    scores = bssr1("C")
    fmr = at_threshold(scores, threshold_for(scores.impostor, 1e-4)).fmr
    assert (fmr.errors, fmr.support) == (26, Support.WEAK)
    assert fmr.top_five == pytest.approx(0.42, abs=0.005)


def test_one_matcher_against_the_other() -> None:
    found = paired(bssr1("C"), bssr1("G"), rates=[1e-3])
    (at,) = found.points
    assert (at.first_alone, at.second_alone) == (21, 53)
    assert at.mcnemar_p == pytest.approx(0.0003, abs=5e-5)
    assert (at.common, round(found.rank_correlation or 0, 2)) == (19, 0.28)
    assert at.fnmr_interval is not None
    assert at.fnmr_interval.low > 0


def test_no_naive_interval_is_shown_to_people() -> None:
    evaluation = Evaluation.of(bssr1("C"))
    naive = evaluation.rates[2].fmr.naive
    words = " ".join(f"{each.short} {each.text}" for each in evaluation.statements)
    assert "6.4e-4 to 1.6e-3" in words
    assert not any(f"{end:.1e}".replace("e-0", "e-") in words for end in naive)


AASIST = {
    "A07": 0.553447233,
    "A08": 0.203721550,
    "A09": 0.0,
    "A10": 1.001634642,
    "A11": 0.139206037,
    "A12": 0.692653269,
    "A13": 0.203721550,
}


def test_the_equal_error_rate_of_each_attack() -> None:
    scores = score_list(published("pad_scores_aasist_l.csv.xz"))
    assert len(scores.bona_fide) == 7355
    found = {
        name: 100 * eer(scores.bona_fide, trials, float).step
        for name, trials in scores.attacks.items()
    }
    assert found == pytest.approx(AASIST, abs=1e-9)


BOB = {
    6.86079: [0.037267, 0.049395, 0.045833, 0.047389, 0.048664, 0.3816],
    2.664757: [0.100414, 0.104839, 0.09375, 0.106383, 0.094466, 0.2322],
    -0.148136: [0.168737, 0.162298, 0.151042, 0.153772, 0.140267, 0.155],
    -0.3386535: [0.175983, 0.165323, 0.158333, 0.158607, 0.142176, 0.149],
}
"""APCER of species x0 to x4, and BPCER, by threshold."""


def bob_rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            label = "bona_fide" if row["is_bonafide"] == "True" else "attack"
            yield {"label": label, "species": row["attack_type"], "score": row["score"]}


@pytest.mark.parametrize("threshold", BOB)
def test_rates_by_species_are_those_of_bob(tmp_path: Path, threshold: float) -> None:
    rows = bob_rows(published("bob_per_pai_scores.csv"))
    found = attacks(score_list(written(tmp_path / "bob.csv", rows)), threshold)
    assert found.bpcer is not None
    rates = [each.apcer.share for each in found.species if each.apcer]
    assert [*rates, found.bpcer.share] == pytest.approx(BOB[threshold], abs=1e-6)
    assert found.worst_species.apcer is not None
    assert found.worst_species.apcer.share == max(rates)
