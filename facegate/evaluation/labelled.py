"""Labelled requests of a journal, as scores.

Labels are looked for where a decision raised doubts. So they are of some people and not of others,
and what they say of error rates holds for requests like these alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from facegate.errors import InvalidRequest
from facegate.evaluation.readers import score_list
from facegate.evaluation.scores import Scores
from facegate.journal.rows import RequestRow
from facegate.model import Operation


def labelled(rows: Iterable[RequestRow], providers: Sequence[str] = ()) -> list[Scores]:
    """The scores of labelled requests, of each provider.

    Args:
        rows: requests; those without a label, and those of others, are left out.
        providers: whose answers are wanted; of the only one if absent.

    Raises:
        InvalidRequest: nothing is labelled, or several providers answered and none is named.
    """
    answers: dict[str, list[RequestRow]] = {}
    for row in rows:
        if _label(row):
            answers.setdefault(row.provider, []).append(row)
    if not answers:
        raise InvalidRequest(
            "no request has a label; label them with facegate journal label or import"
        )
    if len(answers) > 1 and not providers:
        raise InvalidRequest(
            f"labelled requests were answered by {', '.join(sorted(answers))}: choose one of them"
        )
    wanted = providers or list(answers)
    for name in wanted:
        if name not in answers:
            raise InvalidRequest(f"no labelled request was answered by {name!r}")
    return [_scores(name, answers[name]) for name in wanted]


def _scores(name: str, rows: Sequence[RequestRow]) -> Scores:
    """The scores of one provider, read as any other list is."""
    people = all(row.subject for row in rows)
    with TemporaryDirectory(prefix="facegate-") as folder:
        path = Path(folder, "journal.csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            cells = [_cells(row, people=people) for row in rows]
            writer = csv.DictWriter(file, cells[0])
            writer.writeheader()
            writer.writerows(cells)
        scores = score_list(path, name=name)
    ids = [row.request_id for row in rows]
    return replace(scores, selected=True, names_of=lambda places: [ids[place] for place in places])


def _cells(row: RequestRow, *, people: bool) -> Mapping[str, Any]:
    """A request as a line of a score list.

    Args:
        row: the request, which has a label.
        people: whether the claimed person of every request is known.
    """
    # Of an impostor only the victim is known; each counts as a person of their own.
    probe = row.request_id if row.genuine is False else row.subject
    subjects = {"probe_subject": probe, "gallery_subject": row.subject} if people else {}
    return {
        "id": row.request_id,
        "label": _label(row),
        "score": row.match_score,
        "liveness_score": row.liveness_score,
        "decision": row.decision,
        "error_code": row.error_code,
        "seconds": row.seconds,
        "cost": row.cost,
        **subjects,
    }


def _label(row: RequestRow) -> str:
    """What is true of a request, as a score list says it; empty where nothing is known."""
    if row.spoof:
        return "attack"
    if row.operation is Operation.LIVENESS:
        return "bona_fide" if row.spoof is False else ""
    return {True: "genuine", False: "impostor", None: ""}[row.genuine]
