"""Scores become verdicts, and cross from one vendor's scale to another's with their decisions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegate import BadReply, DecidedBy, Liveness, Match, Scale
from facegate.scores import ScoreMapping, ScoreSpec

unit = st.floats(0, 1)
inner = st.floats(0.01, 0.99)

PERCENT = ScoreSpec(Scale(name="acme", high=100), threshold=60)
TARGET = ScoreSpec(Scale(name="target"), threshold=0.85)
STRICT = ScoreSpec(Scale(name="target"), threshold=0.6, strict=True)


def mapped(own: float, target: float, *, strict: bool = False) -> ScoreMapping:
    return ScoreMapping(
        ScoreSpec(Scale(name="own"), own), ScoreSpec(Scale(name="target"), target, strict=strict)
    )


def test_ends_and_thresholds_land_on_each_other() -> None:
    cross = ScoreMapping(PERCENT, TARGET)
    assert [cross.score(value) for value in (0, 30, 60, 80, 100)] == [0, 0.425, 0.85, 0.925, 1]
    back = [cross.threshold(value) for value in (0, 0.425, 0.85, 0.925, 1)]
    assert back == pytest.approx([0, 30, 60, 80, 100])


@given(inner, inner, unit, unit)
def test_a_higher_score_never_becomes_a_lower_one(
    own: float, target: float, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    cross = mapped(own, target)
    assert 0 <= cross.score(low) <= cross.score(high) <= 1


@given(own=inner, target=inner, score=unit, strict=st.booleans())
def test_the_vendors_default_threshold_gives_the_providers_decision(
    own: float, target: float, score: float, *, strict: bool
) -> None:
    cross = mapped(own, target, strict=strict)
    match = cross.match(cross.provider.match(score, None))
    assert match.is_match == (score >= own) == cross.target.is_yes(match.score or 0, target)


@given(own=inner, target=inner, score=unit, asked=inner, strict=st.booleans())
def test_so_does_a_threshold_in_the_request(
    own: float, target: float, score: float, asked: float, *, strict: bool
) -> None:
    cross = mapped(own, target, strict=strict)
    found = cross.provider.liveness(score, cross.threshold(asked))
    liveness = cross.liveness(found, asked)
    assert liveness.threshold == asked
    assert liveness.passed == found.passed == cross.target.is_yes(liveness.score or 0, asked)


def test_a_vendor_that_says_no_in_spite_of_its_score_is_believed_by_a_margin() -> None:
    doubted = Match(is_match=False, score=90, threshold=60, scale=PERCENT.scale)
    score = ScoreMapping(PERCENT, TARGET).match(doubted).score
    assert score == pytest.approx(0.84)


def test_strictly_above_is_reached_by_the_smallest_step() -> None:
    passed = Liveness(passed=True, score=60, threshold=60, scale=PERCENT.scale)
    assert ScoreMapping(PERCENT, STRICT).liveness(passed).score == math.nextafter(0.6, 1)


@given(own=inner, target=inner, score=unit, asked=inner, strict=st.booleans())
def test_a_no_never_equals_the_threshold(
    own: float, target: float, score: float, asked: float, *, strict: bool
) -> None:
    cross = mapped(own, target, strict=strict)
    refused = Liveness(passed=False, score=score, scale=cross.provider.scale)
    assert (cross.liveness(refused, asked).score or 0) < asked
    equal = Liveness(passed=False, score=own, scale=cross.provider.scale)
    assert (cross.liveness(equal).score or 0) < target


def test_no_score_is_invented() -> None:
    match = ScoreMapping(PERCENT, TARGET).match(Match(is_match=True, threshold=60))
    assert (match.score, match.threshold, match.decided_by) == (None, 0.85, DecidedBy.VENDOR)


def test_a_threshold_at_the_very_top_still_crosses() -> None:
    cross = mapped(1.0, 0.85)
    assert [cross.score(value) for value in (0.5, 1.0)] == [0.425, 0.85]
    assert cross.threshold(0.9) == 1.0


def test_a_score_spec_decides_from_its_threshold_on() -> None:
    spec = ScoreSpec(Scale(name="percent", high=100), threshold=75)
    assert spec.match(75, None).is_match
    assert not spec.match(75, 76, (75.0, None)).is_match
    assert spec.liveness(75, None).passed
    assert spec.match(1, 0).decided_by is DecidedBy.FACEGATE


@pytest.mark.parametrize("score", [-0.1, 100.1, math.nan, math.inf])
def test_a_score_off_its_scale_decides_nothing(score: float) -> None:
    spec = ScoreSpec(Scale(name="percent", high=100), threshold=75)
    with pytest.raises(BadReply, match="outside 0 to 100"):
        spec.match(score, 0)
    with pytest.raises(BadReply, match="outside 0 to 100"):
        spec.liveness(score, 0)


@pytest.mark.parametrize("strict", [False, True])
def test_a_score_that_equals_the_threshold(*, strict: bool) -> None:
    spec = ScoreSpec(Scale(name="percent", high=100), threshold=75, strict=strict)
    assert spec.match(75, None).is_match is not strict
    assert spec.liveness(75, None).passed is not strict
    assert spec.match(math.nextafter(75, 100), None).is_match
    for passed in (False, True):  # the vendor may have rounded
        assert spec.verdict(passed, 75, None).is_match is passed


def mirror(spec: ScoreSpec) -> ScoreSpec:
    """The same scores as distances: each is the other's negative, to the last bit."""
    scale = Scale(
        name=spec.scale.name,
        low=-spec.scale.high,
        high=-spec.scale.low,
        lower_is_closer=not spec.scale.lower_is_closer,
    )
    return ScoreSpec(scale, -spec.threshold, strict=spec.strict)


