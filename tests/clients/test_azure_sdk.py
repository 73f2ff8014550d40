"""azure-ai-vision-face, Azure's SDK for Python, and facegate's client: they ask the same.

facegate has no API that answers as Azure does, so both stand before a stub.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from azure.ai.vision.face import FaceClient
from azure.ai.vision.face.models import (
    FaceAttributeTypeRecognition04,
    FaceDetectionModel,
    FaceRecognitionModel,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)

import facegate
from drawn import picture
from facegate import FacegateError
from loopback import Act, PendingRequest, Seen, Server, reply

KEY = "7d1f0c2e9b684a35"
PROBE, PASSPORT, LICENCE = (picture(seed=seed, size=(200, 200)) for seed in (1, 2, 3))
CONFIDENCE = 0.8671


def stub(line: PendingRequest) -> bool:
    """Azure, as its reference describes it; a picture's id is always the same here."""
    if line.request.target.endswith("/verify"):
        return reply(200, {"isIdentical": True, "confidence": CONFIDENCE})(line)
    face = {
        "faceId": str(uuid5(NAMESPACE_URL, line.request.body.hex())),
        "recognitionModel": "recognition_04",
        "faceRectangle": {"top": 40, "left": 40, "width": 120, "height": 120},
        "faceAttributes": {"qualityForRecognition": "high"},
    }
    return reply(200, [face])(line)


def with_the_sdk(url: str, probe: bytes, *gallery: bytes) -> list[float]:
    """An application's own comparison: the confidence of each gallery picture."""
    key = AzureKeyCredential(KEY)
    with FaceClient(endpoint=url, credential=key, api_version="v1.2", retry_total=0) as client:

        def detected(image: bytes) -> Any:
            (face,) = client.detect(
                image,
                detection_model=FaceDetectionModel.DETECTION03,
                recognition_model=FaceRecognitionModel.RECOGNITION04,
                return_face_id=True,
                return_face_attributes=[FaceAttributeTypeRecognition04.QUALITY_FOR_RECOGNITION],
                return_recognition_model=True,
                face_id_time_to_live=60,
            )
            return face.face_id

        first = detected(probe)
        return [
            client.verify_face_to_face(face_id1=first, face_id2=detected(image)).confidence
            for image in gallery
        ]


def with_facegate(url: str, probe: bytes, *gallery: bytes) -> Sequence[float | None]:
    settings: dict[str, Any] = {"base_url": url, "api_key": KEY, "parallel": 1}
    with facegate.open(plugin="azure_face", **settings) as verifier:
        match = verifier.compare(probe, gallery).match
    assert match is not None
    return match.gallery_scores


def told(seen: Seen) -> tuple[Any, ...]:
    """All of a request that matters to Azure."""
    headers = ("host", "ocp-apim-subscription-key", "content-type", "accept")
    verifies = seen.target.endswith("/verify")
    body: Any = seen.json if verifies else seen.body
    return seen.method, seen.target, [seen.headers[name] for name in headers], body


@pytest.mark.parametrize("below", ["", "/below"])
def test_they_send_the_same_requests_in_the_same_order(below: str) -> None:
    with Server(stub) as server:
        theirs = with_the_sdk(server.url + below, PROBE, PASSPORT, LICENCE)
        ours = with_facegate(server.url + below, PROBE, PASSPORT, LICENCE)
    assert [*ours] == theirs == [CONFIDENCE, CONFIDENCE]
    requests = [told(each) for each in server.seen]
    assert len(requests) == 10
    assert requests[5:] == requests[:5]


def refused(status: int, code: str) -> Act:
    return reply(status, {"error": {"code": code, "message": "m"}})


@pytest.mark.parametrize(
    ("acts", "code", "kind"),
    [
        ([refused(400, "InvalidImage")], "InvalidImage", HttpResponseError),
        ([refused(401, "401")], "401", ClientAuthenticationError),
        ([refused(403, "UnsupportedFeature")], "UnsupportedFeature", HttpResponseError),
        ([stub, stub, refused(404, "FaceNotFound")], "FaceNotFound", ResourceNotFoundError),
        (
            [stub, stub, refused(409, "ConcurrentOperationConflict")],
            "ConcurrentOperationConflict",
            ResourceExistsError,
        ),
        ([refused(429, "429")], "429", HttpResponseError),
        ([refused(503, "ServiceUnavailable")], "ServiceUnavailable", HttpResponseError),
    ],
)
def test_they_find_the_same_code_in_an_error(
    acts: Sequence[Act], code: str, kind: type[HttpResponseError]
) -> None:
    with Server(*acts) as server, pytest.raises(kind) as theirs:
        with_the_sdk(server.url, PROBE, PASSPORT)
    with Server(*acts) as server, pytest.raises(FacegateError) as ours:
        with_facegate(server.url, PROBE, PASSPORT)
    assert theirs.value.error is not None
    assert theirs.value.error.code == ours.value.vendor_code == code
