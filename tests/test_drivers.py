"""Both ways to run a flow, held to the same examples; and what each promises on its own."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest

from both import Run, every_driver, run_sync
from facegate import BadReply, ConnectionFailed, FacegateError, ProviderTimeout
from facegate.plugin import HttpReply
from facegate.runtime.deadline import Deadline
from facegate.runtime.drivers import AsyncDriver, SyncDriver
from facegate.runtime.flow import Call, Flow, HttpRequest, Send, Transport, call, send, sleep
from loopback import (
    Act,
    PendingRequest,
    Server,
    closed,
    drip,
    message,
    raw,
    refused,
    reply,
    stall,
    unanswered,
)

PATIENT: dict[str, Any] = {"connect_s": 900, "read_s": 900, "write_s": 900, "pool_s": 900}
"""Longer than a test may take: whoever forgets the deadline for one of these hangs."""

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it"


def get(url: str, **transport: Any) -> Flow[Any]:
    return send(HttpRequest("GET", url), Transport(**PATIENT | transport))


def guarded(flow: Flow[Any], ended: list[str]) -> Flow[Any]:
    try:
        return (yield from flow)
    finally:
        ended.append("finally")


def fail() -> None:
    raise LookupError("in the call")


@every_driver
def test_an_effect_gives_its_value(run: Run) -> None:
    def flow() -> Flow[Any]:
        number = yield from call(lambda: 41)
        nothing = yield from sleep(0)  # type: ignore[func-returns-value]
        return number + 1, nothing

    assert run(flow()) == (42, None)


@every_driver
def test_a_flow_may_ask_for_nothing(run: Run) -> None:
    def flow() -> Flow[str]:
        yield from ()
        return "at once"

    assert run(flow()) == "at once"


@every_driver
def test_a_reply_is_given_whole(run: Run) -> None:
    with Server(reply(418, b"short and stout", X_Pot="tea")) as server:
        answer = run(get(server.url))
    assert (answer.status, answer.body, answer.headers["x-pot"]) == (418, b"short and stout", "tea")


@every_driver
def test_a_failed_effect_is_raised_inside_the_flow(run: Run) -> None:
    def flow() -> Flow[list[str]]:
        met = []
        for effect in (Call(fail), Send(HttpRequest("GET", refused()))):
            try:
                yield effect
            except (LookupError, FacegateError) as error:
                met.append(type(error).__name__)
        return met

    assert run(flow()) == ["LookupError", "ConnectionFailed"]


@every_driver
def test_what_the_flow_does_not_catch_comes_out(run: Run) -> None:
    with pytest.raises(LookupError, match="in the call"):
        run(call(fail))


@every_driver
@pytest.mark.parametrize("function", [int, fail], ids=["success", "failure"])
def test_finally_runs_however_the_flow_ends(run: Run, function: Callable[[], Any]) -> None:
    ended: list[str] = []
    try:
        run(guarded(call(function), ended))
    except LookupError:
        ended.insert(0, "failed")
    assert ended == (["failed", "finally"] if function is fail else ["finally"])


@every_driver
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_interruption_is_no_failure_but_closes_the_flow(
    run: Run, interruption: type[BaseException]
) -> None:
    ended: list[str] = []

    def interrupted() -> None:
        raise interruption

    def flow() -> Flow[None]:
        try:
            yield from call(interrupted)
        except Exception:  # noqa: BLE001
            ended.append("caught")

    with pytest.raises(interruption):
        run(guarded(flow(), ended))
    assert ended == ["finally"]


MISBEHAVING = {
    "silent": stall,
    "silent in the middle of the body": raw(HALF, then=stall),
    "dripping headers": drip(b"HTTP/1.1 200 OK\r\n" + b"X-Padding: x\r\n" * 999),
    "dripping a body": raw(HALF[:-10], then=drip(b"x" * 99)),
    "dripping chunks": raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", then=drip(b"1\r\nx\r\n" * 99)
    ),
}


@every_driver
@pytest.mark.parametrize("act", MISBEHAVING.values(), ids=MISBEHAVING)
def test_the_deadline_holds_whatever_the_server_does(run: Run, act: Act) -> None:
    with Server(act) as server:
        with pytest.raises(ProviderTimeout, match=r"deadline of 0\.3 s"):
            run(get(server.url), 0.3)
        closed(server)


@every_driver
def test_the_deadline_holds_while_a_large_body_leaves_slowly(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        request = HttpRequest("POST", url, body=(b"x" * 40_000_000,))
        with pytest.raises(ProviderTimeout, match="deadline"):
            run(send(request, Transport(**PATIENT)), 0.3)


@every_driver
def test_the_deadline_holds_while_connecting(run: Run) -> None:
    with unanswered() as url, pytest.raises(ProviderTimeout, match="deadline"):
        run(get(url), 0.3)


def test_the_deadline_holds_for_all_addresses_of_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def many(host: str, *rest: Any, **options: Any) -> list[Any]:
        return (
            look_up("127.0.0.1", *rest, **options) * 20
            if host == "many.test"
            else look_up(host, *rest, **options)
        )

    monkeypatch.setattr(socket, "getaddrinfo", many)
    with unanswered() as url, pytest.raises(ProviderTimeout, match="deadline"):
        run_sync(get(url.replace("127.0.0.1", "many.test")), 0.3)  # each would wait for minutes


@every_driver
def test_a_sleep_beyond_the_deadline_is_too_late(run: Run) -> None:
    with pytest.raises(ProviderTimeout, match=r"deadline of 0\.1 s"):
        run(sleep(math.inf), 0.1)


@every_driver
def test_nothing_is_begun_once_the_deadline_has_passed(run: Run) -> None:
    begun: list[str] = []
    with pytest.raises(ProviderTimeout):
        run(call(lambda: begun.append("call")), 0)
    assert not begun


@every_driver
def test_a_timeout_before_the_deadline_names_its_phase(run: Run) -> None:
    with unanswered() as nowhere, Server(stall) as server:
        with pytest.raises(ConnectionFailed, match="no connection in time"):
            run(get(nowhere, connect_s=0.1))
        with pytest.raises(ProviderTimeout, match="no answer in time"):
            run(get(server.url, read_s=0.1))


def test_a_thread_waits_for_a_connection_no_longer_than_its_deadline() -> None:
    driver, let = SyncDriver(), threading.Event()

    def ask(seconds: float) -> Any:
        return driver.run(get(server.url, max_connections=1), Deadline(seconds))

    with Server(lambda line: let.wait(60) and reply(204)(line)) as server:
        with ThreadPoolExecutor(1) as thread:
            first = thread.submit(ask, 90)
            assert server.asked.wait(60)
            with pytest.raises(ProviderTimeout, match=r"deadline of 0\.1 s"):
                ask(0.1)
            let.set()
            assert first.result().status == 204
        driver.close()
    assert len(server.seen) == 1


BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@BACKENDS
def test_the_loop_runs_on_during_a_blocking_call(backend: str) -> None:
    async def main() -> int:
        beats, enough = 0, threading.Event()

        async def heartbeat() -> None:
            nonlocal beats
            while True:
                await anyio.sleep(0.01)
                beats += 1
                if beats == 5:
                    enough.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(heartbeat)
            beating = await AsyncDriver().run(call(lambda: enough.wait(60)), Deadline(90))
            tasks.cancel_scope.cancel()
        return beats if beating else 0

    assert anyio.run(main, backend=backend) >= 5


@BACKENDS
def test_a_blocking_call_is_not_waited_for_beyond_the_deadline(backend: str) -> None:
    release, ended = threading.Event(), threading.Event()

    def block() -> None:
        release.wait(60)
        ended.set()

    async def main() -> None:
        with pytest.raises(ProviderTimeout):
            await AsyncDriver().run(call(block), Deadline(0.2))
        assert not ended.is_set()
        release.set()

    anyio.run(main, backend=backend)


@BACKENDS
@pytest.mark.parametrize("act", [stall, raw(HALF, then=stall)], ids=["headers", "body"])
def test_cancellation_closes_the_flow_and_the_connection(backend: str, act: Act) -> None:
    ended: list[str] = []

    async def main() -> None:
        driver = AsyncDriver()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(driver.run, guarded(get(server.url), ended), Deadline(90))
            await anyio.to_thread.run_sync(server.asked.wait, 60)
            tasks.cancel_scope.cancel()
        await anyio.to_thread.run_sync(closed, server)
        await driver.close()

    with Server(act) as server:
        anyio.run(main, backend=backend)
    assert ended == ["finally"]


@BACKENDS
def test_after_cancellations_the_only_connection_is_free_again(backend: str) -> None:
    stalls = threading.Semaphore(0)

    def noticed(line: PendingRequest) -> bool:
        stalls.release()
        return stall(line)

    async def main() -> int:
        driver = AsyncDriver()
        for _ in range(3):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(driver.run, get(server.url, max_connections=1), Deadline(90))
                await anyio.to_thread.run_sync(lambda: stalls.acquire(timeout=60))
                tasks.cancel_scope.cancel()
        answer: HttpReply = await driver.run(get(server.url, max_connections=1), Deadline(60))
        await driver.close()
        return answer.status

    with Server(noticed, raw(HALF, then=noticed), noticed, reply(204)) as server:
        assert anyio.run(main, backend=backend) == 204


@every_driver
def test_a_reply_that_is_refused_half_way_gives_its_connection_back(run: Run) -> None:
    def flow() -> Flow[tuple[FacegateError, int]]:
        limits = {"max_reply_bytes": 1000, "max_connections": 1}
        with pytest.raises(BadReply, match="limit of 1000 bytes") as caught:
            yield from get(server.url, **limits)
        reply = yield from get(server.url, **limits)
        return caught.value, reply.status

    with Server(raw(message(200, b"x" * 5000), then=stall), reply(204)) as server:
        assert run(flow())[1] == 204
        closed(server)


def test_threads_share_one_set_of_connections() -> None:
    driver, ready = SyncDriver(), threading.Barrier(8)

    def ask() -> None:
        ready.wait()
        driver.run(get(server.url), Deadline(60))

    with Server(reply(204)) as server:
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        driver.close()
        closed(server)
