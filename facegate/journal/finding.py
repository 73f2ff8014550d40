"""Looking something up in the journal: requests, one of them whole, a provider's figures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select, tuple_

from facegate.journal.chain import Kind
from facegate.journal.lookup import Detail, Figures, Filter, NotRecorded, Page
from facegate.journal.reading import WHOLE, row_of
from facegate.journal.record import stamp
from facegate.journal.rows import Act, AttemptRow, Found, LabelRow, ReviewRow, Verdict
from facegate.journal.schema import PRIMARIES, REQUESTS, of_kind, records
from facegate.journal.store import Store
from facegate.model import Billed

_IN_MS = 1000


def find(
    store: Store,
    wanted: Filter,
    subject: str | None,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page:
    """Requests that are wanted, without shadows.

    Those of one moment are told apart by their numbers. The time counts before the number, since
    the indices have it so, and since a request is recorded when it ends.

    Args:
        store: the journal's.
        wanted: which requests.
        subject: the hash of the person's name, where one is wanted.
        after: number that later records have, the oldest of which come first; None for the newest.
        before: number of the record that those wanted began before; None for the newest.
        limit: most of them.
    """
    query = WHOLE.where(PRIMARIES, records.c.salt.is_not(None))
    query = query.where(*_conditions(wanted, subject))
    at, seq = records.c.at, records.c.seq
    with store.reading() as connection:
        if before is not None:
            last = select(at, seq).where(seq <= before).order_by(seq.desc()).limit(1)
            query = query.where(
                tuple_(at, seq) < (connection.execute(last).one_or_none() or ("", 0))
            )
        if after is None:
            query = query.order_by(at.desc(), seq.desc())
        else:
            query = query.where(seq > after).order_by(seq)
        found = [row_of(each) for each in connection.execute(query.limit(limit + 1)).mappings()]
        head = store.head(connection).seq
    shown = found[:limit]
    return Page(shown, shown[-1].seq if len(found) > limit else None, head)


def _conditions(wanted: Filter, subject: str | None) -> Iterator[ColumnElement[bool]]:
    equal = {
        records.c.subject: subject,
        records.c.decision: wanted.decision,
        records.c.operation: wanted.operation,
        records.c.route: wanted.route,
        records.c.provider: wanted.provider,
        records.c.caller: wanted.caller,
        records.c.error_code: wanted.error,
        records.c.consent_reference: wanted.reference,
    }
    for column, value in equal.items():
        if value is not None:
            yield column == value
    if wanted.routes is not None:
        yield records.c.route.in_(wanted.routes)
    if wanted.since is not None:
        yield records.c.at >= stamp(wanted.since)
    if wanted.until is not None:
        yield records.c.at < stamp(wanted.until)


def detail(store: Store, request_id: str) -> Detail:
    """All that is recorded of one request.

    Raises:
        NotRecorded: there is no such request.
        JournalUnavailable: the database failed.
    """
    belonging = select(records).where(records.c.request_id == request_id).order_by(records.c.seq)
    with store.reading() as connection:
        asked = WHOLE.where(records.c.request_id == request_id, REQUESTS)
        found = [
            row_of(row) for row in connection.execute(asked.order_by(records.c.seq)).mappings()
        ]
        primaries = [row for row in found if not row.shadow]
        if not primaries:
            raise NotRecorded(f"no request {request_id!r} in the journal")
        parts = list(connection.execute(belonging).mappings())
        given = primaries[0].given_id or request_id
        repeats = _given(connection, given)
    of = {kind: [each for each in parts if each["kind"] == kind] for kind in Kind}
    return Detail(
        decision=primaries[0],
        shadows=[row for row in found if row.shadow],
        attempts=[_attempt(each) for each in of[Kind.ATTEMPT] if not each["shadow"]],
        labels=[label_of(each) for each in of[Kind.LABEL]],
        reviews=[review_of(each) for each in parts if each["kind"] in (Kind.CLAIM, Kind.REVIEW)],
        repeats=[each for each in repeats if each != request_id],
    )


def _given(connection: Connection, given: str) -> Sequence[str]:
    """Ids of the requests that were given one id, oldest first."""
    ids = select(records.c.request_id, records.c.seq).where(PRIMARIES)
    first = ids.where(records.c.request_id == given)
    again = ids.where(records.c.given_id == given, records.c.given_id.is_not(None))
    return connection.scalars(first.union_all(again).order_by("seq")).all()


def _attempt(record: RowMapping) -> AttemptRow:
    return AttemptRow(
        at=datetime.fromisoformat(record["at"]),
        number=record["number"],
        provider=record["provider"],
        plugin=record["plugin"],
        plugin_version=record["plugin_version"],
        image=record["image"],
        step=record["step"],
        error_code=record["error_code"],
        seconds=record["seconds"],
        billed=Billed(record["billed"]),
        cost=record["cost"],
        calibration=record["calibration"],
    )


def label_of(record: RowMapping) -> LabelRow:
    """The label that a record holds."""
    return LabelRow(
        at=datetime.fromisoformat(record["at"]),
        caller=record["caller"],
        genuine=record["genuine"],
        spoof=record["spoof"],
        withdraws=record["detail"] is not None,
    )


def review_of(record: RowMapping) -> ReviewRow:
    """The act of a reviewer that a record holds."""
    said: Mapping[str, Any] = json.loads(record["detail"])
    return ReviewRow(
        at=datetime.fromisoformat(record["at"]),
        caller=record["caller"],
        act=Act(said["act"]),
        until=datetime.fromisoformat(said["until"]) if said.get("until") else None,
        verdict=Verdict(said["verdict"]) if said.get("verdict") else None,
        reason=said.get("reason"),
        found=Found(said["found"]) if said.get("found") else None,
        final=Verdict(said["final"]) if said.get("final") else None,
    )


def figures(store: Store, since: datetime) -> dict[str, Figures]:
    """Figures of every provider's attempts since a moment, by its name."""
    milliseconds = func.round(records.c.seconds * _IN_MS).label("milliseconds")
    query: Select[Any] = (
        select(
            records.c.provider,
            milliseconds,
            func.count().label("requests"),
            func.count(records.c.error_code).label("errors"),
            func.sum(records.c.cost).label("cost"),
        )
        .where(of_kind(Kind.ATTEMPT), records.c.at >= stamp(since))
        .where(records.c.provider.is_not(None))
        .group_by(records.c.provider, milliseconds)
        .order_by(records.c.provider, milliseconds)
    )
    groups: dict[str, list[RowMapping]] = {}
    with store.reading() as connection:
        for group in connection.execute(query).mappings():
            groups.setdefault(group["provider"], []).append(group)
    return {name: _figures(each) for name, each in groups.items()}


def _figures(groups: Sequence[RowMapping]) -> Figures:
    """Figures of a provider, of groups of attempts that took the same time, the quickest first."""
    reached = list(accumulate(group["requests"] for group in groups))
    total, costs = reached[-1], [group["cost"] for group in groups if group["cost"] is not None]

    def seconds(share: float) -> float:
        place = next(i for i, count in enumerate(reached) if count >= share * total)
        return float(groups[place]["milliseconds"]) / _IN_MS

    return Figures(
        requests=total,
        errors=sum(group["errors"] for group in groups),
        p50=seconds(0.5),
        p95=seconds(0.95),
        cost=sum(costs) if costs else None,
    )
