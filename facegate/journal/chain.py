"""The chain: what makes a record follow from the one before it. No database is known here.

Without a key, the chain shows what was altered by somebody who did not, or could not, hash all that
follows anew. With ``[journal] chain_key`` a record's hash is an HMAC under that key, and whoever
can write the database but does not have the key cannot append, alter or empty a record unseen:

- The key is never in the database. A record of the kind ``seal`` says from where on the hashes are
  keyed; its own is the first. A new journal begins with it, and an older one goes on with it once
  somebody has said so (``facegate journal seal``): were it written by itself, a forger who hashed
  the whole journal anew without a key would have it written behind the forgery.
- The row that holds the head also holds a mark of the key, which every writer compares with its
  own. So no process that was left with an older configuration goes on without the key, or with
  another. The mark proves nothing: verification asks for the sealing record itself.
- A purge that removes the sealing record says in its own, which is keyed, that the key was in use.

A key is for the life of a journal; it is not changed. Cutting off the end shows, with a key or
without, only against a head that was kept elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from facegate.errors import InvalidRequest

# Whatever a forger put into a column is something that can be hashed.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=repr).encode

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
    CANARY = "canary"
    SEAL = "seal"


@dataclass(frozen=True, slots=True)
class Record:
    """A record that is to be appended.

    Attributes:
        kind: its subject.
        at: when it happened: UTC, in ISO 8601 with microseconds, so that text sorts as time does.
        content: columns by name; None is left out.
        salt: random, in hexadecimal, so that nobody can guess the content of a record from its
            hash.
        content_hash: of its salt and its content, where it has been worked out.
        primary_at: of a shadow's request, when its primary's began; it is not kept.
    """

    kind: Kind
    at: str
    content: Mapping[str, Any]
    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    content_hash: str = ""
    primary_at: str | None = None

    def hashed(self) -> Record:
        """The same with its hash worked out, which is better done here than while others wait."""
        return replace(self, content_hash=digest(self.content, self.salt))


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
        hash: of the hash before it, number, kind, time and content hash, in hexadecimal: SHA-256,
            or HMAC-SHA-256 under the journal's key.
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
        if not re.fullmatch("[0-9]{1,18}", seq) or len(digest) != len(START):
            raise InvalidRequest("a head is a number and a hash: 1234:0a1b...")
        return cls(int(seq), digest)

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


def digest(content: Mapping[str, Any], salt: str) -> str:
    """The hash of a record's content, in hexadecimal."""
    columns = {name: value for name, value in content.items() if value is not None}
    return hashlib.sha256(f"{salt}{_canonical(columns)}".encode()).hexdigest()


def mark(key: bytes) -> str:
    """The mark of a key, which tells nothing about it; in hexadecimal."""
    return hmac.digest(key, b"facegate journal", "sha256").hex()[:16]


def link(
    previous: str, seq: int, kind: str, at: str, content_hash: str, *, key: bytes | None
) -> str:
    """The hash of a record, made of the hash before it, with the key if there is one."""
    text = f"{previous}|{seq}|{kind}|{at}|{content_hash}".encode()
    return hmac.digest(key, text, "sha256").hex() if key else hashlib.sha256(text).hexdigest()


def chained(
    head: Head, records: Iterable[Record], key: bytes | None = None
) -> Iterator[StoredRecord]:
    """The records with their numbers and hashes, following ``head``."""
    for seq, record in enumerate(records, head.seq + 1):
        content_hash = record.content_hash or digest(record.content, record.salt)
        linked = link(head.hash, seq, record.kind, record.at, content_hash, key=key)
        head = Head(seq, linked)
        yield StoredRecord(
            seq, record.kind, record.at, record.content, record.salt, content_hash, head.hash
        )
