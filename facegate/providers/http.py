"""Providers behind HTTP: settings, requests, and what their replies mean."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from facegate.errors import BadReply
from facegate.providers.bodies import Body, WireModel, json_body
from facegate.providers.catalogue import ErrorTable
from facegate.providers.provider import FlowProvider, ProviderSettings
from facegate.runtime.flow import Flow, HttpReply, HttpRequest, Transport, send

R = TypeVar("R", bound=WireModel)


class HttpSettings(ProviderSettings):
    """Settings of every provider behind HTTP. Times are in seconds."""

    base_url: str = Field(description="Where the API is, without the operation's path.")
    allow_http: bool = Field(
        default=False, description="Allow unencrypted http to a host other than this machine."
    )
    connect_s: float = Field(default=5.0, gt=0, description="Time to open a connection.")
    read_s: float = Field(
        default=30.0, gt=0, description="Time to wait for the next bytes of a reply."
    )
    write_s: float = Field(default=30.0, gt=0, description="Time to wait for bytes to leave.")
    pool_s: float = Field(default=5.0, gt=0, description="Time to wait for a free connection.")
    max_connections: int = Field(default=100, gt=0, description="Connections open at once.")
    max_reply_bytes: int = Field(default=4 * 2**20, gt=0, description="Longest reply that is read.")
    ca_file: str | None = Field(
        default=None, description="PEM file to trust instead of public CAs."
    )
    proxy: SecretStr | None = Field(default=None, description="URL of an HTTP proxy.")

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an absolute http(s) URL")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("must not hold a user name, a query or a fragment")
        return url.rstrip("/")

    @field_validator("proxy")
    @classmethod
    def _proxy_url(cls, proxy: SecretStr | None) -> SecretStr | None:
        parts = urlsplit(proxy.get_secret_value()) if proxy else None
        if parts and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must be an http(s) URL")
        return proxy

    @model_validator(mode="after")
    def _encrypted(self) -> HttpSettings:
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and not self.allow_http and not _is_loopback(parts.hostname):
            raise ValueError("base_url is not encrypted; use https, or set allow_http = true")
        return self

    @property
    def transport(self) -> Transport:
        return Transport(
            connect_s=self.connect_s,
            read_s=self.read_s,
            write_s=self.write_s,
            pool_s=self.pool_s,
            max_connections=self.max_connections,
            max_reply_bytes=self.max_reply_bytes,
            ca_file=self.ca_file,
            proxy=self.proxy.get_secret_value() if self.proxy else None,
        )


H = TypeVar("H", bound=HttpSettings)


class HttpProvider(FlowProvider[H]):
    """A provider behind an HTTP API.

    Set ``errors``, override :meth:`headers` for the credential and :meth:`error_code` where the
    code is not the body's ``code``, and write operations with :meth:`post` and :meth:`get`.
    """

    errors: ErrorTable = ErrorTable()

    def headers(self) -> Mapping[str, str]:
        """Headers of every request, the credential among them."""
        return {}

    def error_code(self, reply: HttpReply) -> str | None:
        """The vendor's own code in an error reply, or None where it has none."""
        try:
            code = json.loads(reply.body)["code"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return code if isinstance(code, str) else None

    def post(self, path: str, message: WireModel, reply_type: type[R]) -> Flow[R]:
        """Post a message and read the reply; raises what :attr:`errors` says, or BadReply."""
        request = self._request("POST", path, json_body(message))
        return (yield from self._exchange(request, reply_type))

    def get(self, path: str, reply_type: type[R]) -> Flow[R]:
        return (yield from self._exchange(self._request("GET", path), reply_type))

    def _request(self, method: str, path: str, body: Body | None = None) -> HttpRequest:
        """Made apart from :meth:`_exchange`: what a frame of a traceback holds may be shown."""
        headers = {"Accept": "application/json"}
        if body:
            headers["Content-Type"] = body.content_type
        url = self.settings.base_url + path
        return HttpRequest(method, url, {**headers, **self.headers()}, body.parts if body else ())

    def _exchange(self, request: HttpRequest, reply_type: type[R]) -> Flow[R]:
        reply = yield from send(request, self.settings.transport)
        if 200 <= reply.status < 300:
            return _read(reply, reply_type)
        raise self.errors.error(reply.status, self.error_code(reply), _retry_after(reply))


_DAY = 86_400.0


def _read(reply: HttpReply, reply_type: type[R]) -> R:
    try:
        found = reply_type.model_validate_json(reply.body, by_alias=True, by_name=False)
        json.loads(reply.body, object_pairs_hook=_once)
    except ValueError as error:
        misfit = _misfit(error) if isinstance(error, ValidationError) else "ambiguous JSON"
        raise BadReply(
            f"answered {reply.status} with a body that is no {reply_type.__name__} ({misfit})"
        ) from None
    return found


def _once(members: list[tuple[str, Any]]) -> None:
    """Refuse a name that an object has twice: which of the two counts would be luck."""
    if len(dict(members)) < len(members):
        raise ValueError("a name twice")


def _misfit(error: ValidationError) -> str:
    """What is wrong and with which field; below that, a place may be a key of the vendor's."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    kind, field = first["type"], first["loc"][:1]
    return f"{kind} in {field[0]}" if field and kind != "extra_forbidden" else kind


def _retry_after(reply: HttpReply) -> float | None:
    """Seconds to wait, a day at most, from either form of the header (RFC 9110, 10.2.3)."""
    value = reply.headers.get("retry-after", "")
    try:
        if value.isascii() and value.isdigit():
            seconds = float(value)
        else:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, seconds), _DAY)


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False
