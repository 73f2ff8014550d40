"""Rows: requests, and what belongs to them, as they are read from the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from facegate.model import Billed, Decision, Operation


class ReviewState(StrEnum):
    """The state of a decision that a person has to look at."""

    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"


class Act(StrEnum):
    """The thing that a reviewer did."""

    CLAIM = "claim"
    RELEASE = "release"
    VERDICT = "verdict"
    UNDO = "undo"


class Verdict(StrEnum):
    """A reviewer's decision."""

    ACCEPT = "accept"
    REJECT = "reject"


class Found(StrEnum):
    """The truth about a request, as far as a reviewer found it out."""

    GENUINE = "genuine"
    IMPOSTOR = "impostor"
    ATTACK = "attack"


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request as one provider answered it, or failed to.

    Attributes:
        at: when the request began, in UTC.
        request_id: shared by the primary and the shadow of one request, and by nothing else.
        subject: keyed hash of the person's name; None where nobody was named.
        route: that was asked.
        arm: of the split; None where there is none.
        shadow: answered in the background, and not the answer that the caller got.
        provider: that answered, or was asked last.
        lineage: the matching engine underneath.
        operation: what was asked.
        decision: None where it failed.
        match_score: on the provider's own scale, where it gives one.
        liveness_score: on the provider's own scale, where it gives one.
        error_code: class name of the error, where it failed.
        seconds: duration of the whole request.
        attempts: how many it took.
        billed: whether any of them may have been charged for.
        cost: of all attempts, in the operator's currency; None where it is not configured.
        engine: version or model of the engine that answered, where the provider gives it.
        calibration: first 12 digits of the digest of the calibration behind error rates; None where
            there was none.
        judged_by_caller: the caller wanted the score alone and decided elsewhere, so ``decision``
            is nobody's.
        genuine: the truth, as it was labelled later: the claimed person, or an impostor; None for
            not known.
        spoof: the truth, as it was labelled later: a presentation attack, or none; None for not
            known.
        match_threshold: that the match score had to reach; None where there is no score.
        liveness_threshold: that the liveness score had to reach; None where there is no score.
        plugin: the code behind the provider.
        plugin_version: of the distribution that the plugin came with.
        configuration: digest of the configuration that led there.
        caller: id of the key that the request came with; None where it came through no service.
        consent_reference: of the person's consent, as the caller gave it.
        consent_purpose: of the person's consent, as the caller gave it.
        given_id: id that the caller gave, where an earlier request had it already.
        final: ``decision``, or the verdict of the reviewers once there is one.
        review: how far the reviewers are; None where nobody has to look.
        seq: number of its record; 0 where it was not read from a journal.
    """

    at: datetime
    request_id: str
    subject: str | None
    route: str
    arm: str | None
    shadow: bool
    provider: str
    lineage: str
    operation: Operation
    decision: Decision | None
    match_score: float | None
    liveness_score: float | None
    error_code: str | None
    seconds: float
    attempts: int
    billed: Billed
    cost: float | None
    engine: str | None = None
    calibration: str | None = None
    judged_by_caller: bool = False
    genuine: bool | None = None
    spoof: bool | None = None
    match_threshold: float | None = None
    liveness_threshold: float | None = None
    plugin: str | None = None
    plugin_version: str | None = None
    configuration: str | None = None
    caller: str | None = None
    consent_reference: str | None = None
    consent_purpose: str | None = None
    given_id: str | None = None
    final: Decision | None = None
    review: ReviewState | None = None
    seq: int = 0


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt at a request.

    Attributes:
        at: when it began, in UTC.
        number: its place among the attempts at the request, from 1 on.
        provider: that was asked.
        plugin: the code behind the provider.
        plugin_version: of the distribution that the plugin came with.
        image: the picture that it was about, where it was about one.
        step: its part of the work, where the provider takes several.
        error_code: class name of the error, where it failed.
        seconds: its duration.
        billed: whether it may have been charged for.
        cost: in the operator's currency; None where it is not configured.
        calibration: first 12 digits of the digest of the calibration behind error rates; None where
            there was none.
    """

    at: datetime
    number: int
    provider: str
    plugin: str
    plugin_version: str | None
    image: str | None
    step: str | None
    error_code: str | None
    seconds: float
    billed: Billed
    cost: float | None
    calibration: str | None


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label of a request.

    Attributes:
        at: when it was written down, in UTC.
        caller: id of the key that it came with; None where it came through no service.
        genuine: the claimed person, or an impostor; None for not known.
        spoof: a presentation attack, or none; None for not known.
        withdraws: it takes back what a reviewer had found, so that None means not known again.
    """

    at: datetime
    caller: str | None
    genuine: bool | None
    spoof: bool | None
    withdraws: bool = False


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One act of a reviewer.

    Attributes:
        at: when it happened, in UTC.
        caller: the reviewer.
        act: what they did.
        until: end of the claim; None where it was given back.
        verdict: what they decided; None where they did not.
        reason: theirs, in their words.
        found: what turned out to be true, where they know.
        final: the verdict that counts after it; None while there is none.
    """

    at: datetime
    caller: str
    act: Act
    until: datetime | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    found: Found | None = None
    final: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A decision that a person has to look at.

    Attributes:
        request_id: of the request.
        at: when the request began, in UTC.
        route: that was asked.
        decision: the request.
        claimed_by: the reviewer who looks at it; None where nobody does.
        claimed_until: the end of that claim, which another may take it after.
        verdict: the latest that stands, whether it counts yet or not.
        verdict_by: whose it is.
        verdict_until: until when they may undo it.
        reason: theirs.
        confirmations_left: how many more reviewers must say the same; 0 once it counts. None
            while there is no verdict.
    """

    request_id: str
    at: datetime
    route: str
    decision: RequestRow
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    verdict: Verdict | None = None
    verdict_by: str | None = None
    verdict_until: datetime | None = None
    reason: str | None = None
    confirmations_left: int | None = None
