"""What happened, as frozen data, for whoever watches: journal, logs, traces, metrics.

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
    """A request was answered, or failed for good.

    Attributes:
        at: when it began, in UTC.
        request_id: its id.
        operation: what was asked.
        route: name of the route or provider that was asked.
        subject: whom it was about, as the caller names them; only ever kept as a keyed hash.
        consent: what the person agreed to, where the caller said so.
        result: the answer, or None.
        error: why there is none, or None.
        attempts: every provider asked, oldest first.
        seconds: how long it took.
        configuration: digest of the configuration that led there.
        arm: the arm of the split that it went to, also where it failed there.
        judged_by_caller: the caller wanted the score alone and decides elsewhere; the decision that
            was worked out is nobody's.
    """

    at: datetime
    request_id: str
    operation: Operation
    route: str
    subject: str | None = field(repr=False)
    consent: Consent | None
    result: VerificationResult | None
    error: FacegateError | None
    attempts: tuple[Attempt, ...]
    seconds: float
    configuration: str | None = None
    arm: str | None = None
    judged_by_caller: bool = False


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A candidate was asked what the primary had already answered.

    Attributes:
        primary: what the caller got.
        candidate: the same question put to the candidate; its ``request_id`` is the primary's.
    """

    primary: Finished
    candidate: Finished


@dataclass(frozen=True, slots=True)
class Tried:
    """A provider was asked once.

    Attributes:
        request_id: of the request it was a part of.
        operation: what was asked.
        attempt: how it ended.
    """

    request_id: str
    operation: Operation
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class BreakerTurned:
    """A provider was taken out of service for one operation, is on probation, or back.

    Attributes:
        provider: its configured name.
        operation: the one it concerns.
        state: ``open``, ``half_open`` or ``closed``.
    """

    provider: str
    operation: Operation
    state: str


@dataclass(frozen=True, slots=True)
class ShadowSkipped:
    """A sampled request was not put to the candidate, for too many were going on."""

    request_id: str
    candidate: str


Event = Finished | Shadowed | Tried | BreakerTurned | ShadowSkipped
Observer = Callable[[Event], Any]
"""Called on the spot, in the thread or on the loop of the request: it must be quick, and what it
raises is logged and dropped."""


class Recorder(Protocol):
    """Keeps what must not be lost."""

    def record(self, event: Finished | Shadowed) -> Flow[None]:
        """Keep an event; the answer is given once this has returned, or its time is up."""

    def close(self) -> None:
        """Finish what is going on. Called once."""
