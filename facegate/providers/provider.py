"""What a vendor is to facegate: a provider with settings, facts and up to three operations."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import Field, field_validator

from facegate.consent import Handling
from facegate.document import Table
from facegate.errors import FacegateError, ProviderError
from facegate.images.image import Image
from facegate.images.sniff import ImageFormat
from facegate.model import Attempt, Billed, Liveness, Match, Operation, Outcome, Threshold
from facegate.runtime.flow import Flow, call, gather
from facegate.scores import ScoreSpec


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """A provider's facts, as a caller, an operator and a router need them.

    Attributes:
        plugin: the name used in configuration, the same as the entry point's.
        lineage: the matching engine underneath; equal lineages are not redundant.
        match: the scores of its comparisons; None where no threshold can be set.
        liveness: likewise for liveness.
        formats: the picture types it takes.
        scores: tells how similar and how live; False where it gives verdicts alone.
        max_gallery: most gallery images in one request; None for no limit of its own.
        embedded: answers without account or network, so it can serve when nothing is configured.
        billed: whether an answered request is charged for.
        environment: environment variables it reads by itself.
        notes: what a user must know before relying on it, one sentence each.
    """

    plugin: str
    lineage: str
    handling: Handling
    formats: frozenset[ImageFormat]
    match: ScoreSpec | None = None
    liveness: ScoreSpec | None = None
    scores: bool = True
    max_gallery: int | None = None
    embedded: bool = False
    billed: Billed = Billed.YES
    environment: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def per_call(default: Any, **field_arguments: Any) -> Any:
    """A settings field that a caller may also set for one request, through ``options``."""
    return Field(default, json_schema_extra={"per_call": True}, **field_arguments)


class ProviderSettings(Table):
    """Settings every provider has. Thresholds are on the provider's scale, or ``"fmr:1e-4"``."""

    threshold: Threshold | None = Field(
        default=None, description="Match from this score on. The provider's own default if absent."
    )
    review_from: float | None = Field(
        default=None,
        description="A score, no preset: from here up to the threshold a person reviews.",
    )
    liveness_threshold: Threshold | None = Field(
        default=None, description="Live from this liveness score on."
    )
    deadline_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds for one request, everything included. What is computed in this process"
        " is not interrupted.",
    )
    cost: float | None = Field(
        default=None, ge=0, description="What one charged call costs, in your currency."
    )

    @field_validator("threshold", "review_from", "liveness_threshold", "cost", mode="before")
    @classmethod
    def _no_switch(cls, value: Any) -> Any:
        if isinstance(value, bool):  # it would be taken for 0 or 1, and 0 accepts everybody
            raise ValueError("must be a number, not true or false")  # noqa: TRY004  pydantic's way
        return value

    @classmethod
    def per_call_fields(cls) -> frozenset[str]:
        """The settings that ``options`` may override for one request."""
        return frozenset(
            name
            for name, info in cls.model_fields.items()
            if isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("per_call")
        )


S = TypeVar("S", bound=ProviderSettings)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CompareRequest(Generic[S]):
    """A question as a provider sees it: thresholds are numbers, options merged into ``settings``.

    Attributes:
        probe: the picture whose identity is in question.
        gallery: one or more pictures of the one claimed person.
        settings: the provider's, as they hold for this request.
        threshold: on the provider's scale; None only where it declares no such score.
    """

    operation: ClassVar = Operation.COMPARE
    probe: Image
    gallery: tuple[Image, ...]
    settings: S
    threshold: float | None


@dataclass(frozen=True, slots=True)
class LivenessRequest(Generic[S]):
    """See :class:`CompareRequest`."""

    operation: ClassVar = Operation.LIVENESS
    probe: Image
    settings: S
    liveness_threshold: float | None


@dataclass(frozen=True, slots=True)
class CompareLiveRequest(Generic[S]):
    """See :class:`CompareRequest`."""

    operation: ClassVar = Operation.COMPARE_LIVE
    probe: Image
    gallery: tuple[Image, ...]
    settings: S
    threshold: float | None
    liveness_threshold: float | None


