"""Operations, results and attempts: frozen data that round-trips through JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator


class Operation(StrEnum):
    """An operation: one of the three questions. Values are the method names."""

    COMPARE = "compare"
    COMPARE_LIVE = "compare_live"
    LIVENESS = "liveness"


class Decision(StrEnum):
    """The decision on the person: let in, have a person look, or turn away."""

    ACCEPT = "accept"
    REVIEW = "review"
    REJECT = "reject"


class DecidedBy(StrEnum):
    """The decider: a vendor by its verdict, or facegate by holding a score to a threshold."""

    VENDOR = "vendor"
    FACEGATE = "facegate"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Scale(_Frozen):
    """A vendor's own scale. Scores on scales of different names say nothing about each other.

    Attributes:
        name: which engine's scores these are.
        low: the lowest score there is; the least similar or least live, unless
            ``lower_is_closer``.
        high: the highest score there is.
        lower_is_closer: the scores are distances: the lowest is the most similar.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    lower_is_closer: bool = False

    @property
    def farthest(self) -> float:
        """The score of the least similar there is; as a threshold, it accepts everybody."""
        return self.high if self.lower_is_closer else self.low

    @property
    def closest(self) -> float:
        """The score of the most similar there is."""
        return self.low if self.lower_is_closer else self.high

    def reaches(self, score: float, threshold: float) -> bool:
        """Whether a score is at the threshold or on its closer side."""
        return score <= threshold if self.lower_is_closer else score >= threshold


_SIMILARITY = Scale(name="")
"""The scale that scores without one are taken to be on."""


class _NoTruthValue(_Frozen):
    """An answer, which an ``if`` would take for a yes whatever it says."""

    yes: ClassVar[str]
    """Name of the field that says yes or no."""

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} is no yes or no by itself: use .{self.yes}, or `is not None`"
        )


class _Scored(_NoTruthValue):
    """A verdict and the score behind it, which must not contradict each other."""

    score: float | None = None
    threshold: float | None = None
    scale: Scale | None = None
    uncertain: bool = False

    def _hold_to(self, *, verdict: bool) -> None:
        if verdict and self.uncertain:
            raise ValueError("a yes that is uncertain")
        for name, value in (("score", self.score), ("threshold", self.threshold)):
            if value is not None and self.scale and not self.scale.low <= value <= self.scale.high:
                raise ValueError(f"the {name} is not on its scale")
        if self.score is None or self.threshold is None:
            return
        if verdict and not self._reached:
            raise ValueError("a yes below the threshold")

    @property
    def _reached(self) -> bool:
        """Whether the score is enough; both are there."""
        scale = self.scale or _SIMILARITY
        return scale.reaches(self.score or 0.0, self.threshold or 0.0)


class Match(_Scored):
    """The answer to "same person?", probe against gallery.

    Attributes:
        is_match: same person?
        score: similarity on ``scale``, of the best gallery image; None where the vendor gives none.
        threshold: the score that a match takes, on ``scale``; None where none is known.
        scale: the vendor's scale, of ``score`` and ``threshold``.
        uncertain: the vendor could not tell; ``is_match`` is False.
        decided_by: who turned the score into ``is_match``.
        gallery_scores: one score per gallery image, in order; empty where the vendor gives none.
        fmr: share of strangers, 0 to 1, that would reach this score with a gallery as large, at
            most; None where that is not known.
        fmr_by: who says so, and on whom it was measured.
        calibration: first 12 digits of the digest of the calibration that says so; None where it is
            no such document.
    """

    yes = "is_match"

    is_match: bool
    decided_by: DecidedBy = DecidedBy.VENDOR
    gallery_scores: tuple[float | None, ...] = ()
    fmr: float | None = Field(default=None, ge=0, le=1)
    fmr_by: str | None = None
    calibration: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._hold_to(verdict=self.is_match)
        if self.decided_by is DecidedBy.FACEGATE:
            if self.score is None or self.threshold is None:
                raise ValueError("facegate decides by a score and a threshold")
            # Where a yes takes more than the threshold, a no may equal it.
            if self._reached and not self.is_match and self.score != self.threshold:
                raise ValueError("a no above the threshold")
        return self


