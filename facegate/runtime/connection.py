"""One HTTP/1.1 connection: a request, one reply, and whether anything else has come.

HTTP itself is h11's. A reply with surplus bytes behind it is refused: whom those belong to cannot
be told, and if they were kept, the answer about one person would be given about the next.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

import certifi
import h11
import idna

from facegate.errors import ConfigurationError
from facegate.runtime.flow import HttpReply, HttpRequest, Transport
from facegate.runtime.sockets import Layer, Steps, Tls, connect

_JOINED = 1024 * 1024
"""Bytes up to which joining a request takes less time than writing its parts one by one."""
_LONGEST_HEAD = 100 * 1024
_PORTS = {"http": 80, "https": 443}
_IN_A_PATH = "/%:@!$&'()*+,;=~"


class Unacceptable(Exception):
    """A reply that must not be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """The destination of a request. A connection to one place is of no use for another.

    Attributes:
        scheme: ``http`` or ``https``.
        host: a name or an address, without brackets.
        port: TCP port; the scheme's own where the URL names none.
        server_name: the name that the certificate must hold.
    """

    scheme: str
    host: str
    port: int
    server_name: str

    @classmethod
    def of(cls, parts: SplitResult, server_name: str | None = None) -> Place:
        """The place that a URL leads to.

        Raises:
            ValueError: it leads nowhere.
        """
        host = parts.hostname or ""
        if not host.isascii():
            host = idna.encode(host, uts46=True).decode("ascii")
        port = parts.port or _PORTS[parts.scheme]
        return cls(parts.scheme, host, port, server_name or host)

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken there."""
        return self.scheme == "https"

    def authority(self, host: str, *, port: bool = False) -> str:
        """A host as a header has it; with its port if that is not the scheme's own."""
        bracketed = f"[{host}]" if ":" in host else host
        named = port or self.port != _PORTS[self.scheme]
        return f"{bracketed}:{self.port}" if named else bracketed


class Message:
    """A request as it is sent. It has no repr: it holds a face and a secret.

    Attributes:
        place: the destination.
        via: where to connect: the proxy, or the destination itself.
        head: request line and headers, checked.
        body: the body in parts, which are not copied.
    """

    def __init__(self, request: HttpRequest, transport: Transport) -> None:
        parts = _parts(request.url)
        self.place = Place.of(parts, request.server_name)
        self.via = Place.of(_parts(transport.proxy)) if transport.proxy else self.place
        self.body = request.body
        target = _target(parts)
        needed = {
            "Host": self.place.authority(self.place.server_name),
            "Content-Length": str(sum(map(len, request.body))),
            "Accept-Encoding": "identity",  # a compressed reply could unpack far beyond its limit
        }
        given = {name.lower() for name in request.headers}
        headers = {name: value for name, value in needed.items() if name.lower() not in given}
        headers |= request.headers
        if not transport.reuse:
            headers["Connection"] = "close"  # h11 then holds us to it
        if transport.proxy and not self.place.encrypted:
            target = f"http://{self.place.authority(self.place.host)}{target}"
            headers |= _credentials(transport.proxy)
        self.head = _head(request.method, target, headers)


def message(request: HttpRequest, transport: Transport) -> Message:
    """A request as it is sent.

    Raises:
        ConfigurationError: HTTP allows no such request.
    """
    try:
        return Message(request, transport)
    except (ValueError, KeyError, h11.LocalProtocolError):
        # Raised out here: in there, a frame of the traceback would hold the credential.
        raise unsendable() from None


def unsendable() -> ConfigurationError:
    """The error for a request that HTTP does not allow."""
    return ConfigurationError(
        "the request cannot be sent: its URL, the proxy's or a header, such as the credential's,"
        " holds something that HTTP does not allow, or a length that is not the body's"
    )


