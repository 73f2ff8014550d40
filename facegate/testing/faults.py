"""A proxy on 127.0.0.1 that stands before a real server and spoils what it answers.

::

    with FaultProxy("http://127.0.0.1:8000") as proxy:
        proxy.will(rate_limited(7), stall(after=20), latency(0.5))
        verifier = facegate.open(plugin="...", base_url=proxy.url, read_s=1)
        ...             # the first request is refused, the second gets 20 bytes and then nothing,
                        # the third is answered late, and all later ones as without a proxy
        with proxy.refusing():
            ...         # no connection at all
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from urllib.parse import urlsplit

from facegate.testing import server
from facegate.testing.server import PendingRequest, Seen, Server, message

_OF_THE_CONNECTION = {"connection", "content-length", "keep-alive", "transfer-encoding"}


@dataclass(frozen=True)
class Answered:
    """A reply of the real server, unspoilt."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def head(self) -> bytes:
        """Status line and headers, with the right length."""
        return message(self.status, self.body, **self.headers)[: -len(self.body) or None]


InjectedFault = Callable[[PendingRequest, Callable[[], Answered]], bool]
"""Function that answers one request; its second argument asks the real server.

True keeps the connection open.
"""


class FaultProxy(Server):
    """Proxy that plays one fault a request, in the order given; then it passes everything on.

    Any number of threads may use it; of several requests at once, the first to arrive meets the
    first fault.

    Args:
        upstream: URL of the real server, plain http.

    Attributes:
        url: the proxy's own URL, for the client's ``base_url``.
        seen: the requests so far, as they came.

    Raises:
        ValueError: the upstream is not an http URL.
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("the upstream is an http:// URL")
        super().__init__(self._play)
        self._upstream = parts
        self._faults: deque[InjectedFault] = deque()

    def will(self, *faults: InjectedFault) -> None:
        """Append faults, one for each request to come."""
        self._faults.extend(faults)

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Cut every connection, and refuse new ones until the block ends."""
        self._hang_up()
        try:
            yield
        finally:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listen()

    def _play(self, line: PendingRequest) -> bool:
        try:
            fault = self._faults.popleft()
        except IndexError:
            fault = passes
        return fault(line, partial(self._ask, line.request))

    def _ask(self, request: Seen) -> Answered:
        upstream = self._upstream
        headers = {n: v for n, v in request.headers.items() if n not in _OF_THE_CONNECTION}
        connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port)
        try:
            target = upstream.path.rstrip("/") + request.target
            connection.request(request.method, target, request.body or None, headers)
            reply = connection.getresponse()
            kept = {n: v for n, v in reply.getheaders() if n.lower() not in _OF_THE_CONNECTION}
            return Answered(reply.status, kept, reply.read())
        except http.client.HTTPException as error:
            raise ConnectionError from error
        finally:
            connection.close()


def passes(line: PendingRequest, ask: Callable[[], Answered]) -> bool:
    """No fault: the real server's reply, untouched."""
    answered = ask()
    line.socket.sendall(answered.head + answered.body)
    return True


def latency(seconds: float) -> InjectedFault:
    """The real server's reply, that many seconds later."""

    def fault(line: PendingRequest, ask: Callable[[], Answered]) -> bool:
        line.stopping.wait(seconds)
        return passes(line, ask)

    return fault


def reset(after: int | None = None) -> InjectedFault:
    """A reset of the connection after so many bytes of the body; before the reply if None."""

    def fault(line: PendingRequest, ask: Callable[[], Answered]) -> bool:
        _begin(line, ask, after)
        return server.reset(line)

    return fault


def stall(after: int | None = None) -> InjectedFault:
    """Silence after so many bytes of the body; before the reply if None."""

    def fault(line: PendingRequest, ask: Callable[[], Answered]) -> bool:
        _begin(line, ask, after)
        return server.stall(line)

    return fault


def wrong_length(off_by: int) -> InjectedFault:
    """A reply whose length is that many bytes more than its body has; fewer if negative."""

    def fault(line: PendingRequest, ask: Callable[[], Answered]) -> bool:
        answered = ask()
        promised = str(len(answered.body) + off_by)
        headers = {**answered.headers, "Content-Length": promised}
        line.socket.sendall(message(answered.status, answered.body, **headers))
        return False

    return fault


def truncated(at: int) -> InjectedFault:
    """A complete HTTP reply whose body is cut after so many bytes, and so is broken JSON."""

    def fault(line: PendingRequest, ask: Callable[[], Answered]) -> bool:
        answered = ask()
        line.socket.sendall(message(answered.status, answered.body[:at], **answered.headers))
        return True

    return fault


def rate_limited(wait: int | datetime) -> InjectedFault:
    """A 429 with a Retry-After, in seconds or as a date; the real server is not asked."""
    if isinstance(wait, datetime):
        retry_after = format_datetime(wait.astimezone(UTC), usegmt=True)
    else:
        retry_after = str(wait)
    return _instead(message(429, {"message": "too many requests"}, Retry_After=retry_after))


def html_502() -> InjectedFault:
    """A 502 page of a load balancer with no server behind it; the real server is not asked."""
    page = b"<html><head><title>502 Bad Gateway</title></head><body></body></html>"
    return _instead(message(502, page, Content_Type="text/html"))


def _instead(data: bytes) -> InjectedFault:
    def fault(line: PendingRequest, _: Callable[[], Answered]) -> bool:
        line.socket.sendall(data)
        return True

    return fault


def _begin(line: PendingRequest, ask: Callable[[], Answered], after: int | None) -> None:
    if after is not None:
        answered = ask()
        line.socket.sendall(answered.head + answered.body[:after])
