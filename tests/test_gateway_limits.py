"""What one caller can cost the gateway: heavy bodies, slow ones, connections that say nothing."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from acme import SAME, Engine, Scripted
from acme_api import KEY, acme_api, front, question
from facegate import ConfigurationError
from facegate.gateway import Limits, serving
from facegate.plugin import Answer
from facegate.runtime.flow import Sleep
from loopback import port

pytestmark = pytest.mark.slow

SMALL = Limits(max_body_bytes=1000)
HASTY = Limits(head_timeout_s=0.4, body_timeout_s=0.2)


@contextlib.contextmanager
def line(client: httpx.Client, *sent: str) -> Iterator[socket.socket]:
    """A connection to the gateway, by hand; what is ``sent`` ends with a line break each."""
    with socket.create_connection(("127.0.0.1", port(str(client.base_url))), 30) as opened:
        opened.sendall("".join(f"{each}\r\n" for each in sent).encode())
        yield opened


def reply(line: socket.socket) -> tuple[int, bytes]:
    """The next reply on it."""
    with HTTPResponse(line) as coming:
        coming.begin()
        return coming.status, coming.read()


def babble(line: socket.socket) -> None:
    """Send byte after byte, until nobody listens any more."""
    for _ in range(3000):
        line.sendall(b"x")
        threading.Event().wait(0.01)


def heard(line: socket.socket) -> str:
    """All that comes until the gateway hangs up."""
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while data := line.recv(65536):
            said += data
    return said.decode()


POST = ("POST /v1/compare HTTP/1.1", "Host: gateway")


# Heavy


def test_a_body_that_declares_itself_too_heavy_is_refused_before_it_is_sent() -> None:
    with front(SAME, limits=SMALL) as client, line(client, *POST, "Content-Length: 1001", "") as it:
        status, body = reply(it)
    assert status == 413
    assert json.loads(body)["class"] == "ImageRejected"


def test_a_body_that_turns_out_too_heavy_is_refused_as_it_comes() -> None:
    with front(SAME, limits=SMALL) as client:
        said = client.post("/v1/compare", content=iter([b"x" * 600] * 2))
        assert (said.status_code, said.json()["code"]) == (413, "bad_image")


def test_a_body_of_just_the_limit_is_read_and_the_connection_lives_on() -> None:
    with front(SAME, limits=SMALL) as client:
        for weight, status in ((1000, 400), (1001, 413), (1000, 400), (5_000_000, 413)):
            said = client.post("/v1/compare", content=b"x" * weight)
            assert said.status_code == status


def test_a_stranger_is_refused_before_the_body_is_read() -> None:
    with (
        front(SAME, acme_api(KEY)) as client,
        line(client, *POST, "Content-Length: 9999", "") as stranger,
    ):
        assert reply(stranger)[0] == 401


@pytest.mark.parametrize("crowd", [[0] * 20_000, [[]] * 10_000, [{}] * 10_000])
def test_json_of_more_values_than_any_message_has_is_not_parsed(crowd: list[Any]) -> None:
    with front(SAME) as client:
        said = client.post("/v1/compare", json={**question(), "crowd": crowd})
        assert (said.status_code, said.json()["class"]) == (400, "InvalidRequest")
        said = client.post("/v1/compare", json={**question(), "crowd": crowd[:9_900]})
        assert said.status_code == 200


def test_a_compressed_body_is_not_unpacked() -> None:
    with front(SAME) as client:
        said = client.post("/v1/compare", content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert (said.status_code, said.json()) == (
        415,
        {"error": "send the body without Content-Encoding"},
    )


# Slow


def test_a_body_that_does_not_arrive_in_time_is_given_up() -> None:
    with (
        front(SAME, limits=HASTY) as client,
        line(client, *POST, "Content-Length: 9", "", "{") as slow,
    ):
        said = heard(slow)
    assert said.startswith("HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "sent",
    [
        (),
        ("GET /healthz HTTP/1.1", "Host: gate"),
        ("GET /healthz HTTP/1.1", "Host: gateway", "", "GET /he"),
    ],
    ids=["nothing", "half a head", "half a head after a request"],
)
def test_a_connection_that_does_not_get_to_the_point_is_closed(sent: tuple[str, ...]) -> None:
    limits = HASTY.model_copy(update={"keep_alive_s": 1})
    with front(SAME, limits=limits) as client, line(client, *sent) as half_open:
        assert heard(half_open).count("HTTP/1.1 200") == (len(sent) > 2)


def test_half_a_head_on_a_connection_that_was_in_use_is_not_waited_for_either() -> None:
    with (
        front(SAME, limits=HASTY) as client,
        line(client, "GET /healthz HTTP/1.1", "Host: gateway", "") as used,
    ):
        assert reply(used)[0] == 200
        used.sendall(b"GET /healthz HT")
        assert heard(used) == ""


def test_the_rest_of_a_refused_body_is_not_listened_to_for_ever() -> None:
    with (
        front(SAME, acme_api(KEY), limits=HASTY) as client,
        line(client, *POST, "Content-Length: 999999", "") as babbling,
    ):
        assert reply(babbling)[0] == 401
        with pytest.raises(ConnectionError):
            babble(babbling)


def test_a_connection_ends_with_a_body_that_was_refused() -> None:
    """Nothing more of it is read, and no client takes the connection for one to go on with."""
    with (
        front(SAME, acme_api(KEY)) as client,
        line(client, *POST, "Content-Length: 999999", "") as stranger,
    ):
        assert reply(stranger)[0] == 401
        stranger.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert stranger.recv(1) == b""


def test_a_connection_goes_on_after_a_light_body_that_was_refused() -> None:
    """A client cannot know that its reply overtook its body, and would ask its next one here."""
    with (
        front(SAME, acme_api(KEY), limits=HASTY) as client,
        line(client, *POST, "Content-Length: 9", "") as hasty,
    ):
        assert reply(hasty)[0] == 401
        hasty.sendall(b"too late.GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
        assert reply(hasty)[0] == 200


def test_a_light_body_that_was_refused_is_not_awaited_for_ever_either() -> None:
    with (
        front(SAME, acme_api(KEY), limits=HASTY) as client,
        line(client, *POST, "Content-Length: 9", "") as slow,
    ):
        assert reply(slow)[0] == 401
        assert heard(slow) == ""


def test_a_body_in_crumbs_ends_its_connection() -> None:
    crumbs = b"1\r\n \r\n" * 500_000
    with (
        front(SAME) as client,
        line(client, *POST, "Transfer-Encoding: chunked", "") as tiresome,
    ):
        with contextlib.suppress(ConnectionError):
            tiresome.sendall(crumbs)
        with contextlib.suppress(ConnectionError):
            assert tiresome.recv(1) == b""  # and no reply, late, to a body that was read


def test_a_body_in_chunks_of_a_sensible_size_is_read() -> None:
    body = json.dumps(question()).encode()
    with front(SAME) as client:
        pieces = (body[place : place + 64] for place in range(0, len(body), 64))
        assert client.post("/v1/compare", content=pieces).status_code == 200


def test_an_idle_connection_outlives_the_time_for_a_head() -> None:
    with (
        front(SAME, limits=HASTY) as client,
        line(client, "GET /healthz HTTP/1.1", "Host: gateway", "") as idle,
    ):
        assert reply(idle)[0] == 200
        threading.Event().wait(1.5 * HASTY.head_timeout_s)
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
        assert reply(idle)[0] == 200


def test_many_half_open_connections_keep_nobody_out() -> None:
    with front(SAME) as client, contextlib.ExitStack() as opened:
        for _ in range(100):
            opened.enter_context(line(client, *POST))
        assert client.post("/v1/compare", json=question()).status_code == 200


def test_a_caller_who_hangs_up_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    with front(SAME) as client:
        with line(client, *POST, "Content-Length: 99", "", "{"):
            pass
        assert client.post("/v1/compare", json=question()).status_code == 200
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


# Many


def test_one_request_more_than_may_be_in_work_is_told_to_come_later() -> None:
    working, enough = threading.Event(), threading.Event()

    def find(_: Any) -> Answer:
        working.set()
        assert enough.wait(60)
        return SAME

    with front(Engine(find), limits=Limits(max_requests=1)) as client:
        said: list[int] = []
        first = threading.Thread(
            target=lambda: said.append(client.post("/v1/compare", json=question()).status_code)
        )
        first.start()
        assert working.wait(60)
        second = client.post("/v1/compare", json=question())
        assert (second.status_code, second.json()["class"]) == (503, "ProviderUnavailable")
        enough.set()
        first.join()
        assert said == [200]
        assert client.post("/v1/compare", json=question()).status_code == 200


def test_requests_are_answered_side_by_side() -> None:
    together = threading.Barrier(8, timeout=60)

    def find(_: Any) -> Answer:
        together.wait()
        return SAME

    with front(Engine(find)) as client:
        said: list[int] = []

        def ask() -> None:
            said.append(client.post("/v1/compare", json=question()).status_code)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert said == [200] * 8


# The server


def test_a_request_that_takes_for_ever_does_not_hold_the_end_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    working = threading.Event()

    def script(_: Any) -> Any:
        working.set()
        yield Sleep(600)

    said: list[int] = []
    with front(Scripted(script, deadline_s=900), limits=Limits(grace_s=0)) as client:
        url = f"{client.base_url}/v1/compare"
        asking = threading.Thread(
            target=lambda: said.append(httpx.post(url, json=question(), timeout=60).status_code)
        )
        asking.start()
        assert working.wait(60)
    asking.join()
    assert said == [500]
    assert not [each for each in caplog.records if each.exc_info]  # frames hold pictures


def test_an_application_that_does_not_start_is_no_server() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no")

    with pytest.raises(ConfigurationError, match="did not start"), serving(app):
        pass


@pytest.mark.parametrize(
    ("kind", "name"),
    [(H11Protocol, "cycle"), (RequestResponseCycle, "response_complete"), (H11Protocol, "loop")],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
@pytest.mark.parametrize("value", [None, False, True])
def test_a_server_that_does_not_say_who_keeps_it_waiting_is_not_started(
    kind: type, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, name, property(lambda _: value, lambda *_: None), raising=False)
    with pytest.raises(ConfigurationError, match="cannot serve with uvicorn"), serving(unasked):
        pass


async def unasked(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "lifespan"


def test_a_port_that_is_taken_is_named() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no")

    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigurationError, match=r"cannot listen on 127\.0\.0\.1:\d+: Address"),
        serving(app, port=taken.getsockname()[1]),
    ):
        pass


def test_bodies_of_one_key_that_do_not_arrive_leave_room_for_another() -> None:
    api, limits = acme_api(KEY, "sk-other"), Limits(max_requests=2)
    with front(SAME, api, limits=limits) as client:

        def status(key: str) -> int:
            headers = {"authorization": key}
            return client.post("/v1/compare", json=question(), headers=headers).status_code

        with line(client, *POST, f"Authorization: {KEY}", "Content-Length: 99", ""):
            while status(KEY) == 200:  # until the gateway has seen the other one's head
                pass
            assert (status(KEY), status("sk-other")) == (503, 200)
