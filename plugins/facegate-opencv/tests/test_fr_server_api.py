"""Answering as an FR Server does: what is understood, and what is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drawn import picture
from facegate import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    CaptureRejected,
    ConfigurationError,
    ConnectionFailed,
    ConsentRefused,
    CredentialsExpired,
    FacegateError,
    Image,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    LicenseInvalid,
    PermissionDenied,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    UnmappedError,
    UnsupportedOperation,
    UnsupportedOption,
)
from facegate.images.image import ImageLimits
from facegate.plugin import (
    Answer,
    DecodedRequest,
    HttpReply,
    HttpRequest,
    Liveness,
    Match,
    Operation,
)
from facegate.providers.registry import Registry
from facegate_opencv.fr_server.compat import FrServerApi, FrServerApiSettings

PROBE, PASSPORT = Image.of(picture(seed=1)), Image.of(picture(seed=2))
FACES = {"face_base_64": PROBE.base64.decode(), "ref_face_base_64": PASSPORT.base64.decode()}
WHOLE = {**FACES, "min_similarity_score": 0.7, "check_liveness": False}
COMPARE = DecodedRequest(Operation.COMPARE, PROBE, (PASSPORT,))
COMPARE_LIVE = DecodedRequest(Operation.COMPARE_LIVE, PROBE, (PASSPORT,))
LIVE, SPOOF = Liveness(passed=True), Liveness(passed=False)


def api(*keys: str, **settings: Any) -> FrServerApi:
    return FrServerApi(FrServerApiSettings.model_validate(settings), keys)


def posted(body: Any, **headers: str) -> HttpRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest("POST", "http://127.0.0.1/opencv_fr/compare", named, (content,))


def said(reply: object) -> tuple[int, Any]:
    assert isinstance(reply, HttpReply)
    return reply.status, json.loads(reply.body)


def understood(body: Any, **settings: Any) -> DecodedRequest:
    asked = api(**settings).decode(posted(body))
    assert isinstance(asked, DecodedRequest)
    return asked


def liveness_error(name: str) -> dict[str, Any]:
    text = "A liveness error occurred. Please check the supplied image and the error metadata."
    return {"code": "ERR_LIVENESS_ERROR", "message": text, "metadata": {"code": name}}


@pytest.mark.parametrize("header", ["x_api_key", "X_API_Key"])
def test_whoever_holds_a_key_is_let_in(header: str) -> None:
    assert api("first", "second").authorise(posted(WHOLE, **{header: "second"})) == "second"


def test_without_any_key_everybody_is() -> None:
    assert api().authorise(posted(WHOLE)) == ""


@pytest.mark.parametrize("headers", [{}, {"x_api_key": ""}, {"authorization": "Bearer first"}])
def test_a_missing_key_is_told_from_a_wrong_one(headers: dict[str, str]) -> None:
    missing = {
        "code": "ERR_API_KEY_NOT_PRESENT",
        "message": "The API key is missing from the request.",
    }
    assert said(api("first").authorise(posted(WHOLE, **headers))) == (401, missing)


@pytest.mark.parametrize("key", ["First", "first ", "fürst"])
def test_a_wrong_key_is_not_valid(key: str) -> None:
    wrong = {"code": "ERR_API_KEY_NOT_VALID", "message": "The API key is not valid."}
    assert said(api("first").authorise(posted(WHOLE, x_api_key=key))) == (403, wrong)


def test_a_comparison() -> None:
    asked = understood({**WHOLE, "min_similarity_score": 0.67, "unheard": "of"})
    assert (asked.operation, asked.threshold) == (Operation.COMPARE, 0.67)
    assert isinstance(asked.probe, Image)
    assert asked.probe.data == PROBE.data
    assert [each.data for each in asked.gallery if isinstance(each, Image)] == [PASSPORT.data]


def test_a_comparison_with_liveness() -> None:
    asked = understood({**WHOLE, "check_liveness": True})
    assert (asked.operation, asked.threshold) == (Operation.COMPARE_LIVE, 0.7)


def test_a_picture_against_itself_asks_for_liveness_alone() -> None:
    itself = {**WHOLE, "ref_face_base_64": WHOLE["face_base_64"]}
    told = {"liveness_by_self_compare": True}
    assert understood({**itself, "check_liveness": True}, **told).operation is Operation.LIVENESS
    assert understood(itself, **told).operation is Operation.COMPARE


def test_only_where_the_operator_allows_it() -> None:
    itself = {**WHOLE, "ref_face_base_64": WHOLE["face_base_64"], "check_liveness": True}
    asked = understood(itself)
    assert asked.operation is Operation.COMPARE_LIVE, "which is refused for the two being one"


def test_the_two_fields_with_a_default_may_be_left_out() -> None:
    asked = understood(FACES)
    assert (asked.operation, asked.threshold) == (Operation.COMPARE, None)


@pytest.mark.parametrize("name", ["min_similarity_score", "check_liveness"])
def test_unless_they_are_required(name: str) -> None:
    strict = api(required="strict")
    with pytest.raises(InvalidRequest) as caught:
        strict.decode(posted({key: WHOLE[key] for key in WHOLE if key != name}))
    status, body = said(strict.encode_error(caught.value))
    assert (status, body["message"]) == (422, f"Invalid request: {name}: Field required")
    assert isinstance(strict.decode(posted(WHOLE)), DecodedRequest)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"face_base_64":' * 100_000,
        json.dumps(WHOLE).encode()[:-1],
        {},
        {**WHOLE, "face_base_64": None},
        {**WHOLE, "face_base_64": [FACES["face_base_64"]]},
        {**WHOLE, "ref_face_base_64": 5},
        {"gallery": ["sentinel"], "probe": ["sentinel"]},
        *({**WHOLE, "check_liveness": value} for value in (None, "true", 1, "sentinel")),
        *({**WHOLE, "min_similarity_score": x} for x in (None, True, "0.7", 0, -1, 1.01, 10**400)),
        json.dumps({**WHOLE, "min_similarity_score": float("nan")}).encode(),
        {**WHOLE, "min_similarity_score": "sentinel"},
    ],
    ids=lambda body: repr(body)[:24],
)
def test_what_is_no_request_is_unprocessable_and_not_echoed(body: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        api().decode(posted(body))
    status, told = said(api().encode_error(caught.value))
    assert (status, told["code"]) == (422, "ERR_UNPROCESSABLE_CONTENT")
    assert told["message"].startswith("Invalid request: ")
    assert "sentinel" not in told["message"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("U2Vjb25kIGltYWdl", "known type"),  # the documented sample: "Second image"
        ("", "empty"),
        ("%%%", "not base64"),
        ("ü", "ASCII"),
        (f"data:image/png;base64,{FACES['face_base_64']}", "data URI"),
        (Image.of(picture(ImageFormat.WEBP)).base64.decode(), "WebP"),
        ("https://example.org/me.jpg", "not base64"),
    ],
)
@pytest.mark.parametrize(
    ("field", "role"), [("face_base_64", "probe"), ("ref_face_base_64", "gallery[0]")]
)
def test_what_is_no_jpeg_or_png_cannot_be_decoded(
    text: str, why: str, field: str, role: str
) -> None:
    with pytest.raises(ImageRejected, match=why) as caught:
        understood({**WHOLE, field: text})
    assert caught.value.image == role
    assert said(api().encode_error(caught.value)) == (
        422,
        {
            "code": "ERR_BASE64_IMAGE_CANNOT_BE_DECODED",
            "message": "The posted Base64 image(s) could not be decoded as JPEG/PNG bytes.",
        },
    )


def test_data_uris_are_taken_where_they_are_allowed() -> None:
    uri = f"data:image/png;base64,{FACES['face_base_64']}"
    asked = understood({**WHOLE, "face_base_64": uri}, data_uris=True)
    assert isinstance(asked.probe, Image)
    assert asked.probe.data == PROBE.data


def test_a_picture_over_the_limits_is_refused() -> None:
    small = FrServerApi(FrServerApiSettings(), limits=ImageLimits(max_bytes=100))
    with pytest.raises(ImageRejected, match="limit"):
        small.decode(posted(WHOLE))


@pytest.mark.parametrize("is_match", [True, False])
def test_the_answer_is_a_verdict_and_nothing_else(*, is_match: bool) -> None:
    match = Match(is_match=is_match, score=0.9 if is_match else 0.1, threshold=0.7)
    assert said(api().encode(COMPARE, Answer(match=match))) == (200, {"is_match": is_match})
    live = Answer(match=match, liveness=Liveness(passed=True, score=0.99))
    assert said(api().encode(COMPARE_LIVE, live)) == (200, {"is_match": is_match})


def test_who_is_live_matches_itself() -> None:
    alone = DecodedRequest(Operation.LIVENESS, PROBE)
    assert said(api().encode(alone, Answer(liveness=LIVE))) == (200, {"is_match": True})
    assert said(api().encode(alone, Answer(liveness=SPOOF)))[1]["metadata"] == {
        "code": "FACE_NOT_LIVE"
    }


@pytest.mark.parametrize("match", [None, Match(is_match=True)])
@pytest.mark.parametrize("asked", [COMPARE, COMPARE_LIVE], ids=["compare", "compare_live"])
def test_not_live_is_an_error(asked: DecodedRequest, match: Match | None) -> None:
    reply = api().encode(asked, Answer(match=match, liveness=SPOOF))
    assert said(reply) == (422, liveness_error("FACE_NOT_LIVE"))


def test_what_nobody_answered_never_passes() -> None:
    unjudged = api().encode(COMPARE_LIVE, Answer(match=Match(is_match=True)))
    assert said(unjudged) == (422, liveness_error("UNKNOWN_ERROR"))
    assert said(api().encode(COMPARE, Answer()))[0] == 503


@pytest.mark.parametrize("reason", sorted({*CaptureReason} - {CaptureReason.FACE_NOT_FOUND}))
def test_a_rejected_probe_is_a_liveness_error_with_its_reason(reason: CaptureReason) -> None:
    reply = api().encode_error(CaptureRejected("m", reason=reason, image="probe"))
    nameless = (CaptureReason.QUALITY_TOO_LOW, CaptureReason.NOT_STATED)
    documented = "UNKNOWN_ERROR" if reason in nameless else reason.value
    assert said(reply) == (422, liveness_error(documented))


@pytest.mark.parametrize("image", ["probe", "gallery[0]", None])
def test_a_face_is_looked_for_before_liveness(image: str | None) -> None:
    missing = CaptureRejected("m", reason=CaptureReason.FACE_NOT_FOUND, image=image)
    status, body = said(api().encode_error(missing))
    assert (status, body["code"]) == (400, "ERR_FACE_NOT_DETECTED")


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        *((each, 422, "ERR_UNPROCESSABLE_CONTENT") for each in (InvalidRequest, ConsentRefused)),
        (UnsupportedOption, 422, "ERR_UNPROCESSABLE_CONTENT"),
        (ImageRejected, 422, "ERR_BASE64_IMAGE_CANNOT_BE_DECODED"),
        (LicenseInvalid, 422, "LICENSE_ERROR"),
        (UnsupportedOperation, 422, "LICENSE_ERROR"),
        *(
            (each, 503, "ERR_DATABASE_ERROR")
            for each in (
                *(ConfigurationError, AuthenticationFailed, CredentialsExpired, PermissionDenied),
                *(QuotaExhausted, RateLimited, ProviderUnavailable, ConnectionFailed),
                *(ProviderTimeout, BadReply, UnmappedError, FacegateError),
            )
        ),
    ],
)
def test_every_failure_has_one_documented_error(
    kind: type[FacegateError], status: int, name: str
) -> None:
    got, body = said(api().encode_error(kind("why", provider="main", image="probe")))
    assert (got, body.get("metadata", body)["code"]) == (status, name)
    assert "main" not in body["message"]


def test_a_request_that_is_too_large_is_told_from_a_picture_that_is() -> None:
    status, body = said(api().encode_error(ImageRejected("the whole request")))
    assert (status, body["code"]) == (413, "ERR_PAYLOAD_IS_TOO_LARGE")


def test_the_time_to_wait_is_passed_on_in_whole_seconds() -> None:
    reply = api().encode_error(RateLimited("m", retry_after=2.1))
    assert (reply.status, reply.headers["retry-after"]) == (503, "3")


def test_an_operator_knows_the_statuses_better() -> None:
    told = api(statuses={"ERR_LIVENESS_ERROR": 400, "EYES_CLOSED": 406, "ERR_NOT_FOUND": 410})
    names = ["FACE_NOT_LIVE", "EYES_CLOSED", "ERR_NOT_FOUND", "ERR_ALREADY_EXISTS"]
    assert [told.error(name).status for name in names] == [400, 406, 410, 409]


def test_it_is_found_by_its_name() -> None:
    assert Registry().api_type("opencv_fr") is FrServerApi