class Connection:
    """A connection, which takes one request after the other as long as it is ``reusable``.

    Attributes:
        place: the destination it leads to.
        reusable: whether the last exchange ended well, and with nothing left over.
        idle_since: moment when that was, in seconds of the monotonic clock; the pool sets it.
    """

    def __init__(self, place: Place, layer: Layer) -> None:
        self.place = place
        self.reusable = False
        self.idle_since = 0.0
        self._layer = layer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)

    def exchange(self, message: Message, limits: Transport) -> Steps[HttpReply]:
        """Send a request and read its reply.

        Raises:
            OSError: the connection broke; TimeoutError if the server was silent.
            h11.RemoteProtocolError: the server does not speak HTTP.
            Unacceptable: the reply is too long, or its end is not certain.
        """
        self.reusable = False
        sent = yield from self._send(message, limits.write_s)
        head = yield from self._reply(limits.read_s)
        headers, body = _joined(head.headers), bytearray()
        if {"content-length", "transfer-encoding"} <= headers.keys():  # RFC 9112, 6.3
            raise Unacceptable("the reply has two lengths, and a proxy may see another")
        while isinstance(event := (yield from self._event(limits.read_s)), h11.Data):
            body += event.data
            if len(body) > limits.max_reply_bytes:
                raise Unacceptable(
                    f"the reply is longer than the limit of {limits.max_reply_bytes} bytes"
                )
        self._end(sent)
        return HttpReply(head.status_code, headers, bytes(body))

    def open_tunnel(self, place: Place, proxy: str, seconds: float) -> Steps[None]:
        """Have a proxy pass on everything to another place from now on.

        Raises:
            OSError: the connection broke; TimeoutError if the proxy was silent.
            Unacceptable: the proxy refuses.
        """
        target = place.authority(place.host, port=True)
        head = _head("CONNECT", target, {"Host": target, **_credentials(proxy)})
        yield from self._layer.write(self._http.send(head) or b"", seconds)
        reply = yield from self._reply(seconds)
        if not 200 <= reply.status_code < 300:
            raise Unacceptable(f"the proxy answered {reply.status_code}")
        if self._http.trailing_data[0]:
            raise Unacceptable("more came than the proxy's reply")

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last exchange, not even an end."""
        return self._layer.beyond() is None

    def close(self) -> None:
        """Let go of it at once."""
        self._layer.close()

    def _send(self, message: Message, seconds: float) -> Steps[bool]:
        events = [message.head, *(h11.Data(data=part) for part in message.body), h11.EndOfMessage()]
        blocks = [self._http.send(event) or b"" for event in events]
        if sum(map(len, blocks)) <= _JOINED:
            blocks = [b"".join(blocks)]
        try:
            for block in blocks:
                yield from self._layer.write(block, seconds)
        except TimeoutError:
            raise
        except OSError:  # the server may have answered before it hung up on the rest of a body
            return False
        return True

    def _reply(self, seconds: float) -> Steps[h11.Response]:
        while not isinstance(event := (yield from self._event(seconds)), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise Unacceptable("the reply is none")
        return event

    def _event(self, seconds: float) -> Steps[Any]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data((yield from self._layer.read(seconds)))
        return event

    def _end(self, sent: bool) -> None:  # noqa: FBT001
        beyond = self._http.trailing_data[0] or self._layer.beyond()
        if beyond:
            raise Unacceptable("more came than one reply")
        states = self._http.our_state, self._http.their_state
        if sent and beyond is None and states == (h11.DONE, h11.DONE):
            self._http.start_next_cycle()
            self.reusable = True


def opened(place: Place, via: Place, transport: Transport) -> Steps[Connection]:
    """Open a connection to a place, by way of the proxy if there is one.

    Raises:
        OSError: the server cannot be reached; TimeoutError if that took too long.
        UnicodeError: the host is no name that can be looked up.
        Unacceptable: the proxy does not let it through.
        ConfigurationError: the authorities to trust cannot be read.
    """
    seconds, context = transport.connect_s, _tls(transport.ca_file)
    layer: Layer = yield from connect(via.host, via.port, seconds)
    try:
        if transport.proxy and via.encrypted:
            layer = yield from _secured(layer, context, via.server_name, seconds)
        if transport.proxy and place.encrypted:
            yield from Connection(via, layer).open_tunnel(place, transport.proxy, seconds)
        if place.encrypted:
            layer = yield from _secured(layer, context, place.server_name, seconds)
    except BaseException:
        layer.close()
        raise
    return Connection(place, layer)


def _secured(
    layer: Layer, context: ssl.SSLContext, server_name: str, seconds: float
) -> Steps[Layer]:
    tls = Tls(layer, context, server_name)
    yield from tls.shake_hands(seconds)
    return tls


@lru_cache
def _tls(ca_file: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file or certifi.where())
    except OSError as error:
        raise ConfigurationError(f"cannot use ca_file {ca_file!r}: {error.strerror}") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def _parts(url: str) -> SplitResult:
    if not url.isprintable():
        raise ValueError("a control character")
    return urlsplit(url)


def _target(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=_IN_A_PATH)
    return f"{path}?{quote(parts.query, safe=_IN_A_PATH + '?')}" if parts.query else path


def _head(method: str, target: str, headers: dict[str, str]) -> h11.Request:
    encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    return h11.Request(method=method, target=target, headers=encoded)


def _credentials(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name; one that comes more than once is on one line (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined
