"""What the contract claims about results and errors, whoever gave them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from facegate import BadReply, FacegateError, VerificationResult
from facegate.plugin import ProviderInfo
from facegate.testing.asking import Came


def answered(came: Sequence[Any]) -> VerificationResult:
    """The only thing that came, which has to be a result."""
    (only,) = came
    assert isinstance(only, VerificationResult), f"an answer has to come, and not {only!r}"
    return only


def failed(came: Sequence[Any]) -> FacegateError:
    """The only thing that came, which has to be an error."""
    (only,) = came
    assert isinstance(only, FacegateError), f"an error has to come, and not {only!r}"
    return only


def assert_explained(result: VerificationResult, info: ProviderInfo) -> None:
    """A verdict can be judged: it says what it was held against, on which scale."""
    for found, spec in ((result.match, info.match), (result.liveness, info.liveness)):
        if found is not None and spec:
            assert found.threshold is not None, f"it does not tell its threshold: {found!r}"
            assert found.scale == spec.scale, f"it is not on the scale of info: {found!r}"
        elif found is not None:
            assert found.score is None or found.scale, f"a score tells no scale: {found!r}"


def assert_survives(came: Came) -> None:
    """A queue and a log keep all of it."""
    again = pickle.loads(pickle.dumps(came))  # noqa: S301  what was written one line before
    if isinstance(came, VerificationResult):
        read = VerificationResult.model_validate_json(came.model_dump_json())
        for how, copy in (("JSON", read), ("a pickle", again)):
            lost = [name for name, value in came if getattr(copy, name) != value]
            assert not lost, f"{how} changes {', '.join(lost)} of {came!r}"
            assert copy == came, f"{how} makes {copy!r} of {came!r}"
    else:
        kept = (type(again), again.args, again.as_dict()) == (type(came), came.args, came.as_dict())
        assert kept, f"a pickle makes {again!r} of {came!r}"


def invented(sound: Came, spoilt: Came, *, is_answer: bool) -> str:
    """What a spoilt reply was read as that it does not say; empty if nothing."""
    if isinstance(spoilt, FacegateError):
        wrong = is_answer and type(spoilt) is not BadReply
        return "the reply is not a bad one" if wrong else ""
    was = answered([sound])
    if spoilt.accepted and not was.accepted:
        return "a no became a yes"
    for part in ("match", "liveness"):
        before, after = getattr(was, part), getattr(spoilt, part)
        said = None if before is None else before.score
        if after is not None and after.score not in (None, said):
            return f"{part} got a score that nobody gave"
        verdicts = [
            getattr(each, "is_match", getattr(each, "passed", None)) for each in (before, after)
        ]
        if verdicts == [False, True]:
            return f"{part}: a no became a yes"
    return ""
