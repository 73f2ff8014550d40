"""Calibrations made of scores: the thresholds that keep a rate, with confidence.

One walks down the impostor scores. After each, the rate is known, the number of independent pairs
that would vary as much, and so Wilson's one-sided bound, which the true rate exceeds in 5 % of
samples; see :mod:`facegate.evaluation.intervals`. A threshold at which only the counted rate is
low enough misses it half the time.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np

from facegate.calibration import AtRate, Calibration, Key, Sample, Step, digest
from facegate.errors import InvalidRequest
from facegate.evaluation.arrays import Floats, Places
from facegate.evaluation.assured import upper_bounds
from facegate.evaluation.intervals import SOME_ERRORS
from facegate.evaluation.likelihood import likelihood
from facegate.evaluation.rates import at_threshold
from facegate.evaluation.results import Rate, Support
from facegate.evaluation.scores import Scores, Trials

_ONE_BY_ONE: Final = 100
"""Errors up to which each is a step; beyond them steps grow by a fiftieth."""
_GROWTH: Final = 1.02
_HIGHEST_FMR, _HIGHEST_BPCER = 0.1, 0.5
"""Rates up to which there are steps."""
_DIGITS: Final = 17
_EXPECTED: Final = 10
"""Errors to be expected at a rate, from which on fewer of them speak for it."""


@dataclass(frozen=True, slots=True)
class About:
    """What a calibration says of itself, beside its figures.

    Attributes:
        key: what it was measured with.
        by: whoever measured it.
        on: whose pictures, in words.
        made: the day of the measurement.
        expires: the last day on which it counts; None for no end.
        images: number of pictures; None where that is not known.
        source: SHA-256 of the scores.
        not_below: the lowest rate that is to be stated, where labels are less certain than data.
        strict: a pass takes a liveness score beyond the threshold, not one that equals it.
    """

    key: Key
    by: str
    on: str
    made: date
    expires: date | None = None
    images: int | None = None
    source: str = ""
    not_below: float = 0.0
    strict: bool = False


def calibration(scores: Scores, about: About, *, matched: bool = True) -> Calibration:
    """The calibration that scores make.

    Args:
        scores: of one provider, on people who are known.
        about: what it says of itself.
        matched: strangers are pairs within one group alone, where groups are known: others differ
            in more than their faces, and flatter.

    Raises:
        InvalidRequest: the people are not known, or there is too little to say anything.
    """
    if scores.selected:
        raise InvalidRequest("labels of a journal are a selection, so no rate stands for all")
    matched = matched and bool(scores.group_names)
    own = within(scores) if matched else scores
    if not own.compared and not len(own.bona_fide):
        if scores.compared:
            raise InvalidRequest("no two strangers share a group; --unmatched counts the others")
        raise InvalidRequest("neither genuine and impostor pairs nor bona fide presentations")
    groups, left_out = _groups(own, about.not_below) if own.compared else ({}, ())
    made = Calibration(
        made=about.made,
        expires=about.expires,
        by=about.by,
        on=about.on,
        key=about.key,
        images=about.images,
        genuine=len(own.genuine),
        refused=own.failures.reasons,
        match=_matches(own, about.not_below) if own.compared else None,
        matched=matched,
        groups=groups,
        left_out=left_out,
        liveness=_living(own, about) if len(own.bona_fide) else None,
        llr=_ratios(own) if own.compared else None,
        source=about.source,
    )
    return made.model_copy(update={"digest": digest(made.model_dump(mode="json"))})


def within(scores: Scores) -> Scores:
    """Scores with those impostor pairs alone whose people share every group."""
    same = np.ones(len(scores.impostor), np.bool_)
    for probe, gallery in scores.impostor.groups.values():
        same &= (probe == gallery) & (probe >= 0)
    return replace(scores, impostor=scores.impostor.take(same))


def text_of(document: Calibration) -> str:
    """The text of a calibration's file: a line for each step, for those who compare two."""
    text = json.dumps(document.model_dump(mode="json"), indent=1)
    return re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda found: _on_a_line(found[1]), text) + "\n"


def _on_a_line(values: str) -> str:
    return f"[{', '.join(each.strip() for each in values.split(','))}]"


