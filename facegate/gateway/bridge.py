"""From a vendor's words to the provider that answers, and back."""

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
from facegate.providers.provider import Answer, Provider
from facegate.question import Options, Question
from facegate.routing.route import Route
from facegate.runtime.flow import HttpReply, HttpRequest
from facegate.scores import ScoreMapping, ScoreSpec
from facegate.thresholds import Thresholds
from facegate.verifier import AsyncFaceVerifier

Found = TypeVar("Found", Match, Liveness)


class Bridge:
    """One vendor's API in front of a route, or of one provider: an
    :class:`~facegate.gateway.api.Api`.

    Scores and thresholds go through a :class:`~facegate.scores.ScoreMapping`, one for each
    provider, whose own threshold is the configured one. What the provider decides stays decided.

    A provider that takes no threshold gives a verdict, which stands for the target's default. A
    request for that default or for less gets it, since it is no laxer than what was asked for; one
    that asks for more is refused, because nobody could promise it. An operator who knows better
    says so: ``liveness_threshold = 0.9`` in the API's settings means that the verdict is worth
    that much, and the same for ``match_threshold``.

    A vendor's own options (accuracy, device) are known to its own plugin alone; they do not reach
    another one.

    Args:
        api: the vendor's.
        sandbox: lets callers force outcomes.

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
        if not scale.low <= threshold <= scale.high or threshold == scale.farthest:
            raise ConfigurationError(
                f"{self.api.plugin}: {name} = {threshold:g} is not from {scale.low:g} to"
                f" {scale.high:g}, or accepts everybody"
            )
        return replace(spec, threshold=threshold)

    def findings(self, route: Route) -> list[str]:
        """What an integration will miss with this route behind it, a sentence each.

        Raises:
            ConfigurationError: it could not answer at all.
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
        found = []
        for operation in Operation:
            unable = [each.name for each in providers if operation not in each.capabilities]
            others = "it is refused" if len(unable) == len(providers) else "only the others do"
            if unable:
                found.append(f"{' and '.join(unable)} cannot answer {operation}; {others}")
        if self.api.wants_faces:
            unable = [each.name for each in providers if not each.info.faces]
            found += [
                f"{name} does not tell where the faces are; its replies leave that out"
                for name in unable
            ]
        return found + [line for each in providers for line in self._missing_thresholds(each)]

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

    def refuse(self, error: FacegateError) -> HttpReply:
        return self.api.encode_error(error)

    async def answer(
        self, request: HttpRequest, key: str, verifier: AsyncFaceVerifier, **about: str | None
    ) -> HttpReply:
        """See :meth:`Api.answer <facegate.gateway.api.Api.answer>`."""
        ask: Ask | HttpReply | None = None
        if self._sandbox:
            try:
                ask = await self._sandbox.enter(self, key, request.headers)
            except Instruction as error:
                return json_reply(400, {"error": f"{HEADER}: {error}"})
        if isinstance(ask, HttpReply):
            return ask
        # Pictures of many megabytes are decoded here: not on the event loop.
        asked = await run_sync(self.api.decode, request)
        if isinstance(asked, HttpReply):
            return asked
        put = asked
        if asked.judged_by_caller:
            put = replace(asked, threshold=None, liveness_threshold=None)
        found = await (ask(put) if ask else self._ask(put, verifier, about))
        return self.api.encode(asked, found)

    async def _ask(
        self, asked: DecodedRequest, verifier: AsyncFaceVerifier, about: Mapping[str, str | None]
    ) -> Answer:
        route, plugin = verifier.route, self.api.plugin
        itself = any(provider.info.plugin == plugin for provider in route.providers)
        how: dict[str, Any] = {**about}
        if asked.options and itself:
            how["options"] = {plugin: asked.options}
        ways = self._ways(route, asked.operation, how.get("options"))
        matches = {name: match for name, (match, _) in ways.items()}
        lives = {name: live for name, (_, live) in ways.items()}
        result = await verifier.ask(
            Question(
                operation=asked.operation,
                probe=_source("probe", asked.probe),
                gallery=[_source(f"gallery[{n}]", each) for n, each in enumerate(asked.gallery)],
                threshold=_crossed("match", asked.threshold, matches),
                liveness_threshold=_crossed("liveness", asked.liveness_threshold, lives),
                judged_by_caller=asked.judged_by_caller,
                **how,
            )
        )
        its_own = result.plugin == plugin
        return Answer(
            match=matches[result.provider].match(_honest(result), asked.threshold),
            liveness=lives[result.provider].liveness(result.liveness, asked.liveness_threshold),
            vendor_reference=result.vendor_reference if its_own else None,
            vendor_signature=result.vendor_signature if its_own else None,
            faces=result.faces,
        )

    def _ways(
        self, route: Route, operation: Operation, options: Options | None
    ) -> dict[str, tuple[_Way, _Way]]:
        """To and from each provider that can be asked, for match and for liveness."""
        terms = route.terms(operation, options=options).terms
        return {
            provider.name: (
                _Way.of(provider.info.match, known.threshold, self.match),
                _Way.of(provider.info.liveness, known.liveness_threshold, self.liveness),
            )
            for provider in route.providers
            if isinstance(known := terms[provider.name], Terms)
        }


