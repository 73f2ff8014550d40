"""Two providers on the same pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from facegate.errors import InvalidRequest
from facegate.evaluation.analyses import Paired, PairedAt
from facegate.evaluation.arrays import Places
from facegate.evaluation.claims import paired_statements
from facegate.evaluation.curves import fnmr_draws
from facegate.evaluation.intervals import difference
from facegate.evaluation.rates import RATES, threshold_for
from facegate.evaluation.results import Support
from facegate.evaluation.scores import Scores, Trials
from facegate.figures.intervals import Interval, mcnemar

_RANKED: Final = 1 << 20
"""Most impostor pairs whose scores are ranked; of more, a sample is."""

_Both = tuple[Trials, Trials]


def paired(first: Scores, second: Scores, *, rates: Sequence[float] = RATES) -> Paired:
    """What two providers say of the pairs that both answered.

    Pairs are the same that have the same ``id``, else the same pictures, else the same place in
    their lists; in matrices those of the same people.

    Args:
        first: the one provider's.
        second: the other's.
        rates: false match rates, between 0 and 1, that thresholds are chosen for.

    Raises:
        InvalidRequest: they have no genuine or no impostor pairs in common, or contradict each
            other about one.
    """
    for one, two in ((first.genuine, second.impostor), (first.impostor, second.genuine)):
        if len(_common(one, two)[0]):
            raise InvalidRequest(
                f"{first.name} and {second.name} do not agree on which pairs are genuine"
            )
    genuine = _same(first.genuine, second.genuine)
    impostor = _same(first.impostor, second.impostor)
    if not len(genuine[0]) or not len(impostor[0]):
        raise InvalidRequest(
            f"{first.name} and {second.name} have no genuine or no impostor pairs in common"
        )
    given = sum(len(each.genuine) + len(each.impostor) for each in (first, second))
    chosen = [[threshold_for(side, rate) for side in impostor] for rate in rates]
    points = []
    spans = _at_rates(genuine, impostor, rates)
    for rate, closeness, span in zip(rates, chosen, spans, strict=True):
        at = _at(first, second, genuine, impostor, rate, *closeness)
        told = all(each.support is not Support.NOT_SUPPORTED for each in at.fmr)
        points.append(replace(at, fnmr_interval_at_fmr=span if told else None))
    if first.threshold is not None and second.threshold is not None:
        used = first.on_scale(first.threshold), second.on_scale(second.threshold)
        points.insert(0, _at(first, second, genuine, impostor, None, *used))
    found = Paired(
        names=(first.name, second.name),
        genuine=len(genuine[0]),
        impostor=len(impostor[0]),
        left_out=given - 2 * (len(genuine[0]) + len(impostor[0])),
        points=points,
        rank_correlation=_rank_correlation(*impostor),
        statements=[],
    )
    return replace(found, statements=list(paired_statements(found)))


def _common(one: Trials, two: Trials) -> tuple[Places, Places]:
    """Places of the same trials in both.

    Raises:
        InvalidRequest: one id is there twice.
    """
    keys = [each.rows if each.keys is None else each.keys for each in (one, two)]
    mine, other = (each.astype(np.uint64) for each in keys)
    if np.array_equal(mine, other):
        return np.arange(len(one)), np.arange(len(two))
    for each in (mine, other):
        ordered = np.sort(each)
        if (ordered[1:] == ordered[:-1]).any():
            raise InvalidRequest("one id, or one pair of pictures, is in a list twice")
    _, first, second = np.intersect1d(mine, other, assume_unique=True, return_indices=True)
    return first, second


def _same(one: Trials, two: Trials) -> _Both:
    """The trials that are in both, in one order, with the people's codes of the first."""
    left, right = _common(one, two)
    first, second = one.take(left), two.take(right)
    return first, replace(second, units=first.units)


def _at(
    first: Scores,
    second: Scores,
    genuine: _Both,
    impostor: _Both,
    asked: float | None,
    *closeness: float,
) -> PairedAt:
    matched = [side.reaching(at) for side, at in zip(impostor, closeness, strict=True)]
    missed = [~side.reaching(at) for side, at in zip(genuine, closeness, strict=True)]
    false = [side.counted(wrong) for side, wrong in zip(impostor, matched, strict=True)]
    lost = [side.counted(wrong) for side, wrong in zip(genuine, missed, strict=True)]
    alone = [int(np.count_nonzero(mine & ~other)) for mine, other in (missed, missed[::-1])]
    return PairedAt(
        fmr_asked=asked,
        thresholds=(first.on_scale(closeness[0]), second.on_scale(closeness[1])),
        fmr=(false[0].rate, false[1].rate),
        fnmr=(lost[0].rate, lost[1].rate),
        fmr_difference=false[1].share - false[0].share,
        fmr_interval=difference(*false),
        fnmr_difference=lost[1].share - lost[0].share,
        fnmr_interval=difference(*lost),
        fnmr_interval_at_fmr=None,
        first_alone=alone[0],
        second_alone=alone[1],
        mcnemar_p=mcnemar(alone[1], alone[0]),
        common=int(np.count_nonzero(matched[0] & matched[1])),
        by_chance=false[0].errors * false[1].errors / false[0].trials,
    )


def _at_rates(genuine: _Both, impostor: _Both, rates: Sequence[float]) -> list[Interval | None]:
    """95 % of the second FNMR less the first where both FMRs are the same."""
    draws = [fnmr_draws(*each, np.array(rates)) for each in zip(genuine, impostor, strict=True)]
    if draws[0] is None or draws[1] is None:
        return [None] * len(rates)
    ends = np.quantile(draws[1] - draws[0], (0.025, 0.975), axis=0)
    return [Interval(float(low), float(high)) for low, high in ends.T]


def _rank_correlation(one: Trials, two: Trials) -> float | None:
    """Spearman's, of pairs that neither refused; None where all scores of one are the same."""
    from scipy.stats import spearmanr

    both = np.flatnonzero(one.captured & two.captured)
    both = both[:: len(both) // _RANKED + 1]
    scores = one.closeness[both], two.closeness[both]
    if len(both) < 3 or any(each.min() == each.max() for each in scores):
        return None
    return float(spearmanr(*scores).statistic)
