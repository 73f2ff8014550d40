"""The Django example, over real HTTP."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx
import pytest

from acme import DOCUMENT, PROBE
from facegate import CaptureReason, CaptureRejected, FaceVerifier, RateLimited
from facegate.testing import FakeProvider, not_live
from portraits import portraits

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


class Threads(socketserver.ThreadingMixIn, WSGIServer):
    """One for each request, as real servers have them."""

    daemon_threads = False


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Where it is served."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        patch.setenv("DJANGO_SETTINGS_MODULE", "django_site.settings")
        application = import_module("django_site.wsgi").application
        server = make_server("127.0.0.1", 0, application, Threads, Quiet)
        with server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()
        faces().verifier.close()


def faces() -> Any:
    return import_module("django_site.faces")


@pytest.fixture
def fake(site: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    """Answers instead of the engine."""
    fake = FakeProvider()
    with FaceVerifier(fake) as verifier:
        monkeypatch.setattr(faces(), "verifier", verifier)
        yield fake


def ask(site: str, probe: bytes = PROBE, document: bytes = DOCUMENT, *, called: str = "") -> Any:
    files = {"probe": probe, "document": document}
    data = {"customer": "user-81"}
    headers = {"X-Request-Id": called} if called else {}
    return httpx.post(f"{site}/verify", files=files, data=data, headers=headers, timeout=60)


def test_it_tells_real_people_apart(site: str, tmp_path: Path) -> None:
    folder = portraits(tmp_path)
    selfie, passport, stranger = (
        (folder / f"{name}.jpg").read_bytes() for name in ("selfie", "passport", "stranger")
    )
    assert ask(site, selfie, passport).json()["match"]["is_match"] is True
    assert ask(site, selfie, stranger).json()["match"]["is_match"] is False


def test_it_answers_with_the_result_and_the_callers_id(site: str, fake: FakeProvider) -> None:
    fake.will(not_live())
    told = ask(site, called="r-1")
    assert (told.status_code, told.json()["decision"]) == (200, "reject")
    assert told.headers["x-request-id"] == told.json()["request_id"] == "r-1"


def test_an_error_has_its_own_status_and_says_what_to_do(site: str, fake: FakeProvider) -> None:
    fake.will(
        CaptureRejected("no face", reason=CaptureReason.FACE_NOT_FOUND, image="probe"),
        RateLimited("slow down", retry_after=7),
    )
    no_face, limited = ask(site, called="r-1"), ask(site)
    assert (no_face.status_code, no_face.headers["x-request-id"]) == (422, "r-1")
    assert no_face.json()["error"]["reason"] == "FACE_NOT_FOUND"
    assert (limited.status_code, limited.headers["retry-after"]) == (503, "7")
    no_picture = ask(site, document=b"not a picture")
    assert (no_picture.status_code, no_picture.json()["error"]["image"]) == (422, "gallery[0]")


def test_a_picture_that_is_missing_is_the_callers_fault(site: str, fake: FakeProvider) -> None:
    told = httpx.post(f"{site}/verify", files={"probe": PROBE}, timeout=60)
    assert (told.status_code, told.json()["error"]["code"]) == (400, "InvalidRequest")


def test_a_picture_never_touches_the_disk(
    site: str, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    monkeypatch.setattr(
        "django.core.files.temp.NamedTemporaryFile", lambda *_, **__: written.append(1)
    )
    heavy = PROBE + bytes(4 * 2**20)  # more than Django would keep in memory by itself
    assert ask(site, heavy).status_code == 200
    assert not written


def test_requests_are_served_side_by_side(site: str, fake: FakeProvider) -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(site))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.json()["accepted"] for each in answers] == [True] * 8


def test_health_says_what_can_be_asked_and_asks_nobody(site: str, fake: FakeProvider) -> None:
    told = httpx.get(f"{site}/healthz", timeout=60).json()
    assert told == {"status": "ok", "operations": ["compare", "compare_live", "liveness"]}
    assert not fake.asked
