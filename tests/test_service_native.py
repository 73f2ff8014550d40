"""facegate's own API: what Python can ask, HTTP can, and it is told the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from acme import DOCUMENT, PASSPORT, PROBE
from acme_api import acme_api
from facegate import (
    ConfigurationError,
    Consent,
    FaceVerifier,
    Operation,
    Question,
)
from facegate.events import Finished
from natives import PAIRS, SUBJECT, Judge, alone, body, encoded, files, native, timeless

QUESTIONS = {
    Operation.COMPARE: "/v1/compare",
    Operation.COMPARE_LIVE: "/v1/compare-live",
    Operation.LIVENESS: "/v1/liveness",
}


@pytest.fixture(scope="module")
def judge() -> Iterator[httpx.Client]:
    with native(Judge(), alone(Judge("backup"), "backup")) as client:
        yield client


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
    ("threshold", "told"), [(0.85, 0.85), ("fmr:1e-4", 0.9), ({"main": 0.95}, 0.95)]
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
        sent = body(threshold=0.9, liveness_threshold={"main": 0.6})
        client.post("/v1/compare-live", json=sent)
    assert (asked.asked[0].threshold, asked.asked[0].liveness_threshold) == (0.9, 0.6)


@pytest.mark.parametrize(
    "laxer", [{"threshold": 0.79}, {"threshold": {"main": 0.79}}, {"liveness_threshold": 0.49}]
)
def test_a_caller_lets_nobody_in_whom_the_operator_does_not(laxer: dict[str, Any]) -> None:
    asked = Judge()
    with native(asked) as client:
        said = client.post("/v1/compare-live", json=body(**laxer))
        assert (said.status_code, said.json()["code"]) == (400, "UnsupportedOption")
        assert "is laxer than the configured" in said.json()["detail"]
    assert not asked.asked
    with native(asked, lower_thresholds=True) as client:
        assert client.post("/v1/compare-live", json=body(**laxer)).status_code == 200


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
    with native(asked, observers=[seen.append], options=["acme.mode"]) as client:
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


def test_a_caller_cannot_undo_what_the_configuration_guards_against() -> None:
    asked = Judge()
    with native(asked) as client:
        said = client.post("/v1/compare", json=body(options={"acme": {"mode": "FAST"}}))
    assert (said.status_code, said.json()["code"]) == (400, "UnsupportedOption")
    assert "serve.api.options" in said.json()["detail"]
    assert not asked.asked
