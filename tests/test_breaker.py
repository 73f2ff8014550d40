"""The breaker: who is left alone, for how long, and who is not to blame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acme import DOCUMENT, PROBE
from facegate import (
    FacegateError,
    FaceVerifier,
    Operation,
    ProviderTimeout,
    ProviderUnavailable,
)
from facegate.routing.breaker import Breaker, BreakerSettings, Circuit, State
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from facegate.routing.node import Node, Run, Share
from facegate.routing.route import Route
from facegate.routing.wrapper import Wrapper
from facegate.runtime.flow import Flow, sleep
from facegate.testing import FakeProvider, no_match, not_live
from guarded import COOLING, NOT_ITS_FAULT, Guarded, down
from scripted import QUESTION, Vendor, route
from underway import answered, asked, failed
from virtual import VirtualVerifier, virtual_time


def test_a_provider_that_fails_too_often_is_not_asked_any_more() -> None:
    main = Guarded()
    main.fail(5)
    assert main.state() is State.OPEN
    main.clock.now += 12
    with pytest.raises(ProviderUnavailable, match=r"^main: taken out of service .* 12 s ago") as no:
        main.compare()
    assert len(main.vendor.asked) == 5
    assert no.value.attempts == ()  # it cost nothing, and no attempt


def test_the_next_provider_answers_while_one_is_out_of_service() -> None:
    main, backup = Guarded(), FakeProvider(name="backup")
    main.fail(5)
    route = Route("kyc", Failover("kyc", [main.node, Leaf(backup)]), 10, 2)
    with FaceVerifier(route) as verifier:
        result = verifier.compare(PROBE, DOCUMENT)
    assert [attempt.provider for attempt in result.attempts] == ["backup"]


def test_after_a_while_one_request_finds_out_that_it_is_back() -> None:
    main = Guarded()
    main.fail(5)
    main.clock.now += 30
    assert main.compare()
    assert main.state() is State.CLOSED
    assert main.turns == ["open", "half_open", "closed"]
    main.fail(4)  # what was before is forgotten
    assert main.state() is State.CLOSED


def test_or_that_it_is_not() -> None:
    main = Guarded()
    main.fail(5)
    main.clock.now += 30
    main.fail(1)
    assert main.turns == ["open", "half_open", "open"]
    main.clock.now += 29
    with pytest.raises(ProviderUnavailable, match="out of service"):
        main.compare()


def test_answers_count_for_it_whatever_they_say() -> None:
    main = Guarded()
    main.vendor.will(*[no_match()] * 6)
    assert not any(main.compare() for _ in range(6))
    main.fail(5)
    assert main.state() is State.CLOSED  # 5 of 11
    main.fail(1)
    assert main.state() is State.OPEN  # 6 of 12


@pytest.mark.parametrize("error", NOT_ITS_FAULT, ids=lambda make: make().code)
def test_what_is_not_its_fault_is_not_held_against_it(error: Callable[[], FacegateError]) -> None:
    main = Guarded(minimum_calls=1)
    main.fail(50, error)
    assert main.state() is State.CLOSED
    assert not main.turns


@pytest.mark.parametrize("error", COOLING, ids=lambda make: make().code)
def test_what_is_its_fault_is(error: Callable[[], FacegateError]) -> None:
    main = Guarded()
    main.fail(5, error)
    assert main.state() is State.OPEN


def test_each_operation_is_judged_by_itself() -> None:
    main = Guarded()
    main.fail(5)
    main.vendor.will(not_live())
    assert not main.verifier.liveness(PROBE).accepted
    assert main.circuit.state(Operation.LIVENESS) is State.CLOSED


def test_what_was_long_ago_does_not_count() -> None:
    main = Guarded()
    main.fail(3)
    assert main.compare()
    main.clock.now += 100
    main.fail(4)
    assert main.state() is State.CLOSED


def test_a_few_failures_in_a_row_are_enough_where_hardly_anybody_asks() -> None:
    main = Guarded()
    for _ in range(4):
        main.fail(1)
        main.clock.now += 3600
        assert main.state() is State.CLOSED
    main.fail(1)
    assert main.state() is State.OPEN


class After(Wrapper):
    """Waits for its turn, as in a queue."""

    def __init__(self, node: Node, seconds: float) -> None:
        super().__init__(node)
        self.seconds = seconds

    def ask(self, run: Run, share: Share) -> Flow[Any]:
        yield from sleep(self.seconds)
        return (yield from self.node.ask(run, share))


@pytest.mark.parametrize(("queued", "state"), [(0, State.OPEN), (5, State.CLOSED)])
def test_a_timeout_is_not_held_against_whom_others_left_no_time(
    queued: float, state: State
) -> None:
    circuit = Circuit("main", BreakerSettings(minimum_calls=1))
    node = After(Breaker(Leaf(Vendor("main", (60, "yes"))), circuit), queued)
    with (
        virtual_time(),
        VirtualVerifier(route(node, deadline_s=8)) as verifier,
        pytest.raises(ProviderTimeout, match="deadline"),
    ):
        verifier.compare(**QUESTION)
    assert circuit.state(Operation.COMPARE) is state


@pytest.mark.parametrize("probes", [1, 3])
def test_only_a_few_requests_find_out_at_a_time(probes: int) -> None:
    main = Guarded(probes=probes)
    main.fail(5)
    main.clock.now += 30
    under_way = [asked(main.node) for _ in range(probes)]
    with pytest.raises(ProviderUnavailable):
        asked(main.node)
    for flow in under_way:
        assert main.state() is State.HALF_OPEN
        answered(flow)
    assert main.state() is State.CLOSED


def test_a_trial_that_is_given_up_makes_room_for_another() -> None:
    main = Guarded()
    main.fail(5)
    main.clock.now += 30
    for _ in range(3):
        asked(main.node).close()
    assert main.state() is State.HALF_OPEN
    answered(asked(main.node))
    assert main.state() is State.CLOSED


def test_what_began_before_it_turned_says_nothing_about_now() -> None:
    main = Guarded()
    late = [asked(main.node) for _ in range(3)]
    main.fail(5)
    answered(late[0])
    main.clock.now += 30
    trial = asked(main.node)
    failed(late[1], down())
    answered(late[2])
    assert main.state() is State.HALF_OPEN
    answered(trial)
    assert main.state() is State.CLOSED
