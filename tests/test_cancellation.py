"""Calls that are cancelled, thousands of times and at any moment, take nothing from later ones."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import anyio
import pytest

from both import with_uvloop
from facegate.plugin import HttpReply
from facegate.runtime.deadline import Deadline
from facegate.runtime.drivers import AsyncDriver
from facegate.runtime.flow import HttpRequest, Transport, send
from loopback import Server, message, raw, reply, stall

CONNECTIONS, CALLERS, ROUNDS = 10, 20, 100
BODY = (b"a" * 100_000,)

Ask = Callable[[], Coroutine[Any, Any, None]]


async def by_its_scope(ask: Ask, turns: int) -> None:
    """Cancelled as anyio and trio do it: again and again, until it has ended."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def by_its_task(ask: Ask, turns: int) -> None:
    """Cancelled once, as asyncio does it for a caller that hung up."""
    task = asyncio.ensure_future(ask())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("cancelled", "backend", "options"),
    [
        (by_its_task, "asyncio", {}),
        (by_its_scope, "asyncio", {}),
        pytest.param(by_its_task, "asyncio", {"use_uvloop": True}, marks=with_uvloop),
        (by_its_scope, "trio", {}),
    ],
    ids=["asyncio", "anyio", "uvloop", "trio"],
)
def test_no_place_is_lost(cancelled: Any, backend: str, options: dict[str, Any]) -> None:
    draw = random.Random(7)
    transport = Transport(max_connections=CONNECTIONS, pool_s=20)
    answered: list[HttpReply] = []

    async def main() -> None:
        driver = AsyncDriver()

        async def ask() -> None:
            request = HttpRequest("POST", server.url, body=BODY)
            answered.append(await driver.run(send(request, transport), Deadline(20)))

        async def impatient() -> None:
            for _ in range(ROUNDS):
                await cancelled(ask, draw.randrange(25))

        async with anyio.create_task_group() as tasks:
            for _ in range(CALLERS):
                tasks.start_soon(impatient)
        answered.clear()
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(ask)
        await driver.close()

    acts = [reply(204), raw(message(200, b"half")[:-2], then=stall)] * 50
    with Server(*acts, reply(204)) as server:
        anyio.run(main, backend=backend, backend_options=options)
    assert len(answered) == 100
