"""Verifiers, which an application holds: one object that answers questions, blocking or async."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from facegate.consent import Consent
from facegate.events import RECORD_S, Observer, Recorder
from facegate.images.image import Gallery, ImageSource
from facegate.model import Operation, VerificationResult
from facegate.question import Options, Question
from facegate.runtime.deadline import Deadline
from facegate.runtime.drivers import AsyncDriver, SyncDriver
from facegate.runtime.flow import Flow, call
from facegate.runtime.shelter import sheltered
from facegate.thresholds import Thresholds

if TYPE_CHECKING:
    import anyio

    from facegate.answering import Load, Request, Source
    from facegate.health import Health
    from facegate.images.intake import Intake
    from facegate.providers.provider import Provider
    from facegate.routing.route import Route

T = TypeVar("T")


class _Verifier:
    """The properties of both verifiers."""

    def __init__(
        self,
        route: Route | Provider,
        intake: Intake | None,
        observers: Sequence[Observer],
        recorder: Recorder | None,
        load: Load | None,
    ) -> None:
        # Routing is loaded with the first verifier, so that types and errors alone come cheap.
        from facegate.answering import Service

        self._service = Service(route, intake, observers, recorder, load)

    @property
    def route(self) -> Route:
        """The route that new requests take."""
        return self._service.versions.current.route

    @property
    def provider(self) -> Provider:
        """The provider that is asked, the first one where a route leads to several."""
        return self.route.providers[0]

    @property
    def capabilities(self) -> frozenset[Operation]:
        """The operations that will not be refused."""
        return self.route.node.capabilities

    @property
    def recorder(self) -> Recorder | None:
        """The keeper of the requests: the journal, where one is configured."""
        return self._service.recorder


class FaceVerifier(_Verifier):
    """Answers questions about faces, blocking until there is an answer.

    What a signal handler raises while a request is under way, as Ctrl-C or the time limit of a task
    queue does, is raised as it is, and nobody further is asked. For that, what the main thread asks
    is answered in another thread, with a copy of the main one's context variables.

    One verifier serves any number of threads, and any child that is forked after it was made, which
    asks over connections of its own. Nothing is opened or loaded before the first question. Close
    it, or use it as a context manager, to let go of connections and models.

    Every method raises :class:`~facegate.errors.FacegateError` of some kind when there is no
    answer; "no match" and "not live" are answers.

    Args:
        route: where requests go: from configuration through :func:`open`, or a provider made by
            hand.
        intake: limits for input pictures; the defaults if absent.
        observers: functions called with each event; see :data:`facegate.typing.Observer`.
        recorder: keeper of the requests, such as a journal; an answer waits for it.
    """

    def __init__(
        self,
        route: Route | Provider,
        *,
        intake: Intake | None = None,
        observers: Sequence[Observer] = (),
        recorder: Recorder | None = None,
        _load: Load | None = None,
    ) -> None:
        super().__init__(route, intake, observers, recorder, _load)
        self._driver = SyncDriver()

    def ask(self, question: Question) -> VerificationResult:
        """Answer a question; :meth:`compare` and its neighbours are short for it.

        Args:
            question: all that is asked, as one value.

        Returns:
            The one result; see :meth:`compare`.

        Raises:
            FacegateError: there is no answer; see :meth:`compare`.
        """
        patience = Deadline(math.inf)
        asked: list[Request] = []
        try:
            return sheltered(partial(self._answered, question, patience, asked), patience)
        finally:
            if patience.given_up:  # now, and not when the thread comes back: that may be too late
                for request in asked:
                    request.abandon()

    def _answered(
        self, question: Question, patience: Deadline, asked: list[Request]
    ) -> VerificationResult:
        with self._service.request(question, patience) as request:
            asked.append(request)
            finished = self._driver.run(request.answer(), request.deadline)
            self._driver.run(request.record(finished), Deadline(RECORD_S))
        return finished.answer()

    def compare(
        self,
        probe: ImageSource,
        gallery: Gallery,
        *,
        threshold: Thresholds | None = None,
        options: Options | None = None,
        subject: str | None = None,
        consent: Consent | None = None,
        request_id: str | None = None,
    ) -> VerificationResult:
        """Is the person on ``probe`` the one on the ``gallery`` images?

        Args:
            probe: the picture captured now: a path, bytes, a binary file, a data URI or an Image,
                or an https URL where fetching is configured. A ``str`` is a path: hand on what a
                stranger gave you as bytes.
            gallery: one or more pictures of the one claimed person.
            threshold: similarity that a match takes: a number on the provider's scale, or
                ``"fmr:1e-4"``; a mapping of provider names where a route leads to several scales.
            options: per-request options of the vendors, keyed by plugin name.
            subject: the person, as you name them: keeps a person on one arm of a trial. Never
                stored or sent as it is.
            consent: the person's consent; a provider that it does not permit is not asked.
            request_id: id to find the request again by, 1 to 128 letters, digits and ``._:-``;
                drawn at random where none is given.

        Returns:
            The one result; ``accepted`` is the answer to act on. It has no truth value of its own.

        Raises:
            InputError: a picture or an argument is at fault; the error names it.
            UnsupportedOperation, UnsupportedOption: nobody here can be asked that. Nothing was
                sent.
            ConsentRefused: the consent permits none of those who could answer. Nothing was sent.
            ProviderError: the provider, or the way there, failed; it says nothing of the person.
            JournalUnavailable: the answer could not be recorded, so it is withheld.
        """
        return self.ask(
            Question(
                operation=Operation.COMPARE,
                probe=probe,
                gallery=gallery,
                threshold=threshold,
                options=options,
                subject=subject,
                consent=consent,
                request_id=request_id,
            )
        )

    def compare_live(
        self,
        probe: ImageSource,
        gallery: Gallery,
        *,
        threshold: Thresholds | None = None,
        liveness_threshold: Thresholds | None = None,
        options: Options | None = None,
        subject: str | None = None,
        consent: Consent | None = None,
        request_id: str | None = None,
    ) -> VerificationResult:
        """:meth:`compare` and :meth:`liveness` on the same probe; accepted if both say yes.

        Args:
            probe: the picture captured now; see :meth:`compare`.
            gallery: one or more pictures of the one claimed person.
            threshold: similarity that a match takes; see :meth:`compare`.
            liveness_threshold: liveness score that a pass takes; see :meth:`liveness`.
            options: per-request options of the vendors, keyed by plugin name.
            subject: the person, as you name them; see :meth:`compare`.
            consent: the person's consent; see :meth:`compare`.
            request_id: id to find the request again by; see :meth:`compare`.

        Returns:
            The one result; ``accepted`` is True for the same person, and a living one.

        Raises:
            FacegateError: there is no answer; see :meth:`compare`.
        """
        return self.ask(
            Question(
                operation=Operation.COMPARE_LIVE,
                probe=probe,
                gallery=gallery,
                threshold=threshold,
                liveness_threshold=liveness_threshold,
                options=options,
                subject=subject,
                consent=consent,
                request_id=request_id,
            )
        )

    def liveness(
        self,
        probe: ImageSource,
        *,
        liveness_threshold: Thresholds | None = None,
        options: Options | None = None,
        subject: str | None = None,
        consent: Consent | None = None,
        request_id: str | None = None,
    ) -> VerificationResult:
        """Is a living person in front of the camera on ``probe``?

        Args:
            probe: the picture captured now; see :meth:`compare`.
            liveness_threshold: liveness score that a pass takes: a number on the provider's scale,
                or a mapping of provider names.
            options: per-request options of the vendors, keyed by plugin name.
            subject: the person, as you name them; see :meth:`compare`.
            consent: the person's consent; see :meth:`compare`.
            request_id: id to find the request again by; see :meth:`compare`.

        Returns:
            The one result; ``accepted`` is True for a living person. A spoof is an answer too.

        Raises:
            FacegateError: there is no answer; see :meth:`compare`.
        """
        return self.ask(
            Question(
                operation=Operation.LIVENESS,
                probe=probe,
                liveness_threshold=liveness_threshold,
                options=options,
                subject=subject,
                consent=consent,
                request_id=request_id,
            )
        )

    def health(self) -> Health:
        """The verifier's health: who could answer now, and whether it would be recorded.

        No provider is asked, and nothing is loaded. A database that does not answer is waited for.
        """
        return self._driver.run(self._service.health(), Deadline(RECORD_S))

    def run(self, flow: Flow[T]) -> T:
        """Run a flow of the provider's own, such as the renewal of its token.

        Args:
            flow: the flow; it has the route's deadline.

        Raises:
            FacegateError: what the flow raises; ProviderTimeout when its time is up.
        """
        deadline = Deadline(self.route.deadline_s)
        return sheltered(partial(self._driver.run, flow, deadline), deadline)

    def reload(self, config: Source = None) -> None:
        """Answer by the configuration as it reads now: routes, providers, limits of pictures.

        Requests under way finish as they began; providers that are left out are closed after that.
        A provider whose settings are the same is kept, with what its breaker and limits know.

        Args:
            config: the file to read; by default the one that the verifier was opened with.

        Raises:
            ConfigurationError: it cannot be used; everything stays as it was.
            InvalidRequest: the verifier is closed.
        """
        with self._service.versions.replacing:
            self._service.versions.replace(*self._service.loaded(config))

    def close(self) -> None:
        """Let go of connections and models. A second call does nothing."""
        if not self._service.closed:
            self._service.closed = True
            try:
                self._driver.close()
            finally:
                self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncFaceVerifier(_Verifier):
    """:class:`FaceVerifier` for the event loop it is used from; the loop is never blocked.

    Make it in the process that uses it: no event loop survives a fork.

    A cancelled call leaves no connection behind. An embedded engine's computation cannot be
    interrupted: it ends in its worker thread and its result is dropped.

    Args:
        route: where requests go; see :class:`FaceVerifier`.
        intake: limits for input pictures; the defaults if absent.
        observers: functions called with each event; see :data:`facegate.typing.Observer`.
        recorder: keeper of the requests, such as a journal; an answer waits for it.
    """

    def __init__(
        self,
        route: Route | Provider,
        *,
        intake: Intake | None = None,
        observers: Sequence[Observer] = (),
        recorder: Recorder | None = None,
        _load: Load | None = None,
    ) -> None:
        super().__init__(route, intake, observers, recorder, _load)
        self._driver = AsyncDriver()
        self._replacing: anyio.Lock | None = None

    async def ask(self, question: Question) -> VerificationResult:
        """:meth:`FaceVerifier.ask`, awaited: same question, result and errors."""
        with self._service.request(question) as request:
            finished = await self._driver.run(request.answer(), request.deadline)
            await self._driver.run(request.record(finished), Deadline(RECORD_S))
        return finished.answer()

    async def compare(
        self,
        probe: ImageSource,
        gallery: Gallery,
        *,
        threshold: Thresholds | None = None,
        options: Options | None = None,
        subject: str | None = None,
        consent: Consent | None = None,
        request_id: str | None = None,
    ) -> VerificationResult:
        """:meth:`FaceVerifier.compare`, awaited: same arguments, result and errors."""
        return await self.ask(
            Question(
                operation=Operation.COMPARE,
                probe=probe,
                gallery=gallery,
                threshold=threshold,
                options=options,
                subject=subject,
                consent=consent,
                request_id=request_id,
            )
        )

    async def compare_live(
        self,
        probe: ImageSource,
        gallery: Gallery,
        *,
        threshold: Thresholds | None = None,
        liveness_threshold: Thresholds | None = None,
        options: Options | None = None,
        subject: str | None = None,
        consent: Consent | None = None,
        request_id: str | None = None,
    ) -> VerificationResult:
        """:meth:`FaceVerifier.compare_live`, awaited: same arguments, result and errors."""
        return await self.ask(
            Question(
                operation=Operation.COMPARE_LIVE,
                probe=probe,
                gallery=gallery,
                threshold=threshold,
                liveness_threshold=liveness_threshold,
                options=options,
                subject=subject,
                consent=consent,
                request_id=request_id,
            )
        )

    async def liveness(
        self,
        probe: ImageSource,
        *,
        liveness_threshold: Thresholds | None = None,
        options: Options | None = None,
        subject: str | None = None,
        consent: Consent | None = None,
        request_id: str | None = None,
    ) -> VerificationResult:
        """:meth:`FaceVerifier.liveness`, awaited: same arguments, result and errors."""
        return await self.ask(
            Question(
                operation=Operation.LIVENESS,
                probe=probe,
                liveness_threshold=liveness_threshold,
                options=options,
                subject=subject,
                consent=consent,
                request_id=request_id,
            )
        )

    async def health(self) -> Health:
        """:meth:`FaceVerifier.health`, awaited."""
        return await self._driver.run(self._service.health(), Deadline(RECORD_S))

    async def run(self, flow: Flow[T]) -> T:
        """:meth:`FaceVerifier.run`, awaited: same flows and errors."""
        return await self._driver.run(flow, Deadline(self.route.deadline_s))

    async def reload(self, config: Source = None) -> None:
        """:meth:`FaceVerifier.reload`, awaited: the file is read in a worker thread."""
        if self._replacing is None:
            from anyio import Lock

            self._replacing = Lock()
        async with self._replacing:
            reading = call(partial(self._service.loaded, config))
            self._service.versions.replace(*await self._driver.run(reading, Deadline(math.inf)))

    async def close(self) -> None:
        """Let go of connections and models. A second call does nothing."""
        if not self._service.closed:
            self._service.closed = True
            try:
                await self._driver.close()
            finally:
                from anyio import CancelScope, CapacityLimiter, to_thread

                # A journal writes what waits, for some seconds if it must.
                with CancelScope(shield=True):
                    await to_thread.run_sync(self._service.close, limiter=CapacityLimiter(1))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
