"""Verification of a chain: where it does not hold. Records come from wherever they were read."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from facegate.journal.chain import Head, Kind, StoredRecord, digest, link

_MOST = 100
"""Problems that are described, at most."""


@dataclass(frozen=True, slots=True)
class ChainVerification:
    """The outcome of checking a chain.

    Attributes:
        records: how many were checked.
        erased: how many of them had been emptied.
        erased_since: how many of those that lie before the expected head were emptied after it was
            written down. Whether a person asked for it or a forger did, nobody can tell from here.
        begins: number of the first record; those before it were purged.
        head: number and hash of the last record.
        keyed_from: number of the first record that is hashed with the key; None where none is.
        problems: what is wrong, a sentence each; the first hundred, and how many more.
    """

    records: int
    erased: int
    erased_since: int
    begins: int
    head: Head
    keyed_from: int | None
    problems: tuple[str, ...]

    @property
    def proves(self) -> str:
        """What it is proof of that a chain holds, in words."""
        if self.keyed_from is None:
            return (
                "proves that the records follow from each other; whoever can write the database"
                " could forge all of them, but not a head that was kept elsewhere"
            )
        proves = "proves that nobody without the key altered, removed or added a record among them"
        if self.keyed_from <= self.begins:
            return proves
        return (
            f"{proves} since record {self.keyed_from}; those before it could be forged until then"
        )


def verify(
    records: Iterable[StoredRecord],
    start: Head,
    head: Head,
    expected: Head | None = None,
    *,
    key: bytes | None = None,
    keyed: bool = False,
) -> ChainVerification:
    """The verification that records follow from each other.

    Args:
        records: in the order of their numbers.
        start: the last record that was purged. A purge that was interrupted may have left it, and
            some before it; they are passed over.
        head: the end of the chain by the journal's own account.
        expected: a head that was written down earlier; None where there is none.
        key: that the end of the chain is hashed with; None where it is with none.
        keyed: whether the chain is hashed with it from the start on.
    """
    walk = _Walk(start, expected, key, start.seq + 1 if keyed else None)
    for record in records:
        if not _is_number(record.seq):
            walk.odd(record)
        elif record.seq > start.seq:
            walk.take(record)
    return walk.ended(head)


class _Walk:
    def __init__(
        self, start: Head, expected: Head | None, key: bytes | None, keyed_from: int | None
    ) -> None:
        self._key, self._keyed_from = key, keyed_from
        self._start, self._expected, self._last = start, expected, start
        self._count = self._erased = self._erased_since = self._more = 0
        self._unexplained: list[int] = []  # ascending, as the records come
        self._problems: list[str] = []
        if expected is not None and expected.seq <= start.seq and expected != start:
            self._note(f"record {expected.seq}, which was expected, has been purged")

    def take(self, record: StoredRecord) -> None:
        self._count += 1
        self._check_place(record)
        self._check_content(record)
        self._last = Head(record.seq, record.hash)
        expected = self._expected
        if expected and record.seq == expected.seq and record.hash != expected.hash:
            self._note(f"record {record.seq} is not the one that was expected")

    def _check_place(self, record: StoredRecord) -> None:
        if record.kind == Kind.SEAL and self._key and self._keyed_from is None:
            self._keyed_from = record.seq
        next_one = self._last.seq + 1
        if record.seq != next_one:
            self._note(_missing(next_one, record.seq - 1))
            return
        key, named = self._key if self._keyed_from else None, (record.kind, record.at)
        linked = link(self._last.hash, record.seq, *named, record.content_hash, key=key)
        if record.hash != linked:
            self._note(f"record {record.seq} does not follow from the one before it")

    def _check_content(self, record: StoredRecord) -> None:
        if record.salt is None and not record.content:
            self._erased += 1
            self._unexplained.append(record.seq)
        elif record.salt is None or record.content_hash != digest(record.content, record.salt):
            self._note(f"record {record.seq} was altered")
        elif record.kind == Kind.ERASURE:
            self._explain(record)

    def _explain(self, erasure: StoredRecord) -> None:
        known = self._expected.seq if self._expected and erasure.seq > self._expected.seq else 0
        unexplained = self._unexplained
        try:
            for first, last in json.loads(erasure.content["detail"])["erased"]:
                begin, end = bisect_left(unexplained, first), bisect_right(unexplained, last)
                self._erased_since += sum(seq <= known for seq in unexplained[begin:end])
                del unexplained[begin:end]
        except (ValueError, LookupError, TypeError):  # a forger's; then it explains nothing
            return

    def odd(self, record: StoredRecord) -> None:
        """Note a record that cannot have a place among the others."""
        self._count += 1
        self._note(f"a record is numbered {record.seq!r:.40}, which is no number")

    def ended(self, head: Head) -> ChainVerification:
        last = self._last
        if not _is_number(head.seq):
            self._note(f"the journal says that it ends at {head.seq!r:.40}, which is no number")
            head = last
        end = max(head, self._expected or head, key=lambda each: each.seq)
        if end.seq > last.seq:
            self._note(_missing(last.seq + 1, end.seq))
        elif head != last:
            self._note(f"record {last.seq} is not where the journal says that it ends")
        if self._key and self._keyed_from is None:
            self._note("no record says from where on the chain is hashed with the key")
        for seq in self._unexplained:
            self._note(f"record {seq} was emptied, and no erasure says so")
        more = (f"and {self._more} problems more",) if self._more else ()
        return ChainVerification(
            self._count,
            self._erased,
            self._erased_since,
            self._start.seq + 1,
            last,
            self._keyed_from,
            (*self._problems, *more),
        )

    def _note(self, problem: str) -> None:
        if len(self._problems) < _MOST:
            self._problems.append(problem)
        else:
            self._more += 1


def _is_number(value: object) -> bool:
    """Whether a column holds what it should: SQLite keeps whatever it is given."""
    return isinstance(value, int)


def _missing(first: int, last: int) -> str:
    return (
        f"record {first} is missing" if first == last else f"records {first} to {last} are missing"
    )
