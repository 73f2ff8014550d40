"""The client meets the contract, with the server's documented replies."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from facegate import CaptureReason, ImageFormat, ImageRejected, Operation
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
from facegate_deepface.provider import DeepFace

CASSETTES = Path(__file__).parents[3] / "cassettes" / "deepface"
USING = {"model_name": "VGG-Face", "detector_backend": "opencv", "enforce_detection": True}
AREA = {"x": 66, "y": 50, "w": 71, "h": 99, "left_eye": [118, 87], "right_eye": [86, 88]}
FOUND = {"results": [{"embedding": [-0.09, 0.07], "facial_area": AREA, "face_confidence": 0.93}]}


def represent(*, anti_spoofing: bool, **place: Any) -> Endpoint:
    fields = {**USING, "anti_spoofing": anti_spoofing, "max_faces": 2}
    return Endpoint("/represent", {*fields, "img"}, picture="data_uri", fields=fields, **place)


VERIFY = Endpoint(
    "/verify",
    {*USING, "img1", "img2", "distance_metric"},
    "img1",
    "img2",
    picture="data_uri",
    fields={**USING, "distance_metric": "cosine"},
    each=True,
)
PROBE = Interaction(represent(anti_spoofing=False, probe="img"), FOUND)
LIVE_PROBE = Interaction(represent(anti_spoofing=True, probe="img"), FOUND)
GALLERY = Interaction(represent(anti_spoofing=False, gallery="img", each=True), FOUND)
CALLS = [
    VendorCall(Operation.COMPARE, VERIFY, before=(PROBE, GALLERY)),
    VendorCall(Operation.COMPARE_LIVE, VERIFY, before=(LIVE_PROBE, GALLERY)),
    VendorCall(Operation.LIVENESS, LIVE_PROBE.endpoint),
]


def verified(distance: float) -> dict[str, Any]:
    return {
        "verified": distance <= 0.68,
        "distance": distance,
        "threshold": 0.68,
        "confidence": 51,
        "model": "VGG-Face",
        "detector_backend": "opencv",
        "similarity_metric": "cosine",
        "facial_areas": {"img1": AREA, "img2": AREA},
        "time": 0.24,
    }


def traceback(head: str, raised: str) -> dict[str, Any]:
    return {"error": f"Exception while verifying: {head} - Traceback (most ...):\n  ...\n{raised}"}


def processing(code: str) -> dict[str, Any]:
    """An exception of DeepFace's own; with ``:img1`` or ``:img2``, on that one of two pictures."""
    name, _, place = code.partition(":")
    head = f"Exception while processing {place}_path" if place else "No."
    return traceback(head, f"deepface.modules.exceptions.{name}: No.\n\n...\nValueError: {head}\n")


OTHERS = {
    "ConnectionError": traceback("No.", "requests.exceptions.ConnectionError: No."),
    "downloading": traceback("An exception occurred while downloading w.onnx", "ValueError: ..."),
    "model_name": traceback("Invalid model_name passed - face_detector/new", "ValueError: ..."),
    "distance_metric": traceback("('Invalid distance_metric passed - ', 'new')", "ValueError: ..."),
    "exception": {"exception": "'img2' not found in either json or form data request"},
}


class TestDeepFace(HttpProviderContract):
    contract_version = 1
    provider = DeepFace
    settings: ClassVar = {"token": "tok-77aa31c09e", "anti_spoofing": True}
    headers: ClassVar = {"authorization": "Bearer tok-77aa31c09e"}
    formats = frozenset({ImageFormat.JPEG, ImageFormat.PNG})
    documented = (
        *documented_in(CASSETTES, CALLS),
        Documented(CALLS[0], verified(0.68), {"accepted": True, "match": {"score": 0.68}}),
        Documented(CALLS[0], verified(-0.0), {"accepted": True, "match": {"score": 0.0}}),
        Documented(CALLS[1], verified(0.6801), {"accepted": False, "liveness": {"passed": True}}),
    )
    failures = (
        *failures_in(CASSETTES, CALLS),
        *(
            Failure(
                400,
                processing(f"FaceNotDetected{place}"),
                CaptureReason.FACE_NOT_FOUND,
                told={"image": image},
                at=at,
            )
            for place, image, at in (
                ("", "probe", PROBE),
                ("", "gallery[0]", GALLERY),
                (":img1", "probe", None),
                (":img2", "gallery[0]", None),
            )
        ),
        Failure(400, processing("DataTypeError"), ImageRejected, told={"image": "probe"}, at=PROBE),
    )

    def reply_for(self, code: str) -> tuple[int, Any]:
        return 400, OTHERS.get(code) or processing(code)
