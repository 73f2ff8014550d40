"""Failures of facegate's own API: each a problem that says what happened and what to do."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from acme import DOCUMENT, PASSPORT, PROBE, SAME, Engine, Scripted
from acme_api import saying
from drawn import picture
from facegate import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    CaptureRejected,
    ConnectionFailed,
    FacegateError,
    ImageFormat,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    UnmappedError,
)
from facegate.gateway import Limits
from facegate.gateway.native.problems import Problem, of_error
from facegate.plugin import Answer
from facegate.testing.strategies import every_error
from journals import journal
from natives import SUBJECT, Judge, alone, body, database, encoded, files, native
from scripted import Vendor

CONSENT = {
    "purpose": "opening an account",
    "recipients": ["Acme"],
    "regions": ["eu"],
    "storing": True,
    "reference": "consent-7",
}


@pytest.fixture(scope="module")
def judge() -> Iterator[httpx.Client]:
    with native(Judge(), alone(Judge("backup"), "backup")) as client:
        yield client


REFUSED: dict[FacegateError, tuple[int, bool, str]] = {
    AuthenticationFailed("answered 401", vendor_code="bad_token"): (502, False, "no"),
    QuotaExhausted("answered 402"): (502, False, "no"),
    RateLimited("answered 429", retry_after=2.2): (503, True, "no"),
    ProviderUnavailable("closed for the day"): (503, True, "no"),
    ConnectionFailed("no connection"): (503, True, "no"),
    ProviderTimeout("no answer in 30 s"): (504, False, "maybe"),
    BadReply("no JSON"): (502, False, "maybe"),
    UnmappedError("an error that no table knows"): (502, False, "maybe"),
}


@pytest.mark.parametrize("error", REFUSED, ids=lambda error: error.code)
def test_a_failure_is_a_problem_with_its_code(error: FacegateError) -> None:
    status, retryable, billed = REFUSED[error]
    with native(Scripted(saying(error))) as client:
        said = client.post("/v1/compare", json=body(request_id="r-1"))
    told = said.json()
    assert said.headers["content-type"] == "application/problem+json"
    assert (said.status_code, told["status"]) == (status, status)
    assert (told["type"], told["code"], told["detail"]) == (
        "about:blank",
        error.code,
        error.message,
    )
    assert (told["retryable"], told["billed"]) == (retryable, billed)
    assert (told["provider"], told.get("vendor_code")) == ("main", error.vendor_code)
    assert [each["error_code"] for each in told["attempts"]] == [error.code]
    assert told["request_id"] == said.headers["x-request-id"] == "r-1"
    wait = getattr(error, "retry_after", None)
    assert said.headers.get("retry-after") == (None if wait is None else "3")


@pytest.mark.parametrize("error", [*every_error()], ids=lambda error: error.code)
def test_every_error_there_is_has_a_problem_of_its_status(error: FacegateError) -> None:
    reply = of_error(error)
    told = Problem.model_validate_json(reply.body)
    assert (reply.status, told.code) == (error.http_status, error.code)
    assert told.reason == getattr(error, "reason", None)
    assert told.billed is error.billed


@pytest.mark.slow
def test_an_answer_that_cannot_be_recorded_is_withheld_and_what_it_cost_told(
    tmp_path: Path,
) -> None:
    with journal(database(tmp_path)) as kept, native(Judge(), journal=kept) as client:
        assert client.post("/v1/compare", json=body()).status_code == 200
        with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as away:
            away.execute("ALTER TABLE facegate_records RENAME TO gone")
        said = client.post("/v1/compare", json=body())
        assert client.get("/v1/decisions").status_code == 503
    told = said.json()
    assert (said.status_code, told["code"]) == (503, "JournalUnavailable")
    assert (told["billed"], len(told["attempts"])) == ("yes", 1)


def test_a_picture_that_cannot_be_decided_on_says_why_and_which() -> None:
    dark = CaptureRejected("too dark", reason=CaptureReason.QUALITY_TOO_LOW, image="gallery[0]")
    with native(Scripted(saying(dark))) as client:
        said = client.post("/v1/compare", json=body())
    told = said.json()
    assert (said.status_code, told["title"]) == (422, "Capture rejected")
    assert (told["reason"], told["image"]) == ("QUALITY_TOO_LOW", "gallery[0]")
    assert (told["retryable"], told["billed"]) == (False, "maybe")


def test_a_threshold_for_a_provider_that_nobody_leads_to_is_refused(judge: httpx.Client) -> None:
    said = judge.post("/v1/compare", json=body(threshold={"main": 0.9, "somebody": 0.9}))
    assert (said.status_code, said.json()["code"]) == (400, "UnsupportedOption")
    assert "somebody" in said.json()["detail"]


def test_what_was_spent_before_a_failure_is_told() -> None:
    with native(Vendor("main", "late")) as client:
        told = client.post("/v1/compare", json=body()).json()
    assert (told["code"], told["billed"]) == ("ProviderTimeout", "maybe")
    assert [each["billed"] for each in told["attempts"]] == ["maybe"]


def test_a_question_that_nobody_answers_is_refused() -> None:
    with native(Engine(lambda _: SAME)) as client:
        said = client.post("/v1/liveness", json={"probe": encoded(PROBE)})
    assert (said.status_code, said.json()["code"]) == (501, "UnsupportedOperation")


def test_a_consent_that_does_not_cover_the_vendor_keeps_it_from_being_asked() -> None:
    asked = Judge()
    with native(asked) as client:
        said = client.post(
            "/v1/compare", json=body(consent={**CONSENT, "recipients": ["Somebody Else"]})
        )
    assert (said.status_code, said.json()["code"]) == (403, "ConsentRefused")
    assert not asked.asked


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"prob": "x"}, "prob"),
        ({"probe": 7}, "probe"),
        ({"probe": None}, "probe"),
        ({"gallery": []}, "gallery"),
        ({"gallery": "AAAA"}, "gallery"),
        ({"gallery": [1]}, "gallery.0"),
        ({"threshold": True}, "threshold"),
        ({"threshold": {"main": {"main": 1}}}, "threshold"),
        ({"threshold": [0.5]}, "threshold"),
        ({"liveness_threshold": 0.5}, "liveness_threshold"),
        ({"subject": ""}, "subject"),
        ({"subject": 81}, "subject"),
        ({"options": {"acme": 1}}, "options.acme"),
        ({"request_id": "a b"}, "request_id"),
        ({"request_id": "x" * 129}, "request_id"),
        ({"judged_by_caller": "yes"}, "judged_by_caller"),
        ({"consent": {**CONSENT, "storing": 1}}, "consent.storing"),
        ({"consent": {"purpose": "x"}}, "consent.recipients"),
        ({"consent": {**CONSENT, "colour": "red"}}, "consent.colour"),
        ({"caller": "somebody"}, "caller"),
    ],
)
def test_what_is_no_question_is_refused_by_its_place(
    judge: httpx.Client, wrong: dict[str, Any], place: str
) -> None:
    said = judge.post("/v1/compare", json={**body(), **wrong})
    told = said.json()
    assert (said.status_code, told["code"]) == (400, "InvalidRequest")
    assert place in [each["place"] for each in told["errors"]]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b"[]", b'"x"', b"\xff", b"[" * 100_000, b'{"probe":NaN}']
)
def test_what_is_no_message_at_all_is_refused(judge: httpx.Client, content: bytes) -> None:
    said = judge.post("/v1/compare", content=content)
    assert (said.status_code, said.json()["code"]) == (400, "InvalidRequest")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"--x--", "multipart/form-data; boundary=x"),
        (b"whatever", "multipart/form-data"),
        (b"--x\r\n\r\nprobe", "multipart/form-data; boundary=x"),
    ],
)
def test_a_form_that_is_none_is_refused(judge: httpx.Client, content: bytes, kind: str) -> None:
    said = judge.post("/v1/compare", content=content, headers={"content-type": kind})
    assert (said.status_code, said.json()["code"]) == (400, "InvalidRequest")


def test_a_form_cannot_give_one_field_twice(judge: httpx.Client) -> None:
    twice = [*files(PROBE, DOCUMENT), *files(PASSPORT)]
    said = judge.post("/v1/compare", files=twice)
    assert (said.status_code, said.json()["code"]) == (400, "InvalidRequest")


@pytest.mark.parametrize(
    "picture",
    ["AAAA", "", "/etc/passwd", "http://127.0.0.1/face.png", "https://example.org/face.png"],
)
def test_a_text_that_is_no_picture_is_refused_and_names_no_file(
    judge: httpx.Client, picture: str
) -> None:
    said = judge.post("/v1/compare", json=body() | {"gallery": [encoded(DOCUMENT), picture]})
    told = said.json()
    assert (said.status_code, told["code"], told["image"]) == (422, "ImageRejected", "gallery[1]")


def test_a_picture_that_the_vendor_does_not_take_is_told_as_such(judge: httpx.Client) -> None:
    said = judge.post("/v1/compare", json=body(picture(ImageFormat.WEBP)))
    assert (said.status_code, said.json()["code"]) == (422, "UnsupportedPicture")


def test_a_query_knows_its_names_and_each_once(judge: httpx.Client) -> None:
    for query, why in (("rout=kyc", "rout"), ("route=kyc&route=kyc", "'route' twice")):
        said = judge.post(f"/v1/compare?{query}", json=body())
        assert said.status_code == 400
        assert why in said.json()["detail"]


def test_a_heavy_or_compressed_body_is_not_read() -> None:
    with native(Judge(), limits=Limits(max_body_bytes=1000)) as client:
        heavy = client.post("/v1/compare", json=body())
        assert (heavy.status_code, heavy.json()["code"]) == (413, "RequestEntityTooLarge")
        packed = client.post("/v1/compare", content=b"x", headers={"Content-Encoding": "gzip"})
        assert (packed.status_code, packed.json()["code"]) == (415, "UnsupportedMediaType")


def test_a_bug_is_told_without_what_it_holds(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Any) -> Answer:
        raise KeyError(SUBJECT)

    with native(Engine(broken)) as client, caplog.at_level("DEBUG"):
        said = client.post("/v1/compare", json=body(subject=SUBJECT))
    assert said.status_code >= 500
    assert SUBJECT not in said.text + caplog.text