@dataclass(frozen=True, slots=True)
class Recheck:
    """A rate of a calibration, counted anew.

    Attributes:
        asked: the rate that the threshold was to keep.
        threshold: on the provider's scale.
        found: the rate of the new scores there.
    """

    asked: float
    threshold: float
    found: Rate

    @property
    def contradicted(self) -> bool:
        """Whether the new scores' rate is above the asked one with 95 % confidence."""
        return self.found.interval is not None and self.found.interval.low > self.asked

    @property
    def verdict(self) -> str:
        """``contradicted``, ``holds``, or ``cannot tell`` where there are too few errors."""
        if self.contradicted:
            return "contradicted"
        # No error among so many is an answer too, where one would have been expected.
        expected = self.asked * self.found.trials
        told = self.found.support is not Support.NOT_SUPPORTED or expected >= _EXPECTED
        return "holds" if told else "cannot tell"


def rechecks(
    thresholds: Mapping[float, float], scores: Scores, *, matched: bool = False
) -> list[Recheck]:
    """Rates of a calibration, counted anew.

    Args:
        thresholds: of the match score, by the rate that each was to keep.
        scores: new ones, of people who are known.
        matched: strangers are pairs within one group alone.

    Raises:
        InvalidRequest: there are no impostor pairs, or the people or their groups are not known.
    """
    if matched and not scores.group_names:
        raise InvalidRequest(
            "the calibration counts strangers of one group, and the new scores have no groups"
        )
    trials = (within(scores) if matched else scores).impostor
    if not len(trials) or not trials.named:
        raise InvalidRequest("a recheck takes impostor pairs of people who are known: name them")
    return [
        Recheck(asked, threshold, trials.rate(trials.reaching(scores.on_scale(threshold))))
        for asked, threshold in thresholds.items()
    ]


def _matches(scores: Scores, not_below: float) -> Sample:
    pairs = len(scores.impostor)
    steps = list(_steps(scores.impostor, scores, living=False))
    supported = [rate for rate in _supported(steps, pairs, _HIGHEST_FMR) if rate >= not_below]
    if not supported:
        raise InvalidRequest(
            f"the pairs of strangers, {pairs:,}, carry no rate up to {_HIGHEST_FMR:g}: take more"
            " people"
        )
    digits = (digit * 10.0**power for power in range(-1, -10, -1) for digit in range(9, 0, -1))
    asked = [round(rate, 12) for rate in digits if min(supported) <= rate <= max(supported)]
    return Sample(
        people=int(np.count_nonzero(scores.impostor.involved)),
        pairs=pairs,
        supported_from=min(supported),
        steps=tuple(steps),
        rates=tuple(_at(scores, rate, steps, min(supported)) for rate in asked),
    )


def _living(scores: Scores, about: About) -> Sample:
    """Living people by their liveness score: an error is one that is refused."""
    trials = scores.bona_fide.take(scores.bona_fide.captured)
    steps = list(_steps(trials, scores, living=True)) if len(trials) else []
    if about.strict:  # the last one that is refused may then lie on the threshold
        refused = trials.ascending
        steps = [
            step._replace(threshold=scores.on_liveness_scale(float(refused[step.errors - 1])))
            for step in steps
        ]
    supported = _supported(steps, len(trials), _HIGHEST_BPCER)
    if not supported:
        raise InvalidRequest(
            f"the presentations of living people, {len(trials):,}, carry no rate up to"
            f" {_HIGHEST_BPCER:g}: take more people"
        )
    return Sample(
        people=int(np.count_nonzero(trials.involved)),
        pairs=len(trials),
        supported_from=min(supported),
        steps=tuple(steps),
    )


def _supported(steps: Sequence[Step], trials: int, highest: float) -> list[float]:
    """The counted rates that have enough errors to be told; none where no bound is low enough."""
    told = [step for step in steps if step.errors >= SOME_ERRORS]
    if not any(step.bound <= highest for step in told):
        return []
    return [step.errors / trials for step in told]


