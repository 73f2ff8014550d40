"""What Tencent Cloud's face recognition is sent and sends, its scores, and how it is signed.

Source: the reference of IAI 2020-03-03, and its SDK ``tencentcloud-sdk-python-iai`` 3.1.191.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final, Generic, Literal, TypeVar

from pydantic import Field

from facegate import plugin as fg

ACTION: Final = "x-tc-action"
COMPARE: Final = "CompareFace"
LIVENESS: Final = "DetectLiveFaceAccurate"
VERSION: Final = "x-tc-version"
OF_2020: Final = "2020-03-03"
TOKEN: Final = "x-tc-token"  # noqa: S105  the name of a header
SIGNING: Final = fg.SigningScheme(
    "TC3-HMAC-SHA256",
    prefix="TC3",
    service="iai",
    end="tc3_request",
    dated="x-tc-timestamp",
    covers=frozenset({"content-type", "host"}),
    epoch=True,
    any_path=True,
)

Model = Literal["2.0", "3.0"]
NEWEST: Final = "3.0"
LARGEST_FACE: Final = 1
MATCH: Final = {
    model: fg.ScoreSpec(
        fg.Scale(name=f"tencent/{model}", high=100),
        threshold=usual,
        strict=True,  # "above" it, two faces are the same person
        rates=fg.Rates(thresholds={1e-3: lax, 1e-4: usual, 1e-5: severe}, by="Tencent"),
    )
    for model, (lax, usual, severe) in {"2.0": (70, 80, 90), "3.0": (40, 50, 60)}.items()
}
"""By model: each has a scale of its own."""
LIVE: Final = fg.ScoreSpec(fg.Scale(name="tencent/liveness", high=100), threshold=40)
FORMATS: Final = frozenset({fg.ImageFormat.BMP, fg.ImageFormat.JPEG, fg.ImageFormat.PNG})
LONGEST: Final = 5 * 2**20
"""Letters of the longest picture in base64."""
_JPEG = fg.PictureLimits(max_bytes=LONGEST, in_base64=True, min_side=64, max_side=4000)
PICTURES: Final = replace(_JPEG, max_side=2000, by_format={fg.ImageFormat.JPEG: _JPEG})

Whole = Annotated[int, Field(strict=True)]
Address = Annotated[str | None, Field(repr=False)]
P = TypeVar("P")
"""A Picture where we ask; text where we are asked, since that has yet to be looked at."""


class Compare(fg.WireModel, Generic[P]):
    """How alike are two faces? Of a picture and a URL, the vendor takes the URL."""

    ImageA: P | None = None
    ImageB: P | None = None
    UrlA: Address = None
    UrlB: Address = None
    FaceModelVersion: str = NEWEST
    QualityControl: Whole | None = None
    FaceMatchingStrategy: Whole = 0


class CheckLiveness(fg.WireModel, Generic[P]):
    """Is it a face, and not a picture of one?"""

    Image: P | None = None
    Url: Address = None
    FaceModelVersion: str = NEWEST


class Scored(fg.WireModel):
    """The score of either question, and the model that gave it."""

    Score: Annotated[float, Field(strict=True, ge=0, le=100)]
    FaceModelVersion: str
    RequestId: Annotated[str, Field(pattern="^[!-~]{0,128}$")]
    Error: None = Field(None, repr=False)  # an answer that names an error is none


class Reply(fg.WireModel):
    """What every reply is wrapped in."""

    Response: Scored
