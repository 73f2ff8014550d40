"""The client meets the contract, with the vendor's documented replies."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from facegate import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    Operation,
    ProviderTimeout,
    ProviderUnavailable,
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
from facegate_compreface.errors import ERRORS
from facegate_compreface.provider import CompreFace

CASSETTES = Path(__file__).parents[3] / "cassettes" / "compreface"
ENGINE = "facenet.Calculator"
KEY = "5f3c8a10-62d4-4b7e-9c1f-0a8d7e6b5c43"
COMPARE = VendorCall(
    Operation.COMPARE,
    Endpoint(
        "/api/v1/verification/verify?limit=0&status=true",
        {"source_image", "target_image"},
        "source_image",
        "target_image",
        each=True,
    ),
    carries={"det_prob_threshold"},
)


def verified(*similarities: float, engine: str = ENGINE) -> dict[str, Any]:
    matches = [{"box": {"probability": 1.0}, "similarity": each} for each in similarities]
    compared = {"source_image_face": {}, "face_matches": matches}
    return {"result": [{**compared, "plugins_versions": {"calculator": engine}}]}


def error(code: int, message: str = "m") -> dict[str, Any]:
    return {"message": message, "code": code}


class TestCompreFace(HttpProviderContract):
    contract_version = 1
    provider = CompreFace
    settings: ClassVar = {"api_key": KEY, "engine": ENGINE, "threshold": 0.9}
    headers: ClassVar = {"x-api-key": KEY}
    other_options: ClassVar = {"det_prob_threshold": 0.95}
    formats = frozenset(
        {
            *(ImageFormat.BMP, ImageFormat.JPEG, ImageFormat.PNG),
            *(ImageFormat.TIFF, ImageFormat.WEBP),
        }
    )
    pictures = PictureLimits(max_bytes=5_242_880)
    documented = (
        *documented_in(CASSETTES, [COMPARE]),
        Documented(COMPARE, verified(0.9), {"accepted": True, "match": {"threshold": 0.9}}),
        Documented(COMPARE, verified(0.8999), {"accepted": False, "match": {"score": 0.8999}}),
        Documented(
            COMPARE,
            verified(0.93),
            {"accepted": False, "match": {"threshold": 0.95}},
            name="compare-from-0.95",
            asked={"threshold": 0.95},
        ),
    )
    failures = (
        *failures_in(CASSETTES, [COMPARE]),
        Failure(
            200, verified(0.97, 0.12), CaptureReason.TOO_MANY_FACES, told={"image": "gallery[0]"}
        ),
        Failure(200, verified(0.97, engine="insightface.Calculator"), BadReply),
        Failure(404, error(10, f"service with API Key {KEY} not found"), AuthenticationFailed),
        Failure(400, error(26, "Limit should be equal or greater than 0; "), InvalidRequest),
        Failure(400, error(12), UnmappedError),
        Failure(500, error(12), ProviderUnavailable),
        Failure(500, error(28), ProviderUnavailable),
        Failure(413, b"<html>nginx</html>", ImageRejected),
        Failure(502, b"<html>nginx</html>", BadReply),
        Failure(504, b"<html>nginx</html>", ProviderTimeout),
    )

    def reply_for(self, code: str) -> tuple[int, Any]:
        sent = ERRORS.replies.get(code)
        return (sent.status, sent.body) if sent else (400, error(99))
