"""Score matrices: a row for each probe and a column for each gallery, both named by person."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from facegate.errors import InvalidRequest
from facegate.evaluation.arrays import Floats, Keys
from facegate.evaluation.columns import Columns, Label, Refused, sorted_out
from facegate.evaluation.listing import BROKEN, text_of
from facegate.evaluation.scores import Scores


def score_matrix(
    path: Path,
    *,
    name: str | None = None,
    lower_is_closer: bool = False,
    failed_score: float | None = None,
) -> Scores:
    """The scores of a matrix. Where row and column carry the same id, the pair is genuine.

    Args:
        path: CSV, which may be compressed, as ``.gz`` or ``.xz``. The first line names the people
            of the columns, the first value of every other line the person of the row.
        name: whose scores they are; the file's name if absent.
        lower_is_closer: whether scores are distances.
        failed_score: the score that stands for a failure in capture.

    Raises:
        InvalidRequest: the file cannot be read, or no figure can be made of it, naming the line and
            the column.
    """
    galleries, probes, matrix, lines = _read(path)
    codes = np.unique([*probes, *galleries], return_inverse=True)[1]
    rows, columns = codes[: len(probes)], codes[len(probes) :]
    probe = np.repeat(rows, len(columns)).astype(np.int32)
    gallery = np.tile(columns, len(rows)).astype(np.int32)
    scores = matrix.ravel()
    failed = scores == failed_score
    answers = Columns(
        np.where(probe == gallery, np.int8(Label.GENUINE), np.int8(Label.IMPOSTOR)),
        scores,
        np.where(failed, np.int8(Refused.SOMEBODYS), np.int8(0)) if failed.any() else None,
        people=(probe, gallery),
        keys=_keys(probes)[:, None].repeat(len(columns), 1).ravel() * np.uint64(3)
        + np.tile(_keys(galleries), len(rows)),
        reasons={"failed score": int(failed.sum())} if failed.any() else {},
    )

    def where(row: int) -> str:
        line, column = divmod(row, len(galleries))
        return f"{path.name}, line {lines[line]}, column {galleries[column]}"

    def ids(places: Sequence[int]) -> list[str]:
        pairs = (divmod(place, len(galleries)) for place in places)
        return [f"{probes[line]}, {galleries[column]}" for line, column in pairs]

    return Scores(
        name=name or path.name.partition(".")[0],
        lower_is_closer=lower_is_closer,
        names_of=ids,
        **sorted_out(answers, where, lower_is_closer=lower_is_closer),
    )


def _read(path: Path) -> tuple[list[str], list[str], Floats, list[int]]:
    """The galleries' and the probes' people, the scores, and each row's line."""
    probes, rows, lines = [], [], []
    try:
        with text_of(path) as file:
            reader = csv.reader(file)
            galleries = next(reader, [])[1:]
            for probe, *values in filter(None, reader):
                if len(values) != len(galleries):
                    raise InvalidRequest(
                        f"{path.name}, line {reader.line_num}: {len(values)} scores for"
                        f" {len(galleries)} columns"
                    )
                probes.append(probe)
                rows.append(np.array([_number(value) for value in values]))
                lines.append(reader.line_num)
    except BROKEN as error:
        raise InvalidRequest(f"{path.name} is no CSV in UTF-8 ({type(error).__name__})") from None
    except OSError as error:
        raise InvalidRequest(f"cannot read {path.name}: {error.strerror}") from None
    if not set(probes) & set(galleries):
        raise InvalidRequest(
            f"{path.name}: no row carries the id of a column, so there is no genuine pair"
        )
    return galleries, probes, np.array(rows), lines


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _keys(names: Sequence[str]) -> Keys:
    """A number for each name, the same in every file."""
    digests = (blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.array([int.from_bytes(digest, "big") for digest in digests], np.uint64)
