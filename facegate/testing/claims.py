"""What the contract claims about results, errors and bodies."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import Any

from facegate import BadReply, FacegateError, Liveness, Match, VerificationResult
from facegate.testing.asking import Came


def answered(came: Sequence[Any]) -> VerificationResult:
    """The only thing that came, which has to be a result."""
    (only,) = came
    assert isinstance(only, VerificationResult), f"no answer but {only!r}"
    return only


def failed(came: Sequence[Any]) -> FacegateError:
    """The only thing that came, which has to be an error."""
    (only,) = came
    assert isinstance(only, FacegateError), f"no error but {only!r}"
    return only


def assert_survives(came: Any) -> None:
    """A queue and a log keep all of it."""
    again = pickle.loads(pickle.dumps(came))  # noqa: S301  what was written one line before
    if isinstance(came, VerificationResult):
        assert VerificationResult.model_validate_json(came.model_dump_json()) == came
        assert again == came
    else:
        assert type(again) is type(came)
        assert (again.args, again.as_dict()) == (came.args, came.as_dict())


def invented(sound: Came, spoilt: Came, *, is_answer: bool) -> str:
    """What a spoilt reply was read as that it does not say; empty if nothing."""
    if isinstance(spoilt, FacegateError):
        wrong = is_answer and type(spoilt) is not BadReply
        return "not a bad reply" if wrong else ""
    was = answered([sound])
    if spoilt.accepted and not was.accepted:
        return "a no became a yes"
    for part in ("match", "liveness"):
        before, after = getattr(was, part), getattr(spoilt, part)
        if after and after.score not in (None, before and before.score):
            return f"a {part} score that nobody gave"
        verdicts = [
            getattr(each, "is_match", getattr(each, "passed", None)) for each in (before, after)
        ]
        if verdicts == [False, True]:
            return f"{part}: a no became a yes"
    return ""


def _is_yes(found: Match | Liveness | None) -> bool:
    return found.is_match if isinstance(found, Match) else bool(found and found.passed)


def shortened(whole: bytes) -> bytes:
    """A reply that promises one byte less than comes."""
    head, _, body = whole.partition(b"\r\n\r\n")
    length = str(len(body)).encode()
    return head.replace(length, str(len(body) - 1).encode()) + b"\r\n\r\n" + body


def long_texts(body: Any) -> Iterator[str]:
    """Every text in a body that is long enough to be a picture."""
    if isinstance(body, str) and len(body) >= 100:
        yield body
    elif isinstance(body, dict | list):
        for each in body.values() if isinstance(body, dict) else body:
            yield from long_texts(each)
