"""The made-up vendor's plugin keeps the contract: what adopting it looks like."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import ClassVar

from acme import TOKEN, Acme
from facegate import (
    AuthenticationFailed,
    CaptureReason,
    Operation,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from facegate.testing import Call, Documented, Failure, HttpProviderContract

COMPARE = Call(Operation.COMPARE, "/v1/compare", ("probe", "gallery", "minScore", "mode", "note"))
LIVENESS = Call(Operation.LIVENESS, "/v1/liveness", ("image", "minScore"))


class AcmesDocumentation:
    """Data alone, so that plugins which break a rule can be held to it as well."""

    settings: ClassVar = {"token": TOKEN}
    headers: ClassVar = {"authorization": f"Token {TOKEN}", "content-type": "application/json"}
    documented = (
        Documented(
            COMPARE,
            {"score": 0.93, "id": "ref-7", "scores": {"first": 0.93}},
            {"accepted": True, "match": {"score": 0.93}, "vendor_reference": "ref-7"},
        ),
        Documented(COMPARE, {"score": 0.12}, {"accepted": False, "match": {"is_match": False}}),
        Documented(LIVENESS, {"live": True, "score": 0.97}, {"accepted": True}),
        Documented(LIVENESS, {"live": False}, {"accepted": False, "liveness": {"score": None}}),
    )
    failures = (
        Failure(401, {"code": "bad_token"}, AuthenticationFailed),
        Failure(402, {}, QuotaExhausted),
        Failure(422, {"code": "no_face"}, CaptureReason.FACE_NOT_FOUND),
        Failure(429, {"code": "slow_down"}, RateLimited, {"Retry-After": "7"}, {"retry_after": 7}),
        Failure(503, b"<html>", ProviderUnavailable),
    )
    entry_points = (EntryPoint("acme", "acme", "facegate"),)


class TestAcme(AcmesDocumentation, HttpProviderContract):
    provider = Acme
