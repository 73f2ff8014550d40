"""A compatible API before a route: a vendor's requests in, that vendor's replies out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from anyio.to_thread import run_sync

from facegate.errors import ConfigurationError, FacegateError, ImageRejected, UnsupportedOption
from facegate.gateway.sandbox import HEADER, Ask, Instruction, Sandbox
from facegate.images.image import Image
from facegate.model import Liveness, Match, Operation, VerificationResult
from facegate.policy import Terms
from facegate.providers.compat import CompatibleApi, DecodedRequest, json_reply
from facegate.providers.provider import Provider
from facegate.providers.requests import Answer
from facegate.question import Options, Question
from facegate.routing.route import Route
from facegate.runtime.flow import HttpReply, HttpRequest
from facegate.scores import ScoreMapping, ScoreSpec
from facegate.thresholds import Thresholds, is_share
from facegate.verifier import AsyncFaceVerifier

AnswerPart = TypeVar("AnswerPart", Match, Liveness)


class Bridge:
    """A compatible API in front of a route, or of one provider; an
    :class:`~facegate.gateway.api.Api`.

    Scores and thresholds go through a :class:`~facegate.scores.ScoreMapping`, one for each
    provider, whose own threshold is the configured one. The provider's decision is kept.

    A provider that takes no threshold gives a verdict, which stands for the target's default. A
    request for that default or for less gets it, since it is no laxer than what was asked for; a
    request for more is refused, because no provider could promise it. An operator who knows better
    says so: ``liveness_threshold = 0.9`` in the API's settings means that the verdict is worth
    that much, and the same for ``match_threshold``.

    A vendor's own options (accuracy, device) are known to its own plugin alone; they do not reach
    another one.

    Args:
        api: the compatible API.
        sandbox: lets callers force outcomes; None refuses to.

    Raises:
        ConfigurationError: settings that the API could never use.
    """

    def __init__(self, api: CompatibleApi, sandbox: Sandbox | None = None) -> None:
        self.api = api
        self.name, self.routes, self.guarded = api.plugin, api.routes, bool(api.keys)
        self._sandbox = sandbox
        settings = api.settings
        self.match = self._target("match_threshold", api.match, settings.match_threshold)
        self.liveness = self._target(
            "liveness_threshold", api.liveness, settings.liveness_threshold
        )
        for name, status in settings.statuses.items():
            if name not in api.errors or not 400 <= status <= 599:
                raise ConfigurationError(
                    f"{api.plugin}: statuses.{name}: an error of the vendor's with a status"
                    f" from 400 to 599; there are: {', '.join(sorted(api.errors))}"
                )

    def _target(self, name: str, spec: ScoreSpec, threshold: float | None) -> ScoreSpec:
        if threshold is None:
            return spec
        scale = spec.scale
        off = not scale.low <= threshold <= scale.high or threshold == scale.farthest
        if off or is_share(threshold, scale):
            raise ConfigurationError(
                f"{self.api.plugin}: {name} = {threshold:g} is not from {scale.low:g} to"
                f" {scale.high:g}, or accepts everybody"
            )
        return replace(spec, threshold=threshold)

    def findings(self, route: Route) -> list[str]:
        """Warnings of what an integration will miss with this route behind it, a sentence each.

        Raises:
            ConfigurationError: the route could not answer this API at all.
        """
        plugin, providers = self.api.plugin, route.providers
        if route.require_consent:
            raise ConfigurationError(
                f"route {route.name} takes no request without consent, and the {plugin} API has no"
                " place for it"
            )
        for provider in providers:
            if self.api.needs_scores and not provider.info.scores:
                raise ConfigurationError(
                    f"the {plugin} API answers in scores, and {provider.name}"
                    f" ({provider.info.plugin}) gives none; choose another provider"
                )
        findings = [*self.api.notes()]
        for operation in Operation:
            unable = [each.name for each in providers if operation not in each.capabilities]
            others = "it is refused" if len(unable) == len(providers) else "only the others do"
            if unable:
                findings.append(f"{' and '.join(unable)} cannot answer {operation}; {others}")
        if self.api.wants_faces:
            unable = [each.name for each in providers if not each.info.faces]
            findings += [
                f"{name} does not tell where the faces are; its replies leave that out"
                for name in unable
            ]
        return findings + [line for each in providers for line in self._missing_thresholds(each)]

    def _missing_thresholds(self, provider: Provider) -> Iterator[str]:
        asks_liveness = provider.capabilities - {Operation.COMPARE}
        for name, spec, target in (
            ("match", provider.info.match, self.match),
            ("liveness", provider.info.liveness, self.liveness),
        ):
            if spec is None and (name == "match" or asks_liveness):
                yield (
                    f"{provider.name} takes no {name} threshold; its verdict stands for"
                    f" {target.threshold:g}, and a request for more is refused"
                )

    def authorise(self, request: HttpRequest) -> str | HttpReply:
        return self.api.authorise(request)

    def prove(self, request: HttpRequest, key: str) -> HttpReply | None:
        return self.api.prove(request, key)

    def repeats(self, request: HttpRequest) -> str | None:
        return self.api.repeats(request)

    @property
    def no_route(self) -> HttpReply | None:
        return self.api.error(self.api.no_route) if self.api.no_route else None

    @property
    def too_heavy(self) -> HttpReply | None:
        return self.api.error(self.api.too_heavy) if self.api.too_heavy else None

    def refuse(self, error: FacegateError) -> HttpReply:
        return self.api.encode_error(error)

    async def answer(
        self, request: HttpRequest, key: str, verifier: AsyncFaceVerifier, **about: str | None
    ) -> HttpReply:
        """The reply to a request, as :meth:`Api.answer <facegate.gateway.api.Api.answer>` says."""
        ask: Ask | HttpReply | None = None
        if self._sandbox:
            try:
                ask = await self._sandbox.enter(self, key, request.headers)
            except Instruction as error:
                return json_reply(400, {"error": f"{HEADER}: {error}"})
        if isinstance(ask, HttpReply):
            return ask
        # Pictures of many megabytes are decoded here: not on the event loop.
        decoded = await run_sync(self.api.decode, request)
        if isinstance(decoded, HttpReply):
            return decoded
        unjudged = decoded
        if decoded.judged_by_caller:
            unjudged = replace(decoded, threshold=None, liveness_threshold=None)
        answers = []
        for number, probe in enumerate((decoded.probe, *decoded.further_probes), 1):
            one = replace(unjudged, probe=probe)
            if number > 1:  # a question of its own, and recorded as one
                about = {**about, "request_id": f"{str(about['request_id'])[:126]}.{number}"}
            answers.append(await (ask(one) if ask else self._ask(one, verifier, about)))
        return self.api.encode(decoded, min(answers, key=_nearness))

    async def _ask(
        self, decoded: DecodedRequest, verifier: AsyncFaceVerifier, about: Mapping[str, str | None]
    ) -> Answer:
        route, plugin = verifier.route, self.api.plugin
        arguments: dict[str, Any] = {**about}
        if decoded.options and any(each.info.plugin == plugin for each in route.providers):
            arguments["options"] = {plugin: decoded.options}
        conversions = self._conversions(route, decoded, arguments.get("options"))
        matches = {name: match for name, (match, _) in conversions.items()}
        lives = {name: live for name, (_, live) in conversions.items()}
        result = await verifier.ask(
            Question(
                operation=decoded.operation,
                probe=_source("probe", decoded.probe),
                gallery=[_source(f"gallery[{n}]", each) for n, each in enumerate(decoded.gallery)],
                threshold=_thresholds("match", decoded.threshold, matches),
                liveness_threshold=_thresholds("liveness", decoded.liveness_threshold, lives),
                judged_by_caller=decoded.judged_by_caller,
                **arguments,
            )
        )
        own = result.plugin == plugin
        return Answer(
            match=matches[result.provider].match(_honest(result), decoded.threshold),
            liveness=lives[result.provider].liveness(result.liveness, decoded.liveness_threshold),
            vendor_reference=result.vendor_reference if own else None,
            vendor_signature=result.vendor_signature if own else None,
            faces=result.faces,
        )

    def _conversions(
        self, route: Route, decoded: DecodedRequest, options: Options | None
    ) -> dict[str, tuple[_Conversion, _Conversion]]:
        """Conversions for match and for liveness, by each provider that can be asked."""
        size = max(1, len(decoded.gallery))
        terms = route.terms(decoded.operation, options=options, gallery=size).terms
        lower = self.api.settings.lower_thresholds
        return {
            provider.name: (
                _Conversion.of(provider.info.match, known.threshold, self.match, lower=lower),
                _Conversion.of(
                    provider.info.liveness, known.liveness_threshold, self.liveness, lower=lower
                ),
            )
            for provider in route.providers
            if isinstance(known := terms[provider.name], Terms)
        }


@dataclass(frozen=True, slots=True)
class _Conversion:
    """The conversion between a provider's scores of one kind and the target's.

    Attributes:
        mapping: between their scales.
        verdicts: the provider takes no threshold; a score of its own would have no known place.
        lower: whether a caller may go below the provider's own threshold.
    """

    mapping: ScoreMapping
    verdicts: bool
    lower: bool = False

    @classmethod
    def of(
        cls, declared: ScoreSpec | None, threshold: float | None, target: ScoreSpec, *, lower: bool
    ) -> _Conversion:
        if declared is None or threshold is None:
            return cls(ScoreMapping(target, target), verdicts=True)
        own = replace(declared, threshold=threshold)
        return cls(ScoreMapping(own, target), verdicts=False, lower=lower)

    def threshold(self, name: str, wanted: float | None) -> float | None:
        if wanted is None:
            return None
        if not self.verdicts:
            crossed, own = self.mapping.threshold(wanted), self.mapping.provider
            # One that everybody would reach is handed on, and refused.
            senseless = crossed == own.scale.farthest
            if self.lower or senseless or own.scale.reaches(crossed, own.threshold):
                return crossed
            return own.threshold
        target = self.mapping.target
        if not target.scale.reaches(target.threshold, wanted):  # also refuses NaN
            raise UnsupportedOption(
                f"the provider takes no {name} threshold; its verdict stands for"
                f" {target.threshold:g} and no more"
            )
        return None

    def match(self, match: Match | None, wanted: float | None) -> Match | None:
        if match is None:
            return None
        return self.mapping.match(self._without_stray_score(match), wanted)

    def liveness(self, liveness: Liveness | None, wanted: float | None) -> Liveness | None:
        if liveness is None:
            return None
        return self.mapping.liveness(self._without_stray_score(liveness), wanted)

    def _without_stray_score(self, part: AnswerPart) -> AnswerPart:
        return part.model_copy(update={"score": None}) if self.verdicts else part


def _thresholds(
    kind: str, wanted: float | None, conversions: Mapping[str, _Conversion]
) -> Thresholds | None:
    """A threshold on the target scale as each provider's own, on that provider's scale.

    A provider that takes none, and whose verdict is not enough, gets the number nevertheless, so
    that it is refused instead of asked.

    Raises:
        UnsupportedOption: no provider takes it.
    """
    if wanted is None:
        return None
    thresholds: dict[str, float] = {}
    refusal = None
    for name, conversion in conversions.items():
        try:
            threshold = conversion.threshold(kind, wanted)
        except UnsupportedOption as error:
            threshold, refusal = wanted, error
        if threshold is not None:
            thresholds[name] = threshold
    if refusal and all(each.verdicts for each in conversions.values()):
        raise refusal
    return thresholds


def _nearness(answer: Answer) -> tuple[bool, bool, float]:
    """How near an answer is to an accept, on the target's scale, where more is more alike."""
    match, liveness = answer.match, answer.liveness
    live = liveness is None or liveness.passed
    if match is None:
        return live, False, 0.0
    return live, match.is_match, match.score or 0.0


def _honest(result: VerificationResult) -> Match | None:
    """The match for a reply that has no place for liveness.

    Where the vendor was asked to compare and noticed a spoof, facegate rejects; a caller who reads
    the match alone must reject as well.
    """
    match, liveness = result.match, result.liveness
    spoof = liveness is not None and not liveness.passed
    if match is not None and spoof and result.operation is Operation.COMPARE:
        return Match(is_match=False, score=match.score, scale=match.scale)
    return match


def _source(role: str, picture: Image | str) -> Image | str:
    """The picture; a text from outside may name a URL, and never a file of this machine."""
    if isinstance(picture, str) and picture[:8].lower() != "https://":
        raise ImageRejected("a text that is no https URL", image=role)
    return picture
