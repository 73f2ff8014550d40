"""Events of requests, as frozen data for the journal, logs, traces and metrics.

No event holds a picture, a token or a vendor's words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from facegate.errors import FacegateError
from facegate.model import Attempt, Operation, VerificationResult
from facegate.runtime.flow import Flow

if TYPE_CHECKING:
    from facegate.consent import Consent

_log = logging.getLogger(__name__)

__all__ = [
    "BreakerTurned",
    "BudgetPassed",
    "CanaryFailed",
    "Cancelled",
    "Event",
    "Finished",
    "ModelChanged",
    "Observer",
    "Recorder",
    "Refused",
    "RoundEnded",
    "ShadowSkipped",
    "Shadowed",
    "Stands",
    "Tried",
]


class Cancelled(FacegateError):
    """The asking task was cancelled or interrupted: recorded as the end, and never raised."""


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


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that a service turned away before any question was asked.

    Attributes:
        status: HTTP status of the reply, 400 to 599.
        path: the path that was asked, as it is declared; ``-`` where nothing is.
        caller: id of the key that it came with; None where none was believed.
    """

    status: int
    path: str
    caller: str | None


@dataclass(frozen=True, slots=True)
class BudgetPassed:
    """A key that has spent more than its soft budget; told by the question that passed it.

    Attributes:
        caller: the key's id.
        spent: money that is spent or reserved, in the operator's currency.
        soft_budget: the money after which that is told.
        period: ``day`` or ``month``.
    """

    caller: str
    spent: float
    soft_budget: float
    period: str


@dataclass(frozen=True, slots=True)
class CanaryFailed:
    """A canary of which a provider said nothing, so that its round is not whole.

    Attributes:
        provider: the provider's configured name.
        canary: id of the canary.
        error_code: class of the error.
    """

    provider: str
    canary: str
    error_code: str


@dataclass(frozen=True, slots=True)
class RoundEnded:
    """The end of a sentinel's round.

    Attributes:
        provider: the provider's configured name.
        part: ``baseline``, ``watch`` or ``repeat``.
        answered: number of canaries of which it said something.
        failed: number of those of which it said nothing.
        cost: money that the round cost, or may have; 0 where no price is configured.
    """

    provider: str
    part: str
    answered: int
    failed: int
    cost: float


@dataclass(frozen=True, slots=True)
class Stands:
    """How a watched provider stands; told by each process that keeps watch, where it is news to it.

    Attributes:
        provider: the provider's configured name.
        evidence: evidence of a change, 0 or more, where rounds are ranked; else 0.
        changed: whether the provider is known to have changed.
    """

    provider: str
    evidence: float
    changed: bool


@dataclass(frozen=True, slots=True)
class ModelChanged:
    """A provider whose model changed; told once, by the process that noticed.

    Attributes:
        provider: the provider's configured name.
        changes: sentences on what shows it.
        materiality: ``no decision changes``, ``recalibrate`` or ``unusable``.
    """

    provider: str
    changes: tuple[str, ...]
    materiality: str


Event = (
    BudgetPassed
    | Refused
    | Finished
    | Shadowed
    | Tried
    | BreakerTurned
    | ShadowSkipped
    | CanaryFailed
    | ModelChanged
    | Stands
    | RoundEnded
)
Observer = Callable[[Event], Any]
"""A function that is called on the spot, in the thread or on the loop of the request: it must be
quick, and what it raises is logged and dropped."""


def tell(observers: Iterable[Observer], event: Event) -> None:
    """Tell observers; one that fails is no reason to refuse anything."""
    for observer in observers:
        try:
            observer(event)
        except Exception as error:  # noqa: BLE001
            _log.warning("an observer failed: %s", type(error).__name__)


RECORD_S = 5.0
"""Seconds that an answer waits for being recorded, at most."""


class Recorder(Protocol):
    """A keeper of what must not be lost, such as a journal."""

    def record(self, event: Finished | Shadowed) -> Flow[None]:
        """Keep an event; the answer is given once this has returned.

        Raises:
            JournalUnavailable: it could not be kept; the caller gets this instead of the answer.
        """

    def submit(self, event: Finished) -> None:
        """Keep an event that nobody waits for: at once, and without waiting for anything.

        Raises:
            JournalUnavailable: it could not be kept.
        """

    def check(self) -> None:
        """Find out whether an event could be kept now.

        Raises:
            JournalUnavailable: it could not.
        """

    def close(self) -> None:
        """Finish what is going on. Called once."""
