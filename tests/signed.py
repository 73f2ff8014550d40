"""A made-up vendor with one path, whose callers sign what they send, and a client of it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Generator
from dataclasses import replace
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from acme import INFO
from acme_api import PERCENT, question
from facegate.errors import InputError
from facegate.model import Operation
from facegate.plugin import (
    Answer,
    AuthenticationFailed,
    Catalogue,
    CompareRequest,
    CompatibleApi,
    CompatibleApiSettings,
    DecodedRequest,
    FacegateError,
    Flow,
    HttpProvider,
    HttpReply,
    HttpRequest,
    HttpSettings,
    InvalidRequest,
    Picture,
    ProviderUnavailable,
    Row,
    ScoreSpec,
    UnsupportedOption,
    WireModel,
    json_reply,
)

KEY = "corvid-1:hush-4c1b"
OTHER = "corvid-2:hush-99aa"
_CLAIM = re.compile(r"Corvid id=([\w-]+) signature=([0-9a-f]{64})")


def signature(secret: str, request: tuple[str, str, str, str], body: bytes) -> str:
    """Over method, target, host and date, and the digest of the body."""
    text = "\n".join([*request, hashlib.sha256(body).hexdigest()])
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()


P = TypeVar("P")
ERRORS = Catalogue(
    {
        "not_signed": Row(403, AuthenticationFailed),
        "bad_request": Row(400, InvalidRequest),
        "down": Row(503, ProviderUnavailable),
    }
)


class Message(WireModel, Generic[P]):
    probe: P
    document: P


class CorvidApi(CompatibleApi[CompatibleApiSettings]):
    """A header names the operation, another one the invocation; a key is ``id:secret``."""

    plugin = "corvid"
    routes: ClassVar = {"/": frozenset({"POST"})}
    match = ScoreSpec(PERCENT, 70.0)
    liveness = ScoreSpec(PERCENT, 40.0)
    errors = ERRORS.replies
    failures: ClassVar = {
        InputError: "bad_request",
        UnsupportedOption: "bad_request",
        FacegateError: "down",
    }
    settings_type = CompatibleApiSettings

    def authorise(self, request: HttpRequest) -> str | HttpReply:
        if not self.keys:
            return ""
        claim = _CLAIM.fullmatch(request.headers.get("authorization", ""))
        claimed = [key for key in self.keys if claim and key.split(":")[0] == claim[1]]
        return claimed[0] if claimed else self.error("not_signed")

    def prove(self, request: HttpRequest, key: str) -> HttpReply | None:
        if not key:
            return None
        claim = _CLAIM.fullmatch(request.headers["authorization"])
        date = request.headers.get("x-corvid-date", "")
        signed = (request.method, request.target, request.authority, date)
        wanted = signature(key.split(":")[1], signed, b"".join(request.body))
        same = claim is not None and hmac.compare_digest(claim[2], wanted)
        return None if same else self.error("not_signed")

    def repeats(self, request: HttpRequest) -> str | None:
        return request.headers.get("x-corvid-invocation")

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        try:
            message = self.message(request, Message[str])
        except ValidationError:
            return self.error("bad_request")
        probe = self.picture(message.probe, "probe")
        return DecodedRequest(
            Operation.COMPARE, probe, (self.picture(message.document, "gallery[0]"),)
        )

    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        assert answer.match is not None
        return json_reply(200, {"score": answer.match.score})

    def encode_error(self, error: FacegateError) -> HttpReply:
        reply = super().encode_error(error)
        return replace(reply, headers={**reply.headers, "x-corvid-class": error.code})


def corvid(*keys: str) -> CorvidApi:
    return CorvidApi(CompatibleApiSettings(), keys or (KEY, OTHER))


class Said(WireModel):
    score: float


class Corvid(HttpProvider[HttpSettings]):
    """The vendor's client, which signs as facegate's own plugins do."""

    info = replace(INFO, plugin="corvid", match=CorvidApi.match, liveness=None, max_gallery=1)
    settings_type = HttpSettings
    errors = ERRORS.table

    def signed(self, request: HttpRequest) -> HttpRequest:
        url, date = urlsplit(request.url), self.clock().isoformat()
        name, secret = KEY.split(":")
        signed = (request.method, url.path, url.netloc, date)
        claim = f"Corvid id={name} signature={signature(secret, signed, b''.join(request.body))}"
        more = {"Authorization": claim, "X-Corvid-Date": date}
        return replace(request, headers={**request.headers, **more})

    def compare(self, request: CompareRequest[HttpSettings]) -> Flow[Answer]:
        message = Message[Picture](probe=request.probe, document=request.gallery[0])
        said = yield from self.post("", message, Said)
        return Answer(match=CorvidApi.match.match(said.score, request.threshold))


class Signing(httpx.Auth):
    """Signs as a client does, of the URL that it believes to ask."""

    requires_request_body = True

    def __init__(self, key: str = KEY, believed: str | None = None) -> None:
        self.key, self.believed = key, believed

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        name, secret = self.key.split(":")
        url = httpx.URL(self.believed) if self.believed else request.url
        date = request.headers.setdefault("x-corvid-date", "2026-11-26T01:02:03Z")
        signed = (request.method, url.raw_path.decode(), url.netloc.decode(), date)
        signs = signature(secret, signed, request.content)
        request.headers["authorization"] = f"Corvid id={name} signature={signs}"
        yield request


def asking(**more: Any) -> dict[str, Any]:
    """A whole request in the vendor's words."""
    asked = question()
    return {"probe": asked["probe"], "document": asked["gallery"][0], **more}
