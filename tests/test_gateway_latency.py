"""What would make every reply late."""

from __future__ import annotations

import asyncio
import platform
import socket
import sys
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.responses import JSONResponse
from uvicorn.server import ServerState

from facegate.gateway.patience import PatientProtocol
from facegate.gateway.server import listen
from service import process, url_in


def test_a_body_does_not_wait_for_its_headers_to_be_confirmed() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


class Wire(asyncio.Transport):
    """Transport that keeps what is written, as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.packets.append(bytes(data))

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...


async def packets(*requests: bytes) -> list[bytes]:
    """What an application that answers at once has sent, for each packet that came."""

    class Protocol(PatientProtocol):
        head_timeout_s = 60.0

    state, wire = ServerState(), Wire()
    config = uvicorn.Config(JSONResponse("yes"), lifespan="off", log_config=None)
    config.load()
    protocol = Protocol(config=config, server_state=state, app_state={})
    protocol.connection_made(wire)
    for request in requests:
        protocol.data_received(request)
        await asyncio.gather(*state.tasks)
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    return wire.packets


def test_a_reply_leaves_in_one_packet() -> None:
    request = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
    sent = asyncio.run(packets(request, request))
    assert len(sent) == 2
    for packet in sent:
        assert packet.startswith(b"HTTP/1.1 200 OK\r\n")
        assert packet.endswith(b'\r\n\r\n"yes"')


def test_a_connection_that_ends_with_its_reply_ends_after_it() -> None:
    request = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    (sent,) = asyncio.run(packets(request))
    assert sent.endswith(b'"yes"')


def faults(pid: int) -> int:
    """Pages that a process has got from the system."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="glibc")
def test_memory_that_a_request_has_freed_is_there_for_the_next_one(tmp_path: Path) -> None:
    arguments, environ = ("--api", "--provider", "local"), {"FACEGATE_PLUGINS": "local"}
    message = {"probe": "A" * 120_000, "gallery": ["B" * 120_000]}
    with (
        process(tmp_path, *arguments, **environ, FACEGATE_SERVE__WARM="false") as (running, said),
        httpx.Client(base_url=url_in(said), timeout=60, trust_env=False) as client,
    ):

        def ask(count: int) -> None:
            for _ in range(count):
                assert client.post("/v1/compare", json=message).status_code == 422

        ask(300)
        before = faults(running.pid)
        ask(100)
        assert faults(running.pid) - before < 100 * 10
