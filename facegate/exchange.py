"""HTTP exchanges, blocking and async: the only place that opens connections.

Both sides use httpx's transports without its client: a client would follow redirects, read proxy
variables, keep cookies and log every URL, none of which a request that holds a face should do.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any, Generic, Self, TypeVar

import anyio
import httpcore
import httpx

from facegate.deadline import Deadline, held_to, too_late
from facegate.errors import (
    BadReply,
    ConfigurationError,
    ConnectionFailed,
    FacegateError,
    ProviderTimeout,
)
from facegate.flow import HttpReply, HttpRequest, Send, Transport
from facegate.sockets import BoundedBackend

P = TypeVar("P", httpx.HTTPTransport, httpx.AsyncHTTPTransport)
W = TypeVar("W", threading.Semaphore, anyio.Semaphore)

_POOL = 10
_JOINED = 1024 * 1024
"""Up to this many bytes, joining a body takes less time than writing its parts one by one."""


class SyncExchanges:
    """Makes exchanges in the calling thread, over one connection pool per transport."""

    def __init__(self) -> None:
        self._pools: dict[Transport, _Pools[httpx.HTTPTransport, threading.Semaphore]] = {}
        self._lock = threading.Lock()

    def send(self, effect: Send, deadline: Deadline) -> HttpReply:
        reader = _ReplyReader(effect.transport)
        try:
            pools = self._of(effect.transport)
            with held_to(deadline), _turn(pools, deadline), pools.one() as transport:
                response = transport.handle_request(_encoded(effect, deadline))
                try:
                    for part in response.iter_raw():
                        reader.feed(part)
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

    def _of(self, settings: Transport) -> _Pools[httpx.HTTPTransport, threading.Semaphore]:
        with self._lock:
            if settings not in self._pools:
                free = threading.Semaphore(settings.max_connections)
                self._pools[settings] = _Pools(settings, _BoundedTransport, free)
            return self._pools[settings]


class AsyncExchanges:
    """Makes exchanges on the running event loop; whoever calls bounds their time."""

    def __init__(self) -> None:
        self._pools: dict[Transport, _Pools[httpx.AsyncHTTPTransport, anyio.Semaphore]] = {}

    async def send(self, effect: Send, deadline: Deadline) -> HttpReply:
        reader = _ReplyReader(effect.transport)
        try:
            pools = self._of(effect.transport)
            async with _async_turn(pools):
                with pools.one() as transport:
                    response = await transport.handle_async_request(_encoded(effect, deadline))
                    try:
                        async for part in response.aiter_raw():
                            reader.feed(part)
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

    def _of(self, settings: Transport) -> _Pools[httpx.AsyncHTTPTransport, anyio.Semaphore]:
        if settings not in self._pools:
            free = anyio.Semaphore(settings.max_connections, fast_acquire=True)
            self._pools[settings] = _Pools(settings, _async_transport, free)
        return self._pools[settings]


class _Pools(Generic[P, W]):
    """The connections of one transport, in pools of a few.

    For each request, httpcore holds every idle connection of a pool against every other: a hundred
    of them cost each request 10 ms of computation.

    Attributes:
        opened: the pools.
        settings: what they have in common.
        free: what to wait for before :meth:`one`; there is a connection for each who got it.
    """

    def __init__(self, settings: Transport, open_one: Callable[[Transport], P], free: W) -> None:
        self.opened: list[P] = []
        self.settings = settings
        self.free: W = free
        self._open_one: Callable[[Transport], P] = open_one
        self._sizes: list[int] = []
        self._busy: list[int] = []
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[P]:
        """The first pool with a free connection."""
        with self._lock:
            place = self._place()
            self._busy[place] += 1
        try:
            yield self.opened[place]
        finally:
            with self._lock:
                self._busy[place] -= 1

    def _place(self) -> int:
        for place, (busy, size) in enumerate(zip(self._busy, self._sizes, strict=True)):
            if busy < size:
                return place
        size = min(_POOL, self.settings.max_connections - sum(self._sizes))
        self.opened.append(self._open_one(replace(self.settings, max_connections=size)))
        self._sizes.append(size)
        self._busy.append(0)
        return len(self._busy) - 1


@contextmanager
def _turn(pools: _Pools[Any, threading.Semaphore], deadline: Deadline) -> Iterator[None]:
    if not pools.free.acquire(timeout=min(pools.settings.pool_s, deadline.left())):
        raise httpx.PoolTimeout("every connection is busy")
    try:
        yield
    finally:
        pools.free.release()


@asynccontextmanager
async def _async_turn(pools: _Pools[Any, anyio.Semaphore]) -> AsyncIterator[None]:
    with anyio.move_on_after(pools.settings.pool_s) as waiting:
        await pools.free.acquire()
    if waiting.cancelled_caught:
        raise httpx.PoolTimeout("every connection is busy")
    try:
        yield
    finally:
        pools.free.release()


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
