"""Both products' clients meet the contract, with the vendor's documented replies.

Those that the vendor published are cassettes; what it only describes is written here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from facegate import ImageFormat, Operation
from facegate.testing import (
    Documented,
    Endpoint,
    HttpProviderContract,
    VendorCall,
    documented_in,
    failures_in,
)
from facegate_opencv.fr_cloud.provider import FrCloud
from facegate_opencv.fr_server.provider import FrServer

CASSETTES = Path(__file__).parents[3] / "cassettes"
KEY = "key-1f4e7a90c2b85d63"
PROBE, REFERENCE = "face_base_64", "ref_face_base_64"
FIELDS = {PROBE, REFERENCE, "min_similarity_score", "check_liveness"}


def liveness_error(name: str) -> dict[str, Any]:
    return {"code": "ERR_LIVENESS_ERROR", "message": "m", "metadata": {"code": name}}


def pair(operation: Operation) -> VendorCall:
    checks = {"check_liveness": operation is Operation.COMPARE_LIVE}
    return VendorCall(
        operation, Endpoint("/compare", FIELDS, PROBE, REFERENCE, fields=checks, each=True)
    )


COMPARE, COMPARE_LIVE = pair(Operation.COMPARE), pair(Operation.COMPARE_LIVE)
SELF = VendorCall(Operation.LIVENESS, Endpoint("/compare", FIELDS, probe=(PROBE, REFERENCE)))
NO_SCORE = {"score": None, "threshold": 0.7, "decided_by": "vendor"}
NOT_LIVE = {"accepted": False, "match": None, "liveness": {"passed": False}}


class TestFrServer(HttpProviderContract):
    contract_version = 1
    provider = FrServer
    settings: ClassVar = {"api_key": KEY, "liveness_by_self_compare": True}
    headers: ClassVar = {"x-api-key": KEY}
    formats = frozenset({ImageFormat.JPEG, ImageFormat.PNG})
    documented = (
        *documented_in(CASSETTES / "opencv_fr", [COMPARE, COMPARE_LIVE]),
        Documented(COMPARE, {"is_match": False}, {"accepted": False, "match": NO_SCORE}),
        Documented(COMPARE_LIVE, {"is_match": False}, {"accepted": False}),
        Documented(SELF, {"is_match": True}, {"accepted": True, "match": None}),
        Documented(SELF, liveness_error("FACE_NOT_LIVE"), NOT_LIVE, 422, "not-live-alone"),
    )
    failures = failures_in(CASSETTES / "opencv_fr", [COMPARE, COMPARE_LIVE])

    def reply_for(self, code: str) -> tuple[int, Any]:
        code, _, detail = code.partition(":")
        return 400, liveness_error(detail) if detail else {"code": code, "message": "m"}


COMPARE_SETS = VendorCall(
    Operation.COMPARE,
    Endpoint("/compare", {"gallery", "probe", "search_mode"}, "probe", "gallery"),
    carries={"search_mode"},
)
COMPARE_LIVE_FACE = VendorCall(
    Operation.COMPARE_LIVE,
    Endpoint(
        "/compare-live-face",
        {"gallery", "probe", "liveness_min_score", "os", "search_mode"},
        "probe",
        "gallery",
    ),
    carries={"search_mode", "os"},
)
LIVENESS = VendorCall(
    Operation.LIVENESS, Endpoint("/liveness", {"os", "image"}, "image"), carries={"os"}
)
CLOUD = (COMPARE_SETS, COMPARE_LIVE_FACE, LIVENESS)


class TestFrCloud(HttpProviderContract):
    contract_version = 1
    provider = FrCloud
    settings: ClassVar = {"api_key": KEY}
    headers: ClassVar = {"x-api-key": KEY}
    formats = frozenset(ImageFormat) - {ImageFormat.HEIC, ImageFormat.AVIF}
    documented = (
        *documented_in(CASSETTES / "opencv_cloud", CLOUD),
        Documented(COMPARE_SETS, {"score": 0.69}, {"accepted": False, "match": {"score": 0.69}}),
        Documented(LIVENESS, {"liveness_score": "0.49"}, {"accepted": False}),
    )
    failures = failures_in(CASSETTES / "opencv_cloud", CLOUD)
