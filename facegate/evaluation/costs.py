"""What decisions cost, and the thresholds that are cheapest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facegate.evaluation.analyses import CostAt, Costs, Prices
from facegate.evaluation.arrays import Floats
from facegate.evaluation.scores import Scores


def costs(scores: Scores, prices: Prices, closeness: float | None) -> Costs:
    """The cost of decisions at the threshold in use, and at the cheapest.

    A single threshold is cheapest at a genuine score, or above all scores: lifting it up to the
    next genuine score loses nobody. The same holds of both thresholds around a review.

    Args:
        scores: with genuine and with impostor pairs.
        prices: of mistakes.
        closeness: the threshold in use, as closeness; None where it is not known.
    """
    genuine, impostor = scores.genuine, scores.impostor
    nobody = np.nextafter(max(genuine.ascending[-1], impostor.ascending[-1]), np.inf)
    candidates = np.append(np.unique(genuine.ascending[genuine.ascending > -np.inf]), nobody)
    rates = _Rates.at(scores, candidates)
    actual = None if closeness is None else _Rates.at(scores, np.array([closeness]))
    least = int(np.argmin(rates.cost(prices)))
    return Costs(
        prices=prices,
        actual=None if actual is None else actual.at_one(scores, prices, 0),
        least=rates.at_one(scores, prices, least),
        with_review=_with_review(scores, prices, rates),
        blind=min(prices.prior * prices.false_match, (1 - prices.prior) * prices.false_non_match),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Rates:
    """Error rates at several thresholds, which are given as closeness."""

    thresholds: Floats
    fmr: Floats
    fnmr: Floats

    @classmethod
    def at(cls, scores: Scores, thresholds: Floats) -> _Rates:
        below = [
            np.searchsorted(trials.ascending, thresholds) / len(trials)
            for trials in (scores.impostor, scores.genuine)
        ]
        return cls(thresholds, 1 - below[0], below[1])

    def cost(self, prices: Prices) -> Floats:
        """The cost of a decision at each threshold, without a review."""
        let_in = prices.prior * prices.false_match * self.fmr
        return let_in + (1 - prices.prior) * prices.false_non_match * self.fnmr

    def reached(self, prices: Prices) -> Floats:
        """The share of all who ask that reach each threshold."""
        return prices.prior * self.fmr + (1 - prices.prior) * (1 - self.fnmr)

    def at_one(self, scores: Scores, prices: Prices, index: int) -> CostAt:
        return CostAt(
            threshold=scores.on_scale(float(self.thresholds[index])),
            review_from=None,
            cost=float(self.cost(prices)[index]),
            fmr=float(self.fmr[index]),
            fnmr=float(self.fnmr[index]),
            reviewed=0.0,
        )


def _with_review(scores: Scores, prices: Prices, rates: _Rates) -> CostAt | None:
    """The cheapest two thresholds, between which a person looks who is right.

    The cost is a sum of what the upper one costs and what the lower one does.
    """
    if prices.review is None:
        return None
    reached = rates.reached(prices)
    let_in = prices.prior * prices.false_match * rates.fmr
    turned_away = (1 - prices.prior) * prices.false_non_match * rates.fnmr
    upper, lower = let_in - prices.review * reached, turned_away + prices.review * reached
    cheapest_below = np.minimum.accumulate(lower)
    top = int(np.argmin(upper + cheapest_below))
    bottom = int(np.argmin(lower[: top + 1]))
    return CostAt(
        threshold=scores.on_scale(float(rates.thresholds[top])),
        review_from=scores.on_scale(float(rates.thresholds[bottom])),
        cost=float(upper[top] + lower[bottom]),
        fmr=float(rates.fmr[top]),
        fnmr=float(rates.fnmr[bottom]),
        reviewed=float(reached[bottom] - reached[top]),
    )
