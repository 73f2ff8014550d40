"""The API, asked over HTTP as AWS's SDKs do: who is let in, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from drawn import picture
from facegate import AsyncFaceVerifier, Image, Liveness, Match
from facegate.gateway import create_app, serving
from facegate.plugin import Answer, CompatibleApiSettings, HttpRequest
from facegate.testing import FakeProvider, match, no_match
from facegate_rekognition.compat import RekognitionApi
from facegate_rekognition.wire import SIGNING

KEY = "AKIDEXAMPLE:s3cr3t"
TEMPORARY = "ASIAEXAMPLE:s3cr3t:tok"
KEYS = [KEY, TEMPORARY, "a-key-of-another-vendor", "AKIDEMPTY:", "AKIDEMPTY::tok"]
KEYS += ["AKIDROTATED:old", "AKIDROTATED:new"]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SELFIE, PASSPORT = (
    Image.of(picture(seed=seed, size=(200, 200))).base64.decode() for seed in (1, 2)
)
LONG = picture(size=(10_001, 80))
PAIR = {"SourceImage": {"Bytes": SELFIE}, "TargetImage": {"Bytes": PASSPORT}}


@pytest.fixture(scope="module")
def engine() -> FakeProvider:
    """Its scores end at 1; 0.7 is the same person for it."""
    return FakeProvider()


@pytest.fixture(scope="module")
def url(engine: FakeProvider) -> Iterator[str]:
    api = RekognitionApi(CompatibleApiSettings(), KEYS)
    api.clock = lambda: NOW
    with serving(create_app([api], lambda: AsyncFaceVerifier(engine))) as url:
        yield url


def signed(
    url: str, body: Any = None, key: str = KEY, now: datetime = NOW, **headers: str
) -> httpx.Request:
    """A request as a client signs it; names of headers are written with underscores."""
    unsigned = httpx.Request("POST", url, json=PAIR if body is None else body)
    key_id, secret, *token = key.split(":")
    asked = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "RekognitionService.CompareFaces",
        **({"X-Amz-Security-Token": token[0]} if token else {}),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    request = HttpRequest("POST", url, asked, (unsigned.content,))
    request = SIGNING.signed(request, SecretStr(key_id), SecretStr(secret), now, "eu-west-1")
    return httpx.Request("POST", url, headers=request.headers, content=unsigned.content)


def sent(request: httpx.Request) -> tuple[int, dict[str, Any]]:
    with httpx.Client(trust_env=False) as client:
        reply = client.send(request)
    assert reply.headers["content-type"] == "application/x-amz-json-1.1"
    assert len(reply.headers["x-amzn-requestid"]) == 36
    body: dict[str, Any] = reply.json()
    assert reply.headers.get("x-amzn-errortype") == body.get("__type")
    return reply.status_code, body


def refusal(request: httpx.Request) -> str:
    status, body = sent(request)
    assert status == 400
    assert body["Message"]
    return str(body["__type"])


def changed(request: httpx.Request, **headers: str | None) -> httpx.Request:
    """The request with other headers; one that is None is left out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in request.headers.items() if name not in named}
    kept |= {name: value for name, value in named.items() if value is not None}
    return httpx.Request("POST", request.url, headers=kept, content=request.content)


# Who is let in


@pytest.mark.parametrize("key", [KEY, TEMPORARY])
def test_who_holds_the_key_is_let_in(url: str, key: str) -> None:
    assert sent(signed(url, key=key))[0] == 200


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("AKIDOTHER:s3cr3t", "UnrecognizedClientException"),
        ("AKIDEXAMPLE:another", "InvalidSignatureException"),
        ("AKIDEXAMPLE:s3cr3t:tok", "UnrecognizedClientException"),
        ("ASIAEXAMPLE:s3cr3t", "UnrecognizedClientException"),
        ("ASIAEXAMPLE:s3cr3t:another", "UnrecognizedClientException"),
        ("a-key-of-another-vendor:", "UnrecognizedClientException"),
    ],
)
def test_who_does_not_is_not(url: str, key: str, why: str) -> None:
    assert refusal(signed(url, key=key)) == why


