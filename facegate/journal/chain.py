"""The chain: what makes a record follow from the one before it. No database is known here."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from facegate.errors import InvalidRequest

START = "0" * 64
"""The hash before the first record."""


class Kind(StrEnum):
    """The subject of a record."""

    REQUEST = "request"
    ATTEMPT = "attempt"
    LABEL = "label"
    ERASURE = "erasure"
    PURGE = "purge"
    BATCH = "batch"
    REVIEW = "review"
    CLAIM = "claim"
    KEY = "key"
    RELOAD = "reload"


@dataclass(frozen=True, slots=True)
class Record:
    """A record that is to be appended.

    Attributes:
        kind: its subject.
        at: when it happened: UTC, in ISO 8601 with microseconds, so that text sorts as time does.
        content: columns by name; None is left out.
        salt: random, in hexadecimal, so that nobody can guess the content of a record from its
            hash.
    """

    kind: Kind
    at: str
    content: Mapping[str, Any]
    salt: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as the journal holds it, where anything may have been altered.

    Attributes:
        seq: its number, from 1 on.
        kind: the text of a :class:`Kind`.
        at: when it happened, as text.
        content: columns by name; empty where the record was erased.
        salt: None where the record was erased.
        content_hash: SHA-256 of salt and content, in hexadecimal.
        hash: SHA-256 of the hash before it, number, kind, time and content hash, in hexadecimal.
    """

    seq: int
    kind: str
    at: str
    content: Mapping[str, Any]
    salt: str | None
    content_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain, written ``number:hash``.

    Attributes:
        seq: number of the last record; 0 where there is none.
        hash: of the last record, in hexadecimal.
    """

    seq: int = 0
    hash: str = START

    @classmethod
    def parse(cls, text: str) -> Self:
        """The head that a text like ``1234:0a1b...`` names.

        Raises:
            InvalidRequest: the text is no head.
        """
        seq, _, digest = text.strip().partition(":")
        if not seq.isdecimal() or len(digest) != len(START):
            raise InvalidRequest("a head is a number and a hash: 1234:0a1b...")
        return cls(int(seq), digest)

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


def digest(content: Mapping[str, Any], salt: str) -> str:
    """The hash of a record's content, in hexadecimal."""
    columns = {name: value for name, value in content.items() if value is not None}
    # Whatever a forger put into a column is something that can be hashed.
    text = json.dumps(columns, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(f"{salt}{text}".encode()).hexdigest()


def link(previous: str, seq: int, kind: str, at: str, content_hash: str) -> str:
    """The hash of a record, made of the hash before it; in hexadecimal."""
    return hashlib.sha256(f"{previous}|{seq}|{kind}|{at}|{content_hash}".encode()).hexdigest()


def chained(head: Head, records: Iterable[Record]) -> Iterator[StoredRecord]:
    """The records with their numbers and hashes, following ``head``."""
    for seq, record in enumerate(records, head.seq + 1):
        content_hash = digest(record.content, record.salt)
        head = Head(seq, link(head.hash, seq, record.kind, record.at, content_hash))
        yield StoredRecord(
            seq, record.kind, record.at, record.content, record.salt, content_hash, head.hash
        )
