"""The client meets the contract, with the vendor's documented replies."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from facegate import CaptureReason, ImageFormat, Operation, PermissionDenied
from facegate.plugin import PictureLimits
from facegate.testing import (
    Documented,
    Endpoint,
    Failure,
    HttpProviderContract,
    Seen,
    VendorCall,
    documented_in,
    failures_in,
)
from facegate_rekognition.errors import OF_BYTES
from facegate_rekognition.provider import Rekognition
from sigv4 import right_signature

CASSETTES = Path(__file__).parents[3] / "cassettes" / "rekognition"
SECRET = "s3cr3t-9e41b7c0d25f"
COMPARE = VendorCall(
    Operation.COMPARE,
    Endpoint(
        "/",
        {"SourceImage", "TargetImage", "SimilarityThreshold", "QualityFilter"},
        "SourceImage.Bytes",
        "TargetImage.Bytes",
        headers={
            "x-amz-target": "RekognitionService.CompareFaces",
            "content-type": "application/x-amz-json-1.1",
        },
        fields={"SimilarityThreshold": 0.0},
        each=True,
    ),
    carries={"quality_filter"},
)


def compared(similarity: float, **more: Any) -> dict[str, Any]:
    matches = [{"Similarity": similarity, "Face": {"Confidence": 99.9}}]
    return {"FaceMatches": matches, "UnmatchedFaces": [], **more}


class TestRekognition(HttpProviderContract):
    contract_version = 1
    provider = Rekognition
    settings: ClassVar = {
        "region": "eu-west-1",
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": SECRET,
        "session_token": "tok-77aa31c09e",
    }
    headers: ClassVar = {"x-amz-security-token": "tok-77aa31c09e"}
    moving = ("authorization", "x-amz-date")
    formats = frozenset({ImageFormat.JPEG, ImageFormat.PNG})
    pictures = PictureLimits(min_bytes=1, max_bytes=5_242_880, min_side=80, max_side=10_000)
    documented = (
        *documented_in(CASSETTES, [COMPARE]),
        Documented(COMPARE, compared(97.31), {"accepted": True, "match": {"score": 97.31}}),
        Documented(COMPARE, compared(79.9), {"accepted": False, "match": {"score": 79.9}}),
    )
    failures = (
        *failures_in(CASSETTES, [COMPARE]),
        Failure(
            400,
            {"__type": "com.amazonaws.rekognition#AccessDeniedException", "Message": "arn:aws:..."},
            PermissionDenied,
        ),
        Failure(
            200,
            {**compared(97.0), "UnmatchedFaces": [{"Confidence": 99.1}]},
            CaptureReason.TOO_MANY_FACES,
            told={"image": "gallery[0]"},
        ),
    )

    def reply_for(self, code: str) -> tuple[int, Any]:
        if code == OF_BYTES:
            return 400, {"__type": "ValidationException", "message": "Value at 'image.bytes' ..."}
        return 400, {"__type": code, "message": "m"}

    def verify(self, request: Seen) -> None:
        assert right_signature(request, SECRET) in request.headers["authorization"]
