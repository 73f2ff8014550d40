"""Who answers when a provider cannot."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from acme import PROBE
from both import Ask, both_ways
from facegate import (
    CaptureRejected,
    ConsentRefused,
    Decision,
    FaceVerifier,
    Operation,
    ProviderTimeout,
    ProviderUnavailable,
    UnsupportedOperation,
    UnsupportedPicture,
)
from facegate.consent import Consent
from facegate.plugin import PictureLimits
from facegate.routing.breaker import Breaker, BreakerSettings, Circuit, State
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from scripted import QUESTION, Vendor, course, leaves, route
from virtual import Clock, VirtualVerifier, virtual_time


def failover(*vendors: Vendor, **limits: Any) -> Any:
    return route(Failover("kyc", leaves(*vendors)), **limits)


def consent(*recipients: str) -> Consent:
    return Consent("opening an account", frozenset(recipients))


@both_ways
def test_the_first_one_answers_and_nobody_else_is_asked(ask: Ask) -> None:
    main, backup = Vendor("main"), Vendor("backup")
    result = ask(failover(main, backup), **QUESTION)
    assert (result.provider, result.route) == ("main", "kyc")
    assert course(result) == ["main: answered"]
    assert not backup.asked


@both_ways
@pytest.mark.parametrize(
    "word",
    ["unavailable", "unreachable", "busy", "who are you", "late", "garbled", "something"],
)
def test_the_next_one_steps_in_whatever_way_a_provider_fails(ask: Ask, word: str) -> None:
    result = ask(failover(Vendor("main", word), Vendor("backup", "no")), **QUESTION)
    assert (result.provider, result.decision) == ("backup", Decision.REJECT)
    assert len(result.attempts) == 2
    assert result.attempts[0].error_code


@both_ways
def test_no_one_is_asked_for_a_second_opinion_on_a_no(ask: Ask) -> None:
    main, backup = Vendor("main", "no"), Vendor("backup", "yes")
    assert ask(failover(main, backup), **QUESTION).decision is Decision.REJECT
    assert not backup.asked


@both_ways
def test_a_picture_without_a_face_is_not_shown_around(ask: Ask) -> None:
    main, backup = Vendor("main", "no face"), Vendor("backup")
    with pytest.raises(CaptureRejected):
        ask(failover(main, backup), **QUESTION)
    assert not backup.asked


@both_ways
def test_the_last_failure_is_raised_with_every_attempt(ask: Ask) -> None:
    vendors = Vendor("main", "unreachable"), Vendor("second", "garbled"), Vendor("third", "late")
    with pytest.raises(ProviderTimeout, match=r"^third: no answer in time") as caught:
        ask(failover(*vendors), **QUESTION)
    assert course(caught.value) == [
        "main: ConnectionFailed",
        "second: BadReply",
        "third: ProviderTimeout",
    ]


@both_ways
def test_who_lacks_the_operation_is_passed_over(ask: Ask) -> None:
    main = Vendor("main", offers=[Operation.LIVENESS])
    result = ask(failover(main, Vendor("backup")), **QUESTION)
    assert course(result) == ["backup: answered"], "it was not asked, so it is no attempt"


UNASKED: dict[str, Vendor] = {
    "the operation": Vendor("backup", offers=[Operation.LIVENESS]),
    "the threshold": Vendor("backup", info={"match": None}),
    "the picture": Vendor("backup", info={"formats": frozenset()}),
    "so many pictures": Vendor("backup", info={"max_gallery": 0}),
}


@both_ways
@pytest.mark.parametrize("backup", UNASKED.values(), ids=UNASKED)
def test_an_outage_is_not_told_as_what_the_next_one_cannot_take(ask: Ask, backup: Vendor) -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        ask(failover(Vendor("main", "unavailable"), backup), **QUESTION, threshold=0.9)
    assert course(caught.value) == ["main: ProviderUnavailable"]


@both_ways
@pytest.mark.parametrize(
    "limits", [{"formats": frozenset()}, {"pictures": PictureLimits(min_side=9_999)}]
)
def test_a_picture_that_the_first_one_does_not_take_goes_to_the_next(
    ask: Ask, limits: dict[str, Any]
) -> None:
    main, backup = Vendor("main", info=limits), Vendor("backup")
    result = ask(failover(main, backup), **QUESTION)
    assert (result.provider, course(result)) == ("backup", ["backup: answered"])
    assert not main.asked


@both_ways
def test_a_picture_that_nobody_takes_is_the_callers(ask: Ask) -> None:
    main, backup = (Vendor(name, info={"formats": frozenset()}) for name in ("main", "backup"))
    with pytest.raises(UnsupportedPicture, match="does not take PNG") as caught:
        ask(failover(main, backup), **QUESTION)
    assert caught.value.image == "probe"
    assert not caught.value.attempts


@both_ways
def test_an_operation_that_nobody_offers_is_refused(ask: Ask) -> None:
    with pytest.raises(UnsupportedOperation, match="main"):
        ask(failover(Vendor("main"), Vendor("backup")), "liveness", probe=QUESTION["probe"])


@both_ways
@pytest.mark.parametrize("word", ["unavailable", "yes"])
def test_who_is_not_in_the_consent_never_sees_a_picture(ask: Ask, word: str) -> None:
    main, other, backup = Vendor("main", word), Vendor("other"), Vendor("backup")
    result = ask(failover(other, main, backup), **QUESTION, consent=consent("main", "backup"))
    assert result.provider == ("main" if word == "yes" else "backup")
    assert not other.asked


@both_ways
def test_a_consent_that_covers_nobody_is_refused_before_any_io(ask: Ask) -> None:
    main, backup = Vendor("main"), Vendor("backup")
    with pytest.raises(ConsentRefused, match="covers nobody who could answer: backup, main"):
        ask(failover(main, backup), **QUESTION, consent=consent("elsewhere"))
    assert not main.asked + backup.asked


@both_ways
def test_an_outage_is_not_told_as_a_lack_of_consent(ask: Ask) -> None:
    with pytest.raises(ProviderUnavailable):
        ask(
            failover(Vendor("main", "unavailable"), Vendor("backup")),
            **QUESTION,
            consent=consent("main"),
        )


@both_ways
def test_nobody_is_asked_beyond_the_budget(ask: Ask) -> None:
    vendors = [Vendor(name, "unavailable") for name in ("main", "second", "third")]
    inner = Failover("inner", leaves(*vendors[:2]))
    outer = Failover("outer", [inner, *leaves(vendors[2])])
    with pytest.raises(ProviderUnavailable, match="second") as caught:
        ask(route(outer, max_attempts=2), **QUESTION)
    assert course(caught.value) == ["main: ProviderUnavailable", "second: ProviderUnavailable"]


def test_whoever_stalls_leaves_the_next_one_its_share_of_the_time() -> None:
    slow, slower, backup = Vendor("slow", (60, "yes")), Vendor("slower", (60, "yes")), Vendor("b")
    with virtual_time() as clock, VirtualVerifier(failover(slow, slower, backup)) as verifier:
        result = verifier.compare(**QUESTION)
        assert clock.now == pytest.approx(2 * 8 / 3)
    assert course(result) == ["slow: ProviderTimeout", "slower: ProviderTimeout", "b: answered"]


def test_the_deadline_is_that_of_all_together() -> None:
    vendors = [Vendor(name, (60, "yes")) for name in ("one", "two")]
    with virtual_time() as clock, VirtualVerifier(failover(*vendors)) as verifier:
        with pytest.raises(ProviderTimeout, match=r"two: no answer within the deadline of 4 s"):
            verifier.compare(**QUESTION)
        assert clock.now == 8


def test_a_provider_may_be_given_less_by_its_own_deadline() -> None:
    slow = Vendor("slow", (60, "yes"), deadline_s=2)
    with virtual_time() as clock, VirtualVerifier(failover(slow, Vendor("backup"))) as verifier:
        result = verifier.compare(**QUESTION)
        assert (course(result), clock.now) == (["slow: ProviderTimeout", "backup: answered"], 2)


def test_a_route_closes_every_provider_once() -> None:
    main, backup = Vendor("main"), Vendor("backup")
    twice = Failover("kyc", [*leaves(main, backup), *leaves(main)])
    with FaceVerifier(route(twice)) as verifier:
        verifier.compare(**QUESTION)
    assert (main.closed, backup.closed) == (1, 1)


class Slow(BytesIO):
    """A picture that takes its time to arrive."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__(PROBE)
        self.clock, self.seconds = clock, seconds

    def read(self, size: int | None = -1) -> bytes:
        self.clock.sleep(self.seconds)
        self.seconds = 0
        return super().read(size)


