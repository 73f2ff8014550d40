"""Every error of the table, from the API that answers as Verifik does to Verifik's client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drawn import picture
from facegate import CaptureReason, FacegateError, Image, QuotaExhausted, UnmappedError
from facegate.plugin import Answer, HttpReply, LivenessRequest
from facegate_verifik.compat import VerifikApi, VerifikApiSettings
from facegate_verifik.errors import DOCUMENTED
from facegate_verifik.provider import Verifik, VerifikSettings

API = VerifikApi(VerifikApiSettings())


def heard(reply: HttpReply) -> Any:
    """What a question about liveness comes to: an answer, an error's class, or a reason."""
    client = Verifik(VerifikSettings.model_validate({"token": "t"}))
    probe = Image.from_bytes(picture())
    flow = client.answer(LivenessRequest(probe, client.settings, 0.6))
    next(flow)
    try:
        flow.send(reply)
    except StopIteration as done:
        return done.value
    except FacegateError as error:
        return getattr(error, "reason", type(error))
    return None


def sent(status: int, **body: Any) -> HttpReply:
    return HttpReply(status, {}, json.dumps(body).encode())


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_error_means_to_the_client_what_the_table_says(name: str) -> None:
    found = heard(API.error(name))
    if DOCUMENTED[name].means is None:
        assert isinstance(found, Answer)
        assert found.liveness is not None
        assert not found.liveness.passed
    else:
        assert found is DOCUMENTED[name].means


@pytest.mark.parametrize(
    ("tail", "score"),
    [("", None), ("@0.42", 0.42), ("@1", None), ("@42", None), ("@ERR_LIVENESS_FAILED", None)],
)
def test_a_failed_liveness_is_never_live(tail: str, score: float | None) -> None:
    found = heard(sent(409, message=f"409:liveness_failed{tail}", code="ERROR"))
    live = isinstance(found, Answer) and found.liveness is not None and found.liveness.passed
    assert not live
    if score is not None:
        assert found.liveness.score == score


def test_a_reason_behind_a_failed_liveness_is_that_reason() -> None:
    reply = sent(409, message="409:liveness_failed@ERR_NO_FACE_DETECTED", code="ERROR")
    assert heard(reply) is CaptureReason.FACE_NOT_FOUND


def test_credits_are_known_by_whole_words_and_only_where_access_is_refused() -> None:
    for text in ("No credits left", "not enought balance", "credit: 0"):
        assert heard(sent(403, message=text, code="FORBIDDEN")) is QuotaExhausted
        assert heard(sent(409, message=text, code="ERROR")) is UnmappedError


@pytest.mark.parametrize(
    "body",
    [
        *({"code": "SomethingNew"}, {"message": "something_new", "code": "ERROR"}, {}),
        *({"message": "xtoken_expired"}, {"message": ["token_expired"]}, {"data": "token_expired"}),
    ],
    ids=str,
)
def test_what_the_table_does_not_know_is_not_guessed_at(body: dict[str, Any]) -> None:
    assert heard(sent(409, **body)) is UnmappedError
