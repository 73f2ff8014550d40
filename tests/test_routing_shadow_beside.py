"""A candidate is asked beside the request: the answer does not wait for it, closing does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from acme import MATCH, Scripted
from both import Ask, ask_sync, both_ways
from facegate import AsyncFaceVerifier, FaceVerifier
from facegate.events import Finished, Shadowed
from facegate.plugin import Answer
from facegate.routing.route import Route
from facegate.runtime.flow import Flow, call
from scripted import QUESTION, Book, Vendor, shadowed


def test_where_no_thread_can_be_started_the_answer_stands(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    candidate = Vendor("candidate")
    asked = shadowed(candidate, most=1)
    with FaceVerifier(asked) as verifier:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", fail)
            for _ in range(2):
                assert verifier.compare(**QUESTION).accepted
        assert caplog.messages == ["a shadow could not be started: RuntimeError"] * 2
    assert ask_sync(asked, **QUESTION).accepted
    assert len(candidate.asked) == 1, "once there is room again"


class Held:
    """A candidate whose answer is held back until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.provider = Scripted(self._script)

    def _script(self, request: Any) -> Flow[Answer]:
        return (yield from call(self._wait))

    def _wait(self) -> Answer:
        self.let_go.wait(60)
        return Answer(match=MATCH.match(0.95, 0.8))


def answered(ask: Ask, asked: Route, book: Book, then: Callable[[], Any]) -> None:
    """Ask, and call ``then`` once there is an answer and the verifier is not yet closed."""
    if ask is ask_sync:
        with FaceVerifier(asked, recorder=book) as verifier:
            verifier.compare(**QUESTION)
            then()
        return

    async def main() -> None:
        async with AsyncFaceVerifier(asked, recorder=book) as verifier:
            await verifier.compare(**QUESTION)
            then()

    anyio.run(main)


@both_ways
def test_the_answer_does_not_wait_and_closing_does(ask: Ask) -> None:
    held, book = Held(), Book()

    def then() -> None:
        assert len(book.recorded) == 1
        held.let_go.set()

    answered(ask, shadowed(held.provider), book, then)
    finished, pair = book.recorded
    assert isinstance(finished, Finished)
    assert isinstance(pair, Shadowed)
    assert pair.candidate.result is not None
    assert pair.candidate.result.provider == "main"


@both_ways
def test_closing_does_not_wait_for_ever(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facegate.runtime.background.GRACE_S", 0.05)
    held, book = Held(), Book()
    answered(ask, shadowed(held.provider), book, lambda: None)
    assert [type(event) for event in book.recorded] == [Finished]
    held.let_go.set()
