"""What Azure AI Face is sent and sends, and its scores. Source: its REST reference, version 1.2."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AliasPath, ConfigDict, Field, RootModel, model_validator
from pydantic.alias_generators import to_camel

from facegate import plugin as fg

DETECT: Final = "/face/v1.2/detect"
VERIFY: Final = "/face/v1.2/verify"
KEY: Final = "Ocp-Apim-Subscription-Key"

DETECTION: Final = "detection_03"
RECOGNITION: Final = "recognition_04"
"""The newest models. Azure's defaults are the oldest, and two of a kind are needed to compare."""
TIME_TO_LIVE: Final = (60, 86_400)
"""Seconds for which Azure may be told to keep a face's features."""

MATCH: Final = fg.ScoreSpec(fg.Scale(name=f"azure/{RECOGNITION}"), threshold=0.5)
FORMATS: Final = frozenset({fg.ImageFormat.JPEG, fg.ImageFormat.PNG, fg.ImageFormat.BMP})
PICTURES: Final = fg.PictureLimits(max_bytes=6 * 2**20)

Quality = Literal["low", "medium", "high"]
QUALITIES: Final[tuple[Quality, ...]] = ("low", "medium", "high")


def detection(kept_s: int) -> fg.Query:
    """The arguments of a detection whose features are kept for so many seconds."""
    return {
        "detectionModel": DETECTION,
        "recognitionModel": RECOGNITION,
        "returnFaceId": True,
        "returnFaceAttributes": "qualityForRecognition",
        "returnRecognitionModel": True,
        "faceIdTimeToLive": kept_s,
    }


class _Message(fg.WireModel):
    """A message in the vendor's spelling."""

    model_config = ConfigDict(alias_generator=to_camel)


class Face(_Message):
    """A face, whose features Azure keeps under an id for a while."""

    face_id: Annotated[str, Field(pattern=r"^[0-9A-Fa-f-]{36}$")]
    recognition_model: str
    quality: Annotated[
        Quality, Field(validation_alias=AliasPath("faceAttributes", "qualityForRecognition"))
    ]


class Faces(RootModel[tuple[Face, ...]]):
    """The faces of a picture, the largest first; none is no error."""


class Pair(_Message):
    """Are the two the same person?"""

    face_id1: str
    face_id2: str


class Verified(_Message):
    """How alike they are, and Azure's own verdict, which is a yes from 0.5 on."""

    is_identical: Annotated[bool, Field(strict=True)]
    confidence: Annotated[float, Field(strict=True, ge=0, le=1)]
    error: None = Field(None, repr=False)  # an answer that names an error is none

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.is_identical != (self.confidence >= MATCH.threshold):
            raise ValueError("a verdict that contradicts its score")
        return self