def test_a_request_without_a_signature_is_refused(url: str) -> None:
    request = signed(url)
    for header, why in (
        (None, "MissingAuthenticationTokenException"),
        ("Bearer token", "IncompleteSignatureException"),
        (request.headers["authorization"][:-1], "IncompleteSignatureException"),
    ):
        assert refusal(changed(request, authorization=header)) == why


@pytest.mark.parametrize(
    "spoilt",
    [
        {"x_amz_date": "20260102T030406Z"},
        {"x_amz_target": "RekognitionService.DetectFaces"},
        {"content_type": "application/json"},
        {"host": "elsewhere.example"},
    ],
)
def test_what_is_signed_cannot_be_changed(url: str, spoilt: dict[str, str]) -> None:
    assert refusal(changed(signed(url), **spoilt)) == "InvalidSignatureException"


def test_the_pictures_are_signed(url: str) -> None:
    other = httpx.Request("POST", url, json={**PAIR, "TargetImage": {"Bytes": SELFIE}})
    request = httpx.Request("POST", url, headers=signed(url).headers, content=other.content)
    request.headers["content-length"] = str(len(other.content))
    assert refusal(request) == "InvalidSignatureException"


def test_an_unsigned_payload_is_refused(url: str) -> None:
    request = signed(url, X_Amz_Content_Sha256="UNSIGNED-PAYLOAD")
    body = httpx.Request("POST", url, json={**PAIR, "SimilarityThreshold": 1.0}).content
    spoilt = httpx.Request("POST", url, headers=request.headers, content=body)
    spoilt.headers["content-length"] = str(len(body))
    assert refusal(spoilt) == "InvalidSignatureException"


def test_a_header_that_has_to_be_signed_cannot_be_added(url: str) -> None:
    request = signed(url)
    added = changed(request, x_amz_security_token="tok")
    assert refusal(added) == "IncompleteSignatureException"
    claim = request.headers["authorization"]
    fewer = claim.replace(";x-amz-target", "")
    assert refusal(changed(request, authorization=fewer)) == "IncompleteSignatureException"
    more = claim.replace(";host;", ";host;x-absent;")
    assert refusal(changed(request, authorization=more)) == "IncompleteSignatureException"
    assert refusal(changed(request, x_amz_date=None)) == "IncompleteSignatureException"


@pytest.mark.parametrize("minutes", [-60, -16, 16, 60])
def test_an_old_signature_and_one_of_the_future_are_refused(url: str, minutes: int) -> None:
    request = signed(url, now=NOW + timedelta(minutes=minutes))
    assert refusal(request) == "RequestExpired"
    assert sent(signed(url, now=NOW + timedelta(minutes=minutes / abs(minutes) * 14)))[0] == 200


def test_the_path_is_signed_as_it_is_mounted(url: str) -> None:
    assert sent(signed(f"{url}/rekognition"))[0] == 200
    request = signed(f"{url}/rekognition")
    moved = httpx.Request("POST", url, headers=request.headers, content=request.content)
    assert refusal(moved) == "InvalidSignatureException"


@pytest.mark.parametrize("key", ["sk-1", "AKIDEMPTY:", "AKIDEMPTY::tok", ":s3cr3t", "::"])
def test_a_key_without_an_id_or_a_secret_lets_nobody_in(url: str, key: str) -> None:
    assert RekognitionApi(CompatibleApiSettings(), [KEY]).notes() == ()
    (note,) = RekognitionApi(CompatibleApiSettings(), [KEY, key]).notes()
    assert "ID:SECRET" in note
    if key.startswith("AKIDEMPTY"):
        assert refusal(signed(url, key=key)) == "UnrecognizedClientException"


@pytest.mark.parametrize("key", ["AKIDROTATED:old", "AKIDROTATED:new"])
def test_while_a_secret_is_replaced_both_are_good(url: str, key: str) -> None:
    assert sent(signed(url, key=key))[0] == 200
    assert refusal(signed(url, key=f"{key}er")) == "InvalidSignatureException"


def test_a_header_that_is_named_twice_is_not_hashed_twice(url: str) -> None:
    request = signed(url)
    claim = request.headers["authorization"]
    twice = claim.replace(";host;", ";host;host;")
    assert refusal(changed(request, authorization=twice)) == "IncompleteSignatureException"


