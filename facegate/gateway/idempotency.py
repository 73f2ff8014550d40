"""Requests under an id of the caller's own, each answered once, whichever process it comes to.

Kept is what may have cost something: an answer, or a failure that a provider may have charged for.
A failure that surely cost nothing is forgotten, so that trying again is trying again. A request
whose process died is never tried again under its id: nobody knows what the vendor has seen and
charged, so the caller decides, with a new id.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from anyio import CancelScope
from anyio.to_thread import run_sync

from facegate.errors import FacegateError, Fault, InvalidRequest, JournalUnavailable
from facegate.events import RECORD_S
from facegate.gateway.keys import Caller
from facegate.gateway.repeats import Completion, Work
from facegate.model import Billed
from facegate.runtime.flow import HttpReply, HttpRequest

if TYPE_CHECKING:
    from facegate.gateway.replies import Replies
    from facegate.journal.journal import Journal

REPLAYED = "idempotent-replayed"
"""Header of a reply that was given before."""
KEPT_S = 86_400.0
"""Seconds that a reply is kept."""
_SLACK_S = 5.0
"""Seconds that a request may take beside its deadline and its recording."""
_ID = re.compile(r"[!-~]{1,255}")
_BOUNDARY = re.compile(rb'multipart/.*;\s*boundary="?([^";]{1,70})', re.IGNORECASE)
_LOG = logging.getLogger("facegate.gateway")


class StillRunning(InvalidRequest):
    """The first request under this id is not answered yet."""

    http_status = 409
    retry_after = 1.0


class OtherRequest(InvalidRequest):
    """Something else was asked under this id."""

    http_status = 422


class OutcomeUnknown(FacegateError):
    """The first request under this id broke off, and what it has cost is not known."""

    http_status = 409
    fault = Fault.CALLER
    billed = Billed.MAYBE


@dataclass(frozen=True, slots=True)
class Ticket:
    """One try of a request under an id of the caller's.

    Attributes:
        name: keyed hash of the caller and their id of the request, in hex.
        content: keyed hash of what was asked, in hex; without the key, nobody can find out whether
            a picture of theirs was sent.
        token: random, so that only the process which has begun can end it.
        request_id: id of the request, by which it is found where a person is erased.
    """

    name: str
    content: str
    token: str
    request_id: str


class Idempotency:
    """The requests that were answered, or are being answered, under ids of their callers.

    Args:
        replies: where they are kept; None refuses such ids, as nobody could heed them.
        key: secret of the hashes, up to 64 bytes.
        clock: seconds since 1970, which all processes agree on to a few seconds.
    """

    def __init__(
        self,
        replies: Replies | None = None,
        key: bytes = b"",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._replies, self._key, self._clock = replies, key, clock

    @classmethod
    def of(cls, journal: Journal | None, clock: Callable[[], float] = time.time) -> Idempotency:
        """Those in a journal's database.

        Raises:
            JournalUnavailable: the database failed.
        """
        if journal is None:
            return cls()
        from facegate.gateway.replies import Replies
        from facegate.gateway.stored import secret

        return cls(Replies(journal.store), secret(journal.store, "idempotency"), clock)

    async def once(  # noqa: PLR0917  they are all of a request, and in the order of its way
        self,
        caller: Caller,
        value: str,
        request: HttpRequest,
        request_id: str,
        deadline_s: float,
        work: Work,
    ) -> HttpReply:
        """Do the work, unless it was done or begun under this id.

        Args:
            caller: whose id it is; another's is another id.
            value: the id, as ``Idempotency-Key`` had it.
            request: what is asked.
            request_id: its id in the journal.
            deadline_s: seconds after which it must have ended.
            work: answers it.

        Raises:
            StillRunning: it is being answered.
            OutcomeUnknown: whoever answered it died, or was stopped.
            OtherRequest: something else was asked under this id.
            InvalidRequest: no such id is possible, or there is no journal.
            JournalUnavailable: the database failed, so nothing was asked.
        """
        replies = self._replies
        if replies is None:
            raise InvalidRequest("Idempotency-Key needs [journal], where replies are kept")
        if not _ID.fullmatch(value):
            raise InvalidRequest("Idempotency-Key: 1 to 255 visible characters of ASCII")

        def begin() -> tuple[Ticket, HttpReply | None]:
            ticket, now = self._ticket(caller, value, request, request_id), self._clock()
            return ticket, replies.begin(ticket, now, now + deadline_s + RECORD_S + _SLACK_S)

        ticket, kept = await run_sync(begin)
        if kept is not None:
            return replace(kept, headers={**kept.headers, REPLAYED: "true"})
        completion = None
        try:
            completion = await work()
        finally:
            with CancelScope(shield=True):
                await run_sync(self._end, replies, ticket, completion)
        return completion.reply

    def _ticket(self, caller: Caller, value: str, request: HttpRequest, request_id: str) -> Ticket:
        name = self._hash(f"{caller.id or ''}\0{value}".encode())
        content = blake2b(key=self._key, digest_size=32)
        content.update(f"{request.method}\0{request.target}\0".encode())
        # Who sends a form again draws another boundary, which is all that differs then.
        found = _BOUNDARY.match(request.headers.get("content-type", "").encode())
        for part in request.body:
            for piece in part.split(b"--" + found[1]) if found else (part,):
                content.update(len(piece).to_bytes(8))  # where the boundary stood
                content.update(piece)
        return Ticket(name, content.hexdigest(), secrets.token_hex(16), request_id)

    def _hash(self, text: bytes) -> str:
        return blake2b(text, key=self._key, digest_size=32).hexdigest()

    def _end(self, replies: Replies, ticket: Ticket, completion: Completion | None) -> None:
        """Note how it ended; where that fails it counts as broken off, which is safe."""
        try:
            if completion is None:
                replies.break_off(ticket, self._clock())
            elif completion.stays:
                replies.keep(ticket, completion.reply, self._clock() + KEPT_S)
            else:
                replies.forget(ticket)
        except JournalUnavailable as error:
            _LOG.warning("a reply was not kept: %s", error.message)
