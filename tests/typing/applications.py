"""What applications write. Never run: mypy and pyright are the test, both of them strict.

A mistake that both have to find is marked by a ``type: ignore``; one too many is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, assert_type

import facegate
from facegate import (
    AsyncFaceVerifier,
    Attempt,
    Box,
    CaptureReason,
    CaptureRejected,
    Consent,
    DecidedBy,
    Decision,
    Face,
    FaceVerifier,
    Image,
    Liveness,
    Match,
    Operation,
    Question,
    RateLimited,
    Scale,
    VerificationResult,
)
from facegate.events import Finished, Shadowed, Tried
from facegate.gateway import create_app, serving
from facegate.journal import Journal, RequestRow
from facegate.plugin import CompatibleApi, Provider
from facegate.telemetry import PrometheusObserver
from facegate.typing import (
    Event,
    Flow,
    Gallery,
    ImageSource,
    Intake,
    Observer,
    Options,
    Recorder,
    Route,
    Thresholds,
)


def asks(path: Path, raw: bytes, upload: BinaryIO, picture: Image) -> None:
    with facegate.open() as verifier:
        assert_type(verifier, FaceVerifier)
        assert_type(verifier.capabilities, frozenset[Operation])
        assert_type(verifier.route, Route)
        assert_type(verifier.route.max_gallery, int | None)
        result = verifier.compare(probe=path, gallery=[raw, upload, picture, "passport.jpg"])
        assert_type(result, VerificationResult)
        verifier.compare("selfie.jpg", "passport.jpg", threshold="fmr:1e-4")
        verifier.compare("selfie.jpg", (raw,), threshold=0.8, options={"acme": {"mode": 1}})
        verifier.compare("selfie.jpg", raw, threshold={"main": 0.8, "other": "fmr:1e-4"})
        verifier.compare_live(raw, picture, threshold=0.8, liveness_threshold=0.5)
        verifier.liveness(raw, subject="user-81", consent=Consent("account", frozenset({"Acme"})))
        verifier.liveness(raw, liveness_threshold=1)
        assert_type(verifier.liveness(upload).accepted, bool)
        verifier.compare("selfie.jpg", None)  # type: ignore[arg-type]
        verifier.compare("selfie.jpg")  # type: ignore[call-arg]
        verifier.compare("selfie.jpg", raw, treshold=0.8)  # type: ignore[call-arg]
        verifier.compare("selfie.jpg", raw, 0.8)  # type: ignore[call-arg]
        verifier.liveness(raw, threshold=1)  # type: ignore[call-arg]
        verifier.liveness(raw, consent="yes")  # type: ignore[arg-type]
    facegate.open("facegate.toml", provider="backup").close()
    facegate.open(plugin="acme", token="secret", deadline_s=5)
    facegate.open(7)  # type: ignore[arg-type]


async def asks_without_blocking(raw: bytes) -> None:
    async with facegate.open_async(Path("facegate.toml")) as verifier:
        assert_type(verifier, AsyncFaceVerifier)
        assert_type(await verifier.compare(raw, [raw]), VerificationResult)
        assert_type(await verifier.compare_live(raw, raw, threshold=0.7), VerificationResult)
        assert_type((await verifier.liveness(raw)).decision, Decision)
        question = Question(operation=Operation.LIVENESS, probe=raw)
        assert_type(await verifier.ask(question), VerificationResult)
        _ = verifier.liveness(raw).decision  # type: ignore[attr-defined]
        await verifier.reload("facegate.toml")


def passes_on(
    verifier: FaceVerifier,
    probe: ImageSource,
    gallery: Gallery,
    threshold: Thresholds,
    options: Options,
) -> VerificationResult:
    """Names for annotations hold what the verbs take."""
    verifier.compare(probe, gallery, threshold=threshold, options=options)
    question = Question(
        operation=Operation.COMPARE,
        probe=probe,
        gallery=gallery,
        threshold=threshold,
        options=options,
        request_id="r-1",
    )
    assert_type(question.id, str)
    Question(operation="compare", probe=probe)  # type: ignore[arg-type]
    Question(Operation.LIVENESS, probe)  # type: ignore[call-arg]
    return verifier.ask(question)


def reads(result: VerificationResult) -> None:
    assert_type(result.operation, Operation)
    assert_type(result.decision, Decision)
    assert_type(result.match, Match | None)
    assert_type(result.liveness, Liveness | None)
    assert_type(result.provider, str)
    assert_type(result.faces, tuple[Face, ...])
    assert_type(result.warnings, tuple[str, ...])
    assert_type(result.vendor_reference, str | None)
    assert_type(result.vendor_signature, Mapping[str, str] | None)
    _ = result.match.score  # type: ignore[union-attr]
    _ = result.score  # type: ignore[attr-defined]
    if result.match is not None:
        assert_type(result.match.is_match, bool)
        assert_type(result.match.score, float | None)
        assert_type(result.match.scale, Scale | None)
        assert_type(result.match.decided_by, DecidedBy)
        assert_type(result.match.gallery_scores, tuple[float | None, ...])
    if result.liveness is not None:
        assert_type(result.liveness.reason, str | None)
    for attempt in result.attempts:
        assert_type(attempt, Attempt)
        assert_type(attempt.at, datetime | None)
        assert_type(attempt.seconds, float)
    for face in result.faces:
        assert_type(face.box, Box)


def decides(result: VerificationResult) -> str:
    match result.decision:
        case Decision.ACCEPT:
            return "welcome"
        case Decision.REVIEW:
            return "a person looks"
        case Decision.REJECT:
            return "no"


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
        assert_type(error.code, str)
        assert_type(error.attempts, tuple[Attempt, ...])
        _ = error.retry_after  # type: ignore[attr-defined]
    CaptureRejected("no face", reason="NO_FACE")  # type: ignore[arg-type]
    return None


def tells(event: Event) -> None:
    if isinstance(event, Finished):
        assert_type(event.result, VerificationResult | None)
        assert_type(event.error, facegate.FacegateError | None)
    elif isinstance(event, Tried):
        assert_type(event.attempt, Attempt)


class Kept:
    """A recorder of an application's own."""

    def record(self, event: Finished | Shadowed) -> Flow[None]:
        yield from ()

    def submit(self, event: Finished) -> None: ...

    def check(self) -> None: ...

    def close(self) -> None: ...


