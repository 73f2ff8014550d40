"""Several flows at the same time, as examples that hold blocking and async."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import pytest

from acme import PROBE, Scripted
from both import Ask, Run, both_ways, every_driver
from drawn import picture
from facegate import Billed, Match, Outcome, ProviderTimeout, ProviderUnavailable
from facegate.plugin import Answer, Image
from facegate.runtime.flow import Flow, call, gather, sleep

GALLERY = [picture(seed=seed) for seed in (11, 12, 13)]


@every_driver
def test_values_come_in_order(run: Run) -> None:
    def late(index: int) -> Flow[int]:
        yield from sleep(0.02 * (3 - index))
        return index

    assert run(gather(map(late, range(4)), limit=4)) == [0, 1, 2, 3]
    assert run(gather([], limit=4)) == []


@every_driver
def test_no_more_run_at_once_than_the_limit(run: Run) -> None:
    lock, running, most = threading.Lock(), 0, 0
    pair = threading.Barrier(2, timeout=60)

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        pair.wait()
        time.sleep(0.02)  # for whoever is not held back
        with lock:
            running -= 1

    run(gather((call(work) for _ in range(6)), limit=2))
    assert most == 2


@every_driver
def test_all_run_to_their_end_and_the_first_failure_is_raised(run: Run) -> None:
    ended: list[str] = []
    over = {name: threading.Event() for name in "abc"}

    def one(name: str, after: str = "", error: Exception | None = None) -> Flow[None]:
        if after:
            yield from call(lambda: over[after].wait(60))
        ended.append(name)
        over[name].set()
        if error:
            raise error

    flows = one("a", "b"), one("b", "c", LookupError("second")), one("c", error=OSError("first"))
    with pytest.raises(LookupError, match="second"):
        run(gather(flows, limit=3))
    assert ended == ["c", "b", "a"]


@every_driver
def test_the_deadline_holds_for_all_of_them(run: Run) -> None:
    begun: list[str] = []

    def endless(name: str) -> Flow[None]:
        yield from call(lambda: begun.append(name))
        yield from sleep(math.inf)

    with pytest.raises(ProviderTimeout, match=r"deadline of 0\.2 s"):
        run(gather([endless("one"), endless("other")], limit=1), 0.2)
    assert len(begun) <= 1, "there is no time of its own for each"


def asking_each(fail_at: int | None = None) -> Scripted:
    def script(request: Any) -> Flow[Answer]:
        def one(image: Image) -> Flow[bool]:
            yield from sleep(0.001)
            if fail_at is not None and image.data == GALLERY[fail_at]:
                raise ProviderUnavailable("answered 503")
            return image.data == GALLERY[1]

        found = yield from provider.for_each(request.gallery, one, limit=2)
        return Answer(match=Match(is_match=any(found)))

    provider = Scripted(script)
    return provider


@both_ways
def test_a_vendor_asked_once_a_picture_shows_every_call(ask: Ask) -> None:
    result = ask(asking_each(), probe=PROBE, gallery=GALLERY)
    assert result.accepted
    assert [attempt.image for attempt in result.attempts] == [
        "gallery[0]", "gallery[1]", "gallery[2]"
    ]  # fmt: skip
    assert all(attempt.seconds > 0 for attempt in result.attempts)


@both_ways
def test_one_call_that_fails_fails_the_question_and_all_calls_show(ask: Ask) -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        ask(asking_each(fail_at=2), probe=PROBE, gallery=GALLERY)
    outcomes = [(each.outcome, each.error_code, each.billed) for each in caught.value.attempts]
    assert outcomes == [
        (Outcome.ANSWERED, None, Billed.YES),
        (Outcome.ANSWERED, None, Billed.YES),
        (Outcome.FAILED, "ProviderUnavailable", Billed.NO),
    ]
