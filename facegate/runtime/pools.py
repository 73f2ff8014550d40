"""Connections in pools of a few, and the wait for a free one among them all."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Generic, TypeVar

import anyio
import httpx

from facegate.runtime.deadline import Deadline
from facegate.runtime.flow import Transport

P = TypeVar("P", httpx.HTTPTransport, httpx.AsyncHTTPTransport)
W = TypeVar("W", threading.Semaphore, anyio.Semaphore)

_POOL = 10


class Pools(Generic[P, W]):
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
def turn(pools: Pools[Any, threading.Semaphore], deadline: Deadline) -> Iterator[None]:
    """Wait for a free connection, in the calling thread."""
    if not pools.free.acquire(timeout=min(pools.settings.pool_s, deadline.left())):
        raise httpx.PoolTimeout("every connection is busy")
    try:
        yield
    finally:
        pools.free.release()


@asynccontextmanager
async def async_turn(pools: Pools[Any, anyio.Semaphore]) -> AsyncIterator[None]:
    """Wait for a free connection; whoever calls keeps the deadline."""
    with anyio.move_on_after(pools.settings.pool_s) as waiting:
        await pools.free.acquire()
    if waiting.cancelled_caught:
        raise httpx.PoolTimeout("every connection is busy")
    try:
        yield
    finally:
        pools.free.release()
