"""Keys as they are managed over HTTP: listed, made, rotated, revoked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from facegate.gateway.grants import Grant
from facegate.gateway.keys import Keys, NewKey, StoredKey
from facegate.gateway.listing import KeyView
from facegate.gateway.native.decisions import answered
from facegate.gateway.native.endpoint import Action, Incoming
from facegate.gateway.native.wire import Message, message
from facegate.runtime.flow import HttpReply

if TYPE_CHECKING:
    from facegate.gateway.stored import StoredKeys

OVERLAP_S = 86_400
"""Seconds that a rotated key's old secret holds on where nobody says otherwise."""


class MadeKey(KeyView):
    """A key that was just made, with what its caller presents; nobody can tell that again."""

    key: str = Field(repr=False)


class KeyList(BaseModel):
    """All keys: those of the configuration, then those of the database, the newest first."""

    keys: list[KeyView]


class KeyMessage(Message, Grant):
    """A key that is to be made."""

    # The checks of a table see lists, which a strict model takes in JSON alone.
    model_config = ConfigDict(strict=False)

    name: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\x00]*$", description="For people."
    )


class RotationMessage(Message):
    """A rotation."""

    overlap_s: int = Field(
        default=OVERLAP_S, ge=0, le=90 * 86_400, description="How long the old secret holds on."
    )


@dataclass(frozen=True)
class Administration:
    """The handlers of keys.

    Attributes:
        keys: the keys that there are; those in the file are only listed.
    """

    keys: Keys

    def actions(self) -> Iterator[Action]:
        """The actions on keys."""
        managing = partial(Action, scope="admin")
        yield managing(
            name="listKeys",
            method="GET",
            path="/v1/keys",
            handler=self.listed,
            summary="Keys, without their secrets",
            answer=KeyList,
        )
        if self.keys.store is None:
            return
        yield managing(
            name="createKey",
            method="POST",
            path="/v1/keys",
            handler=partial(self.created, self.keys.store),
            summary="A new key; what its caller presents is shown this once",
            answer=MadeKey,
            body=KeyMessage,
            status=201,
        )
        yield managing(
            name="revokeKey",
            method="DELETE",
            path="/v1/keys/{key_id}",
            handler=partial(self.revoked, self.keys.store),
            summary="A key, made void for good",
            answer=KeyView,
            problems=(404,),
        )
        yield managing(
            name="rotateKey",
            method="POST",
            path="/v1/keys/{key_id}/rotation",
            handler=partial(self.rotated, self.keys.store),
            summary="A key with another secret; the one before holds on for a while",
            answer=MadeKey,
            body=RotationMessage,
            problems=(404,),
        )

    async def listed(self, _: Incoming) -> HttpReply:
        stored = await run_sync(self.keys.store.all) if self.keys.store else ()
        known = [*self.keys.in_file.values(), *stored]
        return answered(KeyList(keys=[KeyView.of(each) for each in known]), _LIST)

    async def created(self, store: StoredKeys, incoming: Incoming) -> HttpReply:
        asked = message(KeyMessage, incoming.request)
        grant = Grant(**{name: getattr(asked, name) for name in Grant.model_fields})
        grant.refuse_past()
        made = await run_sync(store.create, asked.name, grant, incoming.caller.id)
        self.keys.forget()
        return _shown(*made, status=201)

    async def revoked(self, store: StoredKeys, incoming: Incoming) -> HttpReply:
        key = await run_sync(store.revoke, incoming.path["key_id"], incoming.caller.id)
        self.keys.forget()
        return answered(KeyView.of(key), _KEY)

    async def rotated(self, store: StoredKeys, incoming: Incoming) -> HttpReply:
        asked = RotationMessage()
        if any(incoming.request.body):
            asked = message(RotationMessage, incoming.request)
        key_id, overlap = incoming.path["key_id"], timedelta(seconds=asked.overlap_s)
        made = await run_sync(store.rotate, key_id, overlap, incoming.caller.id)
        self.keys.forget()
        return _shown(*made)


def _shown(key: StoredKey, made: NewKey, status: int = 200) -> HttpReply:
    view = KeyView.of(key)
    return answered(MadeKey(**view.model_dump(), key=made.text), _MADE, status)


_LIST: TypeAdapter[KeyList] = TypeAdapter(KeyList)
_KEY: TypeAdapter[KeyView] = TypeAdapter(KeyView)
_MADE: TypeAdapter[MadeKey] = TypeAdapter(MadeKey)
