"""The error rates of ``benchmarks/lfw.py``, against counting pair by pair."""

from itertools import combinations

import numpy as np
import pytest
from error_rates import Pairs, accuracy, codes, first_of_each


def faces(seed: int, people: int, most: int) -> tuple[list[str], np.ndarray]:
    """Unit vectors of made-up people, each with up to so many photos, all near the person's own."""
    draw = np.random.default_rng(seed)
    names = [f"p{person}" for person in range(people) for _ in range(draw.integers(1, most + 1))]
    own = draw.normal(size=(people, 8)) + 1.2
    vectors = np.array([own[int(name[1:])] + draw.normal(size=8) / 2 for name in names])
    return names, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cosine", [0.2, 0.7, 0.9])
def test_every_pair_is_counted_once(seed: int, cosine: float) -> None:
    names, vectors = faces(seed, 300, 4)
    pairs = Pairs.of(vectors, codes(names))
    counts = {True: [0, 0], False: [0, 0]}
    for one, other in combinations(range(len(names)), 2):
        count = counts[names[one] == names[other]]
        count[0] += bool(vectors[one] @ vectors[other] >= cosine)
        count[1] += 1
    (matched, genuine), (accepted, strangers) = counts[True], counts[False]
    fmr, fnmr = pairs.fmr(cosine), pairs.fnmr(cosine)
    assert (fmr.errors, fmr.pairs) == (accepted, strangers)
    assert (fnmr.errors, fnmr.pairs) == (genuine - matched, genuine)
    assert fmr.low <= fmr.rate <= fmr.high


def test_the_rate_at_the_cosine_for_a_rate_is_at_most_that() -> None:
    names, vectors = faces(5, 300, 4)
    pairs = Pairs.of(vectors, codes(names))
    for rate in (0.1, 0.01, 0.001):
        assert 0.9 * rate <= pairs.fmr(pairs.cosine_at(rate)).rate <= rate


def test_one_persons_pairs_tell_less_than_as_many_of_different_people() -> None:
    """Interval of a group in which all errors are one person's, and of one where they spread."""
    draw = np.random.default_rng(7)
    vectors = draw.normal(size=(400, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    spread = Pairs.of(vectors, np.arange(400)).fmr(0.25)
    wolf = vectors.copy()
    wolf[0] = vectors[1:120].sum(0)
    wolf[0] /= np.linalg.norm(wolf[0])
    lumped = Pairs.of(wolf, np.arange(400)).fmr(0.25)
    assert lumped.high / lumped.rate > spread.high / spread.rate
    assert lumped.low / lumped.rate < spread.low / spread.rate


def test_people_count_the_same_in_the_rate_by_person() -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 0, 1, 2]]
    pairs = Pairs.of(vectors, codes(["a", "a", "a", "b", "b"]))
    assert pairs.fnmr(0.5).rate == 1 / 4
    assert pairs.fnmr_by_person(0.5) == 1 / 2
    assert first_of_each(codes(["a", "a", "b", "a", "c"])).tolist() == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_a_fold_is_judged_by_what_is_best_elsewhere() -> None:
    cosines = np.array([0.1, 0.2, 0.8, 0.9] * 4, np.float32)
    genuine = np.array([False, False, True, True] * 4)
    folds = np.repeat(np.arange(4), 4)
    assert accuracy(cosines, genuine, folds) == (1.0, 0.0)
    genuine[:4] = [True, True, False, False]
    assert accuracy(cosines, genuine, folds)[0] == 0.75


def test_no_cosine_is_asked_for_where_pairs_were_not_kept() -> None:
    with pytest.raises(ValueError, match="not kept"):
        Pairs.of(np.eye(3, dtype=np.float32), np.arange(3)).fmr(0.1)
