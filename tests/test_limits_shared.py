"""Limits that several processes keep together, in a real Redis."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from both import Ask, both_ways
from facegate import ConfigurationError, FaceVerifier, RateLimited
from facegate.routing import redis as sharing
from facegate.routing.leaf import Leaf
from facegate.routing.limits import Limited, Limiter, LimitSettings
from facegate.routing.redis import SharedLimits
from facegate.routing.route import Route
from forked import in_child
from loopback import PendingRequest, Server, reply
from redises import PASSWORD, Redis
from scripted import QUESTION, Vendor, route
from underway import Busy, asked
from virtual import VirtualVerifier, virtual_time


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis on a busy machine is no Redis that fails."""
    monkeypatch.setattr(sharing, "_PATIENCE_S", 60)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A provider that no other test shares."""
    return str(request.node.name)


def limiter(redis: Redis, name: str, **limits: Any) -> Limiter:
    return Limiter(name, LimitSettings(shared=SecretStr(redis.url), **limits))


def of_a_process(redis: Redis, name: str, **limits: Any) -> Route:
    """A route as each process has its own."""
    node = Limited(Leaf(Vendor("main")), limiter(redis, name, **limits))
    return route(node, deadline_s=60)


def refused(asked: Route, match: str) -> RateLimited:
    """What a request is refused with, once it has waited in vain."""
    with (
        virtual_time(),
        VirtualVerifier(asked) as verifier,
        pytest.raises(RateLimited, match=match) as caught,
    ):
        verifier.compare(**QUESTION)
    return caught.value


@both_ways
def test_what_one_process_asks_counts_for_the_others(ask: Ask, redis: Redis, name: str) -> None:
    ask(of_a_process(redis, name, rate="2/hour"), **QUESTION)
    ask(of_a_process(redis, name, rate="2/hour"), **QUESTION)
    with pytest.raises(RateLimited, match="2 times in 3600 s") as caught:
        ask(of_a_process(redis, name, rate="2/hour"), **QUESTION)
    assert 0 < (caught.value.retry_after or 0) <= 3600


def test_who_comes_too_early_waits(
    redis: Redis, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.time()
    with virtual_time() as clock:
        monkeypatch.setattr(time, "time", lambda: began + clock.now)
        for moment in (0, 60):
            one = of_a_process(redis, name, rate="1/minute")
            with VirtualVerifier(route(one.node, deadline_s=200)) as verifier:
                assert verifier.compare(**QUESTION).accepted
            assert clock.now == pytest.approx(moment, abs=1)


@both_ways
def test_a_place_is_taken_for_all_processes_until_it_is_given_back(
    ask: Ask, redis: Redis, name: str
) -> None:
    place = SharedLimits(SecretStr(redis.url), name).lease(1, seconds=600)
    assert place.acquire()
    refused(of_a_process(redis, name, concurrency=1), "at once")
    place.release()
    assert ask(of_a_process(redis, name, concurrency=1), **QUESTION).accepted


def test_whoever_dies_holds_its_place_for_its_time_at_most(redis: Redis, name: str) -> None:
    shared = SharedLimits(SecretStr(redis.url), name)
    assert shared.lease(2, seconds=600).acquire()
    assert shared.lease(2, seconds=0.1).acquire()  # and nothing more is heard of it
    next_one = shared.lease(2, seconds=600)
    while not next_one.acquire():
        pass
    assert not shared.lease(2, seconds=600).acquire()


def test_a_place_that_comes_after_one_gave_up_is_given_back(redis: Redis, name: str) -> None:
    shared = SharedLimits(SecretStr(redis.url), name)
    abandoned = shared.lease(1, seconds=600)
    abandoned.release()  # as when a task is cancelled while the server has not answered yet
    abandoned.acquire()
    assert shared.lease(1, seconds=600).acquire()


WORKER = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from pydantic import SecretStr
    from acme import acme
    from facegate import FaceVerifier
    from facegate.routing.limits import Limited, Limiter, LimitSettings
    from facegate.routing.leaf import Leaf
    from scripted import QUESTION, route

    vendor, redis = sys.argv[1:]
    limits = LimitSettings(concurrency=2, shared=SecretStr(redis))
    node = Limited(Leaf(acme(vendor)), Limiter("main", limits))
    with FaceVerifier(route(node, deadline_s=200)) as verifier, ThreadPoolExecutor(4) as threads:
        for result in threads.map(lambda _: verifier.compare(**QUESTION), range(8)):
            assert result.accepted
"""


@pytest.mark.slow
def test_processes_together_ask_no_more_than_allowed_at_once(redis: Redis) -> None:
    busy, yes = Busy(), reply(200, {"score": 0.93})
    pair = threading.Barrier(2, timeout=60)

    def answer(line: PendingRequest) -> bool:
        with busy.one_more():
            pair.wait()
            time.sleep(0.01)  # for whoever is not held back
        return yes(line)

    with Server(answer) as vendor:
        command = [sys.executable, "-c", textwrap.dedent(WORKER), vendor.url, redis.url]
        path = os.pathsep.join([str(Path(__file__).parent)])
        workers = [
            subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) for _ in range(3)
        ]
        assert [worker.wait(200) for worker in workers] == [0, 0, 0]
        assert len(vendor.seen) == 24
    assert busy.most == 2


def test_without_the_redis_each_process_keeps_the_limits_by_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_REST_S", 600)
    server = Redis(tmp_path)
    node = Limited(Leaf(Vendor("main")), limiter(server, "main", concurrency=1, rate="3/hour"))
    with virtual_time(), VirtualVerifier(route(node)) as verifier:
        verifier.compare(**QUESTION)
        server.stop()
        verifier.compare(**QUESTION)
        held = asked(node)
        with pytest.raises(RateLimited, match="at once"):
            verifier.compare(**QUESTION)
        held.close()
        with pytest.raises(RateLimited, match="3 times"):
            verifier.compare(**QUESTION)
    (said,) = set(caplog.messages)
    # It is not asked, and waited for, each time; giving the first place back may have been late.
    assert len(caplog.messages) <= 2
    assert said.startswith("the Redis that main's limits are shared in failed")
    assert PASSWORD not in caplog.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_shares_them_too(redis: Redis, name: str) -> None:
    with FaceVerifier(of_a_process(redis, name, rate="2/hour")) as verifier:
        verifier.compare(**QUESTION)
        in_child(lambda: verifier.compare(**QUESTION))
        with pytest.raises(RateLimited, match="2 times in 3600 s"):
            verifier.compare(**QUESTION)


@pytest.mark.parametrize("url", [f"redis://:{PASSWORD}@host:port", f"redis://{PASSWORD}/x?y=z"])
def test_a_url_that_cannot_be_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"limits\.main\.shared") as refused:
        Limiter("main", LimitSettings(rate="1/second", shared=SecretStr(url)))
    assert PASSWORD not in f"{refused.value!r} {refused.value} {refused.value.__context__!r}"
