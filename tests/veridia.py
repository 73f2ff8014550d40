"""A made-up vendor that signs requests, takes parts and puts its errors into a reply of 200."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field, RootModel, SecretStr

from facegate.plugin import (
    NOT_LIVE,
    Answer,
    AuthenticationFailed,
    CaptureReason,
    Catalogue,
    CompareRequest,
    FacePolicy,
    Flow,
    Handling,
    HttpProvider,
    HttpReply,
    HttpRequest,
    HttpSettings,
    Image,
    ImageFormat,
    Kept,
    LivenessRequest,
    Picture,
    ProviderInfo,
    QuotaExhausted,
    Row,
    Scale,
    ScoreSpec,
    SeveralFaces,
    WireModel,
    multipart_body,
    raw_body,
)

SECRET = "sec-77c1d0be94f2a6e3"
SCALE = Scale(name="veridia", high=100)
MATCH = ScoreSpec(SCALE, threshold=50)
LIVE = ScoreSpec(SCALE, threshold=40)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)

ERRORS = Catalogue(
    {
        "1001": Row(200, AuthenticationFailed),
        "1002": Row(200, QuotaExhausted),
        "1042": Row(200, CaptureReason.FACE_NOT_FOUND),
        "-7": Row(200, NOT_LIVE),
    },
    shape=lambda code, row: {"error": {"number": int(code)}},
)


class Settings(HttpSettings):
    secret: SecretStr = SecretStr(SECRET)
    parallel: int = 2


class CompareMessage(WireModel):
    selfie: Picture
    document: Picture
    careful: bool = True


class CompareReply(WireModel):
    error: None = None
    similarity: float = Field(ge=0, le=100, strict=True)


class LivenessReply(WireModel):
    error: None = None
    verdict: Literal["live"]


class Faces(RootModel[list[str]]):
    """A reply that is no object."""


class Veridia(HttpProvider[Settings]):
    settings_type = Settings
    errors = ERRORS.table
    info = ProviderInfo(
        plugin="veridia",
        lineage="veridia-2",
        handling=Handling(
            "Veridia", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False
        ),
        formats=frozenset({ImageFormat.PNG}),
        several_faces=SeveralFaces(FacePolicy.LARGEST, FacePolicy.ANY),
        match=MATCH,
        liveness=LIVE,
    )

    def signed(self, request: HttpRequest) -> HttpRequest:
        date = self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        signature = signature_of(
            self.settings.secret.get_secret_value(),
            request.method,
            "/" + request.url.split("/", 3)[3],
            date,
            *request.body,
        )
        headers = {**request.headers, "X-Date": date, "X-Signature": signature}
        return replace(request, headers=headers)

    def failed(self, reply: HttpReply) -> bool:
        return super().failed(reply) or self.error_code(reply) is not None

    def error_code(self, reply: HttpReply) -> str | None:
        try:
            number = json.loads(reply.body)["error"]["number"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return str(number)

    def compare(self, request: CompareRequest[Settings]) -> Flow[Answer]:
        def one(document: Image) -> Flow[CompareReply]:
            body = multipart_body(CompareMessage(selfie=request.probe, document=document))
            return self.exchange("PUT", "/compare", CompareReply, body=body)

        found = yield from self.for_each(request.gallery, one, request.settings.parallel)
        score = max(each.similarity for each in found)
        return Answer(match=MATCH.match(score, request.threshold))

    def liveness(self, request: LivenessRequest[Settings]) -> Flow[Answer]:
        yield from self.exchange("POST", "/liveness", LivenessReply, body=raw_body(request.probe))
        return Answer(liveness=LIVE.liveness(100, request.liveness_threshold))


def signature_of(secret: str, method: str, target: str, date: str, *body: bytes) -> str:
    """What a request is signed with, its body hashed part by part."""
    digest = hashlib.sha256()
    for part in body:
        digest.update(part)
    text = "\n".join([method, target, date, digest.hexdigest()])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def veridia(base_url: str, **settings: Any) -> Veridia:
    provider = Veridia(Settings.model_validate({"base_url": base_url, **settings}), "main")
    provider.clock = lambda: NOON
    return provider
