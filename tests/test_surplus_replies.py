"""A vendor that sends two replies for one request: nobody may be given another's answer."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

import h11
import pytest

from both import Run, every_driver, run_sync
from facegate import BadReply
from facegate.runtime.flow import Flow, HttpReply, HttpRequest, Transport, call, send
from loopback import (
    PendingRequest,
    Server,
    answer_sealed,
    at_once,
    authority,
    chunked,
    delivered,
    held_back,
    message,
    tls,
)
from loopback import reply as replying

SAME, OTHER = {"score": 0.99}, {"score": 0.01}
SECOND = message(200, SAME)

Framing = Callable[[bytes], bytes]
FRAMINGS: dict[str, Framing] = {
    "length": lambda body: message(200, body),
    "chunks": lambda body: chunked(body, 10, 5000),
}
BORDERS = [16_384, 65_535, 65_536, 65_537, 131_072, 262_144]
"""Bytes around what HTTP libraries, event loops and TLS take at a time."""
RECORD, SEAL = 16_384, 22
"""Bytes in a record of TLS 1.3 at most, and what encryption adds to each."""

both_framings = pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)


def sized(framing: Framing, size: int) -> bytes:
    """A reply with a score that is so many bytes long on the wire."""
    body = json.dumps(SAME).encode()
    while missing := size - len(framing(body)):
        body = body + b" " * missing if missing > 0 else body[:missing]
    return framing(body)


@dataclass
class Sends:
    """Sends these bytes at once, whatever was asked, and tells when they are out."""

    parts: tuple[bytes, ...]
    done: threading.Event = field(default_factory=threading.Event)

    def __call__(self, line: PendingRequest) -> bool:
        at_once(line.socket)
        for part in self.parts:
            line.socket.sendall(part)
        delivered(line.socket)
        self.done.set()
        return True


def asked(url: str, transport: Transport) -> Flow[float]:
    """One person's score."""
    reply: HttpReply = yield from send(HttpRequest("POST", url, body=(b"a face",)), transport)
    score: float = json.loads(reply.body)["score"]
    return score


def next_ones(url: str, transport: Transport, done: threading.Event) -> Flow[list[float]]:
    """The scores of three who come after one who may have been refused."""
    with suppress(BadReply):
        yield from asked(url, transport)
    return (yield from after(done, url, transport))


def after(done: threading.Event, url: str, transport: Transport) -> Flow[list[float]]:
    """The scores of three who ask once something has been sent."""
    yield from call(lambda: done.wait(20))
    scores = []
    for _ in range(3):
        scores.append((yield from asked(url, transport)))  # noqa: PERF401
    return scores


@pytest.fixture(params=["http", "https"])
def secured(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    if request.param == "http":
        return None
    context = tls("127.0.0.1")
    context.num_tickets = 0  # so that nothing but replies is sent
    return context


@pytest.fixture
def transport(tmp_path: Path) -> Transport:
    return Transport(ca_file=authority(tmp_path))


@every_driver
@both_framings
@pytest.mark.parametrize("size", BORDERS)
def test_the_next_person_is_not_given_it(
    run: Run, framing: Framing, size: int, secured: ssl.SSLContext | None, transport: Transport
) -> None:
    twice = Sends((sized(framing, size) + SECOND,))
    with Server(twice, replying(200, OTHER), tls=secured) as server:
        assert run(next_ones(server.url, transport, twice.done)) == [0.01] * 3


@every_driver
@pytest.mark.parametrize("beyond", [1, 4, 5, 30, len(SECOND) - 1])
@pytest.mark.parametrize("size", [16_384, 65_536])
def test_nor_if_a_part_of_it_has_come(
    run: Run, size: int, beyond: int, secured: ssl.SSLContext | None, transport: Transport
) -> None:
    twice = Sends((sized(FRAMINGS["length"], size), SECOND))
    sealing = SEAL * ceil(size / RECORD) if secured else 0
    with (
        Server(twice, replying(200, OTHER), tls=secured) as server,
        held_back(server, size + sealing + beyond) as (url, held),
    ):
        assert run(next_ones(url, transport, held)) == [0.01] * 3


@every_driver
def test_nor_if_it_comes_while_nobody_asks(
    run: Run, secured: ssl.SSLContext | None, transport: Transport
) -> None:
    late, more = Sends((SECOND,)), threading.Event()

    def act(line: PendingRequest) -> bool:
        line.socket.sendall(message(200, SAME))
        more.wait(20)
        return late(line)

    def flow() -> Flow[list[float]]:
        first = yield from asked(server.url, transport)
        more.set()
        return [first, *(yield from after(late.done, server.url, transport))]

    with Server(act, replying(200, OTHER), tls=secured) as server:
        assert run(flow()) == [0.99] + [0.01] * 3


@every_driver
def test_neither_of_two_is_taken_for_the_answer(run: Run, transport: Transport) -> None:
    with (
        Server(Sends((SECOND + SECOND,))) as server,
        pytest.raises(BadReply, match="more came than one reply"),
    ):
        run(asked(server.url, transport))


@every_driver
def test_nor_if_they_are_encrypted_one_by_one(run: Run, transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        sealed = listener, tls("127.0.0.1"), SECOND, SECOND
        answering = threading.Thread(target=answer_sealed, args=sealed)
        answering.start()
        with pytest.raises(BadReply, match="more came than one reply"):
            run(asked(url, transport))
        answering.join()


@every_driver
@both_framings
def test_one_reply_leaves_the_connection_to_the_next(
    run: Run, framing: Framing, secured: ssl.SSLContext | None, transport: Transport
) -> None:
    def flow() -> Flow[list[float]]:
        scores = []
        for _ in range(len(BORDERS)):
            scores.append((yield from asked(server.url, transport)))  # noqa: PERF401
        return scores

    acts = [Sends((sized(framing, size),)) for size in BORDERS]
    with Server(*acts, tls=secured) as server:
        assert run(flow()) == [0.99] * len(BORDERS)
        assert server.connections == 1


@pytest.fixture
def _hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody but h11 itself may read what is private to it."""

    def read(self: Any, name: str) -> Any:
        if name.startswith("_") and not name.startswith("__"):
            assert sys._getframe(1).f_globals["__name__"].startswith("h11"), name
        return object.__getattribute__(self, name)

    monkeypatch.setattr(h11.Connection, "__getattribute__", read)


@pytest.mark.usefixtures("_hidden")
def test_it_is_seen_without_the_insides_of_a_library(transport: Transport) -> None:
    twice = Sends((SECOND + SECOND,))
    with Server(twice, replying(200, OTHER)) as server:
        assert run_sync(next_ones(server.url, transport, twice.done)) == [0.01] * 3
