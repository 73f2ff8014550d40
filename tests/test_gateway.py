"""A vendor's API in front of any provider, over real HTTP."""

from __future__ import annotations

import json
import logging
import re
import threading
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from acme import PROBE, SAME, Engine, Scripted
from acme_api import KEY, AcmeApi, acme_api, front, question, saying
from facegate import AsyncFaceVerifier, ConfigurationError
from facegate.gateway import create_app, serving
from facegate.plugin import (
    Answer,
    AuthenticationFailed,
    CaptureReason,
    CaptureRejected,
    DecodedRequest,
    FacegateError,
    HttpReply,
    HttpRequest,
    ProviderTimeout,
    QuotaExhausted,
    RateLimited,
)

# Failures


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationFailed("answered 401"),
        CaptureRejected("no face", reason=CaptureReason.FACE_NOT_FOUND, image="probe"),
        ProviderTimeout("no answer in 30 s"),
        QuotaExhausted("answered 402"),
        RateLimited("answered 429", retry_after=3),
    ],
    ids=lambda error: error.code,
)
def test_a_failure_is_told_in_the_vendors_words(error: FacegateError) -> None:
    with front(error) as client:
        said = client.post("/v1/compare", json=question()).json()
    assert (said["class"], said["image"]) == (error.code, error.image)
    assert said.get("retryAfter") == getattr(error, "retry_after", None)


def test_an_operation_that_the_provider_lacks_is_refused() -> None:
    with front(Engine(lambda _: SAME)) as client:
        said = client.post("/v1/liveness", json=question())
    assert said.json()["class"] == "UnsupportedOperation"


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 200_000, b"\xff"])
def test_a_body_that_cannot_be_read_is_the_apis_to_refuse(body: bytes) -> None:
    with front(SAME) as client:
        said = client.post("/v1/compare", content=body)
    assert said.status_code in (400, 500)
    assert said.headers["content-type"] == "application/json"


def test_a_bad_picture_is_named() -> None:
    with front(SAME) as client:
        said = client.post("/v1/compare", json=question(gallery=["AAAA"]))
    assert (said.status_code, said.json()["image"]) == (422, "gallery[0]")


def test_a_text_from_outside_never_names_a_file(tmp_path: Path) -> None:
    file = tmp_path / "face.png"
    file.write_bytes(PROBE)
    with front(SAME) as client:
        for picture in (str(file), "http://127.0.0.1/face.png"):
            said = client.post("/v1/compare", json=question(gallery=[picture]))
            assert (said.json()["class"], said.json()["image"]) == ("ImageRejected", "gallery[0]")


def test_a_url_is_fetched_only_where_that_is_configured() -> None:
    with front(SAME) as client:
        said = client.post("/v1/liveness", json=question(probe="https://example.org/face.png"))
    assert said.json()["class"] == "ImageRejected"


class Broken(AcmeApi):
    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        raise KeyError(asked.context + KEY)


def test_a_bug_is_told_without_what_it_holds(caplog: pytest.LogCaptureFixture) -> None:
    api = Broken(acme_api().settings)
    with front(SAME, api) as client, caplog.at_level(logging.DEBUG):
        said = client.post("/v1/compare", json=question())
    assert (said.status_code, said.json()) == (500, {"error": "internal error"})
    assert "KeyError at test_gateway.py:" in caplog.text
    assert KEY not in caplog.text


# Who may ask, and where


def test_callers_present_a_key_where_there_is_one() -> None:
    with front(SAME, acme_api(KEY)) as client:
        stranger = client.post("/v1/compare", json=question())
        assert (stranger.status_code, stranger.json()) == (401, {"code": "bad_token"})
        known = client.post(
            "/v1/compare", json=question(), headers={"Authorization": f"Token {KEY}"}
        )
        assert known.status_code == 200


def test_a_web_page_cannot_use_what_is_open_to_its_visitor() -> None:
    page = {"Origin": "https://page.example", "Content-Type": "text/plain"}
    with front(SAME) as client:
        said = client.post("/v1/compare", json=question(), headers=page)
        assert (said.status_code, said.json()) == (
            403,
            {"error": "a web page may ask only where there are keys"},
        )
    with front(SAME, acme_api(KEY), authorization=f"Token {KEY}") as client:
        assert client.post("/v1/compare", json=question(), headers=page).status_code == 200


