"""Bytes to and from a server, plain or encrypted, without waiting for anything.

Each wait is yielded, as in :mod:`facegate.runtime.flow`, so a calling thread and an event loop
share all of this. A socket belongs to no event loop, and TLS is given whole records only: all that
has been received and not yet read can be asked for with ``beyond``.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from facegate.runtime.forking import in_child

T = TypeVar("T")

_READ = 64 * 1024
_SEALED = 256 * 1024
"""Bytes encrypted at a time."""
_HEADER = 5
"""Bytes before each TLS record: its type, two of a version, two of its length (RFC 8446, 5.1)."""
_LOOKS = 8
"""Times that TLS is given what has come; a server that fills it without end is not read on."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait until bytes have come, or can be sent; TimeoutError after ``seconds``."""

    socket: socket.socket
    seconds: float
    writing: bool = False


@dataclass(frozen=True, slots=True)
class LookUp:
    """A look-up of a name's addresses, as getaddrinfo's; TimeoutError after ``seconds``."""

    host: str
    port: int
    seconds: float


Steps = Generator[Wait | LookUp, Any, T]
"""A generator of waits and look-ups that returns a ``T``."""


class Layer(Protocol):
    """A carrier of bytes. Times are in seconds, for each wait."""

    def read(self, seconds: float) -> Steps[bytes]:
        """Some bytes; none once the server has hung up."""

    def write(self, data: bytes, seconds: float) -> Steps[None]:
        """Send all of it."""

    def beyond(self) -> bytes | None:
        """The bytes that have come and were not read; None if nothing has come.

        They are empty if something came that cannot be read: an end, or a part of a TLS record.
        Nothing can be read after this.
        """

    def close(self) -> None:
        """Let go of the connection at once."""


class Plain:
    """A connected socket. A forked child closes its copy; the parent goes on using its own."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        in_child(self.close)

    def read(self, seconds: float) -> Steps[bytes]:
        while True:
            # Always waited for: that is where the deadline is kept and others get their turn.
            yield Wait(self._socket, seconds)
            with suppress(BlockingIOError):
                return self._socket.recv(_READ)

    def write(self, data: bytes, seconds: float) -> Steps[None]:
        rest = memoryview(data)
        while True:
            with suppress(BlockingIOError):
                rest = rest[self._socket.send(rest) :]
            if not rest:
                return
            yield Wait(self._socket, seconds, writing=True)

    def beyond(self) -> bytes | None:
        try:
            return self._socket.recv(_READ)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def close(self) -> None:
        self._socket.close()


def connect(host: str, port: int, seconds: float) -> Steps[Plain]:
    """Connect to the first of a host's addresses that answers.

    Raises:
        OSError: no address answers; TimeoutError if the last one was silent. They share the time.
        UnicodeError: the host is no name that can be looked up.
    """
    addresses = yield LookUp(host, port, seconds)
    failure = OSError("the name has no address")
    for family, kind, protocol, _, address in addresses:
        unconnected = socket.socket(family, kind, protocol)
        try:
            return (yield from _connected(unconnected, address, seconds / len(addresses)))
        except OSError as error:
            failure = error
    raise failure


def _connected(unconnected: socket.socket, address: Any, seconds: float) -> Steps[Plain]:
    layer = Plain(unconnected)
    try:
        unconnected.setblocking(False)  # noqa: FBT003
        unconnected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BlockingIOError):
            unconnected.connect(address)
        yield Wait(unconnected, seconds, writing=True)
        if number := unconnected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(number, os.strerror(number))
    except BaseException:
        layer.close()
        raise
    return layer


class Tls:
    """TLS over another layer."""

    def __init__(self, below: Layer, context: ssl.SSLContext, server_name: str) -> None:
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._part = bytearray()

    def shake_hands(self, seconds: float) -> Steps[None]:
        """Agree on keys, and see who the server is.

        Raises:
            OSError: the server is somebody else, or there is no agreement.
        """
        yield from self._done(self._tls.do_handshake, seconds)

    def read(self, seconds: float) -> Steps[bytes]:
        try:
            return (yield from self._done(partial(self._tls.read, _READ), seconds))
        except ssl.SSLZeroReturnError:
            return b""

    def write(self, data: bytes, seconds: float) -> Steps[None]:
        rest = memoryview(data)
        while rest:
            sent = yield from self._done(partial(self._tls.write, rest[:_SEALED]), seconds)
            rest = rest[sent:]

    def beyond(self) -> bytes | None:
        below: bytes | None = b""
        for _ in range(_LOOKS):
            try:
                return self._tls.read(1)
            except ssl.SSLWantReadError:
                below = self._below.beyond()
            except ssl.SSLError:
                return b""
            if not below:
                break
            self._feed(below)
        return None if below is None and not self._part else b""

    def close(self) -> None:
        self._below.close()

    def _done(self, act: Callable[[], T], seconds: float) -> Steps[T]:
        """The value of an action of TLS, repeated until the bytes that it needs have come."""
        while True:
            try:
                value = act()
            except ssl.SSLWantReadError:
                yield from self._flush(seconds)
                self._feed((yield from self._below.read(seconds)))
            except ssl.SSLError:
                yield from self._flush(seconds)  # tells the server why
                raise
            else:
                yield from self._flush(seconds)
                return value

    def _flush(self, seconds: float) -> Steps[None]:
        if self._outgoing.pending:
            yield from self._below.write(self._outgoing.read(), seconds)

    def _feed(self, data: bytes) -> None:
        """Hand over whole records; OpenSSL would keep a part of one where nobody can see it."""
        if not data:
            self._incoming.write_eof()
        self._part += data
        whole = 0
        while len(self._part) >= whole + _HEADER:
            length = int.from_bytes(self._part[whole + 3 : whole + _HEADER])
            if self._part[whole + 1] == 3 and len(self._part) < whole + _HEADER + length:
                break
            whole += _HEADER + length
        self._incoming.write(self._part[:whole])
        del self._part[:whole]
