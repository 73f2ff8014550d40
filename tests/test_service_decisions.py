"""Decisions over HTTP: found, read, and labelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from facegate import Consent, Decision, Operation, ProviderTimeout
from facegate.journal import Journal
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from journals import attempt, finished, journal, write
from natives import PAIRS, SUBJECT, Judge, bearer, body, database, key, native
from scripted import Vendor, route

pytestmark = pytest.mark.slow


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Journal]:
    with journal(database(tmp_path)) as opened:
        yield opened


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client where four requests are known; nothing is added."""
    consent = Consent("opening an account", frozenset(), reference="c-17")
    failed = ProviderTimeout("no answer")
    with journal(database(tmp_path_factory.mktemp("filled"))) as opened:
        write(
            opened,
            finished("known", SUBJECT, caller="abcdefghijkl", consent=consent),
            finished("decided", decision=Decision.REJECT, operation=Operation.LIVENESS),
            finished("led", route="other", attempts=(attempt("backup"),)),
            finished("failed", error=failed, attempts=(attempt(error_code="ProviderTimeout"),)),
        )
        with native(Judge(), journal=opened) as client:
            yield client


def ids(client: httpx.Client, **query: Any) -> list[str]:
    said = client.get("/v1/decisions", params=query)
    assert said.status_code == 200, said.text
    return [row["request_id"] for row in said.json()["decisions"]]


# Looking up


def test_a_decision_is_found_as_soon_as_it_was_told(kept: Journal) -> None:
    with native(Judge(), journal=kept) as client:
        told = client.post("/v1/compare", json=body(subject=SUBJECT, request_id="r-1")).json()
        found = client.get("/v1/decisions").json()
    assert found["next"] is None
    (row,) = found["decisions"]
    assert found["head"] >= row["seq"] > 0
    assert (row["request_id"], row["route"], row["provider"]) == ("r-1", "kyc", "main")
    assert (row["decision"], row["final"]) == (told["decision"], told["decision"])
    assert row["match_score"] == told["match"]["score"]
    assert row["match_threshold"] == told["match"]["threshold"]
    assert row["at"].endswith("Z")


def test_decisions_come_the_newest_first_and_page_by_page(kept: Journal) -> None:
    write(kept, *(finished(f"r-{number}") for number in range(5)))
    with native(Judge(), journal=kept) as client:
        first = client.get("/v1/decisions", params={"limit": 2}).json()
        assert [each["request_id"] for each in first["decisions"]] == ["r-4", "r-3"]
        second = client.get("/v1/decisions", params={"limit": 3, "before": first["next"]}).json()
        assert [each["request_id"] for each in second["decisions"]] == ["r-2", "r-1", "r-0"]
        assert second["next"] is None


def test_later_decisions_come_the_oldest_first_and_none_twice(kept: Journal) -> None:
    write(kept, finished("r-0"))
    with native(Judge(), journal=kept) as client:
        head = client.get("/v1/decisions").json()["head"]
        assert ids(client, after=head) == []
        for number in (1, 2, 3):
            client.post("/v1/compare", json=body(request_id=f"r-{number}"))
        page = client.get("/v1/decisions", params={"after": head, "limit": 2}).json()
        assert [each["request_id"] for each in page["decisions"]] == ["r-1", "r-2"]
        assert ids(client, after=page["next"]) == ["r-3"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"decision": "reject"}, ["decided"]),
        ({"operation": "liveness"}, ["decided"]),
        ({"route": "other"}, ["led"]),
        ({"provider": "backup"}, ["led"]),
        ({"caller": "abcdefghijkl"}, ["known"]),
        ({"error": "ProviderTimeout"}, ["failed"]),
        ({"reference": "c-17"}, ["known"]),
        ({"since": "2026-03-02T12:00:00Z"}, ["failed", "led", "decided", "known"]),
        ({"until": "2026-03-02T13:00:00+01:00"}, []),
        ({"decision": "accept", "provider": "main"}, ["known"]),
    ],
)
def test_decisions_are_narrowed_down(filled: httpx.Client, query: Any, found: list[str]) -> None:
    assert ids(filled, **query) == found


@pytest.mark.parametrize("person", [SUBJECT, "jürgen@example", "新しい"])
def test_a_persons_decisions_are_found_by_a_name_that_is_in_no_url(
    kept: Journal, person: str
) -> None:
    with native(Judge(), journal=kept) as client:
        client.post("/v1/compare", json=body(subject=person, request_id="theirs"))
        client.post("/v1/compare", json=body(subject="somebody else"))
        headers = {b"X-Facegate-Subject": person.encode()}
        found = client.get("/v1/decisions", headers=headers)
        assert [each["request_id"] for each in found.json()["decisions"]] == ["theirs"]
        assert person not in found.text
        assert client.get("/v1/decisions", params={"subject": person}).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 501},
        {"limit": "x"},
        {"after": -1},
        {"before": 0},
        {"after": 2**63},
        {"before": 10**30},
        {"decision": "perhaps"},
        {"operation": "identify"},
        {"since": "yesterday"},
        {"since": "2026-03-02T12:00:00"},
        {"until": "1772452800"},
        {"colour": "red"},
    ],
)
def test_a_query_that_means_nothing_is_refused(filled: httpx.Client, query: Any) -> None:
    said = filled.get("/v1/decisions", params=query)
    assert (said.status_code, said.json()["code"]) == (400, "InvalidRequest")
    assert next(iter(query)) in said.json()["detail"]


