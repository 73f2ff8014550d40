"""Claims of the contract about results and errors, from whatever provider."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from facegate import BadReply, FacegateError, Match, VerificationResult
from facegate.plugin import Answer, ProviderInfo
from facegate.testing.asking import ResultOrError


def brief(outcome: Any) -> str:
    """A result or an error in a few words; whole results bury what is wrong with them."""
    if not isinstance(outcome, VerificationResult | Answer):
        return repr(outcome)
    words = []
    if isinstance(outcome, VerificationResult):
        words.append(f"{outcome.operation}: {outcome.decision}")
    for part, name in ((outcome.match, "match"), (outcome.liveness, "liveness")):
        if part is not None:
            verdict = part.is_match if isinstance(part, Match) else part.passed
            yes = "yes" if verdict else "no"
            words.append(f"{name} {yes}, {part.score} with threshold {part.threshold}")
    return f"the answer ({', '.join(words)})"


def answered(outcomes: Sequence[Any], note: str = "") -> VerificationResult:
    """The only outcome, which has to be a result."""
    (only,) = outcomes
    assert isinstance(only, VerificationResult), f"an answer has to come, and not {only!r}{note}"
    return only


def failed(outcomes: Sequence[Any], note: str = "") -> FacegateError:
    """The only outcome, which has to be an error."""
    (only,) = outcomes
    assert isinstance(only, FacegateError), f"an error has to come, and not {brief(only)}{note}"
    return only


def assert_explained(result: VerificationResult, info: ProviderInfo) -> None:
    """Every verdict comes with what it was held against: its threshold and its scale."""
    parts = (("match", result.match, info.match), ("liveness", result.liveness, info.liveness))
    for name, part, spec in parts:
        if part is None:
            continue
        if spec is not None:
            assert part.threshold is not None, f"the {name} does not tell its threshold"
            assert part.scale == spec.scale, (
                f"the {name} is on the scale {part.scale}, and info says {spec.scale}"
            )
        else:
            explained = part.score is None or part.scale is not None
            assert explained, f"the {name} has a score and tells no scale"


def assert_survives(outcome: ResultOrError) -> None:
    """A pickle and JSON, as queues and logs make them, keep all of an outcome."""
    again = pickle.loads(pickle.dumps(outcome))  # noqa: S301  what was written one line before
    if isinstance(outcome, VerificationResult):
        read = VerificationResult.model_validate_json(outcome.model_dump_json())
        for kind, copy in (("JSON", read), ("a pickle", again)):
            lost = [name for name, value in outcome if getattr(copy, name) != value]
            assert not lost, f"{kind} changes {', '.join(lost)} of {brief(outcome)}"
            assert copy == outcome, f"{kind} makes another result of {brief(outcome)}"
    else:
        kept = (type(again), again.args, again.as_dict()) == (
            type(outcome),
            outcome.args,
            outcome.as_dict(),
        )
        assert kept, f"a pickle makes {again!r} of {outcome!r}"


def invented(sound: ResultOrError, spoilt: ResultOrError, *, is_answer: bool) -> str:
    """A yes or a score that was read from a spoilt reply without being there; empty if none."""
    if isinstance(spoilt, FacegateError):
        wrong = is_answer and type(spoilt) is not BadReply
        return "the reply is not a bad one" if wrong else ""
    was = answered([sound])
    if spoilt.accepted and not was.accepted:
        return "a no became a yes"
    for part in ("match", "liveness"):
        before, after = getattr(was, part), getattr(spoilt, part)
        score = before.score if before is not None else None
        if after is not None and after.score not in (None, score):
            return f"{part} got a score that nobody gave"
        verdicts = [
            getattr(each, "is_match", getattr(each, "passed", None)) for each in (before, after)
        ]
        if verdicts == [False, True]:
            return f"{part}: a no became a yes"
    return ""
