"""When an answer is a yes, a no or something for a person to look at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegate import BadReply, Decision, Liveness, Match, Operation
from facegate.plugin import Answer
from facegate.policy import Terms
from facegate.thresholds import Wanted
from percent import percent

COMPARE, LIVENESS, BOTH = Operation.COMPARE, Operation.LIVENESS, Operation.COMPARE_LIVE


def decided(operation: Operation, answer: Answer, **settings: Any) -> Decision:
    return Terms.of(percent(**settings), operation).decide(answer)


scores = st.none() | st.floats(0, 100)
answers = st.builds(
    Answer,
    st.builds(Match, is_match=st.booleans(), score=scores),
    st.none() | st.builds(Liveness, passed=st.booleans(), score=scores),
)


@given(st.sampled_from(Operation), answers, st.none() | st.floats(50, 69))
def test_accepted_exactly_if_all_that_was_asked_was_answered_yes(
    operation: Operation, answer: Answer, review_from: float | None
) -> None:
    same = answer.match is not None and answer.match.is_match
    live = answer.liveness is not None and answer.liveness.passed
    spoof = answer.liveness is not None and not answer.liveness.passed
    expected = {COMPARE: same and not spoof, LIVENESS: live, BOTH: same and live}[operation]
    decision = decided(operation, answer, review_from=review_from)
    assert (decision is Decision.ACCEPT) == expected


@given(st.sampled_from(Operation), answers, st.none() | st.floats(50, 69))
def test_only_a_live_near_miss_goes_to_review(
    operation: Operation, answer: Answer, review_from: float | None
) -> None:
    if decided(operation, answer, review_from=review_from) is Decision.REVIEW:
        assert operation is not LIVENESS
        assert operation is COMPARE or (answer.liveness is not None and answer.liveness.passed)
        assert answer.match is not None
        assert not answer.match.is_match
        assert answer.match.score is not None
        assert review_from is not None
        assert answer.match.score >= review_from


@pytest.mark.parametrize(
    ("score", "decision"),
    [
        (59.9, Decision.REJECT),
        (60, Decision.REVIEW),
        (69.9, Decision.REVIEW),
        (None, Decision.REJECT),
    ],
)
def test_the_review_band_begins_at_its_first_score(score: Any, decision: Decision) -> None:
    answer = Answer(Match(is_match=False, score=score))
    assert decided(COMPARE, answer, review_from=60) is decision


def test_without_a_review_band_a_near_miss_is_a_miss() -> None:
    assert decided(COMPARE, Answer(Match(is_match=False, score=69.9))) is Decision.REJECT


@pytest.mark.parametrize("liveness", [None, Liveness(passed=False, score=0.99)])
def test_a_perfect_match_that_is_not_shown_to_be_live_is_rejected(liveness: Any) -> None:
    answer = Answer(Match(is_match=True, score=100), liveness)
    assert decided(BOTH, answer, review_from=60) is Decision.REJECT


@pytest.mark.parametrize("operation", [COMPARE, BOTH])
def test_liveness_alone_is_no_identity(operation: Operation) -> None:
    with pytest.raises(BadReply, match="leaves open"):
        decided(operation, Answer(liveness=Liveness(passed=True)))


def test_a_spoof_is_rejected_even_where_nobody_asked_for_liveness() -> None:
    answer = Answer(Match(is_match=True), Liveness(passed=False))
    assert decided(COMPARE, answer) is Decision.REJECT


def test_a_verdict_by_a_lower_threshold_than_was_asked_for_is_none() -> None:
    lower = Match(is_match=True, score=72, threshold=60)
    with pytest.raises(BadReply, match="threshold of 60, asked for was 75"):
        Terms.of(percent(), COMPARE, Wanted(threshold=75)).decide(Answer(lower))
    live = Liveness(passed=True, score=0.6, threshold=0.5)
    with pytest.raises(BadReply, match=r"liveness_threshold of 0\.5, asked for was 0\.9"):
        Terms.of(percent(), LIVENESS, Wanted(liveness_threshold=0.9)).decide(Answer(liveness=live))
