"""What the journal tells: its rows, where its chain begins, and whether it holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Label, RowMapping, func, select

from facegate.journal import verification
from facegate.journal.chain import Head, Kept, Kind
from facegate.journal.record import stamp
from facegate.journal.rows import Row
from facegate.journal.schema import records
from facegate.journal.store import Store
from facegate.journal.verification import Verification
from facegate.model import Billed, Decision, Operation

_CHUNK = 1000


def rows(
    store: Store, route: str | None, since: datetime | None, until: datetime | None
) -> Iterator[Row]:
    """Requests in the order they were recorded, with what was learnt of them; erased ones not."""
    query = select(records, _learnt("genuine"), _learnt("spoof")).order_by(records.c.seq)
    query = query.where(*_wanted(route, since, until))
    with store.reading() as connection, connection.execute(query) as found:
        yield from map(_row, found.mappings())


def count(store: Store, route: str | None, since: datetime | None, until: datetime | None) -> int:
    """How many rows there are."""
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
    """What the latest label says that says anything."""
    label = records.alias()
    mine = label.c.request_id == records.c.request_id
    says = select(label.c[name]).where(label.c.kind == Kind.LABEL, mine, label.c[name].is_not(None))
    return says.order_by(label.c.seq.desc()).limit(1).scalar_subquery().label(f"learnt_{name}")


def _row(found: RowMapping) -> Row:
    return Row(
        at=datetime.fromisoformat(found["at"]),
        request_id=found["request_id"],
        subject=found["subject"],
        route=found["route"],
        arm=found["arm"],
        shadow=found["shadow"],
        provider=found["provider"] or "",
        lineage=found["lineage"] or "",
        operation=Operation(found["operation"]),
        decision=Decision(found["decision"]) if found["decision"] else None,
        match_score=found["match_score"],
        liveness_score=found["liveness_score"],
        error_code=found["error_code"],
        seconds=found["seconds"],
        attempts=found["attempts"],
        billed=Billed(found["billed"]),
        cost=found["cost"],
        engine=found["engine"],
        judged_by_caller=bool(found["judged_by_caller"]),
        genuine=found["learnt_genuine"],
        spoof=found["learnt_spoof"],
    )


def verify(
    store: Store, expected: Head | None, progress: Callable[[int, int], object]
) -> Verification:
    """Check the whole chain as it is now."""
    with store.reading() as connection:
        start, head = begins(connection), store.head(connection)

        def told(kept: Iterator[Kept]) -> Iterator[Kept]:
            for each in kept:
                yield each
                if not each.seq % _CHUNK:
                    progress(each.seq - start.seq, head.seq - start.seq)

        return verification.verify(told(store.chain(connection)), start, head, expected)


def begins(connection: Connection) -> Head:
    """The last record that was purged."""
    purges = select(records.c.detail).where(records.c.kind == Kind.PURGE)
    detail = connection.scalar(purges.order_by(records.c.seq.desc()).limit(1))
    try:
        told = json.loads(detail or "{}")
        return Head(int(told["upto"]), str(told["hash"]))
    except (ValueError, LookupError, TypeError):  # there was none, or somebody was at it
        return Head()
