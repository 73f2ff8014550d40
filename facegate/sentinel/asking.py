"""Asking a provider about its canaries, once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
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
_IDLE = 3
"""Times running that nobody may be answered, with a pause between them."""
_LONGEST_S = 120.0
"""Seconds of a pause, at most."""
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

    def ask(self, part: Part, told: Progress) -> Round:
        """Ask about every canary, and again about those without an answer while that helps.

        The pause that a limit or the vendor asks for is kept.

        Args:
            part: the part that the round has.
            told: is called after each canary, and every second of a pause.

        Raises:
            FacegateError: the provider cannot be asked so, whatever it would say.
        """
        said: dict[Canary, _Said] = {}
        attempts: list[Attempt] = []
        left, idle = list(self.canaries.all), 0
        while left and idle < _IDLE:
            for canary, each in self._each(left):
                said[canary] = each
                attempts += each.outcome.attempts
                told(len(said), len(self.canaries.all))
            silent = {
                canary: each.outcome
                for canary in left
                if isinstance((each := said[canary]).outcome, ProviderError)
            }
            idle = idle + 1 if len(silent) == len(left) else 0
            left = list(silent)
            pause_s = max((error.retry_after or 0.0 for error in silent.values()), default=0.0)
            if idle and not pause_s:
                break
            ends = time.monotonic() + min(pause_s, _LONGEST_S)
            while (seconds := ends - time.monotonic()) > 0:
                time.sleep(min(seconds, 1.0))
                told(len(said), len(self.canaries.all))
        return self._round(part, said, attempts)

    def _each(self, canaries: Sequence[Canary]) -> Iterator[tuple[Canary, _Said]]:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            futures = [threads.submit(self._one, canary) for canary in canaries]
            try:
                for canary, future in zip(canaries, futures, strict=True):
                    yield canary, future.result()
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)  # those in flight are left to end
                raise

    def _round(
        self, part: Part, said: Mapping[Canary, _Said], attempts: Sequence[Attempt]
    ) -> Round:
        seen, silent = dict[str, Seen](), dict[str, str]()
        for canary, each in said.items():
            if isinstance(each.outcome, ProviderError):
                silent[canary.id] = each.outcome.code
            else:
                seen[canary.id] = _seen(canary, each.outcome)
        answers = [
            (each.outcome, each.seconds)
            for each in said.values()
            if isinstance(each.outcome, VerificationResult)
        ]
        return Round(
            part=part,
            key=self.key,
            canaries=self.canaries.digest,
            thresholds=self.thresholds,
            seen=seen,
            calibration=self.calibration.id if self.calibration else None,
            failed=silent,
            engines=Counter(result.engine for result, _ in answers if result.engine),
            cost=_cost(attempts),
            seconds=median(seconds for _, seconds in answers) if answers else None,
        )

    def _one(self, canary: Canary) -> _Said:
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
        return _Said(outcome, time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class _Said:
    """What was said of a canary, and how long it took."""

    outcome: VerificationResult | FacegateError
    seconds: float


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
