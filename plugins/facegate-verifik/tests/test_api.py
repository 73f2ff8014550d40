"""The API that answers as Verifik does: what it makes of requests, and its refusals, by word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drawn import picture
from facegate import (
    CaptureReason,
    CaptureRejected,
    Image,
    ImageLimits,
    ImageRejected,
    Operation,
    RateLimited,
)
from facegate.plugin import DecodedRequest, HttpReply, HttpRequest
from facegate_verifik.compat import VerifikApi, VerifikApiSettings

FACES = "/v2/face-recognition"
SELFIE, PASSPORT = (Image.from_bytes(picture(seed=seed)) for seed in (1, 2))
PROBE, CLAIMED = (image.base64.decode() for image in (SELFIE, PASSPORT))
COMPARE = {"probe": [PROBE], "gallery": [CLAIMED], "search_mode": "FAST"}
COMPARE_LIVE = {
    "probe": PROBE,
    "gallery": [CLAIMED],
    "os": "DESKTOP",
    "search_mode": "ACCURATE",
    "liveness_min_score": 0.65,
}
COMPARE_FIRST = {"probe": PROBE, "gallery": [CLAIMED], "search_mode": "ACCURATE"}
LIVENESS = {"os": "DESKTOP", "image": PROBE}
BODIES: dict[str, dict[str, Any]] = {
    "compare": COMPARE,
    "compare-live": COMPARE_LIVE,
    "compare-with-liveness": COMPARE_FIRST,
    "liveness": LIVENESS,
    "liveness-score": LIVENESS,
}


def api(**settings: Any) -> VerifikApi:
    return VerifikApi(VerifikApiSettings.model_validate(settings))


def post(route: str, body: Any) -> HttpRequest:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest("POST", f"http://gateway{FACES}/{route}", {}, (sent,))


def asked(route: str, served: VerifikApi | None = None, **changes: Any) -> DecodedRequest:
    found = (served or api()).decode(post(route, {**BODIES[route], **changes}))
    assert isinstance(found, DecodedRequest), found
    return found


def refusal(route: str, body: Any, **settings: Any) -> tuple[int, Any]:
    served = api(**settings)
    try:
        found = served.decode(post(route, body))
    except ImageRejected as error:
        found = served.encode_error(error)
    assert isinstance(found, HttpReply), found
    return found.status, json.loads(found.body)


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


@pytest.mark.parametrize(
    ("route", "changes", "problem"),
    [
        ("compare", {"probe": None}, '"probe" must be an array'),
        ("compare", {"probe": []}, '"probe" must contain at least 1 items'),
        (
            "compare",
            {"probe": [PROBE] * 4},
            '"probe" must contain less than or equal to 3 items',
        ),
        ("compare", {"gallery": CLAIMED}, '"gallery" must be an array'),
        ("compare", {"gallery": [5]}, '"gallery[0]" must be a string'),
        ("compare", {"gallery": [CLAIMED, ""]}, '"gallery[1]" is not allowed to be empty'),
        ("compare", {"search_mode": "fast"}, '"search_mode" must be one of [FAST, ACCURATE]'),
        (
            "compare",
            {"compare_min_score": 0.66},
            '"compare_min_score" must be greater than or equal to 0.67',
        ),
        (
            "compare",
            {"compare_min_score": 0.96},
            '"compare_min_score" must be less than or equal to 0.95',
        ),
        ("compare", {"compare_min_score": "high"}, '"compare_min_score" must be a number'),
        ("compare", {"compare_min_score": float("nan")}, '"compare_min_score" must be a number'),
        ("compare-live", {"probe": [PROBE]}, '"probe" must be a string'),
        (
            "compare-live",
            {"liveness_min_score": 0.51},
            '"liveness_min_score" must be greater than or equal to 0.52',
        ),
        ("compare-live", {"liveness_min_score": True}, '"liveness_min_score" must be a number'),
        ("compare-live", {"os": "", "search_mode": "x"}, '"os" is not allowed to be empty'),
        (
            "liveness",
            {"liveness_min_score": 1.01},
            '"liveness_min_score" must be less than or equal to 1',
        ),
    ],
)
def test_the_first_problem_of_a_request_is_named(
    route: str, changes: dict[str, Any], problem: str
) -> None:
    body = {**BODIES[route], **changes}
    assert refusal(route, body) == (409, {"message": problem, "code": "MissingParameter"})


@pytest.mark.parametrize(
    ("route", "name"),
    [
        *(("compare", name) for name in ("probe", "gallery")),
        *(("compare-live", name) for name in ("probe", "gallery", "os", "liveness_min_score")),
        *(("compare-with-liveness", name) for name in ("probe", "gallery")),
        *(("liveness", name) for name in ("os", "image")),
    ],
)
def test_what_is_missing_is_required(route: str, name: str) -> None:
    expected = (409, {"message": f'"{name}" is required', "code": "MissingParameter"})
    assert refusal(route, without(BODIES[route], name)) == expected


@pytest.mark.parametrize("route", ["compare", "compare-live", "compare-with-liveness"])
def test_search_mode_is_required_where_that_is_switched_on(route: str) -> None:
    body = without(BODIES[route], "search_mode")
    status, told = refusal(route, {**body, "compare_min_score": 5}, search_mode="strict")
    assert (status, told["message"]) == (409, '"search_mode" is required')
    assert isinstance(api().decode(post(route, body)), DecodedRequest)


def test_each_of_several_probes_is_asked_about() -> None:
    decoded = asked("compare", probe=[PROBE, CLAIMED], gallery=[CLAIMED, PROBE])
    pictures = [decoded.probe, *decoded.further_probes, *decoded.gallery]
    first, second, *gallery = [each.data for each in pictures if isinstance(each, Image)]
    assert (gallery, len(decoded.further_probes)) == ([second, first], 1)


def test_a_gallery_has_its_limit() -> None:
    assert len(asked("compare", gallery=[CLAIMED] * 100).gallery) == 100
    problem = '"gallery" must contain less than or equal to 100 items'
    for route in ("compare", "compare-live", "compare-with-liveness"):
        body = {**BODIES[route], "gallery": [CLAIMED] * 101}
        assert refusal(route, body) == (409, {"message": problem, "code": "MissingParameter"})


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b'"text"', b"\xff{}", b'{"x":' + b"[" * 99_999], ids=repr
)
def test_a_body_that_is_no_object_is_an_invalid_request(body: bytes) -> None:
    assert refusal("compare", body) == (400, {"error": "Invalid request"})


@pytest.mark.parametrize("text", ["short", "A" * 99, "ü" * 200, "A" * 200, "https://x.example/a"])
def test_what_is_no_picture_is_told_as_no_base64(text: str) -> None:
    expected = (412, {"message": "only_images_in_base64", "code": "ERROR"})
    assert refusal("compare", {**COMPARE, "probe": text}) == expected


def test_a_picture_over_the_limit_is_named() -> None:
    served = VerifikApi(VerifikApiSettings(), limits=ImageLimits(max_bytes=100))
    with pytest.raises(ImageRejected) as caught:
        served.decode(post("compare", COMPARE))
    assert caught.value.image == "probe"


@pytest.mark.parametrize(
    "written",
    [f"data:image/png;base64,{PROBE}", f"{PROBE[:60]}\r\n{PROBE[60:]}", PROBE.rstrip("=")],
    ids=["data URI", "wrapped", "unpadded"],
)
def test_base64_is_read_as_clients_write_it(written: str) -> None:
    found = asked("compare", probe=written).probe
    assert isinstance(found, Image)
    assert found.digest == SELFIE.digest


def test_an_https_url_is_passed_on_where_verifik_takes_one() -> None:
    url = "https://pictures.example/1.jpg"
    assert asked("liveness", image=url).probe == url
    assert asked("compare-with-liveness", gallery=[CLAIMED, url]).gallery[1] == url
    expected = (409, {"message": "insecure_image_url", "code": "ERROR"})
    insecure = "http://pictures.example/1.jpg"
    assert refusal("liveness", {**LIVENESS, "image": insecure}) == expected
    assert refusal("compare-with-liveness", {**COMPARE_FIRST, "gallery": [insecure]}) == expected


def test_only_what_a_request_says_is_asked() -> None:
    bare = asked("compare", search_mode=None, cropFace=True, includeCost=True)
    assert (bare.threshold, bare.liveness_threshold, dict(bare.options)) == (None, None, {})
    both = asked("compare-with-liveness", compare_min_score=0.7, os="IOS")
    assert (both.operation, both.threshold) == (Operation.COMPARE_LIVE, 0.7)
    assert both.options == {"search_mode": "ACCURATE", "os": "IOS", "order": "compare_first"}
    assert "iVBOR" not in repr(both)


def test_a_wait_is_told_in_whole_seconds() -> None:
    reply = api().encode_error(RateLimited("", retry_after=1.2))
    assert (reply.status, reply.headers["retry-after"]) == (429, "2")
    assert "retry-after" not in api().encode_error(RateLimited("")).headers


def test_a_capture_problem_is_told_by_reason_and_code() -> None:
    error = CaptureRejected("", reason=CaptureReason.FACE_TOO_SMALL, image="probe")
    reply = api().encode_error(error)
    assert json.loads(reply.body) == {
        "message": "face_too_far",
        "code": "ERR_LIVENESS_FACE_TOO_SMALL",
    }


def test_the_operator_can_give_an_error_another_status() -> None:
    served = api(statuses={"internal_error": 503})
    assert served.error("internal_error").status == 503


def test_every_error_has_a_body_with_words_only() -> None:
    for name, row in VerifikApi.errors.items():
        assert name == name.lower()
        assert row.status >= 400
        assert set(row.body) in ({"error"}, {"message", "code"})
