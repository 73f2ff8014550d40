"""The public API as users type it. Never run: mypy in strict mode is the test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, assert_type

import facegate
from facegate import (
    AsyncFaceVerifier,
    CaptureReason,
    CaptureRejected,
    Decision,
    FaceVerifier,
    Image,
    Match,
    Operation,
    RateLimited,
    VerificationResult,
)
from facegate.plugin import (
    Answer,
    BlockingProvider,
    CompareRequest,
    Flow,
    FlowProvider,
    HttpProvider,
    HttpSettings,
    LivenessRequest,
    Picture,
    ProviderSettings,
    WireModel,
    per_call,
)


def asks(path: Path, raw: bytes, upload: BinaryIO, picture: Image) -> None:
    with facegate.open() as verifier:
        assert_type(verifier, FaceVerifier)
        assert_type(verifier.capabilities, frozenset[Operation])
        result = verifier.compare(probe=path, gallery=[raw, upload, picture, "passport.jpg"])
        assert_type(result, VerificationResult)
        verifier.compare("selfie.jpg", "passport.jpg", threshold="fmr:1e-4")
        verifier.compare("selfie.jpg", (raw,), threshold=0.8, options={"acme": {"mode": 1}})
        verifier.compare_live(raw, picture, threshold=0.8, liveness_threshold=0.5)
        assert_type(verifier.liveness(upload).accepted, bool)
        verifier.compare("selfie.jpg", None)  # type: ignore[arg-type]
        verifier.compare("selfie.jpg")  # type: ignore[call-arg]
        verifier.liveness(raw, liveness_threshold=1)
        verifier.liveness(raw, threshold=1)  # type: ignore[call-arg]
    facegate.open("facegate.toml", provider="backup").close()
    facegate.open(plugin="acme", token="secret", deadline_s=5)


async def asks_without_blocking(raw: bytes) -> None:
    async with facegate.open_async(Path("facegate.toml")) as verifier:
        assert_type(verifier, AsyncFaceVerifier)
        assert_type(await verifier.compare(raw, [raw]), VerificationResult)
        assert_type((await verifier.liveness(raw)).decision, Decision)


def reads(result: VerificationResult) -> None:
    assert_type(result.match, Match | None)
    _ = result.match.score  # type: ignore[union-attr]
    if result.match is not None:
        assert_type(result.match.score, float | None)
    assert_type(result.vendor_signature, Mapping[str, str] | None)
    assert_type([attempt.seconds for attempt in result.attempts], list[float])


def takes(path: Path) -> Image:
    image = Image.of(path, facegate.ImageLimits(max_bytes=1000))
    assert_type(image.base64, bytes)
    return image


def handles(verifier: FaceVerifier, raw: bytes) -> float | None:
    try:
        verifier.liveness(raw)
    except CaptureRejected as error:
        assert_type(error.reason, CaptureReason)
    except RateLimited as error:
        return assert_type(error.retry_after, float | None)
    except facegate.FacegateError as error:
        assert_type(error.retryable, bool)
        assert_type(error.image, str | None)
    return None


class Settings(ProviderSettings):
    mode: str = per_call("FAST")


class Engine(BlockingProvider[Settings]):
    settings_type = Settings

    def compare(self, request: CompareRequest[Settings]) -> Answer:
        assert_type(request.settings.mode, str)
        return Answer(Match(is_match=True))


class Vendor(FlowProvider[Settings]):
    def liveness(self, request: LivenessRequest[Settings]) -> Flow[Answer]:
        assert_type(request.liveness_threshold, float | None)
        yield from ()
        return Answer()


class Body(WireModel):
    image: Picture


class Reply(WireModel):
    score: float


class Api(HttpProvider[HttpSettings]):
    def compare(self, request: CompareRequest[HttpSettings]) -> Flow[Answer]:
        assert_type(self.settings.base_url, str)
        reply = yield from self.post("/compare", Body(image=request.probe), Reply)
        return Answer(Match(is_match=assert_type(reply.score, float) > 0.5))
