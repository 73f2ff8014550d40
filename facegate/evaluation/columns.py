"""Columns of answers, checked and sorted into kinds of trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.errors import InvalidRequest
from facegate.evaluation.arrays import Codes, Flags, Floats, Keys
from facegate.evaluation.results import Dropped, Failures
from facegate.evaluation.scores import FAILED, NO_TRIALS, Trials, by_code

_LARGEST = 1e300
"""The largest score: of larger ones, no sum is a number."""


class Label(IntEnum):
    """What is true of a row."""

    IMPOSTOR, GENUINE, BONA_FIDE, ATTACK = range(4)


class Refused(IntEnum):
    """Whose picture failed in capture."""

    NOBODYS, PROBES, GALLERYS, SOMEBODYS = range(4)


@dataclass(eq=False)
class Columns:
    """Answers, a row each. An outage is no row: it is counted in ``errors`` alone.

    Attributes:
        labels: what is true of each row, as codes of ``Label``.
        scores: on the provider's scale; NaN where a row has none.
        refused: failures in capture, as codes of ``Refused``.
        liveness: liveness scores of rows that are compared as well; None where there are none.
        rows: place of each row in its source; None where they are all, in order.
        people: codes of the probe's and the gallery's people; empty where they are not known. Of
            presentations, those of the one person twice.
        pictures: a number for each pair of pictures, the same for both ways round, and whether it
            is the other way round; None where they are not known.
        keys: the same for the same row of another provider; None to go by ``rows``.
        species: codes of attack species; -1 for none.
        instruments: codes of attack instruments; None where they are not known.
        groups: codes of both sides' groups, by column; -1 for none.
        group_names: names of groups by code, by column.
        accepted: whether a whole system accepted; None where that is not known.
        reasons: how often each reason for a failure in capture was given.
        errors: how often each class of provider failure came.
    """

    labels: NDArray[np.int8]
    scores: Floats
    refused: NDArray[np.int8] | None = None
    liveness: Floats | None = None
    rows: Codes | None = None
    people: tuple[Codes, ...] = ()
    pictures: tuple[Keys, Flags] | None = None
    keys: Keys | None = None
    species: Codes | None = None
    species_names: Sequence[str] = ()
    instruments: Codes | None = None
    groups: dict[str, tuple[Codes, Codes]] = field(default_factory=dict)
    group_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    accepted: Flags | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)


Where = Callable[[int], str]
"""Names a row by its place in its source, for messages."""


def sorted_out(columns: Columns, where: Where, *, lower_is_closer: bool) -> dict[str, Any]:
    """The trials of each kind, and what was left out, as arguments of ``Scores``.

    Args:
        columns: the answers; they are used up.
        where: names a row.
        lower_is_closer: whether scores are distances; liveness scores beside them never are.

    Raises:
        InvalidRequest: answers that no figure can be made of, naming the row.
    """
    failures = _failures(columns)
    closeness = _closeness(columns, where, lower_is_closer=lower_is_closer)
    dropped = np.zeros(len(columns), np.bool_)
    duplicates, mirrored = 0, 0
    if columns.pictures is not None:
        duplicates, mirrored = drop_repeated(columns, closeness, dropped, where)
    elif len(columns.people) == 2:
        mirrored = _drop_mirror(columns, closeness, dropped)
    columns.pictures = None

    def trials(label: Label, units: tuple[Codes, ...], scores: Floats = closeness) -> Trials:
        return _trials(columns, scores, units, (columns.labels == label) & ~dropped)

    found = {
        "genuine": trials(Label.GENUINE, columns.people[:1]),
        "failures": failures,
        "dropped": Dropped(duplicates, mirrored),
    }
    liveness = closeness
    living = columns.labels == Label.BONA_FIDE
    if columns.liveness is not None:
        liveness = _liveness(columns, columns.liveness)
        living = (columns.labels <= Label.GENUINE) & ~np.isnan(liveness)
    found["bona_fide"] = _presentations(columns, liveness, columns.people[:1], living & ~dropped)
    instruments = () if columns.instruments is None else (columns.instruments,)
    found["attacks"] = {
        name: _presentations(columns, liveness, instruments, chosen & ~dropped)
        for code, name in enumerate(columns.species_names)
        if (chosen := (columns.labels == Label.ATTACK) & (columns.species == code)).any()
    }
    # The most, so the last: while it is copied nothing else is.
    found["impostor"] = trials(Label.IMPOSTOR, columns.people)
    return found


def _failures(columns: Columns) -> Failures:
    sides = np.bincount(columns.refused if columns.refused is not None else [], minlength=4)
    outages = sum(columns.errors.values())
    return Failures(
        len(columns) + outages,
        int(sides[Refused.PROBES]),
        int(sides[Refused.GALLERYS]),
        int(sides[Refused.SOMEBODYS]),
        columns.reasons,
        outages,
        columns.errors,
    )


def _closeness(columns: Columns, where: Where, *, lower_is_closer: bool) -> Floats:
    """The closeness of each row.

    Raises:
        InvalidRequest: a score that is no finite number, or the same score everywhere.
    """
    closeness = columns.scores
    if lower_is_closer:
        np.negative(closeness, out=closeness)
    failed = np.zeros(len(columns), np.bool_) if columns.refused is None else columns.refused > 0
    wrong = np.flatnonzero(~(np.abs(closeness) <= _LARGEST) & ~failed)
    if len(wrong):
        raise InvalidRequest(
            f"{where(_place(columns, int(wrong[0])))}: score is no number up to"
            f" {_LARGEST:g}; where there is none, an error_code says why"
        )
    closeness[failed] = FAILED
    known = closeness[~failed] if failed.any() else closeness
    if len(known) and known.min() == known.max():
        raise InvalidRequest("all scores are the same: there is nothing to tell people apart by")
    return closeness


def _place(columns: Columns, index: int) -> int:
    return index if columns.rows is None else int(columns.rows[index])


def drop_repeated(
    columns: Columns, closeness: Floats, dropped: Flags, where: Where
) -> tuple[int, int]:
    """Mark pairs of pictures that were there before, and count these, either way round.

    Raises:
        InvalidRequest: one pair is said to be genuine and not to be.
    """
    assert columns.pictures is not None  # noqa: S101 - the caller looked
    keys, flipped = columns.pictures
    ascending = np.sort(keys)
    repeated = ascending[1:][ascending[1:] == ascending[:-1]]
    if not len(repeated):
        return 0, 0
    rows = np.flatnonzero(np.isin(keys, repeated))
    rows = rows[np.lexsort((flipped[rows], keys[rows]))]
    again = keys[rows][1:] == keys[rows][:-1]
    same = again & (flipped[rows][1:] == flipped[rows][:-1])
    first = rows[np.maximum.accumulate(np.where(np.append(False, again), 0, np.arange(len(rows))))]
    contradicted = np.flatnonzero(columns.labels[rows] != columns.labels[first])
    if len(contradicted):
        one, two = (where(_place(columns, int(each[contradicted[0]]))) for each in (first, rows))
        raise InvalidRequest(f"{two}: another label than in {one}, of the same two pictures")
    mirrored = again & ~same & (closeness[rows] == closeness[first])[1:]
    dropped[rows[1:][same | mirrored]] = True
    return int(same.sum()), int(mirrored.sum())


def _drop_mirror(columns: Columns, closeness: Floats, dropped: Flags) -> int:
    """Mark one half of impostor pairs where all of them are there both ways with equal scores."""
    impostor = columns.labels == Label.IMPOSTOR
    weights = np.where(impostor & (closeness > FAILED), closeness, 0.0)
    size = 1 + max(int(unit.max(initial=0)) for unit in columns.people)
    sums = [by_code(unit, size, weights) for unit in columns.people]
    largest = float(np.abs(weights).max(initial=0.0))
    if not np.allclose(sums[0], sums[1], rtol=1e-9, atol=1e-9 * largest):
        return 0
    chosen = np.flatnonzero(impostor)
    probe, gallery = (unit[chosen] for unit in columns.people)
    scores = closeness[chosen]
    forth, back = np.lexsort((scores, gallery, probe)), np.lexsort((scores, probe, gallery))
    for one, other in ((probe, gallery), (gallery, probe), (scores, scores)):
        if not np.array_equal(one[forth], other[back]):
            return 0
    dropped[chosen[probe > gallery]] = True
    return len(chosen) // 2


def _liveness(columns: Columns, scores: Floats) -> Floats:
    """Liveness scores, beside comparisons; NaN of those who were not asked for one.

    An attack without one was refused before it got one.
    """
    attack = columns.labels == Label.ATTACK
    refused = attack if columns.refused is None else attack | (columns.refused > 0)
    return np.where(np.isnan(scores) & refused, FAILED, scores)


def _trials(columns: Columns, closeness: Floats, units: tuple[Codes, ...], chosen: Flags) -> Trials:
    if not chosen.any():
        return NO_TRIALS
    refused, accepted, keys = columns.refused, columns.accepted, columns.keys
    rows, groups = columns.rows, columns.groups
    return Trials(
        closeness=closeness[chosen],
        rows=np.flatnonzero(chosen).astype(np.int32) if rows is None else rows[chosen],
        units=tuple(unit[chosen] for unit in units),
        groups={name: (one[chosen], two[chosen]) for name, (one, two) in groups.items()},
        refused_probe=None if refused is None else refused[chosen] == Refused.PROBES,
        accepted=None if accepted is None else accepted[chosen],
        keys=None if keys is None else keys[chosen],
    )


def _presentations(
    columns: Columns, closeness: Floats, units: tuple[Codes, ...], chosen: Flags
) -> Trials:
    """Trials that have nobody and nothing in common, where it is not known who is in them."""
    trials = _trials(columns, closeness, units, chosen)
    if units or not len(trials):
        return trials
    return replace(trials, units=(np.arange(len(trials), dtype=np.int32),), named=False)
