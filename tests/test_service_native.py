"""facegate's own API: what Python can ask, HTTP can, and it is told the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from acme import DOCUMENT, PASSPORT, PROBE, SCALE, Engine, Scripted
from acme_api import acme_api, saying
from drawn import picture
from facegate import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    CaptureRejected,
    ConfigurationError,
    ConnectionFailed,
    Consent,
    FacegateError,
    FaceVerifier,
    ImageFormat,
    Match,
    Operation,
    ProviderTimeout,
    ProviderUnavailable,
    Question,
    QuotaExhausted,
    RateLimited,
    UnmappedError,
)
from facegate.events import Finished
from facegate.gateway import Limits
from facegate.plugin import Answer
from natives import PAIRS, SUBJECT, Judge, alone, body, encoded, files, native
from scripted import Vendor

SAME = Answer(match=Match(is_match=True, score=0.9, threshold=0.8, scale=SCALE))
QUESTIONS = {
    Operation.COMPARE: "/v1/compare",
    Operation.COMPARE_LIVE: "/v1/compare-live",
    Operation.LIVENESS: "/v1/liveness",
}


@pytest.fixture(scope="module")
def judge() -> Iterator[httpx.Client]:
    with native(Judge(), alone(Judge("backup"), "backup")) as client:
        yield client


def timeless(told: Any) -> Any:
    """A result without what differs from one request to the next."""
    attempts = [
        {name: value for name, value in each.items() if name not in ("at", "seconds")}
        for each in told["attempts"]
    ]
    return {**told, "attempts": attempts, "elapsed": None, "request_id": None}


def in_python(operation: Operation, probe: bytes, document: bytes) -> Any:
    """What Python is told about a pair."""
    gallery = [] if operation is Operation.LIVENESS else [document]
    with FaceVerifier(alone(Judge())) as verifier:
        result = verifier.ask(Question(operation=operation, probe=probe, gallery=gallery))
    return timeless(result.model_dump(mode="json"))


# Questions


@pytest.mark.parametrize("operation", Operation)
def test_json_and_a_form_are_told_what_python_is(judge: httpx.Client, operation: Operation) -> None:
    path = QUESTIONS[operation]
    for probe, document in PAIRS:
        sent, form = body(probe, document), files(probe, document)
        if operation is Operation.LIVENESS:
            sent, form = {"probe": encoded(probe)}, files(probe)
        expected = in_python(operation, probe, document)
        for said in (judge.post(path, json=sent), judge.post(path, files=form)):
            assert said.status_code == 200, said.text
            assert timeless(said.json()) == expected


def test_a_picture_is_base64_of_any_alphabet_or_a_data_uri(judge: httpx.Client) -> None:
    expected = in_python(Operation.COMPARE, PROBE, DOCUMENT)
    standard = encoded(PROBE)
    for probe in (standard, standard.translate({43: "-", 47: "_"}), f"data:;base64,{standard}"):
        said = judge.post("/v1/compare", json=body() | {"probe": probe})
        assert timeless(said.json()) == expected


def test_several_pictures_of_the_gallery_keep_their_order(judge: httpx.Client) -> None:
    together = judge.post("/v1/compare", json=body(PROBE, DOCUMENT, PASSPORT)).json()
    as_files = judge.post("/v1/compare", files=files(PROBE, DOCUMENT, PASSPORT)).json()
    turned = judge.post("/v1/compare", json=body(PROBE, PASSPORT, DOCUMENT)).json()
    assert timeless(together) == timeless(as_files)
    assert together["match"]["score"] != turned["match"]["score"]


def test_a_question_goes_to_the_route_that_it_names(judge: httpx.Client) -> None:
    told = [
        judge.post(f"/v1/compare{query}", json=body()).json()["provider"]
        for query in ("", "?route=kyc", "?route=backup")
    ]
    assert told == ["main", "main", "backup"]


def test_a_route_that_is_not_served_is_refused_and_the_others_are_told(
    judge: httpx.Client,
) -> None:
    said = judge.post("/v1/compare?route=elsewhere", json=body())
    assert (said.status_code, said.json()["code"]) == (400, "InvalidRequest")
    assert said.json()["detail"] == "no such route; there are: kyc, backup"


@pytest.mark.parametrize(
    ("threshold", "told"), [(0.25, 0.25), ("fmr:1e-4", 0.9), ({"main": 0.7}, 0.7)]
)
@pytest.mark.parametrize("as_form", [False, True])
def test_a_threshold_is_a_number_a_rate_or_one_of_each_provider(
    threshold: Any, told: float, *, as_form: bool
) -> None:
    asked = Judge()
    with native(asked) as client:
        if as_form:
            text = threshold if isinstance(threshold, str) else json.dumps(threshold)
            form = files(PROBE, DOCUMENT)
            said = client.post("/v1/compare", data={"threshold": text}, files=form)
        else:
            said = client.post("/v1/compare", json=body(threshold=threshold))
    assert said.json()["match"]["threshold"] == asked.asked[0].threshold == told


def test_both_thresholds_of_a_comparison_with_liveness_arrive() -> None:
    asked = Judge()
    with native(asked) as client:
        sent = body(threshold=0.2, liveness_threshold={"main": 0.3})
        client.post("/v1/compare-live", json=sent)
    assert (asked.asked[0].threshold, asked.asked[0].liveness_threshold) == (0.2, 0.3)


CONSENT = {
    "purpose": "opening an account",
    "recipients": ["Acme"],
    "regions": ["eu"],
    "storing": True,
    "reference": "consent-7",
}
WHOLE: dict[str, Any] = {
    "options": {"acme": {"mode": "ACCURATE"}},
    "subject": SUBJECT,
    "consent": CONSENT,
    "request_id": "order-81",
    "judged_by_caller": True,
}


@pytest.mark.parametrize("as_form", [False, True])
def test_all_that_a_question_has_arrives(*, as_form: bool) -> None:
    asked, seen = Judge(), list[Any]()
    anywhere = {**WHOLE, "consent": {**CONSENT, "regions": None}}
    with native(asked, observers=[seen.append]) as client:
        if as_form:
            fields = {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in anywhere.items()
            }
            said = client.post("/v1/compare", data=fields, files=files(PROBE, DOCUMENT))
        else:
            said = client.post("/v1/compare", json=body(**anywhere))
    assert said.status_code == 200, said.text
    assert said.json()["request_id"] == said.headers["x-request-id"] == "order-81"
    assert asked.asked[0].settings.mode == "ACCURATE"
    finished = next(each for each in seen if isinstance(each, Finished))
    assert (finished.subject, finished.request_id) == (SUBJECT, "order-81")
    assert finished.consent == Consent(
        purpose="opening an account",
        recipients=frozenset({"Acme"}),
        storing=True,
        reference="consent-7",
    )
    assert finished.judged_by_caller


def test_a_subject_of_a_form_is_a_text_whatever_it_looks_like() -> None:
    seen = list[Any]()
    with native(Judge(), observers=[seen.append]) as client:
        client.post("/v1/compare", data={"subject": "007"}, files=files(PROBE, DOCUMENT))
    assert [each.subject for each in seen if isinstance(each, Finished)] == ["007"]


def test_the_header_names_a_request_that_does_not_name_itself(judge: httpx.Client) -> None:
    named = {"X-Request-Id": "from-the-header"}
    said = judge.post("/v1/compare", json=body(), headers=named)
    assert said.json()["request_id"] == said.headers["x-request-id"] == "from-the-header"
    said = judge.post("/v1/compare", json=body(request_id="from-the-body"), headers=named)
    assert said.json()["request_id"] == said.headers["x-request-id"] == "from-the-body"
    said = judge.post("/v1/compare", json=body(), headers={"X-Request-Id": "not a decent one"})
    assert len(said.json()["request_id"]) == 32


# Failures


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


def test_a_picture_that_cannot_be_decided_on_says_why_and_which() -> None:
    dark = CaptureRejected("too dark", reason=CaptureReason.QUALITY_TOO_LOW, image="gallery[0]")
    with native(Scripted(saying(dark))) as client:
        said = client.post("/v1/compare", json=body())
    told = said.json()
    assert (said.status_code, told["title"]) == (422, "Capture rejected")
    assert (told["reason"], told["image"]) == ("QUALITY_TOO_LOW", "gallery[0]")
    assert (told["retryable"], told["billed"]) == (False, "maybe")


def test_a_threshold_for_a_provider_that_nobody_leads_to_is_refused(judge: httpx.Client) -> None:
    said = judge.post("/v1/compare", json=body(threshold={"main": 0.7, "somebody": 0.1}))
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


# Paths and methods


def test_a_path_that_is_not_there_is_a_problem_too(judge: httpx.Client) -> None:
    for path in ("/v1/nothing", "/v1/compare/", "/v1/"):
        said = judge.get(path)
        assert (said.status_code, said.json()["code"]) == (404, "NotFound")
        assert said.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/compare", {"POST"}),
        ("PUT", "/v1/compare", {"POST"}),
        ("OPTIONS", "/v1/compare", {"POST"}),
        ("POST", "/v1/session", {"GET", "HEAD"}),
        ("DELETE", "/v1/routes", {"GET", "HEAD"}),
    ],
)
def test_another_method_is_refused_and_told_which_there_are(
    judge: httpx.Client, method: str, path: str, allowed: set[str]
) -> None:
    said = judge.request(method, path)
    assert said.status_code == 405
    assert set(said.headers["allow"].split(", ")) == allowed
    assert said.json()["code"] == "MethodNotAllowed"


def test_the_head_of_an_answer_has_its_length_and_no_body(judge: httpx.Client) -> None:
    whole, head = judge.get("/v1/session"), judge.head("/v1/session")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))


def test_no_cache_keeps_an_answer(judge: httpx.Client) -> None:
    for said in (judge.post("/v1/compare", json=body()), judge.get("/v1/session")):
        assert said.headers["cache-control"] == "no-store"


def test_without_a_journal_there_is_nothing_to_look_up(judge: httpx.Client) -> None:
    for path in ("/v1/decisions", "/v1/reviews", "/v1/journal", "/v1/trial"):
        assert judge.get(path).status_code == 404
    assert not [path for path in judge.get("/openapi.json").json()["paths"] if "decisions" in path]


def test_a_compatible_api_stays_under_its_name_where_the_paths_are_the_same() -> None:
    with native(Judge(), apis=[acme_api()]) as client:
        own = client.post("/v1/compare", json=body()).json()
        theirs = client.post("/acme/v1/compare", json=body()).json()
        assert (own["match"]["is_match"], theirs["same"]) == (False, False)
        assert client.get("/v1/renew").status_code == 404
        assert client.get("/acme/v1/renew").status_code == 200


def test_a_compatible_api_cannot_have_a_name_of_facegates_own() -> None:
    class Named(type(acme_api())):  # type: ignore[misc]
        plugin = "v1"

    with (
        pytest.raises(ConfigurationError, match="would take paths of facegate's own"),
        native(Judge(), apis=[Named(acme_api().settings)]),
    ):
        pass


def test_the_session_of_a_machine_without_keys_is_local(judge: httpx.Client) -> None:
    told = judge.get("/v1/session").json()
    assert (told["caller"], told["routes"], told["operations"]) == ("local", None, None)
    assert "verify" in told["scopes"]


def test_the_document_and_its_page_are_open_and_tell_every_path(judge: httpx.Client) -> None:
    told, page = judge.get("/openapi.json").json(), judge.get("/docs")
    assert {"/v1/compare", "/v1/session", "/v1/routes"} <= set(told["paths"])
    assert page.headers["content-type"].startswith("text/html")
    for path in told["paths"]:
        assert path in page.text