BoundRequest = CompareRequest[S] | LivenessRequest[S] | CompareLiveRequest[S]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider found; facegate adds the decision and who was asked.

    Attributes:
        match: required of ``compare`` and ``compare_live``.
        liveness: required of ``liveness`` and ``compare_live``; without it, nothing is live.
        vendor_reference: the vendor's id of the transaction.
        vendor_signature: the vendor's signature over it, as sent.
        warnings: what a careful reader of the result should know, a sentence each.
        attempts: every call, where a question took several; see :meth:`FlowProvider.for_each`.
    """

    match: Match | None = None
    liveness: Liveness | None = None
    vendor_reference: str | None = None
    vendor_signature: Mapping[str, str] | None = None
    warnings: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()


class Provider(Generic[S]):
    """A configured instance of a plugin.

    Subclass :class:`FlowProvider` or :class:`BlockingProvider`, set ``info`` and
    ``settings_type``, and write those of the operations ``compare``, ``compare_live`` and
    ``liveness`` that the vendor has; the others are refused for it before any I/O. Each takes its
    request, for instance a :class:`CompareRequest`. One instance serves any number of threads.

    Attributes:
        info: the provider's facts: the class's, unless settings change them.
        settings_type: its settings; unknown keys are refused.
        capabilities: the operations that the class really has.
    """

    info: ProviderInfo
    settings_type: type[S]
    capabilities: ClassVar[frozenset[Operation]] = frozenset()

    def __init__(self, settings: S, name: str | None = None) -> None:
        self.settings = settings
        self.name = name or self.info.plugin

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.capabilities = frozenset(
            operation for operation in Operation if callable(getattr(cls, operation, None))
        )

    def answer(self, request: BoundRequest[S]) -> Flow[Answer]:
        """Put one question to the vendor."""
        raise NotImplementedError("subclass FlowProvider or BlockingProvider")

    def attempt(
        self, started: float, error: FacegateError | None = None, image: str | None = None
    ) -> Attempt:
        """The record of one call that began at ``started``, by :func:`time.perf_counter`."""
        seconds = time.perf_counter() - started
        billed = self.info.billed if error is None else Billed.MAYBE
        if isinstance(error, ProviderError):
            billed = error.billed
        if self.info.billed is Billed.NO:
            billed = Billed.NO
        cost = self.settings.cost
        return Attempt(
            provider=self.name,
            plugin=self.info.plugin,
            outcome=Outcome.FAILED if error else Outcome.ANSWERED,
            error_code=error.code if error else None,
            seconds=seconds,
            billed=billed,
            image=image,
            at=datetime.now(UTC) - timedelta(seconds=seconds),
            lineage=self.info.lineage,
            cost=0.0 if cost is not None and billed is Billed.NO else cost,
        )

    def findings(self) -> Sequence[str]:
        """What an operator should know before going live; found out without asking the vendor."""
        return ()

    def close(self) -> None:
        """Let go of what the provider holds. Called once, after the last request."""


class SpoofFound(Exception):
    """Ends a question from within: the vendor reported a spoof in place of what was asked.

    It never leaves a provider, and is no :class:`FacegateError`: whoever catches those to mend
    something lets an answer pass.
    """

    def __init__(self, liveness: Liveness) -> None:
        super().__init__("the probe is not live")
        self.liveness = liveness
        self.attempts: tuple[Attempt, ...] = ()


class FlowProvider(Provider[S]):
    """A provider whose operations are flows: generators that ask for effects, return an Answer."""

    def answer(self, request: BoundRequest[S]) -> Flow[Answer]:
        flow: Flow[Answer] = getattr(self, request.operation)(request)
        try:
            return (yield from flow)
        except SpoofFound as found:
            return Answer(
                liveness=self._held_against(found.liveness, request), attempts=found.attempts
            )

    def _held_against(self, found: Liveness, request: BoundRequest[S]) -> Liveness:
        """A spoof with the threshold that was asked for; a score beyond that means something else.

        Whatever it may be, the vendor said what it comes to.
        """
        spec, threshold = self.info.liveness, getattr(request, "liveness_threshold", None)
        if spec is None or threshold is None or found.threshold is not None:
            return found
        score = found.score
        if score is not None and spec.is_yes(score, threshold):
            score = None
        return Liveness(
            passed=False, score=score, threshold=threshold, scale=spec.scale, reason=found.reason
        )

    def for_each(
        self, gallery: Sequence[Image], ask: Callable[[Image], Flow[T]], limit: int
    ) -> Flow[tuple[list[T], tuple[Attempt, ...]]]:
        """Ask once for each gallery picture, at most ``limit`` at a time.

        Gives what each came to, in order, and the attempts it took. All are asked, whatever becomes
        of the others; then the first failure in gallery order is raised, with all the attempts.
        """
        calls = [self._call(f"gallery[{index}]", ask(image)) for index, image in enumerate(gallery)]
        done = yield from gather(calls, limit)
        attempts = tuple(attempt for _, attempt in done)
        for outcome, _ in done:
            if isinstance(outcome, FacegateError | SpoofFound):
                outcome.attempts = attempts
                raise outcome
        values = [each for each, _ in done if not isinstance(each, FacegateError | SpoofFound)]
        return values, attempts

    def _call(
        self, image: str, flow: Flow[T]
    ) -> Flow[tuple[T | FacegateError | SpoofFound, Attempt]]:
        started = time.perf_counter()
        try:
            return (yield from flow), self.attempt(started, image=image)
        except SpoofFound as found:
            return found, self.attempt(started, image=image)
        except FacegateError as error:
            return error, self.attempt(started, error, image)


class BlockingProvider(Provider[S]):
    """A provider of plain methods that block and return an Answer: local engines, vendor SDKs.

    The async driver runs them in a worker thread, so the event loop never waits for them.
    """

    def answer(self, request: BoundRequest[S]) -> Flow[Answer]:
        return call(partial(getattr(self, request.operation), request))
