"""Verifik's plugin keeps the contract, with the vendor's documentation as data.

Replies are those of Verifik's pages, apart from the two that nobody published: the record of
``compare-live``, put together from what the vendor's own client reads, and the noes.
"""

from __future__ import annotations

from typing import Any, ClassVar

from facegate import (
    AuthenticationFailed,
    CaptureReason,
    CredentialsExpired,
    ImageRejected,
    InvalidRequest,
    Operation,
    PermissionDenied,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from facegate.errors import (
    UnmappedError,
)
from facegate.testing import (
    Call,
    Documented,
    Failure,
    HttpProviderContract,
)
from facegate_verifik.provider import Verifik

TOKEN = "key-of-32-letters-or-more-4a7d1e90c3b85f26"

FACES = "/v2/face-recognition"
_BOTH = ("probe", "gallery", "os", "search_mode", "liveness_min_score", "compare_min_score")
COMPARE = Call(
    Operation.COMPARE,
    f"{FACES}/compare",
    ("probe", "gallery", "search_mode", "compare_min_score"),
)
COMPARE_LIVE = Call(Operation.COMPARE_LIVE, f"{FACES}/compare-live", _BOTH)
COMPARE_FIRST = Call(
    Operation.COMPARE_LIVE,
    f"{FACES}/compare-with-liveness",
    _BOTH,
    options={"order": "compare_first"},
)
LIVENESS = Call(Operation.LIVENESS, f"{FACES}/liveness", ("os", "image", "liveness_min_score"))


def signed(when: str) -> dict[str, str]:
    return {"message": "Certified by Verifik.co", "dateTime": when}


def flat(reference: str, **data: Any) -> dict[str, Any]:
    """A reply as the current pages show it."""
    return {"id": reference, "data": data, "signature": signed("January 16, 2024 3:44 PM")}


def failing(message: str, code: str = "ERROR") -> dict[str, str]:
    return {"message": message, "code": code}


RECORD_2023 = {
    "id": "0jy93",
    "data": {
        "__v": 0,
        "_id": "65171e23640f7872b17ed99d",
        "type": "compare",
        "probe": ["Base 64 image"],
        "client": "64404b1f9856cc8cebd762e7",
        "result": {"score": 1},
        "deleted": False,
        "gallery": ["Base 64 image"],
        "createdAt": "2023-09-29T18:57:42.028Z",
        "updatedAt": "2023-09-29T18:57:42.028Z",
        "comparedAt": "2023-09-29T18:57:39.059Z",
        "search_mode": "FAST",
    },
    "signature": signed("September 29, 2023 6:57 PM"),
}
RECORDS_2024 = {
    "data": {
        "comparison": {
            "client": "613375a1eab2fe08527f81e2",
            "type": "compareLive",
            "search_mode": "ACCURATE",
            "gallery": [],
            "probe": [],
            "status": "success",
            "_id": "66e650d6b71ae4d43a76d95d",
            "comparedAt": "2024-09-15T03:13:26.392Z",
            "result": {"score": 1},
            "updatedAt": "2024-09-15T03:13:29.652Z",
            "createdAt": "2024-09-15T03:13:29.652Z",
            "__v": 0,
        },
        "liveness": {
            "client": "613375a1eab2fe08527f81e2",
            "type": "liveness",
            "status": "success",
            "search_mode": "FAST",
            "os": "DESKTOP",
            "liveness_min_score": 0.7,
            "_id": "66e650d9b71ae4d43a76d95f",
            "result": {"liveness_score": 0.77, "passed": True, "min_score": 0.7},
            "updatedAt": "2024-09-15T03:13:31.675Z",
            "createdAt": "2024-09-15T03:13:31.675Z",
            "__v": 0,
        },
    },
    "signature": signed("September 15, 2024 3:13 AM"),
    "id": "ABRCB",
}


class TestVerifik(HttpProviderContract):
    provider = Verifik
    settings: ClassVar = {"token": TOKEN}
    headers: ClassVar = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    documented = (
        Documented(
            COMPARE,
            RECORD_2023,
            {
                "accepted": True,
                "match": {"score": 1.0, "threshold": 0.85, "decided_by": "facegate"},
                "vendor_reference": "0jy93",
                "vendor_signature": signed("September 29, 2023 6:57 PM"),
            },
            name="record-2023",
        ),
        Documented(
            COMPARE,
            {
                "id": "K4TQ2",
                "data": {
                    "result": {"score": 0.91, "compare_min_score": 0.85, "passed": True},
                    "compare_min_score": 0.85,
                },
                "signature": signed("April 24, 2026 9:05 AM"),
            },
            {"accepted": True, "match": {"score": 0.91, "decided_by": "vendor"}},
            name="record-2026",
        ),
        Documented(
            COMPARE,
            flat("AB12C", score=0.91),
            {"accepted": True, "match": {"score": 0.91}, "vendor_reference": "AB12C"},
            name="flat",
        ),
        Documented(
            COMPARE,
            flat("CMP1", score=0.95, match=True),
            {"accepted": True, "match": {"score": 0.95, "decided_by": "vendor"}},
            name="flat-in-spanish",
        ),
        Documented(COMPARE, flat("AB12C", score=0.849), {"accepted": False, "liveness": None}),
        Documented(
            COMPARE_LIVE,
            flat(
                "XYZ12",
                score=0.89,
                liveness={"liveness_score": 0.92, "min_score": 0.65, "passed": True},
            ),
            {
                "accepted": True,
                "match": {"score": 0.89},
                "liveness": {"score": 0.92, "threshold": 0.65},
            },
        ),
        Documented(
            COMPARE_LIVE,
            {
                "data": {
                    "type": "compareLive",
                    "result": {"score": 0.89, "liveness_score": "0.92"},
                    "liveness_min_score": 0.65,
                    "compare_min_score": 0.85,
                }
            },
            {"accepted": True, "match": {"score": 0.89}, "liveness": {"score": 0.92}},
            name="record-with-a-score-in-text",
        ),
        Documented(
            COMPARE_LIVE,
            {"data": {"result": {"score": 0.89}, "liveness_min_score": 0.65}},
            {"accepted": False, "liveness": {"passed": False, "reason": "not answered"}},
            name="record-without-liveness",
        ),
        Documented(
            COMPARE_LIVE,
            failing("409:liveness_failed@0.42"),
            {"accepted": False, "match": None, "liveness": {"passed": False, "score": 0.42}},
            status=409,
        ),
        Documented(
            COMPARE_FIRST,
            RECORDS_2024,
            {
                "accepted": True,
                "match": {"score": 1.0},
                "liveness": {"score": 0.77, "threshold": 0.7},
                "vendor_reference": "ABRCB",
            },
            name="two-records-2024",
        ),
        Documented(
            COMPARE_FIRST,
            flat(
                "CWL01",
                comparison={"score": 0.88},
                liveness={"liveness_score": 0.91, "min_score": 0.6, "passed": True},
            ),
            {"accepted": True, "match": {"score": 0.88}, "liveness": {"score": 0.91}},
        ),
        Documented(
            COMPARE_FIRST,
            flat("CWL01", comparison={"score": 0.4}, liveness=None),
            {"accepted": False, "match": {"score": 0.4}, "liveness": {"passed": False}},
            name="liveness-skipped",
        ),
        Documented(
            LIVENESS,
            flat("JQ4RM", passed=True, min_score=0.6, liveness_score=0.98),
            {"accepted": True, "liveness": {"score": 0.98}, "vendor_reference": "JQ4RM"},
        ),
        Documented(
            LIVENESS,
            flat("JQ4RM", passed=False, min_score=0.6, liveness_score=0.6),
            {"accepted": False, "liveness": {"score": 0.6}},
            name="as-live-as-the-threshold",
        ),
        Documented(
            LIVENESS, failing("liveness_failed"), {"accepted": False}, 409, "spoof-without-score"
        ),
        Documented(
            LIVENESS, failing("x", "ERR_LIVENESS_FAILED"), {"accepted": False}, 409, "spoof-by-code"
        ),
    )
    failures = (
        Failure(400, {"error": "Invalid request"}, InvalidRequest),
        Failure(401, failing("Authentication required", "UNAUTHORIZED"), AuthenticationFailed),
        Failure(403, failing("token_expired", "FORBIDDEN"), CredentialsExpired),
        Failure(
            401,
            {
                **failing("Invalid or expired token.", "Unauthorized"),
                "signature": signed("August 31, 2022 3:24 PM"),
            },
            CredentialsExpired,
        ),
        Failure(412, failing("The token is expired"), CredentialsExpired),
        Failure(402, {"x402Version": 1, "error": "payment is required"}, QuotaExhausted),
        Failure(402, {"code": "PaymentRequired"}, QuotaExhausted),
        Failure(403, failing("insufficient_credits", "Forbidden"), QuotaExhausted),
        Failure(403, failing("You have not enought credits", "FORBIDDEN"), QuotaExhausted),
        Failure(403, failing("Access Forbidden", "FORBIDDEN"), PermissionDenied),
        Failure(
            409,
            failing(
                '"liveness_min_score" must be greater than or equal to 0.52', "MissingParameter"
            ),
            InvalidRequest,
            told={"vendor_code": "MissingParameter"},
        ),
        Failure(409, failing("missing search_mode\n", "MissingParameter"), InvalidRequest),
        Failure(
            409, failing("missing Authorization header", "MissingParameter"), AuthenticationFailed
        ),
        Failure(409, failing("down", "Endpoint_out_of_service"), ProviderUnavailable),
        Failure(409, failing("409:duplicated_person"), UnmappedError),
        Failure(412, failing("412:only_images_in_base64", "PreconditionFailed"), ImageRejected),
        Failure(412, failing("only_images_in_base64"), ImageRejected),
        Failure(413, b"<html>", ImageRejected),
        Failure(422, {}, InvalidRequest),
        Failure(423, {"code": "Locked"}, PermissionDenied),
        Failure(429, {}, RateLimited, {"Retry-After": "7"}, {"retry_after": 7}),
        Failure(500, failing("internal_error"), ProviderUnavailable),
        Failure(500, failing("something went wrong"), ProviderUnavailable),
        Failure(504, b"", ProviderTimeout),
        Failure(
            409,
            {"message": "x", "data": {"code": "ERR_NO_FACE_DETECTED"}},
            CaptureReason.FACE_NOT_FOUND,
            told={"image": "probe"},
            call=LIVENESS,
        ),
        Failure(
            409,
            failing("409:liveness_failed@ERR_LIVENESS_FACE_TOO_SMALL"),
            CaptureReason.FACE_TOO_SMALL,
            told={"image": "probe"},
            call=COMPARE_LIVE,
        ),
        Failure(
            409,
            failing("409:liveness_failed@Error: at worker.js:81"),
            ProviderUnavailable,
            call=LIVENESS,
        ),
        Failure(
            409,
            failing("the image has more than one face"),
            CaptureReason.TOO_MANY_FACES,
            told={"image": None},
        ),
        Failure(403, failing("discredited", "FORBIDDEN"), PermissionDenied),
        Failure(409, failing("token_expired_soon"), UnmappedError),
    )
