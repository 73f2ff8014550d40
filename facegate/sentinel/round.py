"""Rounds: what a provider said of its canaries, once, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from facegate.calibration import Key
from facegate.model import Decision
from facegate.sentinel.materiality import Materiality


class Part(StrEnum):
    """The part that a round has in its period."""

    BASELINE = "baseline"
    """It says what is usual."""
    WATCH = "watch"
    """It is held against the baseline."""
    REPEAT = "repeat"
    """It was asked at once, because the one before it was different."""


_WORTH = {Decision.ACCEPT: 1.0, Decision.REVIEW: 0.5, Decision.REJECT: 0.0}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was said of a canary.

    Attributes:
        score: its similarity, or liveness score; None where the provider gives verdicts alone.
        decision: the decision; None where the picture was refused.
        refusal: the reason why the picture was refused; None where it was not.
    """

    score: float | None = None
    decision: Decision | None = None
    refusal: str | None = None

    @property
    def value(self) -> float | None:
        """The score, or a number for the decision where there is none; None where refused."""
        if self.score is not None or self.decision is None:
            return self.score
        return _WORTH[self.decision]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows from a round.

    Attributes:
        changes: sentences on what shows that the model changed; none where nothing does.
        doubts: sentences on what differs, and has to be seen once more to count.
        p: p-value of the round among all, 0 to 1; None where rounds are not ranked.
        evidence: evidence of a change, 0 or more: an alarm once it reaches the number of rounds
            that a false one takes on average; None where rounds are not ranked.
        materiality: how much what changed matters; None where nothing did.
    """

    changes: Sequence[str] = ()
    doubts: Sequence[str] = ()
    p: float | None = None
    evidence: float | None = None
    materiality: Materiality | None = None

    @property
    def differs(self) -> bool:
        """Whether anything in it is not as it was."""
        return bool(self.changes or self.doubts)


@dataclass(frozen=True, slots=True)
class Round:
    """A round.

    Attributes:
        part: its part in the period.
        key: the words for what answers: engine, runtime, settings that move scores.
        canaries: digest of the canaries that were asked.
        thresholds: the similarity and the liveness score that they were held to, as numbers; None
            for the provider's own.
        seen: what was said of each canary, by its id.
        calibration: id of the calibration that is in use; None where none is.
        failed: canaries of which nothing was said, with the class of the error.
        engines: number of answers by the version or model that gave them, where it is named.
        cost: money that the round cost, or may have; None where no price is configured.
        seconds: seconds of an answer, the median; None where there was none.
        judgement: what follows from it.
        reason: the reason why a period begins, of its first round alone.
        at: when it was recorded, as text; empty before that.
        changed: since when the provider is known to have changed, as text; None where it is not.
    """

    part: Part
    key: Key
    canaries: str
    thresholds: tuple[float | None, float | None]
    seen: Mapping[str, Seen]
    calibration: str | None = None
    failed: Mapping[str, str] = field(default_factory=dict)
    engines: Mapping[str, int] = field(default_factory=dict)
    cost: float | None = None
    seconds: float | None = None
    judgement: Judgement = field(default_factory=Judgement)
    reason: str | None = None
    at: str = ""
    changed: str | None = None

    @property
    def complete(self) -> bool:
        """Whether something was said of every canary."""
        return not self.failed

    def as_data(self) -> dict[str, Any]:
        """The round as data, for :meth:`of_data`; without the moment, which the journal adds."""
        judged = self.judgement
        return {
            "part": self.part,
            "key": self.key.model_dump(mode="json"),
            "canaries": self.canaries,
            "thresholds": list(self.thresholds),
            "seen": {
                name: [seen.score, seen.decision, seen.refusal] for name, seen in self.seen.items()
            },
            "calibration": self.calibration,
            "failed": dict(self.failed),
            "engines": dict(self.engines),
            "cost": self.cost,
            "seconds": self.seconds,
            "changes": list(judged.changes),
            "doubts": list(judged.doubts),
            "p": judged.p,
            "evidence": judged.evidence,
            "materiality": judged.materiality and judged.materiality.as_data(),
            "reason": self.reason,
            "changed": self.changed,
        }

    @classmethod
    def of_data(cls, data: Mapping[str, Any], at: str) -> Self:
        """The round that was written down."""
        seen = {
            name: Seen(score, decision and Decision(decision), refusal)
            for name, (score, decision, refusal) in data["seen"].items()
        }
        judged = Judgement(
            data["changes"],
            data["doubts"],
            data["p"],
            data["evidence"],
            data["materiality"] and Materiality(**data["materiality"]),
        )
        threshold, liveness_threshold = data["thresholds"]
        return cls(
            Part(data["part"]),
            Key.model_validate(data["key"]),
            data["canaries"],
            (threshold, liveness_threshold),
            seen,
            data["calibration"],
            data["failed"],
            data["engines"],
            data["cost"],
            data["seconds"],
            judged,
            data["reason"],
            at,
            data["changed"],
        )
