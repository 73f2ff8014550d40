"""From a vendor's words to the provider that answers, and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from anyio.to_thread import run_sync

from facegate.dialect import Asked, Dialect
from facegate.errors import ConfigurationError, FacegateError, ImageRejected, UnsupportedOption
from facegate.flow import HttpReply, HttpRequest
from facegate.images import Image
from facegate.model import Liveness, Match, Operation, VerificationResult
from facegate.policy import Terms
from facegate.provider import Answer, Provider
from facegate.scores import Crossing, ScoreSpec
from facegate.verifier import AsyncFaceVerifier

Found = TypeVar("Found", Match, Liveness)
Ask = Callable[[Asked], Awaitable[Answer]]
"""Finds the answer, its scores on the spoken scale."""


class Bridge:
    """One vendor's API in front of one provider.

    Scores and thresholds cross by :class:`~facegate.scores.Crossing`; the provider's own threshold
    is the configured one. What the provider decides stays decided.

    A provider that takes no threshold gives a verdict, which stands for the spoken default. A
    request for that default or for less gets it, since it is no laxer than what was asked for; one
    that asks for more is refused, because nobody could promise it. An operator who knows better
    says so: ``liveness_threshold = 0.9`` in the dialect's settings means that the verdict is worth
    that much, and the same for ``match_threshold``.

    A vendor's own options (accuracy, device) are known to its own plugin alone; they do not reach
    another one.

    Raises:
        ConfigurationError: settings that the dialect could never use.
    """

    def __init__(self, dialect: Dialect[Any]) -> None:
        self.dialect = dialect
        settings = dialect.settings
        self.match = self._spoken("match_threshold", dialect.match, settings.match_threshold)
        self.liveness = self._spoken(
            "liveness_threshold", dialect.liveness, settings.liveness_threshold
        )
        for name, status in settings.statuses.items():
            if name not in dialect.errors or not 400 <= status <= 599:
                raise ConfigurationError(
                    f"{dialect.plugin}: statuses.{name}: an error of the vendor's with a status"
                    f" from 400 to 599; there are: {', '.join(sorted(dialect.errors))}"
                )

    def _spoken(self, name: str, spec: ScoreSpec, threshold: float | None) -> ScoreSpec:
        if threshold is None:
            return spec
        if not spec.scale.low < threshold <= spec.scale.high:
            raise ConfigurationError(
                f"{self.dialect.plugin}: {name} = {threshold:g} is not above {spec.scale.low:g}"
                f" and at most {spec.scale.high:g}"
            )
        return replace(spec, threshold=threshold)

    def findings(self, provider: Provider[Any]) -> list[str]:
        """What an integration will miss with this provider behind it, a sentence each.

        Raises:
            ConfigurationError: it could not answer at all.
        """
        info, plugin = provider.info, self.dialect.plugin
        if self.dialect.needs_scores and not info.scores:
            raise ConfigurationError(
                f"the {plugin} API answers in scores, and {provider.name} ({info.plugin}) gives"
                " none; choose another provider"
            )
        found = [
            f"{provider.name} cannot answer {operation}; it is refused"
            for operation in Operation
            if operation not in provider.capabilities
        ]
        asks_liveness = provider.capabilities - {Operation.COMPARE}
        for name, spec, spoken in (
            ("match", info.match, self.match),
            ("liveness", info.liveness, self.liveness),
        ):
            if spec is None and (name == "match" or asks_liveness):
                found.append(
                    f"{provider.name} takes no {name} threshold; its verdict stands for"
                    f" {spoken.threshold:g}, and a request for more is refused"
                )
        return found

    async def answer(
        self, request: HttpRequest, verifier: AsyncFaceVerifier, ask: Ask | None = None
    ) -> HttpReply:
        """Answer an authorised request; ``ask`` finds the answer instead of the provider."""
        asked = None
        try:
            # Pictures of many megabytes are decoded here: not on the event loop.
            decoded = await run_sync(self.dialect.decode, request)
            if isinstance(decoded, HttpReply):
                return decoded
            asked = decoded
            found = await ask(asked) if ask else await self._ask(asked, verifier)
            return self.dialect.encode(asked, found)
        except FacegateError as error:
            return self.dialect.encode_error(error, asked)

    async def _ask(self, asked: Asked, verifier: AsyncFaceVerifier) -> Answer:
        provider, plugin = verifier.provider, self.dialect.plugin
        its_own = provider.info.plugin == plugin
        own = asked.options if its_own else {}
        terms = Terms.of(provider, asked.operation, options=own)
        match = _Way.of(provider.info.match, terms.threshold, self.match)
        liveness = _Way.of(provider.info.liveness, terms.liveness_threshold, self.liveness)
        probe = _source("probe", asked.probe)
        gallery = [_source(f"gallery[{n}]", each) for n, each in enumerate(asked.gallery)]
        threshold = match.threshold("match", asked.threshold)
        live_from = liveness.threshold("liveness", asked.liveness_threshold)
        options = {plugin: own} if own else None
        match asked.operation:
            case Operation.COMPARE:
                result = await verifier.compare(
                    probe, gallery, threshold=threshold, options=options
                )
            case Operation.COMPARE_LIVE:
                result = await verifier.compare_live(
                    probe,
                    gallery,
                    threshold=threshold,
                    liveness_threshold=live_from,
                    options=options,
                )
            case Operation.LIVENESS:
                result = await verifier.liveness(probe, threshold=live_from, options=options)
        return Answer(
            match=match.match(_honest(result), asked.threshold),
            liveness=liveness.liveness(result.liveness, asked.liveness_threshold),
            vendor_reference=result.vendor_reference if its_own else None,
            vendor_signature=result.vendor_signature if its_own else None,
        )


@dataclass(frozen=True, slots=True)
class _Way:
    """Between a provider's scores of one kind and the spoken ones.

    Attributes:
        crossing: between their scales.
        verdicts: the provider takes no threshold; a score of its own would have no known place.
    """

    crossing: Crossing
    verdicts: bool

    @classmethod
    def of(cls, declared: ScoreSpec | None, threshold: float | None, spoken: ScoreSpec) -> _Way:
        if declared is None or threshold is None:
            return cls(Crossing(spoken, spoken), verdicts=True)
        return cls(Crossing(replace(declared, threshold=threshold), spoken), verdicts=False)

    def threshold(self, name: str, asked: float | None) -> float | None:
        if asked is None:
            return None
        if not self.verdicts:
            return self.crossing.threshold(asked)
        if not asked <= self.crossing.spoken.threshold:  # also refuses NaN
            raise UnsupportedOption(
                f"the provider takes no {name} threshold; its verdict stands for"
                f" {self.crossing.spoken.threshold:g} and no more"
            )
        return None

    def match(self, found: Match | None, asked: float | None) -> Match | None:
        if found is None:
            return None
        return self.crossing.match(self._scored(found), asked)

    def liveness(self, found: Liveness | None, asked: float | None) -> Liveness | None:
        if found is None:
            return None
        return self.crossing.liveness(self._scored(found), asked)

    def _scored(self, found: Found) -> Found:
        return found.model_copy(update={"score": None}) if self.verdicts else found


def _honest(result: VerificationResult) -> Match | None:
    """The match as a reply may tell it that has no place for liveness.

    Where the vendor was asked to compare and noticed a spoof, facegate rejects; so must whoever
    reads the match alone.
    """
    match, liveness = result.match, result.liveness
    noticed = result.operation is Operation.COMPARE and liveness and not liveness.passed
    if match and noticed:
        return Match(is_match=False, score=match.score, scale=match.scale)
    return match


def _source(role: str, picture: Image | str) -> Image | str:
    """A text from outside may name a URL, and never a file of this machine."""
    if isinstance(picture, str) and picture[:8].lower() != "https://":
        raise ImageRejected("a text that is no https URL", image=role)
    return picture
