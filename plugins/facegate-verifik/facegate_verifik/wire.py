"""Verifik's messages: requests, read or written, and replies in both shapes that it documents.

Current documentation shows *flat* replies (``data.score``). Captured replies and the vendor's own
client show stored *records* (``data.result.score``). The models here read either.

A request's pictures are images where facegate asks, and text where it is asked::

    CompareLive[Picture]      CompareLive[Text]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticKnownError, PydanticUndefined

from facegate.plugin import BadReply, HeaderSecret, Image, Scale, ScoreSpec, WireModel

COMPARE: Final = "/v2/face-recognition/compare"
COMPARE_LIVE: Final = "/v2/face-recognition/compare-live"
COMPARE_FIRST: Final = "/v2/face-recognition/compare-with-liveness"
LIVENESS: Final = "/v2/face-recognition/liveness"
LIVENESS_SCORE: Final = "/v2/face-recognition/liveness-score"
RENEWAL: Final = "/v2/auth/session"

MATCH_SPEC: Final = ScoreSpec(Scale(name="verifik/match"), threshold=0.85, settable=(0.67, 0.95))
"""Verifik's compare page, 2026; a score that meets the threshold matches."""
LIVENESS_SPEC: Final = ScoreSpec(
    Scale(name="verifik/liveness"), threshold=0.6, settable=(0.5, 1.0), strict=True
)
"""Verifik's liveness page: live is strictly above the threshold."""
JOINT_FLOOR: Final = 0.52
"""Lowest liveness threshold where a comparison goes with it (Verifik's compare-live page)."""

SHORTEST: Final = 100
"""Letters of base64 below which Verifik takes a picture for none; it says "about"."""

P = TypeVar("P")