class KeptBadly:
    def record(self, event: Finished) -> None: ...

    def close(self) -> None: ...


def makes(provider: Provider, picture: bytes) -> None:
    observer: Observer = tells
    recorder: Recorder = Kept()
    limits = Intake(facegate.ImageLimits(max_bytes=1000))
    watched: list[Observer] = [observer, PrometheusObserver()]
    FaceVerifier(provider, intake=limits, observers=watched, recorder=recorder)
    AsyncFaceVerifier(provider, intake=limits, observers=watched, recorder=Kept())
    FaceVerifier(provider, observer=tells)  # type: ignore[call-arg]
    AsyncFaceVerifier(provider, observer=tells)  # type: ignore[call-arg]
    FaceVerifier(provider, limits)  # type: ignore[call-arg]
    FaceVerifier(provider, recorder=KeptBadly())  # type: ignore[arg-type]
    FaceVerifier("local")  # type: ignore[arg-type]


def serves(api: CompatibleApi, provider: Provider) -> None:
    app = create_app([api], lambda: AsyncFaceVerifier(provider))
    with serving(app) as url:
        assert_type(url, str)
    create_app([api], lambda: FaceVerifier(provider))  # type: ignore[arg-type,return-value]


def exports(journal: Journal) -> None:
    for row in journal.rows():
        assert_type(row, RequestRow)
        assert_type(row.decision, Decision | None)