@dataclass(frozen=True, slots=True)
class _Way:
    """Between a provider's scores of one kind and the target's.

    Attributes:
        mapping: between their scales.
        verdicts: the provider takes no threshold; a score of its own would have no known place.
    """

    mapping: ScoreMapping
    verdicts: bool

    @classmethod
    def of(cls, declared: ScoreSpec | None, threshold: float | None, target: ScoreSpec) -> _Way:
        if declared is None or threshold is None:
            return cls(ScoreMapping(target, target), verdicts=True)
        return cls(ScoreMapping(replace(declared, threshold=threshold), target), verdicts=False)

    def threshold(self, name: str, asked: float | None) -> float | None:
        if asked is None:
            return None
        if not self.verdicts:
            return self.mapping.threshold(asked)
        target = self.mapping.target
        if not target.scale.reaches(target.threshold, asked):  # also refuses NaN
            raise UnsupportedOption(
                f"the provider takes no {name} threshold; its verdict stands for"
                f" {target.threshold:g} and no more"
            )
        return None

    def match(self, found: Match | None, asked: float | None) -> Match | None:
        if found is None:
            return None
        return self.mapping.match(self._scored(found), asked)

    def liveness(self, found: Liveness | None, asked: float | None) -> Liveness | None:
        if found is None:
            return None
        return self.mapping.liveness(self._scored(found), asked)

    def _scored(self, found: Found) -> Found:
        return found.model_copy(update={"score": None}) if self.verdicts else found


def _crossed(kind: str, asked: float | None, ways: Mapping[str, _Way]) -> Thresholds | None:
    """A threshold on the target scale, as each provider's own on its scale.

    Where one takes none and its verdict is not enough, it is told the number nevertheless, so that
    it is refused instead of asked.

    Raises:
        UnsupportedOption: nobody can be told.
    """
    if asked is None:
        return None
    found: dict[str, float] = {}
    refused = None
    for name, way in ways.items():
        try:
            threshold = way.threshold(kind, asked)
        except UnsupportedOption as error:
            threshold, refused = asked, error
        if threshold is not None:
            found[name] = threshold
    if refused and all(way.verdicts for way in ways.values()):
        raise refused
    return found


def _honest(result: VerificationResult) -> Match | None:
    """The match as a reply may tell it that has no place for liveness.

    Where the vendor was asked to compare and noticed a spoof, facegate rejects; so must whoever
    reads the match alone.
    """
    match, liveness = result.match, result.liveness
    spoof = liveness is not None and not liveness.passed
    if match is not None and spoof and result.operation is Operation.COMPARE:
        return Match(is_match=False, score=match.score, scale=match.scale)
    return match


def _source(role: str, picture: Image | str) -> Image | str:
    """A text from outside may name a URL, and never a file of this machine."""
    if isinstance(picture, str) and picture[:8].lower() != "https://":
        raise ImageRejected("a text that is no https URL", image=role)
    return picture
