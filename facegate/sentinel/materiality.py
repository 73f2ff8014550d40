"""Materiality: how much a change of a model matters to those who rely on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from facegate.calibration import Sample
from facegate.model import Scale

NONE: Final = "no decision changes"
RECALIBRATE: Final = "recalibrate"
UNUSABLE: Final = "unusable"

_SHARE = 0.25
"""Share of the canaries decided otherwise from which on a provider is another product."""
_MUCH, _FAR = 2.0, 10.0
"""Times that a false match rate may grow before it has to be measured anew, or is out of reach."""


@dataclass(frozen=True, slots=True)
class Materiality:
    """How much a change matters.

    Attributes:
        verdict: ``no decision changes``, ``recalibrate`` or ``unusable``.
        moved: canaries whose score is another one.
        compared: canaries with a score before and now.
        largest: the largest distance that a score moved; None where there are none.
        impostor_shift: median distance that scores of impostors moved, on the provider's scale;
            None where there are none.
        genuine_shift: the same of genuine pairs.
        otherwise: canaries that are decided otherwise, or refused now, or no longer.
        fmr_before: the false match rate at the threshold, as it was measured; None where unknown.
        fmr_after: what it is then, at least, if all scores of strangers moved as the canaries' did.
        fnmr_before: the false non-match rate at the threshold, at most; None where unknown.
        fnmr_after: what became of it if all genuine scores moved as the canaries' did.
    """

    verdict: str
    moved: int
    compared: int
    largest: float | None
    impostor_shift: float | None
    genuine_shift: float | None
    otherwise: Sequence[str]
    fmr_before: float | None = None
    fmr_after: float | None = None
    fnmr_before: float | None = None
    fnmr_after: float | None = None

    def as_data(self) -> dict[str, Any]:
        """The figures as data."""
        return asdict(self)


def of_scores(
    before: Mapping[str, float],
    now: Mapping[str, float],
    *,
    genuine: Sequence[str],
    impostors: Sequence[str],
    otherwise: Sequence[str],
    asked: int,
    rates: RatesAt | None = None,
) -> Materiality:
    """How much a change of scores matters.

    Args:
        before: the usual score of each canary.
        now: its score now.
        genuine: ids of the canaries that are genuine pairs.
        impostors: ids of those that are pairs of strangers.
        otherwise: ids of those that are decided otherwise.
        asked: number of all canaries.
        rates: what is known of the error rates at the threshold.
    """
    shifts = {name: score - before[name] for name, score in now.items() if name in before}
    of_impostors, of_genuine = _middle(shifts, impostors), _middle(shifts, genuine)
    fmr = _around(rates.fmr if rates else None, of_impostors)
    fnmr = _around(rates.fnmr if rates else None, of_genuine)
    growth, beyond = 1.0, False
    if rates is not None and of_impostors is not None and fmr[1]:
        # What is not known before is less than the least that is.
        growth = fmr[1] / (fmr[0] or rates.sample.supported_from)
        beyond = rates.is_beyond(of_impostors)
    if len(otherwise) > _SHARE * asked or growth > _FAR:
        verdict = UNUSABLE
    elif otherwise or growth > _MUCH or beyond:
        verdict = RECALIBRATE
    else:
        verdict = NONE
    return Materiality(
        verdict,
        sum(shift != 0 for shift in shifts.values()),
        len(shifts),
        max(map(abs, shifts.values()), default=None),
        of_impostors,
        of_genuine,
        list(otherwise),
        *fmr,
        *fnmr,
    )


@dataclass(frozen=True, slots=True)
class RatesAt:
    """The error rates around a threshold, as they were measured.

    Attributes:
        sample: what strangers got, and genuine pairs beside them.
        scale: the scale of the scores.
        threshold: the threshold.
    """

    sample: Sample
    scale: Scale
    threshold: float

    def fmr(self, shift: float) -> float | None:
        """The false match rate if every score moved by so much; None where it is not known.

        A score that moved reaches the threshold where it reached one as much lower before. Beyond
        the laxest threshold that was measured, the rate is that one's, or more.
        """
        if self.is_beyond(shift):
            return self.sample.steps[-1].errors / self.sample.pairs
        return self.sample.rate_at(self.threshold - shift, self.scale)

    def is_beyond(self, shift: float) -> bool:
        """Whether that is laxer than anything that was measured."""
        return not self.scale.reaches(self.threshold - shift, self.sample.steps[-1].threshold)

    def fnmr(self, shift: float) -> float | None:
        """The false non-match rate likewise, at most: that of the next threshold it is known of."""
        at = self.threshold - shift
        known = [
            each.fnmr
            for each in self.sample.rates
            if each.fnmr is not None and self.scale.reaches(each.threshold_point, at)
        ]
        return min(known, default=None)


def _around(
    rate: Callable[[float], float | None] | None, shift: float | None
) -> tuple[float | None, float | None]:
    """A rate as it was, and after a shift."""
    return (rate(0.0), rate(shift)) if rate and shift is not None else (None, None)


def _middle(shifts: Mapping[str, float], names: Sequence[str]) -> float | None:
    found = [shifts[name] for name in names if name in shifts]
    return median(found) if found else None
