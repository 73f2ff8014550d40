"""The FastAPI example, over real HTTP."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from acme import DOCUMENT, PROBE
from facegate import AsyncFaceVerifier, CaptureReason, CaptureRejected, RateLimited
from facegate.gateway import serving
from facegate.plugin import call
from facegate.providers.provider import Provider
from facegate.testing import FakeProvider, not_live

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(EXAMPLES)
    return import_module("fastapi_app")


@contextmanager
def service(example: Any, provider: Provider) -> Iterator[httpx.Client]:
    app = example.create_app(lambda: AsyncFaceVerifier(provider))
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        yield client


def selfie(probe: bytes = PROBE, document: bytes = DOCUMENT) -> dict[str, str]:
    pictures = {"probe": probe, "document": document}
    encoded = {name: base64.b64encode(data).decode() for name, data in pictures.items()}
    return {**encoded, "customer": "user-81"}


def test_it_answers_with_the_result_and_the_callers_id(example: Any) -> None:
    fake = FakeProvider()
    fake.will(not_live())
    with service(example, fake) as client:
        refused = client.post("/verify", json=selfie(), headers={"X-Request-Id": "r-1"})
        accepted = client.post("/verify", json=selfie())
    assert (refused.status_code, refused.json()["decision"]) == (200, "reject")
    assert refused.headers["x-request-id"] == refused.json()["request_id"] == "r-1"
    assert accepted.json()["accepted"] is True
    assert accepted.headers["x-request-id"] == accepted.json()["request_id"] != "r-1"


def test_an_error_has_its_own_status_and_says_what_to_do(example: Any) -> None:
    fake = FakeProvider()
    fake.will(
        CaptureRejected("no face", reason=CaptureReason.FACE_NOT_FOUND, image="probe"),
        RateLimited("slow down", retry_after=7),
    )
    with service(example, fake) as client:
        no_face = client.post("/verify", json=selfie(), headers={"X-Request-Id": "r-1"})
        limited = client.post("/verify", json=selfie())
        no_picture = client.post("/verify", json=selfie(document=b"not a picture"))
    assert no_face.status_code == 422
    assert no_face.json()["error"]["reason"] == "FACE_NOT_FOUND"
    assert no_face.headers["x-request-id"] == "r-1"
    assert (limited.status_code, limited.headers["retry-after"]) == (503, "7")
    assert (no_picture.status_code, no_picture.json()["error"]["image"]) == (422, "gallery[0]")


def test_a_refused_body_is_not_repeated(example: Any) -> None:
    with service(example, FakeProvider()) as client:
        question = selfie()
        del question["customer"]
        told = client.post("/verify", json=question)
    assert told.status_code == 422
    assert told.json()["error"][0]["where"] == ["body", "customer"]
    assert question["probe"][:40] not in told.text


def test_health_says_what_can_be_asked_and_asks_nobody(example: Any) -> None:
    fake = FakeProvider()
    with service(example, fake) as client:
        told = client.get("/healthz").json()
    assert told == {"status": "ok", "operations": ["compare", "compare_live", "liveness"]}
    assert not fake.asked


def test_it_ends_once_the_last_request_has_been_answered(example: Any) -> None:
    begun, enough, answers = threading.Event(), threading.Event(), []

    class Slow(FakeProvider):
        def compare_live(self, request: Any) -> Any:
            begun.set()
            yield from call(enough.wait)
            return (yield from super().compare_live(request))

    slow = Slow()
    with service(example, slow) as client:
        url = f"{client.base_url}/verify"
        asking = threading.Thread(
            target=lambda: answers.append(httpx.post(url, json=selfie(), timeout=60))
        )
        asking.start()
        assert begun.wait(60)
        threading.Timer(0.1, enough.set).start()
    asking.join()
    assert answers[0].json()["accepted"] is True
    assert slow.closed == 1
