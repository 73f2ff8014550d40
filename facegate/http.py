"""Providers that speak JSON over HTTP: settings, bodies, the error table, reading replies."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from itertools import chain
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    SerializationInfo,
    ValidationError,
    field_validator,
    model_validator,
)

from facegate.errors import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    CaptureRejected,
    FacegateError,
    ImageRejected,
    PermissionDenied,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UnmappedError,
)
from facegate.flow import Flow, HttpReply, HttpRequest, Transport, send
from facegate.images import Image
from facegate.provider import FlowProvider, ProviderSettings


def _picture(value: Any) -> Image:
    if isinstance(value, Image):
        return value
    try:
        return Image.from_base64(str(value))
    except ImageRejected as error:  # whoever sent the message is at fault, not the caller
        raise ValueError(error.message) from None


class _Held:
    """A picture that waits for its place in a body; pydantic would take an Image apart."""

    def __init__(self, image: Image) -> None:
        self.image = image


def _dumped(image: Image, info: SerializationInfo) -> Any:
    return image.base64.decode() if info.mode_is_json() else _Held(image)


Picture = Annotated[Image, PlainValidator(_picture), PlainSerializer(_dumped)]
"""A picture inside a message: base64 on the wire, an Image in Python."""


class WireModel(BaseModel):
    """A message exactly as the vendor spells it.

    Fields the vendor adds later are ignored; NaN and infinity are refused; errors never show input.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        populate_by_name=True,
        arbitrary_types_allowed=True,
    )


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
    reuse: bool = Field(
        default=True,
        description="Use connections more than once; `false` behind proxies that you do not know.",
    )
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
            reuse=self.reuse,
            max_reply_bytes=self.max_reply_bytes,
            ca_file=self.ca_file,
            proxy=self.proxy.get_secret_value() if self.proxy else None,
        )


H = TypeVar("H", bound=HttpSettings)

_STATUSES: Mapping[int, type[FacegateError]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    413: ImageRejected,
    429: RateLimited,
    502: BadReply,  # what the server behind the gateway did, and charged, is unknown
    503: ProviderUnavailable,
    504: ProviderTimeout,
}
"""What HTTP itself says (RFC 9110), for replies that carry no code of the vendor's."""


@dataclass(frozen=True)
class ErrorTable:
    """A vendor's errors as data: its codes first, its statuses where a reply has no code.

    A row holds the class to raise, or the reason of a :class:`~facegate.errors.CaptureRejected`.
    A code that the table does not know is :class:`~facegate.errors.UnmappedError`.
    """

    codes: Mapping[str, type[FacegateError] | CaptureReason] = field(default_factory=dict)
    statuses: Mapping[int, type[FacegateError]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if CaptureRejected in (*self.codes.values(), *self.statuses.values()):
            raise TypeError("a row names a CaptureReason instead of CaptureRejected")

    def error(self, status: int, code: str | None, retry_after: float | None) -> FacegateError:
        if code is not None:
            row = self.codes.get(code, UnmappedError)
        else:
            row = self.statuses.get(status) or _STATUSES.get(status, UnmappedError)
        shown = code if code is not None and re.fullmatch(r"[\w.:-]{1,64}", code) else None
        text = f"answered {status}" + (f" {shown}" if shown else "")
        if isinstance(row, CaptureReason):
            return CaptureRejected(text, reason=row, vendor_code=shown)
        if issubclass(row, RateLimited):
            return row(text, retry_after=retry_after, vendor_code=shown)
        return row(text, vendor_code=shown)


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

    def _request(self, method: str, path: str, body: tuple[bytes, ...] = ()) -> HttpRequest:
        """Made apart from :meth:`_exchange`: what a frame of a traceback holds may be shown."""
        headers = {"Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        url = self.settings.base_url + path
        return HttpRequest(method, url, {**headers, **self.headers()}, body)

    def _exchange(self, request: HttpRequest, reply_type: type[R]) -> Flow[R]:
        reply = yield from send(request, self.settings.transport)
        if 200 <= reply.status < 300:
            return _read(reply, reply_type)
        raise self.errors.error(reply.status, self.error_code(reply), _retry_after(reply))


_DAY = 86_400.0
_PLACE = secrets.token_hex(16)


def json_body(message: WireModel) -> tuple[bytes, ...]:
    """A message as JSON in parts, each picture's base64 a part of its own, so none is copied."""
    pictures: list[Image] = []

    def hold(value: Any) -> str:
        if not isinstance(value, _Held):
            raise TypeError(f"cannot write {type(value).__name__} as JSON")
        pictures.append(value.image)
        return _PLACE

    fields = message.model_dump(by_alias=True, exclude_none=True)
    text = json.dumps(fields, default=hold, ensure_ascii=False, separators=(",", ":"))
    gaps = text.encode().split(_PLACE.encode())
    encoded = (picture.base64 for picture in pictures)
    return (*chain.from_iterable(zip(gaps, encoded, strict=False)), gaps[-1])


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
