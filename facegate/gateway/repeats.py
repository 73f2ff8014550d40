"""Repeated requests, each answered once: an outcome that may have cost something is kept."""

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
"""Bytes that a kept completion takes beside its body, roughly."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished request, with its reply.

    Attributes:
        reply: as it was sent.
        stays: whether repetitions get it: it is an answer, or may have cost something all the same.
    """

    reply: HttpReply
    stays: bool

    @classmethod
    def failed(cls, error: FacegateError, reply: HttpReply) -> Completion:
        """The completion of a failure, which stays if any attempt may have been charged for.

        The error itself is not kept: its frames hold pictures.
        """
        return cls(reply, any(each.billed is not Billed.NO for each in error.attempts))


Work = Callable[[], Awaitable[Completion]]


@dataclass(frozen=True, slots=True)
class Repetition:
    """The identity of a request, by which a repetition is told from another request.

    Attributes:
        name: SHA-256 of the API, the caller and the caller's own id of the request.
        content: SHA-256 of what was asked.
    """

    name: bytes
    content: bytes

    @classmethod
    def of(cls, api: str, caller: str, caller_id: str, request: HttpRequest) -> Repetition:
        """Digest a request with its caller's own id; takes a while for a heavy one."""
        content = hashlib.sha256(f"{request.method}\0{request.target}\0".encode())
        for part in request.body:
            content.update(part)
        name = hashlib.sha256("\0".join((api, caller, caller_id)).encode()).digest()
        return cls(name, content.digest())


@dataclass(eq=False, slots=True)
class _First:
    """The first request of its name, and its reply; None if the request broke off."""

    content: bytes
    request_id: str
    done: anyio.Event = field(default_factory=anyio.Event)
    reply: HttpReply | None = None
    ends: float = 0.0

    @property
    def weight(self) -> int:
        return _OVERHEAD + (len(self.reply.body) if self.reply else 0)


class Repeats:
    """Requests in work and their outcomes, so that each is answered once; used on one event loop.

    A repetition of a request in work waits for it and gets the same. Afterwards it gets the same
    for ``seconds``, if the first one was answered, or failed and may have been charged for. A
    failure without a cost is forgotten, so that trying again helps.

    Args:
        seconds: how long outcomes are kept.
        max_bytes: their weight together at most; the oldest are forgotten first.
        clock: monotonic time in seconds.
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

    async def once(self, repetition: Repetition, request_id: str, work: Work) -> HttpReply:
        """Do the work, unless it was done or is being done.

        Raises:
            InvalidRequest: something else was asked under this name.
            UnmappedError: the first request broke off, and what it has cost is not known.
        """
        self._forget()
        name, content = repetition.name, repetition.content
        first = self._working.get(name) or self._kept.get(name)
        if first is None:
            return await self._work(name, _First(content, request_id), work)
        if first.content != content:
            raise InvalidRequest("another request was sent under the same id")
        await first.done.wait()
        if first.reply is None:
            raise UnmappedError("what became of the first request is not known")
        headers = {**first.reply.headers, HEADER: first.request_id}
        return replace(first.reply, headers=headers)

    async def _work(self, name: bytes, first: _First, work: Work) -> HttpReply:
        self._working[name] = first
        stays = True  # if it breaks off
        try:
            completion = await work()
            first.reply, stays = completion.reply, completion.stays
            return completion.reply
        finally:
            del self._working[name]
            if stays:
                self._keep(name, first)
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
