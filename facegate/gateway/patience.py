"""Time limits for clients: uvicorn's protocol, with an end to its patience."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from facegate.errors import ConfigurationError

_SMALLEST_CHUNK = 32
"""Bytes that chunks of a body have at least, on average, with what frames them."""
_CRUMBS = 65_536
"""Bytes by which a body may fall short of that."""
_LIGHT = 65_536
"""Bytes of a refused body that are still awaited, so that its connection can be used again."""


class PatientProtocol(H11Protocol):
    """Protocol that waits ``head_timeout_s`` for a request's headers, and not for ever.

    The same limit holds for what a client sends after its reply. The rest of a light body that was
    refused is thrown away, and the connection goes on; that of any other is left unread, on a
    connection that has ended for this side. A body in chunks of a few bytes each, which cost far
    more to read than to send, ends its connection.

    Attributes:
        head_timeout_s: seconds after which the connection is cut.
    """

    head_timeout_s: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hanging_up: asyncio.TimerHandle | None = None
        self._body, self._lines = 0, 0

    @property
    def busy(self) -> bool:
        """Whether a request is in work; its endpoint then limits how long the client may take."""
        request: Any = self.cycle  # None before the first one, whatever its type says
        return request is not None and not request.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_AtOnce(transport, self.loop))  # type: ignore[arg-type]
        self._mind()

    @property
    def refused(self) -> bool:
        """Whether the reply is complete and the body that it answers is not."""
        request: Any = self.cycle  # None before the first one, whatever its type says
        answered = request is not None and request.response_complete
        return answered and self.conn.their_state is h11.SEND_BODY

    @property
    def _is_light(self) -> bool:
        return any(name == b"content-length" and int(size) <= _LIGHT for name, size in self.headers)

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state is not h11.SEND_BODY:
            self._body = self._lines = 0
        elif (self.refused and not self._is_light) or self._is_crumbs(data):
            return
        super().data_received(data)
        self._mind()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.refused and not self.transport.is_closing():
            if not self._is_light and self.transport.can_write_eof():
                self.transport.write_eof()  # or the client would send its next request here
            self._mind()

    def _is_crumbs(self, data: bytes) -> bool:
        """Whether a body comes in chunks of a few bytes; each takes a line end or two to say so."""
        if not self._in_chunks:
            return False
        self._body += len(data)
        self._lines += data.count(b"\r\n")
        crumbs = self._lines * _SMALLEST_CHUNK > self._body + _CRUMBS
        if crumbs:
            self.transport.abort()
        return crumbs

    @property
    def _in_chunks(self) -> bool:
        return any(name == b"transfer-encoding" for name, _ in self.headers)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._relax()

    def _mind(self) -> None:
        if self.busy:
            self._relax()
        elif self._hanging_up is None:
            self._hanging_up = self.loop.call_later(self.head_timeout_s, self.transport.abort)

    def _relax(self) -> None:
        if self._hanging_up is not None:
            self._hanging_up.cancel()
            self._hanging_up = None


class _AtOnce:
    """Transport that sends a reply's head and body at once, and not in two packets.

    The client would be woken for the first, and once more for the second.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._waiting: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if data and not self._waiting:
            self._loop.call_soon(self._flush)
        if data:
            self._waiting.append(data)

    def write_eof(self) -> None:
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._waiting.clear()
        self._transport.abort()

    def _flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._transport.write(b"".join(waiting))


async def rehearse(protocol_type: type[PatientProtocol]) -> None:
    """Play one request through, in memory: whether one is in work is nothing uvicorn promises.

    Raises:
        ConfigurationError: this uvicorn does not show it, so no slow client would be cut off.
    """
    try:
        states = await _busy_before_during_after(protocol_type)
    except Exception:  # noqa: BLE001  whatever is missing
        states = None
    if states != (False, True, False):
        raise ConfigurationError(
            f"cannot serve with uvicorn {uvicorn.__version__}: it does not say when a request is"
            " in work; install one that facegate[gateway] allows"
        )


async def _busy_before_during_after(protocol_type: type[PatientProtocol]) -> tuple[bool, ...]:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    state = ServerState()
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False)
    config.load()
    protocol = protocol_type(config=config, server_state=state, app_state={})
    protocol.connection_made(_Nowhere())
    states = [protocol.busy]
    protocol.data_received(b"GET / HTTP/1.1\r\nHost: rehearsal\r\nConnection: close\r\n\r\n")
    states.append(protocol.busy)
    await asyncio.gather(*state.tasks)
    states.append(protocol.busy)
    protocol.connection_lost(None)
    return tuple(states)


class _Nowhere(asyncio.Transport):
    """Transport that takes everything and passes nothing on."""

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return False
