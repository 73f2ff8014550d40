"""Words for looking something up: what is wanted, and what was found. No database is known here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from facegate.errors import InvalidRequest
from facegate.journal.rows import AttemptRow, LabelRow, RequestRow, ReviewRow
from facegate.model import Decision, Operation


class NotRecorded(InvalidRequest):
    """The journal has no such request."""

    http_status = 404


class CaseTaken(InvalidRequest):
    """A case that somebody else looks at, or that is in no state for what was asked."""

    http_status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The requests that are wanted; each attribute narrows them down, and None does not.

    Attributes:
        subject: the person, as the caller named them.
        since: the earliest beginning of a request.
        until: the moment before which a request began.
        decision: the decision, before any review.
        operation: what was asked.
        route: that was asked.
        routes: one of which was asked.
        provider: that answered, or was asked last.
        caller: id of the key that the request came with.
        error: class name of the error that it ended in.
        reference: of the person's consent.
    """

    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    decision: Decision | None = None
    operation: Operation | None = None
    route: str | None = None
    routes: Sequence[str] | None = None
    provider: str | None = None
    caller: str | None = None
    error: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the requests that were wanted.

    Attributes:
        decisions: the newest first; the oldest first where later ones than some were wanted.
        next: number to go on from; None where there are no more.
        head: number of the journal's last record.
    """

    decisions: Sequence[RequestRow]
    next: int | None
    head: int


@dataclass(frozen=True, slots=True)
class Detail:
    """All that is recorded of one request.

    Attributes:
        decision: the request as the caller saw it end.
        shadows: what candidates made of it in the background.
        attempts: every provider that was asked for it, oldest first, without the shadows'.
        labels: what was found out, oldest first.
        reviews: what reviewers did, oldest first.
        repeats: ids of other requests that were given the same id, oldest first.
    """

    decision: RequestRow
    shadows: Sequence[RequestRow]
    attempts: Sequence[AttemptRow]
    labels: Sequence[LabelRow]
    reviews: Sequence[ReviewRow]
    repeats: Sequence[str]


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a provider's attempts, shadows among them.

    Attributes:
        requests: how many attempts there were.
        errors: how many of them ended without an answer, whatever the reason.
        p50: their median seconds, to the millisecond; None where there were none.
        p95: seconds that 95 of 100 took at most, to the millisecond; None where there were none.
        cost: in the operator's currency; None where it is not configured.
    """

    requests: int
    errors: int
    p50: float | None
    p95: float | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of a journal.

    Attributes:
        head: number and hash of the last record, as ``number:hash``.
        records: how many there are.
        begins: number of the first one; those before it were purged.
        keyed: whether the chain is hashed with a key, at its end.
    """

    head: str
    records: int
    begins: int
    keyed: bool
