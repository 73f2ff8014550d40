"""Signal handlers that raise while a request is under way, as time limits of task queues do."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from acme import acme
from facegate import Decision, FaceVerifier, Operation
from facegate.routing.breaker import Breaker, BreakerSettings, Circuit, State
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from loopback import Server, reply, stall
from scripted import QUESTION
from scripted import route as routed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's timers and signals")

MATCH = {"score": 0.95, "reference": "r-1"}
INTERRUPTIONS = 200


class SoftTimeLimit(Exception):
    """What a task queue raises in a task that takes too long."""


@contextmanager
def interrupted(seconds: float, error: type[BaseException] = SoftTimeLimit) -> Iterator[None]:
    """A block that a signal handler strikes after a while, if it has not ended."""

    def strike(*_: Any) -> None:
        raise error

    handler = signal.signal(signal.SIGALRM, strike)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


@pytest.mark.parametrize("error", [SoftTimeLimit, KeyboardInterrupt, SystemExit])
def test_it_travels_on_as_it_is_and_nobody_else_sees_the_face(error: type[BaseException]) -> None:
    circuit = Circuit("main", BreakerSettings(minimum_calls=1))
    with Server(stall) as silent, Server(reply(200, MATCH)) as next_one:
        main = Breaker(Leaf(acme(silent.url)), circuit)
        node = Failover("kyc", [main, Leaf(acme(next_one.url))])
        with FaceVerifier(routed(node, deadline_s=2)) as verifier:
            with pytest.raises(error), interrupted(0.3, error):
                verifier.compare(**QUESTION)
            silent.hung_up.acquire()
            time.sleep(0.1)  # for whoever would be asked next
        assert len(silent.seen) == 1
        assert not next_one.seen
    assert circuit.state(Operation.COMPARE) is State.CLOSED  # it says nothing about the vendor


def test_any_number_at_any_moment_take_nothing_from_later_requests() -> None:
    draw = random.Random(11)
    with Server(reply(200, MATCH)) as vendor:
        node = Leaf(acme(vendor.url, max_connections=2))
        with FaceVerifier(routed(node, deadline_s=20)) as verifier:
            for _ in range(INTERRUPTIONS):
                with suppress(SoftTimeLimit), interrupted(draw.uniform(1e-5, 3e-3)):
                    verifier.compare(**QUESTION)
            for _ in range(10):
                assert verifier.compare(**QUESTION).decision is Decision.ACCEPT
