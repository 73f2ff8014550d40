"""Answering as the cloud API does: what is understood, and what is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acme import SCALE, Engine
from acme_api import front
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
from facegate.plugin import (
    Answer,
    CompareRequest,
    DecodedRequest,
    HttpReply,
    HttpRequest,
    Liveness,
    Match,
    Operation,
)
from facegate.providers.registry import Registry
from facegate_opencv.fr_cloud.compat import FrCloudApi

PROBE, PASSPORT, LICENCE = (Image.of(picture(seed=seed)) for seed in (1, 2, 3))
FACE, OTHER, THIRD = (image.base64.decode() for image in (PROBE, PASSPORT, LICENCE))
COMPARE = DecodedRequest(Operation.COMPARE, PROBE, (PASSPORT,))
COMPARE_LIVE = DecodedRequest(Operation.COMPARE_LIVE, PROBE, (PASSPORT,))
LIVENESS = DecodedRequest(Operation.LIVENESS, PROBE)
MATCH = Match(is_match=True, score=0.87, threshold=0.81)
LIVE = Liveness(passed=True, score=0.93, threshold=0.5)
SAMPLES: dict[str, dict[str, Any]] = {
    "/compare": {"gallery": [OTHER, THIRD], "probe": [FACE], "search_mode": "FAST"},
    "/compare-live-face": {
        "gallery": [OTHER],
        "probe": FACE,
        "liveness_min_score": 0.5,
        "os": "DESKTOP",
        "search_mode": "FAST",
    },
    "/liveness": {"os": "DESKTOP", "image": FACE},
}


def api(*keys: str, **settings: Any) -> FrCloudApi:
    return FrCloudApi(FrCloudApi.settings_type.model_validate(settings), keys)


def posted(path: str, body: Any, **headers: str) -> HttpRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest("POST", f"http://gateway{path}?x=1", named, (content,))


def said(reply: object) -> tuple[int, Any]:
    assert isinstance(reply, HttpReply)
    return reply.status, json.loads(reply.body)


def understood(path: str, **changes: Any) -> DecodedRequest:
    asked = api().decode(posted(path, {**SAMPLES[path], **changes}))
    assert isinstance(asked, DecodedRequest)
    return asked


def refused(path: str, body: Any) -> list[dict[str, Any]]:
    """The problems that a validation error lists."""
    with pytest.raises(InvalidRequest) as caught:
        api().decode(posted(path, body))
    status, told = said(api().encode_error(caught.value))
    assert (status, list(told)) == (422, ["detail"])
    for problem in told["detail"]:
        assert sorted(problem) == ["loc", "msg", "type"]
        assert problem["loc"][0] == "body"
    assert "sentinel" not in json.dumps(told)
    problems: list[dict[str, Any]] = told["detail"]
    return problems


def test_whoever_holds_a_key_is_let_in() -> None:
    request = posted("/liveness", b"", X_API_KEY="second")
    assert api("first", "second").authorise(request) == "second"
    assert api().authorise(request) == ""


@pytest.mark.parametrize("headers", [{}, {"x_api_key": "wrong"}])
def test_whoever_does_not_gets_an_error_that_the_official_sdk_can_read(
    headers: dict[str, str],
) -> None:
    status, body = said(api("first").authorise(posted("/liveness", b"", **headers)))
    assert (status, body["code"]) == (401, "ERR_INVALID_API_KEY")
    assert "message" in body


def test_a_key_may_come_as_a_bearer_token() -> None:
    told = posted("/liveness", b"", authorization="Bearer second")
    assert api("first", "second").authorise(told) == "second"
    status, body = said(api("first").authorise(told))
    assert (status, body["code"]) == (401, "ERR_INVALID_TOKEN")
    both = posted("/liveness", b"", X_API_KEY="wrong", authorization="Bearer second")
    assert said(api("second").authorise(both))[1]["code"] == "ERR_INVALID_API_KEY"


def test_a_comparison() -> None:
    asked = understood("/compare", search_mode="ACCURATE")
    assert isinstance(asked.probe, Image)
    assert asked.probe.data == PROBE.data
    assert [each.data for each in asked.gallery if isinstance(each, Image)] == [
        PASSPORT.data,
        LICENCE.data,
    ]
    assert (asked.operation, asked.threshold) == (Operation.COMPARE, None)
    assert asked.options == {"search_mode": "ACCURATE"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_of_several_probes_the_lowest_score_is_answered(order: tuple[int, ...]) -> None:
    scores = {PROBE.data: 0.9, PASSPORT.data: 0.4, LICENCE.data: 0.95}
    seen: list[bytes] = []

    def compared(request: CompareRequest[Any]) -> Answer:
        seen.append(request.probe.data)
        score = scores[request.probe.data]
        return Answer(Match(is_match=score > 0.8, score=score, threshold=0.8, scale=SCALE))

    probes = [(FACE, OTHER, THIRD)[place] for place in order]
    gallery = [Image.of(picture(seed=9)).base64.decode()]
    with front(Engine(compared), api()) as client:
        told = client.post("/compare", json={"probe": probes, "gallery": gallery}).json()
    lowest = [PROBE.data, PASSPORT.data, LICENCE.data]
    assert seen == [lowest[place] for place in order]
    assert 0.4 <= told["score"] < 0.81


@pytest.mark.parametrize(
    ("sent", "asked_for"),
    [(0.9, 0.9), ("0.9", 0.9), (1, 1.0), (None, None), (0, None), ("0.0", None)],
)
def test_a_comparison_with_liveness(sent: float | str | None, asked_for: float | None) -> None:
    asked = understood("/compare-live-face", liveness_min_score=sent, os="ANDROID")
    assert (asked.operation, asked.liveness_threshold) == (Operation.COMPARE_LIVE, asked_for)
    assert asked.judged_by_caller is (sent in (0, "0.0"))
    assert asked.options == {"search_mode": "FAST", "os": "ANDROID"}


def test_liveness() -> None:
    asked = understood("/liveness")
    assert (asked.operation, asked.options) == (Operation.LIVENESS, {"os": "DESKTOP"})


@pytest.mark.parametrize("path", SAMPLES)
def test_what_may_be_null_may_be_left_out(path: str) -> None:
    optional = {"search_mode", "os", "liveness_min_score"}
    needed = {name: value for name, value in SAMPLES[path].items() if name not in optional}
    nulls = {name: None for name in SAMPLES[path] if name in optional}
    for body in (needed, {**needed, **nulls, "unheard": "of"}):
        asked = api().decode(posted(path, body))
        assert isinstance(asked, DecodedRequest)
        assert not asked.options
        assert asked.liveness_threshold is None


def test_the_documented_validation_error() -> None:
    assert refused("/compare", {"gallery": [OTHER]}) == [
        {"loc": ["body", "probe"], "msg": "Field required", "type": "missing"}
    ]


@pytest.mark.parametrize(
    ("path", "changes", "place", "kind"),
    [
        ("/compare", {"probe": FACE}, ["probe"], "list_type"),
        ("/compare", {"probe": []}, ["probe"], "too_short"),
        ("/compare", {"probe": [FACE] * 4}, ["probe"], "too_long"),
        ("/compare", {"gallery": [OTHER] * 4}, ["gallery"], "too_long"),
        ("/compare", {"gallery": [OTHER, 5]}, ["gallery", 1], "string_type"),
        ("/compare", {"search_mode": "sentinel"}, ["search_mode"], "literal_error"),
        ("/compare-live-face", {"probe": [FACE]}, ["probe"], "string_type"),
        ("/compare-live-face", {"gallery": OTHER}, ["gallery"], "list_type"),
        ("/compare-live-face", {"liveness_min_score": 1.1}, ["liveness_min_score"], None),
        ("/compare-live-face", {"liveness_min_score": "-1"}, ["liveness_min_score"], None),
        ("/compare-live-face", {"liveness_min_score": "sentinel"}, ["liveness_min_score"], None),
        ("/compare-live-face", {"liveness_min_score": True}, ["liveness_min_score"], None),
        ("/liveness", {"image": None}, ["image"], "string_type"),
        ("/liveness", {"os": "sentinel"}, ["os"], "literal_error"),
    ],
)
def test_what_does_not_fit_is_named_and_not_echoed(
    path: str, changes: dict[str, Any], place: list[Any], kind: str | None
) -> None:
    (problem,) = refused(path, {**SAMPLES[path], **changes})
    assert problem["loc"] == ["body", *place]
    assert kind in (problem["type"], None)


@pytest.mark.parametrize("path", SAMPLES)
@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"null", b"[]", b"[" * 100_000, b'{"image":' * 100_000, b'{"sentinel": ', {}],
    ids=lambda body: repr(body)[:12],
)
def test_what_is_no_request_at_all_does_not_fit_either(path: str, body: Any) -> None:
    assert refused(path, body)


@pytest.mark.parametrize(
    "text", ["", "%%%", f"data:image/png;base64,{FACE}", "aHR0cHM6Ly9leGFtcGxlLm9yZw=="]
)
def test_what_is_no_picture_could_not_be_decoded(text: str) -> None:
    places: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "probe": [("/compare", {"probe": [text]}), ("/compare-live-face", {"probe": text})],
        "gallery[1]": [("/compare", {"gallery": [OTHER, text]})],
    }
    for role, changes in places.items():
        for path, change in changes:
            with pytest.raises(ImageRejected) as caught:
                understood(path, **change)
            assert caught.value.image == role
            status, body = said(api().encode_error(caught.value))
            assert (status, body["code"]) == (400, "ERR_IMAGE_COULD_NOT_BE_DECODED")


@pytest.mark.parametrize("kind", ImageFormat)
def test_every_type_of_picture_is_taken(kind: ImageFormat) -> None:
    sent = Image.of(picture(kind))
    probe = understood("/liveness", image=sent.base64.decode()).probe
    assert isinstance(probe, Image)
    assert probe.data == sent.data


def test_data_uris_are_taken_where_they_are_allowed() -> None:
    body = {"image": f"data:image/png;base64,{FACE}"}
    assert isinstance(api(data_uris=True).decode(posted("/liveness", body)), DecodedRequest)


def test_liveness_is_a_number_alone_and_a_string_beside_a_similarity() -> None:
    both = Answer(match=MATCH, liveness=LIVE)
    assert said(api().encode(LIVENESS, Answer(liveness=LIVE))) == (200, {"liveness_score": 0.93})
    assert said(api().encode(COMPARE, Answer(match=MATCH))) == (200, {"score": 0.87})
    assert said(api().encode(COMPARE_LIVE, both)) == (
        200,
        {"score": 0.87, "liveness_score": "0.93"},
    )


def test_too_little_liveness_is_a_reply_with_both_scores() -> None:
    spoof = Liveness(passed=False, score=0.04, threshold=0.5)
    assert said(api().encode(COMPARE_LIVE, Answer(match=MATCH, liveness=spoof))) == (
        200,
        {"score": 0.87, "liveness_score": "0.04"},
    )


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (COMPARE, Answer(match=Match(is_match=True))),
        (COMPARE, Answer()),
        (COMPARE_LIVE, Answer(match=MATCH)),
        (COMPARE_LIVE, Answer(match=MATCH, liveness=Liveness(passed=True))),
        (COMPARE_LIVE, Answer(liveness=LIVE)),
        (LIVENESS, Answer(liveness=Liveness(passed=False))),
        (LIVENESS, Answer()),
    ],
)
def test_a_score_that_nobody_gave_is_not_made_up(asked: DecodedRequest, answer: Answer) -> None:
    status, body = said(api().encode(asked, answer))
    assert (status, body["code"]) == (403, "ERR_RESTRICTED_API")


def test_a_spoof_that_nobody_asked_about_does_not_pass_as_a_score() -> None:
    noticed = Answer(match=MATCH, liveness=Liveness(passed=False))
    status, body = said(api().encode(COMPARE, noticed))
    assert (status, body["code"]) == (400, "ERR_INVALID_FACE_FOR_LIVENESS")


@pytest.mark.parametrize("kind", [InvalidRequest, UnsupportedOption, ConsentRefused])
def test_a_question_that_makes_no_sense_does_not_fit(kind: type[FacegateError]) -> None:
    reply = api().encode_error(kind("why", provider="main"))
    assert said(reply) == (
        422,
        {"detail": [{"loc": ["body"], "msg": "why", "type": "value_error"}]},
    )


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (ImageRejected, 400, "ERR_IMAGE_COULD_NOT_BE_DECODED"),
        (UnsupportedOperation, 403, "ERR_RESTRICTED_API"),
        (RateLimited, 429, "ERR_RATE_LIMIT_EXCEEDED"),
        *(
            (each, 503, "ERR_MAINTENANCE_MODE")
            for each in (
                *(ConfigurationError, AuthenticationFailed, CredentialsExpired, PermissionDenied),
                *(QuotaExhausted, LicenseInvalid, ProviderUnavailable, ConnectionFailed),
                *(ProviderTimeout, BadReply, UnmappedError, FacegateError),
            )
        ),
    ],
)
def test_every_failure_has_one_documented_error(
    kind: type[FacegateError], status: int, code: str
) -> None:
    got, body = said(api().encode_error(kind("why")))
    assert (got, body["code"]) == (status, code)


def test_every_reason_has_a_code_too() -> None:
    for reason in CaptureReason:
        status, body = said(api().encode_error(CaptureRejected("m", reason=reason)))
        assert (status, body["code"][:4]) == (400, "ERR_")


@pytest.mark.parametrize(("wait", "seconds"), [(2.1, "3"), (0.0, "1"), (None, "1")])
def test_the_time_to_wait_is_a_whole_number_of_seconds(wait: float | None, seconds: str) -> None:
    reply = api().encode_error(RateLimited("m", retry_after=wait))
    assert (reply.status, reply.headers["retry-after"]) == (429, seconds)


def test_an_operator_knows_the_statuses_better() -> None:
    told = api(statuses={"ERR_INVALID_API_KEY": 403, "HTTPValidationError": 400})
    assert told.error("ERR_INVALID_API_KEY").status == 403
    assert said(told.encode_error(InvalidRequest("why")))[0] == 400


def test_it_is_found_by_its_name() -> None:
    assert Registry().api_type("opencv_cloud") is FrCloudApi