def test_of_a_header_that_comes_twice_the_first_counts() -> None:
    with front(SAME, acme_api(KEY)) as client:
        for first, status in ((KEY, 200), ("guessed", 401)):
            second = KEY if first != KEY else "guessed"
            headers = [("Authorization", f"Token {key}") for key in (first, second)]
            assert (
                client.post("/v1/compare", json=question(), headers=headers).status_code == status
            )


def test_an_operator_may_give_an_error_another_status() -> None:
    with front(SAME, acme_api(KEY, statuses={"bad_token": 403})) as client:
        assert client.post("/v1/compare", json=question()).status_code == 403


class OtherApi(AcmeApi):
    plugin = "other"


def test_one_api_is_at_the_root_too_and_several_are_not() -> None:
    with front(SAME) as client:
        for path in ("/v1/compare", "/acme/v1/compare"):
            assert client.post(path, json=question()).status_code == 200
    with front(SAME, acme_api(), OtherApi(acme_api().settings)) as client:
        assert client.post("/v1/compare", json=question()).status_code == 404
        for path in ("/acme/v1/compare", "/other/v1/compare"):
            assert client.post(path, json=question()).status_code == 200


def test_what_is_not_there_is_said_plainly() -> None:
    with front(SAME) as client:
        missing = client.post("/v1/nothing?token=secret")
        assert (missing.status_code, missing.json()) == (404, {"error": "Not Found"})
        wrong = client.get("/v1/compare")
        assert (wrong.status_code, wrong.json()) == (405, {"error": "Method Not Allowed"})
        assert wrong.headers["allow"] == "POST"
        assert client.post("/v1/compare/", json=question()).status_code == 404
        assert client.get("/healthz").json() == {"status": "ok"}


PREFLIGHT = {
    "Origin": "https://app.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def test_a_web_page_may_ask_if_its_origin_is_configured() -> None:
    verifier = partial(AsyncFaceVerifier, Scripted(saying(SAME)))
    app = create_app([acme_api(KEY)], verifier, cors_origins=["https://app.example"])
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False) as browser:
        asked = browser.options("/v1/compare", headers=PREFLIGHT)
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == "https://app.example"
        assert "POST" in asked.headers["access-control-allow-methods"]
        assert "authorization" in asked.headers["access-control-allow-headers"]
        page = {"Origin": "https://app.example"}
        refused = browser.post("/v1/compare", json=question(), headers=page)
        assert refused.status_code == 401  # its own words are for the page to read, too
        assert refused.headers["access-control-allow-origin"] == "https://app.example"
        stranger = {**PREFLIGHT, "Origin": "https://evil.example"}
        assert browser.options("/v1/compare", headers=stranger).status_code == 400


def test_no_web_page_may_ask_otherwise() -> None:
    with front(SAME, acme_api(KEY)) as client:
        asked = client.options("/v1/compare", headers=PREFLIGHT)
    assert "access-control-allow-origin" not in asked.headers


class Worded(AcmeApi):
    no_route = "bad_request"


def test_what_is_not_there_is_said_in_the_vendors_words_where_they_are_known() -> None:
    """Its own clients look for a code in every error, and break where there is none."""
    with front(SAME, Worded(acme_api().settings)) as client:
        for said in (client.post("/v1/nothing"), client.get("/acme/v1/compare")):
            assert (said.status_code, said.json()["code"]) == (400, "bad_request")
    with front(SAME, Worded(acme_api().settings), OtherApi(acme_api().settings)) as client:
        assert client.post("/acme/v1/nothing").json()["code"] == "bad_request"
        assert client.post("/other/v1/nothing").json() == {"error": "Not Found"}
        assert client.post("/nothing").json() == {"error": "Not Found"}


def test_an_api_answers_by_itself_where_its_vendor_does() -> None:
    with front(SAME) as client:
        said = client.get("/acme/v1/renew?months=3")
    assert said.json() == {"renewed": "months=3"}


