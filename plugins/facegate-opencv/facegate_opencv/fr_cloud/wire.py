"""What the cloud API is sent and sends, and its scores. Source: its OpenAPI document of July 2026.

Each message is read both ways: by the client that sends it and by the API that is sent it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import BeforeValidator, Field

from facegate import plugin as fg

COMPARE: Final = "/compare"
COMPARE_LIVE: Final = "/compare-live-face"
LIVENESS: Final = "/liveness"
KEY: Final = "x-api-key"

_SCALE = fg.Scale(name="opencv_cloud")
MATCH: Final = fg.ScoreSpec(_SCALE, threshold=0.81)
LIVE: Final = fg.ScoreSpec(_SCALE, threshold=0.5)
FORMATS: Final = frozenset(fg.ImageFormat) - {fg.ImageFormat.HEIC, fg.ImageFormat.AVIF}
"""BMP, JPEG, JPEG 2000, PNG, WebP and TIFF, says the vendor's support article."""
MOST_IMAGES: Final = 3

SearchMode = Literal["FAST", "ACCURATE"]
Os = Literal["DESKTOP", "ANDROID", "IOS"]


def _number(value: Any) -> Any:
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", value):
            raise ValueError("not a number")
        return float(value)
    return value


Score = Annotated[float, Field(strict=True, ge=0, le=1)]
ScoreOrText = Annotated[Score, BeforeValidator(_number)]
"""The document has liveness as a string in one reply and as a number in another; both are read."""

P = TypeVar("P")
"""How a message holds a picture: a Picture for who sends it, text for who has yet to judge it."""


class CheckLiveness(fg.WireModel, Generic[P]):
    """Is the person on the picture a living one?"""

    image: P
    os: Os | None = None


class Compare(fg.WireModel, Generic[P]):
    """Of several probes, the vendor makes one score."""

    gallery: Annotated[list[P], Field(min_length=1, max_length=MOST_IMAGES)]
    probe: Annotated[list[P], Field(min_length=1, max_length=MOST_IMAGES)]
    search_mode: SearchMode | None = None


class CompareLive(fg.WireModel, Generic[P]):
    """Unlike in :class:`Compare`, the probe is no list."""

    gallery: Annotated[list[P], Field(min_length=1, max_length=MOST_IMAGES)]
    probe: P
    liveness_min_score: ScoreOrText | None = None
    os: Os | None = None
    search_mode: SearchMode | None = None


class _Reply(fg.WireModel):
    """An answer. What has a code is an error, whatever its status."""

    code: None = None


class Similarity(_Reply):
    """One score for the two sets of pictures."""

    score: Score


class Liveliness(_Reply):
    """How live."""

    liveness_score: ScoreOrText


class Both(Similarity, Liveliness):
    """Both."""
