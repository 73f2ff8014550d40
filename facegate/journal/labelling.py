"""Labels: what turned out to be true of requests, noted in the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import func, select

from facegate.errors import InvalidRequest
from facegate.journal import transfer
from facegate.journal.chain import Kind, Record
from facegate.journal.lookup import NotRecorded
from facegate.journal.record import stamp
from facegate.journal.schema import PRIMARIES, records
from facegate.journal.store import Store
from facegate.journal.transfer import Label

_CHUNK = 500
"""Labels in one transaction, or asked for in one query."""


def label(store: Store, each: Label, caller: str | None) -> None:
    """Note one label.

    Raises:
        NotRecorded: the journal has no such request.
        InvalidRequest: it has several of that id.
        JournalUnavailable: the database failed.
    """
    if problem := _problems(store, [each]).get(each.request_id):
        raise problem
    store.append([_record(each, caller)])


def import_labels(store: Store, path: Path, progress: Callable[[int, int], object]) -> int:
    """Note the labels of a CSV file, all or none where a line is wrong; gives how many.

    Raises:
        InvalidRequest: the file cannot be read, or a line of it is wrong, naming the line.
        JournalUnavailable: the database failed.
    """
    total = count = 0
    for some in _chunks(transfer.labels(path)):
        total += len(some)
        problems = _problems(store, (each for _, each in some))
        for line, each in some:
            if problem := problems.get(each.request_id):
                raise InvalidRequest(f"{path.name}, line {line}: {problem.message}")
    for some in _chunks(transfer.labels(path)):
        store.append([_record(each) for _, each in some])
        count += len(some)
        progress(count, total)
    return count


def _problems(store: Store, labels: Iterable[Label]) -> dict[str, InvalidRequest]:
    """Why some labels belong to no request, or to no single one, by the request's id."""
    wanted = {each.request_id for each in labels}
    there = select(records.c.request_id, func.count()).group_by(records.c.request_id)
    there = there.where(records.c.request_id.in_(wanted), PRIMARIES)
    with store.reading() as connection:
        counts = dict(map(tuple, connection.execute(there)))
    problems: dict[str, InvalidRequest] = {}
    for each in wanted:
        if each not in counts:
            problems[each] = NotRecorded(f"no request {each!r} in the journal")
        elif counts[each] > 1:  # of a journal from before they were told apart
            problems[each] = InvalidRequest(f"{counts[each]} requests have the id {each!r}")
    return problems


def _record(each: Label, caller: str | None = None) -> Record:
    content = {
        "request_id": each.request_id,
        "caller": caller,
        "genuine": each.genuine,
        "spoof": each.spoof,
    }
    return Record(Kind.LABEL, stamp(datetime.now(UTC)), content)


def _chunks(labels: Iterator[tuple[int, Label]]) -> Iterator[list[tuple[int, Label]]]:
    while some := list(islice(labels, _CHUNK)):
        yield some