@pytest.mark.parametrize(("seconds", "state"), [(0, State.OPEN), (7.9, State.CLOSED)])
def test_a_picture_that_came_late_is_not_held_against_those_who_had_no_time_for_it(
    seconds: float, state: State
) -> None:
    circuits = [Circuit(name, BreakerSettings(minimum_calls=1)) for name in ("main", "backup")]
    nodes = [Breaker(Leaf(Vendor(each.provider, (60, "yes"))), each) for each in circuits]
    with (
        virtual_time() as clock,
        VirtualVerifier(route(Failover("kyc", nodes), deadline_s=8)) as verifier,
        pytest.raises(ProviderTimeout),
    ):
        verifier.compare(Slow(clock, seconds), QUESTION["gallery"])
    assert [each.state(Operation.COMPARE) for each in circuits] == [state, state]


@both_ways
def test_the_last_one_is_never_shut_out_by_its_breaker(ask: Ask) -> None:
    """Refused, the request would have no answer at all."""
    settings = BreakerSettings(in_a_row=1, open_s=3600)
    main = Vendor("main", "unavailable", "unavailable", "unavailable")
    backup = Vendor("backup", "unavailable", "yes")
    circuits = [Circuit(vendor.name, settings) for vendor in (main, backup)]
    nodes = [
        Breaker(leaf, circuit) for leaf, circuit in zip(leaves(main, backup), circuits, strict=True)
    ]
    both = route(Failover("kyc", nodes))
    with pytest.raises(ProviderUnavailable):
        ask(both, **QUESTION)
    assert circuits[1].state(Operation.COMPARE) is State.OPEN
    assert ask(both, **QUESTION).provider == "backup"
    assert len(main.asked) == 1  # for another one was left to ask


@both_ways
def test_the_last_one_of_a_nested_failover_may_be_shut_out_for_others_follow(ask: Ask) -> None:
    settings = BreakerSettings(in_a_row=1, open_s=3600)
    vendors = Vendor("main", "unavailable"), Vendor("second", "unavailable")
    inner = Failover("own", [Breaker(Leaf(each), Circuit(each.name, settings)) for each in vendors])
    both = route(Failover("kyc", [inner, Leaf(Vendor("third"))]))
    for _ in range(2):
        assert ask(both, **QUESTION).provider == "third"
    assert [len(each.asked) for each in vendors] == [1, 1]
