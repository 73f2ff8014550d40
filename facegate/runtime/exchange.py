"""HTTP exchanges, blocking and async: the only place that opens connections.

There is no HTTP client behind them: one would follow redirects, read proxy variables, keep cookies
and log every URL, none of which a request that holds a face should do.
"""

from __future__ import annotations

import queue
import select
import socket
import threading
from contextlib import suppress
from math import ceil
from typing import Any, TypeVar

import anyio
import h11

from facegate.errors import BadReply, ConnectionFailed, FacegateError, ProviderTimeout
from facegate.runtime.connection import Message, Unacceptable, message, opened, unsendable
from facegate.runtime.deadline import Deadline, too_late
from facegate.runtime.flow import HttpReply, Send, Stepper, Transport
from facegate.runtime.forking import in_child
from facegate.runtime.pools import Pool, async_turn, turn
from facegate.runtime.sockets import LookUp, Steps, Wait

T = TypeVar("T")


class SyncExchanges:
    """Exchanges in the calling thread, over one connection pool per transport."""

    def __init__(self) -> None:
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        # The parent's pools are not closed: their locks may be held for ever. Their sockets close.
        self._pools: dict[Transport, Pool[threading.Semaphore]] = {}
        self._lock = threading.Lock()

    def send(self, effect: Send, deadline: Deadline) -> HttpReply:
        """Make one exchange within the transport's times and the deadline.

        Raises:
            ConnectionFailed: nothing was sent.
            ProviderTimeout: no reply in time.
            BadReply: the reply is none, or was cut short.
            ConfigurationError: HTTP allows no such request.
        """
        prepared = message(effect.request, effect.transport)
        pool = self._of(effect.transport)
        with turn(pool, deadline):
            return _run(_exchange(pool, prepared, deadline), deadline)

    def close(self) -> None:
        """Close every connection; one in use, once its exchange has ended."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def _of(self, settings: Transport) -> Pool[threading.Semaphore]:
        with self._lock:
            if settings not in self._pools:
                free = threading.Semaphore(settings.max_connections)
                self._pools[settings] = Pool(settings, free)
            return self._pools[settings]


class AsyncExchanges:
    """Exchanges on the running event loop, over one connection pool per transport.

    A request that is cancelled, in whatever way, closes its connection at once and without waiting.
    """

    def __init__(self) -> None:
        self._pools: dict[Transport, Pool[anyio.Semaphore]] = {}

    async def send(self, effect: Send, deadline: Deadline) -> HttpReply:
        """Make one exchange; raises as :meth:`SyncExchanges.send` does."""
        prepared = message(effect.request, effect.transport)
        pool = self._of(effect.transport)
        async with async_turn(pool, deadline):
            return await _run_async(_exchange(pool, prepared, deadline), deadline)

    async def close(self) -> None:
        """Close every connection; one in use, once its exchange has ended."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def _of(self, settings: Transport) -> Pool[anyio.Semaphore]:
        if settings not in self._pools:
            free = anyio.Semaphore(settings.max_connections, fast_acquire=True)
            self._pools[settings] = Pool(settings, free)
        return self._pools[settings]


def _exchange(pool: Pool[Any], sent: Message, deadline: Deadline) -> Steps[HttpReply]:
    """One exchange, blocking or async. However it ends, its connection is given back or closed."""
    connection = pool.take(sent.place)
    connected = False
    try:
        if connection is None:
            connection = yield from opened(sent.place, sent.via, pool.settings)
        connected = True
        return (yield from connection.exchange(sent, pool.settings))
    except (OSError, UnicodeError, h11.ProtocolError, Unacceptable) as error:
        failure = _meaning(error, deadline) if connected else _unconnected(error, deadline)
    finally:
        pool.put(connection)
    try:
        raise failure
    finally:
        del failure  # or it would keep this frame, and what was sent, until garbage is collected


def _unconnected(error: Exception, deadline: Deadline) -> FacegateError:
    """The error where nothing was sent. Texts of others may hold the URL, so they are dropped."""
    if isinstance(error, TimeoutError):
        return ConnectionFailed("no connection in time") if deadline.left() else too_late(deadline)
    reason = error if isinstance(error, Unacceptable) else type(error).__name__
    return ConnectionFailed(f"no connection ({reason})")


def _meaning(error: Exception, deadline: Deadline) -> FacegateError:
    """The error where a request may have arrived and no good reply came."""
    match error:
        case h11.LocalProtocolError():
            return unsendable()
        case Unacceptable():
            return BadReply(str(error))
        case TimeoutError():
            return ProviderTimeout("no answer in time") if deadline.left() else too_late(deadline)
        case _:
            return BadReply(
                f"the connection broke before the reply was complete ({type(error).__name__})"
            )


def _run(steps: Steps[T], deadline: Deadline) -> T:
    """Run steps in the calling thread, waiting for each of their needs."""
    with Stepper(steps) as stepper:
        while (need := stepper.need) is not None:
            met, failed = None, list[Exception]()
            try:
                met = _met(need, min(need.seconds, deadline.left()))
            except (OSError, UnicodeError) as error:
                failed.append(error)
            stepper.go_on(met, failed)
    return stepper.value


async def _run_async(steps: Steps[T], deadline: Deadline) -> T:
    """Run steps on an event loop, waiting for each of their needs."""
    with Stepper(steps) as stepper:
        while (need := stepper.need) is not None:
            met, failed = None, list[Exception]()
            try:
                met = await _met_async(need, min(need.seconds, deadline.left()))
            except (OSError, UnicodeError) as error:
                failed.append(error)
            stepper.go_on(met, failed)
    return stepper.value


def _met(need: Wait | LookUp, seconds: float) -> Any:
    if not seconds:
        raise TimeoutError
    if isinstance(need, LookUp):
        return _looked_up(need, seconds)
    if not _ready(need, seconds):
        raise TimeoutError
    return None


def _ready(need: Wait, seconds: float) -> bool:
    """Whether a socket became ready in time.

    The names of ``select`` are looked up each time: gevent replaces them with its own.
    """
    sockets = [need.socket]
    if not hasattr(select, "poll"):  # Windows, where a failure to connect is an exception
        reading, writing = ([], sockets) if need.writing else (sockets, [])
        return any(select.select(reading, writing, sockets, seconds))
    poll = select.poll()
    poll.register(need.socket, select.POLLOUT if need.writing else select.POLLIN)
    return bool(poll.poll(ceil(seconds * 1000)))


async def _met_async(need: Wait | LookUp, seconds: float) -> Any:
    with anyio.fail_after(seconds):
        if isinstance(need, LookUp):
            return await anyio.getaddrinfo(need.host, need.port, type=socket.SOCK_STREAM)
        await (anyio.wait_writable if need.writing else anyio.wait_readable)(need.socket)
    return None


def _looked_up(need: LookUp, seconds: float) -> Any:
    """A host's addresses: at once, or in a thread, so that a silent name server keeps only that."""
    with suppress(OSError, UnicodeError):
        return _addresses(need, socket.AI_NUMERICHOST)
    results: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def work() -> None:
        try:
            results.put(_addresses(need))
        except (OSError, UnicodeError) as error:
            results.put(error)

    threading.Thread(target=work, name="facegate-lookup", daemon=True).start()
    try:
        addresses = results.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(addresses, Exception):
        raise addresses
    return addresses


def _addresses(need: LookUp, flags: int = 0) -> Any:
    return socket.getaddrinfo(need.host, need.port, type=socket.SOCK_STREAM, flags=flags)
