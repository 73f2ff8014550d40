"""Drivers, the two ways to run a flow: in the calling thread, or on an event loop.

Both carry out the same effects and raise the same errors into the flow. Both keep the deadline,
except that a blocking call in the calling thread cannot be cut short: its late value counts.
HTTP and event loops are loaded when a flow first asks for them, so that an embedded engine is not
kept waiting for libraries it never uses.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from facegate.runtime.deadline import Deadline, GivenUp, too_late, within
from facegate.runtime.flow import Call, Effect, Flow, Gather, Send, Spawn, Stepper, Timeout
from facegate.runtime.forking import in_child

if TYPE_CHECKING:
    import anyio

    from facegate.runtime.background import Tasks, Threads
    from facegate.runtime.exchange import AsyncExchanges, SyncExchanges

T = TypeVar("T")

_WORKERS = 40
"""Threads at once for calls, apart from the application's. A call that was given up keeps its
thread until it ends, and no longer counts."""


class SyncDriver:
    """The blocking driver: runs flows in the calling thread, for any number of threads at once.

    In a forked child it goes on with connections of its own.
    """

    def __init__(self) -> None:
        self._opened: SyncExchanges | None = None
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        self._background: Threads | None = None
        self._lock = threading.Lock()

    def run(self, flow: Flow[T], deadline: Deadline) -> T:
        """Run a flow to its end; raises what the flow raises."""
        with Stepper(flow) as steps:
            while (effect := steps.need) is not None:
                outcome, failed = None, list[Exception]()
                try:
                    outcome = self._perform(effect, deadline)
                except Exception as error:  # noqa: BLE001  the flow decides what an error means
                    failed.append(error)
                if deadline.given_up:
                    # A flow that heard of a failure now might ask the next provider.
                    raise GivenUp
                steps.go_on(outcome, failed)
        return steps.value

    def close(self) -> None:
        """Wait for background work, for a while, and close all connections."""
        if self._background is not None:
            self._background.drain()
        if self._opened is not None:
            self._opened.close()

    def _perform(self, effect: Effect, deadline: Deadline) -> Any:
        left = deadline.left()
        if not left and not isinstance(effect, Spawn):
            raise too_late(deadline)
        match effect:
            case Call():
                return within(deadline, effect.function)
            case Send():
                return self._exchanges().send(effect, deadline)
            case Gather():
                return self._gather(effect, deadline)
            case Timeout():
                return self.run(effect.flow, Deadline(effect.seconds, deadline))
            case Spawn():
                return self._spawn(effect)
            case _:
                time.sleep(min(effect.seconds, left))
                if effect.seconds > left:
                    raise too_late(deadline)
                return None

    def _gather(self, effect: Gather, deadline: Deadline) -> list[Any]:
        run = partial(self.run, deadline=deadline)
        if len(effect.flows) == 1:
            return [run(effect.flows[0])]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(effect.limit, len(effect.flows)) or 1) as threads:
            # Each in a context of its own, as tasks are.
            futures = [threads.submit(copy_context().run, run, flow) for flow in effect.flows]
        return [future.result() for future in futures]

    def _spawn(self, effect: Spawn) -> None:
        from facegate.runtime.background import Threads

        with self._lock:
            if self._background is None:
                self._background = Threads()
        self._background.start(partial(self._unheard, effect))

    def _unheard(self, effect: Spawn) -> None:
        with suppress(Exception):
            self.run(effect.flow, Deadline(effect.seconds))

    def _exchanges(self) -> SyncExchanges:
        from facegate.runtime.exchange import SyncExchanges

        with self._lock:
            if self._opened is None:
                self._opened = SyncExchanges()
            return self._opened


class AsyncDriver:
    """The async driver: runs flows on its caller's event loop, blocking calls in worker threads.

    No event loop survives a fork: make it in the process that uses it.
    """

    def __init__(self) -> None:
        self._workers: anyio.CapacityLimiter | None = None
        self._background: Tasks | None = None
        self._opened: AsyncExchanges | None = None

    async def run(self, flow: Flow[T], deadline: Deadline) -> T:
        """Run a flow to its end; raises what the flow raises."""
        from anyio.lowlevel import checkpoint_if_cancelled

        await checkpoint_if_cancelled()  # a task that is given up already begins nothing
        with Stepper(flow) as steps:
            while (effect := steps.need) is not None:
                outcome, failed = None, list[Exception]()
                try:
                    outcome = await self._perform(effect, deadline)
                except Exception as error:  # noqa: BLE001  the flow decides what an error means
                    failed.append(error)
                steps.go_on(outcome, failed)
        return steps.value

    async def close(self) -> None:
        """Wait for background work, for a while, and close all connections."""
        if self._background is not None:
            await self._background.drain()
        if self._opened is not None:
            await self._opened.close()

    async def _perform(self, effect: Effect, deadline: Deadline) -> Any:
        import anyio

        left = deadline.left()
        if not left and not isinstance(effect, Spawn):
            raise too_late(deadline)
        match effect:
            # The flows in these keep the deadline themselves, and may catch its error.
            case Gather():
                return await self._gather(effect, deadline)
            case Timeout():
                return await self.run(effect.flow, Deadline(effect.seconds, deadline))
            case Spawn():
                return self._spawn(effect)
        with anyio.move_on_after(left):
            match effect:
                case Call():
                    return await self._in_worker(partial(within, deadline, effect.function))
                case Send():
                    return await (await self._exchanges()).send(effect, deadline)
                case _:
                    return await anyio.sleep(effect.seconds)
        raise too_late(deadline)

    async def _gather(self, effect: Gather, deadline: Deadline) -> list[Any]:
        import anyio

        limit = anyio.Semaphore(effect.limit)
        values: list[Any] = [None] * len(effect.flows)
        failed: dict[int, Exception] = {}

        async def run(index: int, flow: Flow[Any]) -> None:
            async with limit:
                try:
                    values[index] = await self.run(flow, deadline)
                except Exception as error:  # noqa: BLE001  raised below, once all have ended
                    failed[index] = error

        async with anyio.create_task_group() as tasks:
            for index, flow in enumerate(effect.flows):
                tasks.start_soon(run, index, flow)
        if failed:
            raise failed[min(failed)]
        return values

    def _spawn(self, effect: Spawn) -> None:
        from facegate.runtime.background import Tasks

        if self._background is None:
            self._background = Tasks()
        self._background.start(partial(self._unheard, effect))

    async def _unheard(self, effect: Spawn) -> None:
        with suppress(Exception):
            await self.run(effect.flow, Deadline(effect.seconds))

    async def _in_worker(self, function: Callable[[], Any]) -> Any:
        import anyio.to_thread

        if self._workers is None:
            self._workers = anyio.CapacityLimiter(_WORKERS)
        # A thread cannot be stopped; on cancellation its late value is dropped.
        return await anyio.to_thread.run_sync(
            function, abandon_on_cancel=True, limiter=self._workers
        )

    async def _exchanges(self) -> AsyncExchanges:
        if self._opened is None:
            await self._in_worker(_import_exchange)  # takes some 100 ms, once
        return self._open()

    def _open(self) -> AsyncExchanges:
        from facegate.runtime.exchange import AsyncExchanges

        if self._opened is None:
            self._opened = AsyncExchanges()
        return self._opened


def _import_exchange() -> None:
    import facegate.runtime.exchange  # noqa: F401
