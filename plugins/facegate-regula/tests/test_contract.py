"""The client meets the contract, with the replies that the vendor documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from facegate import (
    AuthenticationFailed,
    CaptureReason,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    Operation,
    PermissionDenied,
    ProviderTimeout,
    ProviderUnavailable,
)
from facegate.testing import (
    Documented,
    Endpoint,
    Failure,
    HttpProviderContract,
    VendorCall,
    documented_in,
    failures_in,
)
from facegate_regula.errors import ERRORS
from facegate_regula.provider import Regula

CASSETTES = Path(__file__).parents[3] / "cassettes" / "regula"
COMPARE = VendorCall(
    Operation.COMPARE,
    Endpoint("/api/match", {"images"}, probe="images.0.data", gallery="images.data"),
    carries={"gallery_type"},
)


def matched(similarity: float, *, code: int = 0, status: int = 0, faces: int = 1) -> dict[str, Any]:
    """A reply about two pictures; the second one's status and number of faces may differ."""
    return {
        "code": code,
        "results": [{"firstIndex": 0, "secondIndex": 1, "score": 0.4, "similarity": similarity}],
        "detections": [
            {"imageIndex": 0, "status": 0, "faces": [{"faceIndex": 0}]},
            {"imageIndex": 1, "status": status, "faces": [{"faceIndex": n} for n in range(faces)]},
        ],
        "metadata": {},
    }


class TestRegula(HttpProviderContract):
    contract_version = 1
    provider = Regula
    settings: ClassVar = {"gateway_key": "gw-5e0c41f2a7"}
    headers: ClassVar = {"authorization": "Bearer gw-5e0c41f2a7"}
    formats = frozenset({ImageFormat.JPEG, ImageFormat.PNG})
    documented = (
        *documented_in(CASSETTES, [COMPARE]),
        Documented(COMPARE, matched(0.75), {"accepted": True, "match": {"score": 0.75}}),
        Documented(COMPARE, matched(0.7499), {"accepted": False, "match": {"score": 0.7499}}),
    )
    failures = (
        *failures_in(CASSETTES, [COMPARE]),
        Failure(
            200, matched(0.9, faces=2), CaptureReason.TOO_MANY_FACES, told={"image": "gallery[0]"}
        ),
        Failure(200, matched(0.9, status=6), ImageRejected, told={"image": "gallery[0]"}),
        Failure(200, {"code": 238}, InvalidRequest),
        Failure(400, {"statusCode": 400, "msg": "..."}, InvalidRequest),
        Failure(403, b"<html>", PermissionDenied),
        Failure(401, b"<html>", AuthenticationFailed),
        Failure(500, {"statusCode": 500, "msg": "..."}, ProviderUnavailable),
        Failure(504, {"statusCode": 504, "msg": "..."}, ProviderTimeout),
    )

    def reply_for(self, code: str) -> tuple[int, Any]:
        sent = ERRORS.replies.get(code)
        return (200, {"code": 999}) if sent is None else (sent.status, dict(sent.body))
