"""Tarnside's client asks Tarnside's API over HTTP, and somebody else answers."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from facegate import (
    AsyncFaceVerifier,
    AuthenticationFailed,
    CaptureReason,
    CaptureRejected,
    FaceVerifier,
    Liveness,
    Match,
    PermissionDenied,
)
from facegate.gateway import create_app, serving
from facegate.plugin import Answer, CompatibleApiSettings
from facegate.testing import FakeProvider, match, no_match, noise
from facegate_tarnside.compat import TarnsideApi
from facegate_tarnside.provider import Tarnside, TarnsideSettings

KEY = "tn-5e0c41f2"
SELFIE, DOCUMENT = noise(1), noise(2)


@pytest.fixture(scope="module")
def engine() -> FakeProvider:
    """Its scores end at 1; 0.7 is the same person for it, 0.5 a living one."""
    return FakeProvider()


@pytest.fixture(scope="module")
def url(engine: FakeProvider) -> Iterator[str]:
    """Where the engine answers as Tarnside would."""
    api = TarnsideApi(CompatibleApiSettings(), keys=[KEY])
    with serving(create_app([api], lambda: AsyncFaceVerifier(engine))) as url:
        yield url


def tarnside(url: str, api_key: str = KEY) -> Tarnside:
    return Tarnside(TarnsideSettings.model_validate({"base_url": url, "api_key": api_key}))


def test_a_decision_arrives_with_a_score_of_tarnsides(engine: FakeProvider, url: str) -> None:
    engine.will(match(0.85), no_match(0.35))
    with FaceVerifier(tarnside(url)) as verifier:
        found = [verifier.compare(SELFIE, [DOCUMENT]).match for _ in range(2)]
    same, other = (each for each in found if each is not None)
    assert (same.is_match, other.is_match) == (True, False)
    assert [same.score, other.score] == pytest.approx([90, 40])


def test_it_is_the_same_on_an_event_loop(url: str) -> None:
    async def ask() -> Liveness | None:
        async with AsyncFaceVerifier(tarnside(url)) as verifier:
            return (await verifier.liveness(SELFIE)).liveness

    found = anyio.run(ask)
    assert found is not None
    assert found.passed
    assert found.score == pytest.approx(95)


def test_what_is_wrong_with_a_picture_arrives(engine: FakeProvider, url: str) -> None:
    engine.will(CaptureRejected("nobody is on it", reason=CaptureReason.FACE_NOT_FOUND))
    with FaceVerifier(tarnside(url)) as verifier, pytest.raises(CaptureRejected) as caught:
        verifier.liveness(SELFIE)
    assert caught.value.reason is CaptureReason.FACE_NOT_FOUND


def test_a_score_that_nobody_gave_is_not_made_up(engine: FakeProvider, url: str) -> None:
    engine.will(Answer(match=Match(is_match=True)))
    with FaceVerifier(tarnside(url)) as verifier, pytest.raises(PermissionDenied):
        verifier.compare(SELFIE, [DOCUMENT])


def test_nobody_is_let_in_with_another_key(url: str) -> None:
    with FaceVerifier(tarnside(url, "tn-0")) as verifier, pytest.raises(AuthenticationFailed):
        verifier.liveness(SELFIE)
