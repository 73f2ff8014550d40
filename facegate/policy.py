"""From a caller's question to a provider's, and from its answer to a decision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic

from pydantic import ValidationError, field_validator

from facegate.document import Table
from facegate.errors import (
    BadReply,
    ConfigurationError,
    FacegateError,
    InvalidRequest,
    UnsupportedOperation,
    UnsupportedOption,
    UnsupportedPicture,
)
from facegate.images.image import Image
from facegate.model import Decision, Operation, Threshold, Thresholds
from facegate.providers.provider import (
    Answer,
    BoundRequest,
    CompareLiveRequest,
    CompareRequest,
    LivenessRequest,
    Provider,
    S,
)
from facegate.scores import ScoreSpec


def for_provider(value: Any, name: str) -> Any:
    """What of a value, or of values by provider name, is meant for one provider."""
    return value.get(name) if isinstance(value, Mapping) else value


class Policy(Table):
    """When a route takes an answer for a yes; wins over its providers' settings.

    Attributes:
        threshold: match from this score on.
        liveness_threshold: live from this one on.
        review_from: from here up to the threshold a person reviews.
    """

    threshold: Thresholds | None = None
    liveness_threshold: Thresholds | None = None
    review_from: float | Mapping[str, float] | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch(cls, value: Any) -> Any:
        for each in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(each, bool):
                raise ValueError("must be a number, not true or false")  # noqa: TRY004
        return value


@dataclass(frozen=True, slots=True)
class Terms(Generic[S]):
    """What one request means to one provider: its settings with the request's options merged in,
    and thresholds as numbers on its scale.
    """

    operation: Operation
    settings: S
    threshold: float | None
    liveness_threshold: float | None
    review_from: float | None

    @classmethod
    def of(
        cls,
        provider: Provider[S],
        operation: Operation,
        threshold: Threshold | None = None,
        liveness_threshold: Threshold | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        review_from: float | None = None,
    ) -> Terms[S]:
        """Work out the terms, before any I/O.

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
        return cls(
            operation,
            settings,
            _chosen("threshold", threshold, settings.threshold, info.match, provider.name),
            _chosen(
                "liveness_threshold",
                liveness_threshold,
                settings.liveness_threshold,
                info.liveness,
                provider.name,
            ),
            settings.review_from if review_from is None else review_from,
        )

    def bind(
        self, provider: Provider[S], probe: Image, gallery: tuple[Image, ...]
    ) -> BoundRequest[S]:
        """The question as the provider sees it.

        Raises:
            UnsupportedPicture: of a type, weight or size that the provider does not take.
        """
        _refuse_untaken(provider, "probe", probe)
        for index, image in enumerate(gallery):
            _refuse_untaken(provider, f"gallery[{index}]", image)
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

        Review is for identity alone: a probe that is not live is rejected whatever its match score,
        even where liveness was not asked but the vendor noticed.

        Raises:
            BadReply: the answer leaves open whether it is the same person, or it was decided by a
                lower threshold than was asked for.
        """
        match, liveness = answer.match, answer.liveness
        if liveness is None and self.operation is not Operation.COMPARE:
            return Decision.REJECT
        if liveness is not None:
            _refuse_lower("liveness_threshold", liveness.threshold, self.liveness_threshold)
            if not liveness.passed:
                return Decision.REJECT
        if self.operation is Operation.LIVENESS:
            return Decision.ACCEPT
        if match is None:
            raise BadReply("the answer leaves open whether it is the same person")
        _refuse_lower("threshold", match.threshold, self.threshold)
        if match.is_match:
            return Decision.ACCEPT
        lowest = self.review_from
        if match.score is not None and lowest is not None and match.score >= lowest:
            return Decision.REVIEW
        return Decision.REJECT


def preset(rate: float) -> str:
    """How a measured false match rate is written as a threshold: ``fmr:1e-4``."""
    mantissa, exponent = f"{rate:e}".split("e")
    return f"fmr:{float(mantissa):g}e{int(exponent)}"


def check_settings(provider: Provider[Any], policy: Policy | None = None) -> None:
    """Refuse thresholds that the provider could never use, its own or those of a policy over them.

    Raises:
        ConfigurationError: naming the setting.
    """
    info, chosen = provider.info, {}
    for name in Policy.model_fields:
        value = for_provider(getattr(policy, name, None), provider.name)
        chosen[name] = getattr(provider.settings, name) if value is None else value
    try:
        threshold = _resolved("threshold", chosen["threshold"], info.match)
        _resolved("liveness_threshold", chosen["liveness_threshold"], info.liveness)
        # Held to the whole scale: the vendor never hears of it.
        whole = replace(info.match, settable=None) if info.match else None
        lowest = _resolved("review_from", chosen["review_from"], whole)
    except FacegateError as error:
        raise ConfigurationError(error.message, provider=provider.name) from None
    if lowest is not None and not info.scores:
        raise ConfigurationError(
            "review_from would never hold: the provider gives no scores", provider=provider.name
        )
    if lowest is not None and threshold is None and info.match:
        threshold = info.match.threshold
    if lowest is not None and threshold is not None and lowest >= threshold:
        raise ConfigurationError(
            f"review_from = {lowest:g} must be below the threshold, {threshold:g}",
            provider=provider.name,
        )


def _refuse_lower(name: str, used: float | None, asked: float | None) -> None:
    if used is not None and asked is not None and used < asked:
        raise BadReply(f"decided by a {name} of {used:g}, asked for was {asked:g}")


def _chosen(
    name: str,
    asked: Threshold | None,
    configured: Threshold | None,
    spec: ScoreSpec | None,
    provider: str,
) -> float | None:
    try:
        value = _resolved(name, configured if asked is None else asked, spec)
    except FacegateError as error:
        error.provider = provider
        raise
    return spec.threshold if value is None and spec else value


def _resolved(name: str, value: Threshold | None, spec: ScoreSpec | None) -> float | None:
    """A threshold as a number on the provider's scale."""
    if value is None:
        return None
    if spec is None:
        raise UnsupportedOption(f"no {name} can be set for this provider")
    if isinstance(value, str) and value.startswith("fmr:"):
        return _at_fmr(name, value, spec)
    low, high = spec.bounds
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high:  # also refuses NaN
        presets = ", or one of " + ", ".join(map(preset, spec.at_fmr)) if spec.at_fmr else ""
        raise InvalidRequest(f"{name} must be a number from {low:g} to {high:g}{presets}")
    if number <= spec.scale.low:
        raise InvalidRequest(f"a {name} of {number:g} would accept everybody")
    return number


def _at_fmr(name: str, value: str, spec: ScoreSpec) -> float:
    try:
        rate = float(value.removeprefix("fmr:"))
    except ValueError:
        rate = math.nan
    for measured, threshold in spec.at_fmr.items():
        if math.isclose(rate, measured, rel_tol=1e-9):
            return threshold
    known = ", ".join(map(preset, spec.at_fmr)) or "none"
    raise UnsupportedOption(f"{name} {value!r} was never measured; measured rates: {known}")


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


def _refuse_untaken(provider: Provider[Any], role: str, image: Image) -> None:
    info = provider.info
    problem = info.pictures.broken_by(image)
    if image.format not in info.formats:
        problem = f"{image.format}; convert it to one of: {', '.join(sorted(info.formats))}"
    if problem:
        raise UnsupportedPicture(f"{info.plugin} does not take {problem}", image=role)
