"""What the contract claims about results and errors, whoever gave them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from facegate import BadReply, FacegateError, Match, VerificationResult
from facegate.plugin import Answer, ProviderInfo
from facegate.testing.asking import ResultOrError


def brief(came: Any) -> str:
    """A result or an error in a few words; whole results bury what is wrong with them."""
    if not isinstance(came, VerificationResult | Answer):
        return repr(came)
    told = [f"{came.operation}: {came.decision}"] if isinstance(came, VerificationResult) else []
    for part, name in ((came.match, "match"), (came.liveness, "liveness")):
        if part is not None:
            verdict = part.is_match if isinstance(part, Match) else part.passed
            yes = "yes" if verdict else "no"
            told.append(f"{name} {yes}, {part.score} with threshold {part.threshold}")
    return f"the answer ({', '.join(told)})"


def answered(came: Sequence[Any], note: str = "") -> VerificationResult:
    """The only thing that came, which has to be a result."""
    (only,) = came
    assert isinstance(only, VerificationResult), f"an answer has to come, and not {only!r}{note}"
    return only


def failed(came: Sequence[Any], note: str = "") -> FacegateError:
    """The only thing that came, which has to be an error."""
    (only,) = came
    assert isinstance(only, FacegateError), f"an error has to come, and not {brief(only)}{note}"
    return only


def assert_explained(result: VerificationResult, info: ProviderInfo) -> None:
    """A verdict can be judged: it says what it was held against, on which scale."""
    parts = (("match", result.match, info.match), ("liveness", result.liveness, info.liveness))
    for name, found, spec in parts:
        if found is None:
            continue
        if spec is not None:
            assert found.threshold is not None, f"the {name} does not tell its threshold"
            assert found.scale == spec.scale, (
                f"the {name} is on the scale {found.scale}, and info says {spec.scale}"
            )
        else:
            told = found.score is None or found.scale is not None
            assert told, f"the {name} has a score and tells no scale"


def assert_survives(came: ResultOrError) -> None:
    """A queue and a log keep all of it."""
    again = pickle.loads(pickle.dumps(came))  # noqa: S301  what was written one line before
    if isinstance(came, VerificationResult):
        read = VerificationResult.model_validate_json(came.model_dump_json())
        for how, copy in (("JSON", read), ("a pickle", again)):
            lost = [name for name, value in came if getattr(copy, name) != value]
            assert not lost, f"{how} changes {', '.join(lost)} of {brief(came)}"
            assert copy == came, f"{how} makes another result of {brief(came)}"
    else:
        kept = (type(again), again.args, again.as_dict()) == (type(came), came.args, came.as_dict())
        assert kept, f"a pickle makes {again!r} of {came!r}"


def invented(sound: ResultOrError, spoilt: ResultOrError, *, is_answer: bool) -> str:
    """What a spoilt reply was read as that it does not say; empty if nothing."""
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
