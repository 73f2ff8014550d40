"""The journal's database: connections, transactions, appending."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    make_url,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from facegate.errors import ConfigurationError, JournalUnavailable
from facegate.journal.chain import Head, Kind, Record, StoredRecord, chained, mark
from facegate.journal.driver import Driver
from facegate.journal.naming import told_apart
from facegate.journal.record import stamp
from facegate.journal.schema import CONTENT, head, migrate, records, reviews
from facegate.model import Decision
from facegate.runtime.forking import PerProcess, in_child

_BUSY_S = 5
"""Seconds to wait for another process that is writing, or for the server."""
_CHUNK = 1000
"""Rows that are read from the database at once."""
_COLUMNS = ("seq", "kind", "at", "content_hash", "hash", "salt", *CONTENT)
_WRITTEN = f"SELECT 1 FROM {records.name} WHERE seq > ? AND salt = ? LIMIT 1"  # noqa: S608
_log = logging.getLogger(__name__)
_inherited: list[Engine] = []
"""Engines of the parent of a fork, never let go of: closing their connections would end them there.
"""


class Store:
    """The database, opened when it is first used, in each process anew; serves any thread.

    Args:
        url: SQLAlchemy's; see :class:`~facegate.journal.settings.JournalSettings`.
        durable: what is committed survives the loss of power, and not only of the process.
        key: that the chain is hashed with; None where it is not.
    """

    def __init__(self, url: str, *, durable: bool, key: bytes | None = None) -> None:
        self.url = make_url(url)
        self._path = str(self.url.database) if self.url.get_backend_name() == "sqlite" else None
        self._durable, self._key = durable, key
        self._engine: Engine | None = None
        self._file: tuple[int, int] | None = None
        self._closed = False
        self._turn = PerProcess(threading.Lock)
        self._begin()
        in_child(self._begin)
        self._opened()

    def _begin(self) -> None:
        self._ready, self._known = False, 0
        if self._engine is not None:
            _inherited.append(self._engine)
            self._engine = None

    @property
    def exists(self) -> bool:
        """Whether there is a database, as far as that is known without a server."""
        return self._path is None or Path(self._path).exists()

    @property
    def _failure(self) -> type[Exception]:
        failure: type[Exception] = self._opened().dialect.loaded_dbapi.Error
        return failure

    def _opened(self) -> Engine:
        if self._engine is None:
            self._engine = _engine(self.url, durable=self._durable)
        return self._engine

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction beside which nobody else writes records.

        Raises:
            JournalUnavailable: the database failed, or its parameters are in the way.
            ConfigurationError: the chain is hashed with another key, or with none.
        """
        with self.transaction() as connection:
            self._locked(Driver(connection))
            yield connection

    def seal(self) -> None:
        """Hash the chain with the key from here on.

        Raises:
            ConfigurationError: there is no key, or the chain is hashed with one.
            JournalUnavailable: the database failed.
        """
        if self._key is None:
            raise ConfigurationError("journal.chain_key is not set")
        with self.transaction() as connection:
            driver = Driver(connection)
            seq, digest, seal = driver.lock()
            if seal is not None:
                raise ConfigurationError("the journal is sealed already")
            self._seal(driver, Head(seq, digest))

    def key(self, connection: Connection) -> bytes | None:
        """The key that the chain is hashed with at its end; None where it is with none.

        Raises:
            ConfigurationError: it is another one than the configured one.
        """
        self._refuse_other(connection.scalar(select(head.c.seal)))
        return self._key

    def sealed(self, connection: Connection) -> bool:
        """Whether the chain is hashed with a key at its end, by the journal's own account."""
        return connection.scalar(select(head.c.seal)) is not None

    def _refuse_other(self, seal: str | None) -> None:
        if seal == (mark(self._key) if self._key else None):
            return
        if self._key is None:
            why = "is hashed with a key, and journal.chain_key is not set"
        elif seal is None:
            why = (
                "does not say that it is hashed with journal.chain_key. If it was, somebody altered"
                " it; if it never was, begin with `facegate journal seal`"
            )
        else:
            why = "is hashed with another key than journal.chain_key"
        raise ConfigurationError(f"the journal {why}")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that writes no records; with SQLite nobody else writes beside it.

        Raises:
            JournalUnavailable: the database failed.
        """
        with self._alone(), self._connected() as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees the journal as it is now, however long it takes.

        Raises:
            JournalUnavailable: the database failed.
        """
        with self._connected() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            connection.execution_options(facegate_reads=True, yield_per=_CHUNK)
            with connection.begin():
                yield connection

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A turn among this process's threads, where only one can write.

        SQLite itself lets those who wait try again after random pauses, and some never get there.
        """
        if self._path is None:
            yield
            return
        turn = self._turn.value
        if not turn.acquire(timeout=_BUSY_S):
            raise JournalUnavailable("the journal's database is busy")
        try:
            yield
        finally:
            turn.release()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        if self._ready and self._file != self._there():
            # What is written to a file without a name, nobody will ever read.
            _log.warning("the journal's file was removed or replaced; going on with what is there")
            self._opened().dispose()
            self._ready = False
        try:
            with self._opened().connect() as connection:
                if not self._ready:
                    with connection.begin():
                        migrate(connection)
                    self._file, self._ready = self._there(), True
                try:
                    yield connection
                except self._failure:  # of the driver's own, unknown to SQLAlchemy
                    connection.invalidate()
                    raise
                finally:
                    # Nobody would come again to close what goes back into the pool.
                    if self._closed and not connection.invalidated:
                        connection.detach()
        except (SQLAlchemyError, self._failure) as error:
            failure = type(error).__name__
        else:
            return
        # Out here, so that it does not carry the statement and its values along.
        raise JournalUnavailable(f"the journal's database failed ({failure})") from None

    def _there(self) -> tuple[int, int] | None:
        """Device and number of SQLite's file at the moment; None where there is none."""
        if self._path is None:
            return None
        try:
            file = os.stat(self._path)  # noqa: PTH116  a fifth of what Path takes
        except OSError:
            return None
        return file.st_dev, file.st_ino

    def append(self, batch: Sequence[Record], *, again: bool = False) -> None:
        """Append records, all or none; those of a request under an id of its own.

        Args:
            batch: in their order.
            again: it was tried before, and nobody knows whether that succeeded.

        Raises:
            JournalUnavailable: the database failed.
            ConfigurationError: the chain is hashed with another key, or with none.
        """
        with self._alone(), self._connected() as connection:
            driver = Driver(connection)
            with driver.transaction():
                end = self._locked(driver)
                if not again:
                    self._known = end.seq
                elif driver.rows(_WRITTEN, (self._known, batch[0].salt)):
                    return
                self._extend(driver, end, told_apart(driver, batch))

    def extend(self, connection: Connection, batch: Sequence[Record]) -> None:
        """Append records inside a transaction of :meth:`writing`."""
        self._extend(Driver(connection), self.head(connection), batch)

    def _locked(self, driver: Driver) -> Head:
        """The end of the chain, which nobody else appends to until the transaction ends."""
        seq, digest, seal = driver.lock()
        if self._key is None or (seq, seal) != (0, None):
            self._refuse_other(seal)
            return Head(seq, digest)
        return self._seal(driver, Head(seq, digest))

    def _seal(self, driver: Driver, end: Head) -> Head:
        driver.run("UPDATE facegate_head SET seal = ?", [mark(self._key or b"")])
        return self._extend(driver, end, [Record(Kind.SEAL, stamp(datetime.now(UTC)), {})])

    def _extend(self, driver: Driver, end: Head, batch: Sequence[Record]) -> Head:
        stored = list(chained(end, batch, self._key))
        driver.insert(records.name, _COLUMNS, map(_as_row, stored))
        if cases := [_as_case(each) for each in stored if _is_case(each)]:
            driver.insert(reviews.name, ("request_id", "seq", "done"), cases)
        last = stored[-1]
        driver.run("UPDATE facegate_head SET seq = ?, hash = ?", [last.seq, last.hash])
        return Head(last.seq, last.hash)

    def head(self, connection: Connection) -> Head:
        """The end of the chain."""
        return Head(*connection.execute(select(head.c.seq, head.c.hash)).one())

    def chain(self, connection: Connection) -> Iterator[StoredRecord]:
        """All records, in the order of their numbers."""
        columns = (records.c[name] for name in _COLUMNS)
        with connection.execute(select(*columns).order_by(records.c.seq)) as result:
            yield from map(_stored, result)

    def forget(self) -> None:
        """Empty SQLite's log of what was removed; PostgreSQL's vacuum sees to that by itself."""
        with self._connected() as connection:
            if connection.dialect.name == "sqlite":
                # Past the engine, which would begin a transaction.
                driver: Any = connection.connection.driver_connection
                busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if busy:
                    _log.warning(
                        "what was removed stays in SQLite's log until its readers are done"
                    )

    def close(self) -> None:
        """Close the connections; what is used after that closes its own."""
        self._closed = True
        if self._engine is not None:
            self._engine.dispose()


