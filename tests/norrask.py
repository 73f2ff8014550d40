"""A made-up vendor that wants a token, takes pictures as parts, and answers later.

Comparisons are jobs that are asked for until they are done, and deleted then. Which action is
wanted of ``/actions`` is said in a header.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from facegate.plugin import (
    Answer,
    AuthenticationFailed,
    BadReply,
    Body,
    CaptureReason,
    CompareRequest,
    DataUri,
    ErrorTable,
    Flow,
    Handling,
    HttpProvider,
    HttpSettings,
    ImageFormat,
    Kept,
    LivenessRequest,
    Picture,
    ProviderInfo,
    Scale,
    ScoreSpec,
    Token,
    Tokens,
    WireModel,
    client_credentials,
    multipart_body,
)

SECRET = "sec-5d20c9e1b7a84f36"
MATCH = ScoreSpec(Scale(name="norrask", high=100), threshold=50)
LIVE = ScoreSpec(Scale(name="norrask/live", high=100), threshold=40)


class Settings(HttpSettings):
    client: str = "client-7"
    secret: SecretStr = SecretStr(SECRET)


class Pictures(WireModel):
    selfie: Picture
    document: Picture


class Begun(WireModel):
    id: str


class Job(WireModel):
    state: Literal["pending", "done"]
    similarity: float | None = Field(default=None, ge=0, le=100, strict=True)
    code: None = None


class Selfie(WireModel):
    selfie: DataUri


class Liveliness(WireModel):
    liveness: float = Field(ge=0, le=100, strict=True)
    code: None = None


class Gone(WireModel):
    """A reply that says nothing."""


class Norrask(HttpProvider[Settings]):
    settings_type = Settings
    errors = ErrorTable(
        {"no_face": CaptureReason.FACE_NOT_FOUND, "bad_token": AuthenticationFailed}
    )
    info = ProviderInfo(
        plugin="norrask",
        lineage="norrask-1",
        handling=Handling("Norrask", Kept.NOTHING, enrols=False, searches=False),
        formats=frozenset({ImageFormat.PNG, ImageFormat.WEBP}),
        match=MATCH,
        liveness=LIVE,
        max_gallery=1,
    )

    def __init__(self, settings: Settings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self.tokens = Tokens(self._granted)

    def compare(self, request: CompareRequest[Settings]) -> Flow[Answer]:
        body = self.uploaded(request)
        begun = yield from self.exchange("POST", "/checks", Begun, body=body)
        job = yield from self.poll(f"/checks/{begun.id}", Job, self.is_done, every_s=0.01)
        yield from self.deleted(begun)
        return Answer(match=MATCH.match(self.similarity(job), request.threshold))

    def liveness(self, request: LivenessRequest[Settings]) -> Flow[Answer]:
        found = yield from self.act("CheckLiveness", Selfie(selfie=request.probe))
        return Answer(liveness=LIVE.liveness(found.liveness, request.liveness_threshold))

    def uploaded(self, request: CompareRequest[Settings]) -> Body:
        (document,) = request.gallery
        return multipart_body(Pictures(selfie=request.probe, document=document))

    def deleted(self, begun: Begun) -> Flow[Gone]:
        return self.exchange("DELETE", f"/checks/{begun.id}", Gone)

    def act(self, action: str, message: WireModel) -> Flow[Liveliness]:
        return self.post("/actions", message, Liveliness, headers={"X-Action": action})

    def is_done(self, job: Job) -> bool:
        return job.state == "done"

    def similarity(self, job: Job) -> float:
        if job.similarity is None:
            raise BadReply("a job that is done and has no similarity")
        return job.similarity

    def _granted(self) -> Flow[Token]:
        settings = self.settings
        return client_credentials(
            f"{settings.base_url}/token",
            settings.client,
            settings.secret,
            transport=settings.transport,
        )
