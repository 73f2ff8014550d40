"""Rounds of a sentinel: what providers said of the same pictures, time after time.

Each is a record of the kind ``canary``, so that a dispute with a vendor has evidence, and a row
that later rounds are held against, which a purge leaves alone. A row says which record proves it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select, text, update

from facegate.journal.chain import Kind, Record
from facegate.journal.record import stamp
from facegate.journal.schema import rounds, turns
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
        changed: since when the provider is known to have changed, as text; None where it is not.
        detail: what the sentinel wrote down.
    """

    number: int
    seq: int
    at: str
    changed: str | None
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
                each["changed"],
                json.loads(each["detail"]),
            )
            for each in found
        ]

    def append(
        self,
        provider: str,
        details: Sequence[Mapping[str, Any]],
        changed: str | None = None,
        caller: str | None = None,
    ) -> None:
        """Record rounds, all or none.

        Args:
            provider: who was asked.
            details: what is written down of each, as JSON has it.
            changed: since when the provider is known to have changed; None where it is not.
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
                    "changed": changed,
                    "detail": text,
                }
                for place, text in enumerate(said, 1)
            ]
            connection.execute(insert(rounds), rows)

    def take(self, provider: str, *, due: bool) -> bool:
        """Take the turn of a provider's next round; of all processes, one gets it.

        Args:
            provider: whose.
            due: only where the next round is due.

        Returns:
            Whether it was taken.
        """
        now = self._clock()
        free = (turns.c.provider == provider) & (turns.c.held_until <= now)
        if due:
            free &= turns.c.due <= now
        with self._store.transaction() as connection:
            connection.execute(
                text(
                    "INSERT INTO facegate_turns (provider, due, held_until)"
                    " VALUES (:provider, 0, 0) ON CONFLICT DO NOTHING"
                ),
                {"provider": provider},
            )
            taken = connection.execute(update(turns).where(free).values(held_until=now + HELD_S))
        return taken.rowcount == 1

    def hold(self, provider: str) -> None:
        """Show a sign of life in a turn that was taken."""
        self._set(provider, held_until=self._clock() + HELD_S)

    def give_back(self, provider: str, *, next_in_s: float | None) -> None:
        """End a turn.

        Args:
            provider: whose.
            next_in_s: seconds until the next round is due; None to leave that as it was.
        """
        due = {} if next_in_s is None else {"due": self._clock() + next_in_s}
        self._set(provider, held_until=0.0, **due)

    def due(self, provider: str) -> datetime | None:
        """When the next round of a provider is due; None where there never was one."""
        with self._store.reading() as connection:
            found = connection.scalar(select(turns.c.due).where(turns.c.provider == provider))
        return datetime.fromtimestamp(found, UTC) if found else None

    def _set(self, provider: str, **values: float) -> None:
        with self._store.transaction() as connection:
            connection.execute(update(turns).where(turns.c.provider == provider).values(**values))
