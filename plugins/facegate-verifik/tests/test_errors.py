"""Every error of the table, from the API that answers as Verifik does to Verifik's client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drawn import picture
from facegate import (
    CaptureReason,
    FacegateError,
    Image,
    ImageRejected,
    InvalidRequest,
    ProviderUnavailable,
    QuotaExhausted,
    UnmappedError,
)
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


@pytest.mark.parametrize("status", [300, 400, 403, 412, 422, 500, 503])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_other_status_is_a_spoof(status: int, encoding: str) -> None:
    for body in (
        {"message": "500:liveness_failed@0.99", "code": "ERROR"},
        {"message": "liveness_failed"},
        {"error": "liveness_failed"},
        {"code": "liveness_failed"},
        {"data": {"code": "liveness_failed", "message": "face_not_live"}},
        {"message": "liveness_quality@liveness_failed"},
        {"code": "ERR_LIVENESS_FAILED"},
        {"failureKind": "score", "livenessScore": 0.1, "message": "liveness_failed"},
        {"failureKind": "quality", "failureReason": "liveness_failed"},
    ):
        found = heard(HttpReply(status, {}, json.dumps(body).encode(encoding)))
        assert not isinstance(found, Answer)
        if status >= 500:
            assert found is ProviderUnavailable


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"message": "409:liveness_quality@face_too_close"}, CaptureReason.FACE_TOO_CLOSE),
        ({"message": "409:liveness_quality@something"}, CaptureReason.QUALITY_TOO_LOW),
        ({"message": "409:liveness_quality"}, CaptureReason.QUALITY_TOO_LOW),
        ({"message": "The face is not in the center"}, CaptureReason.FACE_CLOSE_TO_BORDER),
        ({"message": "Face is close to the border."}, CaptureReason.FACE_CLOSE_TO_BORDER),
        ({"message": "face_rotation_angle_too_large"}, CaptureReason.FACE_ANGLE_TOO_LARGE),
        (
            {"message": "The face is occluded", "code": "Conflict"},
            CaptureReason.FACE_IS_OCCLUDED,
        ),
        ({"message": "No face detected"}, CaptureReason.FACE_NOT_FOUND),
        ({"message": "Face not visible"}, CaptureReason.FACE_NOT_FOUND),
        ({"data": {"code": "ERR_NO_FACES_FOUND"}}, CaptureReason.FACE_NOT_FOUND),
        ({"message": "Multiple faces detected"}, CaptureReason.TOO_MANY_FACES),
        ({"message": "Face too far"}, CaptureReason.FACE_TOO_SMALL),
        ({"message": "Poor lighting"}, CaptureReason.QUALITY_TOO_LOW),
        ({"code": "ERR_LIVENESS_EYES_CLOSED"}, CaptureReason.EYES_CLOSED),
        ({"code": "ERR_INVALID_IMAGE"}, ImageRejected),
        ({"data": {"detail": [{"loc": ["body"]}]}}, InvalidRequest),
        (
            {"message": "x", "failureKind": "quality", "failureReason": "face_too_far"},
            CaptureReason.FACE_TOO_SMALL,
        ),
        (
            {"message": "x", "failureKind": "quality", "failureReason": "new"},
            CaptureReason.QUALITY_TOO_LOW,
        ),
    ],
    ids=str,
)
def test_what_its_newest_clients_know_is_known(body: dict[str, Any], expected: Any) -> None:
    assert heard(sent(409, **body)) is expected


def test_a_failed_score_is_not_live() -> None:
    found = heard(sent(409, message="x", failureKind="score", livenessScore=0.31))
    assert not found.liveness.passed
    assert found.liveness.score == 0.31


def test_the_name_of_a_status_tells_no_error_from_another() -> None:
    assert heard(sent(409, code="Conflict", message="something")) is UnmappedError
    unknown = sent(412, code="PreconditionFailed", message="feature_not_enabled")
    assert heard(unknown) is UnmappedError


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
