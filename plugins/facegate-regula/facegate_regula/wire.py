"""What the service is sent and sends, after the vendor's OpenAPI document, and its scores."""

from __future__ import annotations

from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import AliasChoices, ConfigDict, Field
from pydantic.alias_generators import to_camel

from facegate import plugin as fg

COMPARE: Final = "/api/match"
DETECT: Final = "/api/detect"

# The document's prose has percent; the vendor's samples have 0 to 1, and split at 0.75.
MATCH: Final = fg.ScoreSpec(fg.Scale(name="regula/similarity"), threshold=0.75)

LIVE: Final = 3
GalleryType = Literal["DOCUMENT_PRINTED", "DOCUMENT_RFID", "EXTERNAL"]
GALLERY_TYPES: Final = {"DOCUMENT_PRINTED": 1, "DOCUMENT_RFID": 2, "EXTERNAL": 5}

Number = Annotated[int, Field(strict=True, ge=0)]

P = TypeVar("P")
"""A Picture where we ask; text where we are asked, since that has yet to be looked at."""


class _Message(fg.WireModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Image(_Message, Generic[P]):
    """A picture: its number, what it is of, and whether all of its faces are looked for."""

    index: Number | None = None
    type: Annotated[Number, Field(ge=1, le=7)] = LIVE
    data: P | None = None
    detect_all: bool = False
    liveness_transaction_id: Any = Field(default=None, repr=False)


class Match(_Message, Generic[P]):
    """How alike are the faces of each two of these pictures?"""

    images: list[Image[P]]


class Pair(_Message):
    """Two pictures. The ``score`` beside the similarity is a distance, and is not read."""

    first_index: Number
    second_index: Number
    similarity: Annotated[float, Field(strict=True, ge=0, le=1)] | None = None


class Detection(_Message):
    """A picture: the result code of its own, and its faces."""

    image_index: Number
    status: Number
    faces: list[dict[str, Any]] | None = Field(default=None, repr=False)


class Matched(_Message):
    """All pairs that could be compared, those of two gallery pictures among them."""

    code: Number
    results: list[Pair] | None = None
    detections: list[Detection] | None = None
    status_code: None = Field(default=None, repr=False)  # an answer that is an error too is none


class Detect(_Message):
    """Which faces are on a picture? The scenario is the one without a judgement of quality."""

    image: fg.Picture
    process_param: dict[str, str] = Field(default={"scenario": "OldMode"})


class Faces(_Message):
    """The faces of a picture; none is no error."""

    detections: list[dict[str, Any]] = Field(repr=False)


class Detected(_Message):
    """What became of a picture."""

    code: Number
    results: Faces | None = None


class Failed(_Message):
    """A result code; of an ``OperationLog``, its status."""

    code: Number = Field(validation_alias=AliasChoices("code", "statusCode"))
