"""The client meets the contract, with the vendor's documented replies."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from facegate import (
    AuthenticationFailed,
    CaptureReason,
    ImageFormat,
    Operation,
    PermissionDenied,
    QuotaExhausted,
    RateLimited,
)
from facegate.plugin import PictureLimits
from facegate.testing import (
    Documented,
    Endpoint,
    Failure,
    HttpProviderContract,
    Interaction,
    VendorCall,
    documented_in,
    failures_in,
)
from facegate_azure.errors import INVALID, UNREADABLE
from facegate_azure.provider import AzureFace

CASSETTES = Path(__file__).parents[3] / "cassettes" / "azure_face"
KEY = "7d1f0c2e9b684a35"
DETECT = (
    "/face/v1.2/detect?detectionModel=detection_03&recognitionModel=recognition_04"
    "&returnFaceId=true&returnFaceAttributes=qualityForRecognition&returnRecognitionModel=true"
    "&faceIdTimeToLive=60"
)
OF_PROBE, OF_GALLERY = (f"5f0c6d1e-3b7a-4c52-9a41-0d2e7f84b6c{n}" for n in range(2))


def face(face_id: str) -> dict[str, Any]:
    return {
        "faceId": face_id,
        "recognitionModel": "recognition_04",
        "faceRectangle": {"top": 131, "left": 177, "width": 162, "height": 162},
        "faceAttributes": {"qualityForRecognition": "high"},
    }


PROBE = Interaction(Endpoint(DETECT, probe="body", encoding="bytes"), [face(OF_PROBE)])
GALLERY = Interaction(
    Endpoint(DETECT, gallery="body", encoding="bytes", each=True), [face(OF_GALLERY)]
)
VERIFY = Endpoint(
    "/face/v1.2/verify",
    {"faceId1", "faceId2"},
    fields={"faceId1": OF_PROBE, "faceId2": OF_GALLERY},
    each=True,
)
COMPARE = VendorCall(Operation.COMPARE, VERIFY, before=(PROBE, GALLERY))
CALLS = (COMPARE, VendorCall(Operation.COMPARE, PROBE.endpoint))
"""The whole of one, and one that ended with the probe."""


def verified(confidence: float) -> dict[str, Any]:
    return {"isIdentical": confidence >= 0.5, "confidence": confidence}


def error(code: str, message: str = "m") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


class TestAzureFace(HttpProviderContract):
    contract_version = 1
    provider = AzureFace
    settings: ClassVar = {"api_key": KEY}
    headers: ClassVar = {"ocp-apim-subscription-key": KEY}
    formats = frozenset({ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.BMP})
    pictures = PictureLimits(max_bytes=6 * 2**20)
    documented = (
        *documented_in(CASSETTES, CALLS),
        Documented(COMPARE, verified(0.8671), {"accepted": True, "match": {"score": 0.8671}}),
        Documented(COMPARE, verified(0.4999), {"accepted": False, "match": {"score": 0.4999}}),
        Documented(COMPARE, verified(0.5), {"accepted": True}, name="compare-at-the-threshold"),
        Documented(
            COMPARE,
            verified(0.8671),
            {"accepted": False, "match": {"threshold": 0.9, "decided_by": "facegate"}},
            name="compare-from-0.9",
            asked={"threshold": 0.9},
        ),
    )
    failures = (
        *failures_in(CASSETTES, CALLS),
        Failure(200, [], CaptureReason.FACE_NOT_FOUND, told={"image": "probe"}, at=PROBE),
        Failure(200, [], CaptureReason.FACE_NOT_FOUND, told={"image": "gallery[0]"}, at=GALLERY),
        Failure(
            400,
            error("InvalidImage", "Something new."),
            CaptureReason.NOT_STATED,
            told={"image": "gallery[0]"},
            at=GALLERY,
        ),
        # The service's own shape, and that of the gateway in front of it.
        Failure(401, error("401"), AuthenticationFailed, told={"vendor_code": "401"}, at=PROBE),
        Failure(
            401,
            {"statusCode": 401, "message": "m"},
            AuthenticationFailed,
            told={"vendor_code": "401"},
            at=PROBE,
        ),
        Failure(403, {"statusCode": 403, "message": "m"}, QuotaExhausted, at=PROBE),
        Failure(403, b"", PermissionDenied, at=PROBE),
        Failure(403, error("UnsupportedFeature"), PermissionDenied),
        Failure(429, error("429"), RateLimited, {"Retry-After": "7"}, {"retry_after": 7}, at=PROBE),
    )

    def reply_for(self, code: str) -> tuple[int, Any]:
        if code == UNREADABLE:
            return 400, error(INVALID, "Decoding error, image format unsupported.")
        return 400, error(code)
