"""Providers behind HTTP: settings, requests, and what their replies mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from typing_extensions import TypeVar

from facegate.errors import RateLimited
from facegate.model import Liveness
from facegate.providers.bodies import Body, WireModel, form_text, json_body
from facegate.providers.catalogue import NOT_LIVE, ErrorTable
from facegate.providers.flows import FlowProvider, SpoofFound
from facegate.providers.replies import R, read_reply, retry_after, written_code
from facegate.providers.settings import ProviderSettings
from facegate.providers.tokens import Tokens
from facegate.runtime.flow import Flow, HttpReply, HttpRequest, Transport, send, sleep

Query = Mapping[str, str | int | float | bool]
"""Values behind the path by name, not yet encoded."""


class HttpSettings(ProviderSettings):
    """Settings of every provider behind HTTP."""

    base_url: str = Field(description="Where the API is, without the operation's path.")
    allow_http: bool = Field(
        default=False, description="Allow unencrypted http to a host other than this machine."
    )
    connect_s: float = Field(default=5.0, gt=0, description="Seconds to open a connection.")
    read_s: float = Field(
        default=30.0, gt=0, description="Seconds to wait for the next bytes of a reply."
    )
    write_s: float = Field(default=30.0, gt=0, description="Seconds to wait for bytes to leave.")
    pool_s: float = Field(default=5.0, gt=0, description="Seconds to wait for a free connection.")
    max_connections: int = Field(default=100, gt=0, description="Most connections open at once.")
    max_reply_bytes: int = Field(
        default=4 * 2**20, gt=0, description="Bytes of the longest reply that is read."
    )
    ca_file: str | None = Field(
        default=None, description="PEM file of the authorities to trust instead of public CAs."
    )
    proxy: SecretStr | None = Field(default=None, description="URL of an HTTP proxy.")
    reuse: bool = Field(
        default=True,
        description="Use connections more than once; `false` behind proxies that you do not know.",
    )

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        if not _is_http(url):
            raise ValueError("must be an absolute http(s) URL")
        parts = urlsplit(url)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("must not hold a user name, a query or a fragment")
        return url.rstrip("/")

    @field_validator("proxy")
    @classmethod
    def _proxy_url(cls, proxy: SecretStr | None) -> SecretStr | None:
        if proxy and not _is_http(proxy.get_secret_value()):
            raise ValueError("must be an http(s) URL, a password in it percent-encoded")
        return proxy

    @model_validator(mode="after")
    def _encrypted(self) -> HttpSettings:
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and not self.allow_http and not _is_loopback(parts.hostname):
            raise ValueError("base_url is not encrypted; use https, or set allow_http = true")
        return self

    @property
    def transport(self) -> Transport:
        """The transport of every request; providers of equal transports share connections."""
        return Transport(
            connect_s=self.connect_s,
            read_s=self.read_s,
            write_s=self.write_s,
            pool_s=self.pool_s,
            max_connections=self.max_connections,
            max_reply_bytes=self.max_reply_bytes,
            ca_file=self.ca_file,
            proxy=self.proxy.get_secret_value() if self.proxy else None,
            reuse=self.reuse,
        )


H = TypeVar("H", bound=HttpSettings, default=Any)


@dataclass(frozen=True, slots=True)
class _UnsignedRequest:
    """A request without its token and signature, which it gets anew each time it is sent."""

    method: str
    path: str
    body: Body | None
    headers: Mapping[str, str] = field(repr=False)
    query: Query = field(repr=False)


class HttpProvider(FlowProvider[H]):
    """A provider behind an HTTP API.

    Set ``errors``, override :meth:`headers` for the credential and :meth:`error_code` where the
    code is not the body's ``code``, and write operations with :meth:`post`, :meth:`get` and
    :meth:`exchange`.

    Attributes:
        errors: meaning of error replies. A row that says ``NOT_LIVE`` is an answer: the question
            ends with a probe that is not live.
        clock: time of day in UTC, for :meth:`signed`; a test puts its own in place.
        tokens: source of each request's bearer token, for vendors that want one that expires; set
            it in ``__init__``.
    """

    errors: ErrorTable = ErrorTable()
    tokens: Tokens | None = None
    clock: Callable[[], datetime] = staticmethod(partial(datetime.now, UTC))

    def headers(self) -> Mapping[str, str]:
        """Headers of every request, the credential among them."""
        return {}

    def signed(self, request: HttpRequest) -> HttpRequest:
        """The request as it is sent; called last, once per exchange, when all of it is known.

        A vendor's signature over method, path, headers and body is put in here. Hash the body part
        by part, so that no picture is copied, and set ``Host`` where it is signed.
        """
        return request

    def failed(self, reply: HttpReply) -> bool:
        """Whether a reply is an error; by default, one whose status is not 2xx.

        Any 2xx with a body that is an answer is believed, 202 and 206 too: the body has to be whole
        JSON of the vendor's shape. What a reply says of its encoding is not heeded, for none was
        asked for. Override it where a vendor means something else by one of them.
        """
        return not 200 <= reply.status < 300

    def error_code(self, reply: HttpReply) -> str | None:
        """The vendor's own code in an error reply, a number written out; None where it has none."""
        try:
            code = json.loads(reply.body)["code"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return written_code(code)

    def not_live(self, reply: HttpReply) -> Liveness:
        """The spoof that a ``NOT_LIVE`` error reply reports; by default, its code is the reason."""
        return Liveness(passed=False, reason=self.error_code(reply))

    def post(
        self,
        path: str,
        message: WireModel,
        reply_type: type[R],
        *,
        headers: Mapping[str, str] | None = None,
        query: Query | None = None,
    ) -> Flow[R]:
        """Post a message as JSON and read the reply.

        Args:
            path: path of the operation, behind ``base_url``.
            message: the message; fields that are None are left out.
            reply_type: type of the reply's JSON; see :meth:`exchange`, also for the errors.
            headers: headers of this request, beside and instead of those of every one.
            query: values behind the path.

        Raises:
            FacegateError: see :meth:`exchange`.
        """
        body = json_body(message)
        return self.exchange("POST", path, reply_type, body=body, headers=headers, query=query)

    def get(
        self,
        path: str,
        reply_type: type[R],
        *,
        headers: Mapping[str, str] | None = None,
        query: Query | None = None,
    ) -> Flow[R]:
        """Ask without a body and read the reply.

        Args:
            path: path of the operation, behind ``base_url``.
            reply_type: type of the reply's JSON; see :meth:`exchange`.
            headers: headers of this request, beside and instead of those of every one.
            query: values behind the path.

        Raises:
            FacegateError: see :meth:`exchange`.
        """
        return self.exchange("GET", path, reply_type, headers=headers, query=query)

    def exchange(
        self,
        method: str,
        path: str,
        reply_type: type[R],
        *,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        query: Query | None = None,
    ) -> Flow[R]:
        """Make one request and read the reply.

        Args:
            method: HTTP method, in capitals.
            path: path of the operation, behind ``base_url``.
            reply_type: a :class:`WireModel`, or a ``RootModel`` for a reply that is no object.
            body: made by :func:`json_body` or one of its neighbours; None for no body.
            headers: headers of this request, beside and instead of those of every one.
            query: values behind the path, which are encoded here.

        Raises:
            FacegateError: the meaning that ``errors`` gives a reply that :meth:`failed`.
            BadReply: a reply that is no ``reply_type``, or was cut short.
            ConnectionFailed: nothing was sent.
            ProviderTimeout: no reply in time.
        """
        unsigned = _UnsignedRequest(method, path, body, headers or {}, query or {})
        del headers, query  # a traceback may show what its frames hold
        return read_reply((yield from self.__replied(unsigned)), reply_type)

    def poll(
        self,
        path: str,
        reply_type: type[R],
        done: Callable[[R], bool],
        *,
        every_s: float = 1.0,
        headers: Mapping[str, str] | None = None,
        query: Query | None = None,
    ) -> Flow[R]:
        """Ask again until a reply is ``done``, or the deadline has passed.

        The pause is as long as the vendor's ``Retry-After`` says, else ``every_s``. A
        :class:`RateLimited` that says how long is waited out as well.

        Args:
            path: path of the operation, behind ``base_url``.
            reply_type: type of the reply's JSON; see :meth:`exchange`.
            done: whether a reply is the last one.
            every_s: seconds between two requests, above 0.
            headers: headers of each request, beside and instead of those of every one.
            query: values behind the path.

        Raises:
            FacegateError: see :meth:`exchange`; ProviderTimeout where the deadline comes first.
        """
        unsigned = _UnsignedRequest("GET", path, None, headers or {}, query or {})
        del headers, query  # a traceback may show what its frames hold
        while True:
            try:
                reply = yield from self.__replied(unsigned)
            except RateLimited as error:
                if error.retry_after is None:
                    raise
                wait_s = error.retry_after
            else:
                content = read_reply(reply, reply_type)
                if done(content):
                    return content
                wait_s = retry_after(reply) or 0.0
            yield from sleep(wait_s or every_s)

    def __replied(self, unsigned: _UnsignedRequest) -> Flow[HttpReply]:
        """The reply to a request, sent with a token where there are any; an error is raised."""
        tokens = self.tokens
        bearer = (yield from tokens.current()) if tokens else None
        reply = yield from send(self.__request(unsigned, bearer), self.settings.transport)
        if tokens and bearer and reply.status == 401:
            # The next request gets another. This one is not repeated here: a face would be sent
            # twice where the record says once, and what is repeated is the route's to decide.
            tokens.drop(bearer)
        if self.failed(reply):
            raise self.__failure(reply)
        return reply

    def __failure(self, reply: HttpReply) -> Exception:
        if len(reply.body) > _LONGEST_ERROR:  # reading it would hold the event loop up
            reply = HttpReply(reply.status, reply.headers)
        code = self.error_code(reply)
        if code is not None and code not in self.errors.codes and self.__echoes_a_secret(code):
            code = _MASKED
        if code is not None and self.errors.codes.get(code) is NOT_LIVE:
            return SpoofFound(self.not_live(reply))
        return self.errors.error(reply.status, code, retry_after(reply))

    def __echoes_a_secret(self, code: str) -> bool:
        secrets = (value for _, value in self.settings if isinstance(value, SecretStr))
        return any(secret.get_secret_value() in code for secret in secrets if secret)

    def __request(self, unsigned: _UnsignedRequest, bearer: SecretStr | None) -> HttpRequest:
        """The request as it is sent.

        Made apart from the flows: a traceback may show what their frames hold.
        """
        defaults, body = {"Accept": "application/json"}, unsigned.body
        if body:
            defaults["Content-Type"] = body.content_type
        if bearer:
            defaults["Authorization"] = f"Bearer {bearer.get_secret_value()}"
        query = f"?{_encoded(unsigned.query)}" if unsigned.query else ""
        return self.signed(
            HttpRequest(
                unsigned.method,
                self.settings.base_url + unsigned.path + query,
                _merged(defaults, self.headers(), unsigned.headers),
                body.parts if body else (),
            )
        )


_LONGEST_ERROR = 65_536
"""Bytes of an error's body that are read; no vendor's words for one are that long."""
_MASKED = "masked"
"""Stands for a code that holds one of the provider's own secrets."""


def _merged(*layers: Mapping[str, str]) -> dict[str, str]:
    """Headers, each name once; a later one wins, in whatever case it is written."""
    merged = {name.lower(): (name, value) for layer in layers for name, value in layer.items()}
    return dict(merged.values())


def _encoded(query: Query) -> str:
    return urlencode(
        {name: form_text(name, value) for name, value in query.items()}, quote_via=quote
    )


def _is_http(url: str) -> bool:
    """Whether a connection can be tried; a text of the standard library's would show a password."""
    try:
        parts = urlsplit(url)
        reachable = parts.hostname and parts.port != 0
    except ValueError:
        return False
    plain = url.isprintable() and " " not in parts.netloc
    return parts.scheme in ("http", "https") and bool(reachable) and plain


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False