@given(own=inner, score=unit, asked=inner, strict=st.booleans())
def test_a_distance_decides_as_its_mirrored_similarity(
    own: float, score: float, asked: float, *, strict: bool
) -> None:
    spec = ScoreSpec(Scale(name="own"), own, strict=strict)
    far = mirror(spec)
    assert far.match(-score, None).is_match is spec.match(score, None).is_match
    assert far.liveness(-score, -asked).passed is spec.liveness(score, asked).passed


@given(
    scales=st.sampled_from([(-1, -1), (-1, 1), (1, -1)]),
    specs=st.builds(mapped, inner, inner, strict=st.booleans()),
    said=st.builds(Liveness, passed=st.booleans(), score=unit),
    asked=inner,
)
def test_a_mirrored_scale_crosses_as_the_one_it_mirrors(
    scales: tuple[int, int], specs: ScoreMapping, said: Liveness, asked: float
) -> None:
    here, there = scales
    cross = ScoreMapping(
        mirror(specs.provider) if here < 0 else specs.provider,
        mirror(specs.target) if there < 0 else specs.target,
    )
    score = said.score or 0.0
    assert cross.score(here * score) == there * specs.score(score)
    assert cross.threshold(there * asked) == here * specs.threshold(asked)
    crossed = cross.liveness(Liveness(passed=said.passed, score=here * score), there * asked)
    assert crossed.score == there * (specs.liveness(said, asked).score or 0)


@given(score=unit, threshold=st.none() | inner, passed=st.booleans(), strict=st.booleans())
def test_a_verdict_is_believed_unless_its_score_contradicts_it(
    score: float, threshold: float | None, *, passed: bool, strict: bool
) -> None:
    spec = ScoreSpec(Scale(name="own"), 0.5, strict=strict)
    chosen = 0.5 if threshold is None else threshold
    fits = score == chosen or passed == (score > chosen)
    for verdict in (spec.verdict, spec.liveness_verdict):
        if not fits:
            with pytest.raises(BadReply, match="contradicts"):
                verdict(passed, score, threshold)
            continue
        found = verdict(passed, score, threshold)
        assert (found.score, found.threshold, found.scale) == (score, chosen, spec.scale)
        assert getattr(found, "is_match", getattr(found, "passed", None)) is passed


def test_a_verdict_alone() -> None:
    spec = ScoreSpec(Scale(name="own"), 0.5)
    assert spec.verdict(passed=True, score=None, threshold=None) == Match(
        is_match=True, threshold=0.5, scale=spec.scale
    )
    assert spec.verdict(passed=True, score=0.9, threshold=None).decided_by is DecidedBy.VENDOR
    told = spec.verdict(passed=True, score=0.9, threshold=None, gallery_scores=(0.9, None))
    assert told.gallery_scores == (0.9, None)
    refused = spec.liveness_verdict(passed=False, score=None, threshold=0.7, reason="mask")
    assert refused == Liveness(passed=False, threshold=0.7, scale=spec.scale, reason="mask")
    with pytest.raises(BadReply, match="outside"):
        spec.verdict(passed=False, score=1.1, threshold=None)


@given(unit)
def test_who_is_uncertain_says_no_whatever_the_score(score: float) -> None:
    spec = ScoreSpec(Scale(name="own"), 0.5)
    match = spec.verdict(passed=False, score=score, threshold=None, uncertain=True)
    assert match.uncertain
    assert not match.is_match
    live = spec.liveness_verdict(passed=False, score=score, threshold=None, uncertain=True)
    assert live.uncertain
    assert not live.passed
    assert ScoreMapping(spec, TARGET).match(match).uncertain
    assert ScoreMapping(spec, TARGET).liveness(live).uncertain
    with pytest.raises(BadReply, match="uncertain"):
        spec.verdict(passed=True, score=score, threshold=None, uncertain=True)


@given(
    best=st.floats(0, 1),
    others=st.lists(st.floats(0, 1) | st.none(), max_size=3),
    asked=st.none() | st.floats(1, 99),
)
def test_no_picture_of_a_gallery_crosses_as_closer_than_the_best(
    best: float, others: list[float | None], asked: float | None
) -> None:
    own = ScoreSpec(Scale(name="own"), threshold=0.7)
    mapping = ScoreMapping(own, ScoreSpec(Scale(name="target", high=100), threshold=80))
    scores = (best, *(None if each is None else min(each, best) for each in others))
    told = mapping.match(own.match(best, None, scores), asked)
    assert told.gallery_scores[0] == told.score
    assert [each is None for each in told.gallery_scores] == [each is None for each in scores]
    assert told.score is not None
    assert all(each <= told.score for each in told.gallery_scores if each is not None)