def _stored(row: Sequence[Any]) -> StoredRecord:
    seq, kind, at, content_hash, digest, salt, *values = row
    named = zip(CONTENT, values, strict=True)
    content = {name: value for name, value in named if value is not None}
    return StoredRecord(seq, kind, at, content, salt, content_hash, digest)


def _as_row(record: StoredRecord) -> tuple[object, ...]:
    chain = (record.seq, record.kind, record.at, record.content_hash, record.hash, record.salt)
    return (*chain, *map(record.content.get, CONTENT))


def _is_case(record: StoredRecord) -> bool:
    """Whether a record is of a decision that a person has to look at."""
    content = record.content
    return (
        record.kind == Kind.REQUEST
        and content["decision"] == Decision.REVIEW
        and not content["shadow"]
        and not content["judged_by_caller"]
    )


def _as_case(record: StoredRecord) -> tuple[object, ...]:
    return record.content["request_id"], record.seq, False


def _engine(url: URL, *, durable: bool) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": _BUSY_S})
        event.listen(engine, "connect", _durably if durable else _briskly)
        event.listen(engine, "begin", _begun)
        return engine
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _BUSY_S,
            "tcp_user_timeout": 1000 * _BUSY_S,
            # Who only waits for a reply would not notice for hours that the server is gone.
            "keepalives_idle": _BUSY_S,
            "keepalives_interval": _BUSY_S,
            "keepalives_count": 3,
        },
    )


def _durably(connection: Any, _record: Any) -> None:
    _set_up(connection, "FULL")


def _briskly(connection: Any, _record: Any) -> None:
    _set_up(connection, "NORMAL")


def _set_up(connection: Any, synchronous: str) -> None:
    connection.isolation_level = None  # _begun begins transactions
    _write_ahead(connection)
    for pragma in (f"synchronous = {synchronous}", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: Any) -> None:
    """Turn on SQLite's write-ahead log.

    Where several are the first to open a file, SQLite has all but one fail, without waiting.
    """
    ends = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= ends:
                raise
            time.sleep(0.01)
        else:
            return


def _begun(connection: Connection) -> None:
    """Begin a transaction.

    A writer locks at once: one that had read first could not go on after another's commit.
    """
    reads = connection.get_execution_options().get("facegate_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
