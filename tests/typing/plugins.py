"""What authors of plugins write; see ``applications.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, assert_type

from facegate.plugin import (
    Answer,
    BlockingProvider,
    BoundRequest,
    CaptureReason,
    Catalogue,
    CompareLiveRequest,
    CompareRequest,
    CompatibleApi,
    CompatibleApiSettings,
    DecodedRequest,
    FacegateError,
    Flow,
    FlowProvider,
    HttpProvider,
    HttpReply,
    HttpRequest,
    HttpSettings,
    Image,
    Liveness,
    LivenessRequest,
    Match,
    Operation,
    Picture,
    Provider,
    ProviderSettings,
    ScoreSpec,
    Transport,
    WireModel,
    call,
    gather,
    hookimpl,
    json_reply,
    per_call,
    send,
)


class Settings(ProviderSettings):
    mode: str = per_call("FAST")


class Engine(BlockingProvider[Settings]):
    settings_type = Settings

    def compare(self, request: CompareRequest[Settings]) -> Answer:
        assert_type(request.settings.mode, str)
        assert_type(request.gallery, tuple[Image, ...])
        assert_type(self.settings, Settings)
        return Answer(Match(is_match=True))

    def compare_live(self, request: CompareLiveRequest[Settings]) -> Answer:
        return Answer(Match(is_match=True), Liveness(passed=request.liveness_threshold is None))


class Vendor(FlowProvider[Settings]):
    def liveness(self, request: LivenessRequest[Settings]) -> Flow[Answer]:
        assert_type(request.liveness_threshold, float | None)
        score = yield from call(lambda: 0.9)
        assert_type(score, float)
        both = yield from gather([self.one(request.probe), self.one(request.probe)], 2)
        assert_type(both, list[int])
        return Answer(liveness=Liveness(passed=True, score=score))

    def one(self, image: Image) -> Flow[int]:
        reply = yield from send(HttpRequest("GET", image.digest), Transport())
        assert_type(reply, HttpReply)
        return reply.status


class Body(WireModel):
    image: Picture


class Reply(WireModel):
    score: float


class Api(HttpProvider[HttpSettings]):
    def headers(self) -> Mapping[str, str]:
        return {"Authorization": "Bearer"}

    def compare(self, request: CompareRequest[HttpSettings]) -> Flow[Answer]:
        assert_type(self.settings.base_url, str)
        reply = yield from self.post("/compare", Body(image=request.probe), Reply)
        _ = reply.similarity  # type: ignore[attr-defined]
        return Answer(Match(is_match=assert_type(reply.score, float) > 0.5))

    def liveness(self, request: LivenessRequest[HttpSettings]) -> Flow[Answer]:
        reply = yield from self.get("/liveness", Reply, query={"id": 7, "strict": True})
        return Answer(liveness=Liveness(passed=reply.score > request.settings.read_s))


class Served(CompatibleApi[CompatibleApiSettings]):
    plugin = "acme"
    routes: ClassVar[Mapping[str, frozenset[str]]] = {"/compare": frozenset({"POST"})}
    failures: ClassVar[Mapping[type[FacegateError], str]] = {FacegateError: "offline"}
    wrong_key = "bad_key"
    settings_type = CompatibleApiSettings

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        body = self.message(request, Body)
        assert_type(body, Body)
        assert_type(self.match, ScoreSpec)
        return DecodedRequest(Operation.LIVENESS, body.image)

    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        assert_type(asked.options, Mapping[str, Any])
        return json_reply(200, {"score": answer.match.score if answer.match is not None else None})


Served(CompatibleApiSettings(), ["key"])
Served()  # type: ignore[call-arg]


def whoever(provider: Provider, api: CompatibleApi, request: BoundRequest) -> None:
    """Without an argument they take any settings."""
    assert_type(provider, Provider[Any])
    assert_type(api, CompatibleApi[Any])
    assert_type(provider.capabilities, frozenset[Operation])
    _ = request.probe


def names(catalogue: Catalogue) -> None:
    assert_type(catalogue.reasons, Mapping[CaptureReason, str])


@hookimpl
def facegate_providers() -> Sequence[type[Provider]]:
    return [Engine, Vendor, Api]


@hookimpl
def facegate_compatible_apis() -> Sequence[type[CompatibleApi]]:
    return [Served]


whoever(
    Engine(Settings()),
    Served(CompatibleApiSettings()),
    LivenessRequest(Image.of("a.jpg"), Settings(), 0.5),
)
Engine(HttpSettings(base_url="https://acme.example"))  # type: ignore[arg-type]
