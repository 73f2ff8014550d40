"""Providers whose operations are flows, and the calls that a question takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TypeVar

from facegate.errors import CaptureReason, CaptureRejected, FacegateError
from facegate.images.image import Image
from facegate.model import Attempt, Liveness, Operation
from facegate.providers.provider import Provider
from facegate.providers.requests import (
    Answer,
    BoundRequest,
    CompareLiveRequest,
    CompareRequest,
)
from facegate.providers.settings import S
from facegate.runtime.flow import Flow, gather

T = TypeVar("T")


class SpoofFound(Exception):
    """A spoof that the vendor reported in place of an answer: ends a question from within.

    It never leaves a provider, and is no :class:`FacegateError`, so that code which catches those
    to mend something lets an answer pass.
    """

    def __init__(self, liveness: Liveness) -> None:
        super().__init__("the probe is not live")
        self.liveness = liveness


@dataclass(slots=True)
class _Taken:
    """The calls that a question has taken so far."""

    operation: Operation | None
    attempts: list[Attempt] = field(default_factory=list)


# A provider serves many questions at once, so the calls of one belong to its context.
_steps: ContextVar[_Taken | None] = ContextVar("facegate_steps", default=None)


class FlowProvider(Provider[S]):
    """A provider whose operations are flows: generators that ask for effects, return an Answer."""

    def answer(self, request: BoundRequest[S]) -> Flow[Answer]:
        before, taken = _steps.get(), _Taken(request.operation)
        _steps.set(taken)
        try:
            answer: Answer = yield from getattr(self, request.operation)(request)
        except SpoofFound as spoof:
            answer = Answer(liveness=self.__at_threshold(spoof.liveness, request))
        except FacegateError as error:
            error.attempts = error.attempts or tuple(taken.attempts)
            raise
        finally:
            _steps.set(before)
        if not answer.attempts:
            answer = replace(answer, attempts=tuple(taken.attempts))
        return self.completed(answer, request)

    def step(self, name: str, flow: Flow[T]) -> Flow[T]:
        """One of the calls that a question takes, recorded as an attempt of that name.

        Give every call of the question a name, or none; ``info.steps`` lists the names.

        Raises:
            ValueError: a name that is not in ``info.steps``.
        """
        if name not in self.info.steps:
            raise ValueError(f"{name!r} is not in info.steps")
        started = time.perf_counter()
        try:
            value = yield from flow
        except FacegateError as error:
            self.__note(started, error, step=name)
            raise
        except SpoofFound:
            self.__note(started, step=name)
            raise
        self.__note(started, step=name)
        return value

    def __note(self, started: float, error: FacegateError | None = None, **what: str) -> None:
        if taken := _steps.get():
            attempt = self.attempt(started, error, operation=taken.operation, **what)
            taken.attempts.append(attempt)

    def __at_threshold(self, spoof: Liveness, request: BoundRequest[S]) -> Liveness:
        """A spoof with the threshold that was asked for.

        A score beyond that measures something else, and is left out: the verdict is the vendor's.
        """
        spec, threshold = self.info.liveness, getattr(request, "liveness_threshold", None)
        if spec is None or threshold is None or spoof.threshold is not None:
            return spoof
        score = spoof.score
        if score is not None and spec.is_yes(score, threshold):
            score = None
        return Liveness(
            passed=False, score=score, threshold=threshold, scale=spec.scale, reason=spoof.reason
        )

    def diagnosed(
        self,
        error: CaptureRejected,
        request: CompareRequest[S] | CompareLiveRequest[S],
        look: Callable[[Image], Flow[CaptureReason | None]],
    ) -> Flow[None]:
        """Ask about one picture after the other, until one explains a rejection; then it says so.

        Each is an attempt of the step ``diagnose``. If one of them fails, or none finds anything,
        the rejection stays as it is.

        Args:
            error: the rejection, which does not say which picture it means or why.
            request: the request that it ended.
            look: makes the flow that finds a picture's fault, None for none.
        """
        pictures = {"probe": request.probe}
        pictures |= {f"gallery[{n}]": image for n, image in enumerate(request.gallery)}
        for name, image in pictures.items():
            try:
                reason = yield from self.step("diagnose", look(image))
            except FacegateError:
                return
            if reason is not None:
                error.reason, error.image = reason, name
                return

    def for_each(
        self, gallery: Sequence[Image], ask: Callable[[Image], Flow[T]], limit: int
    ) -> Flow[list[T]]:
        """Ask once for each gallery picture; gives the values in gallery order.

        All are asked, whatever becomes of the others; then the first failure in gallery order is
        raised. Each is recorded as an attempt, or as those that its steps were.

        Args:
            gallery: the pictures.
            ask: makes the flow that asks about one of them.
            limit: flows at a time, 1 or more.

        Raises:
            FacegateError: the first failure.
        """
        calls = [
            self.__call(f"gallery[{index}]", ask(image)) for index, image in enumerate(gallery)
        ]
        done = yield from gather(calls, limit)
        if taken := _steps.get():
            taken.attempts += (attempt for _, attempts in done for attempt in attempts)
        for outcome, _ in done:
            if isinstance(outcome, FacegateError | SpoofFound):
                raise outcome
        return [value for value, _ in done if not isinstance(value, FacegateError | SpoofFound)]

    def __call(
        self, image: str, flow: Flow[T]
    ) -> Flow[tuple[T | FacegateError | SpoofFound, Sequence[Attempt]]]:
        before, started = _steps.get(), time.perf_counter()
        taken = _Taken(before.operation if before else None)
        outcome: T | FacegateError | SpoofFound
        _steps.set(taken)
        try:
            outcome = yield from flow
        except (FacegateError, SpoofFound) as ended:
            outcome = ended
        finally:
            _steps.set(before)
        if taken.attempts:
            named = [step.model_copy(update={"image": image}) for step in taken.attempts]
            return outcome, named
        error = outcome if isinstance(outcome, FacegateError) else None
        return outcome, [self.attempt(started, error, operation=taken.operation, image=image)]
