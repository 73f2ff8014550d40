"""Questions put to a provider, blocking and on an event loop; errors are outcomes too."""

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
"""Outcome of a question."""

Asker = Callable[[Provider, Sequence[Question]], list[ResultOrError]]
"""Function that puts questions to one verifier around a provider, and closes it."""


@dataclass(frozen=True)
class Stage:
    """The place where a provider is asked: the provider, and the vendor behind it if there is one.

    Attributes:
        make: makes a provider, with some of its settings changed.
        seen: the requests that reached the vendor.
        playback: the vendor; None for a provider without one.
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
        """An addition to a complaint about an outcome: requests that are not documented."""
        return self.playback.note() if self.playback else ""


def one_by_one(provider: Provider, questions: Sequence[Question]) -> list[ResultOrError]:
    """Outcomes of questions asked one after another, blocking, in this thread."""
    with FaceVerifier(provider) as verifier:
        return [_outcome(verifier, question) for question in questions]


def one_by_one_async(provider: Provider, questions: Sequence[Question]) -> list[ResultOrError]:
    """Outcomes of questions asked one after another on an event loop."""

    async def main() -> list[ResultOrError]:
        async with AsyncFaceVerifier(provider) as verifier:
            return [await _outcome_async(verifier, question) for question in questions]

    return anyio.run(main)


def at_once(provider: Provider, questions: Sequence[Question]) -> list[ResultOrError]:
    """Outcomes of questions asked at the same time, blocking, each in a thread of its own."""
    with FaceVerifier(provider) as verifier, ThreadPoolExecutor(len(questions)) as threads:
        return list(threads.map(partial(_outcome, verifier), questions))


def at_once_async(provider: Provider, questions: Sequence[Question]) -> list[ResultOrError]:
    """Outcomes of questions asked at the same time on an event loop, each in a task of its own."""

    async def main() -> list[ResultOrError]:
        outcomes: list[Any] = [None] * len(questions)

        async def ask(index: int) -> None:
            outcomes[index] = await _outcome_async(verifier, questions[index])

        async with AsyncFaceVerifier(provider) as verifier, anyio.create_task_group() as tasks:
            for index in range(len(questions)):
                tasks.start_soon(ask, index)
        return outcomes

    return anyio.run(main)


async def ask_on_loop(provider: Provider, question: Question) -> ResultOrError:
    """The outcome of a question asked on the running loop."""
    async with AsyncFaceVerifier(provider) as verifier:
        return await _outcome_async(verifier, question)


def _outcome(verifier: FaceVerifier, question: Question) -> ResultOrError:
    try:
        return verifier.ask(question)
    except FacegateError as error:
        return error


async def _outcome_async(verifier: AsyncFaceVerifier, question: Question) -> ResultOrError:
    try:
        return await verifier.ask(question)
    except FacegateError as error:
        return error