def _steps(trials: Trials, scores: Scores, *, living: bool) -> Iterator[Step]:
    """Thresholds from that with the fewest errors on.

    The bound never falls, so that each holds for all that are stricter as well.

    Raises:
        InvalidRequest: it is not known who is in which trial.
    """
    if not trials.units or not trials.named:
        raise InvalidRequest("a calibration needs to know who is in each pair: name the people")
    wrongness = -trials.closeness if living else trials.closeness
    order = _first(wrongness, _HIGHEST_BPCER if living else _HIGHEST_FMR)
    # Without an error the bound is another one, which is not comparable.
    falling, bounds = wrongness[order], np.maximum.accumulate(upper_bounds(trials, order)[1:])
    for errors in _counts(falling):
        last, right = float(falling[errors - 1]), float(falling[errors])
        threshold = (
            scores.on_liveness_scale(roundest(-last, -right))
            if living
            else scores.on_scale(roundest(right, last))
        )
        yield Step(threshold, errors, float(f"{bounds[errors - 1]:.5e}"))


def _first(wrongness: Floats, share: float) -> Places:
    """Places of a share of the trials, those that go wrong first, in this order."""
    most = min(int(share * len(wrongness)) + 1, len(wrongness) - 1)
    least = np.partition(wrongness, len(wrongness) - 1 - most)[len(wrongness) - 1 - most]
    chosen = np.flatnonzero(wrongness >= least)
    return chosen[np.argsort(-wrongness[chosen], kind="stable")]


def _counts(falling: Floats) -> Iterator[int]:
    """Numbers of errors at which a threshold can lie: never between equal scores."""
    ends = np.flatnonzero((falling[:-1] != falling[1:]) & np.isfinite(falling[1:])) + 1
    last = 0.0
    for errors in ends.tolist():
        if errors <= _ONE_BY_ONE or errors >= last * _GROWTH:
            last = errors
            yield errors


def roundest(above: float, most: float) -> float:
    """The number with the fewest decimals that is above one and at most another."""
    for digits in range(_DIGITS):
        whole = math.floor(above * 10.0**digits)
        for number in (round((whole + more) / 10.0**digits, digits) for more in (1, 2)):
            if above < number <= most:
                return number
    return most


def _at(scores: Scores, rate: float, steps: Sequence[Step], lowest: float) -> AtRate:
    """The error rates at a round rate, for people who read them."""
    pairs = len(scores.impostor)
    told = [step for step in steps if step.errors / pairs >= lowest]
    point = [step for step in told if step.errors / pairs <= rate][-1]
    bounds = [step.threshold for step in told if step.bound <= rate]
    found = at_threshold(scores, scores.on_scale(point.threshold))
    fmr, fnmr = found.fmr.interval, found.fnmr.interval
    return AtRate(
        fmr=rate,
        threshold_point=point.threshold,
        threshold_bound=bounds[-1] if bounds else None,
        errors=point.errors,
        low=fmr.low if fmr else 0.0,
        high=fmr.high if fmr else 1.0,
        fnmr=found.fnmr.share,
        fnmr_low=fnmr.low if fnmr else None,
        fnmr_high=fnmr.high if fnmr else None,
        support=str(found.support),
    )


def _ratios(scores: Scores) -> dict[str, float] | None:
    """Slope and offset of log-likelihood ratios on the provider's scale, and what they cost."""
    fitted = likelihood(scores.genuine, scores.impostor)
    if fitted is None:
        return None
    sign = -1 if scores.lower_is_closer else 1
    found = (sign * fitted.slope, fitted.offset, fitted.cllr, fitted.min_cllr)
    return dict(zip(("slope", "offset", "cllr", "min_cllr"), found, strict=True))


def _groups(
    scores: Scores, not_below: float
) -> tuple[dict[str, dict[str, Sample]], tuple[str, ...]]:
    """Samples of the people of each group alone, and the groups that are too small for one."""
    found: dict[str, dict[str, Sample]] = {}
    left_out = []
    for column, names in scores.group_names.items():
        for code, name in enumerate(names):
            own = _of_group(scores, column, code)
            try:
                if not own.compared:
                    raise InvalidRequest("no pairs")
                found.setdefault(column, {})[name] = _matches(own, not_below)
            except InvalidRequest:
                left_out.append(f"{column} {name}")
    return found, tuple(left_out)


def _of_group(scores: Scores, column: str, code: int) -> Scores:
    kept = {}
    for kind in ("genuine", "impostor"):
        trials: Trials = getattr(scores, kind)
        probe, gallery = trials.groups[column]
        kept[kind] = trials.take((probe == code) & (gallery == code))
    return replace(scores, **kept)  # type: ignore[arg-type]