class Liveness(_Scored):
    """The answer to "a living person in front of the camera?", on the probe.

    Attributes:
        passed: False for a spoof, and for anything that could not be read as live.
        score: on ``scale``; None where the vendor gives none.
        threshold: the score that a pass takes, on ``scale``; None where none is known.
        scale: the vendor's scale, of ``score`` and ``threshold``.
        uncertain: the vendor could not tell, so this is no spoof; ``passed`` is False.
        reason: the vendor's word for why it did not pass, where it gives one.
    """

    yes = "passed"

    passed: bool
    reason: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._hold_to(verdict=self.passed)
        return self


class Outcome(StrEnum):
    """The end of an attempt; an answered one may well be a no."""

    ANSWERED = "answered"
    FAILED = "failed"


class Billed(StrEnum):
    """Whether the vendor may have charged for an attempt."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


class Attempt(_Frozen):
    """An attempt: one provider asked once.

    Attributes:
        provider: the provider's configured name.
        plugin: the code behind it.
        outcome: whether it answered.
        error_code: class name of the error, where it failed.
        seconds: duration of the call, 0 or more.
        billed: whether the vendor may have charged for it.
        image: the picture it was about, ``"gallery[i]"``, where a vendor is asked once for each.
        step: purpose of the call, in the plugin's word, where a question takes several.
        at: the moment it began, in UTC.
        lineage: the matching engine that was asked.
        cost: price of this call in the operator's currency; None where none is configured.
        calibration: first 12 digits of the digest of the calibration that its rates come from; None
            where there is none.
    """

    provider: str
    plugin: str
    outcome: Outcome
    error_code: str | None = None
    seconds: float = Field(ge=0)
    billed: Billed = Billed.NO
    image: str | None = None
    step: str | None = None
    at: datetime | None = None
    lineage: str = ""
    cost: float | None = None
    calibration: str | None = None


class Box(_Frozen):
    """A place in a picture as people see it, which is after the turn that its EXIF data asks for.

    All lengths are shares of the picture's width or height. A face that is cut off reaches past the
    edge: below 0, or beyond 1.

    Attributes:
        left, top: place of the upper left corner.
        width, height: size of the box, above 0.
    """

    left: float
    top: float
    width: float = Field(gt=0)
    height: float = Field(gt=0)


class Face(_Frozen):
    """A face that a provider saw in a picture.

    Attributes:
        image: the picture: ``"probe"`` or ``"gallery[i]"``.
        box: the face's place; what it spans differs from detector to detector.
        confidence: the provider's confidence that it is a face, 0 to 1; None where it states none.
    """

    image: str
    box: Box
    confidence: float | None = Field(default=None, ge=0, le=1)


class VerificationResult(_NoTruthValue):
    """The one result, whoever answered.

    Attributes:
        operation: the question that was asked.
        decision: accept only if every question asked was answered yes.
        match: the answer to "same person?"; None where that was not asked.
        liveness: the answer to "living person?"; None where that was not asked.
        provider: name of the configured provider that answered.
        plugin: the code behind it.
        lineage: the matching engine underneath. Equal lineages are one engine, not two opinions.
        engine: the version or model of it that answered, where the provider says so.
        vendor_reference: the vendor's id of this transaction.
        vendor_signature: the vendor's signature over it, as sent.
        attempts: every provider asked, oldest first; the last one answered.
        elapsed: seconds for the whole request, 0 or more.
        warnings: sentences that a careful reader of this result should know.
        faces: the faces that were seen, from a provider that says where; in each picture, the one
            that counted comes first.
        request_id: id of the request that this answers: the caller's, or one that facegate drew.
        route: the route that led to the provider, where one is configured.
        arm: the arm of the split that the subject is on, where there is one.
    """

    # ``accepted`` is written out for readers and worked out again when read back.
    model_config = ConfigDict(extra="ignore")
    yes = "accepted"

    operation: Operation
    decision: Decision
    match: Match | None = None
    liveness: Liveness | None = None
    provider: str
    plugin: str
    lineage: str
    engine: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.:/@+-]{1,64}$")
    vendor_reference: str | None = None
    vendor_signature: Mapping[str, str] | None = None
    attempts: tuple[Attempt, ...] = ()
    elapsed: float = Field(ge=0)
    warnings: tuple[str, ...] = ()
    faces: tuple[Face, ...] = ()
    request_id: str = ""
    route: str | None = None
    arm: str | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def accepted(self) -> bool:
        """True when the decision is accept, and only then."""
        return self.decision is Decision.ACCEPT
