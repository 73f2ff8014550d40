"""What decisions cost, and the thresholds that are cheapest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facegate.evaluation.analyses import CostAt, Costs, Prices
from facegate.evaluation.arrays import Floats
from facegate.evaluation.scores import Scores


def costs(
    scores: Scores, prices: Prices, closeness: float | None, chosen_on: Scores | None = None
) -> Costs:
    """The cost of decisions at the threshold in use, and at the cheapest.

    A single threshold is cheapest at a genuine score, or above all scores: lifting it up to the
    next genuine score loses nobody. The same holds of both thresholds around a review.

    Args:
        scores: with genuine and with impostor pairs.
        prices: of mistakes.
        closeness: the threshold in use, as closeness; None where it is not known.
        chosen_on: scores of other people, on which the cheapest thresholds are chosen; these if
            absent.
    """
    rates = _Rates.at(chosen_on or scores, _candidates(chosen_on or scores))
    cheapest = float(rates.thresholds[int(np.argmin(rates.cost(prices)))])
    review = None if prices.review is None else _around_review(rates, prices, prices.review)
    return Costs(
        prices=prices,
        actual=None if closeness is None else _at(scores, prices, closeness),
        least=_at(scores, prices, cheapest),
        with_review=None if review is None else _at(scores, prices, *review),
        blind=min(prices.prior * prices.false_match, (1 - prices.prior) * prices.false_non_match),
    )


def _candidates(scores: Scores) -> Floats:
    genuine, impostor = scores.genuine.ascending, scores.impostor.ascending
    nobody = np.nextafter(max(genuine[-1], impostor[-1]), np.inf)
    return np.append(np.unique(genuine[genuine > -np.inf]), nobody)


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
        return self.let_in(prices) + self.turned_away(prices)

    def let_in(self, prices: Prices) -> Floats:
        """The cost of impostors who match, for a decision at each threshold."""
        return prices.prior * prices.false_match * self.fmr

    def turned_away(self, prices: Prices) -> Floats:
        """The cost of genuine people who do not, likewise."""
        return (1 - prices.prior) * prices.false_non_match * self.fnmr

    def reached(self, prices: Prices) -> Floats:
        """The share of all who ask that reach each threshold."""
        return prices.prior * self.fmr + (1 - prices.prior) * (1 - self.fnmr)


def _around_review(rates: _Rates, prices: Prices, review: float) -> tuple[float, float]:
    """The cheapest two thresholds, between which a person looks who is right: the upper one first.

    The cost is a sum of what the upper one costs and what the lower one does.
    """
    upper = rates.let_in(prices) - review * rates.reached(prices)
    lower = rates.turned_away(prices) + review * rates.reached(prices)
    top = int(np.argmin(upper + np.minimum.accumulate(lower)))
    bottom = int(np.argmin(lower[: top + 1]))
    return float(rates.thresholds[top]), float(rates.thresholds[bottom])


def _at(scores: Scores, prices: Prices, upper: float, lower: float | None = None) -> CostAt:
    """The cost at a threshold, or at two with a review between them; both as closeness."""
    rates = _Rates.at(scores, np.array([upper, upper if lower is None else lower]))
    reviewed = float(np.diff(rates.reached(prices))[0])
    cost = rates.let_in(prices)[0] + rates.turned_away(prices)[1]
    return CostAt(
        threshold=scores.on_scale(upper),
        review_from=None if lower is None else scores.on_scale(lower),
        cost=float(cost + reviewed * (prices.review or 0.0)),
        fmr=float(rates.fmr[0]),
        fnmr=float(rates.fnmr[1]),
        reviewed=reviewed,
    )
