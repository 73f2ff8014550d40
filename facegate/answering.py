"""Requests: a question's way from the first check to the event that is recorded."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from facegate.errors import (
    ConfigurationError,
    FacegateError,
    InvalidRequest,
    JournalUnavailable,
)
from facegate.events import (
    RECORD_S,
    Cancelled,
    Event,
    Finished,
    Observer,
    Recorder,
    Shadowed,
    ShadowSkipped,
    tell,
)
from facegate.health import Health, of_route
from facegate.images.intake import Intake, Pictures, picture, pictures
from facegate.model import Attempt, Operation, VerificationResult
from facegate.providers.provider import Provider
from facegate.question import Question
from facegate.routing.node import Run, Share
from facegate.routing.reload import Version, Versions
from facegate.routing.route import Route
from facegate.routing.shadow import Shadow
from facegate.runtime.deadline import Deadline
from facegate.runtime.flow import Flow, call, spawn, timeout

Source = str | os.PathLike[str] | None
"""A configuration file; None for the one that was read before."""
Load = Callable[[Source, Route], tuple[Route, Intake]]
"""Reads a configuration anew; takes over from the route before it what has not changed."""

_log = logging.getLogger(__name__)


class Service:
    """The state that both verifiers keep: where requests go, and who is told of them.

    Attributes:
        versions: the route, and those before it that still have requests to finish.
        recorder: the keeper of the requests; None where nobody keeps them.
        closed: whether no more questions are taken.
    """

    def __init__(
        self,
        route: Route | Provider,
        intake: Intake | None,
        observers: Sequence[Observer],
        recorder: Recorder | None,
        load: Load | None,
    ) -> None:
        route = route if isinstance(route, Route) else Route.to(route)
        self.versions = Versions(route, intake or Intake())
        self.recorder = recorder
        self.closed = False
        self._observers = tuple(observers)
        self._load = load

    def loaded(self, config: Source) -> tuple[Route, Intake]:
        """The route and the intake as the configuration says now.

        Raises:
            ConfigurationError: it cannot be used, or there was none.
            InvalidRequest: the verifier is closed.
        """
        if self.closed:
            raise InvalidRequest("the verifier is closed")
        if self._load is None:
            raise ConfigurationError("the verifier was not opened from a configuration")
        return self._load(config, self.versions.current.route)

    @contextmanager
    def request(self, question: Question, patience: Deadline | None = None) -> Iterator[Request]:
        """A request on the current route, which is held until it is recorded, or given up.

        Args:
            question: the question that is asked.
            patience: the caller's own deadline, which can be given up.
        """
        with self.versions.use() as version:
            request = Request(self, version, question, patience)
            try:
                yield request
            finally:
                request.abandon()

    def health(self) -> Flow[Health]:
        """The health of the route and of the recorder; no provider is asked."""
        providers = yield from call(partial(of_route, self.versions.current.route))
        if self.recorder is None:
            return Health(providers)
        try:
            yield from call(self.recorder.check)
        except JournalUnavailable as error:
            return Health(providers, error.message)
        return Health(providers)

    def notify(self, event: Event) -> None:
        """Tell every observer."""
        tell(self._observers, event)

    def close(self) -> None:
        """Let go of providers and of the recorder."""
        self.versions.close()
        if self.recorder is not None:
            self.recorder.close()


class Request:
    """One request on its way: answered, recorded, handed to the caller, in this order.

    Attributes:
        deadline: the end of its time.

    Args:
        service: the verifier's.
        version: the route that it takes, held until it is recorded.
        question: the question that is asked.
        patience: the caller's own deadline, which this one's cannot outlast.
    """

    def __init__(
        self,
        service: Service,
        version: Version,
        question: Question,
        patience: Deadline | None = None,
    ) -> None:
        self._service, self._version, self._question = service, version, question
        self.deadline = Deadline(version.route.deadline_s, patience)
        self._run: Run | None = None
        self._loaded: Pictures | None = None
        self._at, self._started = datetime.now(UTC), time.perf_counter()
        self._told = threading.Lock()  # locked by whoever records it, and never opened

    def answer(self) -> Flow[Finished]:
        """The answer, or why there is none; the flow itself does not fail."""
        try:
            self._run = yield from self._begun()
            node, share = self._version.route.node, Share.whole(self.deadline)
            outcome: VerificationResult | FacegateError = yield from node.ask(self._run, share)
        except FacegateError as error:
            outcome = error
        return self._event(outcome)

    def record(self, finished: Finished) -> Flow[None]:
        """Tell observers, keep the record, and have a candidate asked in the background."""
        if not self._told.acquire(blocking=False):
            return
        self._service.notify(finished)
        if self._service.recorder is not None:
            yield from self._service.recorder.record(finished)
        shadow = self._version.route.shadow
        if self._run is not None and shadow is not None and shadow.wants(self._question):
            yield from self._follow(shadow, self._run, finished)

    def abandon(self) -> None:
        """Record that it was given up, if a provider was asked and nothing else was recorded.

        Nothing is waited for: whoever cancels a task, or interrupts the program, wants to go on.
        """
        recorder, run = self._service.recorder, self._run
        if recorder is None or run is None or self._told.locked():
            return
        why = Cancelled("nobody waits for the answer any more")
        attempts = run.given_up(why)
        if not attempts or not self._told.acquire(blocking=False):
            return
        try:
            recorder.submit(self._event(why, attempts))
        except JournalUnavailable as error:
            _log.warning("a request that was given up is not recorded: %s", error.message)

    def _begun(self) -> Flow[Run]:
        question, route = self._question, self._version.route
        if self._service.closed:
            raise InvalidRequest("the verifier is closed")
        checked = route.check(question)
        self._loaded = loaded = yield from self._pictures()
        # Only now it is known how many pictures there are, and that no two are the same.
        if loaded.gallery and len(loaded.gallery) != question.gallery_size:
            checked = route.check(question, len(loaded.gallery))
        return Run(
            question,
            checked.wanted,
            checked.terms,
            loaded.probe,
            loaded.gallery,
            self._version.intake,
            budget=route.max_attempts,
            notify=self._service.notify,
        )

    def _pictures(self) -> Flow[Pictures]:
        question, intake = self._question, self._version.intake
        if question.operation is Operation.LIVENESS:
            return Pictures((yield from picture("probe", question.probe, intake)))
        most = self._version.route.max_gallery
        return (yield from pictures(question.probe, question.gallery, intake, most))

    def _event(
        self,
        outcome: VerificationResult | FacegateError,
        attempts: tuple[Attempt, ...] | None = None,
    ) -> Finished:
        """The event of an outcome, which gets what only the whole request knows."""
        question, route, run = self._question, self._version.route, self._run
        seconds = time.perf_counter() - self._started
        if attempts is None:
            attempts = tuple(run.attempts) if run else ()
        arm = run.arm if run else None
        if isinstance(outcome, FacegateError):
            outcome.attempts, outcome.request_id = attempts, question.id
            if self._loaded:
                outcome.image = self._loaded.restored(outcome.image)
        else:
            outcome = outcome.model_copy(
                update={
                    **self._in_the_callers_order(outcome),
                    "attempts": attempts,
                    "elapsed": seconds,
                    "warnings": (*(run.warnings if run else ()), *outcome.warnings),
                    "request_id": question.id,
                    "route": route.name,
                    "arm": arm,
                }
            )
        return Finished(
            at=self._at,
            request_id=question.id,
            operation=question.operation,
            route=route.name or route.node.name,
            subject=question.subject,
            consent=question.consent,
            outcome=outcome,
            attempts=attempts,
            seconds=seconds,
            configuration=route.digest,
            arm=arm,
            caller=question.caller,
            judged_by_caller=question.judged_by_caller,
        )

    def _in_the_callers_order(self, result: VerificationResult) -> dict[str, Any]:
        """What a result says of single pictures, where some were given twice."""
        loaded, match = self._loaded, result.match
        if loaded is None or len(loaded.places) == len(loaded.gallery):
            return {}
        faces = [
            face.model_copy(update={"image": loaded.restored(face.image)}) for face in result.faces
        ]
        if match is not None and match.gallery_scores:
            scores = tuple(match.gallery_scores[place] for place in loaded.places)
            match = match.model_copy(update={"gallery_scores": scores})
        return {"faces": tuple(faces), "match": match}

    def _follow(self, shadow: Shadow, run: Run, primary: Finished) -> Flow[None]:
        """Have the candidate asked in the background, whatever comes of it."""
        if not shadow.acquire():
            self._service.notify(ShadowSkipped(primary.request_id, shadow.candidate.name))
            return
        # The request itself lets go of the version before the candidate is done with it.
        self._service.versions.acquire(self._version)
        try:
            yield from spawn(self._shadowed(shadow, run, primary), shadow.seconds + RECORD_S)
        except Exception as error:  # noqa: BLE001  the answer is there, and stands
            self._release(shadow)
            _log.warning("a shadow could not be started: %s", type(error).__name__)

    def _shadowed(self, shadow: Shadow, run: Run, primary: Finished) -> Flow[None]:
        service = self._service
        try:
            candidate = Request(service, self._version, self._question)
            event = Shadowed(primary, (yield from candidate.compared(shadow, run)))
            service.notify(event)
            if service.recorder is not None:
                yield from service.recorder.record(event)
        except Exception as error:  # noqa: BLE001  nobody waits for it, so it is told here
            _log.warning("a shadow was not recorded: %s", type(error).__name__)
        finally:
            self._release(shadow)

    def compared(self, shadow: Shadow, primary: Run) -> Flow[Finished]:
        """Ask the candidate instead of the route, in a request of its own."""
        run = self._run = shadow.run(primary, self._version.route.providers)
        asking = shadow.candidate.ask(run, Share.whole(Deadline(shadow.seconds)))
        try:
            ending: VerificationResult | FacegateError = yield from timeout(asking, shadow.seconds)
        except FacegateError as error:
            ending = error
        return self._event(ending)

    def _release(self, shadow: Shadow) -> None:
        shadow.release()
        self._service.versions.release(self._version)
