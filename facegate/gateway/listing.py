"""Keys as they are listed, on a terminal and over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import BaseModel

from facegate.gateway.grants import Grant, Permission
from facegate.gateway.keys import StoredKey
from facegate.model import Operation


class KeyView(BaseModel):
    """A key, without its secret.

    Attributes:
        id: its public id, as logs and decisions have it; the name of one in the file.
        name: for people.
        home: where it is kept: in the configuration ``file``, or in the ``journal``'s database.
        scopes: what it is for.
        routes: routes that it may name; null for all.
        operations: questions that it may ask; null for all.
        rate: most questions in any such time; null for no limit.
        at_once: most questions at once; null for no limit.
        budget: most money in a day or month; null for no limit.
        soft_budget: money after which replies say so; null where none is set.
        made: the moment it was made; null for one in the file.
        expires: the moment after which it is void; null for never.
        revoked: the moment it was revoked; null where it was not.
        rotated_until: the moment until which its old secret holds on; null where none does.
    """

    id: str
    name: str
    home: Literal["file", "journal"]
    scopes: tuple[Permission, ...]
    routes: tuple[str, ...] | None
    operations: tuple[Operation, ...] | None
    rate: str | None
    at_once: int | None
    budget: str | None
    soft_budget: str | None
    made: datetime | None
    expires: datetime | None
    revoked: datetime | None
    rotated_until: datetime | None

    @classmethod
    def of(cls, key: StoredKey) -> Self:
        """The view of a key."""
        old = key.old_until if key.old_until and key.old_until > datetime.now(UTC) else None
        return cls(
            id=key.id,
            name=key.name,
            home="file" if key.in_file else "journal",
            **{name: getattr(key.grant, name) for name in Grant.model_fields if name != "expires"},
            made=key.made,
            expires=key.grant.until,
            revoked=key.revoked,
            rotated_until=old,
        )
