"""Forgetting: one person, or everything older than a day. The chain stays whole."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from facegate.journal.chain import Kind, Record
from facegate.journal.reading import begins
from facegate.journal.record import stamp
from facegate.journal.schema import CONTENT, of_kind, records, replies, reviews
from facegate.journal.store import Store

_CHUNK = 2000
"""Records deleted in one transaction; requests wait for it."""


def erase(store: Store, subject: str) -> int:
    """Empty the records of a person, and what became known of their requests; gives how many.

    Args:
        store: the journal's.
        subject: the hash of the person's name.

    Raises:
        JournalUnavailable: the database failed.
    """
    theirs = records.c.subject == subject
    requests = select(records.c.request_id).where(theirs)
    later = records.c.kind.in_((Kind.LABEL, Kind.CLAIM, Kind.REVIEW))
    labels = later & records.c.request_id.in_(requests)
    with store.writing() as connection:
        numbers = connection.scalars(
            select(records.c.seq).where(theirs | labels).order_by(records.c.seq)
        ).all()
        if numbers:
            connection.execute(delete(reviews).where(reviews.c.request_id.in_(requests)))
            given = select(func.coalesce(records.c.given_id, records.c.request_id)).where(theirs)
            # The row stays, so that the same request is not asked, and charged for, once more.
            kept = replies.c.request_id.in_(given)
            empty: dict[str, Any] = dict.fromkeys(("status", "headers", "body"))
            connection.execute(update(replies).where(kept).values({**empty, "ends": 0.0}))
            nothing = dict.fromkeys((*CONTENT, "salt"))
            connection.execute(update(records).where(theirs | labels).values(nothing))
            detail = json.dumps({"erased": _spans(numbers)})
            store.extend(connection, [Record(Kind.ERASURE, _now(), {"detail": detail})])
    store.forget()
    return len(numbers)


def purge(store: Store, before: datetime, progress: Callable[[int, int], object]) -> int:
    """Remove the oldest records, up to the first that is not older; gives how many.

    A record from the future, of a clock that was wrong, is as old as those around it.

    Args:
        store: the journal's.
        before: the moment before which records are old.
        progress: called now and then with how many are removed, and of how many.

    Raises:
        JournalUnavailable: the database failed.
    """
    with store.writing() as connection:
        young = records.c.at.between(stamp(before), _now())
        kept = connection.scalar(select(func.min(records.c.seq)).where(young))
        aged = select(func.max(records.c.seq)).where(records.c.at < stamp(before))
        last = connection.scalar(aged if kept is None else aged.where(records.c.seq < kept)) or 0
        old = select(records.c.hash).where(records.c.seq == last)
        if last > begins(connection)[0].seq:
            detail = {"upto": last, "hash": connection.scalar(old), "before": stamp(before)}
            if _keyed(connection, last):
                detail["keyed"] = True
            store.extend(connection, [Record(Kind.PURGE, _now(), {"detail": json.dumps(detail)})])
        else:
            last = begins(connection)[0].seq
        first = connection.scalar(select(func.min(records.c.seq))) or 1
        over = replies.c.ends <= time.time(), replies.c.status.is_not(None)
        connection.execute(delete(replies).where(*over))
    total = last - first + 1  # with what an interrupted purge has left
    for done in range(0, total, _CHUNK):
        progress(done, total)
        with store.writing() as connection:
            upto = min(last, first + done + _CHUNK - 1)
            connection.execute(delete(records).where(records.c.seq <= upto))
            connection.execute(delete(reviews).where(reviews.c.seq <= upto))
    store.forget()
    return max(total, 0)


def _keyed(connection: Connection, last: int) -> bool:
    """Whether the chain goes on from a record with a key."""
    seal = of_kind(Kind.SEAL), records.c.seq <= last
    return (
        begins(connection)[1] or connection.scalar(select(records.c.seq).where(*seal)) is not None
    )


def _spans(numbers: Iterable[int]) -> list[list[int]]:
    """Ascending numbers as first and last of each run."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return spans


def _now() -> str:
    return stamp(datetime.now(UTC))
