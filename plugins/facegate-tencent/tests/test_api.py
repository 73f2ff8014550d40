"""The API, asked over HTTP as Tencent's SDKs do: who is let in, and what is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tencentcloud.iai.v20200303 import errorcodes

from drawn import picture
from facegate import AsyncFaceVerifier, CaptureRejected, FacegateError, Image, Liveness, Match
from facegate.gateway import create_app, serving
from facegate.plugin import (
    Answer,
    CompatibleApiSettings,
    DecodedRequest,
    HttpRequest,
    LivenessRequest,
)
from facegate.testing import FakeProvider, live, match, no_match, not_live
from facegate_tencent.compat import TencentApi
from facegate_tencent.provider import Tencent, TencentSettings
from facegate_tencent.wire import SIGNING

KEY = "AKIDid:s3cr3t"
TEMPORARY = "AKIDother:s3cr3t:tok"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SELFIE, PASSPORT = (Image.of(picture(seed=seed, size=(90, 120))).base64.decode() for seed in (1, 2))
PAIR = {"ImageA": SELFIE, "ImageB": PASSPORT}
COMPARE, LIVENESS = "CompareFace", "DetectLiveFaceAccurate"


@pytest.fixture(scope="module")
def engine() -> FakeProvider:
    """Its scores end at 1; 0.7 is the same person for it, 0.5 a living one."""
    return FakeProvider()


@pytest.fixture(scope="module")
def url(engine: FakeProvider) -> Iterator[str]:
    api = TencentApi(CompatibleApiSettings(), [KEY, TEMPORARY, "a-key-of-another-vendor"])
    api.clock = lambda: NOW
    with serving(create_app([api], lambda: AsyncFaceVerifier(engine))) as url:
        yield url


def signed(
    url: str, body: Any = PAIR, key: str = KEY, now: datetime = NOW, **headers: str
) -> httpx.Request:
    """A request as a client signs it; names of headers are written with underscores."""
    unsigned = httpx.Request("POST", url, json=body)
    key_id, secret, *token = key.split(":")
    asked = {
        "Content-Type": "application/json",
        "X-TC-Action": COMPARE,
        "X-TC-Version": "2020-03-03",
        **({"X-TC-Token": token[0]} if token else {}),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    request = HttpRequest("POST", url, asked, (unsigned.content,))
    request = SIGNING.signed(request, SecretStr(key_id), SecretStr(secret), now)
    return httpx.Request("POST", url, headers=request.headers, content=unsigned.content)


def sent(request: httpx.Request) -> dict[str, Any]:
    """What is in the reply, of which Tencent's SDK reads no other kind than this."""
    with httpx.Client(trust_env=False) as client:
        said = client.send(request)
    assert (said.status_code, said.headers["content-type"]) == (200, "application/json")
    (response,) = said.json().values()
    assert len(response.pop("RequestId")) == 36
    assert isinstance(response, dict)
    return response


def refusal(request: httpx.Request) -> str:
    (error,) = sent(request).values()
    assert error["Message"]
    return str(error["Code"])


