"""What the made-up vendor documents: data alone, for plugins that keep or break a rule of it."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any, ClassVar

from acme import TOKEN, Acme
from facegate import (
    AuthenticationFailed,
    CaptureReason,
    ImageFormat,
    Operation,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from facegate.testing import (
    CompatibleApiContract,
    Documented,
    Endpoint,
    Failure,
    HttpProviderContract,
    VendorCall,
)
from facegate.testing.cases import meaning
from facegate.testing.strategies import every_error

COMPARE = VendorCall(
    Operation.COMPARE,
    Endpoint(
        "/v1/compare",
        ("probe", "gallery", "minScore", "mode", "note"),
        probe="probe",
        gallery="gallery",
    ),
    carries={"mode"},
)
LIVENESS = VendorCall(
    Operation.LIVENESS, Endpoint("/v1/liveness", ("image", "minScore"), probe="image")
)


class AcmesDocumentation(HttpProviderContract):
    contract_version = 1
    settings: ClassVar = {"token": TOKEN}
    formats = frozenset({ImageFormat.JPEG, ImageFormat.PNG})
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


SAID = {AuthenticationFailed, QuotaExhausted, RateLimited, CaptureReason.FACE_NOT_FOUND}


class AcmesApi(CompatibleApiContract):
    contract_version = 1
    provider = Acme
    settings: ClassVar = {"base_url": "https://api.example", "token": TOKEN}
    key = TOKEN
    heard: ClassVar[dict[Any, Any]] = {
        meaning(error): ProviderUnavailable for error in every_error() if meaning(error) not in SAID
    }
