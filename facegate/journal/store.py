"""The journal's database: connections, transactions, appending."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    RowMapping,
    create_engine,
    event,
    insert,
    make_url,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from facegate.errors import JournalUnavailable
from facegate.journal.chain import Head, Record, StoredRecord, chained
from facegate.journal.schema import CONTENT, head, migrate, records
from facegate.runtime.forking import in_child

_BUSY_S = 5
"""Seconds to wait for another process that is writing, or for the server."""
_CHUNK = 1000
"""Rows that are read from the database at once."""
_log = logging.getLogger(__name__)
_inherited: list[Engine] = []
"""Engines of the parent of a fork, never let go of: closing their connections would end them there.
"""


class Store:
    """The database, opened when it is first used, in each process anew; serves any thread.

    Args:
        url: SQLAlchemy's; see :class:`~facegate.journal.settings.JournalSettings`.
        durable: what is committed survives the loss of power, and not only of the process.
    """

    def __init__(self, url: str, *, durable: bool) -> None:
        self.url = make_url(url)
        self._durable = durable
        self._engine: Engine | None = None
        self._file: tuple[int, int] | None = None
        self._closed = False
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
        return self.url.get_backend_name() != "sqlite" or Path(str(self.url.database)).exists()

    def _opened(self) -> Engine:
        if self._engine is None:
            self._engine = _engine(self.url, durable=self._durable)
        return self._engine

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction beside which nobody else writes.

        Raises:
            JournalUnavailable: the database failed, or its parameters are in the way.
        """
        with self._connected() as connection, connection.begin():
            connection.execute(select(head).with_for_update()).one()
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
                finally:
                    # Nobody would come again to close what goes back into the pool.
                    if self._closed and not connection.invalidated:
                        connection.detach()
        except SQLAlchemyError as error:
            failure = type(error).__name__
        else:
            return
        # Out here, so that it does not carry the statement and its values along.
        raise JournalUnavailable(f"the journal's database failed ({failure})") from None

    def _there(self) -> tuple[int, int] | None:
        """Device and number of SQLite's file at the moment; None where there is none."""
        if self.url.get_backend_name() != "sqlite":
            return None
        try:
            file = Path(str(self.url.database)).stat()
        except OSError:
            return None
        return file.st_dev, file.st_ino

    def append(self, batch: Sequence[Record], *, again: bool = False) -> None:
        """Append records, all or none.

        Args:
            batch: in their order.
            again: it was tried before, and nobody knows whether that succeeded.

        Raises:
            JournalUnavailable: the database failed.
        """
        with self.writing() as connection:
            if again:
                since, salt = records.c.seq > self._known, records.c.salt == batch[0].salt
                if connection.execute(select(records.c.seq).where(since, salt)).first():
                    return
            else:
                self._known = self.head(connection).seq
            self.extend(connection, batch)

    def extend(self, connection: Connection, batch: Sequence[Record]) -> None:
        """Append records inside a transaction of :meth:`writing`."""
        stored = list(chained(self.head(connection), batch))
        connection.execute(insert(records), [_as_row(each) for each in stored])
        connection.execute(head.update(), {"seq": stored[-1].seq, "hash": stored[-1].hash})

    def head(self, connection: Connection) -> Head:
        """The end of the chain."""
        return Head(*connection.execute(select(head.c.seq, head.c.hash)).one())

    def chain(self, connection: Connection) -> Iterator[StoredRecord]:
        """All records, in the order of their numbers."""
        with connection.execute(select(records).order_by(records.c.seq)) as result:
            yield from map(_stored, result.mappings())

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


def _stored(row: RowMapping) -> StoredRecord:
    content = {name: row[name] for name in CONTENT if row[name] is not None}
    numbered = (row["seq"], row["kind"], row["at"])
    return StoredRecord(*numbered, content, row["salt"], row["content_hash"], row["hash"])


def _as_row(record: StoredRecord) -> dict[str, Any]:
    return {
        **dict.fromkeys(CONTENT),
        **record.content,
        "seq": record.seq,
        "kind": record.kind,
        "at": record.at,
        "salt": record.salt,
        "content_hash": record.content_hash,
        "hash": record.hash,
    }


def _engine(url: URL, *, durable: bool) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": _BUSY_S})
        event.listen(engine, "connect", _durably if durable else _briskly)
        event.listen(engine, "begin", _begun)
        return engine
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        connect_args={"connect_timeout": _BUSY_S, "tcp_user_timeout": 1000 * _BUSY_S},
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
