"""HTTP exchanges, blocking and async: the only place that opens connections.

Both sides use httpx's transports without its client: a client would follow redirects, read proxy
variables, keep cookies and log every URL, none of which a request that holds a face should do.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Any, Self

import anyio
import httpcore
import httpx

from facegate.errors import (
    BadReply,
    ConfigurationError,
    ConnectionFailed,
    FacegateError,
    ProviderTimeout,
)
from facegate.runtime.deadline import Deadline, held_to, too_late
from facegate.runtime.flow import HttpReply, HttpRequest, Send, Transport
from facegate.runtime.forking import in_child
from facegate.runtime.pools import Pools, async_turn, turn
from facegate.runtime.sockets import BoundedBackend

_JOINED = 1024 * 1024
"""Up to this many bytes, joining a body takes less time than writing its parts one by one."""


class SyncExchanges:
    """Makes exchanges in the calling thread, over one connection pool per transport."""

    def __init__(self) -> None:
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        # Not closed: a pool's lock may be one that nobody opens any more. Its sockets close.
        self._pools: dict[Transport, Pools[httpx.HTTPTransport, threading.Semaphore]] = {}
        self._lock = threading.Lock()

    def send(self, effect: Send, deadline: Deadline) -> HttpReply:
        reader = _ReplyReader(effect.transport)
        try:
            pools = self._of(effect.transport)
            with held_to(deadline), turn(pools, deadline), pools.one() as transport:
                response = transport.handle_request(_encoded(effect, deadline))
                try:
                    for part in response.stream:  # type: ignore[union-attr]
                        reader.feed(part)
                    _refuse_more(response)
                finally:
                    response.close()
        except httpx.TransportError as error:
            raise _translated(error, deadline) from None
        return reader.reply(response)

    def close(self) -> None:
        with self._lock:
            pools, self._pools = self._pools, {}
        for each in pools.values():
            for transport in each.opened:
                transport.close()

    def _of(self, settings: Transport) -> Pools[httpx.HTTPTransport, threading.Semaphore]:
        with self._lock:
            if settings not in self._pools:
                free = threading.Semaphore(settings.max_connections)
                self._pools[settings] = Pools(settings, _BoundedTransport, free)
            return self._pools[settings]


class AsyncExchanges:
    """Makes exchanges on the running event loop; whoever calls bounds their time."""

    def __init__(self) -> None:
        self._pools: dict[Transport, Pools[httpx.AsyncHTTPTransport, anyio.Semaphore]] = {}

    async def send(self, effect: Send, deadline: Deadline) -> HttpReply:
        reader = _ReplyReader(effect.transport)
        try:
            pools = self._of(effect.transport)
            async with async_turn(pools):
                with pools.one() as transport:
                    response = await transport.handle_async_request(_encoded(effect, deadline))
                    try:
                        async for part in response.stream:  # type: ignore[union-attr]
                            reader.feed(part)
                        _refuse_more(response)
                    finally:
                        with anyio.CancelScope(shield=True):
                            await response.aclose()
        except httpx.TransportError as error:
            raise _translated(error, deadline) from None
        return reader.reply(response)

    async def close(self) -> None:
        pools, self._pools = self._pools, {}
        for each in pools.values():
            for transport in each.opened:
                await transport.aclose()

    def _of(self, settings: Transport) -> Pools[httpx.AsyncHTTPTransport, anyio.Semaphore]:
        if settings not in self._pools:
            free = anyio.Semaphore(settings.max_connections, fast_acquire=True)
            self._pools[settings] = Pools(settings, _async_transport, free)
        return self._pools[settings]


def _async_transport(settings: Transport) -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(
        verify=_tls(settings.ca_file),
        proxy=settings.proxy,
        trust_env=False,
        limits=httpx.Limits(
            max_connections=settings.max_connections,
            max_keepalive_connections=settings.max_connections,
        ),
    )


class _BoundedTransport(httpx.HTTPTransport):
    """httpx's transport over a pool whose sockets keep the deadline.

    httpx offers no argument for the pool's network, so the pool is made here instead of there.
    """

    def __init__(self, settings: Transport) -> None:
        pool_arguments: dict[str, Any] = {
            "ssl_context": _tls(settings.ca_file),
            "max_connections": settings.max_connections,
            "max_keepalive_connections": settings.max_connections,
            "keepalive_expiry": 5.0,
            "network_backend": BoundedBackend(),
        }
        if settings.proxy is None:
            self._pool = httpcore.ConnectionPool(**pool_arguments)
        else:
            proxy = httpx.Proxy(settings.proxy)
            self._pool = httpcore.HTTPProxy(
                str(proxy.url), proxy_auth=proxy.raw_auth, **pool_arguments
            )


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The parts of a body, handed to the socket one by one; joined only if that costs less."""

    def __init__(self, parts: tuple[bytes, ...]) -> None:
        self._parts = parts if sum(map(len, parts)) > _JOINED else (b"".join(parts),)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _AsyncParts(iter(self._parts))


