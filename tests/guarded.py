"""A vendor behind a breaker, and what a breaker holds against a vendor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acme import DOCUMENT, PROBE
from facegate import (
    AuthenticationFailed,
    CaptureReason,
    CaptureRejected,
    ConnectionFailed,
    FacegateError,
    FaceVerifier,
    InvalidRequest,
    LicenseInvalid,
    Operation,
    ProviderBusy,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UnmappedError,
    UnsupportedOption,
)
from facegate.events import BreakerTurned, Event
from facegate.routing.breaker import Breaker, BreakerSettings, Circuit, State
from facegate.routing.leaf import Leaf
from facegate.routing.route import Route
from facegate.testing import FakeProvider


def down() -> FacegateError:
    return ProviderUnavailable("maintenance")


COOLING: list[Callable[[], FacegateError]] = [
    down,
    lambda: ConnectionFailed("no connection"),
    lambda: ProviderTimeout("no answer"),
    lambda: RateLimited("slow down"),
    lambda: LicenseInvalid("used up"),
    lambda: AuthenticationFailed("who are you?"),
]
NOT_ITS_FAULT: list[Callable[[], FacegateError]] = [
    lambda: CaptureRejected("no face", reason=CaptureReason.FACE_NOT_FOUND),
    lambda: InvalidRequest("not like this"),
    lambda: UnsupportedOption("not that"),
    lambda: ProviderBusy("too much to do"),
    lambda: UnmappedError("code 4711"),
]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Guarded:
    """A vendor behind a breaker that watches five calls, and the events of it."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.vendor = FakeProvider(name="main")
        chosen = {"minimum_calls": 5, "open_s": 30, "window_s": 100, **settings}
        self.circuit = Circuit("main", BreakerSettings.model_validate(chosen), self.clock)
        self.node = Breaker(Leaf(self.vendor), self.circuit)
        self.events: list[Event] = []
        self.verifier = FaceVerifier(Route("kyc", self.node, 10, 1), observers=[self.events.append])

    def compare(self) -> bool:
        return self.verifier.compare(PROBE, DOCUMENT).accepted

    def fail(self, times: int, error: Callable[[], FacegateError] = down) -> None:
        for _ in range(times):
            self.vendor.will(error())
            with pytest.raises(type(error())):
                self.compare()

    def state(self) -> State:
        return self.circuit.state(Operation.COMPARE)

    @property
    def turns(self) -> list[str]:
        return [event.state for event in self.events if isinstance(event, BreakerTurned)]
