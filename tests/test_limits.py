"""Limits: so many requests at once, so many in a while, and who waits for how long."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from acme import DOCUMENT, PROBE, SAME, Engine, Scripted
from facegate import (
    AsyncFaceVerifier,
    FaceVerifier,
    ProviderUnavailable,
    RateLimited,
)
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from facegate.routing.limits import Limited, Limiter, LimitSettings, RateLimiter
from facegate.runtime.flow import Flow, Sleep, Timeout, sleep
from scripted import QUESTION, Vendor, course, route
from underway import Busy, answered, asked, begun, resumed, waiting
from virtual import Clock, VirtualVerifier, virtual_time


def limited(provider: Any = None, clock: Clock | None = None, **limits: Any) -> Limited:
    settings = LimitSettings.model_validate(limits)
    more = (clock.monotonic,) if clock else ()
    return Limited(Leaf(provider or Vendor("main")), Limiter("main", settings, *more))


def test_no_more_than_allowed_are_asked_at_once_by_threads() -> None:
    busy, three = Busy(), threading.Barrier(3, timeout=60)

    def answer(_: Any) -> Any:
        with busy.one_more():
            three.wait()
            threading.Event().wait(0.005)  # for whoever is not held back
        return SAME

    with (
        FaceVerifier(route(limited(Engine(answer), concurrency=3), deadline_s=90)) as verifier,
        ThreadPoolExecutor(20) as threads,
    ):
        results = list(threads.map(lambda _: verifier.compare(PROBE, DOCUMENT), range(39)))
    assert all(result.accepted for result in results)
    assert busy.most == 3


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_more_than_allowed_are_asked_at_once_by_tasks(backend: str) -> None:
    busy = Busy()

    def answer(_: Any) -> Flow[Any]:
        with busy.one_more():
            yield from sleep(0.005)
        return SAME

    async def main() -> None:
        node = limited(Scripted(answer), concurrency=3)
        asked = route(node, deadline_s=90)
        async with AsyncFaceVerifier(asked) as verifier, anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(verifier.compare, PROBE, DOCUMENT)

    anyio.run(main, backend=backend)
    assert busy.most == 3


def test_who_came_first_goes_first() -> None:
    node = limited(concurrency=1)
    first, second, third = asked(node), waiting(node), waiting(node)
    answered(first)
    assert isinstance(resumed(third), Sleep)
    newcomer = waiting(node)
    assert isinstance(resumed(second), Timeout)
    answered(second)
    assert isinstance(resumed(third), Timeout)
    answered(third)
    assert isinstance(resumed(newcomer), Timeout)


def test_whoever_gives_up_makes_room() -> None:
    node = limited(concurrency=1)
    first, second, third = asked(node), waiting(node), waiting(node)
    second.close()  # while it waited
    first.close()  # while it was asked
    assert isinstance(resumed(third), Timeout)
    with pytest.raises(ProviderUnavailable):
        third.throw(ProviderUnavailable("maintenance"))
    asked(node)


def test_half_of_the_time_is_kept_for_an_attempt() -> None:
    node = limited(concurrency=1)
    held = asked(node)
    with virtual_time() as clock, VirtualVerifier(route(node, deadline_s=8)) as verifier:
        with pytest.raises(RateLimited, match=r"^main: .* at once \(1\) .* for 4 s") as refused:
            verifier.compare(**QUESTION)
        assert clock.now == pytest.approx(4)
    assert refused.value.attempts == ()  # it cost nothing
    held.close()


def test_the_next_provider_answers_where_there_is_no_turn_in_time() -> None:
    node = limited(concurrency=1)
    held = asked(node)
    both = Failover("kyc", [node, Leaf(Vendor("backup"))])
    with virtual_time(), VirtualVerifier(route(both)) as verifier:
        assert course(verifier.compare(**QUESTION)) == ["backup: answered"]
    held.close()


def test_no_more_than_allowed_are_asked_in_a_while() -> None:
    begins = []

    def answer(_: Any) -> Flow[Any]:
        begins.append(clock.now)
        yield from sleep(0.25)
        return SAME

    with virtual_time() as clock:
        node = limited(Scripted(answer), clock, rate="3/second")
        with VirtualVerifier(route(node)) as verifier:
            for _ in range(8):
                verifier.compare(**QUESTION)
    assert begins == [0, 0.25, 0.5, 1, 1.25, 1.5, 2, 2.25]


def test_a_wait_that_leaves_no_time_for_an_attempt_is_not_begun() -> None:
    with virtual_time() as clock:
        node = limited(clock=clock, rate="2/minute")
        with VirtualVerifier(route(node, deadline_s=90)) as verifier:
            verifier.compare(**QUESTION)
            clock.now = 10
            verifier.compare(**QUESTION)
            with pytest.raises(RateLimited, match="2 times in 60 s") as refused:
                verifier.compare(**QUESTION)
    assert clock.now == 10
    assert refused.value.retry_after == pytest.approx(50)
    assert refused.value.attempts == ()


def test_a_turn_that_is_given_up_is_another_ones() -> None:
    with virtual_time() as clock:
        node = limited(clock=clock, rate="1/minute")
        first = asked(node)
        second, wait = begun(node, seconds=1000)
        assert wait == Sleep(60)
        second.close()
        third, wait = begun(node, seconds=1000)
        assert wait == Sleep(60)
        fourth, wait = begun(node, seconds=1000)
        assert wait == Sleep(120)
        for flow in (first, third, fourth):
            flow.close()


@given(
    most=st.integers(1, 4),
    requests=st.lists(
        st.tuples(st.sampled_from([0, 0.25, 0.5, 3]), st.floats(0, 9), st.integers(1, 8)),
        min_size=1,
        max_size=40,
    ),
)
@example(3, [*[(0.25, 9, 8)] * 3, *[(0, 9, 8)] * 3, (0, 0, 3), (0, 9, 2)])  # two of three go
def test_whenever_requests_come_and_go_there_are_never_too_many(
    most: int, requests: list[tuple[float, float, int]]
) -> None:
    clock = Clock()
    window = RateLimiter(most, 2, clock.monotonic)
    moments: list[float] = []
    for pause, patience, back in requests:
        clock.now += pause
        if back <= len(moments) and moments[-back] > clock.now:
            window.cancel(moments.pop(-back))
        with suppress(RateLimited):
            moment, wait = window.reserve(patience)
            assert 0 <= wait <= patience
            assert moment == clock.now + wait
            moments.append(moment)
    assert moments == sorted(moments)
    assert all(last >= first + 2 for first, last in zip(moments, moments[most:], strict=False))


@given(most=st.integers(1, 4), pauses=st.lists(st.sampled_from([0, 0.5, 1, 3]), max_size=40))
def test_nobody_waits_longer_than_needed(most: int, pauses: list[float]) -> None:
    clock = Clock()
    window, moments = RateLimiter(most, 2, clock.monotonic), [-2.0] * most
    for pause in pauses:
        clock.now += pause
        moment, _ = window.reserve(patience=1e9)
        assert moment == max(clock.now, moments[-most] + 2)
        moments.append(moment)


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0},
        {"rate": "10"},
        {"rate": "0/second"},
        {"rate": "10/fortnight"},
        {"rate": "10 per second"},
        {"concurrency": 3, "shared": "localhost:6379"},
        {"shared": "redis://localhost"},
        {"concurency": 3},
    ],
    ids=str,
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LimitSettings.model_validate(wrong)
