"""Keys: what callers present, and what each of them may do.

A key reads ``fg_<id>_<secret>_<check>``. The id is public: it is in logs, metrics and the journal.
The secret is 160 random bits, of which only the SHA-256 is kept: so many bits need no slow hash.
The check tells a typo from a key before anything is looked up.

Keys are in the configuration, where they change with it alone, or in the journal's database, where
``facegate keys`` makes, revokes and rotates them and every process knows of it within a second.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
import zlib
from base64 import b32encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from facegate.document import secret_text
from facegate.errors import (
    ConfigurationError,
    FacegateError,
    Fault,
    InvalidRequest,
    JournalUnavailable,
)
from facegate.gateway.grants import SCOPES, Grant, KeySettings, money, per
from facegate.model import Operation

if TYPE_CHECKING:
    from facegate.gateway.stored import StoredKeys

_KEY = re.compile(r"fg_([a-z2-7]{12})_([a-z2-7]{32})_([a-z2-7]{7})")
_HASH = re.compile(r"[0-9a-f]{64}")
_NOBODY = "0" * 64
"""The hash of a secret that nobody has: a key that is not there takes as long as a wrong secret."""
_MARK = 16
"""Digits of a secret's hash that a session holds on to."""
_KNOWN_S = 1.0
"""Seconds that a process goes by what it has looked up."""


class KeyRefused(FacegateError):
    """There is no key, or none that holds."""

    http_status = 401
    fault = Fault.CALLER


class NotAllowed(FacegateError):
    """The key does not permit what was asked."""

    http_status = 403
    fault = Fault.CALLER


class NoSuchKey(InvalidRequest):
    """There is no key of this id in the database, or it is revoked."""

    http_status = 404


@dataclass(frozen=True)
class Caller:
    """A caller, by their key.

    Attributes:
        id: the key's public id; None for this machine, where there are no keys.
        name: the key's name.
        scopes: what it is for.
        routes: routes that it may name, the first of which answers by default; None for all.
        operations: questions that it may ask; None for all.
        rate: most questions, and the seconds in any of which they may begin; None for no limit.
        at_once: most questions at once; None for no limit.
        budget: most money, and the period, ``day`` or ``month``; None for no limit.
        soft_budget: money after which it is told, and the period.
        mark: beginning of the hash of the secret that was presented.
    """

    id: str | None
    name: str
    scopes: frozenset[str]
    routes: tuple[str, ...] | None = None
    operations: frozenset[Operation] | None = None
    rate: tuple[int, int] | None = None
    at_once: int | None = None
    budget: tuple[float, str] | None = None
    soft_budget: tuple[float, str] | None = None
    mark: str = field(default="", repr=False)

    @property
    def session(self) -> str:
        """What a session of the caller's holds on to: the key, and the secret that it came with."""
        return f"{self.id}:{self.mark}"

    @classmethod
    def local(cls) -> Caller:
        """This machine, where there are no keys: everything is permitted."""
        return cls(None, "local", frozenset(SCOPES))

    def may_see(self, route: str) -> bool:
        """Whether the key is for a route."""
        return self.routes is None or route in self.routes

    @classmethod
    def of(cls, key: StoredKey, mark: str = "") -> Caller:
        """The caller whose key this is, who came with a secret whose hash begins so."""
        grant = key.grant
        return cls(
            key.id,
            key.name,
            frozenset(grant.scopes),
            grant.routes,
            None if grant.operations is None else frozenset(grant.operations),
            None if grant.rate is None else per(grant.rate),
            grant.at_once,
            money(grant.budget),
            money(grant.soft_budget),
            mark,
        )


@dataclass(frozen=True)
class StoredKey:
    """A key as it is kept, without its secret.

    Attributes:
        id: public.
        name: for people.
        hash: SHA-256 of the secret, in hex.
        grant: what it permits.
        made: the moment it was made; None for one of the configuration.
        revoked: the moment it was revoked; None where it was not.
        old_hash: of the secret before the last rotation.
        old_until: the moment after which that secret is void.
        in_file: whether it is in the configuration.
    """

    id: str
    name: str
    hash: str = field(repr=False)
    grant: Grant
    made: datetime | None = None
    revoked: datetime | None = None
    old_hash: str | None = field(default=None, repr=False)
    old_until: datetime | None = None
    in_file: bool = False

    def holds(self, now: datetime) -> bool:
        """Whether it is neither revoked nor void."""
        until = self.grant.until
        return self.revoked is None and (until is None or now <= until)

    def fits(self, digest: str, now: datetime) -> bool:
        """Whether a secret's hash, or its beginning, is the key's; both are compared always."""
        old = self.old_hash if self.old_until is not None and now <= self.old_until else None
        new = hmac.compare_digest(self.hash[: len(digest)], digest)
        return hmac.compare_digest((old or _NOBODY)[: len(digest)], digest) or new


@dataclass(frozen=True)
class NewKey:
    """A key that was just made.

    Attributes:
        text: the whole key, which nobody can tell again.
        id: its public part.
        hash: SHA-256 of its secret, in hex.
    """

    text: str = field(repr=False)
    id: str
    hash: str = field(repr=False)


