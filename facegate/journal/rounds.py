"""Rounds of a sentinel: what providers said of the same pictures, time after time.

Each is a record of the kind ``canary``, so that a dispute with a vendor has evidence, and a row
that later rounds are held against, which a purge leaves alone. A row says which record proves it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update

from facegate.journal.chain import Kind, Record
from facegate.journal.record import stamp
from facegate.journal.schema import of_kind, records, rounds, turns
from facegate.journal.store import Store

HELD_S = 300.0
"""Seconds without a sign of life after which a round that somebody began is taken for dead."""

_outer = rounds.alias("found")


@dataclass(frozen=True, slots=True)
class StoredRound:
    """A round as the journal has it.

    Attributes:
        number: its number among the provider's, from 1 on.
        seq: number of the record that proves it.
        at: when it was recorded, as text.
        detail: what the sentinel wrote down.
    """

    number: int
    seq: int
    at: str
    detail: Mapping[str, Any]


class Rounds:
    """The rounds of a journal. All methods block; see :class:`~facegate.journal.Journal`.

    Args:
        store: the journal's database.
        clock: seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock

    def changed(self) -> dict[str, str]:
        """The moments since when providers are known to have changed, as text, by name."""
        last = select(func.max(rounds.c.number)).where(rounds.c.provider == _outer.c.provider)
        wanted = select(_outer.c.provider, _outer.c.changed).where(
            _outer.c.number == last.scalar_subquery(), _outer.c.changed.is_not(None)
        )
        with self._store.reading() as connection:
            return {each.provider: each.changed for each in connection.execute(wanted)}

    def changes(self) -> list[tuple[str, str]]:
        """Every change that was ever noticed: the provider, and by when, as text; oldest first."""
        wanted = (
            select(rounds.c.provider, rounds.c.changed)
            .where(rounds.c.changed.is_not(None))
            .distinct()
            .order_by(rounds.c.changed, rounds.c.provider)
        )
        with self._store.reading() as connection:
            return [(each.provider, each.changed) for each in connection.execute(wanted)]

    def last(self, provider: str) -> int:
        """The number of a provider's last round; 0 where there is none."""
        wanted = select(func.max(rounds.c.number)).where(rounds.c.provider == provider)
        with self._store.reading() as connection:
            return connection.scalar(wanted) or 0

    def all(self, provider: str, after: int = 0) -> list[StoredRound]:
        """The rounds of a provider, the oldest first.

        Args:
            provider: whose.
            after: number of the last one that is known; 0 for all.
        """
        newer = (rounds.c.provider == provider) & (rounds.c.number > after)
        wanted = select(rounds).where(newer).order_by(rounds.c.number)
        with self._store.reading() as connection:
            found = connection.execute(wanted).mappings().all()
        return [
            StoredRound(
                each["number"],
                each["seq"],
                each["at"],
                json.loads(each["detail"]),
            )
            for each in found
        ]

    def append(
        self,
        provider: str,
        details: Sequence[Mapping[str, Any]],
        caller: str | None = None,
    ) -> None:
        """Record rounds, all or none.

        Args:
            provider: who was asked.
            details: what is written down of each, as JSON has it: its ``cost``, since when the
                provider is known to have ``changed``, as text, and whatever else.
            caller: id of the key of whoever had it asked.
        """
        at, said = stamp(datetime.now(UTC)), [json.dumps(each) for each in details]
        shared = {"provider": provider, "caller": caller}
        batch = [
            Record(Kind.CANARY, at, {**shared, "cost": each.get("cost"), "detail": text})
            for each, text in zip(details, said, strict=True)
        ]
        last = select(func.max(rounds.c.number)).where(rounds.c.provider == provider)
        with self._store.writing() as connection:
            seq, number = self._store.head(connection).seq, connection.scalar(last) or 0
            self._store.extend(connection, batch)
            rows = [
                {
                    "provider": provider,
                    "number": number + place,
                    "seq": seq + place,
                    "at": at,
                    "changed": each.get("changed"),
                    "detail": text,
                }
                for place, (each, text) in enumerate(zip(details, said, strict=True), 1)
            ]
            connection.execute(insert(rounds), rows)

    def take(self, provider: str, *, every_s: float | None = None) -> bool:
        """Take the turn of a provider's next round; of all processes, one gets it.

        Args:
            provider: whose.
            every_s: only where it was asked last as many seconds ago; None for at once.

        Returns:
            Whether it was taken.
        """
        now, held = self._clock(), turns.c.held_until
        # A moment that lies far ahead was written by a clock that went wrong.
        free = (turns.c.provider == provider) & ((held <= now) | (held > now + 2 * HELD_S))
        if every_s is not None:
            free &= (turns.c.asked + every_s <= now) | (turns.c.asked > now + HELD_S)
        with self._store.transaction() as connection:
            connection.execute(
                text(
                    "INSERT INTO facegate_turns (provider, asked, held_until)"
                    " VALUES (:provider, 0, 0) ON CONFLICT DO NOTHING"
                ),
                {"provider": provider},
            )
            taken = connection.execute(update(turns).where(free).values(held_until=now + HELD_S))
        return taken.rowcount == 1

    def hold(self, provider: str) -> None:
        """Show a sign of life in a turn that was taken."""
        self._set(provider, held_until=self._clock() + HELD_S)

    def give_back(self, provider: str, *, asked: bool) -> None:
        """End a turn.

        Args:
            provider: whose.
            asked: whether it counts, so that the next one is due only later.
        """
        self._set(provider, held_until=0.0, **({"asked": self._clock()} if asked else {}))

    def asked(self, provider: str) -> datetime | None:
        """When a provider was asked last; None where it never was."""
        with self._store.reading() as connection:
            found = connection.scalar(select(turns.c.asked).where(turns.c.provider == provider))
        return datetime.fromtimestamp(found, UTC) if found else None

    def _set(self, provider: str, **values: float) -> None:
        mine = turns.c.provider == provider
        with self._store.transaction() as connection:
            connection.execute(update(turns).where(mine).values(**values))


def problems(connection: Connection, start: int) -> Iterator[str]:
    """What is wrong with rounds that are not as the records that prove them; a sentence each.

    Args:
        connection: the journal as it is now.
        start: number of the last record that was purged.
    """
    proofs = select(records.c.seq, records.c.provider, records.c.at, records.c.detail)
    found = {
        each.seq: (each.provider, each.at, each.detail)
        for each in connection.execute(proofs.where(of_kind(Kind.CANARY)))
    }
    for each in connection.execute(select(rounds).order_by(rounds.c.seq)):
        proof = found.pop(each.seq, None)
        if proof is None and each.seq <= start:
            continue  # it was purged
        if proof != (each.provider, each.at, each.detail) or each.changed != _changed(each.detail):
            yield f"round {each.number} of {each.provider} is not as record {each.seq} says"
    for seq, (provider, *_) in found.items():
        yield f"record {seq} is of a round of {provider} that is not there"


def _changed(detail: str) -> str | None:
    """Since when a provider is known to have changed, as a round says that was written down."""
    try:
        changed: str | None = json.loads(detail)["changed"]
    except (ValueError, LookupError, TypeError):  # somebody was at it
        return None
    return changed
