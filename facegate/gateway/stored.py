"""Keys, secrets and counters in the journal's database, where all processes share them."""

from __future__ import annotations

import json
import secrets as random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, text, update

from facegate.gateway.counters import Full, Spending, Taken, Use
from facegate.gateway.grants import Grant
from facegate.gateway.keys import NewKey, NoSuchKey, StoredKey, new_key
from facegate.journal.chain import Kind, Record
from facegate.journal.record import stamp
from facegate.journal.schema import budgets, keys, secrets, uses
from facegate.journal.store import Store


class StoredKeys:
    """The keys of the database. All methods block, and raise JournalUnavailable where it fails.

    What is done to a key is recorded in the journal in the same transaction. ``by`` is the id of
    the key of whoever does it; None for somebody at the command line.

    Args:
        store: the journal's database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[StoredKey]:
        """Every key, the newest first."""
        with self._store.reading() as connection:
            found = connection.execute(select(keys).order_by(keys.c.made.desc(), keys.c.id))
            return [_key(row) for row in found.mappings()]

    def create(self, name: str, grant: Grant, by: str | None) -> tuple[StoredKey, NewKey]:
        """Make a key; its name is for people."""
        drawn = new_key()
        row = {
            "id": drawn.id,
            "name": name,
            "hash": drawn.hash,
            "grants": grant.model_dump_json(exclude_none=True),
            "made": stamp(datetime.now(UTC)),
        }
        with self._store.writing() as connection:
            connection.execute(insert(keys).values(row))
            return self._noted(connection, drawn.id, "create", by), drawn

    def revoke(self, key_id: str, by: str | None) -> StoredKey:
        """Make a key void, for good.

        Raises:
            NoSuchKey: there is none of this id, or it is revoked.
        """
        changes = {"revoked": stamp(datetime.now(UTC)), "old_hash": None, "old_until": None}
        return self._changed(key_id, changes, "revoke", by)

    def rotate(self, key_id: str, overlap: timedelta, by: str | None) -> tuple[StoredKey, NewKey]:
        """Give a key another secret; the one before holds on for a while.

        Raises:
            NoSuchKey: there is none of this id, or it is revoked.
        """
        drawn, until = new_key(key_id), stamp(datetime.now(UTC) + overlap)
        changes = {"hash": drawn.hash, "old_hash": keys.c.hash, "old_until": until}
        return self._changed(key_id, changes, "rotate", by), drawn

    def _changed(
        self, key_id: str, changes: Mapping[str, Any], act: str, by: str | None
    ) -> StoredKey:
        wanted = keys.c.id == key_id, keys.c.revoked.is_(None)
        with self._store.writing() as connection:
            if not connection.execute(update(keys).where(*wanted).values(changes)).rowcount:
                raise NoSuchKey(
                    "no such key in the journal's database, or it is revoked; give its id, which is"
                    " what stands between fg_ and the next _"
                )
            return self._noted(connection, key_id, act, by)

    def _noted(self, connection: Connection, key_id: str, act: str, by: str | None) -> StoredKey:
        found = connection.execute(select(keys).where(keys.c.id == key_id)).mappings().one()
        detail = {"key": key_id, "name": found["name"], "act": act}
        content = {"caller": by, "detail": json.dumps(detail)}
        at = stamp(datetime.now(UTC))
        self._store.extend(connection, [Record(Kind.KEY, at, content)])
        return _key(found)


def _key(row: RowMapping) -> StoredKey:
    return StoredKey(
        row["id"],
        row["name"],
        row["hash"],
        Grant.model_validate_json(row["grants"]),
        made=_moment(row["made"]),
        revoked=_moment(row["revoked"]),
        old_hash=row["old_hash"],
        old_until=_moment(row["old_until"]),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def secret(store: Store, name: str) -> bytes:
    """A secret of 32 random bytes that all processes share, drawn when it is first asked for.

    Args:
        store: the journal's database.
        name: its purpose.

    Raises:
        JournalUnavailable: the database failed.
    """
    drawn = {"name": name, "secret": random.token_hex(32)}
    with store.transaction() as connection:
        # Two may be the first at once; both get what is there in the end.
        connection.execute(_DRAWN, drawn)
        kept = select(secrets.c.secret).where(secrets.c.name == name)
        return bytes.fromhex(connection.execute(kept).scalar_one())


_DRAWN = text(
    f"INSERT INTO {secrets.name} (name, secret) VALUES (:name, :secret)"  # noqa: S608  a constant
    " ON CONFLICT (name) DO NOTHING"
)
_SPENT = text(
    f"INSERT INTO {budgets.name} (name, period, amount)"  # noqa: S608  a constant
    " VALUES (:name, :period, :amount) ON CONFLICT (name, period)"
    f" DO UPDATE SET amount = {budgets.name}.amount + excluded.amount RETURNING amount"
)

_SWEEP_S = 60.0
"""Seconds between two times that everything is removed that has ended, such as attempts of people
who never come again."""


class TableCounters:
    """Counters in the database; see :class:`~facegate.gateway.counters.Counters`.

    The processes' clocks are trusted; they must agree as far as limits are to be exact.

    Args:
        store: the journal's database.
        clock: seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock
        self._swept = clock()

    def take(self, wanted: Sequence[Use], money: Sequence[Spending]) -> Taken | Full:
        """Count all of it, or nothing."""
        taken = Taken()
        with self._store.transaction() as connection:
            _lock(connection, {*(each.name for each in wanted), *(each.name for each in money)})
            now = self._clock()
            if now - self._swept > _SWEEP_S:
                connection.execute(delete(uses).where(uses.c.ends <= now))
                self._swept = now
            if full := _full(connection, wanted, money, now):
                return full
            rows = [
                {"name": each.name, "token": taken.token, "ends": now + each.seconds}
                for each in wanted
            ]
            if rows:
                connection.execute(insert(uses), rows)
            spent = [_spend(connection, each, each.amount) for each in money]
        return Taken(taken.token, spent)

    def give_back(self, taken: Taken, names: Sequence[str], money: Sequence[Spending]) -> None:
        """Let go of uses by name, and change what was spent by each ``amount``."""
        with self._store.transaction() as connection:
            mine = uses.c.name.in_(names), uses.c.token == taken.token
            connection.execute(delete(uses).where(*mine))
            for each in money:
                _spend(connection, each, each.amount)

    def check(self) -> None:
        """Find out whether anything could be counted now."""
        with self._store.transaction():
            pass


