"""The client keeps the contract of every provider behind HTTP: Tarnside's documentation as data."""

from __future__ import annotations

from facegate import (
    AuthenticationFailed,
    CaptureReason,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    Operation,
    PermissionDenied,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from facegate.testing import Documented, Endpoint, Failure, HttpProviderContract, VendorCall
from facegate_tarnside.provider import Tarnside

COMPARE = VendorCall(
    Operation.COMPARE,
    Endpoint("/v1/compare", {"selfie", "document", "model"}, probe="selfie", gallery="document"),
    carries={"model"},
)
LIVENESS = VendorCall(Operation.LIVENESS, Endpoint("/v1/liveness", {"selfie"}, probe="selfie"))


class TestTarnside(HttpProviderContract):
    contract_version = 1
    provider = Tarnside
    settings = {"api_key": "tn-5e0c41f2"}
    headers = {"x-api-key": "tn-5e0c41f2"}
    formats = {ImageFormat.JPEG, ImageFormat.PNG}
    documented = (
        Documented(
            COMPARE,
            {"id": "tn-81", "similarity": 93.5},
            {"accepted": True, "match": {"score": 93.5}, "vendor_reference": "tn-81"},
        ),
        Documented(COMPARE, {"id": "tn-82", "similarity": 12}, {"accepted": False}),
        Documented(
            LIVENESS,
            {"id": "tn-83", "liveness": 97},
            {"accepted": True, "liveness": {"score": 97}, "vendor_reference": "tn-83"},
        ),
        Documented(LIVENESS, {"id": "tn-84", "liveness": 49.9}, {"accepted": False}),
    )
    failures = (
        Failure(400, {"code": "bad_request"}, InvalidRequest),
        Failure(401, {"code": "bad_key"}, AuthenticationFailed),
        Failure(402, {"code": "no_credit"}, QuotaExhausted),
        Failure(403, {"code": "not_in_plan"}, PermissionDenied),
        Failure(422, {"code": "bad_picture"}, ImageRejected),
        Failure(422, {"code": "no_face"}, CaptureReason.FACE_NOT_FOUND),
        Failure(422, {"code": "many_faces"}, CaptureReason.TOO_MANY_FACES),
        Failure(422, {"code": "poor_picture"}, CaptureReason.QUALITY_TOO_LOW, call=LIVENESS),
        Failure(429, {"code": "slow_down"}, RateLimited, {"Retry-After": "7"}, {"retry_after": 7}),
        Failure(503, {"code": "offline"}, ProviderUnavailable),
    )
