"""What Rekognition is sent and sends, its scores, and how it is signed.

Source: its service model ``rekognition/2016-06-27``. Every member of a reply is optional there.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import Field
from typing_extensions import TypedDict

from facegate import plugin as fg

TARGET: Final = "x-amz-target"
TOKEN: Final = "x-amz-security-token"  # noqa: S105  the name of a header
SERVICE: Final = "RekognitionService."
COMPARE: Final = f"{SERVICE}CompareFaces"
DETECT: Final = f"{SERVICE}DetectFaces"
CONTENT_TYPE: Final = "application/x-amz-json-1.1"
SIGNING: Final = fg.SigningScheme(
    "AWS4-HMAC-SHA256",
    prefix="AWS4",
    service="rekognition",
    end="aws4_request",
    dated="x-amz-date",
    covers=frozenset({"content-type", "host", "x-amz-date", TARGET, TOKEN}),
)

MATCH: Final = fg.ScoreSpec(fg.Scale(name="rekognition/similarity", high=100), threshold=80)
FORMATS: Final = frozenset({fg.ImageFormat.JPEG, fg.ImageFormat.PNG})
LONGEST_SIDE: Final = 10_000
PICTURES: Final = fg.PictureLimits(1, 5_242_880, min_side=80, max_side=LONGEST_SIDE)
LONGEST: Final = 6_990_508
"""Letters of the longest picture in base64."""

Quality = Literal["NONE", "AUTO", "LOW", "MEDIUM", "HIGH"]
Number = Annotated[float, Field(strict=True)]
Percent = Annotated[Number, Field(ge=0, le=100)]

P = TypeVar("P")
"""A Picture where we ask; text where we are asked, since that has yet to be looked at."""


class Source(fg.WireModel, Generic[P]):
    """A picture, or the place of one in S3, which facegate neither sends nor takes."""

    Bytes: P | None = None
    S3Object: Any = Field(default=None, repr=False)


class Compare(fg.WireModel, Generic[P]):
    """How alike is the largest face of the source to each face of the target?"""

    SourceImage: Source[P]
    TargetImage: Source[P]
    SimilarityThreshold: Number | None = None
    QualityFilter: Quality | None = None


class Detect(fg.WireModel, Generic[P]):
    """Which faces are on a picture, and how good are they?"""

    Image: Source[P]
    Attributes: tuple[str, ...] = ("DEFAULT", "FACE_OCCLUDED")


class Matched(fg.WireModel):
    """A face of the target that reached the threshold."""

    Similarity: Percent


class Compared(fg.WireModel):
    """The faces of the target; those below the threshold come without a similarity."""

    FaceMatches: tuple[Matched, ...] = ()
    UnmatchedFaces: tuple[dict[str, Any], ...] = Field((), repr=False)
    error: None = Field(None, alias="__type", repr=False)  # an answer that names an error is none


class _Size(TypedDict):
    Width: Number
    Height: Number


class _Turn(TypedDict):
    Yaw: Number
    Pitch: Number


class _Found(TypedDict):
    Value: bool


class Detail(fg.WireModel):
    """A face: its size as shares of the picture's, its turn in degrees."""

    BoundingBox: _Size
    Pose: _Turn
    FaceOccluded: _Found


class Detected(fg.WireModel):
    """All faces of a picture; none is no error."""

    FaceDetails: list[Detail]
    error: None = Field(None, alias="__type", repr=False)
