"""A vendor that sends two replies for one request: nobody may be given another's answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from acme import DOCUMENT, PROBE, acme
from facegate import AsyncFaceVerifier, BadReply, FaceVerifier
from loopback import PendingRequest, Server, authority, message, tls
from loopback import reply as replying

SAME, OTHER = {"score": 0.99}, {"score": 0.01}


def twice(line: PendingRequest) -> bool:
    """Two replies at once, in two records where there is TLS."""
    if hasattr(socket, "TCP_CORK"):
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    line.socket.sendall(message(200, SAME))
    line.socket.sendall(message(200, SAME))
    if hasattr(socket, "TCP_CORK"):
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    return True


def at_once(line: PendingRequest) -> bool:
    line.socket.sendall(message(200, SAME) + message(200, SAME))
    return True


@pytest.fixture(params=["http", "https"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    secured = tls("127.0.0.1") if request.param == "https" else None
    with Server(twice, replying(200, OTHER), tls=secured) as server:
        yield server


@pytest.fixture
def settings(server: Server, tmp_path: Path) -> dict[str, Any]:
    return {"base_url": server.url, "ca_file": authority(tmp_path)}


def test_the_next_person_is_not_given_it(settings: dict[str, Any]) -> None:
    with FaceVerifier(acme(**settings)) as verifier:
        with suppress(BadReply):
            verifier.compare(PROBE, [DOCUMENT])
        for _ in range(3):
            assert not verifier.compare(DOCUMENT, [PROBE]).accepted


def test_the_next_person_is_not_given_it_on_an_event_loop(settings: dict[str, Any]) -> None:
    async def main() -> None:
        async with AsyncFaceVerifier(acme(**settings)) as verifier:
            with suppress(BadReply):
                await verifier.compare(PROBE, [DOCUMENT])
            for _ in range(3):
                assert not (await verifier.compare(DOCUMENT, [PROBE])).accepted

    anyio.run(main)


def test_neither_of_two_is_taken_for_the_answer() -> None:
    with (
        Server(at_once) as server,
        FaceVerifier(acme(server.url)) as verifier,
        pytest.raises(BadReply, match="more came than one reply"),
    ):
        verifier.compare(PROBE, [DOCUMENT])


def test_one_reply_leaves_the_connection_to_the_next() -> None:
    with Server(replying(200, SAME)) as server, FaceVerifier(acme(server.url)) as verifier:
        for _ in range(3):
            assert verifier.compare(PROBE, [DOCUMENT]).accepted
        assert server.connections == 1
