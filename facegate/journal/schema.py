"""The journal's tables, the same in every database, and the steps that lead to them.

A step is plain SQL that SQLite and PostgreSQL both take, and runs once in the life of a database,
when a facegate that knows it first opens it. Steps only ever go forward: a journal is never
rewritten, its hashes would no longer be true. (A migration tool would bring an environment, a
revision folder and packages of its own for what is one table and a list.)
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
    inspect,
    select,
    text,
)

from facegate.errors import ConfigurationError
from facegate.journal.chain import START

_CONTENT: dict[str, type[Boolean | Float[float] | Integer | Text]] = {
    "request_id": Text,
    "subject": Text,
    "route": Text,
    "arm": Text,
    "shadow": Boolean,
    "caller": Text,
    "number": Integer,
    "provider": Text,
    "plugin": Text,
    "plugin_version": Text,
    "lineage": Text,
    "engine": Text,
    "operation": Text,
    "image": Text,
    "step": Text,
    "decision": Text,
    "judged_by_caller": Boolean,
    "match_score": Float,
    "match_threshold": Float,
    "liveness_score": Float,
    "liveness_threshold": Float,
    "error_code": Text,
    "seconds": Float,
    "attempts": Integer,
    "billed": Text,
    "cost": Float,
    "configuration": Text,
    "calibration": Text,
    "consent_reference": Text,
    "consent_purpose": Text,
    "genuine": Boolean,
    "spoof": Boolean,
    "detail": Text,
}
"""Columns of a record's content; those that its kind does not have are null. ``detail`` is JSON."""

CONTENT = tuple(_CONTENT)

_metadata = MetaData()

records = Table(
    "facegate_records",
    _metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("salt", Text),
    *(Column(name, kind) for name, kind in _CONTENT.items()),
)
head = Table("facegate_head", _metadata, Column("seq", BigInteger), Column("hash", Text))
"""One row: the last record's. Whoever appends locks it first."""

_version = Table("facegate_schema", _metadata, Column("version", Integer))

STEPS: Sequence[Sequence[str]] = (
    (
        """
        CREATE TABLE facegate_records (
            seq BIGINT NOT NULL PRIMARY KEY,
            kind TEXT NOT NULL,
            at TEXT NOT NULL,
            content_hash TEXT NOT NULL,
            hash TEXT NOT NULL,
            salt TEXT,
            request_id TEXT,
            subject TEXT,
            route TEXT,
            arm TEXT,
            shadow BOOLEAN,
            number INTEGER,
            provider TEXT,
            plugin TEXT,
            plugin_version TEXT,
            lineage TEXT,
            engine TEXT,
            operation TEXT,
            image TEXT,
            step TEXT,
            decision TEXT,
            judged_by_caller BOOLEAN,
            match_score DOUBLE PRECISION,
            match_threshold DOUBLE PRECISION,
            liveness_score DOUBLE PRECISION,
            liveness_threshold DOUBLE PRECISION,
            error_code TEXT,
            seconds DOUBLE PRECISION,
            attempts INTEGER,
            billed TEXT,
            cost DOUBLE PRECISION,
            configuration TEXT,
            consent_reference TEXT,
            consent_purpose TEXT,
            genuine BOOLEAN,
            spoof BOOLEAN,
            detail TEXT
        )
        """,
        "CREATE INDEX facegate_records_at ON facegate_records (at)",
        "CREATE INDEX facegate_records_request ON facegate_records (request_id)",
        "CREATE INDEX facegate_records_subject ON facegate_records (subject)"
        " WHERE subject IS NOT NULL",
        "CREATE TABLE facegate_head (seq BIGINT NOT NULL, hash TEXT NOT NULL)",
        f"INSERT INTO facegate_head VALUES (0, '{START}')",  # noqa: S608  a constant
    ),
    ("ALTER TABLE facegate_records ADD COLUMN calibration TEXT",),
    ("ALTER TABLE facegate_records ADD COLUMN caller TEXT",),
)
"""Never change one that was released; append another. A column that a later step adds is null in
the records before it, and null is not hashed."""

_LOCK = 0x6661636567617465  # "facegate"


def migrate(connection: Connection, steps: Sequence[Sequence[str]] = STEPS) -> None:
    """Bring a database up to date, inside the transaction that is open.

    Raises:
        ConfigurationError: a newer facegate wrote it.
    """
    if connection.dialect.name == "postgresql":  # two processes may be the first at once
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    if inspect(connection).has_table(_version.name):
        version = connection.execute(select(_version.c.version)).scalar_one()
    else:
        connection.execute(text("CREATE TABLE facegate_schema (version INTEGER NOT NULL)"))
        connection.execute(_version.insert(), {"version": 0})
        version = 0
    if version > len(steps):
        raise ConfigurationError(
            f"the journal is of version {version}, and this facegate knows {len(steps)}; use the"
            " newer one"
        )
    for step in steps[version:]:
        for statement in step:
            connection.execute(text(statement))
    if version < len(steps):
        connection.execute(_version.update(), {"version": len(steps)})
