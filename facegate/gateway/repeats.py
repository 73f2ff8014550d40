"""A request that a client sends again is answered once: what may have cost something stays."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import anyio

from facegate.errors import FacegateError, InvalidRequest, UnmappedError
from facegate.model import Billed
from facegate.runtime.flow import HttpReply, HttpRequest

HEADER = "x-facegate-repeats"
"""Header of a reply that was given before: the id of the request that was really answered."""
_OVERHEAD = 1024
"""Bytes that an outcome takes beside its body, roughly."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    Attributes:
        reply: as it was sent.
        stays: it was answered, or may have cost something all the same.
    """

    reply: HttpReply
    stays: bool

    @classmethod
    def failed(cls, error: FacegateError, reply: HttpReply) -> Outcome:
        """Of a failure, which stays if any attempt may have been charged for.

        The error itself is not kept: its frames hold pictures.
        """
        return cls(reply, any(each.billed is not Billed.NO for each in error.attempts))


Work = Callable[[], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Repetition:
    """What tells a repetition from another request.

    Attributes:
        name: digest of the API, the caller and the caller's own id of the request.
        content: digest of what was asked.
    """

    name: bytes
    content: bytes

    @classmethod
    def of(cls, api: str, caller: str, given: str, request: HttpRequest) -> Repetition:
        """Digest a request whose caller calls it ``given``; takes a while for a heavy one."""
        content = hashlib.sha256(f"{request.method}\0{request.target}\0".encode())
        for part in request.body:
            content.update(part)
        name = hashlib.sha256("\0".join((api, caller, given)).encode()).digest()
        return cls(name, content.digest())


@dataclass(eq=False, slots=True)
class _First:
    """The first request of its name, and what became of it; no reply if it broke off."""

    content: bytes
    request_id: str
    done: anyio.Event = field(default_factory=anyio.Event)
    reply: HttpReply | None = None
    ends: float = 0.0

    @property
    def weight(self) -> int:
        return _OVERHEAD + (len(self.reply.body) if self.reply else 0)


class Repeats:
    """Answers each request once; used on one event loop alone.

    A repetition of a request in work waits for it and gets the same. Afterwards it gets the same
    for ``seconds``, if the first one was answered, or failed and may have been charged for. What
    failed without a cost is forgotten, so that trying again helps.

    Args:
        seconds: how long outcomes are kept.
        max_bytes: what they weigh together at most; the oldest are forgotten first.
        clock: tells the time in seconds.
    """

    def __init__(
        self,
        seconds: float = 60.0,
        max_bytes: int = 16 * 2**20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._most, self._clock = seconds, max_bytes, clock
        self._working: dict[bytes, _First] = {}
        self._kept: OrderedDict[bytes, _First] = OrderedDict()
        self._weight = 0

    async def once(self, asked: Repetition, request_id: str, work: Work) -> HttpReply:
        """Do the work, unless it was done or is being done.

        Raises:
            InvalidRequest: something else was asked under this name.
            UnmappedError: the first request broke off, and what it has cost is not known.
        """
        self._forget()
        first = self._working.get(asked.name) or self._kept.get(asked.name)
        if first is None:
            return await self._work(asked, _First(asked.content, request_id), work)
        if first.content != asked.content:
            raise InvalidRequest("another request was sent under the same id")
        await first.done.wait()
        if first.reply is None:
            raise UnmappedError("what became of the first request is not known")
        headers = {**first.reply.headers, HEADER: first.request_id}
        return replace(first.reply, headers=headers)

    async def _work(self, asked: Repetition, first: _First, work: Work) -> HttpReply:
        self._working[asked.name] = first
        stays = True  # if it breaks off
        try:
            outcome = await work()
            first.reply, stays = outcome.reply, outcome.stays
            return outcome.reply
        finally:
            del self._working[asked.name]
            if stays:
                self._keep(asked.name, first)
            first.done.set()

    def _keep(self, name: bytes, first: _First) -> None:
        first.ends = self._clock() + self._seconds
        self._kept[name] = first
        self._weight += first.weight
        self._forget()

    def _forget(self) -> None:
        """Drop what is too old, and the oldest of what is too much."""
        now = self._clock()
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if now < oldest.ends and self._weight <= self._most:
                return
            self._kept.popitem(last=False)
            self._weight -= oldest.weight
