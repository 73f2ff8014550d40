"""Decisions over HTTP: found, read, labelled and reviewed; and the estate that made them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from facegate import Consent, Decision, Operation, ProviderTimeout
from facegate.journal import Journal
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from facegate.routing.split import Arm, Split
from journals import attempt, finished, journal, write
from natives import PAIRS, SUBJECT, Judge, alone, bearer, body, database, encoded, key, native
from scripted import Vendor, route

NEAR: dict[str, Any] = {"review_from": 0.3}
"""Settings of a provider with which the usual pair is a near miss."""
VERDICT = {"verdict": "accept", "reason": "the same scar", "found": "genuine"}


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


# Reviews


@pytest.fixture
def two(kept: Journal) -> Iterator[tuple[httpx.Client, dict[str, str], dict[str, str]]]:
    """A client, and what two reviewers present; a near miss, ``r-1``, waits for them."""
    scopes = ("verify", "review", "decisions:read")
    ann, ben = (bearer(key(kept, *scopes)) for _ in range(2))
    with native(Judge(**NEAR), journal=kept) as client:
        client.post("/v1/compare", json=body(request_id="r-1"), headers=ann)
        yield client, ann, ben


def test_a_near_miss_waits_until_somebody_decided(two: Any) -> None:
    client, ann, _ = two
    (case,) = client.get("/v1/reviews", headers=ann).json()["reviews"]
    assert (case["request_id"], case["claimed_by"], case["verdict"]) == ("r-1", None, None)
    claimed = client.post("/v1/reviews/r-1/claim", headers=ann).json()
    me = client.get("/v1/session", headers=ann).json()["caller"]
    assert claimed["claimed_by"] == me
    assert claimed["claimed_until"].endswith("Z")
    decided = client.post("/v1/reviews/r-1", json=VERDICT, headers=ann).json()
    assert (decided["verdict"], decided["verdict_by"]) == ("accept", me)
    assert decided["confirmations_left"] == 0
    assert client.get("/v1/reviews", headers=ann).json() == {"reviews": [], "four_eyes": False}
    told = client.get("/v1/decisions/r-1", headers=ann).json()
    row = told["decision"]
    assert (row["decision"], row["final"], row["review"]) == ("review", "accept", "done")
    assert row["genuine"] is True
    assert [each["act"] for each in told["reviews"]] == ["claim", "verdict"]


def test_a_case_is_one_reviewers_at_a_time(two: Any) -> None:
    client, ann, ben = two
    client.post("/v1/reviews/r-1/claim", headers=ann)
    for method, path, sent in (
        ("POST", "/v1/reviews/r-1/claim", None),
        ("DELETE", "/v1/reviews/r-1/claim", None),
        ("POST", "/v1/reviews/r-1", VERDICT),
        ("DELETE", "/v1/reviews/r-1", None),
    ):
        said = client.request(method, path, json=sent, headers=ben)
        assert (said.status_code, said.json()["code"]) == (409, "CaseTaken"), (method, path)
    assert client.delete("/v1/reviews/r-1/claim", headers=ann).json()["claimed_by"] is None
    assert client.post("/v1/reviews/r-1/claim", headers=ben).status_code == 200


def test_a_verdict_is_taken_back_within_the_claim(two: Any) -> None:
    client, ann, _ = two
    client.post("/v1/reviews/r-1/claim", headers=ann)
    client.post("/v1/reviews/r-1", json=VERDICT, headers=ann)
    undone = client.delete("/v1/reviews/r-1", headers=ann).json()
    assert (undone["verdict"], undone["confirmations_left"]) == (None, None)
    row = client.get("/v1/decisions/r-1", headers=ann).json()["decision"]
    assert (row["final"], row["genuine"]) == ("review", None)


def test_a_case_that_nobody_claimed_is_nobodys_to_decide(two: Any) -> None:
    client, ann, _ = two
    said = client.post("/v1/reviews/r-1", json=VERDICT, headers=ann)
    assert (said.status_code, said.json()["code"]) == (409, "CaseTaken")


WRONG: list[Any] = [
    {"verdict": "perhaps", "reason": "x"},
    {"verdict": "accept"},
    {"verdict": "accept", "reason": ""},
    {"verdict": "accept", "reason": "x" * 1001},
    {**VERDICT, "found": "nobody"},
    {**VERDICT, "claimed_by": "somebody"},
]


def test_a_verdict_that_is_none_is_refused(two: Any) -> None:
    client, ann, _ = two
    client.post("/v1/reviews/r-1/claim", headers=ann)
    for wrong in WRONG:
        said = client.post("/v1/reviews/r-1", json=wrong, headers=ann)
        assert (said.status_code, said.json()["code"]) == (400, "InvalidRequest")


def test_what_needs_no_review_has_none(two: Any) -> None:
    client, ann, _ = two
    client.post("/v1/compare", json=body(*PAIRS[0], request_id="r-2", threshold=0), headers=ann)
    for request_id in ("r-2", "nobody"):
        said = client.post(f"/v1/reviews/{request_id}/claim", headers=ann)
        assert said.status_code == 404, said.text


def test_two_reviewers_have_to_agree_where_four_eyes_are_asked_for(kept: Journal) -> None:
    ann, ben = (bearer(key(kept, "verify", "review", "decisions:read")) for _ in range(2))
    with native(Judge(**NEAR), journal=kept, four_eyes=True) as client:
        client.post("/v1/compare", json=body(request_id="r-1"), headers=ann)
        left = []
        for reviewer in (ann, ben):
            client.post("/v1/reviews/r-1/claim", headers=reviewer)
            said = client.post("/v1/reviews/r-1", json=VERDICT, headers=reviewer).json()
            row = client.get("/v1/decisions/r-1", headers=ann).json()["decision"]
            left.append((said["confirmations_left"], row["final"]))
    assert left == [(1, "review"), (0, "accept")]


def test_a_key_for_one_route_neither_sees_nor_reviews_another(kept: Journal) -> None:
    everything = ("verify", "decisions:read", "review", "label")
    whole, part = key(kept, *everything), key(kept, *everything, routes=["kyc"])
    others = alone(Judge("else", **NEAR), "other")
    with native(Judge(**NEAR), others, journal=kept) as client:
        for name in ("kyc", "other"):
            asked = body(request_id=f"of-{name}")
            client.post(f"/v1/compare?route={name}", json=asked, headers=bearer(whole))
        client.headers.update(bearer(part))
        assert ids(client) == ["of-kyc"]
        assert [each["request_id"] for each in client.get("/v1/reviews").json()["reviews"]] == [
            "of-kyc"
        ]
        assert [each["name"] for each in client.get("/v1/routes").json()["routes"]] == ["kyc"]
        named = [each["name"] for each in client.get("/v1/providers").json()["providers"]]
        assert named == ["main"]
        for method, path, sent in (
            ("GET", "/v1/decisions/of-other", None),
            ("POST", "/v1/decisions/of-other/label", {"genuine": True}),
            ("POST", "/v1/reviews/of-other/claim", None),
            ("POST", "/v1/reviews/of-other", VERDICT),
            ("DELETE", "/v1/reviews/of-other", None),
        ):
            said = client.request(method, path, json=sent)
            assert (said.status_code, said.json()["code"]) == (404, "NotRecorded"), path


# The estate


def test_routes_are_drawn_with_whom_they_would_ask_now(kept: Journal) -> None:
    inner = Failover("inner", [Leaf(Vendor("first")), Leaf(Vendor("second"))])
    arms = {"inner": Arm(0.9, inner), "new": Arm(0.1, Leaf(Vendor("new")))}
    with native(route(Split("trial", arms, b"key")), journal=kept) as client:
        (told,) = client.get("/v1/routes").json()["routes"]
    assert (told["name"], told["default"], told["operations"]) == ("kyc", True, ["compare"])
    tree = told["tree"]
    assert (tree["kind"], [each["weight"] for each in tree["children"]]) == ("split", [0.9, 0.1])
    first, second = tree["children"][0]["children"]
    assert (first["name"], first["asked_now"]) == ("first", True)
    assert (second["name"], second["asked_now"]) == ("second", False)


def test_providers_are_told_with_their_figures_of_the_hour(kept: Journal) -> None:
    with native(Judge(), journal=kept) as client:
        for _ in range(3):
            client.post("/v1/compare", json=body())
        (told,) = client.get("/v1/providers").json()["providers"]
    assert (told["name"], told["plugin"], told["lineage"]) == ("main", "acme", "acme-1")
    assert told["operations"] == ["compare", "compare_live", "liveness"]
    assert (told["hour"]["requests"], told["hour"]["errors"]) == (3, 0)
    assert (told["resting"], told["unable"], told["calibration"]) == ([], {}, None)


def test_a_trial_is_told_in_statements(kept: Journal) -> None:
    split = Split("kyc", {name: Arm(0.5, Leaf(Vendor(name))) for name in ("main", "new")}, b"key")
    with native(route(split), journal=kept) as client:
        for number in range(4):
            client.post("/v1/compare", json=body(subject=f"person {number}"))
        told = client.get("/v1/trial", params={"route": "kyc"}).json()
    assert told["route"] == "kyc"
    assert told["headline"]
    assert {"kind", "about", "text"} == set(told["statements"][0])
    assert [each["title"] for each in told["tables"]] == ["People", "Requests"]
    assert told["tables"][0]["head"][0] == ""


def test_a_route_without_a_trial_has_none_to_tell_of(kept: Journal) -> None:
    with native(Judge(), journal=kept) as client:
        client.post("/v1/compare", json=body())
        said = client.get("/v1/trial")
        assert (said.status_code, said.json()["code"]) == (404, "NoTrial")
        said = client.get("/v1/trial", params={"route": "elsewhere"})
        assert (said.status_code, said.json()["code"]) == (400, "InvalidRequest")


def test_a_trial_that_nobody_was_asked_in_has_nothing_to_tell(kept: Journal) -> None:
    split = Split("kyc", {"main": Arm(1, Leaf(Vendor("main")))}, b"key")
    with native(route(split), journal=kept) as client:
        said = client.get("/v1/trial")
    assert (said.status_code, said.json()["code"]) == (404, "NoTrial")


def test_the_journal_tells_its_extent_and_proves_itself_line_by_line(kept: Journal) -> None:
    with native(Judge(), journal=kept) as client:
        client.post("/v1/compare", json=body())
        extent = client.get("/v1/journal").json()
        with client.stream("POST", "/v1/journal/verification") as said:
            lines = [json.loads(line) for line in said.iter_lines()]
    assert said.headers["content-type"] == "application/x-ndjson"
    assert extent["records"] == lines[-1]["done"] == lines[-1]["of"]
    assert (lines[-1]["state"], lines[-1]["problems"]) == ("done", [])
    assert lines[-1]["head"] == extent["head"]
    assert lines[-1]["proves"]


def test_a_journal_is_held_against_a_head_that_was_written_down(kept: Journal) -> None:
    with native(Judge(), journal=kept) as client:
        client.post("/v1/compare", json=body())
        head = client.get("/v1/journal").json()["head"]
        number = head.partition(":")[0]
        for expected, problems in ((head, 0), (f"{number}:{'0' * 64}", 1)):
            said = client.post("/v1/journal/verification", json={"expected": expected})
            assert len(json.loads(said.text.splitlines()[-1])["problems"]) == problems
        for expected in ("yesterday", "1:", ":", "9" * 40 + ":ff"):
            said = client.post("/v1/journal/verification", json={"expected": expected})
            assert said.status_code == 400, said.text


def test_a_record_that_was_changed_is_found(kept: Journal, tmp_path: Path) -> None:
    with native(Judge(), journal=kept) as client:
        client.post("/v1/liveness", json={"probe": encoded(PAIRS[0][0])})
        with sqlite3.connect(tmp_path / "journal.db") as database:
            database.execute("UPDATE facegate_records SET decision = 'accept'")
        database.close()
        last = json.loads(client.post("/v1/journal/verification").text.splitlines()[-1])
    assert last["state"] == "done"
    assert last["problems"]
