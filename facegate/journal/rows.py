"""What the journal tells of a request, as reports and exports read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from facegate.model import Billed, Decision, Operation


@dataclass(frozen=True, slots=True)
class Row:
    """One request as one provider answered it, or failed to.

    Attributes:
        at: when the request began, in UTC.
        request_id: shared by the primary and the shadow of one request.
        subject: keyed hash of whom it was about; None where nobody was named.
        route: that was asked.
        arm: of the split; None where there is none.
        shadow: answered in the background, and not the answer that the caller got.
        provider: that answered, or was asked last.
        lineage: the matching engine underneath.
        operation: what was asked.
        decision: None where it failed.
        match_score: on the provider's own scale, where it gives one.
        liveness_score: likewise.
        error_code: class name of the error, where it failed.
        seconds: for the whole request.
        attempts: how many it took.
        billed: whether any of them may have been charged for.
        cost: of all attempts, in the operator's currency; None where it is not configured.
        engine: the version or model of it that answered, where the provider says so.
        judged_by_caller: the caller wanted the score alone and decided elsewhere, so ``decision``
            is nobody's.
        genuine: what was found out later: the claimed person, an impostor, or None for not known.
        spoof: likewise: a presentation attack, none, or not known.
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
    judged_by_caller: bool = False
    genuine: bool | None = None
    spoof: bool | None = None
