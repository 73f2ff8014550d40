"""When a provider is asked again, and when it is left alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from acme import PASSPORT
from both import Ask, both_ways
from facegate import (
    FacegateError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    VerificationResult,
)
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from facegate.routing.node import Node, Run, Share
from facegate.routing.retry import CAPACITY, COST, Retry, RetryPolicy, RetryQuota
from facegate.runtime.flow import Flow
from scripted import QUESTION, Vendor, course, free, route
from virtual import VirtualVerifier, virtual_time

AT_ONCE = RetryPolicy(attempts=3, first_s=0)


def longest(low: float, high: float) -> float:
    return high


def retrying(
    vendor: Vendor,
    policy: RetryPolicy = AT_ONCE,
    quota: RetryQuota | None = None,
    uniform: Callable[[float, float], float] = longest,
) -> Retry:
    return Retry(Leaf(vendor), policy, quota or RetryQuota(), uniform=uniform)


def asked(node: Node, **limits: Any) -> tuple[VerificationResult | FacegateError, float]:
    """What came of it, and after how many seconds, none of which anybody waited."""
    with virtual_time() as clock, VirtualVerifier(route(node, **limits)) as verifier:
        try:
            return verifier.compare(**QUESTION), clock.now
        except FacegateError as error:
            return error, clock.now


@both_ways
@pytest.mark.parametrize("word", ["unavailable", "unreachable", "busy"])
def test_what_may_work_a_moment_later_is_tried_again(ask: Ask, word: str) -> None:
    result = ask(route(retrying(Vendor("main", word, word, "yes"))), **QUESTION)
    assert result.accepted
    assert len(result.attempts) == 3


@both_ways
def test_it_is_asked_as_often_as_the_policy_says(ask: Ask) -> None:
    main = Vendor("main", "unavailable")
    with pytest.raises(ProviderUnavailable) as caught:
        ask(route(retrying(main)), **QUESTION)
    assert len(caught.value.attempts) == len(main.asked) == 3


@both_ways
@pytest.mark.parametrize("word", ["who are you", "no face", "garbled", "late", "something"])
def test_what_will_not_work_a_moment_later_or_may_be_charged_twice_is_not(
    ask: Ask, word: str
) -> None:
    main = Vendor("main", word)
    with pytest.raises(FacegateError):
        ask(route(retrying(main)), **QUESTION)
    assert len(main.asked) == 1


@both_ways
@pytest.mark.parametrize("word", ["garbled", "late", "something"])
def test_what_may_be_charged_twice_is_repeated_where_configuration_says_so(
    ask: Ask, word: str
) -> None:
    policy = RetryPolicy(attempts=2, first_s=0, retry_unknown=True)
    assert ask(route(retrying(Vendor("main", word, "yes"), policy)), **QUESTION).accepted


@both_ways
@pytest.mark.parametrize("word", ["no", "no face", "who are you"])
def test_but_not_what_is_sure(ask: Ask, word: str) -> None:
    main = Vendor("main", word)
    policy = RetryPolicy(attempts=2, first_s=0, retry_unknown=True)
    with suppress(FacegateError):
        ask(route(retrying(main, policy)), **QUESTION)
    assert len(main.asked) == 1


class AskedForEach(Vendor):
    """Asked once for each gallery picture; the first call is charged for, the second one fails."""

    def compare(self, request: Any) -> Flow[Any]:
        def one(image: Any) -> Flow[Any]:
            if image is request.gallery[0]:
                return (yield from super(AskedForEach, self).compare(request))
            raise ProviderUnavailable("it cannot serve now")

        yield from self.for_each(request.gallery, one, limit=1)


@both_ways
def test_a_question_of_several_calls_is_not_repeated_once_one_is_charged(ask: Ask) -> None:
    gallery = [*QUESTION["gallery"], PASSPORT]
    main = AskedForEach("main", "yes")
    with pytest.raises(ProviderUnavailable) as caught:
        ask(route(retrying(main)), probe=QUESTION["probe"], gallery=gallery)
    assert course(caught.value) == ["main: answered", "main: ProviderUnavailable"]


def test_the_longest_wait_doubles_up_to_a_bound() -> None:
    ceilings: list[tuple[float, float]] = []

    def drawn(low: float, high: float) -> float:
        ceilings.append((low, high))
        return high / 2

    policy = RetryPolicy(attempts=6, first_s=0.25, most_s=1)
    _, seconds = asked(retrying(Vendor("main", "unavailable"), policy, uniform=drawn))
    assert ceilings[:5] == [(0, 0.25), (0, 0.5), (0, 1), (0, 1), (0, 1)]
    assert seconds == sum(high for _, high in ceilings[:5]) / 2


@pytest.mark.parametrize(
    ("word", "deadline_s", "went", "seconds"),
    [
        ("busy for 3 s", 3.5, ["main: RateLimited", "main: answered"], 3),
        ("busy for 3 s", 3, ["main: RateLimited"], 0),
        ("unavailable for 3 s", 3.5, ["main: ProviderUnavailable", "main: answered"], 3),
        ("unavailable for 3 s", 3, ["main: ProviderUnavailable"], 0),
    ],
)
def test_who_says_how_long_to_wait_is_taken_at_its_word_or_given_up_at_once(
    word: str, deadline_s: float, went: list[str], seconds: float
) -> None:
    node = retrying(Vendor("main", word, "yes"))
    ended, waited = asked(node, deadline_s=deadline_s)
    assert (course(ended), waited) == (went, seconds)


def test_nobody_waits_for_what_can_no_longer_be_asked() -> None:
    policy = RetryPolicy(attempts=9, first_s=4, most_s=4)
    ended, waited = asked(retrying(Vendor("main", "unavailable"), policy), deadline_s=10)
    assert (len(course(ended)), waited) == (3, 8)
    ended, waited = asked(retrying(Vendor("main", "unavailable"), policy), max_attempts=1)
    assert (len(course(ended)), waited) == (1, 0)


def test_after_the_last_try_the_next_provider_is_asked_without_a_wait() -> None:
    policy = RetryPolicy(attempts=2, first_s=1)
    both = [retrying(Vendor("main", "unavailable"), policy), Leaf(Vendor("backup"))]
    ended, waited = asked(Failover("kyc", both))
    assert course(ended) == ["main: ProviderUnavailable"] * 2 + ["backup: answered"]
    assert waited == 1


@both_ways
def test_what_another_provider_may_charge_for_stops_no_retry_of_this_one(ask: Ask) -> None:
    backup = retrying(Vendor("backup", "unavailable", "yes"))
    result = ask(route(Failover("kyc", [Leaf(Vendor("main", "late")), backup])), **QUESTION)
    assert (result.provider, len(result.attempts)) == ("backup", 3)


class Refusing(Node):
    """Lets nothing through, as an open breaker does."""

    name = "main"

    def __init__(self) -> None:
        self.asked = 0

    def children(self) -> list[Node]:
        return [Leaf(Vendor("main"))]

    def ask(self, run: Run, share: Share) -> Flow[VerificationResult]:
        self.asked += 1
        yield from ()
        raise RateLimited("not now")


def test_what_is_refused_on_the_way_is_not_tried_again() -> None:
    refusing = Refusing()
    ended, _ = asked(Retry(refusing, AT_ONCE, RetryQuota()))
    assert isinstance(ended, RateLimited)
    assert refusing.asked == 1


def test_an_outage_is_not_amplified() -> None:
    quota, main = RetryQuota(), Vendor("main", "unavailable")
    for _ in range(50):
        asked(retrying(main, AT_ONCE, quota))
    assert len(main.asked) == 50 + CAPACITY // COST


def test_answers_earn_further_retries() -> None:
    quota = RetryQuota()
    for _ in range(CAPACITY // COST):
        asked(retrying(Vendor("main", "unavailable"), AT_ONCE, quota))
    for _ in range(COST - 1):
        asked(retrying(Vendor("main", "yes"), AT_ONCE, quota))
    ended, _ = asked(retrying(Vendor("main", "unavailable", "yes"), AT_ONCE, quota))
    assert isinstance(ended, ProviderUnavailable), "one answer is missing for another retry"
    asked(retrying(Vendor("main", "yes"), AT_ONCE, quota))
    ended, _ = asked(retrying(Vendor("main", "unavailable", "yes"), AT_ONCE, quota))
    assert isinstance(ended, VerificationResult)


def test_a_free_provider_that_did_not_answer_in_time_is_still_not_asked_again() -> None:
    """It would most likely not answer in time again, and the next provider could."""
    ended, _ = asked(retrying(free("main", "late")))
    assert isinstance(ended, ProviderTimeout)
    assert len(ended.attempts) == 1


def test_by_default_the_wait_is_really_drawn() -> None:
    waits = set()
    for _ in range(9):
        main = Leaf(Vendor("main", "unavailable", "yes"))
        _, waited = asked(Retry(main, RetryPolicy(), RetryQuota()))
        waits.add(waited)
    assert len(waits) == 9
    assert 0 <= min(waits) <= max(waits) <= 0.1
