"""False match and false non-match rates over all pairs of people's photos.

Terms as in ISO/IEC 19795-1. Intervals are those of ``facegate evaluate``, which heed that each
person is in thousands of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from facegate.evaluation.intervals import Counted

TAIL: Final = 0.2
"""Cosine from which pairs of strangers are kept one by one; of those below it, only how many."""
_ROWS: Final = 512

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of pairs, 0 to 1, with the bounds of its 95 % interval."""

    errors: int
    pairs: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        return self.errors / self.pairs


@dataclass(frozen=True, slots=True)
class Pairs:
    """All pairs of some photos, by how alike they are.

    Attributes:
        people: code of each photo's person, 0..n-1.
        genuine: cosine of each pair of one person.
        genuine_people: that person's code.
        impostor: cosines of the pairs of strangers that reach ``TAIL``, falling.
        impostor_people: the two people's codes, a row each.
        impostors: number of all pairs of strangers.
    """

    people: Codes
    genuine: Floats
    genuine_people: Codes
    impostor: Floats
    impostor_people: Codes
    impostors: int

    @classmethod
    def of(cls, embeddings: Floats, people: Codes) -> Pairs:
        """Compare every photo with every other.

        Args:
            embeddings: unit vectors, a row each.
            people: code of each row's person.
        """
        genuine, whose, tail, who = [], [], [], []
        total = 0
        for start in range(0, len(people), _ROWS):
            rows = slice(start, start + _ROWS)
            cosines = embeddings[rows] @ embeddings[start:].T
            mine, others = people[rows], people[start:]
            later = np.triu(np.ones(cosines.shape, bool), 1)
            same = mine[:, None] == others[None, :]
            kin = later & same
            genuine.append(cosines[kin])
            whose.append(mine[np.nonzero(kin)[0]])
            strangers = later & ~same
            total += int(strangers.sum())
            left, right = np.nonzero(strangers & (cosines >= TAIL))
            tail.append(cosines[left, right])
            who.append(np.stack([mine[left], others[right]], 1))
        impostor = np.concatenate(tail)
        falling = np.argsort(-impostor)
        return cls(
            people,
            np.concatenate(genuine),
            np.concatenate(whose),
            impostor[falling],
            np.concatenate(who)[falling],
            total,
        )

    def fmr(self, cosine: float) -> Rate:
        """The share of pairs of strangers that reach a cosine of at least ``TAIL``."""
        if cosine < TAIL:
            raise ValueError(f"pairs below a cosine of {TAIL} were not kept")
        errors = int(np.searchsorted(-self.impostor, -cosine, side="right"))
        wrong = np.bincount(self.impostor_people[:errors].ravel(), minlength=self._most)
        photos = np.bincount(self.people, minlength=self._most)
        involved = photos * (len(self.people) - photos)
        return _bounded(errors, self.impostors, wrong, involved)

    def fnmr(self, cosine: float) -> Rate:
        """The share of pairs of one person that do not reach a cosine."""
        refused = self.genuine < cosine
        wrong = np.bincount(self.genuine_people[refused], minlength=self._most)
        involved = np.bincount(self.genuine_people, minlength=self._most)
        return _bounded(int(refused.sum()), len(self.genuine), wrong, involved)

    def fnmr_by_person(self, cosine: float) -> float:
        """The same, averaged over the people, so that the much-photographed count no more."""
        pairs = np.bincount(self.genuine_people, minlength=self._most)
        refused = np.bincount(self.genuine_people[self.genuine < cosine], minlength=self._most)
        return float(np.mean(refused[pairs > 0] / pairs[pairs > 0]))

    def cosine_at(self, fmr: float) -> float:
        """The lowest cosine of a stranger's at which the rate is at most the one asked for."""
        return float(self.impostor[int(fmr * self.impostors)]) + 1e-6

    @property
    def _most(self) -> int:
        return int(self.people.max()) + 1


def accuracy(cosines: Floats, genuine: NDArray[np.bool_], folds: Codes) -> tuple[float, float]:
    """Mean and standard error over folds, each judged at the cosine best for all others."""
    shares = []
    for fold in np.unique(folds):
        judged = folds == fold
        known, truth = cosines[~judged], genuine[~judged]
        order = np.argsort(known)
        # Right answers if the threshold lies just above each pair, from the least alike on.
        right = truth.sum() + np.cumsum(np.where(truth[order], -1, 1))
        threshold = known[order][int(right.argmax())]
        shares.append(np.mean((cosines[judged] > threshold) == genuine[judged]))
    return float(np.mean(shares)), float(np.std(shares) / np.sqrt(len(shares) - 1))


def _bounded(errors: int, pairs: int, wrong: Codes, involved: Codes) -> Rate:
    """A rate with the interval that holds where one person is in many pairs.

    Args:
        errors: pairs decided wrongly.
        pairs: all pairs.
        wrong: of the errors, how many each person is in.
        involved: of the pairs, how many each person is in.
    """
    low, high = Counted(errors, pairs, wrong, involved).rate.interval or (0.0, 1.0)
    return Rate(errors, pairs, low, high)


def first_of_each(people: Codes) -> NDArray[np.bool_]:
    """Which photos are the first of their person."""
    first = np.zeros(len(people), bool)
    first[np.unique(people, return_index=True)[1]] = True
    return first


def codes(names: Sequence[str]) -> Codes:
    """Numbers for names, the same for the same name."""
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
