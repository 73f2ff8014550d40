"""Thresholds: as callers, routes and settings write them, and as numbers on a provider's scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from pydantic import field_validator

from facegate.document import Table
from facegate.errors import ConfigurationError, FacegateError, InvalidRequest, UnsupportedOption
from facegate.model import Scale
from facegate.rates import KINDS, RateKind, Rates, preset
from facegate.scores import ScoreSpec

Threshold = float | str
"""A number on the provider's scale, or ``"fmr:1e-4"`` for an error rate that is known."""

Thresholds = Threshold | Mapping[str, Threshold]
"""One threshold, or one by provider name; a provider that is not named goes by its settings."""


class ScoreFacts(Protocol):
    """The facts of a provider that thresholds need; :class:`~facegate.plugin.ProviderInfo`'s."""

    @property
    def match(self) -> ScoreSpec | None: ...
    @property
    def liveness(self) -> ScoreSpec | None: ...
    @property
    def scores(self) -> bool: ...


Unsure = Literal["reject", "review"]
"""The decision where a vendor cannot tell."""


class Policy(Table):
    """A route's policy for one operation; it wins over its providers' settings.

    Each value holds for every provider of the route, or is a table by provider name. Numbers are on
    the provider's own scale.

    Attributes:
        threshold: similarity that a match takes, or a known rate such as ``"fmr:1e-4"``.
        liveness_threshold: liveness score that a pass takes.
        review_from: similarity from which, up to the threshold, a person reviews; or a known rate.
        uncertain: the decision where a vendor cannot tell.
    """

    threshold: Thresholds | None = None
    liveness_threshold: Thresholds | None = None
    review_from: Thresholds | None = None
    uncertain: Unsure | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch(cls, value: Any) -> Any:
        for number in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(number, bool):  # it would be taken for 0 or 1
                raise ValueError("must be a number, not true or false")  # noqa: TRY004
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Thresholds as a caller, a route or settings ask for them.

    Each is for all providers or by provider name; None leaves it to whoever is asked next: the
    route after the caller, the provider's settings after the route.

    Attributes:
        threshold: similarity that a match takes: a number on the provider's scale, or a rate.
        liveness_threshold: liveness score that a pass takes: a number or a rate.
        review_from: the least similarity of a near miss: a number or a rate.
        uncertain: the decision where a vendor cannot tell.
        by_rate: names of those that anybody asked for as a rate, even if a number takes its place:
            whoever answers is still held to what was measured.
    """

    threshold: Thresholds | None = None
    liveness_threshold: Thresholds | None = None
    review_from: Thresholds | None = None
    uncertain: Unsure | None = None
    by_rate: frozenset[str] = frozenset()

    @classmethod
    def of(cls, source: Any) -> Wanted:
        """The thresholds that an object asks for: a question, a policy, a provider's settings."""
        values = {name: getattr(source, name, None) for name in (*NAMES, "uncertain")}
        by_rate = frozenset(name for name in NAMES if _asks_rate(values[name]))
        return cls(**values, by_rate=by_rate)

    def for_provider(self, name: str) -> Wanted:
        """The thresholds that are asked of one provider."""
        if not any(isinstance(getattr(self, each), Mapping) for each in NAMES):
            return self
        return self._each(lambda _, value: _of_provider(value, name))

    def filled_from(self, other: Wanted, providers: Iterable[str] = ()) -> Wanted:
        """These thresholds, with what they leave open taken from ``other``.

        Args:
            other: the thresholds that count where nothing is asked for here.
            providers: names that a value of ``other`` for all providers stands for.
        """
        names = list(providers)
        filled = {name: _filled(getattr(self, name), getattr(other, name), names) for name in NAMES}
        uncertain, by_rate = self.uncertain or other.uncertain, self.by_rate | other.by_rate
        return Wanted(**filled, uncertain=uncertain, by_rate=by_rate)

    def of_liveness(self) -> Wanted:
        """What of it a question of liveness alone needs: no similarity as a rate."""
        of_match = {name: getattr(self, name) for name in ("threshold", "review_from")}
        rates = dict.fromkeys(name for name, value in of_match.items() if _asks_rate(value))
        return replace(self, by_rate=self.by_rate & {"liveness_threshold"}, **rates)

    def measured(self, info: ScoreFacts) -> list[Rates]:
        """The error rates of one provider that any of it was asked for by."""
        specs = (_spec(name, info) for name in NAMES if name in self.by_rate)
        return [spec.rates for spec in specs if spec and spec.rates]

    def carried_to(
        self, candidates: Mapping[str, ScoreFacts], asked: Sequence[ScoreFacts]
    ) -> Wanted:
        """The thresholds that other providers get than those that were asked.

        A rate holds for anybody. A number is on the scale of who was asked; a candidate with
        another scale goes by its settings.
        """
        return self._each(lambda name, value: _carried(name, value, candidates, asked))

    def refuse_ambiguous(self, scored: Mapping[str, ScoreFacts], known: Sequence[str]) -> None:
        """Refuse one number held against scores of different scales, and names of nobody here.

        Args:
            scored: facts of those who may be asked, by provider name.
            known: provider names that a threshold may be given for.

        Raises:
            UnsupportedOption: saying what to write instead.
        """
        for name in NAMES:
            _refuse_ambiguous(name, getattr(self, name), scored, known)

    def _each(self, change: Callable[[str, Any], Any]) -> Wanted:
        return replace(self, **{name: change(name, getattr(self, name)) for name in NAMES})


