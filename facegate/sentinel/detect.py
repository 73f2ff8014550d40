"""Detection of a change where a provider's scores are noisy: by rounds, never by single calls.

While nothing changes, rounds are exchangeable: any order of them is as likely as the one that was
seen. So the rank of the latest among all is a p-value, whatever the noise is like, and however much
of it the calls of one round share. A bet against that p-value is worth 1 on average, and sums of
products of such bets over all moments when a change may have begun (Shiryaev-Roberts) pass ``n``
no sooner than after ``n`` rounds on average. Multiplied over the calls of a round, the same bets
would alarm on every busy day of a vendor, whose calls then err together.

Sources: Vovk et al., "Retrain or not retrain: conformal test martingales for change-point
detection", 2021; Shin, Ramdas and Rinaldo, "E-detectors", NEJSDS 2024, arXiv 2203.03532.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from statistics import fmean, median


def spreads(rounds: Sequence[Sequence[float | None]]) -> list[float]:
    """The spread of each round: the mean distance of its scores from their canaries' medians.

    Args:
        rounds: the scores of each round, of the same canaries in the same order; None where there
            is none, as of a picture that was refused. A median is over all rounds, so that none of
            them is told apart from the others.
    """
    middles = [median(_known(scores) or [0.0]) for scores in zip(*rounds, strict=True)]
    return [fmean(_distances(scores, middles) or [0.0]) for scores in rounds]


def oddities(rounds: Sequence[Sequence[str]]) -> list[int]:
    """The number of canaries in each round of which another word is said than usual.

    Args:
        rounds: a word for each canary, the same canaries in the same order. The usual word is the
            most frequent over all rounds, so that none of them is told apart from the others.
    """
    usual = [max(sorted(set(words)), key=words.count) for words in zip(*rounds, strict=True)]
    return [sum(word != most for word, most in zip(words, usual, strict=True)) for words in rounds]


def surprises(*figures: Sequence[float]) -> list[int]:
    """The surprise of each round: how many are smaller, by the figure by which that is most.

    Of several figures one has to be made before rounds are ranked. A p-value of each would know of
    the others, and bets on them no longer add up to what they are worth one by one.

    Args:
        figures: figures of each round, such as its spread and its oddities.
    """
    ordered = [sorted(values) for values in figures]
    return [max(map(bisect_left, ordered, values)) for values in zip(*figures, strict=True)]


def p_value(values: Sequence[float], chance: float) -> float:
    """The p-value of the last of some values: how rarely one is as large by chance.

    Args:
        values: one value or more.
        chance: a number drawn between 0 and 1, which decides ties, so that the p-value of
            exchangeable values is spread evenly. At 0, the p-value may be 0.
    """
    last = values[-1]
    larger = sum(value > last for value in values)
    return (larger + chance * sum(value == last for value in values)) / len(values)


def bet(p: float) -> float:
    """The worth of a bet against a p-value: (1 - p + p ln p) / (p ln² p), which is 1 on average.

    It is the mean of the bets e p^(e-1) over all e from 0 to 1.

    Args:
        p: above 0, at most 1.
    """
    x = -math.log(p)
    if x < 1:  # the same as a series; the quotient would lose its digits here
        return sum(x**k / math.factorial(k + 2) for k in range(18))
    return (math.exp(x) - 1 - x) / x**2


def evidence(before: float, worth: float) -> float:
    """The evidence of a change after one more bet: M = e (1 + M), by Shiryaev and Roberts.

    It is the sum, over each round in which a change may have begun, of the product of the bets
    since. Where nothing changes, it reaches ``n`` after ``n`` rounds on average, or later.

    Args:
        before: the evidence before; 0 at first.
        worth: the worth of this round's bet.
    """
    return worth * (1 + before)


def _known(scores: Sequence[float | None]) -> list[float]:
    return [score for score in scores if score is not None]


def _distances(scores: Sequence[float | None], middles: Sequence[float]) -> list[float]:
    both = zip(scores, middles, strict=True)
    return [abs(score - middle) for score, middle in both if score is not None]
