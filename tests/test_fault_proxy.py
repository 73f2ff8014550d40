"""A proxy that spoils what a real server answers: what each fault looks like to a client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from acme import DOCUMENT, PROBE, TOKEN, acme
from both import Ask, ask_sync, both_ways
from facegate import (
    BadReply,
    ConnectionFailed,
    FacegateError,
    FaceVerifier,
    ProviderTimeout,
    RateLimited,
)
from facegate.testing import FaultProxy
from facegate.testing.faults import (
    InjectedFault,
    html_502,
    latency,
    rate_limited,
    reset,
    stall,
    truncated,
    wrong_length,
)
from facegate.testing.server import Server, raw, refused, reply

FACES: dict[str, Any] = {"probe": PROBE, "gallery": DOCUMENT}
SAME = reply(200, {"score": 0.93}, X_Kept="yes")


@pytest.fixture
def upstream() -> Iterator[Server]:
    with Server(SAME) as server:
        yield server


@pytest.fixture
def proxy(upstream: Server) -> Iterator[FaultProxy]:
    with FaultProxy(upstream.url) as proxy:
        yield proxy


@both_ways
def test_without_a_fault_nobody_stands_between(
    ask: Ask, proxy: FaultProxy, upstream: Server
) -> None:
    assert ask(acme(f"{proxy.url}/api"), **FACES).accepted
    (through,), (arrived,) = proxy.seen, upstream.seen
    assert (arrived.method, arrived.target) == ("POST", "/api/v1/compare")
    assert arrived.body == through.body
    assert arrived.headers["authorization"] == f"Token {TOKEN}"


def test_status_headers_and_body_come_through(proxy: FaultProxy) -> None:
    with httpx.Client(trust_env=False, timeout=60) as client:
        got = client.get(f"{proxy.url}/v1/anything?x=1")
        assert (got.status_code, got.json(), got.headers["x-kept"]) == (200, {"score": 0.93}, "yes")
        client.post(proxy.url, content=iter([b"in ", b"", b"pieces"]))
    assert proxy.seen[0].target == "/v1/anything?x=1"
    assert proxy.seen[1].body == b"in pieces"
    assert proxy.connections == 1


FAULTS: dict[str, tuple[InjectedFault, type[FacegateError]]] = {
    "a reset": (reset(), BadReply),
    "a reset in the body": (reset(after=5), BadReply),
    "silence": (stall(), ProviderTimeout),
    "silence in the body": (stall(after=5), ProviderTimeout),
    "too long": (wrong_length(10), BadReply),
    "too short": (wrong_length(-3), BadReply),
    "half of it": (truncated(at=7), BadReply),
    "a busy vendor": (rate_limited(7), RateLimited),
    "a load balancer": (html_502(), BadReply),
}


@both_ways
@pytest.mark.parametrize(("fault", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_felt_once_and_as_what_it_is(
    ask: Ask, fault: InjectedFault, expected: type[FacegateError], proxy: FaultProxy
) -> None:
    proxy.will(fault)
    silent = expected is ProviderTimeout
    with pytest.raises(FacegateError) as caught:
        ask(acme(proxy.url, read_s=0.1 if silent else 10), **FACES)
    assert type(caught.value) is expected
    assert ask(acme(proxy.url), **FACES).accepted


@both_ways
def test_how_long_to_wait_is_told_in_seconds_or_as_a_date(ask: Ask, proxy: FaultProxy) -> None:
    proxy.will(rate_limited(7), rate_limited(datetime.now(UTC) + timedelta(minutes=5)))
    waits = []
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            ask(acme(proxy.url), **FACES)
        waits.append(caught.value.retry_after or 0)
    assert waits[0] == 7
    assert 200 < waits[1] <= 300


@both_ways
def test_an_answer_comes_late(ask: Ask, proxy: FaultProxy) -> None:
    proxy.will(latency(60), latency(0.001))
    with pytest.raises(ProviderTimeout):
        ask(acme(proxy.url, read_s=0.05), **FACES)
    assert ask(acme(proxy.url), **FACES).accepted


def test_refusing_hangs_up_and_lets_nobody_in_until_it_ends(proxy: FaultProxy) -> None:
    with FaceVerifier(acme(proxy.url)) as verifier:
        assert verifier.compare(**FACES).accepted
        with proxy.refusing(), pytest.raises(ConnectionFailed):
            verifier.compare(**FACES)
        assert verifier.compare(**FACES).accepted


def test_a_fault_that_does_not_ask_reaches_nobody(proxy: FaultProxy, upstream: Server) -> None:
    proxy.will(rate_limited(1), html_502(), reset(), stall())
    for _ in range(4):
        with pytest.raises(FacegateError), FaceVerifier(acme(proxy.url, read_s=0.1)) as verifier:
            verifier.compare(**FACES)
    assert not upstream.seen


def test_many_threads_meet_each_fault_once(proxy: FaultProxy) -> None:
    proxy.will(*[rate_limited(1)] * 20)
    with FaceVerifier(acme(proxy.url)) as verifier, ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(verifier.compare, **FACES) for _ in range(60)]
    assert sum(isinstance(each.exception(), RateLimited) for each in asked) == 20
    assert sum(each.exception() is None for each in asked) == 40


@pytest.mark.parametrize("upstream_act", [raw(b""), raw(b"+PONG\r\n\r\n")], ids=["gone", "babble"])
def test_a_server_that_fails_by_itself_fails_through_the_proxy(upstream_act: Any) -> None:
    with Server(upstream_act) as server:
        for url in (server.url, refused()):
            with FaultProxy(url) as proxy, pytest.raises(BadReply):
                ask_sync(acme(proxy.url), **FACES)


def test_nothing_is_left_behind_even_by_a_stall(upstream: Server) -> None:
    before = set(threading.enumerate())
    with FaultProxy(upstream.url) as proxy:
        proxy.will(stall(after=3), stall())
        for _ in range(2):
            with pytest.raises(httpx.TimeoutException):
                httpx.get(proxy.url, trust_env=False, timeout=0.05)
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert all("_serve" in name for name in left), "of the server behind, which still runs"
    with pytest.raises(httpx.ConnectError):
        httpx.get(proxy.url, trust_env=False, timeout=60)


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "127.0.0.1:1", "http://"])
def test_only_plain_http_can_be_spoilt(url: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        FaultProxy(url)
