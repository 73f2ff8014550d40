"""What a reply may say that nobody should be let in by, and whom a refusal blames."""

from __future__ import annotations

from typing import Any

import pytest

from both import ask_sync
from drawn import picture
from facegate import BadReply, CaptureRejected, ImageRejected, VerificationResult
from facegate_verifik.provider import Verifik, VerifikSettings
from loopback import Server, reply

PICTURES: dict[str, Any] = {"probe": picture(seed=1), "gallery": [picture(seed=2)]}
LIVE = {"liveness_score": 0.9, "passed": True}


def answered(operation: str, body: Any, status: int = 200) -> VerificationResult:
    """What a reply comes to."""
    asked = {"probe": PICTURES["probe"]} if operation == "liveness" else PICTURES
    with Server(reply(status, body)) as server:
        settings = VerifikSettings.model_validate({"base_url": server.url, "token": "t"})
        return ask_sync(Verifik(settings), operation, **asked)


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        ("compare", {"result": {"score": 0.95}, "score": 0.3}),
        ("compare", {"result": {"score": 0.95, "passed": True}, "match": False}),
        (
            "compare",
            {"result": {"score": 0.9, "compare_min_score": 0.85}, "compare_min_score": 0.67},
        ),
        ("compare", {"score": 0.95, "passed": False}),
        ("liveness", {"result": LIVE, "passed": False}),
        ("liveness", {"result": LIVE, "liveness_score": 0.1}),
        ("compare_live", {"result": {"score": 0.95, "liveness_score": 0.1}, "liveness": LIVE}),
        (
            "compare_live",
            {"score": 0.95, "liveness": {**LIVE, "min_score": 0.6}, "liveness_min_score": 0.52},
        ),
    ],
    ids=str,
)
def test_a_reply_that_says_two_things_is_no_answer(operation: str, data: dict[str, Any]) -> None:
    with pytest.raises(BadReply):
        answered(operation, {"data": data})


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        ("compare", {"passed": True, "liveness_score": 0.98, "min_score": 0.6}),
        ("compare", {"type": "liveness", "result": LIVE}),
        ("liveness", {"type": "compare", "result": {"score": 0.9, "passed": True}}),
        ("liveness", {"type": "compareLive", "result": {"score": 0.9, "passed": True}}),
    ],
    ids=str,
)
def test_the_answer_to_another_question_is_none_to_this_one(
    operation: str, data: dict[str, Any]
) -> None:
    with pytest.raises(BadReply):
        answered(operation, {"data": data})


@pytest.mark.parametrize(
    "mark", [{"code": "ERROR", "message": "409:liveness_failed"}, {"error": "Invalid request"}]
)
def test_an_error_is_no_answer_whatever_its_status_and_whatever_comes_with_it(
    mark: dict[str, str],
) -> None:
    with pytest.raises(BadReply):
        answered("compare", {"data": {"score": 0.95}, **mark})


def test_both_shapes_at_once_are_an_answer_if_they_agree() -> None:
    both = {"result": {"score": 0.9, "liveness_score": 0.9}, "score": 0.9, "liveness": LIVE}
    assert answered("compare_live", {"data": both}).accepted


@pytest.mark.parametrize("tail", ["0.92", "1.5", "0.1"])
def test_a_failed_liveness_stays_one_whatever_number_comes_with_it(tail: str) -> None:
    refusal = {"message": f"409:liveness_failed@{tail}", "code": "ERROR"}
    result = answered("liveness", refusal, 409)
    assert result.liveness is not None
    assert (result.accepted, result.liveness.passed) == (False, False)
    assert result.liveness.score == (0.1 if tail == "0.1" else None)


def test_the_probe_is_blamed_only_where_it_is_the_only_one_or_liveness_is_at_fault() -> None:
    def blamed(operation: str, code: str) -> str | None:
        with pytest.raises((CaptureRejected, ImageRejected)) as caught:
            answered(operation, {"message": "no", "code": code}, 409)
        return caught.value.image

    assert blamed("liveness", "ERR_FACE_NOT_DETECTED") == "probe"
    assert blamed("liveness", "ERR_BASE64_IMAGE_CANNOT_BE_DECODED") == "probe"
    assert blamed("compare_live", "ERR_LIVENESS_FACE_TOO_SMALL") == "probe"
    assert blamed("compare_live", "ERR_FACE_NOT_DETECTED") is None
    assert blamed("compare_live", "ERR_BASE64_IMAGE_CANNOT_BE_DECODED") is None
