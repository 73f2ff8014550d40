"""The cloud API's client, asked over real sockets: what goes out, and what each reply means."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest
from pydantic import ValidationError

from both import Ask, ask_sync, both_ways
from drawn import picture
from facegate import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    CaptureRejected,
    DecidedBy,
    FacegateError,
    Image,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    PermissionDenied,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    UnmappedError,
)
from facegate.images.metadata import REMOVABLE
from facegate.providers.registry import Registry
from facegate_opencv.fr_cloud.provider import FrCloud, FrCloudSettings
from loopback import Act, Server, echo, reply

KEY = "key-5b70c9e2f3d14a86"
PROBE, PASSPORT, LICENCE, BADGE = (picture(seed=seed) for seed in (1, 2, 3, 4))
ONE: dict[str, Any] = {"probe": PROBE, "gallery": [PASSPORT]}
BOTH = {"score": 0.8, "liveness_score": "0.93"}


def settings(**values: Any) -> FrCloudSettings:
    return FrCloudSettings.model_validate({"api_key": KEY, **values})


def fr_cloud(base_url: str, **values: Any) -> FrCloud:
    return FrCloud(settings(base_url=base_url, **values), "main")


def base64(data: bytes) -> str:
    return Image.of(data).base64.decode()


def failure(act: Act, operation: str = "compare_live", ask: Ask = ask_sync) -> FacegateError:
    """The error that a reply ends in."""
    pictures = {"probe": PROBE} if operation == "liveness" else ONE
    with Server(act) as server, pytest.raises(FacegateError) as caught:
        ask(fr_cloud(server.url), operation, **pictures)
    return caught.value


@both_ways
def test_a_comparison_as_the_vendors_own_sdk_sends_it(ask: Ask) -> None:
    with Server(reply(200, {"score": 0.87})) as server:
        result = ask(fr_cloud(f"{server.url}/"), probe=PROBE, gallery=[PASSPORT, LICENCE])
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/compare")
    assert seen.headers["x-api-key"] == KEY
    assert seen.json == {
        "gallery": [base64(PASSPORT), base64(LICENCE)],
        "probe": [base64(PROBE)],
        "search_mode": "FAST",
    }
    assert result.accepted
    assert result.match is not None
    assert (result.match.score, result.match.threshold) == (0.87, 0.81)
    assert result.match.decided_by is DecidedBy.FACEGATE


@both_ways
def test_a_comparison_with_liveness_as_the_vendors_own_sdk_sends_it(ask: Ask) -> None:
    with Server(reply(200, BOTH)) as server:
        result = ask(fr_cloud(server.url), "compare_live", **ONE, threshold=0.75)
    (seen,) = server.seen
    assert seen.target == "/compare-live-face"
    assert seen.json == {
        "gallery": [base64(PASSPORT)],
        "probe": base64(PROBE),
        "liveness_min_score": 0.5,
        "os": "DESKTOP",
        "search_mode": "FAST",
    }
    assert result.accepted
    assert result.match is not None
    assert (result.match.score, result.match.threshold) == (0.8, 0.75)
    assert result.liveness is not None
    assert (result.liveness.score, result.liveness.threshold) == (0.93, 0.5)


@both_ways
def test_liveness_as_the_vendors_own_sdk_sends_it(ask: Ask) -> None:
    with Server(reply(200, {"liveness_score": 0.98})) as server:
        result = ask(fr_cloud(server.url), "liveness", probe=PROBE)
    (seen,) = server.seen
    assert seen.target == "/liveness"
    assert seen.json == {"image": base64(PROBE), "os": "DESKTOP"}
    assert result.accepted
    assert result.liveness is not None
    assert result.liveness.score == 0.98


def test_what_can_be_said_for_one_request_reaches_the_wire() -> None:
    told = {"opencv_cloud": {"search_mode": "ACCURATE", "os": "IOS"}}
    with Server(reply(200, BOTH)) as server:
        ask_sync(fr_cloud(server.url), "compare_live", **ONE, liveness_threshold=0.9, options=told)
    sent = server.seen[0].json
    assert (sent["search_mode"], sent["os"], sent["liveness_min_score"]) == ("ACCURATE", "IOS", 0.9)


@pytest.mark.parametrize(
    ("score", "liveness_score", "accepted"),
    [(0.81, 0.5, True), (0.8099, 0.5, False), (0.81, 0.4999, False), (1, 1, True), (1, 0, False)],
)
def test_a_score_that_equals_its_threshold_will_do(
    score: float, liveness_score: float, *, accepted: bool
) -> None:
    with Server(reply(200, {"score": score, "liveness_score": liveness_score})) as server:
        assert ask_sync(fr_cloud(server.url), "compare_live", **ONE).accepted == accepted


@pytest.mark.parametrize("operation", ["liveness", "compare_live"])
@pytest.mark.parametrize("score", [0.93, "0.93", "9.3e-1", 1, "1", 0, "0.0"])
def test_a_liveness_score_is_a_number_or_says_one(score: Any, operation: str) -> None:
    pictures = {"probe": PROBE} if operation == "liveness" else ONE
    with Server(reply(200, {"score": 0.9, "liveness_score": score})) as server:
        result = ask_sync(fr_cloud(server.url), operation, **pictures)
    assert result.liveness is not None
    assert result.liveness.score == float(score)


NO_SCORES: list[Any] = [
    None,
    True,
    -0.01,
    1.01,
    "nan",
    "inf",
    "",
    " 0.9",
    "0,9",
    "1_0e-1",
    "\u0660.\u0669",
    [0.9],
    {},
]


@pytest.mark.parametrize("operation", ["liveness", "compare_live"])
@pytest.mark.parametrize("score", NO_SCORES, ids=repr)
def test_anything_else_is_a_bad_reply(score: Any, operation: str) -> None:
    act = reply(200, {"score": 0.9, "liveness_score": score})
    assert type(failure(act, operation)) is BadReply


@pytest.mark.parametrize("score", [*NO_SCORES, "0.9"], ids=repr)
def test_a_similarity_score_is_a_number_alone(score: Any) -> None:
    assert type(failure(reply(200, {"score": score}), "compare")) is BadReply


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", b"[]", b"{}", b'{"score": NaN}', b'{"is_match": true}']
)
def test_a_reply_without_a_score_is_a_bad_one(body: bytes) -> None:
    assert type(failure(reply(200, body), "compare")) is BadReply


def test_a_fourth_picture_is_refused_before_anything_is_sent() -> None:
    gallery = [PASSPORT, LICENCE, BADGE, picture(seed=5)]
    with Server(reply(200, {"score": 0.9})) as server:
        ask_sync(fr_cloud(server.url), probe=PROBE, gallery=gallery[:3])
        with pytest.raises(InvalidRequest, match="more than the 3"):
            ask_sync(fr_cloud(server.url), probe=PROBE, gallery=gallery)
    assert len(server.seen) == 1


@pytest.mark.parametrize("kind", sorted(REMOVABLE))
def test_every_type_of_picture_is_taken(kind: ImageFormat) -> None:
    with Server(reply(200, {"liveness_score": 0.9})) as server:
        assert ask_sync(fr_cloud(server.url), "liveness", probe=picture(kind)).accepted


CODES: dict[str, type[FacegateError] | CaptureReason] = {
    "ERR_NO_FACES_FOUND": CaptureReason.FACE_NOT_FOUND,
    "ERR_MULTIPLE_FACES": CaptureReason.TOO_MANY_FACES,
    "ERR_FACE_TOO_SMALL": CaptureReason.FACE_TOO_SMALL,
    "ERR_FACE_TOO_CLOSE": CaptureReason.FACE_TOO_CLOSE,
    "ERR_FACE_CROPPED": CaptureReason.FACE_CROPPED,
    "ERR_FACE_OCCLUDED": CaptureReason.FACE_IS_OCCLUDED,
    "ERR_FACE_ROTATION": CaptureReason.FACE_ANGLE_TOO_LARGE,
    "ERR_BLURRY_IMAGE": CaptureReason.QUALITY_TOO_LOW,
    "ERR_FACE_EDGES_NOT_VISIBLE": CaptureReason.FACE_CLOSE_TO_BORDER,
    "ERR_INVALID_FACE_FOR_LIVENESS": CaptureReason.QUALITY_TOO_LOW,
    "ERR_IMAGE_COULD_NOT_BE_DECODED": ImageRejected,
    "ERR_NOT_STANDARD_CROP": ImageRejected,
    "ERR_INVALID_API_KEY": AuthenticationFailed,
    "ERR_INVALID_TOKEN": AuthenticationFailed,
    "ERR_DISABLED_API_KEY": PermissionDenied,
    "ERR_RESTRICTED_API": PermissionDenied,
    "ERR_READ_ONLY_API_KEY": PermissionDenied,
    "ERR_MASTER_KEY_CANNOT_BE_USED": PermissionDenied,
    "ERR_EXPIRED_SUBSCRIPTION": QuotaExhausted,
    "ERR_PERSON_LIMIT_EXCEEDED": QuotaExhausted,
    "ERR_ENTITY_NOT_FOUND": UnmappedError,
    "ERR_DUPLICATE_ENTITY": UnmappedError,
    "ERR_UPDATE_RESULTS_IN_TOO_MANY_THUMBNAILS": UnmappedError,
    "ERR_UPDATE_RESULTS_IN_NO_THUMBNAILS": UnmappedError,
    "ERR_DELETE_RESULTS_IN_NO_THUMBNAILS": UnmappedError,
    "ERR_RATE_LIMIT_EXCEEDED": RateLimited,
    "ERR_MAINTENANCE_MODE": ProviderUnavailable,
    "ERR_FROM_NEXT_YEAR": UnmappedError,
}


@pytest.mark.parametrize("code", CODES)
def test_a_code_decides_whatever_the_status(code: str) -> None:
    for status in (400, 422, *(() if code == "ERR_FROM_NEXT_YEAR" else (500,))):
        error = failure(reply(status, {"code": code, "message": "The API key is invalid"}))
        meant = error.reason if isinstance(error, CaptureRejected) else type(error)
        assert (meant, error.vendor_code) == (CODES[code], code)


def test_the_one_error_that_was_observed_in_the_wild() -> None:
    text = "Could not obtain at least one face from the supplied image(s)"
    error = failure(reply(400, {"code": "ERR_NO_FACES_FOUND", "message": text}), "compare")
    assert isinstance(error, CaptureRejected)
    assert error.image is None  # one of several, and it does not say which
    assert text not in str(error)


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("liveness", "ERR_NO_FACES_FOUND"),
        ("liveness", "ERR_IMAGE_COULD_NOT_BE_DECODED"),
        ("compare_live", "ERR_INVALID_FACE_FOR_LIVENESS"),
    ],
)
def test_a_fault_that_can_only_be_the_probes_names_it(operation: str, code: str) -> None:
    assert failure(reply(400, {"code": code, "message": "m"}), operation).image == "probe"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (422, {"detail": [{"loc": ["body", "probe"], "msg": "m", "type": "t"}]}, InvalidRequest),
        (422, {"detail": "Unprocessable"}, InvalidRequest),
        (401, {"detail": "Not authenticated"}, AuthenticationFailed),
        (403, {"detail": "Not authenticated"}, PermissionDenied),
        (404, {"detail": "Not Found"}, UnmappedError),
        (402, b"", QuotaExhausted),
        (413, b"<html>", ImageRejected),
        (429, b"slow down", RateLimited),
        (500, b"Internal Server Error", ProviderUnavailable),
        (502, b"<html>", BadReply),
        (503, b"<html>", ProviderUnavailable),
    ],
)
def test_without_a_code_the_status_decides(
    status: int, body: Any, kind: type[FacegateError]
) -> None:
    assert type(failure(reply(status, body))) is kind


@pytest.mark.parametrize("as_date", [False, True])
def test_how_long_to_wait(*, as_date: bool) -> None:
    wait = formatdate(time.time() + 3600, usegmt=True) if as_date else "3600"
    body = {"code": "ERR_RATE_LIMIT_EXCEEDED", "message": "m"}
    error = failure(reply(429, body, Retry_After=wait))
    assert isinstance(error, RateLimited)
    assert error.retry_after is not None
    assert 3000 < error.retry_after <= 3600


def test_a_validation_error_that_echoes_the_request_does_not_leak_it() -> None:
    error = failure(echo(422), "compare")
    shown = f"{error!r} {error} {error.as_dict()} {vars(error)}"
    assert KEY not in shown
    assert base64(PROBE)[:60] not in shown


@pytest.mark.parametrize("region", ["us", "eu", "sg"])
def test_a_region_is_a_url(region: str) -> None:
    assert settings(region=region).base_url == f"https://{region}.opencv.fr"


def test_a_region_is_where_consent_must_allow_it() -> None:
    told, untold = settings(region="eu"), settings(base_url="https://faces.example")
    assert [FrCloud(each).info.handling.region for each in (told, untold)] == ["eu", None]


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({}, "give region"),
        ({"region": "mars"}, "must be us"),
        ({"region": ["eu"], "base_url": "https://eu.example"}, "must be us"),
        ({"region": "eu", "base_url": "https://us.opencv.fr"}, "give one"),
    ],
)
def test_there_is_one_place_to_go_to(where: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text) as caught:
        settings(**where)
    assert KEY not in str(caught.value)


def test_an_option_can_be_set_for_a_request_to_a_region() -> None:
    provider = FrCloud(settings(region="eu"))
    merged = type(provider.settings).model_validate({**dict(provider.settings), "os": "IOS"})
    assert (merged.os, merged.base_url) == ("IOS", "https://eu.opencv.fr")


def test_it_is_found_by_its_name() -> None:
    assert Registry().provider_type("opencv_cloud") is FrCloud