def new_key(key_id: str | None = None) -> NewKey:
    """A key, drawn at random.

    Args:
        key_id: the id of one that gets another secret; drawn as well if absent.
    """
    key_id = key_id or _text(secrets.token_bytes(8))[:12]
    secret = _text(secrets.token_bytes(20))
    return NewKey(f"fg_{key_id}_{secret}_{_check(key_id, secret)}", key_id, _digest(secret))


class Keys:
    """The keys that there are.

    All of the database's are known at once, and looked up anew every second: so a key that was made
    up costs nobody a look, and tells by its time nothing of those that there are.

    Attributes:
        in_file: keys of the configuration, by name.
        store: keys of the database; None where there is none.

    Args:
        in_file: keys of the configuration, by name, as they are written.
        store: keys of the database.
        clock: monotonic time in seconds.

    Raises:
        ConfigurationError: a key of the configuration that cannot be used, naming it.
    """

    def __init__(
        self,
        in_file: Mapping[str, KeySettings] = {},
        store: StoredKeys | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store, self._clock = store, clock
        self.in_file = {name: _of_file(name, each) for name, each in in_file.items()}
        self._by_hash = {key.hash: key for key in self.in_file.values()}
        if len(self._by_hash) < len(self.in_file):
            raise ConfigurationError("serve.api.keys: two keys have the same hash")
        self._turn = anyio.Lock()
        self._until = float("-inf")
        self._stored: Mapping[str, StoredKey] | str = {}

    async def find(self, presented: str) -> Caller:
        """The caller who presents a key.

        Raises:
            KeyRefused: it is none, or does not hold; which of these is not said.
            JournalUnavailable: it cannot be looked up.
        """
        parts = _KEY.fullmatch(presented)
        if parts is None or parts[3] != _check(parts[1], parts[2]):
            raise KeyRefused("that is no key; is a letter of it wrong?")
        digest, now = _digest(parts[2]), datetime.now(UTC)
        key = self._by_hash.get(digest) or (await self._looked_up()).get(parts[1]) or _NO_KEY
        if not key.fits(digest, now) or not key.holds(now):
            raise _refused()
        return Caller.of(key, digest[:_MARK])

    async def known(self, session: str) -> Caller:
        """The caller of a :attr:`Caller.session` that began with a key.

        Raises:
            KeyRefused: it does not hold any more.
            JournalUnavailable: it cannot be looked up.
        """
        key_id, _, mark = session.partition(":")
        key = self.in_file.get(key_id) or (await self._looked_up()).get(key_id)
        now = datetime.now(UTC)
        if key is None or len(mark) != _MARK or not key.fits(mark, now) or not key.holds(now):
            raise _refused()
        return Caller.of(key, mark)

    def replace(self, in_file: Mapping[str, KeySettings]) -> None:
        """Go on with other keys of the configuration.

        Raises:
            ConfigurationError: one that cannot be used, naming it; then nothing has changed.
        """
        again = Keys(in_file)
        self.in_file, self._by_hash = again.in_file, again._by_hash

    async def exist(self) -> bool:
        """Whether there is any key, in the configuration or the database, be it void.

        Raises:
            JournalUnavailable: it cannot be looked up.
        """
        return bool(self.in_file or await self._looked_up())

    def forget(self) -> None:
        """Look keys up anew when the next one is presented: this process has changed one."""
        self._until = float("-inf")

    async def _looked_up(self) -> Mapping[str, StoredKey]:
        """Keys of the database by id, as they were a second ago at most.

        A failure holds for a second as well: requests do not wait in line for a database that is
        away.
        """
        if self.store is None:
            return {}
        async with self._turn:
            if self._clock() >= self._until:
                begun = self._clock()
                try:
                    self._stored = {key.id: key for key in await run_sync(self.store.all)}
                except JournalUnavailable as error:
                    self._stored, begun = error.message, self._clock()
                self._until = begun + _KNOWN_S
            found = self._stored
        if isinstance(found, str):
            raise JournalUnavailable(found)
        return found


def _refused() -> KeyRefused:
    return KeyRefused("the key is not known, void or revoked")


_NO_KEY = StoredKey("", "", _NOBODY, Grant(scopes=("verify",)))


def _of_file(name: str, settings: KeySettings) -> StoredKey:
    where = f"serve.api.keys.{name}"
    if name == Caller.local().name:
        raise ConfigurationError(f"{where}: that name is for this machine without a key")
    if (settings.hash is None) == (settings.hash_file is None):
        raise ConfigurationError(f"{where}: give hash or hash_file")
    found = settings.hash
    if settings.hash_file is not None:
        found = secret_text(settings.hash_file, f"{where}.hash_file").strip()
    if found is None or not _HASH.fullmatch(found):
        raise ConfigurationError(
            f"{where}: not a SHA-256 in hex; facegate keys create --hash prints one"
        )
    return StoredKey(name, name, found, settings, in_file=True)


def _text(some: bytes) -> str:
    return b32encode(some).decode().rstrip("=").lower()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _check(key_id: str, secret: str) -> str:
    """A checksum that no change of a single letter leaves as it was."""
    return _text(zlib.crc32(f"{key_id}_{secret}".encode()).to_bytes(4))
