"""Rows: requests as reports and exports read them from the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from facegate.model import Billed, Decision, Operation


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request as one provider answered it, or failed to.

    Attributes:
        at: when the request began, in UTC.
        request_id: shared by the primary and the shadow of one request.
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
