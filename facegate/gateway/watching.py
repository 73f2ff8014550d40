"""The sentinel of a service, which keeps watch beside the requests."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync

from facegate.errors import JournalUnavailable

if TYPE_CHECKING:
    from facegate.sentinel.sentinel import Sentinel


@asynccontextmanager
async def watching(sentinel: Sentinel, leaving: threading.Event) -> AsyncIterator[None]:
    """Have a thread of its own run rounds when they are due; of all processes, one runs each.

    Args:
        sentinel: the sentinel.
        leaving: set when the process is about to end, and at the end of this: that ends the thread,
            and the round that it is at.
    """
    from facegate.sentinel.schedule import keep_watch

    thread = threading.Thread(
        target=keep_watch, args=(sentinel, leaving), name="facegate-sentinel", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        await run_sync(thread.join)


def findings(sentinel: Sentinel) -> Iterator[str]:
    """What an operator should know of the providers that are watched; nothing without a journal."""
    for name in sentinel.settings.providers:
        try:
            standing = sentinel.standing(name)
        except JournalUnavailable:
            return
        if standing.period is None:
            yield (
                f"{name}: a change of its model would not be noticed without a baseline; take one"
                f" with `facegate sentinel baseline {name}`"
            )
        elif standing.changed is not None:
            yield (
                f"{name}: its model changed by {standing.changed}; `facegate sentinel status` says"
                f" how, and `facegate sentinel accept {name}` goes on with it"
            )
