"""Connections: encryption, proxies, reuse, many at once, and their end."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest

from acme import DOCUMENT, PROBE, TOKEN, acme
from both import Ask, Run, ask_sync, both_ways, every_driver, run_sync
from facegate import (
    AsyncFaceVerifier,
    ConfigurationError,
    ConnectionFailed,
    FaceVerifier,
    InvalidRequest,
    ProviderUnavailable,
)
from facegate.runtime.flow import Flow, HttpReply, HttpRequest, Transport, send
from loopback import Act, PendingRequest, Server, authority, closed, reply, stall, tls, tunnel

SAME = reply(200, {"score": 0.93})
ONCE = reply(200, {"score": 0.93}, Connection="close")


@both_ways
def test_the_vendor_is_authenticated_by_its_certificate(ask: Ask, tmp_path: Path) -> None:
    with Server(SAME, tls=tls("127.0.0.1")) as server:
        provider = acme(server.url, ca_file=authority(tmp_path))
        assert ask(provider, probe=PROBE, gallery=DOCUMENT).accepted


@both_ways
def test_nothing_is_sent_to_whoever_cannot_prove_who_it_is(ask: Ask, tmp_path: Path) -> None:
    with Server(SAME, tls=tls("other.example")) as impostor, Server(SAME, tls=tls("::1")) as server:
        with pytest.raises(ConnectionFailed):  # its certificate is for another name
            ask(acme(impostor.url, ca_file=authority(tmp_path)), probe=PROBE, gallery=DOCUMENT)
        with pytest.raises(ConnectionFailed):  # no public authority knows it
            ask(acme(server.url), probe=PROBE, gallery=DOCUMENT)
    assert not impostor.seen
    assert not server.seen


@both_ways
@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "no PEM"])
def test_an_unusable_ca_file_is_a_matter_of_configuration(
    ask: Ask, content: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        ask(acme("https://127.0.0.1", ca_file=str(file)), probe=PROBE, gallery=DOCUMENT)


@both_ways
def test_proxies_of_the_environment_are_not_used(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(SAME) as server, Server(stall) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
        assert ask(acme(server.url), probe=PROBE, gallery=DOCUMENT).accepted
    assert not proxy.connections


@both_ways
def test_a_configured_proxy_gets_unencrypted_requests_whole(ask: Ask) -> None:
    with Server(SAME) as proxy:
        through = proxy.url.replace("//", "//user:pass@")
        provider = acme("http://api.example", allow_http=True, proxy=through)
        assert ask(provider, probe=PROBE, gallery=DOCUMENT).accepted
    (seen,) = proxy.seen
    assert seen.target == "http://api.example/v1/compare"
    assert seen.headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


@both_ways
def test_a_configured_proxy_only_tunnels_encrypted_requests(ask: Ask, tmp_path: Path) -> None:
    with Server(ONCE, tls=tls("127.0.0.1")) as server, Server(tunnel) as proxy:
        provider = acme(server.url, proxy=proxy.url, ca_file=authority(tmp_path))
        assert ask(provider, probe=PROBE, gallery=DOCUMENT).accepted
    (seen,) = proxy.seen
    assert (seen.method, seen.target) == ("CONNECT", f"127.0.0.1:{server.port}")
    assert TOKEN not in str(seen)


@both_ways
def test_a_proxy_that_refuses_is_no_connection_and_its_status_is_told(ask: Ask) -> None:
    refusal = pytest.raises(ConnectionFailed, match="the proxy answered 407")
    with Server(reply(407)) as proxy, refusal:
        ask(acme("https://api.example", proxy=proxy.url), probe=PROBE, gallery=DOCUMENT)


def test_a_connection_serves_many_requests() -> None:
    with Server(SAME) as server, FaceVerifier(acme(server.url)) as verifier:
        for _ in range(3):
            assert verifier.compare(PROBE, DOCUMENT).accepted
    assert (len(server.seen), server.connections) == (3, 1)


def test_a_setting_has_no_connection_used_twice() -> None:
    with Server(SAME) as server, FaceVerifier(acme(server.url, reuse=False)) as verifier:
        for _ in range(3):
            assert verifier.compare(PROBE, DOCUMENT).accepted
    assert [seen.headers["connection"] for seen in server.seen] == ["close"] * 3
    assert server.connections == 3


@every_driver
def test_a_connection_is_of_no_use_to_another_name_at_the_same_address(
    run: Run, tmp_path: Path
) -> None:
    transport = Transport(ca_file=authority(tmp_path))

    def named(name: str) -> Flow[HttpReply]:
        return send(HttpRequest("GET", server.url, server_name=name), transport)

    def flow() -> Flow[int]:
        yield from named("one.example")
        with pytest.raises(ConnectionFailed):  # its certificate has one name
            yield from named("two.example")
        return (yield from named("one.example")).status

    with Server(reply(204), tls=tls("one.example")) as server:
        assert run(flow()) == 204
    assert [seen.headers["host"] for seen in server.seen] == [f"one.example:{server.port}"] * 2
    assert server.connections == 2


def test_a_name_server_that_says_nothing_does_not_outlast_the_time_to_connect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let, look_up = threading.Event(), socket.getaddrinfo

    def silent(host: str, *rest: Any, flags: int = 0, **options: Any) -> Any:
        if host == "silent.test" and flags == socket.AI_NUMERICHOST:
            raise socket.gaierror
        if host == "silent.test":
            let.wait(20)
        return look_up("127.0.0.1", *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    flow = send(HttpRequest("GET", "http://silent.test"), Transport(connect_s=0.1))
    with pytest.raises(ConnectionFailed, match="no connection in time"):
        run_sync(flow, 20)
    let.set()


@every_driver
def test_an_idle_connection_makes_room_for_one_to_another_place(run: Run) -> None:
    def flow() -> Flow[None]:
        for server in (one, two):
            yield from send(HttpRequest("GET", server.url), Transport(max_connections=1))
        assert one.hung_up.acquire(timeout=60)
        assert not two.hung_up.acquire(blocking=False)

    with Server(SAME) as one, Server(SAME) as two:
        run(flow())


def test_a_connection_outlives_an_error_reply() -> None:
    with Server(reply(500), SAME) as server, FaceVerifier(acme(server.url)) as verifier:
        with pytest.raises(ProviderUnavailable):
            verifier.compare(PROBE, DOCUMENT)
        assert verifier.compare(PROBE, DOCUMENT).accepted
    assert server.connections == 1


def test_a_connection_closed_while_idle_is_replaced() -> None:
    act = reply(200, {"score": 0.93})
    with Server(lambda line: not act(line)) as server, FaceVerifier(acme(server.url)) as verifier:
        assert verifier.compare(PROBE, DOCUMENT).accepted
        closed(server)
        assert verifier.compare(PROBE, DOCUMENT).accepted
    assert server.connections == 2


def test_a_connection_closed_while_idle_is_replaced_on_a_loop() -> None:
    act = reply(200, {"score": 0.93})

    async def main() -> None:
        async with AsyncFaceVerifier(acme(server.url)) as verifier:
            assert (await verifier.compare(PROBE, DOCUMENT)).accepted
            await anyio.to_thread.run_sync(closed, server)
            assert (await verifier.compare(PROBE, DOCUMENT)).accepted

    with Server(lambda line: not act(line)) as server:
        anyio.run(main)
    assert server.connections == 2


def test_eight_threads_share_a_verifier() -> None:
    with Server(SAME) as server, FaceVerifier(acme(server.url)) as verifier:
        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(verifier.compare, PROBE, DOCUMENT) for _ in range(80)]
        assert all(each.result().accepted for each in asked)
    assert len(server.seen) == 80
    assert server.connections <= 8


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_hundred_requests_at_once_share_the_allowed_connections(backend: str) -> None:
    accepted = []

    async def main() -> None:
        async def ask() -> None:
            accepted.append((await verifier.compare(PROBE, DOCUMENT)).accepted)

        provider = acme(server.url, max_connections=10, pool_s=20)
        async with AsyncFaceVerifier(provider) as verifier, anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(ask)

    with Server(SAME) as server:
        anyio.run(main, backend=backend)
    assert accepted == [True] * 100
    assert server.connections <= 10


def crowd(size: int) -> Act:
    """Answers once so many requests are here at the same time."""
    together = threading.Barrier(size, timeout=60)

    def act(line: PendingRequest) -> bool:
        together.wait()
        return SAME(line)

    return act


def test_as_many_threads_are_served_at_once_as_there_may_be_connections() -> None:
    with Server(crowd(25)) as server:
        provider = acme(server.url, max_connections=25)
        with FaceVerifier(provider) as verifier, ThreadPoolExecutor(50) as threads:
            asked = [threads.submit(verifier.compare, PROBE, DOCUMENT) for _ in range(50)]
            assert all(each.result().accepted for each in asked)
    assert server.connections == 25


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_as_many_tasks_are_served_at_once_as_there_may_be_connections(backend: str) -> None:
    async def main() -> None:
        provider = acme(server.url, max_connections=25)
        async with AsyncFaceVerifier(provider) as verifier, anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(verifier.compare, PROBE, DOCUMENT)

    with Server(crowd(25)) as server:
        anyio.run(main, backend=backend)
    assert (len(server.seen), server.connections) == (50, 25)


def test_no_free_connection_in_time_means_nothing_was_sent() -> None:
    let = threading.Event()
    with Server(lambda line: let.wait(60) and SAME(line)) as server:
        provider = acme(server.url, max_connections=1, pool_s=0.1, deadline_s=90)
        with FaceVerifier(provider) as verifier, ThreadPoolExecutor(1) as other:
            first = other.submit(verifier.compare, PROBE, DOCUMENT)
            assert server.asked.wait(5)
            with pytest.raises(ConnectionFailed, match="every one is busy"):
                verifier.compare(PROBE, DOCUMENT)
            let.set()
            assert first.result(60).accepted
    assert len(server.seen) == 1


def test_closing_lets_go_of_connections_and_ends_questions() -> None:
    with Server(SAME) as server:
        verifier = FaceVerifier(acme(server.url))
        verifier.compare(PROBE, DOCUMENT)
        verifier.close()
        closed(server)
        with pytest.raises(InvalidRequest, match="closed"):
            verifier.compare(PROBE, DOCUMENT)
    assert len(server.seen) == 1


def test_closing_lets_go_of_connections_on_a_loop() -> None:
    async def main() -> None:
        async with AsyncFaceVerifier(acme(server.url)) as verifier:
            await verifier.compare(PROBE, DOCUMENT)
        await anyio.to_thread.run_sync(closed, server)
        with pytest.raises(InvalidRequest, match="closed"):
            await verifier.compare(PROBE, DOCUMENT)

    with Server(SAME) as server:
        anyio.run(main)


def test_creating_a_verifier_opens_nothing() -> None:
    before = threading.active_count()
    with Server(SAME) as server:
        FaceVerifier(acme(server.url, ca_file="no such file")).close()
        AsyncFaceVerifier(acme(server.url, ca_file="no such file"))
    assert not server.connections
    assert threading.active_count() <= before


def test_two_providers_do_not_share_credentials() -> None:
    with Server(SAME) as server:
        for token in ("first", "second"):
            ask_sync(acme(server.url, token=token), probe=PROBE, gallery=DOCUMENT)
    assert [seen.headers["authorization"] for seen in server.seen] == [
        "Token first",
        "Token second",
    ]
