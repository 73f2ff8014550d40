"""Answering a question, up to the result or the error: all but the driver that runs it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from facegate.errors import ConfigurationError, FacegateError, InvalidRequest, UnmappedError
from facegate.events import Event, Finished, Observer, Recorder, Shadowed, ShadowSkipped
from facegate.images.image import Image
from facegate.images.intake import Intake, picture, pictures
from facegate.model import Operation, VerificationResult
from facegate.providers.provider import Provider
from facegate.question import Question
from facegate.routing.node import Run
from facegate.routing.reload import Generation, Generations
from facegate.routing.route import Route
from facegate.routing.shadow import Shadow
from facegate.runtime.deadline import Deadline
from facegate.runtime.flow import Flow, spawn, timeout

RECORD_S = 5.0
"""How long an answer waits for being recorded, at most."""

Source = str | os.PathLike[str] | None
"""A configuration file; None for the one that was read before."""
Load = Callable[[Source, Route], tuple[Route, Intake]]
"""Reads a configuration anew; takes over from the route before it what has not changed."""

_log = logging.getLogger(__name__)


class Answering:
    """What the blocking and the async verifier share."""

    def __init__(
        self,
        route: Route | Provider[Any],
        intake: Intake | None = None,
        *,
        observers: Sequence[Observer] = (),
        recorder: Recorder | None = None,
        load: Load | None = None,
    ) -> None:
        route = route if isinstance(route, Route) else Route.to(route)
        self._generations = Generations(route, intake or Intake())
        self._load = load
        self._observers = tuple(observers)
        self._recorder = recorder
        self._closed = False

    @property
    def route(self) -> Route:
        """Where requests go."""
        return self._generations.current.route

    @property
    def provider(self) -> Provider[Any]:
        """The provider that is asked, the first one where a route leads to several."""
        return self.route.providers[0]

    @property
    def capabilities(self) -> frozenset[Operation]:
        """The operations that will not be refused."""
        return self.route.node.capabilities

    @property
    def recorder(self) -> Recorder | None:
        """What keeps the requests: the journal, where one is configured."""
        return self._recorder

    def _loaded(self, config: Source) -> tuple[Route, Intake]:
        if self._closed:
            raise InvalidRequest("the verifier is closed")
        if self._load is None:
            raise ConfigurationError("the verifier was not opened from a configuration")
        return self._load(config, self.route)

    def _verify(
        self, now: Generation, question: Question, deadline: Deadline
    ) -> Flow[tuple[Finished, Run | None]]:
        """Answers, or says why not: the flow itself does not fail. Beside it, how it went."""
        at, started, run = datetime.now(UTC), time.perf_counter(), None
        try:
            if self._closed:
                raise InvalidRequest("the verifier is closed")
            question = now.route.check(question)
            probe, gallery = yield from self._pictures(now, question)
            run = Run(question, probe, gallery, deadline, now.route.max_attempts, self._tell)
            found: VerificationResult | FacegateError = yield from now.route.node.ask(run)
        except FacegateError as error:
            found = error
        return self._finished(now.route, question, run, found, at=at, started=started), run

    def _pictures(
        self, now: Generation, question: Question
    ) -> Flow[tuple[Image, tuple[Image, ...]]]:
        if question.operation is Operation.LIVENESS:
            return (yield from picture("probe", question.probe, now.intake)), ()
        most = now.route.max_gallery
        return (yield from pictures(question.probe, question.gallery, now.intake, most))

    def _finished(
        self,
        route: Route,
        question: Question,
        run: Run | None,
        found: VerificationResult | FacegateError,
        *,
        at: datetime,
        started: float,
    ) -> Finished:
        seconds = time.perf_counter() - started
        result, error = None, None
        if isinstance(found, FacegateError):
            error = found
            error.attempts = tuple(run.attempts) if run else ()
            error.request_id = question.id
        elif run:
            result = self._complete(route, run, found, seconds)
        return Finished(
            at=at,
            request_id=question.id,
            operation=question.operation,
            route=route.name or route.node.name,
            subject=question.subject,
            consent=question.consent,
            result=result,
            error=error,
            attempts=tuple(run.attempts) if run else (),
            seconds=seconds,
            configuration=route.digest,
            arm=run.arm if run else None,
        )

    def _record(self, now: Generation, event: Finished, run: Run | None) -> Flow[None]:
        self._tell(event)
        if self._recorder is not None:
            yield from self._recorder.record(event)
        if run is not None and now.route.shadow is not None:
            yield from self._follow(now, now.route.shadow, event, run)

    def _follow(self, now: Generation, shadow: Shadow, primary: Finished, run: Run) -> Flow[None]:
        """Have the candidate asked in the background, whatever comes of it."""
        if not shadow.wants(run.question):
            return
        if not shadow.enter():
            self._tell(ShadowSkipped(primary.request_id, shadow.candidate.name))
            return
        self._generations.stay(now)
        try:
            yield from spawn(self._compared(now, shadow, primary, run), shadow.seconds + RECORD_S)
        except Exception as error:  # noqa: BLE001  the answer is there, and stands
            shadow.leave()
            self._generations.leave(now)
            _log.warning("a shadow could not be started: %s", type(error).__name__)

    def _compared(self, now: Generation, shadow: Shadow, primary: Finished, run: Run) -> Flow[None]:
        at, started = datetime.now(UTC), time.perf_counter()
        try:
            run = shadow.run(run, now.route.providers)
            try:
                found: VerificationResult | FacegateError = yield from timeout(
                    shadow.candidate.ask(run), shadow.seconds
                )
            except FacegateError as error:
                found = error
            event = Shadowed(
                primary, self._finished(now.route, run.question, run, found, at=at, started=started)
            )
            self._tell(event)
            if self._recorder is not None:
                yield from self._recorder.record(event)
        except Exception as error:  # noqa: BLE001  nobody waits for it, so it is told here
            _log.warning("a shadow was not recorded: %s", type(error).__name__)
        finally:
            shadow.leave()
            self._generations.leave(now)

    def _complete(
        self, route: Route, run: Run, found: VerificationResult, elapsed: float
    ) -> VerificationResult:
        return found.model_copy(
            update={
                "attempts": tuple(run.attempts),
                "elapsed": elapsed,
                "warnings": (*run.warnings, *found.warnings),
                "request_id": run.question.id,
                "route": route.name,
                "arm": run.arm,
            }
        )

    def _tell(self, event: Event) -> None:
        for observer in self._observers:
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001  a watcher is no reason to refuse an answer
                _log.warning("an observer failed: %s", type(error).__name__)

    def _close_all(self) -> None:
        self._generations.close()
        if self._recorder is not None:
            self._recorder.close()


def outcome(finished: Finished) -> VerificationResult:
    """The answer; raises where there is none."""
    if finished.result is None:
        raise finished.error or UnmappedError("neither an answer nor an error") from None
    return finished.result
