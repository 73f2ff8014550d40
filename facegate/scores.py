"""Scores and thresholds: what one scale means, and the way from one vendor's scale to another's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from facegate.errors import BadReply
from facegate.model import DecidedBy, Liveness, Match, Scale


@dataclass(frozen=True, slots=True)
class ScoreSpec:
    """One kind of score a provider works with, and where its decisions lie.

    Attributes:
        scale: the vendor's own scale.
        threshold: the default, as the vendor documents it or as it was measured.
        settable: the lowest and highest threshold the vendor accepts; the whole scale by default.
        strict: a yes takes a score beyond the threshold; by default one that equals it will do.
        at_fmr: false match rate to threshold, for the rates that were really measured.
    """

    scale: Scale
    threshold: float
    settable: tuple[float, float] | None = None
    strict: bool = False
    at_fmr: Mapping[float, float] = field(default_factory=dict)

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
        """Likewise on liveness, and why it did not pass.

        Raises:
            BadReply: as for :meth:`verdict`.
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
        """Whether the score is enough."""
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
        target: the target vendor's, with its documented default.
    """

    provider: ScoreSpec
    target: ScoreSpec

    def score(self, value: float) -> float:
        """A score of the provider's on the target scale."""
        return _along(value, _points(self.provider), _points(self.target))

    def threshold(self, value: float) -> float:
        """A threshold in the words of the vendor whose API is served on the provider's scale."""
        return _along(value, _points(self.target), _points(self.provider))

    def match(self, found: Match, asked: float | None = None) -> Match:
        """A match as the target vendor would put it, held against the threshold that was asked for.

        A provider that gives no score has none on any scale.
        """
        threshold = self.target.threshold if asked is None else asked
        return Match(
            is_match=found.is_match,
            score=self._settled(found.score, threshold, yes=found.is_match),
            threshold=threshold,
            scale=self.target.scale,
            uncertain=found.uncertain,
        )

    def liveness(self, found: Liveness, asked: float | None = None) -> Liveness:
        """Likewise for liveness."""
        threshold = self.target.threshold if asked is None else asked
        return Liveness(
            passed=found.passed,
            score=self._settled(found.score, threshold, yes=found.passed),
            threshold=threshold,
            scale=self.target.scale,
            uncertain=found.uncertain,
            reason=found.reason,
        )

    def _settled(self, found: float | None, threshold: float, *, yes: bool) -> float | None:
        """The score on the target scale, on the verdict's side of the threshold.

        A no never equals the threshold: not everybody who reads it heeds what is strictly above.

        Rounding is put right by the smallest step. A vendor whose verdict contradicts its score is
        believed by a hundredth, so that a caller who rounds still comes to the same decision.
        """
        if found is None:
            return None
        score, scale = self.score(found), self.target.scale
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


def _points(spec: ScoreSpec) -> _Points:
    return spec.scale.farthest, spec.threshold, spec.scale.closest


def _along(value: float, here: _Points, there: _Points) -> float:
    if value == here[1]:
        return there[1]
    first = 0 if (value < here[1]) == (here[0] < here[2]) else 1
    (start, end), (far, close) = here[first : first + 2], there[first : first + 2]
    share = (value - start) / (end - start)
    return min(max(far + share * (close - far), min(far, close)), max(far, close))
