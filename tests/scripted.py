"""Made-up vendors that do as they are told, and routes between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from acme import DOCUMENT, INFO, MATCH, PROBE
from facegate import (
    AuthenticationFailed,
    BadReply,
    Billed,
    CaptureReason,
    CaptureRejected,
    ConnectionFailed,
    Image,
    Operation,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UnmappedError,
    VerificationResult,
)
from facegate.errors import FacegateError, JournalUnavailable
from facegate.events import Event, Finished, Shadowed
from facegate.model import Attempt
from facegate.plugin import Answer, CompareRequest, Flow, FlowProvider, ProviderSettings, sleep
from facegate.routing.breaker import Breaker, Circuit
from facegate.routing.leaf import Leaf
from facegate.routing.limits import Limited, Limiter, LimitSettings
from facegate.routing.node import Node
from facegate.routing.retry import Retry, RetryPolicy, RetryQuota
from facegate.routing.route import Route
from facegate.routing.shadow import Shadow
from facegate.runtime.flow import call

QUESTION: dict[str, Any] = {"probe": Image.of(PROBE), "gallery": [Image.of(DOCUMENT)]}

SCORES = {"yes": 0.99, "no": 0.01}
"""What a vendor may answer, as a part of its scale."""

FAILURES: dict[str, Callable[[], FacegateError]] = {
    "no face": lambda: CaptureRejected("", reason=CaptureReason.FACE_NOT_FOUND, image="probe"),
    "unavailable": lambda: ProviderUnavailable("it cannot serve now"),
    "unavailable for 3 s": lambda: ProviderUnavailable("restarting", retry_after=3),
    "unreachable": lambda: ConnectionFailed("no connection"),
    "busy": lambda: RateLimited("too many requests"),
    "busy for 3 s": lambda: RateLimited("too many requests", retry_after=3),
    "who are you": lambda: AuthenticationFailed("the token is not known"),
    "late": lambda: ProviderTimeout("no answer in time"),
    "garbled": lambda: BadReply("no JSON"),
    "something": lambda: UnmappedError("an error that no table knows"),
}
"""What it may say instead."""


class Vendor(FlowProvider[ProviderSettings]):
    """Says one word of its script for each question, the last one for ever.

    A word that does not come at once stands after the seconds that it takes.
    """

    settings_type = ProviderSettings
    info = INFO

    def __init__(
        self,
        name: str,
        *script: str | tuple[float, str],
        recipient: str | None = None,
        offers: Iterable[Operation] = (Operation.COMPARE,),
        info: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(ProviderSettings(**settings), name)
        handling = replace(INFO.handling, recipient=recipient or name)
        self.info = replace(INFO, handling=handling, **(info or {}))
        self.capabilities = frozenset(offers)
        self.script = script or ("yes",)
        self.asked: list[CompareRequest[ProviderSettings]] = []
        self.closed = 0

    def compare(self, request: CompareRequest[ProviderSettings]) -> Flow[Answer]:
        word = self.script[min(len(self.asked), len(self.script) - 1)]
        self.asked.append(request)
        seconds, word = word if isinstance(word, tuple) else (0, word)
        if seconds:
            yield from sleep(seconds)
        if word in FAILURES:
            raise FAILURES[word]()
        spec = self.info.match or MATCH
        return Answer(match=spec.match(SCORES[word] * spec.scale.high, request.threshold))

    def close(self) -> None:
        self.closed += 1


def free(name: str, *script: str) -> Vendor:
    """One that charges for nothing."""
    return Vendor(name, *script, info={"billed": Billed.NO})


def leaves(*vendors: Vendor) -> list[Node]:
    return [Leaf(vendor) for vendor in vendors]


def route(node: Node, *, deadline_s: float = 8, max_attempts: int = 9, **more: Any) -> Route:
    return Route("kyc", node, deadline_s, max_attempts, **more)


def protected(node: Node) -> Node:
    """With all that a configuration can put around a provider."""
    limits = LimitSettings(concurrency=2, rate="100000/second")
    inner = Limited(Breaker(node, Circuit("main")), Limiter("main", limits))
    return Retry(inner, RetryPolicy(), RetryQuota())


def course(ended: VerificationResult | FacegateError | tuple[Attempt, ...]) -> list[str]:
    """Who was asked and how it went, a line each."""
    attempts = ended if isinstance(ended, tuple) else ended.attempts
    return [f"{each.provider}: {each.error_code or each.outcome}" for each in attempts]


def shadowed(candidate: Any, main: Vendor | None = None, sample: float = 1, **how: Any) -> Route:
    shadow = Shadow(Leaf(candidate), sample, **how)
    return route(Leaf(main or Vendor("main")), shadow=shadow)


class Book:
    """Keeps events, as an observer and as a recorder; as the latter it fails where told to."""

    def __init__(self, refused: type[Event] | None = None) -> None:
        self.seen: list[Event] = []
        self.recorded: list[Finished | Shadowed] = []
        self.closed = False
        self._refused = refused

    def __call__(self, event: Event) -> None:
        self.seen.append(event)

    def record(self, event: Finished | Shadowed) -> Flow[None]:
        yield from call(lambda: None)
        if self._refused and isinstance(event, self._refused):
            raise BadReply("the disk is full")
        assert not self.closed
        self.recorded.append(event)

    def submit(self, event: Finished) -> None:
        self.recorded.append(event)

    def check(self) -> None:
        if self._refused:
            raise JournalUnavailable("the disk is full")

    def close(self) -> None:
        self.closed = True

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.seen if isinstance(event, kind)]
