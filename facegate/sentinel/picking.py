"""Picking canaries from answers to labelled pairs: near the threshold, where changes show first.

What moves a score by a little turns the decisions next to the threshold, and no others. A pair that
is far from it tells little, and one at the end of the scale tells nothing at all.

Source for inputs at the border: Chauvin, Lalanne, Le Merrer et al., ICML 2026, arXiv 2602.11083.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from glob import escape
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from facegate.errors import InvalidRequest
from facegate.model import Scale
from facegate.sentinel.canaries import Purpose

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LOOKED_AT = 1000
"""Rows next to a threshold among which canaries of different pictures are looked for."""
_BONA_FIDE, _ATTACK = "bona_fide", "attack"
_REFUSED = ("CaptureRejected", "ImageRejected")


@dataclass(frozen=True, slots=True)
class Pick:
    """A canary that was picked.

    Attributes:
        purpose: what it is there for.
        probe: the picture that is asked about, as the list names it.
        gallery: what it is compared with; empty in a question of liveness.
        score: what it got; None where it was refused.
        consent: the columns of its consent.
    """

    purpose: Purpose
    probe: str
    gallery: str
    score: float | None
    consent: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """A line that scores are on either side of.

    Attributes:
        column: the column of the scores.
        threshold: the score that a yes takes.
        scale: their scale.
    """

    column: str
    threshold: float
    scale: Scale


WANTED: Final[Mapping[str, int]] = {
    "genuine, just above": 10,
    "impostor, just below": 10,
    "genuine, easy": 10,
    "refused": 5,
    "liveness": 5,
}
"""Canaries of each sort."""


def pick(
    path: Path, match: Line | None, liveness: Line | None
) -> tuple[list[Pick], dict[str, int]]:
    """Pick canaries from a list of answers.

    Args:
        path: a CSV or Parquet file with the columns of a batch's result and of the truth, or the
            folder of a job.
        match: where similarities decide; None where none are given.
        liveness: where liveness scores decide; None where none are given.

    Returns:
        The canaries, and how many of each sort are missing.

    Raises:
        InvalidRequest: the list cannot be read, or has no pictures by path.
    """
    import duckdb

    with duckdb.connect() as database:
        try:
            names = _opened(database, path)
            found = _Picks(database, names)
            candidates = (
                found.near(match, "genuine", reaches=True),
                found.near(match, "impostor", reaches=False),
                found.easy(match),
                found.refused(),
                found.live(liveness),
            )
            picked: list[Pick] = []
            missing: dict[str, int] = {}
            for (sort, wanted), rows in zip(WANTED.items(), candidates, strict=True):
                got = found.different(rows, wanted)
                picked += got
                if len(got) < wanted:
                    missing[sort] = wanted - len(got)
        except duckdb.Error as error:
            raise InvalidRequest(f"cannot read {path.name}: {type(error).__name__}") from None
    if not picked:
        raise InvalidRequest(f"{path.name} has no labelled answers on pictures that are files")
    return picked, missing


def write(picks: Sequence[Pick], out: Path, provider: str, folder: Path) -> None:
    """Write canaries to a CSV file, which must not be there yet.

    Args:
        picks: the canaries.
        out: the file.
        provider: whose they are: near its threshold, and nobody else's.
        folder: where the paths of their pictures start from.

    Raises:
        InvalidRequest: it cannot be written.
    """
    consent = sorted({name for each in picks for name in each.consent})
    counts = Counter[Purpose]()
    try:
        with out.open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "purpose", "provider", "probe", "gallery", "score", *consent])
            for each in picks:
                counts[each.purpose] += 1
                pictures = [
                    os.path.relpath(folder / name, out.absolute().parent) if name else ""
                    for name in (each.probe, each.gallery)
                ]
                writer.writerow(
                    [
                        f"{provider}-{each.purpose}-{counts[each.purpose]}",
                        each.purpose,
                        provider,
                        *pictures,
                        "" if each.score is None else each.score,
                        *(each.consent.get(name, "") for name in consent),
                    ]
                )
    except FileExistsError:
        raise InvalidRequest(f"{out} is there already; give another file") from None
    except OSError as error:
        raise InvalidRequest(f"cannot write {out}: {error.strerror}") from None


def _opened(database: DuckDBPyConnection, path: Path) -> list[str]:
    """Open the list as the view ``answers``; gives the names of its columns."""
    if path.is_dir():
        rows = database.read_parquet(f"{escape(str(path))}/parts/*.parquet")
    elif path.suffix == ".parquet":
        rows = database.read_parquet(escape(str(path)))
    else:
        rows = database.read_csv(escape(str(path)), header=True, all_varchar=True)
    rows.create_view("answers")
    if "probe" not in rows.columns:
        raise InvalidRequest(f"{path.name} has no column 'probe'")
    return rows.columns


class _Picks:
    """Queries for canaries, of which no two may have the same picture."""

    def __init__(self, database: DuckDBPyConnection, names: Sequence[str]) -> None:
        self._database, self._names = database, names
        self._consent = [name for name in names if name.startswith("consent_")]
        self._used: set[str] = set()

    def easy(self, line: Line | None) -> Iterator[Pick]:
        """Genuine pairs from the middle: far from the threshold, and not at the scale's end."""
        if line is None:
            return iter(())
        score = self._number(line.column)
        truth = f"{self._truth()} = 'genuine'"
        middle = f"(SELECT median({score}) FROM answers WHERE {truth})"  # noqa: S608
        return self._rows(Purpose.GENUINE, truth, score, f"abs({score} - {middle})")

    def near(self, line: Line | None, truth: str, *, reaches: bool) -> Iterator[Pick]:
        """Pairs next to the threshold, on the side where they belong."""
        if line is None:
            return iter(())
        score = self._number(line.column)
        beyond = "<=" if line.scale.lower_is_closer else ">="
        side = f"{score} {beyond} {line.threshold!r}"
        where = f"{self._truth()} = '{truth}' AND {'' if reaches else 'NOT '}({side})"
        return self._rows(Purpose(truth), where, score, f"abs({score} - {line.threshold!r})")

    def refused(self) -> Iterator[Pick]:
        """Pictures that were refused."""
        listed = ", ".join(f"'{name}'" for name in _REFUSED)
        return self._rows(
            Purpose.REFUSED, f"{self._text('error_code')} IN ({listed})", "NULL", "probe"
        )

    def live(self, line: Line | None) -> Iterator[Pick]:
        """Pictures next to the threshold of liveness, of living people and of attacks."""
        if line is None:
            return
        score = self._number(line.column)
        kinds = [
            self._rows(
                purpose,
                f"{self._text('label')} = '{label}'",
                score,
                f"abs({score} - {line.threshold!r})",
            )
            for label, purpose in ((_BONA_FIDE, Purpose.LIVE), (_ATTACK, Purpose.ATTACK))
        ]
        for each in filter(None, chain.from_iterable(zip_longest(*kinds))):
            yield replace(each, gallery="")

    def different(self, rows: Iterator[Pick], wanted: int) -> list[Pick]:
        """As many canaries as are wanted, whose pictures no other one has."""
        picked: list[Pick] = []
        for each in rows:
            pictures = {each.probe, each.gallery} - {""}
            if len(picked) < wanted and not pictures & self._used:
                self._used |= pictures
                picked.append(each)
        return picked

    def _rows(self, purpose: Purpose, where: str, score: str, order: str) -> Iterator[Pick]:
        """Rows whose pictures are files, in order."""
        probe, gallery = self._text("probe"), self._text("gallery")
        files = " AND ".join(
            f"NOT regexp_matches({each}, '^(sha256:|data:|https?:)')" for each in (probe, gallery)
        )
        known = "true" if score == "NULL" else f"{score} IS NOT NULL AND NOT isnan({score})"
        columns = ", ".join([probe, gallery, score, *map(self._text, self._consent)])
        query = (
            f"SELECT {columns} FROM answers WHERE {where} AND {known} AND {probe} <> '' AND {files}"  # noqa: S608
            f" ORDER BY {order}, {probe}, {gallery} LIMIT {_LOOKED_AT}"
        )
        for one, other, number, *consent in self._database.execute(query).fetchall():
            given: dict[str, Any] = dict(zip(self._consent, consent, strict=True))
            filled = {name: value for name, value in given.items() if value}
            yield Pick(purpose, one, other, number, filled)

    def _truth(self) -> str:
        """SQL of what is true of a pair: ``genuine`` or ``impostor``; null where nobody said."""
        if "label" in self._names:
            return self._text("label")
        if "genuine" in self._names:
            word = f"lower({self._text('genuine')})"
            return f"CASE {word} WHEN 'true' THEN 'genuine' WHEN 'false' THEN 'impostor' END"
        if {"probe_subject", "gallery_subject"} <= set(self._names):
            one, other = self._text("probe_subject"), self._text("gallery_subject")
            return f"CASE WHEN {one} = {other} THEN 'genuine' ELSE 'impostor' END"
        raise InvalidRequest(
            "no column says what is true: genuine, or label, or both of probe_subject and"
            " gallery_subject"
        )

    def _text(self, name: str) -> str:
        return f"coalesce(\"{name}\"::VARCHAR, '')" if name in self._names else "''"

    def _number(self, name: str) -> str:
        return f'try_cast("{name}" AS DOUBLE)' if name in self._names else "NULL::DOUBLE"
