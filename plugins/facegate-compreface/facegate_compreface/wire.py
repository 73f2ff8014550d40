"""What CompreFace is sent and sends, and its scores.

Source: the code and the REST description of exadel-inc/CompreFace, release 1.2.0.
"""

from __future__ import annotations

from typing import Annotated, Final, Generic, TypeVar

from pydantic import Field

from facegate import plugin as fg

VERIFY: Final = "/api/v1/verification/verify"
KEY: Final = "x-api-key"
FORMATS: Final = frozenset(map(fg.ImageFormat, ("BMP", "JPEG", "PNG", "TIFF", "WebP")))
"""Those of its list of file name endings that facegate reads, too."""
PICTURES: Final = fg.PictureLimits(max_bytes=5 * 2**20)

Share = Annotated[float, Field(ge=0, le=1)]
Similarity = Annotated[Share, Field(strict=True)]

P = TypeVar("P")
"""A Picture where we ask; text where we are asked, since that has yet to be looked at."""


def scores(engine: str, threshold: float) -> fg.ScoreSpec:
    """The scores of one build of the engine, each of which has a curve of its own."""
    return fg.ScoreSpec(fg.Scale(name=f"compreface/{engine}"), threshold=threshold)


class Query(fg.WireModel):
    """What stands behind the path. A ``limit`` of 0 is none."""

    limit: int = Field(0, ge=0)
    det_prob_threshold: Share | None = None
    status: bool = False


class Pair(fg.WireModel, Generic[P]):
    """How alike is the face of the source to each face of the target?"""

    source_image: P
    target_image: P


class Match(fg.WireModel):
    """A face of the target."""

    similarity: Similarity


class Versions(fg.WireModel):
    """The parts of the engine, told where ``status`` was asked for."""

    calculator: str


class Compared(fg.WireModel):
    """Every face of the target, in no order that means anything."""

    face_matches: Annotated[tuple[Match, ...], Field(min_length=1)]
    plugins_versions: Versions


class Verified(fg.WireModel):
    """The list has one element, whatever was asked."""

    result: tuple[Compared]
    code: None = Field(None, repr=False)  # an answer that names an error is none
