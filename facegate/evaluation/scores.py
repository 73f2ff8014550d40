"""Scores with what is true of them, in columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.errors import InvalidRequest
from facegate.evaluation.arrays import Codes, Counts, Flags, Floats, Keys
from facegate.evaluation.intervals import Counted
from facegate.evaluation.results import Dropped, Failures, Rate
from facegate.figures.latency import Latency

_CHUNK = 1 << 20

FAILED = -np.inf
"""Closeness of what failed in capture: no threshold is reached by it."""


@dataclass(frozen=True, eq=False)
class Trials:
    """Comparisons, or presentations, of one kind.

    Attributes:
        closeness: the score of each, or its negative where lower is closer; ``FAILED`` where there
            is none.
        rows: place of each in the list it was read from, from 0 on.
        units: codes of what is in several trials: the people of probe and gallery, or the
            instrument of an attack; empty where that is not known.
        named: somebody named them; otherwise each trial has a code of its own.
        groups: codes of the probe's and of the gallery's group, by column; -1 for none.
        refused_probe: trials that failed for the probe; None where none did.
        accepted: trials that a whole system accepted; None where that is not known.
        keys: the same for the same trial of another provider; None to go by ``rows``.
    """

    closeness: Floats
    rows: Codes
    units: tuple[Codes, ...] = ()
    named: bool = True
    groups: Mapping[str, tuple[Codes, Codes]] = field(default_factory=dict)
    refused_probe: Flags | None = None
    accepted: Flags | None = None
    keys: Keys | None = None

    def __len__(self) -> int:
        return len(self.closeness)

    @cached_property
    def ascending(self) -> Floats:
        """Closeness, sorted."""
        return np.sort(self.closeness)

    @cached_property
    def involved(self) -> Counts:
        """How many trials each unit is in, by its code; empty where units are not known."""
        return self._by_unit(slice(None))

    @property
    def captured(self) -> Flags:
        """The trials that did not fail in capture."""
        return self.closeness > FAILED

    @property
    def captured_ascending(self) -> Floats:
        """Closeness of the trials that did not fail in capture, sorted."""
        return self.ascending[np.searchsorted(self.ascending, FAILED, side="right") :]

    def reaching(self, threshold: float) -> Flags:
        """The trials that are as close as a threshold, which is given as closeness."""
        return self.closeness >= threshold

    def count_reaching(self, threshold: float) -> int:
        """How many trials are as close as a threshold, which is given as closeness."""
        return len(self) - int(np.searchsorted(self.ascending, threshold))

    def counted(self, wrong: Flags, among: Flags | None = None) -> Counted:
        """The trials that went wrong, and who is in them.

        Args:
            wrong: which they are.
            among: those that count; all if absent.
        """
        if among is None:
            return Counted(
                int(np.count_nonzero(wrong)), len(self), self._by_unit(wrong), self.involved
            )
        wrong = wrong & among
        trials = int(np.count_nonzero(among))
        counts = self._by_unit(wrong), self._by_unit(among)
        return Counted(int(np.count_nonzero(wrong)), trials, *counts)

    def rate(self, wrong: Flags, among: Flags | None = None) -> Rate:
        """The rate of wrong trials, of one or more; see :meth:`counted`."""
        return self.counted(wrong, among).rate

    def take(self, chosen: NDArray[Any]) -> Trials:
        """Some of the trials, by flags or by places."""
        return Trials(
            self.closeness[chosen],
            self.rows[chosen],
            tuple(unit[chosen] for unit in self.units),
            self.named,
            {name: (one[chosen], two[chosen]) for name, (one, two) in self.groups.items()},
            None if self.refused_probe is None else self.refused_probe[chosen],
            None if self.accepted is None else self.accepted[chosen],
            None if self.keys is None else self.keys[chosen],
        )

    def _by_unit(self, chosen: Flags | slice) -> Counts:
        counts = np.zeros(self._codes, np.int64)
        for unit in self.units:
            counts += by_code(unit[chosen], self._codes)
        return counts

    @cached_property
    def _codes(self) -> int:
        """One more than the highest code."""
        return max((int(unit.max(initial=-1)) + 1 for unit in self.units), default=0)


def by_code(codes: Codes, size: int = 0, weights: Floats | None = None) -> NDArray[Any]:
    """How often each code is there, or the sum of its weights.

    It is :func:`numpy.bincount` without a copy of all codes in another type.

    Args:
        codes: from 0 on.
        size: length of the result, at least.
        weights: of each place.
    """
    size = max(size, int(codes.max(initial=-1)) + 1)
    total = np.zeros(size, np.int64 if weights is None else np.float64)
    for start in range(0, len(codes), _CHUNK):
        part = slice(start, start + _CHUNK)
        total += np.bincount(codes[part], None if weights is None else weights[part], size)
    return total


NO_TRIALS = Trials(np.zeros(0), np.zeros(0, np.int32))
NO_FAILURES = Failures(0, 0, 0, 0, {}, 0, {})
NOTHING_DROPPED = Dropped(0, 0)


@dataclass(frozen=True, eq=False)
class Scores:
    """One provider's answers about labelled pairs and presentations.

    Attributes:
        name: whose they are, or what they were read from.
        genuine: comparisons of one person's pictures; of living people.
        impostor: comparisons of two people's pictures; of living people.
        bona_fide: presentations of living people, with their liveness scores.
        attacks: presentation attacks by species, with their liveness scores.
        lower_is_closer: whether scores are distances.
        scale: name of the provider's scale; empty where it is not known.
        threshold: the score that a match takes, in use; None where it is not known.
        liveness_threshold: the liveness score that a pass takes, in use; None where not known.
        group_names: names of groups by code, for each column of groups.
        failures: what was asked and gave no score.
        dropped: rows that counted once with others.
        selected: labels that were looked for, as those of a journal: no rate stands for all.
        latency: of answers; None where it is not known.
        cost_per_decision: in the operator's currency; None where it is not known.
        origin: what the list says of who answered: texts by column.
        names_of: ids of rows, by their places.
    """

    name: str
    genuine: Trials = NO_TRIALS
    impostor: Trials = NO_TRIALS
    bona_fide: Trials = NO_TRIALS
    attacks: Mapping[str, Trials] = field(default_factory=dict)
    lower_is_closer: bool = False
    scale: str = ""
    threshold: float | None = None
    liveness_threshold: float | None = None
    group_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failures: Failures = NO_FAILURES
    dropped: Dropped = NOTHING_DROPPED
    selected: bool = False
    latency: Latency | None = None
    cost_per_decision: float | None = None
    origin: Mapping[str, Sequence[str]] = field(default_factory=dict)
    names_of: Callable[[Sequence[int]], Sequence[str]] = lambda rows: [str(row + 1) for row in rows]

    @property
    def compared(self) -> bool:
        """Whether there are genuine and impostor pairs."""
        return len(self.genuine) > 0 and len(self.impostor) > 0

    @cached_property
    def people(self) -> int | None:
        """People in comparisons or bona fide presentations; None where they are not known."""
        kinds = (self.genuine, self.impostor, self.bona_fide)
        known = [each for each in kinds if each.units and each.named]
        if not known:
            return None
        seen = np.zeros(max(len(each.involved) for each in known), np.bool_)
        for each in known:
            seen[: len(each.involved)] |= each.involved > 0
        return int(seen.sum())

    def as_independent(self) -> Scores:
        """The same, where nobody is in two pairs, as somebody must know who cannot name them."""
        if self.genuine.units or self.impostor.units:
            return self
        codes = np.arange(len(self.genuine) + len(self.impostor), dtype=np.int32)
        genuine, impostor = codes[: len(self.genuine)], codes[len(self.genuine) :]
        return replace(
            self,
            genuine=replace(self.genuine, units=(genuine,), named=False),
            impostor=replace(self.impostor, units=(impostor,), named=False),
        )

    def on_liveness_scale(self, closeness: float) -> float:
        """The liveness score of a closeness. Beside comparisons these scores are no distances."""
        return closeness if len(self.genuine) or len(self.impostor) else self.on_scale(closeness)

    def on_scale(self, closeness: float) -> float:
        """The score of a closeness, and the other way round."""
        return (-closeness if self.lower_is_closer else closeness) + 0.0

    def split(self, share: float, seed: int = 1) -> tuple[Scores, Scores]:
        """Scores of some people, and of the others: nobody is in both.

        Pairs of one from here and one from there are in neither. Attacks are in both, for their
        instruments are no people.

        Args:
            share: of the people in the first part, between 0 and 1.
            seed: of the draw.

        Raises:
            InvalidRequest: the people are not known, or one part would have no pairs.
        """
        if self.people is None:
            raise InvalidRequest("people who are not known cannot be split: name them in columns")
        codes = max(len(each.involved) for each in (self.genuine, self.impostor, self.bona_fide))
        first = np.random.default_rng(seed).permutation(codes) < round(share * codes)
        parts = tuple(self._of_people(chosen) for chosen in (first, ~first))
        if not all(part.compared or len(part.bona_fide) for part in parts):
            raise InvalidRequest(f"a split at {share:g} leaves one part without pairs: more people")
        return parts[0], parts[1]

    def _of_people(self, chosen: Flags) -> Scores:
        kept = {
            name: trials.take(np.logical_and.reduce([chosen[unit] for unit in trials.units]))
            if trials.units
            else trials
            for name, trials in (
                ("genuine", self.genuine),
                ("impostor", self.impostor),
                ("bona_fide", self.bona_fide),
            )
        }
        return replace(self, **kept)  # type: ignore[arg-type]
