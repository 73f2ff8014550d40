"""Both products' clients meet the contract, with the vendor's documented replies."""

from __future__ import annotations

from typing import Any, ClassVar

from facegate import (
    CaptureReason,
    InvalidRequest,
    LicenseInvalid,
    Operation,
    RateLimited,
    UnmappedError,
)
from facegate.testing import Call, Documented, Failure, HttpProviderContract
from facegate_opencv.fr_cloud.provider import FrCloud
from facegate_opencv.fr_server.provider import FrServer

KEY = "key-1f4e7a90c2b85d63"
FIELDS = {"face_base_64", "ref_face_base_64", "min_similarity_score", "check_liveness"}
TEXT = "A liveness error occurred. Please check the supplied image and the error metadata."


def liveness_error(name: str) -> dict[str, Any]:
    return {"code": "ERR_LIVENESS_ERROR", "message": TEXT, "metadata": {"code": name}}


def pair(operation: Operation) -> Call:
    return Call(operation, "/compare", FIELDS, each=True)


COMPARE, COMPARE_LIVE = pair(Operation.COMPARE), pair(Operation.COMPARE_LIVE)
SELF = Call(Operation.LIVENESS, "/compare", FIELDS)
NO_SCORE = {"score": None, "threshold": 0.7, "decided_by": "vendor"}
NOT_LIVE = {"accepted": False, "match": None, "liveness": {"passed": False}}


class TestFrServer(HttpProviderContract):
    provider = FrServer
    settings: ClassVar = {"api_key": KEY, "liveness_by_self_compare": True}
    headers: ClassVar = {"x-api-key": KEY}
    documented = (
        Documented(
            COMPARE, {"is_match": True}, {"accepted": True, "match": NO_SCORE, "liveness": None}
        ),
        Documented(COMPARE, {"is_match": False}, {"accepted": False, "match": NO_SCORE}),
        Documented(
            COMPARE_LIVE, {"is_match": True}, {"accepted": True, "liveness": {"passed": True}}
        ),
        Documented(COMPARE_LIVE, {"is_match": False}, {"accepted": False}),
        Documented(COMPARE_LIVE, liveness_error("FACE_NOT_LIVE"), NOT_LIVE, 422, "not-live"),
        Documented(SELF, {"is_match": True}, {"accepted": True, "match": None}),
        Documented(SELF, liveness_error("FACE_NOT_LIVE"), NOT_LIVE, 422, "not-live-alone"),
    )
    failures = (
        Failure(
            422,
            liveness_error("EYES_CLOSED"),
            CaptureReason.EYES_CLOSED,
            told={"image": "probe"},
            call=COMPARE_LIVE,
        ),
        Failure(422, liveness_error("LICENSE_ERROR"), LicenseInvalid, call=COMPARE_LIVE),
        Failure(422, liveness_error("UNKNOWN_ERROR"), UnmappedError, call=COMPARE_LIVE),
    )

    def reply_for(self, code: str) -> tuple[int, Any]:
        code, _, detail = code.partition(":")
        return 400, liveness_error(detail) if detail else {"code": code, "message": "m"}


COMPARE_SETS = Call(Operation.COMPARE, "/compare", {"gallery", "probe", "search_mode"})
COMPARE_LIVE_FACE = Call(
    Operation.COMPARE_LIVE,
    "/compare-live-face",
    {"gallery", "probe", "liveness_min_score", "os", "search_mode"},
)
LIVENESS = Call(Operation.LIVENESS, "/liveness", {"os", "image"})


class TestFrCloud(HttpProviderContract):
    provider = FrCloud
    settings: ClassVar = {"api_key": KEY}
    headers: ClassVar = {"x-api-key": KEY}
    documented = (
        Documented(
            COMPARE_SETS,
            {"score": 0.87},
            {"accepted": True, "match": {"score": 0.87, "threshold": 0.81}},
        ),
        Documented(COMPARE_SETS, {"score": 0.69}, {"accepted": False, "match": {"score": 0.69}}),
        Documented(
            COMPARE_LIVE_FACE,
            {"score": 0.8, "liveness_score": "0.93"},
            {"accepted": False, "match": {"score": 0.8}, "liveness": {"score": 0.93}},
        ),
        Documented(COMPARE_LIVE_FACE, {"score": 0.9, "liveness_score": "0.93"}, {"accepted": True}),
        Documented(LIVENESS, {"liveness_score": 0.98}, {"accepted": True}),
        Documented(LIVENESS, {"liveness_score": "0.49"}, {"accepted": False}),
    )
    failures = (
        Failure(
            400,
            {
                "code": "ERR_NO_FACES_FOUND",
                "message": "Could not obtain at least one face from the supplied image(s)",
            },
            CaptureReason.FACE_NOT_FOUND,
        ),
        Failure(
            422,
            {"detail": [{"loc": ["body", "probe"], "msg": "Field required", "type": "missing"}]},
            InvalidRequest,
        ),
        Failure(
            429,
            {"code": "ERR_RATE_LIMIT_EXCEEDED", "message": "m"},
            RateLimited,
            headers={"Retry-After": "7"},
            told={"retry_after": 7},
        ),
    )