def _lock(connection: Connection, names: set[str]) -> None:
    """Have others wait who would count the same; SQLite has but one writer anyway."""
    if connection.dialect.name == "postgresql":
        for name in sorted(names):  # in one order, so that no two wait for each other
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
            connection.execute(lock, {"name": name})


def _full(
    connection: Connection, wanted: Sequence[Use], money: Sequence[Spending], now: float
) -> Full | None:
    """The first limit that is in the way."""
    for use in wanted:
        connection.execute(delete(uses).where(uses.c.name == use.name, uses.c.ends <= now))
        latest = select(uses.c.ends).where(uses.c.name == use.name).order_by(uses.c.ends.desc())
        last = connection.execute(latest.offset(use.most - 1).limit(1)).scalar()
        if last is not None:
            return Full(use.name, last - now)
    for each in money:
        mine = budgets.c.name == each.name, budgets.c.period == each.period
        spent = connection.execute(select(budgets.c.amount).where(*mine)).scalar() or 0
        if each.most is not None and spent + each.amount > each.most:
            return Full(each.name, each.ends - now)
    return None


def _spend(connection: Connection, spending: Spending, amount: int) -> int:
    row = {"name": spending.name, "period": spending.period, "amount": amount}
    return int(connection.execute(_SPENT, row).scalar_one())
