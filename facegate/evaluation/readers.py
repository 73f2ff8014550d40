"""Score lists and score matrices: what a batch writes, or anybody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from facegate.errors import InvalidRequest
from facegate.evaluation.arrays import Codes, Flags
from facegate.evaluation.columns import Columns, Label, Refused, drop_repeated, sorted_out
from facegate.evaluation.listing import PLACE, Listing, opened
from facegate.evaluation.scores import Scores
from facegate.figures.latency import Latency

_LABELS: Final = {
    "bona_fide": Label.BONA_FIDE,
    "attack": Label.ATTACK,
    **dict.fromkeys(("genuine", "true", "yes", "1"), Label.GENUINE),
    **dict.fromkeys(("impostor", "false", "no", "0"), Label.IMPOSTOR),
}
_UNNAMED: Final = "attack"
"""The species of attacks whose species is not told."""


def score_list(
    path: Path,
    *,
    name: str | None = None,
    lower_is_closer: bool = False,
    failed_score: float | None = None,
    groups: Sequence[str] | None = None,
    species: str = "species",
) -> Scores:
    """The scores of a list.

    Args:
        path: CSV, or Parquet where its name ends so; CSV may be compressed, as ``.gz`` or ``.xz``.
            It has a column ``score``, and ``genuine`` or ``label`` or the people of both sides.
        name: whose scores they are; if absent the provider's in the list, or the file's.
        lower_is_closer: whether scores are distances.
        failed_score: the score that stands for a failure in capture.
        groups: the columns of groups to read, without ``group_``; all if absent.
        species: the column of the attacks' species.

    Raises:
        InvalidRequest: the file cannot be read, or no figure can be made of it, naming the line and
            the column.
    """
    with opened(path) as listing:
        reading = _Reading(listing, failed_score, groups, species)
        columns = reading.columns()
        facts = reading.facts()
    facts |= sorted_out(columns, listing.where, lower_is_closer=lower_is_closer)
    if name:
        facts["name"] = name

    if "id" in listing.names:
        facts["names_of"] = partial(_ids, path)
    groups_found = columns.group_names
    return Scores(**facts, lower_is_closer=lower_is_closer, group_names=groups_found)


def _ids(path: Path, rows: Sequence[int]) -> Sequence[str]:
    """The ids of rows by their places. They are read when somebody asks, for few are wanted."""
    with opened(path) as listing:
        return listing.ids(rows)


def check_labels(path: Path, *, species: str = "species") -> None:
    """Refuse labels that cannot be right, of pairs that nobody was asked about yet.

    Args:
        path: a list as for :func:`score_list`; it needs no scores.
        species: the column of the attacks' species.

    Raises:
        InvalidRequest: the file cannot be read, or contradicts itself, naming the line.
    """
    with opened(path) as listing:
        reading = _Reading(listing, None, None, species)
        people, labels = reading.people_and_labels()
        columns = Columns(labels, np.zeros(len(labels)), people=people)
        reading.add_pictures(columns)
        if columns.pictures is not None:
            drop_repeated(columns, columns.scores, np.zeros(len(labels), np.bool_), listing.where)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is to be read of a list.

    Attributes:
        listing: the list.
        failed_score: the score that stands for a failure in capture.
        chosen: the columns of groups, without ``group_``; None for all.
        species: the column of the attacks' species.
    """

    listing: Listing
    failed_score: float | None
    chosen: Sequence[str] | None
    species: str

    def columns(self) -> Columns:
        """The list's columns.

        Raises:
            InvalidRequest: naming the line and the column.
        """
        listing = self.listing
        people, labels = self.people_and_labels()
        score, liveness = self._score_columns(labels)
        columns = Columns(labels, listing.column(listing.number(score)), people=people)
        columns.refused, columns.reasons = self._refused(score, columns)
        columns.errors = listing.outages
        if liveness:
            columns.liveness = listing.column(listing.number(liveness))
        if listing.outages:
            columns.rows = listing.file_rows
        self.add_pictures(columns)
        if (labels == Label.ATTACK).any():
            self._attacks(columns)
        columns.groups, columns.group_names = self._groups()
        if listing.filled("decision"):
            columns.accepted = listing.column(f"{listing.word('decision')} = 'accept'")
        return columns

    def facts(self) -> dict[str, Any]:
        """Other arguments of ``Scores``.

        Raises:
            InvalidRequest: scores on several scales.
        """
        listing = self.listing
        scales, providers = listing.values("scale"), listing.values("provider")
        if len(scales) > 1:
            raise InvalidRequest(
                f"{listing.path.name} has scores on several scales, {', '.join(scales)}: what is"
                " closer on one says nothing on another; write a list for each"
            )
        own = listing.path.name.partition(".")[0]
        facts: dict[str, Any] = {"name": providers[0] if len(providers) == 1 else own}
        facts["scale"] = "".join(scales)
        for column in ("threshold", "liveness_threshold"):
            if len(thresholds := listing.values(column)) == 1:
                living = column == "threshold" and not self._compares
                facts["liveness_threshold" if living else column] = float(thresholds[0])
        facts["origin"] = {
            column: texts
            for column in ("plugin_version", "lineage", "engine")
            if (texts := listing.values(column))
        }
        if listing.filled("seconds"):
            seconds = np.sort(listing.column(listing.number("seconds")))
            facts["latency"] = Latency.of(seconds[~np.isnan(seconds)].tolist())
        if listing.filled("cost"):
            facts["cost_per_decision"] = float(np.nanmean(listing.column(listing.number("cost"))))
        return facts

    @property
    def _compares(self) -> bool:
        """Whether scores are those of comparisons, and not of liveness alone."""
        names = self.listing.names
        if "label" in names:
            return not {"genuine", "impostor"}.isdisjoint(self.listing.values("label"))
        return "genuine" in names or {"probe_subject", "gallery_subject"} <= names

    def people_and_labels(self) -> tuple[tuple[Codes, ...], NDArray[np.int8]]:
        """Codes of people, and labels, which must not contradict each other."""
        listing = self.listing
        if self.species not in {"species", *listing.names}:
            raise InvalidRequest(f"{listing.path.name}, line 1: no column is called {self.species}")
        names = [each for each in ("probe_subject", "gallery_subject") if each in listing.names]
        people = listing.codes(*names)[0] if names else ()
        for name, codes in zip(names, people, strict=True):
            self._refuse(codes < 0, f"{name} is empty")
        if "label" in listing.names or "genuine" in listing.names:
            labels = self._labels("label" if "label" in listing.names else "genuine")
        elif len(people) == 2:
            labels = self._but_attacks((people[0] == people[1]).astype(np.int8))
        else:
            raise InvalidRequest(
                f"{listing.path.name}, line 1: no column says what is true: genuine, or label, or"
                " both of probe_subject and gallery_subject"
            )
        if not len(labels):
            raise InvalidRequest(f"{listing.path.name} holds no answers")
        if len(people) == 2:
            same = people[0] == people[1]
            self._refuse(
                same & (labels == Label.IMPOSTOR), "an impostor, of one and the same person"
            )
            self._refuse(~same & (labels == Label.GENUINE), "genuine, of two different people")
        elif people and not (labels <= Label.GENUINE).any():
            people = (*people, *people)  # of presentations
        else:
            people = ()
        return people, labels

    def _labels(self, name: str) -> NDArray[np.int8]:
        listing = self.listing
        text = f"lower(trim({listing.word(name)}))"
        cases = " ".join(f"WHEN '{word}' THEN {int(label)}" for word, label in _LABELS.items())
        labels = listing.column(f"(CASE {text} {cases} ELSE -1 END)::TINYINT")
        self._refuse(labels < 0, f"{name} is none of {', '.join(_LABELS)}")
        return self._but_attacks(labels)

    def _but_attacks(self, labels: NDArray[np.int8]) -> NDArray[np.int8]:
        """Labels of comparisons, of which those with a species are attacks."""
        listing = self.listing
        if self.species in listing.names and (labels <= Label.GENUINE).any():
            labels[listing.column(f"{listing.word(self.species)} <> ''")] = Label.ATTACK
        return labels

    def _score_columns(self, labels: NDArray[np.int8]) -> tuple[str, str | None]:
        """The column of scores, and that of liveness scores beside them."""
        listing = self.listing
        liveness = "liveness_score" if listing.filled("liveness_score") else None
        if liveness and not (labels <= Label.GENUINE).any():
            return liveness, None
        if "score" not in listing.names:
            raise InvalidRequest(f"{listing.path.name}, line 1: no column is called score")
        return "score", liveness

    def _refused(
        self, score: str, columns: Columns
    ) -> tuple[NDArray[np.int8] | None, dict[str, int]]:
        """Whose picture failed in capture, and why."""
        listing = self.listing
        refused = np.zeros(len(columns), np.int8)
        reasons: dict[str, int] = {}
        if {"error_code", "decision"} & listing.names:
            error, decision, image = map(listing.word, ("error_code", "decision", "image"))
            # A whole system may say no before it compares.
            without = f"{decision} IN ('reject', 'review') AND {listing.number(score)} = 'nan'"
            refused = listing.column(
                f"(CASE WHEN {error} = '' AND {without} THEN {Refused.SOMEBODYS:d}"
                f" WHEN {error} = '' THEN {Refused.NOBODYS:d}"
                f" WHEN {image} = 'probe' THEN {Refused.PROBES:d}"
                f" WHEN {image} LIKE 'gallery%' THEN {Refused.GALLERYS:d}"
                f" ELSE {Refused.SOMEBODYS:d} END)::TINYINT"
            )
            reasons = listing.counts(
                f"CASE WHEN {error} <> '' THEN coalesce(nullif({listing.word('reason')}, ''),"
                f" {error}) WHEN {without} THEN 'no score' ELSE '' END"
            )
        if self.failed_score is not None:
            failed = columns.scores == self.failed_score
            refused[failed] = Refused.SOMEBODYS
            reasons["failed score"] = int(failed.sum())
        return (refused if refused.any() else None), reasons

    def add_pictures(self, columns: Columns) -> None:
        """Add what tells pairs of pictures apart, where the list says it."""
        listing = self.listing
        if {"probe", "gallery"} <= listing.names:
            one, two = listing.word("probe"), listing.word("gallery")
            pair = listing.column(f"hash(least({one}, {two}), greatest({one}, {two}))")
            columns.pictures = pair, listing.column(f"{one} > {two}")
            columns.keys = listing.column(f"hash({one}, {two})")
        elif {"probe_subject", "gallery_subject"} <= listing.names:
            people = f"{listing.word('probe_subject')}, {listing.word('gallery_subject')}"
            columns.keys = listing.column(f"hash({people}, {PLACE})")
        if "id" in listing.names:
            columns.keys = listing.column(f"hash({listing.word('id')})")

    def _attacks(self, columns: Columns) -> None:
        listing = self.listing
        (species,), names = listing.codes(self.species)
        columns.species = np.where(species < 0, np.int32(len(names)), species)
        columns.species_names = [*names, _UNNAMED]
        if "instrument" in listing.names:
            (instruments,), _ = listing.codes("instrument")
            attack = columns.labels == Label.ATTACK
            self._refuse(attack & (instruments < 0), "instrument is empty")
            columns.instruments = instruments

    def _groups(self) -> tuple[dict[str, tuple[Codes, Codes]], dict[str, Sequence[str]]]:
        listing = self.listing
        sides = {
            name: (f"probe_group_{name}", f"gallery_group_{name}")
            for column in sorted(listing.names)
            if (name := column.removeprefix("probe_group_")) != column
            and f"gallery_group_{name}" in listing.names
        }
        for column in sorted(listing.names):
            if column == "device" or column.startswith("group_"):
                sides[column.removeprefix("group_")] = (column, column)
        chosen = sides if self.chosen is None else self.chosen
        for name in chosen:
            if name not in sides:
                raise InvalidRequest(
                    f"{listing.path.name}, line 1: no column is called group_{name}; groups are by"
                    f" {', '.join(sides) or 'nothing'}"
                )
        codes: dict[str, tuple[Codes, Codes]] = {}
        names: dict[str, Sequence[str]] = {}
        for name in chosen:
            both, names[name] = listing.codes(*dict.fromkeys(sides[name]))
            codes[name] = (both[0], both[-1])
        return codes, names

    def _refuse(self, wrong: Flags, what: str) -> None:
        """Refuse the list for the first row that is wrong."""
        if wrong.any():
            row = int(wrong.argmax())
            if self.listing.outages:
                row = int(self.listing.file_rows[row])
            raise InvalidRequest(f"{self.listing.where(row)}: {what}")