NAMES = ("threshold", "liveness_threshold", "review_from")
NOTHING_WANTED = Wanted()


def resolved(
    name: str, value: Thresholds | None, spec: ScoreSpec | None, gallery: int = 1
) -> float | None:
    """A threshold as a number on the provider's scale; None where none is asked for.

    Args:
        name: the threshold's name, for messages.
        value: the threshold as it was written, for one provider.
        spec: the provider's scores; None where it takes no threshold.
        gallery: number of gallery pictures, of which a rate holds for all together.

    Raises:
        UnsupportedOption: the provider takes none, or none is known for that rate.
        InvalidRequest: not on the scale, at its end that would accept everybody, or a share of 1 on
            a scale of a hundred.
    """
    if value is None:
        return None
    if spec is None:
        raise UnsupportedOption(f"no {name} can be set for this provider")
    low, high = spec.bounds
    if kind := _rate_kind(value):
        number = _at_rate(name, kind, str(value), spec, gallery)
        if not low <= number <= high or number == spec.scale.farthest:
            raise UnsupportedOption(
                f"{name} {value!r} takes {number:g}, and the provider takes {low:g} to {high:g}"
            )
        return number
    try:
        number = math.nan if isinstance(value, bool | Mapping) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high:  # also refuses NaN
        presets = f", or one of {_presets(spec)}" if spec.rates else ""
        raise InvalidRequest(f"{name} must be a number from {low:g} to {high:g}{presets}")
    if number == spec.scale.farthest:
        raise InvalidRequest(f"a {name} of {number:g} would accept everybody")
    if is_share(number, spec.scale):
        raise InvalidRequest(
            f"a {name} of {number:g} would accept nearly everybody: this scale ends at"
            f" {spec.scale.closest:g}; {number:g} of 1 is {number * spec.scale.closest:g}"
        )
    return number


def is_share(number: float, scale: Scale) -> bool:
    """Whether a threshold is most likely a share of 1, on a scale of a hundred or more."""
    return scale.farthest == 0 and scale.closest >= 100 and number <= 1


def chosen(
    name: str, value: Thresholds | None, spec: ScoreSpec | None, gallery: int = 1
) -> float | None:
    """:func:`resolved`, or the provider's own default where no threshold is asked for."""
    number = resolved(name, value, spec, gallery)
    return spec.threshold if number is None and spec else number


def refuse_loose(threshold: float | None, spec: ScoreSpec | None, *, allowed: bool) -> None:
    """Refuse a similarity threshold that a good part of strangers reach, unless that is allowed.

    Raises:
        InvalidRequest: it is laxer than any that is meant; most likely it is in another unit.
    """
    strangers = spec.typical_of_strangers if spec else None
    if allowed or threshold is None or spec is None or strangers is None:
        return
    if not spec.scale.reaches(threshold, strangers):
        begin = "end" if spec.scale.lower_is_closer else "begin"
        rates = f" A rate is written in quotes, as one of {_presets(spec)}." if spec.rates else ""
        raise InvalidRequest(
            f"a threshold of {threshold:g} would accept a good part of strangers; scores of one"
            f" person {begin} at about {spec.threshold:g}.{rates} Whoever means it sets"
            " allow_loose_threshold = true"
        )


def review_from(value: Thresholds | None, spec: ScoreSpec | None, gallery: int = 1) -> float | None:
    """The least score of a near miss, on the provider's scale; None where none is asked for.

    Any score of the scale will do, since the vendor never hears of it.

    Raises:
        UnsupportedOption, InvalidRequest: see :func:`resolved`.
    """
    if value is None:
        return None
    return resolved("review_from", value, replace(spec, settable=None) if spec else None, gallery)


