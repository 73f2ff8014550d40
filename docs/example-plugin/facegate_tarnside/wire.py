"""What travels: Tarnside's messages exactly as it spells them, and its scores."""

from __future__ import annotations

from typing import Annotated, Final, Generic, Literal, TypeVar

from pydantic import Field

from facegate import plugin as fg

COMPARE: Final = "/v1/compare"
LIVENESS: Final = "/v1/liveness"
KEY: Final = "x-api-key"

MATCH: Final = fg.ScoreSpec(fg.Scale(name="tarnside/similarity", high=100), threshold=80)
LIVE: Final = fg.ScoreSpec(fg.Scale(name="tarnside/liveness", high=100), threshold=50)
FORMATS: Final = frozenset({fg.ImageFormat.JPEG, fg.ImageFormat.PNG})

Model = Literal["quick", "careful"]
Score = Annotated[float, Field(strict=True, ge=0, le=100)]

P = TypeVar("P")
"""A Picture where we ask; text where we are asked, since that has yet to be looked at."""


class Compare(fg.WireModel, Generic[P]):
    """Are the two the same person?"""

    selfie: P
    document: P
    model: Model = "quick"


class CheckLiveness(fg.WireModel, Generic[P]):
    """Is it a living person?"""

    selfie: P


class Similarity(fg.WireModel):
    """How alike they are."""

    id: str
    similarity: Score
    code: None = Field(None, repr=False)  # an answer that names an error is none


class Liveliness(fg.WireModel):
    """How alive it looks."""

    id: str
    liveness: Score
    code: None = Field(None, repr=False)
