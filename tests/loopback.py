"""The misbehaving server of ``facegate.testing``, and what only the core's tests need with it."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import trustme

if sys.platform == "linux":
    import fcntl
    import termios

from facegate.testing.server import (
    Act,
    PendingRequest,
    Seen,
    Server,
    drip,
    echo,
    message,
    raw,
    refused,
    reply,
    reset,
    stall,
    unanswered,
)

__all__ = [
    "Act",
    "PendingRequest",
    "Seen",
    "Server",
    "answer_sealed",
    "at_once",
    "authority",
    "chunked",
    "closed",
    "delivered",
    "drip",
    "echo",
    "held_back",
    "message",
    "port",
    "raw",
    "refused",
    "reply",
    "reset",
    "stall",
    "tls",
    "tunnel",
    "unanswered",
]


def tunnel(line: PendingRequest) -> bool:
    """A proxy's CONNECT: passes bytes both ways until either side has had enough."""
    host, _, port = line.request.target.rpartition(":")
    with socket.create_connection((host, int(port))) as onward:
        line.socket.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        back = threading.Thread(target=_pump, args=(onward, line.socket))
        back.start()
        _pump(line.socket, onward)
        back.join()
    return False


@contextlib.contextmanager
def held_back(server: Server, after: int) -> Iterator[tuple[str, threading.Event]]:
    """A relay that lets so many bytes of an answer through, and the rest with the next request.

    Encrypted bytes are counted as they are. Gives its URL, and an event that is set once it keeps
    something back.
    """
    keeping = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relays: list[threading.Thread] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    onward = socket.create_connection(("127.0.0.1", server.port))
                    relays.append(
                        threading.Thread(target=_Relay(client, onward, after, keeping).run)
                    )
                    relays[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            scheme = server.url.partition(":")[0]
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", keeping
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *relays):
                thread.join()


class _Relay:
    def __init__(
        self, client: socket.socket, server: socket.socket, after: int, keeping: threading.Event
    ) -> None:
        self._client, self._server, self._keeping = client, server, keeping
        self._after = self._left = after
        at_once(client)
        self._more = threading.Condition()
        self._over = False

    def run(self) -> None:
        with self._client, self._server:
            back = threading.Thread(target=self._answer)
            back.start()
            with contextlib.suppress(OSError):
                while data := self._client.recv(65536):
                    with self._more:
                        self._left = self._after
                        self._more.notify()
                    self._server.sendall(data)
            with self._more:
                self._over = True
                self._more.notify()
            with contextlib.suppress(OSError):
                self._server.shutdown(socket.SHUT_RDWR)
            back.join()

    def _answer(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(65536):
                while data and not self._over:
                    with self._more:
                        self._more.wait_for(lambda: self._left or self._over)
                        now, data = data[: self._left], data[self._left :]
                        self._left -= len(now)
                    self._client.sendall(now)
                    if data:
                        delivered(self._client)
                        self._keeping.set()
            self._client.shutdown(socket.SHUT_RDWR)


def at_once(connection: socket.socket) -> None:
    """Let bytes leave as soon as they are written."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def delivered(connection: socket.socket) -> None:
    """Wait until the other side's system has all that was sent, where this one can tell."""
    if sys.platform == "linux":
        gone = select.poll()
        gone.register(connection, 0)  # tells of an end alone; what nobody reads stays in the queue
        while any(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))) and not gone.poll(0):
            time.sleep(0)


def answer_sealed(listener: socket.socket, context: ssl.SSLContext, *parts: bytes) -> None:
    """Answer one request with these parts, in a TLS record each, sent as one."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection, _ = listener.accept()
    with connection:
        sealed = context.wrap_bio(incoming, outgoing, server_side=True)
        for act in (sealed.do_handshake, sealed.read):
            while True:
                try:
                    act()
                    break
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    incoming.write(connection.recv(65536))
        for part in parts:
            sealed.write(part)
        connection.sendall(outgoing.read())
        connection.recv(1)  # or what it sent would be lost by a reset


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


def authority(folder: Path) -> str:
    """PEM file of the authority that :func:`tls` is signed by."""
    file = folder / "ca.pem"
    _authority().cert_pem.write_to_path(str(file))
    return str(file)


def tls(*names: str) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert(*names).configure_cert(context)
    return context


def closed(server: Server) -> None:
    """Wait until every connection that the server knows of has ended."""
    for _ in range(server.connections):
        assert server.hung_up.acquire(timeout=60)


def chunked(body: bytes, *sizes: int) -> bytes:
    """A reply's bytes, its body in chunks of these sizes and one of the rest."""
    written = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for size in (*sizes, len(body)):
        part, body = body[:size], body[size:]
        written += b"%x\r\n%s\r\n" % (len(part), part) if part else b""
    return written + b"0\r\n\r\n"


def port(url: str) -> int:
    return urlsplit(url).port or 0
