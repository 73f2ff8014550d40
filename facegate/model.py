"""What is asked and what is answered: frozen, and round-tripping through JSON."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, computed_field

from facegate.errors import Billed


class Operation(StrEnum):
    """The three questions. Values are the method names."""

    COMPARE = "compare"
    COMPARE_LIVE = "compare_live"
    LIVENESS = "liveness"


class Decision(StrEnum):
    """What to do with the person."""

    ACCEPT = "accept"
    REVIEW = "review"
    REJECT = "reject"


class DecidedBy(StrEnum):
    """Whether the vendor gave a verdict or facegate applied the threshold to its score."""

    VENDOR = "vendor"
    FACEGATE = "facegate"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False, defer_build=True)


class Scale(_Record):
    """A vendor's own scale. Scores on scales of different names say nothing about each other.

    Attributes:
        name: which engine's scores these are.
        low: the lowest score there is, the least similar or least live.
        high: the highest.
    """

    name: str
    low: float = 0.0
    high: float = 1.0


class Match(_Record):
    """Probe against gallery.

    Attributes:
        is_match: same person?
        score: similarity on ``scale``, of the best gallery image; None where the vendor gives none.
        threshold: what the score was held against, on ``scale``.
        scale: what ``score`` and ``threshold`` are measured on.
        decided_by: who turned the score into ``is_match``.
        gallery_scores: one score per gallery image, in order; empty where the vendor gives none.
    """

    is_match: bool
    score: float | None = None
    threshold: float | None = None
    scale: Scale | None = None
    decided_by: DecidedBy = DecidedBy.FACEGATE
    gallery_scores: tuple[float | None, ...] = ()


class Liveness(_Record):
    """Is the probe a living person in front of the camera?

    Attributes:
        passed: False for a spoof, and for anything that could not be read as live.
        score: on ``scale``; None where the vendor gives none.
        threshold: what the score was held against, on ``scale``.
        scale: what ``score`` and ``threshold`` are measured on.
        reason: the vendor's word for why it did not pass, where it gives one.
    """

    passed: bool
    score: float | None = None
    threshold: float | None = None
    scale: Scale | None = None
    reason: str | None = None


class Outcome(StrEnum):
    """How an attempt ended; an answered one may well be a no."""

    ANSWERED = "answered"
    FAILED = "failed"


class Attempt(_Record):
    """One provider asked once.

    Attributes:
        provider: its configured name.
        plugin: the code behind it.
        outcome: whether it answered.
        error_code: class name of the error, where it failed.
        seconds: how long it took.
        billed: whether the vendor may have charged for it.
    """

    provider: str
    plugin: str
    outcome: Outcome
    error_code: str | None = None
    seconds: float = Field(ge=0)
    billed: Billed = Billed.NO


class VerificationResult(_Record):
    """The one result, whoever answered.

    Attributes:
        operation: what was asked.
        decision: accept only if every question asked was answered yes.
        match: the answer to "same person?"; None where that was not asked.
        liveness: the answer to "living person?"; None where that was not asked.
        provider: name of the configured provider that answered.
        plugin: the code behind it.
        lineage: the matching engine underneath. Equal lineages are one engine, not two opinions.
        vendor_reference: the vendor's id of this transaction.
        vendor_signature: the vendor's signature over it, as sent.
        attempts: every provider asked, oldest first; the last one answered.
        elapsed: seconds for the whole request.
        warnings: what a careful reader of this result should know.
    """

    operation: Operation
    decision: Decision
    match: Match | None = None
    liveness: Liveness | None = None
    provider: str
    plugin: str
    lineage: str
    vendor_reference: str | None = None
    vendor_signature: Mapping[str, str] | None = None
    attempts: tuple[Attempt, ...] = ()
    elapsed: float = Field(ge=0)
    warnings: tuple[str, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def accepted(self) -> bool:
        """True when the decision is accept, and only then."""
        return self.decision is Decision.ACCEPT


Threshold = float | str
"""A number on the provider's scale, or ``"fmr:1e-4"`` for a false match rate it was measured at."""
