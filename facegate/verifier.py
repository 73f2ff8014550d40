"""What an application holds: one object that answers the three questions, blocking or async."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from facegate.answering import RECORD_S, Answering, Source, outcome
from facegate.consent import Consent
from facegate.images.image import Gallery, ImageSource
from facegate.images.intake import Intake
from facegate.model import Operation, Thresholds, VerificationResult
from facegate.providers.provider import Provider
from facegate.question import Options, Question
from facegate.routing.route import Route
from facegate.runtime.deadline import Deadline
from facegate.runtime.drivers import AsyncDriver, SyncDriver
from facegate.runtime.flow import Flow, call

if TYPE_CHECKING:
    import anyio

T = TypeVar("T")


class FaceVerifier(Answering):
    """Answers questions about faces, blocking until there is an answer.

    One verifier serves any number of threads, and any child that is forked after it was made, which
    asks over connections of its own. Nothing is opened or loaded before the first question. Close
    it, or use it as a context manager, to let go of connections and models.

    Every method raises :class:`~facegate.errors.FacegateError` of some kind when there is no
    answer; "no match" and "not live" are answers.

    Args:
        route: who answers: from configuration through :func:`open`, or a provider made by hand.
        intake: what is taken as a picture.
        **watching: ``observers`` of what happens, the ``recorder`` that keeps it, and how to
            ``load`` the route anew.
    """

    def __init__(
        self, route: Route | Provider[Any], intake: Intake | None = None, **watching: Any
    ) -> None:
        super().__init__(route, intake, **watching)
        self._driver = SyncDriver()

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
                or an https URL where fetching is configured.
            gallery: one or more pictures of the one claimed person.
            threshold: for this request, on the provider's scale, or ``"fmr:1e-4"``; a mapping of
                provider names where a route leads to several scales.
            options: for this request, keyed by plugin name.
            subject: whom this is about, in your words: keeps a person on one arm of a trial. Never
                stored or sent as it is.
            consent: what the person agreed to; who is not covered is not asked.
            request_id: up to 128 letters, digits and ``._:-``, to find the request again.
        """
        return self._ask(
            Question(
                Operation.COMPARE,
                probe,
                gallery,
                threshold,
                None,
                options,
                subject,
                consent,
                request_id,
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
        """:meth:`compare` and :meth:`liveness` on the same probe; accepted if both say yes."""
        return self._ask(
            Question(
                Operation.COMPARE_LIVE,
                probe,
                gallery,
                threshold,
                liveness_threshold,
                options,
                subject,
                consent,
                request_id,
            )
        )

    def liveness(
        self,
        probe: ImageSource,
        *,
        threshold: Thresholds | None = None,
        options: Options | None = None,
        subject: str | None = None,
        consent: Consent | None = None,
        request_id: str | None = None,
    ) -> VerificationResult:
        """Is a living person in front of the camera on ``probe``?"""
        return self._ask(
            Question(
                Operation.LIVENESS,
                probe,
                (),
                None,
                threshold,
                options,
                subject,
                consent,
                request_id,
            )
        )

    def run(self, flow: Flow[T]) -> T:
        """Run a flow of the provider's own, such as the renewal of its token."""
        return self._driver.run(flow, Deadline(self.route.deadline_s))

    def reload(self, config: Source = None) -> None:
        """Answer by the configuration as it reads now: routes, providers, limits of pictures.

        Requests under way finish as they began; providers that are left out are closed after that.
        A provider whose settings are the same is kept, with what its breaker and limits know.

        Args:
            config: the file to read; by default the one that the verifier was opened with.

        Raises:
            ConfigurationError: it cannot be used; everything stays as it was.
        """
        with self._generations.replacing:
            self._generations.replace(*self._loaded(config))

    def close(self) -> None:
        """Let go of connections and models. A second call does nothing."""
        if not self._closed:
            self._closed = True
            try:
                self._driver.close()
            finally:
                self._close_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _ask(self, question: Question) -> VerificationResult:
        with self._generations.entered() as now:
            deadline = Deadline(now.route.deadline_s)
            finished, run = self._driver.run(self._verify(now, question, deadline), deadline)
            self._driver.run(self._record(now, finished, run), Deadline(RECORD_S))
        return outcome(finished)


class AsyncFaceVerifier(Answering):
    """:class:`FaceVerifier` for the event loop it is used from; the loop is never blocked.

    Make it in the process that uses it: no event loop survives a fork.

    A cancelled call leaves no connection behind. An embedded engine's computation cannot be
    interrupted: it ends in its worker thread and its result is dropped.
    """

    def __init__(
        self, route: Route | Provider[Any], intake: Intake | None = None, **watching: Any
    ) -> None:
        super().__init__(route, intake, **watching)
        self._driver = AsyncDriver()
        self._replacing: anyio.Lock | None = None

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
        """See :meth:`FaceVerifier.compare`."""
        return await self._ask(
            Question(
                Operation.COMPARE,
                probe,
                gallery,
                threshold,
                None,
                options,
                subject,
                consent,
                request_id,
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
        """See :meth:`FaceVerifier.compare_live`."""
        return await self._ask(
            Question(
                Operation.COMPARE_LIVE,
                probe,
                gallery,
                threshold,
                liveness_threshold,
                options,
                subject,
                consent,
                request_id,
            )
        )

    async def liveness(
        self,
        probe: ImageSource,
        *,
        threshold: Thresholds | None = None,
        options: Options | None = None,
        subject: str | None = None,
        consent: Consent | None = None,
        request_id: str | None = None,
    ) -> VerificationResult:
        """See :meth:`FaceVerifier.liveness`."""
        return await self._ask(
            Question(
                Operation.LIVENESS,
                probe,
                (),
                None,
                threshold,
                options,
                subject,
                consent,
                request_id,
            )
        )

    async def run(self, flow: Flow[T]) -> T:
        """See :meth:`FaceVerifier.run`."""
        return await self._driver.run(flow, Deadline(self.route.deadline_s))

    async def reload(self, config: Source = None) -> None:
        """See :meth:`FaceVerifier.reload`; the file is read in a worker thread."""
        if self._replacing is None:
            from anyio import Lock

            self._replacing = Lock()
        async with self._replacing:
            reading = call(partial(self._loaded, config))
            self._generations.replace(*await self._driver.run(reading, Deadline(math.inf)))

    async def close(self) -> None:
        """Let go of connections and models. A second call does nothing."""
        if not self._closed:
            self._closed = True
            try:
                await self._driver.close()
            finally:
                from anyio import CancelScope, CapacityLimiter, to_thread

                # A journal writes what waits, for some seconds if it must.
                with CancelScope(shield=True):
                    await to_thread.run_sync(self._close_all, limiter=CapacityLimiter(1))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def _ask(self, question: Question) -> VerificationResult:
        with self._generations.entered() as now:
            deadline = Deadline(now.route.deadline_s)
            finished, run = await self._driver.run(self._verify(now, question, deadline), deadline)
            await self._driver.run(self._record(now, finished, run), Deadline(RECORD_S))
        return outcome(finished)
