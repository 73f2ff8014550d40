"""Background work: runs beside a request, and is waited for when the driver closes, for a while."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any

import anyio

GRACE_S = 5.0
"""Seconds that closing waits for what is still going on."""


class Threads:
    """Background work of the blocking driver."""

    def __init__(self) -> None:
        self._running = 0
        self._changed = threading.Condition()

    def start(self, work: Callable[[], Any]) -> None:
        """Run a function in a thread of its own; raises RuntimeError where there are too many."""

        def run() -> None:
            try:
                work()
            finally:
                self._count(-1)

        # A daemon: work that was given up at closing must not keep the process alive. In the
        # caller's context, as a task is: whoever traces it finds where it came from.
        thread = threading.Thread(
            target=copy_context().run, args=(run,), name="facegate-background", daemon=True
        )
        self._count(1)
        try:
            thread.start()
        except RuntimeError:  # there are too many
            self._count(-1)
            raise

    def drain(self) -> None:
        """Wait for what is going on, :data:`GRACE_S` seconds at most; the rest is left alone."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, GRACE_S)

    def _count(self, change: int) -> None:
        with self._changed:
            self._running += change
            self._changed.notify_all()


class Tasks:
    """Background work of the async driver, on asyncio or trio."""

    def __init__(self) -> None:
        self._running: dict[anyio.CancelScope, anyio.Event] = {}
        self._kept: set[Any] = set()  # asyncio itself holds its tasks only weakly

    def start(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Run a coroutine in a task of its own, of whichever loop is running."""
        scope, done = anyio.CancelScope(), anyio.Event()
        self._running[scope] = done

        async def run() -> None:
            with scope:
                await work()

        def ended(task: object = None) -> None:
            self._kept.discard(task)
            del self._running[scope]
            done.set()

        async def system() -> None:
            try:
                await run()
            finally:
                ended()

        try:
            task = asyncio.get_running_loop().create_task(run())
        except RuntimeError:
            import trio

            trio.lowlevel.spawn_system_task(system, context=copy_context())
        else:
            self._kept.add(task)
            task.add_done_callback(ended)  # also of one that was cancelled before it could begin

    async def drain(self) -> None:
        """Wait for what is going on, :data:`GRACE_S` seconds at most, and end the rest."""
        with anyio.move_on_after(GRACE_S):
            while self._running:
                await next(iter(self._running.values())).wait()
        left = dict(self._running)
        for scope in left:
            scope.cancel()
        with anyio.CancelScope(shield=True):
            for done in left.values():
                await done.wait()