@pytest.mark.parametrize(
    ("sent", "kept"), [("abc-123", True), ("a b", False), ("x" * 128, True), ("x" * 129, False)]
)
def test_a_reply_carries_the_callers_request_id_if_it_is_a_decent_one(
    sent: str, *, kept: bool
) -> None:
    with front(SAME) as client:
        got = client.get("/healthz", headers={"X-Request-Id": sent}).headers["x-request-id"]
    assert (got == sent) is kept
    assert got


def test_the_server_does_not_say_what_it_is() -> None:
    with front(SAME) as client:
        assert "server" not in client.get("/healthz").headers


# The process


def test_the_provider_is_closed_in_the_end() -> None:
    provider = Scripted(saying(SAME))
    with front(provider) as client:
        client.post("/v1/compare", json=question())
        assert provider.closed == 0
    assert provider.closed == 1


class Slow(AcmeApi):
    reading, enough = threading.Event(), threading.Event()

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        self.reading.set()
        assert self.enough.wait(60)
        return super().decode(request)


def test_others_are_served_while_a_heavy_request_is_read() -> None:
    with front(SAME, Slow(acme_api().settings)) as client:
        said: list[int] = []
        heavy = threading.Thread(
            target=lambda: said.append(client.post("/v1/compare", json=question()).status_code)
        )
        heavy.start()
        assert Slow.reading.wait(60)
        assert client.get("/healthz").status_code == 200
        assert said == []
        Slow.enough.set()
        heavy.join()
    assert said == [200]


def test_a_request_in_work_is_answered_before_the_server_ends() -> None:
    working, enough = threading.Event(), threading.Event()

    def find(_: Any) -> Answer:
        working.set()
        assert enough.wait(60)
        return SAME

    said: list[dict[str, Any]] = []
    with front(Engine(find)) as client:
        base = str(client.base_url)
        asking = threading.Thread(
            target=lambda: said.append(
                httpx.post(f"{base}/v1/compare", json=question(), timeout=60).json()
            )
        )
        asking.start()
        assert working.wait(60)
        threading.Timer(0.2, enough.set).start()
    asking.join()
    assert said == [{"same": True, "score": 85.0}]


# Settings that cannot work


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"match_threshold": 0}, "match_threshold = 0 is not from 0 to 1"),
        ({"liveness_threshold": 101}, "liveness_threshold = 101"),
        ({"statuses": {"nothing": 400}}, "statuses.nothing"),
        ({"statuses": {"down": 200}}, "statuses.down"),
    ],
)
def test_a_setting_that_the_api_could_never_use_is_refused(
    settings: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        create_app([acme_api(**settings)], lambda: AsyncFaceVerifier(Scripted(saying(SAME))))


def test_one_api_cannot_be_mounted_twice() -> None:
    with pytest.raises(ConfigurationError, match="twice"):
        create_app([acme_api(), acme_api()], lambda: AsyncFaceVerifier(Scripted(saying(SAME))))


def test_the_log_tells_why_a_request_failed(caplog: pytest.LogCaptureFixture) -> None:
    error = AuthenticationFailed("answered 401: the token has ended")
    with front(error) as client, caplog.at_level(logging.INFO):
        client.post("/v1/compare", json=question())
        client.post("/v1/compare", content=b"[]" * 200_000)
    told = [each.getMessage() for each in caplog.records if each.name == "facegate.gateway"]
    assert told[0].endswith("ms AuthenticationFailed: answered 401: the token has ended")
    assert re.search(r" ms InvalidRequest: .+", told[1])


def test_the_log_tells_which_route_took_how_long_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with front(SAME, acme_api(KEY)) as client, caplog.at_level(logging.DEBUG):
        client.headers["Authorization"] = f"Token {KEY}"
        client.post("/acme/v1/compare?secret=1", json=question())
        client.post("/no/such/secret")
    lines = [each.getMessage() for each in caplog.records if each.name == "facegate.gateway"]
    assert [" ".join(line.split()[1:-2]) for line in lines] == [
        "POST /acme/v1/compare 200",
        "- 404",
    ]
    server = [each for each in caplog.records if not each.name.startswith(("http", "asyncio"))]
    told = json.dumps([each.getMessage() for each in server])
    assert "secret" not in told
    assert KEY not in told
    assert question()["probe"][:40] not in told