# What is answered


def test_a_match_has_a_similarity_and_a_mismatch_none(engine: FakeProvider, url: str) -> None:
    engine.will(match(0.85), no_match(0.35))
    status, body = sent(signed(url))
    assert status == 200
    assert body["FaceMatches"] == [{"Similarity": pytest.approx(90), "Face": {}}]
    assert body["UnmatchedFaces"] == []
    _, body = sent(signed(url))
    assert (body["FaceMatches"], body["UnmatchedFaces"]) == ([], [{}])


def test_a_caller_who_judges_gets_the_similarity_of_strangers(
    engine: FakeProvider, url: str
) -> None:
    engine.will(no_match(0.35))
    _, body = sent(signed(url, {**PAIR, "SimilarityThreshold": 0}))
    assert body["FaceMatches"] == [{"Similarity": pytest.approx(40), "Face": {}}]


@pytest.mark.parametrize("asked", [{"SimilarityThreshold": 0}, {}])
def test_a_similarity_is_not_told_of_a_spoof(
    engine: FakeProvider, url: str, asked: dict[str, float]
) -> None:
    spoof = Liveness(passed=False)
    engine.will(Answer(match=Match(is_match=True, score=0.9, threshold=0.7), liveness=spoof))
    _, body = sent(signed(url, {**PAIR, **asked}))
    assert (body["FaceMatches"], body["UnmatchedFaces"]) == ([], [{}])


def test_a_similarity_that_nobody_gave_is_not_made_up(engine: FakeProvider, url: str) -> None:
    engine.will(Answer(match=Match(is_match=True)))
    assert refusal(signed(url)) == "AccessDeniedException"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "ValidationException"),
        ({**PAIR, "SimilarityThreshold": "90"}, "ValidationException"),
        ({**PAIR, "SimilarityThreshold": 101}, "InvalidParameterException"),
        ({**PAIR, "SimilarityThreshold": -1}, "InvalidParameterException"),
        ({**PAIR, "QualityFilter": "BEST"}, "ValidationException"),
        ({**PAIR, "TargetImage": {}}, "InvalidImageFormatException"),
        ({**PAIR, "TargetImage": {"Bytes": "?"}}, "InvalidImageFormatException"),
        (
            {**PAIR, "TargetImage": {"Bytes": f"data:image/png;base64,{PASSPORT}"}},
            "InvalidImageFormatException",
        ),
        ({**PAIR, "TargetImage": {"S3Object": {"Bucket": "b"}}}, "InvalidS3ObjectException"),
        ({**PAIR, "TargetImage": {"Bytes": "A" * 6_990_512}}, "ImageTooLargeException"),
        (
            {**PAIR, "TargetImage": {"Bytes": Image.of(picture()).base64.decode()}},
            "InvalidParameterException",
        ),
        (
            {**PAIR, "TargetImage": {"Bytes": Image.of(LONG).base64.decode()}},
            "ImageTooLargeException",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused(url: str, body: Any, why: str) -> None:
    assert refusal(signed(url, body)) == why


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("RekognitionService.DetectFaces", "AccessDeniedException"),
        ("RekognitionService.IndexFaces", "AccessDeniedException"),
        ("OtherService.CompareFaces", "UnknownOperationException"),
        ("", "UnknownOperationException"),
    ],
)
def test_other_operations_are_not_served(url: str, target: str, why: str) -> None:
    assert refusal(signed(url, X_Amz_Target=target)) == why


def test_the_retries_of_a_call_are_answered_once(engine: FakeProvider, url: str) -> None:
    engine.will(match(0.85), no_match(0.35))
    asked = len(engine.asked)
    replies = [
        sent(signed(url, amz_sdk_invocation_id="a-1", amz_sdk_request=f"attempt={attempt}; max=3"))
        for attempt in (1, 2, 3)
    ]
    assert all(each == replies[0] for each in replies)
    assert len(engine.asked) == asked + 1
    assert sent(signed(url, amz_sdk_invocation_id="a-2"))[1]["FaceMatches"] == []