def is_stub(image: Image) -> bool:
    """Whether Verifik would take the picture for none."""
    return -(-len(image.data) // 3) * 4 < SHORTEST


def _no_switch(value: Any) -> Any:
    if isinstance(value, bool):  # it would be taken for 0 or 1
        raise PydanticKnownError("float_type")
    return value


def _several(value: Any) -> Any:
    """The 2023 documentation has the probe of a comparison as one string."""
    return [value] if isinstance(value, str) else value


def _needed_if_strict(value: Any, info: ValidationInfo) -> Any:
    if value is None and info.context and info.context["strict"]:
        raise PydanticKnownError("missing")
    return value


Text = Annotated[str, Field(min_length=1)]
SearchMode = Literal["FAST", "ACCURATE"]
_Mode = Annotated[SearchMode | None, AfterValidator(_needed_if_strict)]
_MatchThreshold = Annotated[float, Field(ge=0.67, le=0.95), BeforeValidator(_no_switch)]
_LivenessThreshold = Annotated[float, Field(ge=0.5, le=1), BeforeValidator(_no_switch)]
_JointThreshold = Annotated[float, Field(ge=JOINT_FLOOR, le=1), BeforeValidator(_no_switch)]


class Compare(WireModel, Generic[P]):
    """Probes in an array, as the current page has it. ``search_mode`` has been optional."""

    probe: Annotated[list[P], Field(min_length=1, max_length=3), BeforeValidator(_several)]
    gallery: Annotated[list[P], Field(min_length=1)]
    search_mode: _Mode = Field(default=None, validate_default=True)
    compare_min_score: _MatchThreshold | None = None


class CompareLive(WireModel, Generic[P]):
    """Both questions at once; the liveness threshold has no default."""

    probe: P
    gallery: Annotated[list[P], Field(min_length=1)]
    os: Text
    search_mode: _Mode = Field(default=None, validate_default=True)
    liveness_min_score: _JointThreshold
    compare_min_score: _MatchThreshold | None = None


class CompareFirst(WireModel, Generic[P]):
    """Liveness is skipped if ``compare_min_score`` is given and the comparison does not meet it."""

    probe: P
    gallery: Annotated[list[P], Field(min_length=1)]
    os: Text | None = None
    search_mode: _Mode = Field(default=None, validate_default=True)
    liveness_min_score: _JointThreshold | None = None
    compare_min_score: _MatchThreshold | None = None


class CheckLiveness(WireModel, Generic[P]):
    """A liveness check of one picture."""

    os: Text
    image: P
    liveness_min_score: _LivenessThreshold | None = None


_Score = Annotated[float, Field(strict=True, ge=0, le=1)]
_TextScore = Annotated[float, Field(ge=0, le=1), BeforeValidator(_no_switch)]
"""A liveness score may come as text; one above 1 is no percentage, whatever the vendor's client
makes of it."""
_Verdict = Annotated[bool, Field(strict=True)]


def _either(*path: str | AliasPath) -> Any:
    return Field(default=None, validation_alias=AliasChoices(*path))


class _Finding(WireModel):
    """A finding that may stand in several places of a reply; if two of them differ, it is none."""

    model_config = ConfigDict(populate_by_name=False)  # a name is no place: ``passed`` has two ends
    not_of: ClassVar[tuple[str, ...]] = ()
    """Types of stored records that share fields with this one, but answer another question."""

    @model_validator(mode="before")
    @classmethod
    def _of_one_mind(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if data.get("type") in cls.not_of:
            raise ValueError("a record of another question")
        for field in cls.model_fields.values():
            if isinstance(alias := field.validation_alias, AliasChoices):
                paths = (AliasPath(at) if isinstance(at, str) else at for at in alias.choices)
                places = (path.search_dict_for_path(data) for path in paths)
                values = [value for value in places if value not in (None, PydanticUndefined)]
                if any(value != values[0] for value in values):
                    raise ValueError("two places differ")
        return data


class Comparison(_Finding):
    """The result of a comparison.

    Records have had a verdict since 2026; flat, one Spanish page has ``match``.
    """

    not_of = ("liveness",)
    score: _Score | None = _either(AliasPath("result", "score"), "score")
    passed: _Verdict | None = _either(AliasPath("result", "passed"), "match")
    threshold: _Score | None = _either(
        AliasPath("result", "compare_min_score"), "compare_min_score"
    )
    live: Literal[True] | None = Field(default=None, validation_alias="passed")
    """What ``passed`` says where it is flat. It is not asked here, but a no is heeded."""


class Check(_Finding):
    """The result of a liveness check."""

    not_of = ("compare", "compareLive")
    score: _TextScore | None = _either(AliasPath("result", "liveness_score"), "liveness_score")
    passed: _Verdict | None = _either(AliasPath("result", "passed"), "passed")
    threshold: _TextScore | None = _either(
        AliasPath("result", "min_score"), "min_score", "liveness_min_score"
    )


class Compared(Comparison):
    """Both results at once. In a record, ``result.passed`` is the verdict on the match alone."""

    flat: Check | None = Field(default=None, validation_alias="liveness")
    liveness_score: _TextScore | None = Field(
        default=None, validation_alias=AliasPath("result", "liveness_score")
    )
    liveness_min_score: _TextScore | None = None

    @property
    def liveness(self) -> Check:
        flat = self.flat or Check()
        return Check.model_construct(
            passed=flat.passed,
            score=_agreed(flat.score, self.liveness_score),
            threshold=_agreed(flat.threshold, self.liveness_min_score),
        )


def _agreed(flat: float | None, record: float | None) -> float | None:
    if None not in (flat, record) and flat != record:
        raise BadReply("answered two things about liveness")
    return record if flat is None else flat


class ComparedFirst(WireModel):
    """Both results, one after the other; without ``liveness`` the check was skipped."""

    comparison: Comparison
    liveness: Check | None = None


def _texts(value: Any) -> Any:
    if not isinstance(value, dict):
        return None
    return {name: text for name, text in value.items() if isinstance(text, str)}


D = TypeVar("D", bound=WireModel)


class Reply(WireModel, Generic[D]):
    """The envelope of an answer; one with a code or an error is no answer, whatever its status."""

    data: D
    code: None = None
    error: None = None
    reference: str | None = Field(default=None, alias="id")
    signature: Annotated[Mapping[str, str] | None, BeforeValidator(_texts)] = None


class Renewed(WireModel):
    """A renewed token; it comes without the envelope."""

    token: HeaderSecret = Field(alias="accessToken")
