"""Asking a provider, blocking and on an event loop; what comes of it, even an error, is a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio

from facegate import AsyncFaceVerifier, FacegateError, FaceVerifier, VerificationResult
from facegate.providers.provider import Provider
from facegate.question import Question
from facegate.testing.playback import Playback
from facegate.testing.server import Seen

ResultOrError = VerificationResult | FacegateError
"""The outcome of a question."""

Asker = Callable[[Provider, Sequence[Question]], list[ResultOrError]]
"""Puts questions to one verifier around a provider, and closes it."""


@dataclass(frozen=True)
class Stage:
    """Where a provider can be asked and gets its answers.

    Attributes:
        make: a new provider, with some of its settings changed.
        seen: the requests that reached the vendor, where there is one.
        playback: the vendor, where there is one.
    """

    make: Callable[..., Provider]
    seen: list[Seen] = field(default_factory=list)
    playback: Playback | None = None

    def forget(self) -> None:
        """Start with an empty record."""
        if self.playback:
            self.playback.served.clear()
            self.playback.unknown.clear()

    def note(self) -> str:
        """What to add to a complaint about what came."""
        return self.playback.note() if self.playback else ""


def one_by_one(provider: Provider, questions: Sequence[Question]) -> list[ResultOrError]:
    """Blocking, in this thread."""
    with FaceVerifier(provider) as verifier:
        return [_came(verifier, question) for question in questions]


def one_by_one_async(provider: Provider, questions: Sequence[Question]) -> list[ResultOrError]:
    """On an event loop, each when the one before has ended."""

    async def main() -> list[ResultOrError]:
        async with AsyncFaceVerifier(provider) as verifier:
            return [await _came_async(verifier, question) for question in questions]

    return anyio.run(main)


def at_once(provider: Provider, questions: Sequence[Question]) -> list[ResultOrError]:
    """Blocking, each in a thread of its own."""
    with FaceVerifier(provider) as verifier, ThreadPoolExecutor(len(questions)) as threads:
        return list(threads.map(partial(_came, verifier), questions))


def at_once_async(provider: Provider, questions: Sequence[Question]) -> list[ResultOrError]:
    """On an event loop, each in a task of its own."""

    async def main() -> list[ResultOrError]:
        found: list[Any] = [None] * len(questions)

        async def ask(index: int) -> None:
            found[index] = await _came_async(verifier, questions[index])

        async with AsyncFaceVerifier(provider) as verifier, anyio.create_task_group() as tasks:
            for index in range(len(questions)):
                tasks.start_soon(ask, index)
        return found

    return anyio.run(main)


async def ask_on_loop(provider: Provider, question: Question) -> ResultOrError:
    """On the running loop."""
    async with AsyncFaceVerifier(provider) as verifier:
        return await _came_async(verifier, question)


def _came(verifier: FaceVerifier, question: Question) -> ResultOrError:
    try:
        return verifier.ask(question)
    except FacegateError as error:
        return error


async def _came_async(verifier: AsyncFaceVerifier, question: Question) -> ResultOrError:
    try:
        return await verifier.ask(question)
    except FacegateError as error:
        return error
