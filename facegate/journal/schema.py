"""The journal's tables, the same in every database, and the steps that lead to them.

A step is plain SQL that SQLite and PostgreSQL both take, and runs once in the life of a database,
when a facegate that knows it first opens it. Steps only ever go forward: a journal is never
rewritten, its hashes would no longer be true. (A migration tool would bring an environment, a
revision folder and packages of its own for what is one table and a list.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    TextClause,
    inspect,
    select,
    text,
)

from facegate.errors import ConfigurationError
from facegate.journal.chain import START, Kind

_CONTENT: dict[str, type[Boolean | Float[float] | Integer | Text]] = {
    "request_id": Text,
    "given_id": Text,
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


def of_kind(kind: Kind) -> TextClause:
    """The condition that a record is of a kind.

    It is written out: an index of one kind alone is only used where the statement itself says that
    it wants no others.
    """
    return text(f"{records.name}.kind = '{kind}'")


REQUESTS = of_kind(Kind.REQUEST)
PRIMARIES = text(f"{REQUESTS} AND NOT {records.name}.shadow")
"""Requests that are no shadow's."""

reviews = Table(
    "facegate_reviews",
    _metadata,
    Column("request_id", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("claimed_by", Text),
    Column("claimed_until", Text),
)
"""The decisions that a person has to look at, or did. What they did is in the records; this is for
finding the open ones, and who looks at one now."""

head = Table(
    "facegate_head",
    _metadata,
    Column("seq", BigInteger),
    Column("hash", Text),
    Column("seal", Text),
)
"""One row: the last record's, and the mark of the key. Whoever appends locks it first."""

keys = Table(
    "facegate_keys",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("grants", Text, nullable=False),
    Column("made", Text, nullable=False),
    Column("revoked", Text),
    Column("old_hash", Text),
    Column("old_until", Text),
)
"""The keys of a service's callers, without their secrets. ``grants`` is JSON."""

secrets = Table(
    "facegate_secrets",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("secret", Text, nullable=False),
)
"""Secrets that the processes of a service share, in hexadecimal."""

uses = Table(
    "facegate_uses",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("ends", Float, primary_key=True),
    Column("token", Text, primary_key=True),
)
"""What counts against a limit, until it ends; in seconds since 1970."""

budgets = Table(
    "facegate_budgets",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("amount", BigInteger, nullable=False),
)
"""Money that was spent or is reserved in a day or a month, in millionths."""

replies = Table(
    "facegate_replies",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("ends", Float, nullable=False),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", Text),
)
"""Replies for requests that may come again, until they end. One without a status is not there yet,
or will never be."""

rounds = Table(
    "facegate_rounds",
    _metadata,
    Column("provider", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("at", Text, nullable=False),
    Column("changed", Text),
    Column("detail", Text, nullable=False),
)
"""The rounds of a sentinel, which outlive a purge: later ones are held against them. ``seq`` is the
record that proves one. ``changed`` is since when the provider is known to have changed."""

turns = Table(
    "facegate_turns",
    _metadata,
    Column("provider", Text, primary_key=True),
    Column("asked", Float, nullable=False),
    Column("held_until", Float, nullable=False),
)
"""When a provider was asked last, and until when somebody is at that; in seconds since 1970."""

_version = Table("facegate_schema", _metadata, Column("version", Integer))


def _found_by(*columns: str, nullable: bool = False) -> Iterator[str]:
    """Indices for finding requests by a column, the newest first."""
    for column in columns:
        there = f" AND {column} IS NOT NULL" if nullable else ""
        yield (
            f"CREATE INDEX facegate_requests_{column} ON facegate_records ({column}, at, seq)"
            f" WHERE kind = 'request' AND NOT shadow{there}"
        )


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
    (
        "ALTER TABLE facegate_records ADD COLUMN given_id TEXT",
        """
        CREATE TABLE facegate_reviews (
            request_id TEXT NOT NULL PRIMARY KEY,
            seq BIGINT NOT NULL,
            done BOOLEAN NOT NULL,
            claimed_by TEXT,
            claimed_until TEXT
        )
        """,
        "CREATE INDEX facegate_reviews_open ON facegate_reviews (seq) WHERE NOT done",
        "CREATE INDEX facegate_records_label ON facegate_records (request_id, seq)"
        " WHERE kind = 'label'",
        "ALTER TABLE facegate_head ADD COLUMN seal TEXT",
        "DROP INDEX facegate_records_at",
        "CREATE INDEX facegate_records_purge ON facegate_records (seq) WHERE kind = 'purge'",
        "CREATE INDEX facegate_records_seal ON facegate_records (seq) WHERE kind = 'seal'",
        "CREATE INDEX facegate_requests_at ON facegate_records (at, seq) WHERE kind = 'request'",
        "CREATE INDEX facegate_attempts_at ON facegate_records"
        " (at, provider, seconds, error_code, cost) WHERE kind = 'attempt'",
        *_found_by("route", "provider", "operation", "decision"),
        *_found_by("caller", "error_code", "consent_reference", "given_id", nullable=True),
    ),
    (
        """
        CREATE TABLE facegate_keys (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            hash TEXT NOT NULL,
            grants TEXT NOT NULL,
            made TEXT NOT NULL,
            revoked TEXT,
            old_hash TEXT,
            old_until TEXT
        )
        """,
        "CREATE TABLE facegate_secrets (name TEXT NOT NULL PRIMARY KEY, secret TEXT NOT NULL)",
        """
        CREATE TABLE facegate_uses (
            name TEXT NOT NULL,
            ends DOUBLE PRECISION NOT NULL,
            token TEXT NOT NULL,
            PRIMARY KEY (name, ends, token)
        )
        """,
        """
        CREATE TABLE facegate_budgets (
            name TEXT NOT NULL,
            period TEXT NOT NULL,
            amount BIGINT NOT NULL,
            PRIMARY KEY (name, period)
        )
        """,
        """
        CREATE TABLE facegate_replies (
            name TEXT NOT NULL PRIMARY KEY,
            content TEXT NOT NULL,
            token TEXT NOT NULL,
            request_id TEXT NOT NULL,
            ends DOUBLE PRECISION NOT NULL,
            status INTEGER,
            headers TEXT,
            body TEXT
        )
        """,
        "CREATE INDEX facegate_replies_request ON facegate_replies (request_id)",
        "CREATE INDEX facegate_replies_ends ON facegate_replies (ends) WHERE status IS NOT NULL",
    ),
    (
        """
        CREATE TABLE facegate_rounds (
            provider TEXT NOT NULL,
            number INTEGER NOT NULL,
            seq BIGINT NOT NULL,
            at TEXT NOT NULL,
            changed TEXT,
            detail TEXT NOT NULL,
            PRIMARY KEY (provider, number)
        )
        """,
        "CREATE INDEX facegate_uses_ends ON facegate_uses (ends)",
        "CREATE INDEX facegate_records_canary ON facegate_records (seq) WHERE kind = 'canary'",
        """
        CREATE TABLE facegate_turns (
            provider TEXT NOT NULL PRIMARY KEY,
            asked DOUBLE PRECISION NOT NULL,
            held_until DOUBLE PRECISION NOT NULL
        )
        """,
    ),
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
