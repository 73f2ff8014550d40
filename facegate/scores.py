"""Scores and thresholds: what one scale means, and the way from one vendor's scale to another's."""

from __future__ import annotations

import math
from dataclasses import dataclass

from facegate.errors import BadReply
from facegate.model import DecidedBy, Liveness, Match, Scale
from facegate.rates import Rates, preset

LOOSE = 1e-2
"""The false match rate from which on a threshold is worth a warning."""


@dataclass(frozen=True, slots=True)
class ScoreSpec:
    """One kind of score a provider works with, and where its decisions lie.

    All thresholds are on ``scale``.

    Attributes:
        scale: the vendor's own scale.
        threshold: the default, as the vendor documents it or as it was measured.
        settable: the lowest and highest threshold the vendor accepts; the whole scale by default.
        strict: a yes takes a score beyond the threshold; by default one that equals it will do.
        rates: thresholds by the error rate that they keep, and who says so; None where none is
            known.
        typical_of_strangers: a score that a good part of strangers reach; a threshold no stricter
            than that is taken for one in another unit. None where nobody knows.
    """

    scale: Scale
    threshold: float
    settable: tuple[float, float] | None = None
    strict: bool = False
    rates: Rates | None = None
    typical_of_strangers: float | None = None

    def warning(self, threshold: float) -> str | None:
        """A sentence on a threshold that more than a hundredth of strangers reach; else None."""
        rates = [rate for rate in self.rates.presets if rate <= LOOSE] if self.rates else []
        if not rates or self.rates is None:
            return None
        loosest = self.rates.known(rate := max(rates))
        if loosest is None or any(
            self.scale.reaches(threshold, least) for least in (loosest, self.threshold)
        ):
            return None
        side = "above" if self.scale.lower_is_closer else "below"
        by = f" (by {self.rates.by} alone)" if self.rates.on is None else ""
        return (
            f"the threshold of {threshold:g} is {side} {loosest:g}{by}, that of"
            f" {preset(rate)}: more than 1 in {round(1 / rate):,} strangers match"
        )

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest threshold that can be set."""
        return self.settable or (self.scale.low, self.scale.high)

    def match(
        self,
        score: float,
        threshold: float | None,
        gallery_scores: tuple[float | None, ...] = (),
    ) -> Match:
        """Decide on a similarity score.

        Args:
            score: the best of the gallery, on the scale.
            threshold: the score to reach, on the scale; None for the default.
            gallery_scores: one score per gallery picture, in order, where the vendor gives them.

        Raises:
            BadReply: the score is not on the scale, so there is nothing to decide on.
        """
        chosen = self._usable(score, threshold)
        return Match(
            is_match=self.is_yes(score, chosen),
            score=score,
            threshold=chosen,
            scale=self.scale,
            decided_by=DecidedBy.FACEGATE,
            gallery_scores=gallery_scores,
        )

    def liveness(self, score: float, threshold: float | None) -> Liveness:
        """Decide on a liveness score.

        Args:
            score: as the vendor gave it, on the scale.
            threshold: the score to reach, on the scale; None for the default.

        Raises:
            BadReply: the score is not on the scale, so there is nothing to decide on.
        """
        chosen = self._usable(score, threshold)
        passed = self.is_yes(score, chosen)
        return Liveness(passed=passed, score=score, threshold=chosen, scale=self.scale)

    def verdict(
        self,
        passed: bool,  # noqa: FBT001  the vendor's word, which the caller only hands on
        score: float | None,
        threshold: float | None,
        gallery_scores: tuple[float | None, ...] = (),
        *,
        uncertain: bool = False,
    ) -> Match:
        """A vendor's own verdict on who it is, beside its score, where it gives one.

        A score that equals the threshold may have been rounded, so there the verdict decides.

        Args:
            passed: the verdict.
            score: the best of the gallery, on the scale; None where the vendor gives none.
            threshold: the score that the vendor was to hold it to; None for the default.
            gallery_scores: one score per gallery picture, in order, where the vendor gives them.
            uncertain: the vendor could not tell; then the verdict is no.

        Raises:
            BadReply: the two contradict each other, or the score is not on the scale.
        """
        chosen = self._agreed(score, threshold, passed=passed, uncertain=uncertain)
        return Match(
            is_match=passed,
            score=score,
            threshold=chosen,
            scale=self.scale,
            uncertain=uncertain,
            gallery_scores=gallery_scores,
        )

    def liveness_verdict(
        self,
        passed: bool,  # noqa: FBT001  the vendor's word, which the caller only hands on
        score: float | None,
        threshold: float | None,
        *,
        uncertain: bool = False,
        reason: str | None = None,
    ) -> Liveness:
        """A vendor's own verdict on liveness, beside its score, where it gives one.

        A score that equals the threshold may have been rounded, so there the verdict decides.

        Args:
            passed: the verdict.
            score: on the scale; None where the vendor gives none.
            threshold: the score that the vendor was to hold it to; None for the default.
            uncertain: the vendor could not tell; then the verdict is no.
            reason: the vendor's word for why it did not pass.

        Raises:
            BadReply: the two contradict each other, or the score is not on the scale.
        """
        chosen = self._agreed(score, threshold, passed=passed, uncertain=uncertain)
        return Liveness(
            passed=passed,
            score=score,
            threshold=chosen,
            scale=self.scale,
            uncertain=uncertain,
            reason=reason,
        )

    def is_yes(self, score: float, threshold: float) -> bool:
        """Whether a score says yes at a threshold, both on the scale."""
        return self.scale.reaches(score, threshold) and not (self.strict and score == threshold)

    def _agreed(
        self, score: float | None, threshold: float | None, *, passed: bool, uncertain: bool
    ) -> float:
        """The threshold, if the verdict fits the score."""
        if passed and uncertain:
            raise BadReply("answered with a yes that is uncertain")
        if score is None:
            return self.threshold if threshold is None else threshold
        chosen = self._usable(score, threshold)
        if not uncertain and score != chosen and passed != self.is_yes(score, chosen):
            raise BadReply("answered with a verdict that contradicts its score")
        return chosen

    def _usable(self, score: float, threshold: float | None) -> float:
        if not self.scale.low <= score <= self.scale.high:  # also refuses NaN
            raise BadReply(f"a score outside {self.scale.low:g} to {self.scale.high:g}")
        return self.threshold if threshold is None else threshold


@dataclass(frozen=True, slots=True)
class ScoreMapping:
    """The way from one provider's scores to the scale of the vendor whose API is served.

    Monotone, and straight between three fixed points: the least similar becomes the least similar,
    the provider's own threshold becomes the target's, the most similar becomes the most similar,
    whichever of the two scales is one of distances. So whoever integrated against the vendor's
    documented default gets the provider's decision.

    Attributes:
        provider: the answering provider's scores, with the threshold it is configured to use.
        target: the served vendor's scores, with its documented default threshold.
    """

    provider: ScoreSpec
    target: ScoreSpec

    def score(self, value: float) -> float:
        """A score of the provider's, on the target scale."""
        return _along(value, _points(self.provider), _points(self.target))

    def threshold(self, value: float) -> float:
        """A threshold on the target scale, on the provider's."""
        return _along(value, _points(self.target), _points(self.provider))

    def match(self, match: Match, asked: float | None = None) -> Match:
        """A match as the target vendor would put it.

        A provider that gives no score has none on any scale.

        Args:
            match: the provider's, on its own scale.
            asked: the threshold that was asked for, on the target scale; None for its default.
        """
        threshold = self.target.threshold if asked is None else asked
        score = self._settled(match.score, threshold, yes=match.is_match)
        return Match(
            is_match=match.is_match,
            score=score,
            threshold=threshold,
            scale=self.target.scale,
            uncertain=match.uncertain,
            gallery_scores=tuple(
                score if each == match.score else self._no_closer(each, score)
                for each in match.gallery_scores
            ),
        )

    def _no_closer(self, own: float | None, best: float | None) -> float | None:
        """A gallery picture's score on the target scale, at most as close as the best."""
        if own is None or best is None:
            return None
        nearer = max if self.target.scale.lower_is_closer else min
        return nearer(self.score(own), best)

    def liveness(self, liveness: Liveness, asked: float | None = None) -> Liveness:
        """A liveness answer as the target vendor would put it; arguments as for :meth:`match`."""
        threshold = self.target.threshold if asked is None else asked
        return Liveness(
            passed=liveness.passed,
            score=self._settled(liveness.score, threshold, yes=liveness.passed),
            threshold=threshold,
            scale=self.target.scale,
            uncertain=liveness.uncertain,
            reason=liveness.reason,
        )

    def _settled(self, own: float | None, threshold: float, *, yes: bool) -> float | None:
        """The score on the target scale, on the verdict's side of the threshold.

        A no never equals the threshold: not everybody who reads it heeds what is strictly above.

        Rounding is put right by the smallest step. A vendor whose verdict contradicts its score is
        believed by a hundredth, so that a caller who rounds still comes to the same decision.
        """
        if own is None:
            return None
        score, scale = self.score(own), self.target.scale
        if self.target.is_yes(score, threshold) if yes else not scale.reaches(score, threshold):
            return score
        # Where lower is closer, everything is mirrored.
        sign = -1.0 if scale.lower_is_closer else 1.0
        low, limit, high = sign * scale.farthest, sign * threshold, sign * scale.closest
        step = 0.0 if abs(score - threshold) < 1e-9 * (high - low) else (high - low) / 100
        if yes:
            least = math.nextafter(limit, high) if self.target.strict else limit
            return sign * min(high, max(least, limit + step)) + 0.0
        return sign * max(low, min(math.nextafter(limit, low), limit - step)) + 0.0


_Points = tuple[float, float, float]
"""The least similar, the threshold and the most similar of a scale."""


def _points(spec: ScoreSpec) -> _Points:
    return spec.scale.farthest, spec.threshold, spec.scale.closest


def _along(value: float, here: _Points, there: _Points) -> float:
    if value == here[1]:
        return there[1]
    first = 0 if (value < here[1]) == (here[0] < here[2]) else 1
    (start, end), (far, close) = here[first : first + 2], there[first : first + 2]
    share = (value - start) / (end - start)
    return min(max(far + share * (close - far), min(far, close)), max(far, close))
