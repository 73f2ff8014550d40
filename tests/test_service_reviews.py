"""Near misses over HTTP: claimed, decided by people, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from facegate.journal import Journal
from journals import journal
from natives import PAIRS, Judge, alone, bearer, body, database, key, native

NEAR: dict[str, Any] = {"review_from": 0.3}
"""Settings of a provider with which the usual pair is a near miss."""
VERDICT = {"verdict": "accept", "reason": "the same scar", "found": "genuine"}


pytestmark = pytest.mark.slow


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Journal]:
    with journal(database(tmp_path)) as opened:
        yield opened


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
    client.post("/v1/compare", json=body(*PAIRS[2], request_id="r-2"), headers=ann)
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


def test_of_four_eyes_the_second_does_not_know_what_the_first_said(kept: Journal) -> None:
    ann, ben = (bearer(key(kept, "verify", "review", "decisions:read")) for _ in range(2))
    with native(Judge(**NEAR), journal=kept, four_eyes=True) as client:
        client.post("/v1/compare", json=body(request_id="r-1"), headers=ann)
        client.post("/v1/reviews/r-1/claim", headers=ann)
        client.post("/v1/reviews/r-1", json=VERDICT, headers=ann)
        for reviewer, knows in ((ann, True), (ben, False)):
            case = client.get("/v1/reviews", headers=reviewer).json()["reviews"][0]
            assert (case["verdict"] is not None, case["reason"] is not None) == (knows, knows)
            shown = client.get("/v1/decisions/r-1", headers=reviewer).json()["reviews"]
            assert any(each["act"] == "verdict" for each in shown) is knows


def test_a_key_for_one_route_neither_sees_nor_reviews_another(kept: Journal) -> None:
    everything = ("verify", "decisions:read", "review", "label")
    whole, part = key(kept, *everything), key(kept, *everything, routes=["kyc"])
    others = alone(Judge("else", **NEAR), "other")
    with native(Judge(**NEAR), others, journal=kept) as client:
        for name in ("kyc", "other"):
            asked = body(request_id=f"of-{name}")
            client.post(f"/v1/compare?route={name}", json=asked, headers=bearer(whole))
        client.headers.update(bearer(part))
        decisions = client.get("/v1/decisions").json()["decisions"]
        assert [each["request_id"] for each in decisions] == ["of-kyc"]
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