class _AsyncParts:
    """No async generator: one that a cancelled request abandons would have to be finalized."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        for part in self._parts:
            return part
        raise StopAsyncIteration


class _ReplyReader:
    """Collects a reply and stops at the size limit."""

    def __init__(self, transport: Transport) -> None:
        self._limit = transport.max_reply_bytes
        self._body = bytearray()

    def feed(self, part: bytes) -> None:
        self._body += part
        if len(self._body) > self._limit:
            raise BadReply(f"the reply is longer than the limit of {self._limit} bytes")

    def reply(self, response: httpx.Response) -> HttpReply:
        return HttpReply(response.status_code, dict(response.headers), bytes(self._body))


def _refuse_more(response: httpx.Response) -> None:
    """Refuse a reply that more bytes came with, and let nobody have its connection again.

    httpcore keeps what it has read of them, and would take it for the reply to the next request on
    that connection: the answer about one person would be given about another.
    """
    state: Any = response.stream
    for inner in ("_httpcore_stream", "_stream", "_connection", "_h11_state"):
        state = getattr(state, inner, None)
    if state is None:  # a test's double of the network
        return
    tls = response.extensions["network_stream"].get_extra_info("ssl_object")
    if state.trailing_data[0] or (isinstance(tls, ssl.SSLObject) and _holds_more(tls)):
        state.send_failed()
        raise BadReply("more came than one reply")


def _holds_more(tls: ssl.SSLObject) -> bool:
    """What was received, but not yet decrypted; blocking sockets leave it to the system."""
    try:
        return bool(tls.read(1))
    except ssl.SSLError:
        return False


def _encoded(effect: Send, deadline: Deadline) -> httpx.Request:
    try:
        return _request(effect.request, effect.transport, deadline)
    except (httpx.InvalidURL, UnicodeEncodeError):
        raise _unsendable() from None


def _request(request: HttpRequest, limits: Transport, deadline: Deadline) -> httpx.Request:
    url = httpx.URL(request.url)
    headers = {
        "Host": _authority(url, request.server_name),
        "Content-Length": str(sum(map(len, request.body))),
        "Accept-Encoding": "identity",  # a compressed reply could unpack far beyond its limit
        **request.headers,
    }
    timeout = httpx.Timeout(
        connect=limits.connect_s,
        read=limits.read_s,
        write=limits.write_s,
        pool=min(limits.pool_s, deadline.left()),
    )
    extensions: dict[str, Any] = {"timeout": timeout.as_dict()}
    if request.server_name:
        extensions["sni_hostname"] = request.server_name
    return httpx.Request(
        request.method, url, headers=headers, stream=_Body(request.body), extensions=extensions
    )


def _authority(url: httpx.URL, server_name: str | None) -> str:
    if server_name is None:
        return url.netloc.decode("ascii")
    name = f"[{server_name}]" if ":" in server_name else server_name
    return name if url.port is None else f"{name}:{url.port}"


@lru_cache
def _tls(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(f"cannot use ca_file {ca_file!r}: {error.strerror}") from None


def _translated(error: httpx.TransportError, deadline: Deadline) -> FacegateError:
    """What a failed exchange means. httpx's own text may hold the URL, so it is not passed on."""
    match error:
        case httpx.LocalProtocolError():
            return _unsendable()
        case httpx.ConnectTimeout() | httpx.PoolTimeout() if deadline.left():
            return ConnectionFailed(f"no connection in time ({type(error).__name__})")
        case httpx.ConnectError() | httpx.ProxyError():
            return ConnectionFailed(f"no connection ({type(error).__name__})")
        case httpx.TimeoutException() if deadline.left():
            return ProviderTimeout(f"no answer in time ({type(error).__name__})")
        case httpx.TimeoutException():
            return too_late(deadline)
        case _:
            return BadReply(
                f"the connection broke before the reply was complete ({type(error).__name__})"
            )


def _unsendable() -> ConfigurationError:
    return ConfigurationError(
        "the request cannot be sent: its URL or a header, such as the credential's, holds a"
        " character that HTTP does not allow"
    )
