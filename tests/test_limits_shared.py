"""Limits that several processes keep together, in a real Redis."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from both import Ask, both_ways
from facegate import ConfigurationError, FaceVerifier, RateLimited
from facegate.routing.limits import Limited, Limiter, LimitSettings
from facegate.routing.node import Leaf
from facegate.routing.redis import Shared
from loopback import PendingRequest, Server, reply
from scripted import QUESTION, Vendor, route
from test_fork import in_child
from test_limits import Busy, asked

SERVER = shutil.which("redis-server", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
PASSWORD = "hunter2-4be1"

pytestmark = pytest.mark.skipif(SERVER is None, reason="there is no redis-server")


class Redis:
    """A server of its own, reached through a file."""

    def __init__(self, folder: Path) -> None:
        self.url = f"unix://:{PASSWORD}@{folder}/redis.sock"
        command = [str(SERVER), "--port", "0", "--unixsocket", f"{folder}/redis.sock"]
        self._process = subprocess.Popen(
            [*command, "--requirepass", PASSWORD, "--save", "", "--dir", str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        for line in self._process.stdout:
            if "ready to accept connections" in line.lower():
                break

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A provider that no other test shares."""
    return str(request.node.name)


def limiter(redis: Redis, name: str, **limits: Any) -> Limiter:
    return Limiter(name, LimitSettings(shared=SecretStr(redis.url), **limits))


def of_a_process(redis: Redis, name: str, **limits: Any) -> Any:
    """A route as each process has its own."""
    node = Limited(Leaf(Vendor("main")), limiter(redis, name, **limits))
    return route(node, deadline_s=0.4)


@both_ways
def test_what_one_process_asks_counts_for_the_others(ask: Ask, redis: Redis, name: str) -> None:
    ask(of_a_process(redis, name, rate="2/minute"), **QUESTION)
    ask(of_a_process(redis, name, rate="2/minute"), **QUESTION)
    with pytest.raises(RateLimited, match="2 times in 60 s") as refused:
        ask(of_a_process(redis, name, rate="2/minute"), **QUESTION)
    assert refused.value.retry_after == pytest.approx(60, abs=5)


@both_ways
def test_who_comes_too_early_waits(ask: Ask, redis: Redis, name: str) -> None:
    slow = of_a_process(redis, name, rate="1/second")
    ask(slow, **QUESTION)
    other = of_a_process(redis, name, rate="1/second")
    began = time.monotonic()
    ask(route(other.node, deadline_s=20), **QUESTION)
    assert time.monotonic() - began > 0.5


@both_ways
def test_a_place_is_taken_for_all_processes_until_it_is_given_back(
    ask: Ask, redis: Redis, name: str
) -> None:
    place = Shared(SecretStr(redis.url), name).lease(1, seconds=60)
    assert place.take()
    with pytest.raises(RateLimited, match="at once"):
        ask(of_a_process(redis, name, concurrency=1), **QUESTION)
    place.end()
    patient = route(of_a_process(redis, name, concurrency=1).node, deadline_s=20)
    assert ask(patient, **QUESTION).accepted


def test_whoever_dies_holds_its_place_for_its_time_at_most(redis: Redis, name: str) -> None:
    shared = Shared(SecretStr(redis.url), name)
    assert shared.lease(1, seconds=0.3).take()  # and nothing more is heard of it
    next_one = shared.lease(1, seconds=60)
    assert not next_one.take()
    ends = time.monotonic() + 10
    while not next_one.take():
        assert time.monotonic() < ends


def test_a_place_that_comes_after_one_gave_up_is_given_back(redis: Redis, name: str) -> None:
    shared = Shared(SecretStr(redis.url), name)
    abandoned = shared.lease(1, seconds=60)
    abandoned.end()  # as when a task is cancelled while the server has not answered yet
    abandoned.take()
    assert shared.lease(1, seconds=60).take()


WORKER = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from pydantic import SecretStr
    from acme import acme
    from facegate import FaceVerifier
    from facegate.routing.limits import Limited, Limiter, LimitSettings
    from facegate.routing.node import Leaf
    from scripted import QUESTION, route

    vendor, redis = sys.argv[1:]
    limits = LimitSettings(concurrency=2, shared=SecretStr(redis))
    node = Limited(Leaf(acme(vendor)), Limiter("main", limits))
    with FaceVerifier(route(node, deadline_s=30)) as verifier, ThreadPoolExecutor(4) as threads:
        for result in threads.map(lambda _: verifier.compare(**QUESTION), range(8)):
            assert result.accepted
"""


def test_processes_together_ask_no_more_than_allowed_at_once(redis: Redis) -> None:
    busy, yes = Busy(), reply(200, {"score": 0.93})

    def answer(line: PendingRequest) -> bool:
        with busy.one_more():
            time.sleep(0.01)
        return yes(line)

    with Server(answer) as vendor:
        command = [sys.executable, "-c", textwrap.dedent(WORKER), vendor.url, redis.url]
        path = os.pathsep.join([str(Path(__file__).parent)])
        workers = [
            subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) for _ in range(3)
        ]
        assert [worker.wait(60) for worker in workers] == [0, 0, 0]
        assert len(vendor.seen) == 24
    assert busy.most == 2


def test_without_the_redis_each_process_keeps_the_limits_by_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Redis(tmp_path)
    node = Limited(Leaf(Vendor("main")), limiter(server, "main", concurrency=1, rate="3/minute"))
    with FaceVerifier(route(node, deadline_s=0.4)) as verifier:
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
    assert said.startswith("the Redis that main's limits are shared in failed")
    assert len(caplog.messages) <= 2  # it is not asked, and waited for, each time
    assert PASSWORD not in caplog.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_shares_them_too(redis: Redis, name: str) -> None:
    with FaceVerifier(of_a_process(redis, name, rate="2/minute")) as verifier:
        verifier.compare(**QUESTION)
        in_child(lambda: verifier.compare(**QUESTION))
        with pytest.raises(RateLimited, match="2 times in 60 s"):
            verifier.compare(**QUESTION)


@pytest.mark.parametrize("url", [f"redis://:{PASSWORD}@host:port", f"redis://{PASSWORD}/x?y=z"])
def test_a_url_that_cannot_be_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"limits\.main\.shared") as refused:
        Limiter("main", LimitSettings(rate="1/second", shared=SecretStr(url)))
    assert PASSWORD not in f"{refused.value!r} {refused.value} {refused.value.__context__!r}"
