"""Providers: what a vendor is to facegate, with facts and up to three operations."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Generic

from facegate.consent import Handling
from facegate.errors import ConfigurationError, FacegateError, ProviderError
from facegate.images.image import Image
from facegate.images.sniff import ImageFormat
from facegate.model import Attempt, Billed, Operation, Outcome
from facegate.providers.pictures import PictureLimits, SeveralFaces
from facegate.providers.requests import Answer, BoundRequest
from facegate.providers.settings import S
from facegate.runtime.flow import Flow, call
from facegate.scores import ScoreSpec

if TYPE_CHECKING:
    from facegate.calibration import Calibration


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """A provider's facts, as a caller, an operator and a router need them.

    Attributes:
        plugin: the name used in configuration, the same as the entry point's.
        lineage: the matching engine underneath; equal lineages are not redundant.
        handling: its handling of pictures, which a consent has to cover.
        formats: the picture types it takes.
        match: the scores of its comparisons; None where no threshold can be set.
        liveness: the scores of its liveness; None where no threshold can be set.
        pictures: the weight and size of pictures that it takes.
        several_faces: its way with several faces on one picture, under its settings.
        scores: whether it gives scores; False where it gives verdicts alone.
        faces: whether it says where the faces are.
        max_gallery: most gallery images in one request, 1 or more; None for no limit of its own.
        embedded: answers without account or network, so it can serve when nothing is configured.
        billed: whether an answered request is charged for.
        steps: names that :meth:`FlowProvider.step` gives its calls, where a question takes several.
        environment: environment variables it reads by itself.
        notes: sentences that a user must know before relying on it.
        calibration: the calibration that comes with the plugin; None where none does.
    """

    plugin: str
    lineage: str
    handling: Handling
    formats: frozenset[ImageFormat]
    match: ScoreSpec | None = None
    liveness: ScoreSpec | None = None
    pictures: PictureLimits = field(default_factory=PictureLimits)
    several_faces: SeveralFaces = field(default_factory=SeveralFaces)
    scores: bool = True
    faces: bool = False
    max_gallery: int | None = None
    embedded: bool = False
    billed: Billed = Billed.YES
    steps: frozenset[str] = frozenset()
    environment: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    calibration: Calibration | None = None

    def untaken(self, image: Image) -> str | None:
        """The reason why it does not take a picture, in words; None where it does."""
        if image.format not in self.formats:
            return f"{image.format}, only {', '.join(sorted(self.formats))}"
        return self.pictures.broken_by(image)

    @property
    def calibration_id(self) -> str | None:
        """First 12 digits of the digest of the calibration in use; None where there is none."""
        known = (spec.rates.document for spec in (self.match, self.liveness) if spec and spec.rates)
        return next(filter(None, known), None)


class Provider(Generic[S]):
    """A configured instance of a plugin.

    Subclass :class:`FlowProvider` or :class:`BlockingProvider`, set ``info`` and
    ``settings_type``, and write those of the operations ``compare``, ``compare_live`` and
    ``liveness`` that the vendor has; the others are refused for it before any I/O. Each takes its
    request, for instance a :class:`CompareRequest`. One instance serves any number of threads.

    Attributes:
        info: the provider's facts: the class's, unless settings change them.
        settings_type: type of its settings; unknown keys are refused.
        capabilities: the operations that the class really has; an instance lacks those that its
            settings switch off, see :meth:`withheld`.
        calibrated: whether a calibration was looked for, and ``info`` has the rates of it.

    Args:
        settings: its settings, checked.
        name: its configured name; the plugin's if absent.

    Raises:
        ConfigurationError: a cost for what the provider never does.
    """

    info: ProviderInfo
    settings_type: type[S]
    capabilities: frozenset[Operation] = frozenset()

    calibrated: bool = False

    def __init__(self, settings: S, name: str | None = None) -> None:
        self.settings = settings
        self.name = name or self.info.plugin
        self.capabilities = type(self).capabilities - self.withheld(settings)
        self.__refuse_idle_costs()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.capabilities = frozenset(
            operation for operation in Operation if callable(getattr(cls, operation, None))
        )

    @classmethod
    def withheld(cls, settings: S) -> frozenset[Operation]:  # noqa: ARG003  for subclasses
        """Operations that the class has and these settings switch off; refused before any I/O."""
        return frozenset()

    def answer(self, request: BoundRequest[S]) -> Flow[Answer]:
        """Put one question to the vendor.

        Raises:
            FacegateError: there is no answer.
        """
        raise NotImplementedError("subclass FlowProvider or BlockingProvider")

    def attempt(
        self,
        started: float,
        error: FacegateError | None = None,
        *,
        operation: Operation | None = None,
        image: str | None = None,
        step: str | None = None,
    ) -> Attempt:
        """The record of one call.

        Args:
            started: moment when it began, by :func:`time.perf_counter`.
            error: its failure; None where it was answered.
            operation: the question that it was for; with ``step`` it decides the cost.
            image: the picture it was about, ``"gallery[i]"``, where each has a call of its own.
            step: name of the step, where a question takes several.
        """
        seconds = time.perf_counter() - started
        billed = self.info.billed if error is None else Billed.MAYBE
        if isinstance(error, ProviderError):
            billed = error.billed
        if self.info.billed is Billed.NO:
            billed = Billed.NO
        cost = self.__cost(operation, step)
        return Attempt(
            provider=self.name,
            plugin=self.info.plugin,
            outcome=Outcome.FAILED if error else Outcome.ANSWERED,
            error_code=error.code if error else None,
            seconds=seconds,
            billed=billed,
            image=image,
            step=step,
            at=datetime.now(UTC) - timedelta(seconds=seconds),
            lineage=self.info.lineage,
            cost=0.0 if cost is not None and billed is Billed.NO else cost,
            calibration=self.info.calibration_id,
        )

    def __cost(self, operation: Operation | None, step: str | None) -> float | None:
        cost = self.settings.cost
        if not isinstance(cost, Mapping):
            return cost
        return cost.get(step or "", cost.get(operation or ""))

    def __refuse_idle_costs(self) -> None:
        cost = self.settings.cost
        known = {*map(str, Operation), *self.info.steps}
        if isinstance(cost, Mapping) and (idle := sorted(cost.keys() - known)):
            raise ConfigurationError(
                f"cost.{idle[0]}: neither an operation nor a step of it; there are:"
                f" {', '.join(sorted(known))}",
                provider=self.name,
            )

    def completed(self, answer: Answer, request: BoundRequest[S]) -> Answer:
        """An answer with the warnings that hold for every one."""
        choice = request.settings.several_faces
        has_gallery = request.operation is not Operation.LIVENESS
        warnings = self.info.several_faces.warnings(
            probe=choice != "vendor", gallery=has_gallery and choice == "refuse"
        )
        return replace(answer, warnings=(*answer.warnings, *warnings)) if warnings else answer

    def fingerprint(self) -> str | None:
        """The runtime that scores come from, as far as it is known before anybody is asked.

        Two that differ may score the same pictures differently. None where only the vendor knows.
        """
        return None

    def findings(self) -> Sequence[str]:
        """Sentences that an operator should know before going live; the vendor is not asked."""
        return ()

    def unable(self) -> Mapping[Operation, str]:
        """The operations that it could not answer as things stand now, each with the reason.

        Looked up without a request: a file that is missing, not a vendor that is down.
        """
        return {}

    def warm(self) -> None:
        """Load what the first request would have to wait for. The vendor is not asked.

        Raises:
            FacegateError: it cannot be loaded.
        """

    def close(self) -> None:
        """Let go of what the provider holds. Called once, after the last request."""


class BlockingProvider(Provider[S]):
    """A provider of plain methods that block and return an Answer: a local engine, a vendor SDK.

    The async driver runs them in a worker thread, so the event loop never waits for them.
    """

    def answer(self, request: BoundRequest[S]) -> Flow[Answer]:
        answer: Answer = yield from call(partial(getattr(self, request.operation), request))
        return self.completed(answer, request)