def changed(request: httpx.Request, **headers: str | None) -> httpx.Request:
    """The request with other headers; one that is None is left out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in request.headers.items() if name not in named}
    kept |= {name: value for name, value in named.items() if value is not None}
    return httpx.Request("POST", request.url, headers=kept, content=request.content)


# Who is let in


@pytest.mark.parametrize("key", [KEY, TEMPORARY])
def test_who_holds_the_key_is_let_in(url: str, key: str) -> None:
    assert "Score" in sent(signed(url, key=key))


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("AKIDnobody:s3cr3t", "AuthFailure.SecretIdNotFound"),
        ("AKIDid:another", "AuthFailure.SignatureFailure"),
        ("AKIDid:s3cr3t:tok", "AuthFailure.TokenFailure"),
        ("AKIDother:s3cr3t", "AuthFailure.TokenFailure"),
        ("AKIDother:s3cr3t:another", "AuthFailure.TokenFailure"),
        ("a-key-of-another-vendor:", "AuthFailure.SecretIdNotFound"),
    ],
)
def test_who_does_not_is_not(url: str, key: str, why: str) -> None:
    assert refusal(signed(url, key=key)) == why


def test_a_request_without_a_whole_signature_is_refused(url: str) -> None:
    request = signed(url)
    claim = request.headers["authorization"]
    for spoilt in (
        {"authorization": None},
        {"authorization": "Bearer token"},
        {"authorization": claim[:-1]},
        {"authorization": claim.replace("content-type;host", "content-type")},
        {"authorization": claim.replace("content-type;host", "host")},
        {"authorization": claim.replace("/iai/", "/cvm/")},
        {"authorization": claim.replace("TC3", "TC2")},
        {"x_tc_timestamp": None},
    ):
        assert refusal(changed(request, **spoilt)) == "AuthFailure.InvalidAuthorization"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"x_tc_timestamp": "1767323046"},
        {"content_type": "application/json; charset=utf-8"},
        {"host": "elsewhere.example"},
    ],
)
def test_what_is_signed_cannot_be_changed(url: str, spoilt: dict[str, str]) -> None:
    assert refusal(changed(signed(url), **spoilt)) == "AuthFailure.SignatureFailure"


def test_the_pictures_are_signed(url: str) -> None:
    other = httpx.Request("POST", url, json={**PAIR, "ImageB": SELFIE}).content
    request = httpx.Request("POST", url, headers=signed(url).headers, content=other)
    request.headers["content-length"] = str(len(other))
    assert refusal(request) == "AuthFailure.SignatureFailure"
    assert refusal(changed(request, x_tc_content_sha256="UNSIGNED-PAYLOAD")) == (
        "AuthFailure.SignatureFailure"
    )


@pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
def test_an_old_signature_and_one_of_the_future_are_refused(url: str, seconds: int) -> None:
    late = NOW + timedelta(seconds=seconds)
    assert refusal(signed(url, now=late)) == "AuthFailure.SignatureExpire"
    in_time = NOW + timedelta(seconds=300 * (1 if seconds > 0 else -1))
    assert "Score" in sent(signed(url, now=in_time))


def test_the_path_is_not_signed_and_may_be_any(url: str) -> None:
    request = signed(url)
    for place in (url, f"{url}/", f"{url}/tencent", f"{url}/tencent/"):
        moved = httpx.Request("POST", place, headers=request.headers, content=request.content)
        assert "Score" in sent(moved)


def test_the_operator_hears_of_keys_that_let_nobody_in() -> None:
    assert TencentApi(CompatibleApiSettings(), [KEY]).notes() == ()
    (note,) = TencentApi(CompatibleApiSettings(), [KEY, "sk-1"]).notes()
    assert "ID:SECRET" in note


# What is answered


@pytest.mark.parametrize(("outcome", "score"), [(match(0.85), 75), (no_match(0.35), 25)])
def test_a_comparison_has_a_score_of_the_newest_model(
    engine: FakeProvider, url: str, outcome: Any, score: float
) -> None:
    engine.will(outcome, outcome)
    said = {"Score": pytest.approx(score), "FaceModelVersion": "3.0"}
    assert sent(signed(url)) == said
    assert sent(signed(url, {**PAIR, "FaceModelVersion": "3.0", "QualityControl": 4})) == said


@pytest.mark.parametrize(("outcome", "score"), [(live(0.75), 70), (not_live(0.25), 20)])
def test_so_has_a_liveness_check(
    engine: FakeProvider, url: str, outcome: Any, score: float
) -> None:
    engine.will(outcome)
    request = signed(url, {"Image": SELFIE}, X_TC_Action=LIVENESS)
    assert sent(request) == {"Score": pytest.approx(score), "FaceModelVersion": "3.0"}


def test_whoever_takes_what_is_above_50_gets_the_decision(engine: FakeProvider, url: str) -> None:
    engine.will(match(0.7), no_match(0.699_999))
    assert sent(signed(url))["Score"] > 50
    assert sent(signed(url))["Score"] < 50


def test_a_similarity_is_not_told_of_a_spoof(engine: FakeProvider, url: str) -> None:
    spoof = Liveness(passed=False)
    engine.will(Answer(match=Match(is_match=True, score=0.9, threshold=0.7), liveness=spoof))
    assert refusal(signed(url)) == "FailedOperation.FaceQualityNotQualified"


def test_a_score_that_nobody_gave_is_not_made_up(engine: FakeProvider, url: str) -> None:
    engine.will(Answer(match=Match(is_match=True)), Answer(liveness=Liveness(passed=True)))
    assert refusal(signed(url)) == "UnsupportedOperation"
    request = signed(url, {"Image": SELFIE}, X_TC_Action=LIVENESS)
    assert refusal(request) == "UnsupportedOperation"


TINY, WIDE = (Image.of(picture(size=size)).base64.decode() for size in ((63, 90), (2001, 64)))


REFUSED_PICTURES = {
    "none": (None, "InvalidParameterValue.ImageEmpty"),
    "empty": ("", "InvalidParameterValue.ImageEmpty"),
    "no base64": ("?", "FailedOperation.ImageDecodeFailed"),
    "a data URI": (f"data:image/png;base64,{PASSPORT}", "FailedOperation.ImageDecodeFailed"),
    "a GIF": ("R0lGODlhAQABAAAAACw=", "FailedOperation.ImageDecodeFailed"),
    "heavy": ("A" * 5_242_881, "FailedOperation.ImageSizeExceed"),
    "tiny": (TINY, "FailedOperation.ImageResolutionTooSmall"),
    "wide": (WIDE, "FailedOperation.ImageResolutionExceed"),
    "a number": (7, "InvalidParameter"),
}


@pytest.mark.parametrize("what", REFUSED_PICTURES)
def test_a_picture_that_the_vendor_would_refuse_is_refused(url: str, what: str) -> None:
    shown, why = REFUSED_PICTURES[what]
    for name in ("ImageA", "ImageB"):
        assert refusal(signed(url, {**PAIR, name: shown})) == why
    assert refusal(signed(url, {"Image": shown}, X_TC_Action=LIVENESS)) == why


@pytest.mark.parametrize(
    ("action", "more", "why"),
    [
        (COMPARE, {"UrlA": "file:///etc/passwd"}, "InvalidParameterValue.UrlIllegal"),
        (COMPARE, {"UrlB": "https://pictures.example/1"}, "InvalidParameterValue.UrlIllegal"),
        (LIVENESS, {"Url": "https://pictures.example/1"}, "InvalidParameterValue.UrlIllegal"),
        (COMPARE, {"FaceModelVersion": "2.0"}, "InvalidParameterValue.FaceModelVersionIllegal"),
        (LIVENESS, {"FaceModelVersion": "2.0"}, "InvalidParameterValue.FaceModelVersionIllegal"),
        (COMPARE, {"FaceModelVersion": 3.0}, "InvalidParameter"),
        (COMPARE, {"QualityControl": 5}, "InvalidParameterValue.QualityControlIllegal"),
        (COMPARE, {"QualityControl": -1}, "InvalidParameterValue.QualityControlIllegal"),
        (COMPARE, {"QualityControl": "1"}, "InvalidParameter"),
        (COMPARE, {"QualityControl": True}, "InvalidParameter"),
    ],
)
def test_so_is_what_else_it_would_refuse(
    url: str, action: str, more: dict[str, Any], why: str
) -> None:
    pictures = PAIR if action == COMPARE else {"Image": SELFIE}
    assert refusal(signed(url, {**pictures, **more}, X_TC_Action=action)) == why


def test_what_is_wrong_with_a_message_is_told_and_not_repeated(url: str) -> None:
    (error,) = sent(signed(url, {**PAIR, "QualityControl": "sentinel"})).values()
    assert "QualityControl" in error["Message"]
    assert "sentinel" not in error["Message"]


@pytest.mark.parametrize("action", ["", "CompareMaskFace", "VerifyFace", "DetectLiveFace"])
def test_other_actions_are_not_served(url: str, action: str) -> None:
    (error,) = sent(signed(url, X_TC_Action=action)).values()
    assert error["Code"] == "UnsupportedOperation"
    assert COMPARE in error["Message"]


def test_another_version_of_the_api_is_not_served(url: str) -> None:
    assert refusal(signed(url, X_TC_Version="2018-03-01")) == "NoSuchVersion"
    assert refusal(changed(signed(url), x_tc_version=None)) == "NoSuchVersion"


def test_what_is_no_place_is_said_so_in_the_vendors_words(url: str) -> None:
    with httpx.Client(trust_env=False) as client:
        said = client.get(url).json()
    assert said["Response"]["Error"]["Code"] == "UnsupportedOperation"


# Errors


@pytest.mark.parametrize("name", TencentApi.errors)
def test_each_error_is_heard_as_what_its_row_says(name: str) -> None:
    said = TencentApi(CompatibleApiSettings()).error(name)
    settings = {"region": "ap-guangzhou", "secret_id": "AKIDid", "secret_key": "s3cr3t"}
    provider = Tencent(TencentSettings.model_validate(settings))
    asked = LivenessRequest(Image.from_base64(SELFIE), provider.settings, 40.0)
    flow = provider.answer(asked)
    next(flow)
    with pytest.raises(FacegateError) as caught:
        flow.send(said)
    error = caught.value
    found = error.reason if isinstance(error, CaptureRejected) else type(error)
    assert (said.status, found) == (200, Tencent.errors.codes[name])


def test_the_dotted_names_are_those_of_the_vendors_sdk() -> None:
    of_sdk = {value for name, value in vars(errorcodes).items() if name.isupper()}
    of_every_service = {name for name in TencentApi.errors if name.startswith("AuthFailure.")}
    dotted = {name for name in TencentApi.errors if "." in name} - of_every_service
    assert dotted <= of_sdk


@pytest.mark.parametrize(
    ("asked", "options"), [({}, {}), ({"QualityControl": 0}, {"quality_control": 0})]
)
def test_a_quality_that_nobody_asks_for_is_left_to_the_provider(
    asked: dict[str, int], options: dict[str, int]
) -> None:
    body = json.dumps({**PAIR, **asked}).encode()
    headers = {"x-tc-action": COMPARE, "x-tc-version": "2020-03-03"}
    decoded = TencentApi(CompatibleApiSettings()).decode(
        HttpRequest("POST", "http://gateway/", headers, (body,))
    )
    assert isinstance(decoded, DecodedRequest)
    assert decoded.options == options
