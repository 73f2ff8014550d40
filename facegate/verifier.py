"""What an application holds: one object that answers the three questions, blocking or async."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from facegate.deadline import Deadline
from facegate.drivers import AsyncDriver, SyncDriver
from facegate.errors import (
    BadReply,
    ConfigurationError,
    FacegateError,
    InvalidRequest,
    ProviderError,
    UnmappedError,
    UnsupportedOption,
)
from facegate.flow import Flow
from facegate.images import ImageSource
from facegate.model import Liveness, Operation, Threshold, VerificationResult
from facegate.policy import Terms
from facegate.provider import Answer, Provider
from facegate.question import Gallery, Intake, Options, Question, pictures

T = TypeVar("T")


class _Verifier:
    """All but the driver: everything here is shared by the blocking and the async verifier."""

    def __init__(self, provider: Provider[Any], intake: Intake | None = None) -> None:
        self.provider = provider
        self._intake = intake or Intake()
        self._closed = False

    @property
    def capabilities(self) -> frozenset[Operation]:
        """The operations that will not be refused."""
        return self.provider.capabilities

    def _deadline(self) -> Deadline:
        return Deadline(self.provider.settings.deadline_s)

    def _verify(self, question: Question) -> Flow[VerificationResult]:
        if self._closed:
            raise InvalidRequest("the verifier is closed")
        started = time.perf_counter()
        provider = self.provider
        terms = self._terms(question)
        probe, gallery = yield from pictures(question, self._intake, provider.info.max_gallery)
        bound = terms.bind(provider, probe, gallery)
        asked = time.perf_counter()
        try:
            answer = yield from provider.answer(bound)
            return self._result(question, terms, answer, started, asked)
        except Exception as caught:  # noqa: BLE001  whatever a plugin raises ends in the one tree
            error = caught if isinstance(caught, FacegateError) else _bug(provider, caught)
        # Raised out here, so that it does not carry along what a plugin's own error may hold.
        if isinstance(error, ProviderError):
            error.provider = provider.name
        error.attempts = error.attempts or (provider.attempt(asked, error),)
        raise error from None

    def _result(
        self, question: Question, terms: Terms[Any], answer: Answer, started: float, asked: float
    ) -> VerificationResult:
        decision, provider = terms.decide(answer), self.provider
        return VerificationResult(
            operation=question.operation,
            decision=decision,
            match=answer.match,
            liveness=_liveness(question, answer),
            provider=provider.name,
            plugin=provider.info.plugin,
            lineage=provider.info.lineage,
            vendor_reference=answer.vendor_reference,
            vendor_signature=answer.vendor_signature,
            attempts=answer.attempts or (provider.attempt(asked),),
            elapsed=time.perf_counter() - started,
            warnings=answer.warnings,
        )

    def _terms(self, question: Question) -> Terms[Any]:
        plugin = self.provider.info.plugin
        options = question.options or {}
        if not isinstance(options, Mapping):
            raise InvalidRequest('options are a table keyed by plugin: {"plugin": {"key": ...}}')
        for name in options:
            if name != plugin:
                raise UnsupportedOption(
                    f"options are keyed by plugin; the request goes to {plugin!r}, not {name!r}"
                )
        return Terms.of(
            self.provider,
            question.operation,
            question.threshold,
            question.liveness_threshold,
            options.get(plugin),
        )


class FaceVerifier(_Verifier):
    """Answers questions about faces, blocking until there is an answer.

    One verifier serves any number of threads. Nothing is opened or loaded before the first
    question. Close it, or use it as a context manager, to let go of connections and models.

    Every method raises :class:`~facegate.errors.FacegateError` of some kind when there is no
    answer; "no match" and "not live" are answers.

    Args:
        provider: who answers: from configuration through :func:`open`, or one made by hand.
        intake: what is taken as a picture.
    """

    def __init__(self, provider: Provider[Any], intake: Intake | None = None) -> None:
        super().__init__(provider, intake)
        self._driver = SyncDriver()

    def compare(
        self,
        probe: ImageSource,
        gallery: Gallery,
        *,
        threshold: Threshold | None = None,
        options: Options | None = None,
    ) -> VerificationResult:
        """Is the person on ``probe`` the one on the ``gallery`` images?

        Args:
            probe: the picture captured now: a path, bytes, a binary file, a data URI or an Image,
                or an https URL where fetching is configured.
            gallery: one or more pictures of the one claimed person.
            threshold: for this request, on the provider's scale, or ``"fmr:1e-4"``.
            options: for this request, keyed by plugin name.
        """
        return self._ask(Question(Operation.COMPARE, probe, gallery, threshold, None, options))

    def compare_live(
        self,
        probe: ImageSource,
        gallery: Gallery,
        *,
        threshold: Threshold | None = None,
        liveness_threshold: Threshold | None = None,
        options: Options | None = None,
    ) -> VerificationResult:
        """:meth:`compare` and :meth:`liveness` on the same probe; accepted if both say yes."""
        return self._ask(
            Question(Operation.COMPARE_LIVE, probe, gallery, threshold, liveness_threshold, options)
        )

    def liveness(
        self,
        probe: ImageSource,
        *,
        threshold: Threshold | None = None,
        options: Options | None = None,
    ) -> VerificationResult:
        """Is a living person in front of the camera on ``probe``?"""
        return self._ask(Question(Operation.LIVENESS, probe, (), None, threshold, options))

    def run(self, flow: Flow[T]) -> T:
        """Run a flow of the provider's own, such as the renewal of its token."""
        return self._driver.run(flow, self._deadline())

    def close(self) -> None:
        """Let go of connections and models. A second call does nothing."""
        if not self._closed:
            self._closed = True
            try:
                self._driver.close()
            finally:
                self.provider.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _ask(self, question: Question) -> VerificationResult:
        return self.run(self._verify(question))


