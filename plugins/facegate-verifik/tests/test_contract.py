"""Verifik's plugin keeps the contract, with the vendor's documentation as data.

What Verifik published is in cassettes. Written here is what nobody published: the record of
``compare-live``, put together from what the vendor's own client reads, the noes, and the errors
that the pages only describe.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from facegate import (
    AuthenticationFailed,
    CaptureReason,
    CredentialsExpired,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    Operation,
    PermissionDenied,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    UnmappedError,
)
from facegate.plugin import PictureLimits
from facegate.testing import (
    Documented,
    Endpoint,
    Failure,
    HttpProviderContract,
    VendorCall,
    documented_in,
    failures_in,
)
from facegate_verifik.provider import Verifik

CASSETTES = Path(__file__).parents[3] / "cassettes" / "verifik"
TOKEN = "key-of-32-letters-or-more-4a7d1e90c3b85f26"

FACES = "/v2/face-recognition"
_BOTH = ("probe", "gallery", "os", "search_mode", "liveness_min_score", "compare_min_score")
COMPARE = VendorCall(
    Operation.COMPARE,
    Endpoint(
        f"{FACES}/compare",
        ("probe", "gallery", "search_mode", "compare_min_score"),
        "probe",
        "gallery",
    ),
    carries={"search_mode"},
)
COMPARE_LIVE = VendorCall(
    Operation.COMPARE_LIVE,
    Endpoint(f"{FACES}/compare-live", _BOTH, "probe", "gallery"),
    carries={"search_mode", "os", "order"},
)
COMPARE_FIRST = VendorCall(
    Operation.COMPARE_LIVE,
    Endpoint(f"{FACES}/compare-with-liveness", _BOTH, "probe", "gallery"),
    options={"order": "compare_first"},
    carries={"search_mode", "os", "order"},
)
LIVENESS = VendorCall(
    Operation.LIVENESS,
    Endpoint(f"{FACES}/liveness", ("os", "image", "liveness_min_score"), "image"),
    carries={"os"},
)
CALLS = (COMPARE, COMPARE_LIVE, COMPARE_FIRST, LIVENESS)


def signed(when: str) -> dict[str, str]:
    return {"message": "Certified by Verifik.co", "dateTime": when}


def flat(reference: str, **data: Any) -> dict[str, Any]:
    """A reply as the current pages show it."""
    return {"id": reference, "data": data, "signature": signed("January 16, 2024 3:44 PM")}


def failing(message: str, code: str = "ERROR") -> dict[str, str]:
    return {"message": message, "code": code}


class TestVerifik(HttpProviderContract):
    contract_version = 1
    provider = Verifik
    settings: ClassVar = {"token": TOKEN}
    headers: ClassVar = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    formats = frozenset({ImageFormat.JPEG, ImageFormat.PNG})
    pictures = PictureLimits(min_bytes=100, in_base64=True)
    documented = (
        *documented_in(CASSETTES, CALLS),
        Documented(COMPARE, flat("AB12C", score=0.849), {"accepted": False, "liveness": None}),
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
            failing("409:liveness_failed@0.42"),
            {"accepted": False, "match": None, "liveness": {"passed": False, "score": 0.42}},
            status=409,
        ),
        Documented(
            COMPARE_FIRST,
            flat("CWL01", comparison={"score": 0.4}, liveness=None),
            {"accepted": False, "match": {"score": 0.4}, "liveness": {"passed": False}},
            name="liveness-skipped",
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
        *failures_in(CASSETTES, CALLS),
        Failure(412, failing("The token is expired"), CredentialsExpired),
        Failure(402, {"x402Version": 1, "error": "payment is required"}, QuotaExhausted),
        Failure(402, {"code": "PaymentRequired"}, QuotaExhausted),
        Failure(403, failing("You have not enought credits", "FORBIDDEN"), QuotaExhausted),
        Failure(
            409, failing("missing Authorization header", "MissingParameter"), AuthenticationFailed
        ),
        Failure(409, failing("down", "Endpoint_out_of_service"), ProviderUnavailable),
        Failure(409, failing("409:duplicated_person"), UnmappedError),
        Failure(413, b"<html>", ImageRejected),
        Failure(422, {}, InvalidRequest),
        Failure(423, {"code": "Locked"}, PermissionDenied),
        Failure(429, {}, RateLimited, {"Retry-After": "7"}, {"retry_after": 7}),
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

    def reply_for(self, code: str) -> tuple[int, Any]:
        return 409, {"code": code}  # a spoof has no other status
