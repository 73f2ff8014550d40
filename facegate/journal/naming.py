"""Names of requests: one id for each, whatever callers give.

A caller may give the id of an earlier request again, by mistake or for a retry. A vendor was asked
and paid, so it is recorded, under the next id that is free: ``order-77.2``, ``order-77.3``. Its
record says which id was given. So what is looked up or labelled by its id is one request, and never
two. A shadow has the id that its primary got.

All of this happens in the transaction that appends, beside which nobody else does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from facegate.journal.chain import Kind, Record
from facegate.journal.driver import Driver

_LONGEST = 128
"""Letters of an id, as in a question."""

_THERE = "SELECT request_id FROM facegate_records WHERE kind = 'request' AND request_id IN ({})"
_REPEATS = """
    SELECT request_id FROM facegate_records
    WHERE kind = 'request' AND NOT shadow AND given_id IS NOT NULL AND given_id = ?
"""


def told_apart(driver: Driver, batch: Sequence[Record]) -> Sequence[Record]:
    """The records, each with the id that its request gets.

    Args:
        driver: in the transaction that appends them.
        batch: in their order, a request's own before those of its attempts.
    """
    given = [each.content["request_id"] for each in batch if each.kind is Kind.REQUEST]
    if not given:
        return batch
    there = driver.rows(_THERE.format(", ".join("?" * len(given))), given)
    if not there and len(set(given)) == len(given):
        return batch
    return list(_renamed(driver, batch, {request_id for (request_id,) in there}))


def _renamed(driver: Driver, batch: Sequence[Record], taken: set[str]) -> Iterator[Record]:
    primaries: dict[tuple[str, str], str] = {}
    given = name = ""
    for record in batch:
        if record.kind is Kind.REQUEST:
            given = record.content["request_id"]
            if record.primary_at is None:
                name = _free(driver, given, taken) if given in taken else given
                primaries[given, record.at] = name
                taken.add(name)
            else:
                primary = (given, record.primary_at)
                name = primaries.get(primary) or _primary(driver, *primary)
        if record.kind not in (Kind.REQUEST, Kind.ATTEMPT) or name == given:
            yield record
            continue
        named = {"request_id": name}
        if record.kind is Kind.REQUEST:
            named["given_id"] = given
        yield replace(record, content={**record.content, **named}).hashed()


def _free(driver: Driver, given: str, taken: set[str]) -> str:
    """The next id for one that is taken."""
    latest = driver.rows(f"{_REPEATS} ORDER BY at DESC, seq DESC LIMIT 1", [given])
    for number in count(int(latest[0][0].rpartition(".")[2]) + 1 if latest else 2):
        ending = f".{number}"
        name = given[: _LONGEST - len(ending)] + ending
        if name not in taken and not driver.rows(_THERE.format("?"), [name]):
            return name
    raise AssertionError  # numbers do not end


def _primary(driver: Driver, given: str, at: str) -> str:
    """The id of the request that was given this one, and began at that moment."""
    found = driver.rows(f"{_REPEATS} AND at = ? LIMIT 1", [given, at])
    return str(found[0][0]) if found else given
