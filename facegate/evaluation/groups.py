"""Error rates by group, at one threshold for all."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Final

import numpy as np

from facegate.evaluation.arrays import Flags
from facegate.evaluation.intervals import Counted, ratio
from facegate.evaluation.results import CrossRate, Group, Groups, Rate, Ratio, Spread, Support
from facegate.evaluation.scores import Scores, Trials

_FEWEST: Final = 10
"""Errors without which a group is never named the best."""
_ALPHA: Final = 0.5
"""Weight of the FMR in the fairness discrepancy rate."""


def by_group(scores: Scores, column: str, closeness: float, asked: float | None) -> Groups:
    """The error rates of each group in a column.

    Args:
        scores: with genuine and with impostor pairs.
        column: what the groups are by.
        closeness: the threshold, as closeness.
        asked: the false match rate that the threshold was chosen for.
    """
    names = scores.group_names[column]
    genuine, impostor = scores.genuine, scores.impostor
    matched, missed = impostor.reaching(closeness), ~genuine.reaching(closeness)
    own = {code: _members(genuine, column, code, code) for code in range(len(names))}
    strangers = {
        (one, two): chosen
        for one, two in product(range(len(names)), repeat=2)
        if (chosen := _members(impostor, column, one, two)).any()
    }
    everybody = impostor.counted(matched), genuine.counted(missed)
    fmr = {pair: impostor.counted(matched, chosen) for pair, chosen in strangers.items()}
    fnmr = {code: genuine.counted(missed, chosen) for code, chosen in own.items() if chosen.any()}
    within = {names[code]: fmr[code, code] for code in own if (code, code) in fmr}
    missing = {names[code]: counted for code, counted in fnmr.items()}
    people = {code: _people(scores, column, code) for code in own}
    probe, gallery = impostor.groups[column]
    same = (probe == gallery) & (probe >= 0)
    alike = impostor.counted(matched, same) if same.any() else None
    spreads = _spread(within), _spread(missing)
    return Groups(
        column=column,
        threshold=scores.on_scale(closeness),
        fmr_asked=asked,
        groups=[
            Group(
                name=name,
                people=people[code],
                fmr=_rate(within.get(name)),
                fnmr=_rate(missing.get(name)),
                fta=_fta(scores, column, code),
                fmr_ratio=_ratio(within.get(name), alike),
                fnmr_ratio=_ratio(missing.get(name), everybody[1]),
            )
            for code, name in enumerate(names)
        ],
        alone=[names[code] for code, count in people.items() if count == 1],
        cross=[
            CrossRate(names[one], names[two], counted.rate) for (one, two), counted in fmr.items()
        ],
        fmr=spreads[0],
        fnmr=spreads[1],
        fdr=_fdr(within, missing) if all(spreads) else None,
        matched=_rate(alike),
        random=everybody[0].rate,
        matched_ratio=_ratio(alike, everybody[0]),
    )


def _members(trials: Trials, column: str, one: int, two: int) -> Flags:
    probe, gallery = trials.groups[column]
    members: Flags = (probe == one) & (gallery == two)
    return members


def _people(scores: Scores, column: str, code: int) -> int | None:
    """How many people are in a group; None where people are not known."""
    members: set[int] = set()
    for trials in (scores.genuine, scores.impostor):
        if not trials.units:
            return None
        for unit, groups in zip(trials.units, trials.groups[column], strict=False):
            members.update(np.unique(unit[groups == code]).tolist())
    return len(members)


def _fta(scores: Scores, column: str, code: int) -> Rate | None:
    """Share of the comparisons of a group's probes that were refused for the probe."""
    counts = []
    for trials in (scores.genuine, scores.impostor):
        refused = trials.refused_probe
        if refused is None:
            refused = np.zeros(len(trials), np.bool_)
        counts.append(trials.counted(refused, trials.groups[column][0] == code))
    both = counts[0] + counts[1]
    return both.rate if both.trials else None


def _rate(counted: Counted | None) -> Rate | None:
    return None if counted is None else counted.rate


def _ratio(counted: Counted | None, of: Counted | None) -> Ratio | None:
    return None if counted is None or of is None else ratio(counted, of)


def _spread(groups: Mapping[str, Counted]) -> Spread | None:
    """How far a rate differs between groups; None of fewer than two."""
    if len(groups) < 2:
        return None
    rates = {name: counted.rate for name, counted in groups.items()}
    shares = {name: rate.share or rate.bound_if_independent for name, rate in rates.items()}
    worst = max(rates, key=lambda name: rates[name].share)
    known = [name for name, rate in rates.items() if rate.errors >= _FEWEST and name != worst]
    best = min(known, key=lambda name: rates[name].share, default=None)
    values = np.array(list(shares.values()))
    apart = np.abs(values[:, None] - values[None, :]).sum()
    return Spread(
        worst=worst,
        best=best,
        max_geomean=float(shares[worst] / np.exp(np.log(values).mean())),
        max_min=float(shares[worst] / values.min()),
        gini=float(
            apart / (2 * len(values) ** 2 * values.mean()) * len(values) / (len(values) - 1)
        ),
        worst_ratio=None if best is None else ratio(groups[worst], groups[best]),
        bounded=[name for name, rate in rates.items() if not rate.errors],
        support=max((rate.support for rate in rates.values()), key=list(Support).index),
    )


def _fdr(fmr: Mapping[str, Counted], fnmr: Mapping[str, Counted]) -> float:
    """Fairness discrepancy rate (de Freitas Pereira and Marcel 2021)."""
    apart = [
        max(each.share for each in groups.values()) - min(each.share for each in groups.values())
        for groups in (fmr, fnmr)
    ]
    return 1 - _ALPHA * apart[0] - (1 - _ALPHA) * apart[1]
