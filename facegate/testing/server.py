"""A real server on 127.0.0.1 that answers as scripted and misbehaves on demand.

::

    with Server(reply(200, {"score": 0.9}), reset) as server:
        ...             # the first request is answered, every later one ends in a reset
        server.seen     # the requests as they came over the wire
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import responses
from typing import Any, BinaryIO, Self


@dataclass(frozen=True)
class Seen:
    """A request as the server received it.

    Attributes:
        method: in capitals.
        target: path and query.
        headers: names in lower case, values untouched.
        body: whole.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.body)


@dataclass
class PendingRequest:
    """One connection with one request on it, for an act to answer.

    Attributes:
        socket: the connection, to write the reply to.
        request: the request.
        stopping: set once the server is to end; wait on it instead of sleeping.
    """

    socket: socket.socket
    request: Seen
    stopping: threading.Event


Act = Callable[[PendingRequest], bool]
"""Function that answers one request; True keeps the connection open for the next."""


class Server:
    """Server that plays one act for each request, the last one ever after; its context closes it.

    Args:
        *acts: answers to requests, at least one.
        tls: the server's side of TLS; plain HTTP by default.

    Attributes:
        url: the server's address, without a trailing slash.
        seen: the requests so far.
        connections: how many there were so far.
        asked: set with the first request.
        hung_up: released once for every connection that has ended.
    """

    def __init__(self, *acts: Act, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self.asked = threading.Event()
        self.hung_up = threading.Semaphore(0)
        self._acts, self._tls = list(acts), tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        self._hang_up()

    def _listen(self) -> None:
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _hang_up(self) -> None:
        """Stop listening, cut every connection, and wait for all threads."""
        _shut(self._listener)
        self._threads[0].join()
        for connection in self._open:
            _shut(connection)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection, connection.makefile("rb") as incoming:
                while (request := _read(incoming)) is not None:
                    with self._lock:
                        self.seen.append(request)
                        self.asked.set()
                        act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
                    if not act(PendingRequest(connection, request, self._stopping)):
                        break
        if not self._stopping.is_set():
            self.hung_up.release()


def _read(incoming: BinaryIO) -> Seen | None:
    first = incoming.readline().decode("latin-1").split()
    if not first:
        return None
    headers = {}
    while line := incoming.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if "chunked" in headers.get("transfer-encoding", ""):
        body = b"".join(_chunks(incoming))
    else:
        body = incoming.read(int(headers.get("content-length", 0)))
    return Seen(first[0], first[1], headers, body)


def _chunks(incoming: BinaryIO) -> Iterator[bytes]:
    while size := int(incoming.readline().split(b";")[0] or b"0", 16):
        yield incoming.read(size)
        incoming.readline()
    while incoming.readline().strip():
        pass


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def message(status: int = 200, body: Any = b"", **headers: str) -> bytes:
    """A reply's bytes; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Length": str(len(content))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = [f"HTTP/1.1 {status} {responses.get(status, 'Other')}"]
    head += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*head, "", ""]).encode() + content


def reply(status: int = 200, body: Any = b"", **headers: str) -> Act:
    """A reply; a body that is not bytes is sent as JSON."""

    def act(line: PendingRequest) -> bool:
        line.socket.sendall(message(status, body, **headers))
        return True

    return act


def echo(status: int) -> Act:
    """A reply that repeats the request, its head and its body, as careless vendors do."""

    def act(line: PendingRequest) -> bool:
        try:
            body = line.request.json
        except ValueError:
            body = line.request.body.decode("utf-8", "backslashreplace")
        repeated: Mapping[str, Any] = {"headers": line.request.headers, "got": body}
        line.socket.sendall(message(status, {"code": "invalid", **repeated}))
        return True

    return act


def raw(data: bytes, then: Act | None = None) -> Act:
    """These bytes as a reply; then the connection is closed, or another act follows."""

    def act(line: PendingRequest) -> bool:
        line.socket.sendall(data)
        return then(line) if then else False

    return act


def drip(data: bytes, pause: float = 0.05) -> Act:
    """A reply of one byte at a time, ``pause`` seconds apart: each within any read timeout."""

    def act(line: PendingRequest) -> bool:
        for byte in data:
            line.socket.sendall(bytes([byte]))
            line.stopping.wait(pause)
        return False

    return act


def stall(line: PendingRequest) -> bool:
    """Silence until the client hangs up."""
    line.socket.recv(1)
    return False


def reset(line: PendingRequest) -> bool:
    """A TCP reset of the connection."""
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def refused() -> str:
    """URL of a port on which no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def deaf() -> Iterator[str]:
    """URL of a host that takes every connection and never reads a byte."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def unanswered() -> Iterator[str]:
    """URL of a host on which every attempt to connect hangs: its queue is full."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = opened.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
