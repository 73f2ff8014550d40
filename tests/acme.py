"""A made-up vendor behind HTTP, written as a plugin's author would write it, and two doubles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import Field, SecretStr

from drawn import picture
from facegate.plugin import (
    Answer,
    AuthenticationFailed,
    BlockingProvider,
    CaptureReason,
    CompareLiveRequest,
    CompareRequest,
    ErrorTable,
    FacePolicy,
    Flow,
    FlowProvider,
    Handling,
    HttpProvider,
    HttpSettings,
    ImageFormat,
    Kept,
    Liveness,
    LivenessRequest,
    Match,
    Picture,
    ProviderInfo,
    ProviderSettings,
    QuotaExhausted,
    RateLimited,
    Rates,
    Scale,
    ScoreSpec,
    SeveralFaces,
    WireModel,
    hookimpl,
    per_call,
)

TOKEN = "tok-3f9a1c77e0b24d58"
SCALE = Scale(name="acme")

MATCH = ScoreSpec(SCALE, threshold=0.8, rates=Rates(thresholds={1e-4: 0.9}, by="Acme"))
INFO = ProviderInfo(
    plugin="acme",
    lineage="acme-1",
    handling=Handling(
        recipient="Acme", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False
    ),
    formats=frozenset({ImageFormat.PNG, ImageFormat.JPEG}),
    several_faces=SeveralFaces(FacePolicy.REFUSES, FacePolicy.REFUSES),
    match=MATCH,
    liveness=ScoreSpec(SCALE, threshold=0.5),
    max_gallery=3,
)


class Settings(HttpSettings):
    token: SecretStr = SecretStr(TOKEN)
    mode: Literal["FAST", "ACCURATE"] = per_call("FAST", description="Speed or accuracy.")


class CompareMessage(WireModel):
    probe: Picture
    gallery: list[Picture]
    min_score: float | None = Field(default=None, serialization_alias="minScore")
    mode: str
    note: str = 'ünïcödé "quoted"\n'


class CompareReply(WireModel):
    score: float = Field(ge=0, le=1, strict=True)
    code: None = None
    scores: dict[str, float] = Field(default_factory=dict)
    reference: str | None = Field(default=None, alias="id")


class LivenessMessage(WireModel):
    image: Picture
    min_score: float | None = Field(default=None, serialization_alias="minScore")


class LivenessReply(WireModel):
    live: bool = Field(strict=True)
    code: None = None
    score: float | None = Field(default=None, ge=0, le=1, strict=True)


class Acme(HttpProvider[Settings]):
    info = INFO
    settings_type = Settings
    errors = ErrorTable(
        codes={
            "bad_token": AuthenticationFailed,
            "no_credits": QuotaExhausted,
            "slow_down": RateLimited,
            "no_face": CaptureReason.FACE_NOT_FOUND,
            "17": QuotaExhausted,
            "-1604": CaptureReason.FACE_NOT_FOUND,
        },
        statuses={402: QuotaExhausted},
    )

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Token {self.settings.token.get_secret_value()}"}

    def compare(self, request: CompareRequest[Settings]) -> Flow[Answer]:
        message = CompareMessage(
            probe=request.probe,
            gallery=list(request.gallery),
            min_score=request.threshold,
            mode=request.settings.mode,
        )
        reply = yield from self.post("/v1/compare", message, CompareReply)
        match = MATCH.match(reply.score, request.threshold)
        return Answer(match=match, vendor_reference=reply.reference)

    def liveness(self, request: LivenessRequest[Settings]) -> Flow[Answer]:
        threshold = request.liveness_threshold
        message = LivenessMessage(image=request.probe, min_score=threshold)
        reply = yield from self.post("/v1/liveness", message, LivenessReply)
        return Answer(
            liveness=Liveness(
                passed=reply.live, score=reply.score, threshold=threshold, scale=SCALE
            )
        )


@hookimpl
def facegate_providers() -> list[type[Acme]]:
    return [Acme]


def acme(base_url: str, **settings: Any) -> Acme:
    return Acme(Settings.model_validate({"base_url": base_url, **settings}), "main")


class Scripted(FlowProvider[ProviderSettings]):
    """Answers every question with the flow that ``script`` makes of it."""

    info = INFO
    settings_type = ProviderSettings

    def __init__(self, script: Callable[[Any], Flow[Answer]], **settings: Any) -> None:
        super().__init__(ProviderSettings(**settings), "main")
        self.script = script
        self.closed = 0

    def compare(self, request: CompareRequest[ProviderSettings]) -> Flow[Answer]:
        return (yield from self.script(request))

    def compare_live(self, request: CompareLiveRequest[ProviderSettings]) -> Flow[Answer]:
        return (yield from self.script(request))

    def liveness(self, request: LivenessRequest[ProviderSettings]) -> Flow[Answer]:
        return (yield from self.script(request))

    def close(self) -> None:
        self.closed += 1


class Engine(BlockingProvider[ProviderSettings]):
    """Answers a comparison with what the plain function ``script`` makes of it."""

    info = INFO
    settings_type = ProviderSettings

    def __init__(self, script: Callable[[Any], Answer], **settings: Any) -> None:
        super().__init__(ProviderSettings(**settings), "main")
        self.script = script

    def compare(self, request: CompareRequest[ProviderSettings]) -> Answer:
        return self.script(request)


SAME = Answer(match=Match(is_match=True, score=0.9, threshold=0.8, scale=SCALE))
PROBE, DOCUMENT, PASSPORT = (picture(seed=seed) for seed in (1, 2, 3))