def check_wanted(
    wanted: Wanted, info: ScoreFacts, provider: str, *, allow_loose: bool = False
) -> None:
    """Refuse thresholds that a provider could never use, or that nobody can mean.

    Raises:
        ConfigurationError: naming the setting.
    """
    try:
        threshold = chosen("threshold", wanted.threshold, info.match)
        refuse_loose(threshold, info.match, allowed=allow_loose)
        resolved("liveness_threshold", wanted.liveness_threshold, info.liveness)
        lowest = review_from(wanted.review_from, info.match)
    except FacegateError as error:
        raise ConfigurationError(error.message, provider=provider) from None
    if lowest is None:
        return
    if not info.scores:
        raise ConfigurationError(
            "review_from would never hold: the provider gives no scores", provider=provider
        )
    scale = info.match.scale if info.match else None
    if threshold is not None and scale is not None and scale.reaches(lowest, threshold):
        side = "above" if scale.lower_is_closer else "below"
        raise ConfigurationError(
            f"review_from = {lowest:g} must be {side} the threshold, {threshold:g}",
            provider=provider,
        )


def _asks_rate(value: Thresholds | None) -> bool:
    if value is None:
        return False
    values = value.values() if isinstance(value, Mapping) else (value,)
    return any(_rate_kind(each) for each in values)


def _rate_kind(value: object) -> RateKind | None:
    """The kind of error rate that a threshold is written as; None for a number."""
    if not isinstance(value, str):
        return None
    return next((kind for kind in KINDS if value.startswith(f"{kind}:")), None)


def _presets(spec: ScoreSpec) -> str:
    rates = spec.rates
    return ", ".join(preset(rate, rates.kind) for rate in rates.presets) if rates else ""


def _spec(name: str, info: ScoreFacts) -> ScoreSpec | None:
    return info.liveness if name == "liveness_threshold" else info.match


def _scale(name: str, info: ScoreFacts) -> Scale | None:
    spec = _spec(name, info)
    return spec.scale if spec else None


def _of_provider(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else value


def _filled(value: Any, other: Thresholds | None, providers: Sequence[str]) -> Thresholds | None:
    if not isinstance(value, Mapping):
        return other if value is None else value
    if other is not None and not isinstance(other, Mapping):
        other = dict.fromkeys(providers, other)
    own = {name: threshold for name, threshold in value.items() if threshold is not None}
    return {**(other or {}), **own}


def _carried(
    name: str,
    value: Thresholds | None,
    candidates: Mapping[str, ScoreFacts],
    asked: Sequence[ScoreFacts],
) -> Thresholds | None:
    if value is None or _rate_kind(value) or isinstance(value, Mapping):
        return value
    scales = {_scale(name, info) for info in asked} - {None}
    return {
        candidate: value for candidate, info in candidates.items() if _scale(name, info) in scales
    }


def _refuse_ambiguous(
    name: str, value: Thresholds | None, scored: Mapping[str, ScoreFacts], known: Sequence[str]
) -> None:
    if isinstance(value, Mapping):
        for key in value:
            if key not in known:
                raise UnsupportedOption(
                    f"a {name} for {key!r}, but the request goes to {' or '.join(known)}"
                )
        return
    if value is None or _rate_kind(value):
        return
    specs = [_spec(name, info) for info in scored.values()]
    if len({spec.scale.name for spec in specs if spec}) > 1:
        raise UnsupportedOption(
            f"a {name} as a number means something else to each provider of this route; give"
            ' each its own, by name, or a known rate such as "fmr:1e-4"'
        )


def _at_rate(name: str, kind: RateKind, value: str, spec: ScoreSpec, gallery: int) -> float:
    try:
        rate = float(value.removeprefix(f"{kind}:"))
    except ValueError:
        rate = math.nan
    if not 0 < rate < 1:  # also refuses NaN
        raise InvalidRequest(f"{name} {value!r}: a rate lies between 0 and 1")
    if spec.rates is None or spec.rates.kind != kind:
        known = f"; known rates: {_presets(spec)}" if spec.rates else ""
        raise UnsupportedOption(
            f"{name} {value!r} was never measured: there is no calibration for it{known}"
        )
    try:
        return spec.rates.threshold(rate, gallery)
    except UnsupportedOption as error:
        raise UnsupportedOption(f"{name} {error.message}") from None
