"""The sentinel's detector, against its definition, the laws it rests on, and simulated noise."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from sentinel_runs import Situation, run
from sentinel_runs import evidence as log_evidence

from facegate.sentinel.detect import bet, evidence, oddities, p_value, spreads, surprises

Worth = Callable[[Sequence[Sequence[float]], Sequence[float]], float]

Round = list[float | None]

SCORES = st.integers(0, 2) | st.floats(0, 1)
"""Whole numbers among them, for ties."""


def rounds(count: int, canaries: int) -> st.SearchStrategy[list[Round]]:
    one = st.lists(st.none() | SCORES, min_size=canaries, max_size=canaries)
    return st.lists(one, min_size=count, max_size=count)


def test_the_evidence_is_the_sum_over_all_moments_when_a_change_may_have_begun() -> None:
    draw = random.Random(1)
    for _ in range(1000):
        bets = [bet(1 - draw.random()) for _ in range(draw.randrange(1, 60))]
        found = 0.0
        for worth in bets:
            found = evidence(found, worth)
        by_definition = math.fsum(math.prod(bets[start:]) for start in range(len(bets)))
        assert found == pytest.approx(by_definition, rel=1e-12, abs=0)


def test_a_bet_is_worth_one_on_average() -> None:
    """Over all p-values; p = exp(-x), since most of it lies where p is tiny."""
    near, _ = quad(lambda x: bet(math.exp(-x)) * math.exp(-x), 0, 1, epsabs=1e-13)
    far, _ = quad(lambda x: bet(math.exp(-x)) * math.exp(-x), 1, 600, epsabs=1e-13, limit=200)
    beyond = 1 / 600  # the bet is worth 1 / (p ln² p) there, but for a share of 1e-258
    assert near + far + beyond == pytest.approx(1, abs=1e-9)


P_VALUES = st.floats(1e-300, 1, exclude_max=True)


@given(P_VALUES, P_VALUES)
def test_the_rarer_the_more_a_bet_is_worth(one: float, other: float) -> None:
    rarer, commoner = sorted((one, other))
    if rarer < 0.99 * commoner:
        assert bet(rarer) > bet(commoner) >= bet(1) == 0.5


@given(P_VALUES | st.floats(0.3, 1, exclude_max=True))
def test_a_bet_has_all_its_digits_on_both_sides_of_where_its_two_ways_meet(p: float) -> None:
    with localcontext(prec=80):
        exact = Decimal(p)
        log = exact.ln()
        formula = (1 - exact + exact * log) / (exact * log**2)
    assert bet(p) == pytest.approx(float(formula), rel=1e-12)


@given(st.lists(SCORES, min_size=1, max_size=6))
def test_p_values_of_any_order_are_spread_evenly(values: list[float]) -> None:
    """Exactly: a span between no luck and all of it is as wide as it is frequent, without gaps."""
    orders = list(permutations(values))
    spans = [(p_value(order, 0), p_value(order, 1)) for order in orders]
    for low, high in set(spans):
        share = Fraction(spans.count((low, high)), len(orders))
        assert high - low == pytest.approx(float(share), abs=1e-15)
    ends = sorted(set(spans))
    assert (ends[0][0], ends[-1][1]) == (0, 1)
    assert all(before[1] == after[0] for before, after in pairwise(ends))


@given(rounds(4, 2))
def test_p_values_of_rounds_are_even_and_know_nothing_of_one_another(found: list[Round]) -> None:
    """Exactly: over all orders, every combination of second, third and fourth is as likely.

    With the medians anew after each round. A p-value of ``n`` rounds is in one of ``n`` equal parts
    of 0 to 1, and where rounds tie, in each of some with the same chance.
    """
    chances: dict[tuple[int, ...], Fraction] = {}
    for order in permutations(found):
        parts = [parts_of_p_value(surprises_of(order[:count])) for count in (2, 3, 4)]
        for combination in product(*parts):
            chance = Fraction(1, math.prod(map(len, parts)))
            chances[combination] = chances.get(combination, Fraction()) + chance
    assert set(chances.values()) == {Fraction(math.factorial(4), 2 * 3 * 4)}
    assert len(chances) == 2 * 3 * 4


def surprises_of(found: Sequence[Round]) -> list[int]:
    """What rounds are ranked by: their scores, and what is said instead of one."""
    return surprises(spreads(found), oddities(words_of(found)))


def words_of(found: Sequence[Round]) -> list[list[str]]:
    return [["no face" if score is None else "" for score in each] for each in found]


def parts_of_p_value(values: Sequence[float]) -> range:
    low, high = (round(p_value(values, chance) * len(values)) for chance in (0, 1))
    return range(low, high)


@given(rounds(6, 3), st.permutations(range(6)))
def test_figures_treat_all_rounds_alike(found: list[Round], order: list[int]) -> None:
    shuffled = [found[place] for place in order]
    assert spreads(shuffled) == [spreads(found)[place] for place in order]
    odd = oddities(words_of(found))
    assert oddities(words_of(shuffled)) == [odd[place] for place in order]


@given(rounds(6, 3))
def test_where_nothing_is_odd_rounds_rank_by_their_scores(found: list[Round]) -> None:
    moved = spreads(found)
    surprising = surprises(moved, [0] * len(moved))
    assert p_value(surprising, 0) == p_value(moved, 0)
    assert p_value(surprising, 1) == p_value(moved, 1)


def test_an_oddity_is_another_word_than_the_most_frequent() -> None:
    assert oddities([["", "no face"], ["", "no face"], ["blurred", ""]]) == [0, 0, 2]
    assert oddities([["", "no face"], ["blurred", "no face"]]) == [0, 1]


def test_a_round_surprises_by_the_figure_that_sets_it_apart_the_most() -> None:
    assert surprises([0.1, 0.2, 0.3, 0.2], [9, 0, 0, 0]) == [3, 1, 3, 1]


def test_a_spread_is_the_mean_distance_from_what_is_usual() -> None:
    usual = [[0.5, 0.75], [0.5, 0.75], [0.75, 0.75]]
    assert spreads([*usual, [0.5, 1.75]]) == [0, 0, 0.125, 0.5]
    with pytest.raises(ValueError, match="shorter"):
        spreads([[0.5, 0.75], [0.5]])


def test_a_refused_picture_leaves_the_others_of_its_round_to_be_held_against_it() -> None:
    found: list[Round] = [[0.5, None], [0.5, 0.75], [None, None], [1.5, None], [None, 0.25]]
    assert spreads(found) == [0, 0.125, 0, 1, 0.25]


def worth_of_round(scores: Sequence[Sequence[float]], chances: Sequence[float]) -> float:
    """What a sentinel bets on the last of some rounds."""
    return bet(p_value(spreads(scores), chances[0]))


def worth_of_calls(scores: Sequence[Sequence[float]], chances: Sequence[float]) -> float:
    """What a sentinel must not do: the bets of all calls of a round, multiplied."""
    each = [spreads([[score] for score in canary]) for canary in zip(*scores, strict=True)]
    calls = zip(each, chances[1:], strict=True)
    return math.prod(bet(p_value(values, chance)) for values, chance in calls)


@pytest.mark.parametrize(("place", "worth_of"), [(0, worth_of_round), (1, worth_of_calls)])
def test_the_simulations_arithmetic_is_the_detectors(place: int, worth_of: Worth) -> None:
    draw = np.random.default_rng(4)
    scores = (8 * draw.normal(size=(3, 5, 60))).round() / 8  # with ties, and exact sums
    scores[2, :, 40:] += 3
    chances = draw.random((3, 6, 60))
    fast = np.exp(log_evidence(scores, chances, baseline=1)[place])
    for number in range(3):
        found, seen = 0.0, scores[number].T.tolist()
        for count in range(2, 61):
            worth = worth_of(seen[:count], chances[number, :, count - 1].tolist())
            found = evidence(found, worth)
            assert fast[number, count - 2] == pytest.approx(found, rel=1e-9)


RUNS = 200
"""The whole simulation is ``benchmarks/sentinel.py``."""


@pytest.mark.slow
@pytest.mark.parametrize("common", [0.0, 0.5])
def test_few_false_alarms_in_a_year_however_much_of_the_noise_a_round_shares(
    common: float,
) -> None:
    """At most 36 of 100 runs are guaranteed; some 5 are usual."""
    a_year = Situation("nothing changes", rounds=1 + 365, common=common)
    by_rounds, by_calls = run(a_year, RUNS, seed=1)
    assert by_rounds.false <= 0.12
    if common:  # as of a busy vendor: why bets are never multiplied over the calls of a round
        assert by_calls.false > 0.9


@pytest.mark.slow
def test_a_shift_of_one_deviation_is_found_within_days() -> None:
    shifted = Situation("shift", rounds=160, after=100, shift=1.0)
    by_rounds, _ = run(shifted, RUNS, seed=1)
    assert by_rounds.found >= 0.95
    assert by_rounds.delay is not None
    assert by_rounds.delay <= 6
