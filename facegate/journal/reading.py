"""Reading the journal: its rows, where its chain begins, and whether it holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Label,
    RowMapping,
    Select,
    TextClause,
    case,
    func,
    select,
)

from facegate.journal import rounds, verification
from facegate.journal.chain import Head, Kind, StoredRecord
from facegate.journal.lookup import Extent
from facegate.journal.record import stamp
from facegate.journal.rows import RequestRow, ReviewState
from facegate.journal.schema import REQUESTS, of_kind, records, reviews
from facegate.journal.store import Store
from facegate.journal.verification import ChainVerification
from facegate.model import Billed, Decision, Operation

_CHUNK = 1000
"""Records between two reports of progress."""


def rows(
    store: Store, route: str | None, since: datetime | None, until: datetime | None
) -> Iterator[RequestRow]:
    """Requests in the order they were recorded, with their labels; erased ones are left out."""
    query = WHOLE.order_by(records.c.seq).where(*_wanted(route, since, until))
    with store.reading() as connection, connection.execute(query) as result:
        yield from map(row_of, result.mappings())


def count(store: Store, route: str | None, since: datetime | None, until: datetime | None) -> int:
    """The number of these rows."""
    query = select(func.count()).select_from(records).where(*_wanted(route, since, until))
    with store.reading() as connection:
        return connection.execute(query).scalar_one()


def _wanted(
    route: str | None, since: datetime | None, until: datetime | None
) -> Iterator[ColumnElement[bool] | TextClause]:
    yield REQUESTS
    yield records.c.salt.is_not(None)
    if route is not None:
        yield records.c.route == route
    if since is not None:
        late = records.c.at >= stamp(since)
        # Of the index by time, where SQLite would rather try each record from the first one on.
        first = select(func.min(records.c.seq + 0)).where(REQUESTS, late).correlate(None)
        yield late
        yield records.c.seq >= first.scalar_subquery()
    if until is not None:
        yield records.c.at < stamp(until)


def _learnt(name: str) -> Label[Any]:
    """A column for the latest of a request's labels that has a value, or takes one back."""
    label = records.alias()
    mine = label.c.request_id == records.c.request_id
    values = select(label.c[name]).where(
        label.c.kind == Kind.LABEL,
        mine,
        label.c[name].is_not(None) | label.c.detail.is_not(None),
    )
    return values.order_by(label.c.seq.desc()).limit(1).scalar_subquery().label(f"learnt_{name}")


def _latest_review() -> Any:
    review = records.alias()
    mine = (review.c.request_id == records.c.request_id) & (review.c.kind == Kind.REVIEW)
    details = select(review.c.detail).where(mine)
    return details.order_by(review.c.seq.desc()).limit(1).scalar_subquery()


def _selected() -> Select[Any]:
    reviewed = reviews.c.request_id == records.c.request_id
    to_review = (records.c.decision == Decision.REVIEW) & ~records.c.shadow
    return select(
        records,
        _learnt("genuine"),
        _learnt("spoof"),
        case((to_review, _latest_review())).label("reviewed"),
        reviews.c.done,
        reviews.c.claimed_by,
        reviews.c.claimed_until,
    ).select_from(records.outerjoin(reviews, reviewed & to_review))


WHOLE = _selected()
"""The query for requests, with all that became known of them later."""


def row_of(record: RowMapping) -> RequestRow:
    """The request that a row of :data:`WHOLE` tells of."""
    decision = Decision(record["decision"]) if record["decision"] else None
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
        decision=decision,
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
        match_threshold=record["match_threshold"],
        liveness_threshold=record["liveness_threshold"],
        plugin=record["plugin"],
        plugin_version=record["plugin_version"],
        configuration=record["configuration"],
        caller=record["caller"],
        consent_reference=record["consent_reference"],
        consent_purpose=record["consent_purpose"],
        given_id=record["given_id"],
        final=_final(record["reviewed"]) or decision,
        review=_state(record["done"], record["claimed_until"]),
        seq=record["seq"],
    )


def _final(review: str | None) -> Decision | None:
    verdict = json.loads(review).get("final") if review else None
    return Decision(verdict) if verdict else None


def _state(done: bool | None, claimed_until: str | None) -> ReviewState | None:  # noqa: FBT001
    if done is None:
        return None
    if done:
        return ReviewState.DONE
    claimed = claimed_until is not None and claimed_until > stamp(datetime.now(UTC))
    return ReviewState.CLAIMED if claimed else ReviewState.OPEN


def extent(store: Store) -> Extent:
    """The size of the journal; nothing is counted, since numbers have no gaps."""
    with store.reading() as connection:
        (start, _), head = begins(connection), store.head(connection)
        sealed = store.sealed(connection)
    return Extent(str(head), head.seq - start.seq, start.seq + 1, sealed)


def verify(
    store: Store, expected: Head | None, progress: Callable[[int, int], object]
) -> ChainVerification:
    """The verification of the whole chain as it is now."""
    with store.reading() as connection:
        (start, keyed), head = begins(connection), store.head(connection)
        key = store.key(connection)
        total = head.seq - start.seq

        def counted(chain: Iterator[StoredRecord]) -> Iterator[StoredRecord]:
            for done, record in enumerate(chain, 1):
                yield record
                if not done % _CHUNK:
                    progress(done, max(done, total))

        chain = counted(store.chain(connection))
        found = verification.verify(chain, start, head, expected, key=key, keyed=keyed)
        return replace(found, problems=(*found.problems, *rounds.problems(connection, start.seq)))


def begins(connection: Connection) -> tuple[Head, bool]:
    """The last record that was purged, and whether the chain goes on from it with a key."""
    purges = select(records.c.detail).where(of_kind(Kind.PURGE))
    detail = connection.scalar(purges.order_by(records.c.seq.desc()).limit(1))
    try:
        purge = json.loads(detail or "{}")
        return Head(int(purge["upto"]), str(purge["hash"])), bool(purge.get("keyed"))
    except (ValueError, LookupError, TypeError):  # there was none, or somebody was at it
        return Head(), False
