"""Pools of connections that wait for their next request, and the wait for a free one."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Generic, TypeVar

import anyio

from facegate.errors import ConnectionFailed, FacegateError
from facegate.runtime.connection import Connection, Place
from facegate.runtime.deadline import Deadline, too_late
from facegate.runtime.flow import Transport

W = TypeVar("W", threading.Semaphore, anyio.Semaphore)

_KEPT_S = 5.0
"""Seconds that a connection is kept for its next request."""


class Pool(Generic[W]):
    """The connections of one transport.

    Attributes:
        settings: the transport they have in common.
        free: semaphore to wait for before :meth:`take`.
    """

    def __init__(self, settings: Transport, free: W) -> None:
        self.settings = settings
        self.free: W = free
        self._idle: list[Connection] = []  # the one that was used last stands last
        self._busy = 0
        self._closed = False
        self._lock = threading.Lock()

    def take(self, place: Place) -> Connection | None:
        """A kept connection to a place; None if one has to be opened.

        A connection on which anything has come since its last reply is closed, not given: bytes
        that nobody asked for could be taken for the next answer. Whatever is taken or opened is
        given back with :meth:`put`.
        """
        with self._lock:
            self._busy += 1
            while self._idle and self._idle[0].idle_since < time.monotonic() - _KEPT_S:
                self._idle.pop(0).close()
            while connection := self._leading_to(place):
                if connection.is_quiet():
                    return connection
                connection.close()
            while self._busy + len(self._idle) > self.settings.max_connections:
                self._idle.pop(0).close()
            return None

    def put(self, connection: Connection | None) -> None:
        """Keep a connection if it can be used again; else close it."""
        with self._lock:
            self._busy -= 1
            if connection is not None and connection.reusable and not self._closed:
                connection.idle_since = time.monotonic()
                self._idle.append(connection)
            elif connection is not None:
                connection.close()

    def close(self) -> None:
        """Close what is idle; what is in use is closed once it is given back."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()

    def _leading_to(self, place: Place) -> Connection | None:
        for index in reversed(range(len(self._idle))):
            if self._idle[index].place == place:
                return self._idle.pop(index)
        return None


@contextmanager
def turn(pool: Pool[threading.Semaphore], deadline: Deadline) -> Iterator[None]:
    """Wait for a free connection, in the calling thread.

    Raises:
        ConnectionFailed: every connection stays busy.
        ProviderTimeout: the deadline passes first.
    """
    if not pool.free.acquire(timeout=min(pool.settings.pool_s, deadline.left())):
        raise _no_turn(deadline)
    try:
        yield
    finally:
        pool.free.release()


@asynccontextmanager
async def async_turn(pool: Pool[anyio.Semaphore], deadline: Deadline) -> AsyncIterator[None]:
    """:func:`turn`, on an event loop."""
    with anyio.move_on_after(pool.settings.pool_s) as waiting:
        await pool.free.acquire()
    if waiting.cancelled_caught:
        raise _no_turn(deadline)
    try:
        yield
    finally:
        pool.free.release()


def _no_turn(deadline: Deadline) -> FacegateError:
    if not deadline.left():
        return too_late(deadline)
    return ConnectionFailed("no free connection in time: every one is busy")
