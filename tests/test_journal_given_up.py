"""Requests that were given up before there was an answer: the vendor may have seen the face."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from acme import Acme, Settings, acme
from facegate import AsyncFaceVerifier, Billed, FaceVerifier
from facegate.events import Finished
from facegate.journal import Journal
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from facegate.runtime.flow import call
from journals import journal
from loopback import Server, reply, stall
from scripted import QUESTION, Book
from scripted import route as routed
from test_interruptions import SoftTimeLimit, interrupted

MATCH = {"score": 0.95, "reference": "r-1"}

slow = pytest.mark.slow


async def cancelled(verifier: AsyncFaceVerifier, vendor: Server) -> None:
    """Ask, and give it up once the vendor has the pictures."""
    async with anyio.create_task_group() as tasks:

        async def ask() -> None:
            await verifier.compare(**QUESTION, request_id="r-1")

        tasks.start_soon(ask)
        await anyio.to_thread.run_sync(vendor.asked.wait)
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_request_says_who_was_asked(backend: str, tmp_path: Path) -> None:
    async def main(kept: Journal) -> None:
        async with AsyncFaceVerifier(routed(node), recorder=kept) as verifier:
            await cancelled(verifier, silent)

    url = f"sqlite:///{tmp_path}/journal.db"
    with Server(reply(500, {})) as failing, Server(stall) as silent:
        second = Acme(Settings.model_validate({"base_url": silent.url}), "second")
        node = Failover("kyc", [Leaf(acme(failing.url)), Leaf(second)])
        with journal(url) as kept:
            anyio.run(main, kept, backend=backend)
        with journal(url) as kept:
            found = kept.decision("r-1")
    assert (found.decision.error_code, found.decision.provider) == ("Cancelled", "second")
    assert found.decision.billed is Billed.MAYBE
    assert [(each.provider, each.error_code) for each in found.attempts] == [
        ("main", "ProviderUnavailable"),
        ("second", "Cancelled"),
    ]


@slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX's timers and signals")
@pytest.mark.parametrize("error", [SoftTimeLimit, KeyboardInterrupt])
def test_an_interrupted_request_is_recorded_though_everything_closes_at_once(
    error: type[BaseException], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    with Server(stall) as silent:
        with (
            journal(url) as kept,
            FaceVerifier(routed(Leaf(acme(silent.url))), recorder=kept) as verifier,
            pytest.raises(error),
            interrupted(0.3, error),
        ):
            verifier.compare(**QUESTION, request_id="r-1")
        with journal(url) as kept:
            found = kept.decision("r-1")
    assert found.decision.error_code == "Cancelled"
    assert [each.provider for each in found.attempts] == ["main"]


def given_up(book: Book, ask: Callable[[AsyncFaceVerifier], Any], *vendors: Server) -> None:
    async def main() -> None:
        route = routed(Failover("kyc", [Leaf(acme(each.url)) for each in vendors]))
        async with AsyncFaceVerifier(route, recorder=book) as verifier:
            await ask(verifier)

    anyio.run(main)


def test_what_nobody_was_asked_leaves_no_record() -> None:
    class Slow(io.BytesIO):
        """A picture that is read until somebody has had enough."""

        begun, enough = threading.Event(), threading.Event()

        def read(self, size: int | None = -1) -> bytes:
            self.begun.set()
            assert self.enough.wait(60)
            return super().read(size)

    async def ask(verifier: AsyncFaceVerifier) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(verifier.compare, Slow(), QUESTION["gallery"]))
            await anyio.to_thread.run_sync(Slow.begun.wait)
            tasks.cancel_scope.cancel()
        Slow.enough.set()

    book = Book()
    with Server(stall) as silent:
        given_up(book, ask, silent)
        assert not silent.seen
    assert not book.recorded


def test_an_answer_is_recorded_once_whatever_happens_after_it() -> None:
    scopes: list[anyio.CancelScope] = []

    class Slow(Book):
        def record(self, event: Any) -> Any:
            self.recorded.append(event)
            scopes[0].cancel()
            yield from call(lambda: None)

    async def ask(verifier: AsyncFaceVerifier) -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await verifier.compare(**QUESTION)

    book = Slow()
    with Server(reply(200, MATCH)) as vendor:
        given_up(book, ask, vendor)
    (recorded,) = book.recorded
    assert isinstance(recorded, Finished)
    assert recorded.result is not None
