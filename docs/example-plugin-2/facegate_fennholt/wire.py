"""What travels: Fennholt's messages exactly as it spells them, and its scores."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from facegate import plugin as fg

TOKENS: Final = "/oauth/token"
CHECKS: Final = "/v2/checks"
MATCH: Final = fg.ScoreSpec(fg.Scale(name="fennholt", high=100), threshold=75)
FORMATS: Final = frozenset({fg.ImageFormat.JPEG, fg.ImageFormat.PNG})


class Pair(fg.WireModel):
    """Are the two the same person, from this likeness on?"""

    portrait: fg.Picture
    document: fg.Picture
    same_from: float


class _Reply(fg.WireModel):
    """What is no error; those have another code."""

    code: Literal[0]


class Begun(_Reply):
    """Where the check will be found. The id becomes part of a path, so it is looked at."""

    check: Annotated[str, Field(pattern=r"^[\w-]+$")]


class Result(fg.WireModel):
    """A verdict of three, and the likeness that it was made from."""

    verdict: Literal["same", "unsure", "different"]
    likeness: Annotated[float, Field(strict=True, ge=0, le=100)]


class Check(_Reply):
    """How far a check is; the result is there when it is done."""

    state: Literal["running", "done"]
    result: Result | None = None
