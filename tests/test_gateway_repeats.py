"""A client that sends a request again is answered once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import httpx
import pytest

from acme import SAME, Engine, Scripted
from acme_api import front
from facegate.errors import InvalidRequest, UnmappedError
from facegate.gateway.repeats import Completion, Repeats, Repetition
from facegate.plugin import (
    Answer,
    AuthenticationFailed,
    ConnectionFailed,
    FacegateError,
    HttpReply,
    HttpRequest,
    ProviderTimeout,
)
from signed import KEY, OTHER, Signing, asking, corvid


def ask(client: httpx.Client, name: str | None = "one", key: str = KEY, **more: Any) -> Any:
    headers = {} if name is None else {"x-corvid-invocation": name}
    return client.post("/corvid", json=asking(**more), auth=Signing(key), headers=headers)


class Counted:
    """A provider that counts, and answers or fails by turns."""

    def __init__(self, *turns: Answer | FacegateError) -> None:
        self.turns, self.asked = turns, 0

    def __call__(self, _: Any) -> Any:
        turn = self.turns[min(self.asked, len(self.turns) - 1)]
        self.asked += 1
        yield from ()
        if isinstance(turn, FacegateError):
            raise turn
        return turn


def test_a_repetition_is_answered_alike_and_nobody_asked_again() -> None:
    counted = Counted(SAME)
    with front(Scripted(counted), corvid()) as client:
        first, second = ask(client), ask(client)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second.headers["x-facegate-repeats"] == first.headers["x-request-id"]
    assert "x-facegate-repeats" not in first.headers
    assert counted.asked == 1


@pytest.mark.parametrize(
    "other",
    [{"name": "two"}, {"name": None}, {"name": ""}, {"key": OTHER}],
    ids=["id", "none", "empty", "caller"],
)
def test_another_request_is_none(other: dict[str, Any]) -> None:
    counted = Counted(SAME)
    with front(Scripted(counted), corvid()) as client:
        for _ in range(2):
            assert ask(client).status_code == 200
        assert ask(client, **other).status_code == 200
    assert counted.asked == 2


def test_another_body_under_the_same_id_is_refused() -> None:
    counted = Counted(SAME)
    with front(Scripted(counted), corvid()) as client:
        assert ask(client).status_code == 200
        said = ask(client, note="another")
        assert (said.status_code, said.headers["x-corvid-class"]) == (400, "InvalidRequest")
        assert ask(client).status_code == 200
    assert counted.asked == 1


def test_repetitions_join_the_one_in_flight() -> None:
    working, enough, asked = threading.Event(), threading.Event(), []

    def find(request: Any) -> Answer:
        asked.append(request)
        working.set()
        assert enough.wait(30)
        return SAME

    with front(Engine(find), corvid()) as client, ThreadPoolExecutor(4) as pool:
        first = pool.submit(ask, client)
        assert working.wait(30)
        others = [pool.submit(ask, client) for _ in range(3)]
        assert ask(client, "two", key="corvid-1:guessed").status_code == 403
        enough.set()
        said = [each.result(30).json() for each in (first, *others)]
    assert said == [{"score": 85.0}] * 4
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("failure", "asked"),
    [
        (ConnectionFailed("nobody there"), 2),
        (AuthenticationFailed("answered 401"), 2),
        (ProviderTimeout("no answer in 30 s"), 1),
    ],
    ids=lambda each: getattr(each, "code", str(each)),
)
def test_what_may_have_cost_something_is_not_repeated(failure: FacegateError, asked: int) -> None:
    counted = Counted(failure, SAME)
    with front(Scripted(counted), corvid()) as client:
        assert ask(client).headers["x-corvid-class"] == failure.code
        again = ask(client)
    assert counted.asked == asked
    assert (again.status_code == 200) is (asked == 2)


def test_a_repetition_has_to_be_signed_like_any_other() -> None:
    counted = Counted(SAME)
    with front(Scripted(counted), corvid()) as client:
        ask(client)
        assert ask(client, key="corvid-1:guessed").status_code == 403


# What is kept, and how long


def named(name: str, body: bytes = b"body") -> Repetition:
    request = HttpRequest("POST", "http://gateway/", target="/corvid", body=(body,))
    return Repetition.of("corvid", KEY, name, request)


class Clerk:
    """Asks for things to be done once, and counts how often they were."""

    def __init__(self, **how: Any) -> None:
        self.now, self.done = 100.0, 0
        self.repeats = Repeats(clock=lambda: self.now, **how)

    def ask(self, asked: Repetition, work: Callable[[], HttpReply] | None = None) -> HttpReply:
        async def working() -> Completion:
            self.done += 1
            return Completion(work() if work else HttpReply(200, {}, b"x" * 1000), stays=True)

        async def once() -> HttpReply:
            return await self.repeats.once(asked, "id-1", working)

        return anyio.run(once)


def test_an_outcome_is_kept_for_a_minute() -> None:
    clerk = Clerk()
    for now, done in ((100.0, 1), (159.0, 1), (161.0, 2), (200.0, 2)):
        clerk.now = now
        clerk.ask(named("one"))
        assert clerk.done == done


def test_what_is_kept_is_bounded_and_the_oldest_goes_first() -> None:
    clerk = Clerk(max_bytes=10 * 2024)
    for number in range(11):
        clerk.ask(named(str(number)))
    clerk.ask(named("10"))
    clerk.ask(named("1"))
    assert clerk.done == 11
    clerk.ask(named("0"))
    assert clerk.done == 12


def test_a_first_request_that_broke_off_is_not_done_again() -> None:
    def broken() -> HttpReply:
        raise KeyError("a bug")

    clerk = Clerk()
    with pytest.raises(KeyError):
        clerk.ask(named("one"), broken)
    with pytest.raises(UnmappedError, match="not known"):
        clerk.ask(named("one"))
    assert clerk.done == 1


def test_the_same_id_at_another_place_or_method_is_another_request() -> None:
    clerk = Clerk()
    clerk.ask(named("one"))
    for changed in (named("one", b"other"), Repetition(named("one").name, b"")):
        with pytest.raises(InvalidRequest, match="same id"):
            clerk.ask(changed)
    elsewhere = HttpRequest("POST", "http://gateway/", target="/corvid/", body=(b"body",))
    assert Repetition.of("corvid", KEY, "one", elsewhere).content != named("one").content


@pytest.mark.parametrize("breaks_off", [False, True])
def test_who_joins_hears_what_becomes_of_the_first(*, breaks_off: bool) -> None:
    heard: list[HttpReply | FacegateError] = []

    async def both() -> None:
        repeats, enough, done = Repeats(), anyio.Event(), 0

        async def work() -> Completion:
            nonlocal done
            done += 1
            await enough.wait()
            return Completion(HttpReply(503), stays=False)

        async def once() -> None:
            try:
                heard.append(await repeats.once(named("one"), "id-1", work))
            except FacegateError as error:
                heard.append(error)

        async with anyio.create_task_group() as tasks:
            first = anyio.CancelScope()

            async def leader() -> None:
                with first:
                    await once()

            tasks.start_soon(leader)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(once)
            await anyio.wait_all_tasks_blocked()
            first.cancel() if breaks_off else enough.set()
        assert done == 1

    anyio.run(both)
    if breaks_off:
        (joined,) = heard
        assert isinstance(joined, UnmappedError)
    else:
        assert [each.status for each in heard if isinstance(each, HttpReply)] == [503, 503]
