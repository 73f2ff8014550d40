"""Bodies on their way in: read within bounds of weight and time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto

import anyio
from starlette.types import Receive

from facegate.gateway.repeats import Repeats
from facegate.gateway.settings import Limits


class Unread(Enum):
    """The reason why a body was not read whole."""

    TOO_HEAVY = auto()
    LATE = auto()
    HUNG_UP = auto()


@dataclass
class Shared:
    """State that all endpoints share; used on one event loop alone.

    Attributes:
        limits: bounds on what one caller may cost.
        public: host and leading path that callers know, where a proxy changes them on the way.
        busy: requests in work.
        arriving: bodies of a key's that are still on their way, by key.
    """

    limits: Limits
    public: tuple[str, str] = ("", "")
    repeats: Repeats = field(default_factory=Repeats)
    busy: int = 0
    arriving: Counter[str] = field(default_factory=Counter)

    def is_full(self, key: str) -> bool:
        """Whether one more request of a key has to wait.

        Who claims a key may not have it: signatures are checked once the body is there. So bodies
        that do not arrive take half of the places at most, and the other keys' callers go on.
        """
        most = self.limits.max_requests
        return self.busy >= most or (bool(key) and self.arriving[key] >= -(-most // 2))

    async def body(self, receive: Receive, key: str, declared: str) -> bytes | Unread:
        """The whole body of a request.

        The server throws away what is left unread of it.

        Args:
            receive: gives its pieces.
            key: whose request it claims to be.
            declared: its ``Content-Length``; empty for none.
        """
        self.arriving[key] += 1
        try:
            return await self._read(receive, declared)
        finally:
            self.arriving[key] -= 1

    async def _read(self, receive: Receive, declared: str) -> bytes | Unread:
        most, parts, size = self.limits.max_body_bytes, list[bytes](), 0
        if declared.isdigit() and int(declared) > most:
            return Unread.TOO_HEAVY
        with anyio.move_on_after(self.limits.body_timeout_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return Unread.HUNG_UP
                parts.append(message["body"])
                size += len(parts[-1])
                if size > most:
                    return Unread.TOO_HEAVY
                if not message["more_body"]:
                    return b"".join(parts)
        return Unread.LATE
