"""Results are frozen, survive JSON unchanged, and cannot contradict themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from pydantic import ValidationError

from facegate import (
    Attempt,
    Billed,
    DecidedBy,
    Decision,
    Liveness,
    Match,
    Operation,
    Outcome,
    Scale,
    VerificationResult,
)

numbers = st.floats(allow_nan=False, allow_infinity=False)
seconds = st.floats(min_value=0, allow_infinity=False)
words = st.text(max_size=20)
scales = st.builds(Scale, name=words, low=numbers, high=numbers, lower_is_closer=st.booleans())
scores = st.none() | numbers


def consistent(kind: Any) -> Any:
    """Builds what does not contradict itself, and draws again where it would."""

    def build(**fields: Any) -> Any:
        try:
            return kind(**fields)
        except ValidationError:
            reject()

    return build


attempts = st.builds(
    Attempt,
    provider=words,
    plugin=words,
    outcome=st.sampled_from(Outcome),
    error_code=st.none() | words,
    seconds=seconds,
    billed=st.sampled_from(Billed),
)
matches = st.builds(
    consistent(Match),
    is_match=st.booleans(),
    score=scores,
    threshold=scores,
    scale=st.none() | scales,
    uncertain=st.booleans(),
    decided_by=st.sampled_from(DecidedBy),
    gallery_scores=st.lists(scores, max_size=3).map(tuple),
)
livenesses = st.builds(
    consistent(Liveness),
    passed=st.booleans(),
    score=scores,
    threshold=scores,
    scale=st.none() | scales,
    uncertain=st.booleans(),
    reason=st.none() | words,
)
results = st.builds(
    VerificationResult,
    operation=st.sampled_from(Operation),
    decision=st.sampled_from(Decision),
    match=st.none() | matches,
    liveness=st.none() | livenesses,
    provider=words,
    plugin=words,
    lineage=words,
    vendor_reference=st.none() | words,
    vendor_signature=st.none() | st.dictionaries(words, words, max_size=2),
    attempts=st.lists(attempts, max_size=3).map(tuple),
    elapsed=seconds,
    warnings=st.lists(words, max_size=2).map(tuple),
)

RESULT = VerificationResult(
    operation=Operation.COMPARE,
    decision=Decision.REVIEW,
    match=Match(is_match=False, score=0.6),
    provider="main",
    plugin="acme",
    lineage="acme-5",
    elapsed=0.2,
)


@given(results)
def test_json_round_trip(result: VerificationResult) -> None:
    assert VerificationResult.model_validate_json(result.model_dump_json()) == result


@given(results)
def test_accepted_means_that_the_decision_is_accept(result: VerificationResult) -> None:
    assert result.accepted is (result.decision is Decision.ACCEPT)
    assert json.loads(result.model_dump_json())["accepted"] is result.accepted


def test_accepted_cannot_be_smuggled_in() -> None:
    forged = {**RESULT.model_dump(), "accepted": True}
    assert not VerificationResult.model_validate(forged).accepted


@pytest.mark.parametrize("record", [RESULT, RESULT.match, Scale(name="s"), Liveness(passed=True)])
def test_nothing_can_be_changed(record: Any) -> None:
    for name in type(record).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(record, name, None)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_refused(number: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        Match(is_match=True, score=number)
    with pytest.raises(ValidationError, match="finite"):
        Match(is_match=True, gallery_scores=(0.5, number))
    with pytest.raises(ValidationError, match="finite"):
        Liveness(passed=True, threshold=number)
    with pytest.raises(ValidationError, match="finite"):
        Scale(name="percent", high=number)


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        Attempt(provider="main", plugin="acme", outcome=Outcome.ANSWERED, seconds=-1)


def test_operations_are_the_names_of_the_methods() -> None:
    assert [str(each) for each in Operation] == ["compare", "compare_live", "liveness"]


@pytest.mark.parametrize(
    "fields",
    [
        {"is_match": True, "score": 0.1, "threshold": 0.8},
        {"is_match": False, "score": 0.9, "threshold": 0.8, "decided_by": DecidedBy.FACEGATE},
        {"is_match": True, "decided_by": DecidedBy.FACEGATE},
        {"is_match": True, "score": 87, "threshold": 0.8, "scale": Scale(name="unit")},
        {"is_match": True, "score": 1, "threshold": 80, "scale": Scale(name="unit")},
        {"is_match": True, "treshold": 0.8},
    ],
)
def test_a_match_that_contradicts_itself_cannot_be_made(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Match(**fields)


DISTANCE = Scale(name="distance", lower_is_closer=True)


@pytest.mark.parametrize("decided_by", DecidedBy)
def test_of_distances_the_lower_one_is_the_yes(decided_by: DecidedBy) -> None:
    scores: dict[str, Any] = {"threshold": 0.4, "scale": DISTANCE, "decided_by": decided_by}
    assert Match(is_match=True, score=0.3, **scores).is_match
    with pytest.raises(ValidationError, match="yes below"):
        Match(is_match=True, score=0.5, **scores)
    assert not Match(is_match=False, score=0.4, **scores).is_match
    assert (DISTANCE.farthest, DISTANCE.closest) == (1, 0)


@pytest.mark.parametrize("kind", [Match, Liveness])
def test_a_yes_is_never_uncertain(kind: Any) -> None:
    verdict = {Match: "is_match", Liveness: "passed"}[kind]
    assert not getattr(kind(**{verdict: False}, uncertain=True), verdict)
    with pytest.raises(ValidationError, match="uncertain"):
        kind(**{verdict: True}, uncertain=True)


def test_a_vendor_may_say_no_at_its_threshold() -> None:
    assert not Match(is_match=False, score=0.8, threshold=0.8).is_match


@pytest.mark.parametrize("score", [0.4, 1.5])
def test_liveness_that_contradicts_itself_cannot_be_made(score: float) -> None:
    with pytest.raises(ValidationError):
        Liveness(passed=True, score=score, threshold=0.5, scale=Scale(name="unit"))


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        (RESULT.model_copy(update={"decision": Decision.ACCEPT}), "accepted"),
        (Match(is_match=True), "is_match"),
        (Liveness(passed=True), "passed"),
    ],
    ids=["result", "match", "liveness"],
)
def test_an_answer_is_no_yes_or_no_by_itself(answer: Any, field: str) -> None:
    with pytest.raises(TypeError, match=rf"use \.{field}"):
        assert answer
    assert getattr(answer, field)