class AsyncFaceVerifier(_Verifier):
    """:class:`FaceVerifier` for the event loop it is used from; the loop is never blocked.

    A cancelled call leaves no connection behind. An embedded engine's computation cannot be
    interrupted: it ends in its worker thread and its result is dropped.
    """

    def __init__(self, provider: Provider[Any], intake: Intake | None = None) -> None:
        super().__init__(provider, intake)
        self._driver = AsyncDriver()

    async def compare(
        self,
        probe: ImageSource,
        gallery: Gallery,
        *,
        threshold: Threshold | None = None,
        options: Options | None = None,
    ) -> VerificationResult:
        """See :meth:`FaceVerifier.compare`."""
        return await self._ask(
            Question(Operation.COMPARE, probe, gallery, threshold, None, options)
        )

    async def compare_live(
        self,
        probe: ImageSource,
        gallery: Gallery,
        *,
        threshold: Threshold | None = None,
        liveness_threshold: Threshold | None = None,
        options: Options | None = None,
    ) -> VerificationResult:
        """See :meth:`FaceVerifier.compare_live`."""
        return await self._ask(
            Question(Operation.COMPARE_LIVE, probe, gallery, threshold, liveness_threshold, options)
        )

    async def liveness(
        self,
        probe: ImageSource,
        *,
        threshold: Threshold | None = None,
        options: Options | None = None,
    ) -> VerificationResult:
        """See :meth:`FaceVerifier.liveness`."""
        return await self._ask(Question(Operation.LIVENESS, probe, (), None, threshold, options))

    async def run(self, flow: Flow[T]) -> T:
        """See :meth:`FaceVerifier.run`."""
        return await self._driver.run(flow, self._deadline())

    async def close(self) -> None:
        """Let go of connections and models. A second call does nothing."""
        if not self._closed:
            self._closed = True
            try:
                await self._driver.close()
            finally:
                self.provider.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def _ask(self, question: Question) -> VerificationResult:
        return await self.run(self._verify(question))


def open_sync(
    config: str | os.PathLike[str] | None = None,
    *,
    provider: str | None = None,
    plugin: str | None = None,
    **settings: Any,
) -> FaceVerifier:
    """Open a verifier from configuration, or for one plugin without any.

    Args:
        config: a TOML file; else the one that ``FACEGATE_CONFIG`` names, else ``facegate.toml``
            here, else the embedded engine answers with its defaults.
        provider: name of the provider to ask instead of the configured default.
        plugin: use this plugin, and read no configuration.
        **settings: the plugin's settings, only with ``plugin``.

    Raises:
        ConfigurationError: naming the file and key, or the plugin, that is at fault.
    """
    return FaceVerifier(*_configured(config, provider, plugin, settings))


def open_async(
    config: str | os.PathLike[str] | None = None,
    *,
    provider: str | None = None,
    plugin: str | None = None,
    **settings: Any,
) -> AsyncFaceVerifier:
    """:func:`open` for asyncio or trio: same configuration, same answers."""
    return AsyncFaceVerifier(*_configured(config, provider, plugin, settings))


def _configured(
    config: str | os.PathLike[str] | None,
    provider: str | None,
    plugin: str | None,
    settings: dict[str, Any],
) -> tuple[Provider[Any], Intake]:
    # Reading configuration and finding plugins is loaded when first needed.
    from facegate.config import Config, build
    from facegate.registry import Registry

    registry = Registry()
    if plugin is not None:
        if config is not None or provider is not None:
            raise ConfigurationError("give a plugin, or a configuration and a provider; not both")
        return build(registry, plugin, plugin, settings, "open"), Intake()
    if settings:
        raise ConfigurationError(f"settings without a plugin: {', '.join(settings)}")
    loaded = Config.load(config)
    return loaded.provider(registry, provider), loaded.intake


def _liveness(question: Question, answer: Answer) -> Liveness | None:
    if answer.liveness is None and question.operation is Operation.LIVENESS:
        return Liveness(passed=False, reason="not answered")
    return answer.liveness


def _bug(provider: Provider[Any], error: Exception) -> ProviderError:
    """A plugin's own mistake. Its text may hold anything, so only its type and place are kept."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return BadReply(f"an answer that cannot be: {first['msg']}")
    frames = traceback.extract_tb(error.__traceback__)
    failure = UnmappedError(
        f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}, a bug in"
        f" plugin {provider.info.plugin!r}"
    )
    # Places alone: a line of code may hold a literal, a value may hold anything.
    failure.add_note(
        "\n".join(f"  {each.filename}:{each.lineno} in {each.name}" for each in frames)
    )
    return failure
