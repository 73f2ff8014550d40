"""Events of requests, as frozen data for the journal, logs, traces and metrics.

No event holds a picture, a token or a vendor's words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from facegate.errors import FacegateError
from facegate.model import Attempt, Operation, VerificationResult
from facegate.runtime.flow import Flow

if TYPE_CHECKING:
    from facegate.consent import Consent


__all__ = [
    "BreakerTurned",
    "Event",
    "Finished",
    "Observer",
    "Recorder",
    "ShadowSkipped",
    "Shadowed",
    "Tried",
]


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a request: it was answered, or failed for good.

    Attributes:
        at: the moment it began, in UTC.
        request_id: the request's id.
        operation: the question that was asked.
        route: name of the route or provider that was asked.
        subject: the person, as the caller names them; only ever kept as a keyed hash.
        consent: the person's consent, where the caller gave one.
        outcome: the answer, or the reason why there is none.
        attempts: every provider asked, oldest first.
        seconds: duration of the request, 0 or more.
        configuration: digest of the configuration that led there.
        arm: the arm of the split that it went to, also where it failed there.
        caller: id of the key that it came with; None where it came through no service.
        judged_by_caller: the caller wanted the score alone and decides elsewhere; the decision that
            was worked out is nobody's.
    """

    at: datetime
    request_id: str
    operation: Operation
    route: str
    subject: str | None = field(repr=False)
    consent: Consent | None
    outcome: VerificationResult | FacegateError
    attempts: tuple[Attempt, ...]
    seconds: float
    configuration: str | None = None
    arm: str | None = None
    caller: str | None = None
    judged_by_caller: bool = False

    def answer(self) -> VerificationResult:
        """The answer.

        Raises:
            FacegateError: there is none.
        """
        if isinstance(self.outcome, FacegateError):
            raise self.outcome from None
        return self.outcome

    @property
    def result(self) -> VerificationResult | None:
        """The answer; None where there is none."""
        return None if isinstance(self.outcome, FacegateError) else self.outcome

    @property
    def error(self) -> FacegateError | None:
        """The reason why there is no answer; None where there is one."""
        return self.outcome if isinstance(self.outcome, FacegateError) else None


@dataclass(frozen=True, slots=True)
class Shadowed:
    """The answer of a candidate to what the primary had already answered.

    Attributes:
        primary: the request as the caller saw it end.
        candidate: the same question put to the candidate; its ``request_id`` is the primary's.
    """

    primary: Finished
    candidate: Finished


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt: a provider was asked once.

    Attributes:
        request_id: id of the request that the attempt was a part of.
        operation: the question that was asked.
        attempt: the record of it.
    """

    request_id: str
    operation: Operation
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class BreakerTurned:
    """A turn of a breaker: a provider is out of service for one operation, on probation, or back.

    Attributes:
        provider: the provider's configured name.
        operation: the operation that it concerns.
        state: the breaker's new state: ``open``, ``half_open`` or ``closed``.
    """

    provider: str
    operation: Operation
    state: str


@dataclass(frozen=True, slots=True)
class ShadowSkipped:
    """A sampled request that was not put to the candidate, for too many were going on.

    Attributes:
        request_id: id of the request.
        candidate: name of the provider or route on trial.
    """

    request_id: str
    candidate: str


Event = Finished | Shadowed | Tried | BreakerTurned | ShadowSkipped
Observer = Callable[[Event], Any]
"""A function that is called on the spot, in the thread or on the loop of the request: it must be
quick, and what it raises is logged and dropped."""


RECORD_S = 5.0
"""Seconds that an answer waits for being recorded, at most."""


class Recorder(Protocol):
    """A keeper of what must not be lost, such as a journal."""

    def record(self, event: Finished | Shadowed) -> Flow[None]:
        """Keep an event; the answer is given once this has returned.

        Raises:
            JournalUnavailable: it could not be kept; the caller gets this instead of the answer.
        """

    def check(self) -> None:
        """Find out whether an event could be kept now.

        Raises:
            JournalUnavailable: it could not.
        """

    def close(self) -> None:
        """Finish what is going on. Called once."""
