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
from facegate.testing.server import Seen

Came = VerificationResult | FacegateError
"""What came of a question."""

Ask = Callable[[Provider[Any], Sequence[Question]], list[Came]]
"""Puts questions to one verifier around a provider, and closes it."""


@dataclass(frozen=True)
class Stage:
    """Where a provider can be asked and gets its answers.

    Attributes:
        make: a new provider, with some of its settings changed.
        seen: the requests that reached the vendor, where there is one.
    """

    make: Callable[..., Provider[Any]]
    seen: list[Seen] = field(default_factory=list)


def one_by_one(provider: Provider[Any], questions: Sequence[Question]) -> list[Came]:
    """Blocking, in this thread."""
    with FaceVerifier(provider) as verifier:
        return [_came(verifier, question) for question in questions]


def one_by_one_async(provider: Provider[Any], questions: Sequence[Question]) -> list[Came]:
    """On an event loop, each when the one before has ended."""

    async def main() -> list[Came]:
        async with AsyncFaceVerifier(provider) as verifier:
            return [await _came_async(verifier, question) for question in questions]

    return anyio.run(main)


def at_once(provider: Provider[Any], questions: Sequence[Question]) -> list[Came]:
    """Blocking, each in a thread of its own."""
    with FaceVerifier(provider) as verifier, ThreadPoolExecutor(len(questions)) as threads:
        return list(threads.map(partial(_came, verifier), questions))


def at_once_async(provider: Provider[Any], questions: Sequence[Question]) -> list[Came]:
    """On an event loop, each in a task of its own."""

    async def main() -> list[Came]:
        found: list[Any] = [None] * len(questions)

        async def ask(index: int) -> None:
            found[index] = await _came_async(verifier, questions[index])

        async with AsyncFaceVerifier(provider) as verifier, anyio.create_task_group() as tasks:
            for index in range(len(questions)):
                tasks.start_soon(ask, index)
        return found

    return anyio.run(main)


async def ask_on_loop(provider: Provider[Any], question: Question) -> Came:
    """On the running loop."""
    async with AsyncFaceVerifier(provider) as verifier:
        return await _came_async(verifier, question)


def _came(verifier: FaceVerifier, question: Question) -> Came:
    try:
        return verifier.ask(question)
    except FacegateError as error:
        return error


async def _came_async(verifier: AsyncFaceVerifier, question: Question) -> Came:
    try:
        return await verifier.ask(question)
    except FacegateError as error:
        return error
