"""Reading the journal: its rows, where its chain begins, and whether it holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Label, RowMapping, func, select

from facegate.journal import verification
from facegate.journal.chain import Head, Kind, StoredRecord
from facegate.journal.record import stamp
from facegate.journal.rows import RequestRow
from facegate.journal.schema import records
from facegate.journal.store import Store
from facegate.journal.verification import ChainVerification
from facegate.model import Billed, Decision, Operation

_CHUNK = 1000
"""Records between two reports of progress."""


def rows(
    store: Store, route: str | None, since: datetime | None, until: datetime | None
) -> Iterator[RequestRow]:
    """Requests in the order they were recorded, with their labels; erased ones are left out."""
    query = select(records, _learnt("genuine"), _learnt("spoof")).order_by(records.c.seq)
    query = query.where(*_wanted(route, since, until))
    with store.reading() as connection, connection.execute(query) as result:
        yield from map(_row, result.mappings())


def count(store: Store, route: str | None, since: datetime | None, until: datetime | None) -> int:
    """The number of these rows."""
    query = select(func.count()).select_from(records).where(*_wanted(route, since, until))
    with store.reading() as connection:
        return connection.execute(query).scalar_one()


def _wanted(
    route: str | None, since: datetime | None, until: datetime | None
) -> Iterator[ColumnElement[bool]]:
    yield records.c.kind == Kind.REQUEST
    yield records.c.salt.is_not(None)
    if route is not None:
        yield records.c.route == route
    if since is not None:
        yield records.c.at >= stamp(since)
    if until is not None:
        yield records.c.at < stamp(until)


def _learnt(name: str) -> Label[Any]:
    """A column for the latest of a request's labels that has a value."""
    label = records.alias()
    mine = label.c.request_id == records.c.request_id
    values = select(label.c[name]).where(
        label.c.kind == Kind.LABEL, mine, label.c[name].is_not(None)
    )
    return values.order_by(label.c.seq.desc()).limit(1).scalar_subquery().label(f"learnt_{name}")


def _row(record: RowMapping) -> RequestRow:
    return RequestRow(
        at=datetime.fromisoformat(record["at"]),
        request_id=record["request_id"],
        subject=record["subject"],
        route=record["route"],
        arm=record["arm"],
        shadow=record["shadow"],
        provider=record["provider"] or "",
        lineage=record["lineage"] or "",
        operation=Operation(record["operation"]),
        decision=Decision(record["decision"]) if record["decision"] else None,
        match_score=record["match_score"],
        liveness_score=record["liveness_score"],
        error_code=record["error_code"],
        seconds=record["seconds"],
        attempts=record["attempts"],
        billed=Billed(record["billed"]),
        cost=record["cost"],
        engine=record["engine"],
        calibration=record["calibration"],
        judged_by_caller=bool(record["judged_by_caller"]),
        genuine=record["learnt_genuine"],
        spoof=record["learnt_spoof"],
    )


def verify(
    store: Store, expected: Head | None, progress: Callable[[int, int], object]
) -> ChainVerification:
    """The verification of the whole chain as it is now."""
    with store.reading() as connection:
        start, head = begins(connection), store.head(connection)
        total = connection.scalar(select(func.count()).select_from(records)) or 0

        def counted(chain: Iterator[StoredRecord]) -> Iterator[StoredRecord]:
            for done, record in enumerate(chain, 1):
                yield record
                if not done % _CHUNK:
                    progress(done, max(done, total))

        return verification.verify(counted(store.chain(connection)), start, head, expected)


def begins(connection: Connection) -> Head:
    """The last record that was purged, which the chain goes on from."""
    purges = select(records.c.detail).where(records.c.kind == Kind.PURGE)
    detail = connection.scalar(purges.order_by(records.c.seq.desc()).limit(1))
    try:
        purge = json.loads(detail or "{}")
        return Head(int(purge["upto"]), str(purge["hash"]))
    except (ValueError, LookupError, TypeError):  # there was none, or somebody was at it
        return Head()
