"""Terms: a caller's question as it holds for one provider, and the decision on its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from pydantic import ValidationError

from facegate.errors import (
    BadReply,
    FacegateError,
    InvalidRequest,
    UnsupportedOperation,
    UnsupportedOption,
)
from facegate.images.image import Image
from facegate.model import Decision, Liveness, Match, Operation, Scale
from facegate.providers.provider import Provider
from facegate.providers.requests import (
    Answer,
    BoundRequest,
    CompareLiveRequest,
    CompareRequest,
    LivenessRequest,
    same_engine,
)
from facegate.providers.settings import S
from facegate.rates import Rates
from facegate.thresholds import (
    NOTHING_WANTED,
    Policy,
    Unsure,
    Wanted,
    check_wanted,
    chosen,
    refuse_loose,
    review_from,
)


@dataclass(frozen=True, slots=True)
class Terms(Generic[S]):
    """Terms of one request with one provider.

    Attributes:
        operation: the question that is asked.
        settings: the provider's, with the request's options merged in.
        threshold: similarity that a match takes, on the provider's scale; None where it declares no
            such score. Also for the other two.
        liveness_threshold: liveness score that a pass takes.
        review_from: the least similarity of a near miss; None where nobody reviews.
        uncertain: the decision where the vendor cannot tell.
        rates: the error rates of match thresholds; None where none is known, or not under the
            request's options.
        engine: the only version or model whose answer will do, where a threshold is a rate that was
            measured with it.
        calibration: id of the calibration that a threshold by rate is from; None where none is.
    """

    operation: Operation
    settings: S
    threshold: float | None
    liveness_threshold: float | None
    review_from: float | None
    uncertain: Unsure
    rates: Rates | None = None
    engine: str | None = None
    calibration: str | None = None

    @classmethod
    def of(
        cls,
        provider: Provider[S],
        operation: Operation,
        wanted: Wanted = NOTHING_WANTED,
        options: Mapping[str, Any] | None = None,
        gallery: int = 1,
    ) -> Terms[S]:
        """The terms, worked out before any I/O.

        Args:
            provider: the one to ask.
            operation: the question to ask it.
            wanted: thresholds of the request and its route; the provider's settings fill the gaps.
            options: per-request options of the provider's plugin.
            gallery: number of gallery pictures, of which a rate holds for all together.

        Raises:
            UnsupportedOperation: the provider has no such operation.
            UnsupportedOption: it cannot be told this option or threshold.
            InvalidRequest: a threshold or option value that is out of range.
        """
        if operation not in provider.capabilities:
            raise UnsupportedOperation(
                f"it does not offer {operation}, only"
                f" {', '.join(sorted(provider.capabilities)) or 'nothing'}",
                provider=provider.name,
            )
        settings, info = _with_options(provider, options or {}), provider.info
        wanted = wanted.for_provider(provider.name).filled_from(Wanted.of(settings))
        if operation is Operation.LIVENESS:
            wanted = wanted.of_liveness()
        moved, used = _moved(provider.settings, settings), wanted.measured(info)
        try:
            if moved and Wanted.of(wanted).by_rate:
                raise UnsupportedOption(
                    f"a threshold by rate was measured with another {moved[0]}; give a number"
                )
            threshold = chosen("threshold", wanted.threshold, info.match, gallery)
            refuse_loose(threshold, info.match, allowed=settings.allow_loose_threshold)
            return cls(
                operation,
                settings,
                threshold,
                chosen("liveness_threshold", wanted.liveness_threshold, info.liveness),
                review_from(wanted.review_from, info.match, gallery),
                wanted.uncertain or "reject",
                info.match.rates if info.match and not moved else None,
                next((rates.engine for rates in used if rates.engine), None),
                next((rates.document for rates in used if rates.document), None),
            )
        except FacegateError as error:
            error.provider = provider.name
            raise

    def warnings(self, provider: Provider[S]) -> tuple[str, ...]:
        """Sentences on how the question is put that its answer should carry."""
        spec = provider.info.match
        if spec is None or self.threshold is None or self.operation is Operation.LIVENESS:
            return ()
        warning = spec.warning(self.threshold)
        return (warning,) if warning else ()

    def bind(self, probe: Image, gallery: tuple[Image, ...]) -> BoundRequest[S]:
        """The question as the provider sees it."""
        match self.operation:
            case Operation.COMPARE:
                return CompareRequest(probe, gallery, self.settings, self.threshold)
            case Operation.LIVENESS:
                return LivenessRequest(probe, self.settings, self.liveness_threshold)
            case Operation.COMPARE_LIVE:
                return CompareLiveRequest(
                    probe, gallery, self.settings, self.threshold, self.liveness_threshold
                )

    def decide(self, answer: Answer) -> Decision:
        """Reject unless every question asked was answered yes; a near miss goes to review.

        A probe that is not live is rejected whatever its match score, even where liveness was not
        asked but the vendor noticed. Where a vendor cannot tell, ``uncertain`` decides.

        Raises:
            BadReply: the answer leaves open whether it is the same person, it was decided by a
                laxer threshold than was asked for, or another engine gave it than the one that the
                asked rate was measured with.
        """
        if self.engine is not None:
            same_engine(self.engine, answer.engine)
        match, liveness = answer.match, answer.liveness
        if liveness is None and self.operation is not Operation.COMPARE:
            return Decision.REJECT
        yes = Decision.ACCEPT
        if liveness is not None:
            _refuse_laxer("liveness_threshold", liveness, self.liveness_threshold)
            if not liveness.passed:
                yes = self._unsure(liveness)
        if yes is Decision.REJECT or self.operation is Operation.LIVENESS:
            return yes
        if match is None:
            raise BadReply("the answer leaves open whether it is the same person")
        _refuse_laxer("threshold", match, self.threshold)
        if match.is_match:
            return yes
        return Decision.REVIEW if self._is_near(match) else self._unsure(match)

    def _is_near(self, match: Match) -> bool:
        if match.score is None or self.review_from is None:
            return False
        return _scale(match).reaches(match.score, self.review_from)

    def _unsure(self, no: Match | Liveness) -> Decision:
        """The decision on a no, which the vendor may be uncertain of."""
        reviewed = no.uncertain and self.uncertain == "review"
        return Decision.REVIEW if reviewed else Decision.REJECT


def check_settings(provider: Provider, policy: Policy | None = None) -> None:
    """Refuse thresholds that the provider could never use, its own or those of a policy over them.

    Raises:
        ConfigurationError: naming the setting.
    """
    wanted = Wanted.of(policy).for_provider(provider.name)
    check_wanted(
        wanted.filled_from(Wanted.of(provider.settings)),
        provider.info,
        provider.name,
        allow_loose=provider.settings.allow_loose_threshold,
    )


def _moved(own: S, asked: S) -> list[str]:
    """The settings that move scores and differ from the provider's own."""
    return [name for name in own.score_fields() if getattr(own, name) != getattr(asked, name)]


def _refuse_laxer(name: str, verdict: Match | Liveness, asked: float | None) -> None:
    used = verdict.threshold
    if used is not None and asked is not None and not _scale(verdict).reaches(used, asked):
        raise BadReply(f"decided by a {name} of {used:g}, asked for was {asked:g}")


def _scale(verdict: Match | Liveness) -> Scale:
    """The scale of the score; one without a scale is taken for a similarity."""
    return verdict.scale or Scale(name="")


def _with_options(provider: Provider[S], options: Mapping[str, Any]) -> S:
    if not options:
        return provider.settings
    allowed = provider.settings_type.per_call_fields()
    for name in options:
        if name not in allowed:
            raise UnsupportedOption(
                f"it has no per-request option {name!r};"
                f" it has: {', '.join(sorted(allowed)) or 'none'}",
                provider=provider.name,
            )
    try:
        return provider.settings_type.model_validate({**dict(provider.settings), **options})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise InvalidRequest(
            f"option {'.'.join(map(str, first['loc']))}: {first['msg']}", provider=provider.name
        ) from None
