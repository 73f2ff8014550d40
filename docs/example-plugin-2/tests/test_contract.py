"""The client keeps the contract of every provider behind HTTP: a conversation, as data."""

from __future__ import annotations

from typing import Any

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
from facegate.testing import (
    Documented,
    Endpoint,
    Failure,
    HttpProviderContract,
    Interaction,
    VendorCall,
)
from facegate_fennholt.provider import Fennholt

TOKEN = Interaction(
    Endpoint(
        "/oauth/token",
        {"grant_type"},
        encoding="form",
        fields={"grant_type": "client_credentials"},
        headers={"authorization": "Basic YWNtZTpmaC03YzE5ZTA0YjVh"},
    ),
    {"access_token": "fh-tok-90c7e1d5a2", "token_type": "Bearer", "expires_in": 3600},
    once=True,
)
BEGIN = Interaction(
    Endpoint(
        "/v2/checks",
        {"portrait", "document", "same_from"},
        "portrait",
        "document",
        encoding="multipart",
    ),
    {"code": 0, "check": "chk-7f3a91c2"},
    status=202,
    ids={"check"},
)
CHECK = Endpoint("/v2/checks/chk-7f3a91c2", method="GET")
RUNNING = Interaction(CHECK, {"code": 0, "state": "running"}, status=202)
COMPARE = VendorCall(Operation.COMPARE, CHECK, before=(TOKEN, BEGIN, RUNNING))


def done(verdict: str, likeness: float) -> dict[str, Any]:
    return {"code": 0, "state": "done", "result": {"verdict": verdict, "likeness": likeness}}


class TestFennholt(HttpProviderContract):
    contract_version = 1
    provider = Fennholt
    settings = {"client_id": "acme", "client_secret": "fh-7c19e04b5a", "poll_s": 0.001}
    headers = {"authorization": "Bearer fh-tok-90c7e1d5a2"}
    formats = {ImageFormat.JPEG, ImageFormat.PNG}
    documented = (
        Documented(
            COMPARE,
            done("same", 93.5),
            {"accepted": True, "match": {"score": 93.5, "decided_by": "vendor"}},
        ),
        Documented(
            COMPARE,
            done("unsure", 71),
            {"accepted": False, "match": {"uncertain": True, "score": 71}},
            name="compare-unsure",
        ),
        Documented(COMPARE, done("different", 12), {"accepted": False}),
        Documented(
            COMPARE,
            done("same", 93.5),
            {"accepted": True, "match": {"threshold": 90}},
            name="compare-from-90",
            asked={"threshold": 90},
        ),
    )
    failures = (
        Failure(200, {"code": 2001}, InvalidRequest, at=BEGIN),
        Failure(200, {"code": 3001}, ImageRejected, at=BEGIN),
        Failure(200, {"code": 3002}, CaptureReason.FACE_NOT_FOUND),
        Failure(200, {"code": 3003}, CaptureReason.TOO_MANY_FACES),
        Failure(200, {"code": 3004}, CaptureReason.QUALITY_TOO_LOW),
        Failure(200, {"code": 1003}, PermissionDenied, at=BEGIN),
        Failure(200, {"code": 1010}, QuotaExhausted, at=BEGIN),
        Failure(200, {"code": 9001}, ProviderUnavailable),
        Failure(
            200, {"code": 9002}, RateLimited, {"Retry-After": "7"}, {"retry_after": 7}, at=BEGIN
        ),
        Failure(401, {"code": 1001}, AuthenticationFailed, at=BEGIN),
        Failure(401, {"error": "invalid_client"}, AuthenticationFailed, at=TOKEN),
    )

    def reply_for(self, code: str) -> tuple[int, Any]:
        return 200, {"code": int(code) if code.isdigit() else 7777}