def test_a_decision_is_told_whole(kept: Journal) -> None:
    tried = Failover("kyc", [Leaf(Vendor("main", "unavailable")), Leaf(Vendor("backup"))])
    case_url = "https://kyc.example/case/{reference}?of={request_id}"
    consent = {"purpose": "an account", "recipients": ["main", "backup"], "reference": "c/17"}
    with native(route(tried), journal=kept, case_url=case_url) as client:
        client.post("/v1/compare", json=body(request_id="r-1", consent=consent))
        told = client.get("/v1/decisions/r-1").json()
    assert [each["provider"] for each in told["attempts"]] == ["main", "backup"]
    assert [each["error_code"] for each in told["attempts"]] == ["ProviderUnavailable", None]
    assert told["decision"]["attempts"] == 2
    assert (told["shadows"], told["labels"], told["reviews"], told["repeats"]) == ([], [], [], [])
    assert told["case_url"] == "https://kyc.example/case/c%2F17?of=r-1"


def test_a_failure_is_a_record_too(kept: Journal) -> None:
    with native(Vendor("main", "late"), journal=kept) as client:
        client.post("/v1/compare", json=body(request_id="r-1"))
        told = client.get("/v1/decisions/r-1").json()["decision"]
    assert (told["decision"], told["error_code"]) == (None, "ProviderTimeout")


def test_who_asked_is_recorded_by_the_keys_public_id(kept: Journal) -> None:
    presented = key(kept, "verify", "decisions:read")
    with native(Judge(), journal=kept, headers=bearer(presented)) as client:
        client.post("/v1/compare", json=body(request_id="r-1", judged_by_caller=True))
        row = client.get("/v1/decisions/r-1").json()["decision"]
    assert row["caller"] == presented.split("_")[1]
    assert row["judged_by_caller"]


def test_nothing_is_called_by_a_nul(filled: httpx.Client) -> None:
    """PostgreSQL takes none in a text, and that would look as if it had failed."""
    for path in ("/v1/decisions/%00", "/v1/decisions?route=%00"):
        assert filled.get(path).status_code == 400


@pytest.mark.parametrize("path", ["/v1/decisions/nobody", "/v1/decisions/ä"])
def test_what_was_never_recorded_is_not_there(filled: httpx.Client, path: str) -> None:
    said = filled.get(path)
    assert (said.status_code, said.json()["code"]) == (404, "NotRecorded")


# Labels


def test_the_truth_is_noted_beside_the_decision(kept: Journal) -> None:
    with native(Judge(), journal=kept) as client:
        client.post("/v1/compare", json=body(request_id="r-1"))
        said = client.post("/v1/decisions/r-1/label", json={"genuine": False})
        assert (said.status_code, said.content) == (201, b"")
        told = client.get("/v1/decisions/r-1").json()
    assert (told["decision"]["genuine"], told["decision"]["spoof"]) == (False, None)
    assert [each["genuine"] for each in told["labels"]] == [False]


@pytest.mark.parametrize("label", [{"genuine": "perhaps"}, {"colour": True}, [], {}])
def test_a_label_that_says_nothing_is_refused(filled: httpx.Client, label: Any) -> None:
    said = filled.post("/v1/decisions/known/label", json=label)
    assert (said.status_code, said.json()["code"]) == (400, "InvalidRequest")


def test_what_is_not_there_cannot_be_labelled(filled: httpx.Client) -> None:
    assert filled.post("/v1/decisions/nobody/label", json={"genuine": True}).status_code == 404


def test_an_id_that_another_key_took_first_is_still_its_callers_own(kept: Journal) -> None:
    team, others = (bearer(key(kept, "verify", "decisions:read", "label")) for _ in range(2))
    with native(Judge(), journal=kept) as client:
        for number, caller in enumerate((others, team)):
            asked = body(*PAIRS[number], request_id="order-77")
            assert client.post("/v1/compare", json=asked, headers=caller).status_code == 200
        ids = [
            client.get("/v1/decisions/order-77", headers=caller).json()["decision"]["request_id"]
            for caller in (others, team)
        ]
        assert ids == ["order-77", "order-77.2"]
        client.post("/v1/decisions/order-77/label", json={"genuine": False}, headers=team)
    found = [kept.decision(each).decision.genuine for each in ids]
    assert found == [None, False]


def test_what_stands_in_the_place_of_an_id_is_not_told_back(kept: Journal) -> None:
    presented = key(kept, "admin", "decisions:read")
    with native(Judge(), journal=kept) as client:
        client.headers.update(bearer(presented))
        for method, place in (("DELETE", "/v1/keys/"), ("GET", "/v1/decisions/")):
            said = client.request(method, place + presented)
            assert said.status_code == 404
            assert presented not in said.text
