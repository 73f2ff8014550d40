"""Replies that are kept in the journal's database, for requests that come again."""

from __future__ import annotations

import hmac
import json
from dataclasses import asdict

from sqlalchemy import Connection, RowMapping, delete, select, text, update
from sqlalchemy.sql.dml import Update

from facegate.gateway.idempotency import OtherRequest, OutcomeUnknown, StillRunning, Ticket
from facegate.journal.schema import replies
from facegate.journal.store import Store
from facegate.runtime.flow import HttpReply

# Two may begin at once; whoever comes second finds the first one's row.
_BEGIN = text(
    f"INSERT INTO {replies.name} (name, content, token, request_id, ends)"  # noqa: S608  a constant
    " VALUES (:name, :content, :token, :request_id, :ends) ON CONFLICT (name) DO NOTHING"
)


class Replies:
    """The replies; every method blocks, and raises JournalUnavailable where the database fails.

    Args:
        store: the journal's database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, ticket: Ticket, now: float, ends: float) -> HttpReply | None:
        """The reply of the first request under this name; None where this is the first.

        Args:
            ticket: the try that is to begin.
            now: the moment, in seconds since 1970.
            ends: the moment when it must be over.

        Raises:
            StillRunning, OutcomeUnknown, OtherRequest: see :class:`Idempotency`.
        """
        row = {**asdict(ticket), "ends": ends}
        with self._store.transaction() as connection:
            _forget_old(connection, now)
            if connection.execute(_BEGIN, row).rowcount:
                return None
            wanted = select(replies).where(replies.c.name == ticket.name)
            found = connection.execute(wanted).mappings().first()
        return _judged(found, ticket, now)

    def keep(self, ticket: Ticket, reply: HttpReply, ends: float) -> None:
        """Keep the reply until a moment."""
        kept = {
            "status": reply.status,
            "headers": json.dumps(dict(reply.headers)),
            "body": reply.body.decode(),
            "ends": ends,
        }
        with self._store.transaction() as connection:
            connection.execute(_of(ticket).values(kept))

    def break_off(self, ticket: Ticket, now: float) -> None:
        """Note that nobody will learn how it ended."""
        with self._store.transaction() as connection:
            connection.execute(_of(ticket).values(ends=now))

    def forget(self, ticket: Ticket) -> None:
        """Forget it, as if it had never been."""
        with self._store.transaction() as connection:
            mine = replies.c.name == ticket.name, replies.c.token == ticket.token
            connection.execute(delete(replies).where(*mine))


def _of(ticket: Ticket) -> Update:
    mine = replies.c.name == ticket.name, replies.c.token == ticket.token
    return update(replies).where(*mine)


def _forget_old(connection: Connection, now: float) -> None:
    """Forget replies whose time is over, and never one that broke off."""
    over = replies.c.ends <= now, replies.c.status.is_not(None)
    connection.execute(delete(replies).where(*over))


def _judged(found: RowMapping | None, ticket: Ticket, now: float) -> HttpReply | None:
    if found is None:  # it failed without a cost just now
        raise StillRunning("the same request has just failed; send it again")
    if not hmac.compare_digest(found["content"], ticket.content):
        raise OtherRequest("another request was sent under this Idempotency-Key")
    if found["status"] is not None:
        return HttpReply(found["status"], json.loads(found["headers"]), found["body"].encode())
    if now < found["ends"]:
        raise StillRunning("the request is being answered; send it again in a moment")
    raise OutcomeUnknown(
        "what became of the request is not known, nor what it has cost; to ask all the same, send"
        " it under another Idempotency-Key"
    )
