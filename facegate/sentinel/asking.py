"""Asking a provider about its canaries, once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from facegate.calibration import Calibration, Key
from facegate.config import Config
from facegate.errors import (
    CaptureRejected,
    ConfigurationError,
    ConsentRefused,
    FacegateError,
    ImageRejected,
    InputError,
    InvalidRequest,
    ProviderError,
    UnsupportedOption,
)
from facegate.images.intake import Intake
from facegate.model import Attempt, Operation, VerificationResult
from facegate.policy import Terms
from facegate.preparing import prepared
from facegate.providers.provider import Provider
from facegate.providers.registry import Registry
from facegate.question import Question
from facegate.routing.node import permits
from facegate.routing.plan import Plan
from facegate.routing.tables import SentinelTable
from facegate.sentinel.canaries import Canaries, Canary
from facegate.sentinel.picking import Line
from facegate.sentinel.round import Part, Round, Seen
from facegate.thresholds import Thresholds, Wanted
from facegate.verifier import FaceVerifier

Progress = Callable[[int, int], object]
"""A function that is called now and then with how many are done, and of how many."""
_AT_ONCE = 4
"""Canaries that are asked at a time."""
_REFUSALS = (CaptureRejected, ImageRejected)


@dataclass(frozen=True)
class Asker:
    """A provider with its canaries, as the configuration has them.

    Attributes:
        provider: the provider, whose calibration is left aside: what it answers is looked at as
            it comes.
        canaries: what it is asked.
        key: the words for what answers.
        thresholds: the similarity and the liveness score that canaries are held to.
        calibration: the calibration that is in use; None where none is, or it is refused.
    """

    provider: Provider
    canaries: Canaries
    key: Key
    thresholds: tuple[float | None, float | None]
    calibration: Calibration | None
    _verifier: FaceVerifier

    @classmethod
    def of(
        cls,
        loaded: Config,
        table: SentinelTable,
        name: str,
        usual: tuple[float | None, float | None] | None = None,
    ) -> Asker:
        """The asker of a provider.

        Args:
            loaded: the configuration.
            table: its ``[sentinel]`` table.
            name: of the provider.
            usual: the thresholds of its baseline, to go on with where its calibration is refused
                by now: a model that changed is what is looked for.

        Raises:
            ConfigurationError: naming the key that is at fault.
            InvalidRequest: the canaries cannot be read.
            ConsentRefused: the consent of one of them does not cover the provider.
        """
        registry = Registry()
        build = partial(loaded.uncalibrated, registry)
        route = Plan(loaded.source, {}, build, limits=loaded.document.limits).route(name)
        provider, intake = route.providers[0], replace(loaded.intake, fresh=True)
        canaries = Canaries.read(table.canaries, name, intake.limits, provider.capabilities)
        needed = any(
            route.require_consent and name in loaded.plan(registry).providers(each)
            for each, route in loaded.document.routes.items()
        )
        for canary in canaries.all:
            _refuse_without_consent(canary, provider, needed=needed)
            _refuse_untaken(canary, provider, intake)
        calibration = None
        try:
            calibrated = loaded.provider(registry, name)
            thresholds = _numbers(calibrated, table.threshold)
            calibration = calibrated.info.calibration
        except (ConfigurationError, UnsupportedOption):
            if usual is None:
                raise
            thresholds = usual
        return cls(
            provider,
            canaries,
            _key(provider),
            thresholds,
            calibration,
            FaceVerifier(route, intake=intake),
        )

    def close(self) -> None:
        """Let go of the provider."""
        self._verifier.close()

    def ask(
        self, part: Part, told: Callable[[], object], failed: Callable[[str, str], object]
    ) -> Round:
        """Ask about every canary.

        Args:
            part: the part that the round has.
            told: is called after each canary.
            failed: is called with the canary and the class of the error where there is no answer.

        Raises:
            FacegateError: the provider cannot be asked so, whatever it would say.
        """
        outcomes = {}
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            futures = [threads.submit(self._one, canary) for canary in self.canaries.all]
            try:
                for canary, future in zip(self.canaries.all, futures, strict=True):
                    outcomes[canary] = future.result()
                    told()
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)  # those in flight are left to end
                raise
        seen, silent = dict[str, Seen](), dict[str, str]()
        for canary, (outcome, _) in outcomes.items():
            if isinstance(outcome, ProviderError):
                silent[canary.id] = outcome.code
                failed(canary.id, outcome.code)
            else:
                seen[canary.id] = _seen(canary, outcome)
        attempts = [each for outcome, _ in outcomes.values() for each in outcome.attempts]
        answers = [each for each, _ in outcomes.values() if isinstance(each, VerificationResult)]
        taken = [seconds for outcome, seconds in outcomes.values() if outcome in answers]
        return Round(
            part=part,
            key=self.key,
            canaries=self.canaries.digest,
            thresholds=self.thresholds,
            seen=seen,
            calibration=self.calibration.id if self.calibration else None,
            failed=silent,
            engines=Counter(each.engine for each in answers if each.engine),
            cost=_cost(attempts),
            seconds=median(taken) if taken else None,
        )

    def _one(self, canary: Canary) -> tuple[VerificationResult | FacegateError, float]:
        threshold, liveness_threshold = self.thresholds
        compares = canary.operation is Operation.COMPARE
        question = canary.row.question(
            canary.operation,
            canary.probe,
            canary.gallery,
            threshold=threshold if compares else None,
            liveness_threshold=None if compares else liveness_threshold,
        )
        started = time.perf_counter()
        outcome: VerificationResult | FacegateError
        try:
            outcome = self._verifier.ask(question)
        except (ProviderError, *_REFUSALS) as error:
            outcome = error
        return outcome, time.perf_counter() - started


def lines(loaded: Config, name: str) -> tuple[Line | None, Line | None]:
    """Where a provider's similarities and its liveness scores decide; None for what it lacks.

    Raises:
        ConfigurationError: no such provider, or naming the key that is at fault.
    """
    provider, table = loaded.provider(Registry(), name), loaded.document.sentinel
    thresholds = _numbers(provider, table.threshold if table else None)
    specs = provider.info.match, provider.info.liveness
    match, liveness = (
        Line(column, threshold, spec.scale) if spec and threshold is not None else None
        for column, threshold, spec in zip(
            ("score", "liveness_score"), thresholds, specs, strict=True
        )
    )
    return match, liveness


def _seen(canary: Canary, outcome: VerificationResult | FacegateError) -> Seen:
    if isinstance(outcome, VerificationResult):
        answer = outcome.match if canary.operation is Operation.COMPARE else outcome.liveness
        return Seen(answer.score if answer is not None else None, outcome.decision)
    reason = f": {outcome.reason}" if isinstance(outcome, CaptureRejected) else ""
    return Seen(refusal=f"{outcome.code}{reason}")


def _refuse_without_consent(canary: Canary, provider: Provider, *, needed: bool) -> None:
    try:
        consent = canary.row.question(canary.operation, canary.probe, canary.gallery).consent
    except InvalidRequest as error:
        raise InvalidRequest(f"canary {canary.id}: {error.message}") from None
    if consent is None and needed:
        raise ConsentRefused(
            f"canary {canary.id} has no consent, and a route to {provider.name} takes no request"
            " without one",
            provider=provider.name,
        )
    if not permits(consent, provider):
        raise ConsentRefused(
            f"the consent of canary {canary.id} does not cover {provider.info.handling.recipient},"
            " or what it does with a picture; nothing was asked",
            provider=provider.name,
        )


def _refuse_untaken(canary: Canary, provider: Provider, intake: Intake) -> None:
    """Refuse a canary whose pictures the provider does not take.

    Raises:
        InvalidRequest: naming the canary.
    """
    most = provider.info.max_gallery
    try:
        if most is not None and len(canary.gallery) > most:
            raise InvalidRequest(f"more than the {most} gallery pictures that it takes")
        prepared(canary.probe, canary.gallery, provider.info, intake)
    except InputError as error:
        raise InvalidRequest(f"canary {canary.id} of {provider.name}: {error}") from None


def _key(provider: Provider) -> Key:
    """The words for what answers, as far as they are known without asking.

    The plugin's version is left out: a new one that answers alike changes nothing.
    """
    info, settings = provider.info, provider.settings
    return Key(
        plugin=info.plugin,
        lineage=info.lineage,
        runtime=provider.fingerprint(),
        match=info.match.scale if info.match else None,
        liveness=info.liveness.scale if info.liveness else None,
        settings=settings.model_dump(mode="json", include=settings.score_fields()),
    )


def _numbers(provider: Provider, threshold: Thresholds | None) -> tuple[float | None, float | None]:
    """The thresholds of a provider as numbers, so that a calibration may come and go.

    Raises:
        UnsupportedOption: no number is known for a rate.
    """
    wanted = Wanted.of(Question(operation=Operation.COMPARE, probe="", threshold=threshold))
    match = liveness = None
    if Operation.COMPARE in provider.capabilities:
        match = Terms.of(provider, Operation.COMPARE, wanted).threshold
    if Operation.LIVENESS in provider.capabilities:
        liveness = Terms.of(provider, Operation.LIVENESS).liveness_threshold
    return match, liveness


def _cost(attempts: Sequence[Attempt]) -> float | None:
    known = [each.cost for each in attempts if each.cost is not None]
    return sum(known) if known else None
