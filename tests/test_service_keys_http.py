"""Keys over HTTP: managed by those who may, and heeded by every question."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from acme import DOCUMENT, PROBE
from configured import entry_points
from facegate.gateway.grants import Grant
from facegate.gateway.keys import new_key
from facegate.gateway.server import serving
from facegate.gateway.service import asgi
from facegate.gateway.stored import StoredKeys
from journals import journal

BODY = {
    "probe": base64.b64encode(PROBE).decode(),
    "gallery": [base64.b64encode(DOCUMENT).decode()],
}
IN_FILE = new_key()
CONFIGURATION = f"""
default = "main"

[providers.main]
plugin = "acme"
cost = 0.05

[journal]
url = "sqlite:///journal.db"

[serve.api.keys.file]
hash = "{IN_FILE.hash}"
scopes = ["verify", "decisions:read"]
budget = "0.1/day"
soft_budget = "0.05/day"

[serve.api.attempts]
per_subject = "1/hour"
"""


@pytest.fixture
def admin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A client whose key may manage others."""
    monkeypatch.setattr("facegate.providers.registry.entry_points", lambda group: entry_points())
    monkeypatch.chdir(tmp_path)
    Path("facegate.toml").write_text(CONFIGURATION)
    with journal("sqlite:///journal.db") as kept:
        _, made = StoredKeys(kept.store).create("admin", Grant(scopes=("admin",)), None)
    with (
        serving(asgi("facegate.toml")) as url,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {made.text}"}) as client,
    ):
        yield client


def create(admin: httpx.Client, **changes: Any) -> Any:
    answer = admin.post("/v1/keys", json={"name": "team", "scopes": ["verify"], **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


def compare(client: httpx.Client, key: str, subject: str, **headers: str) -> httpx.Response:
    headers["authorization"] = f"Bearer {key}"
    return client.post("/v1/compare", json={**BODY, "subject": subject}, headers=headers)


def test_a_key_is_made_used_rotated_and_revoked(admin: httpx.Client) -> None:
    made = create(admin, expires="2099-01-01", rate="20/second")
    assert made["key"].startswith(f"fg_{made['id']}_")
    assert (made["expires"], made["rate"]) == ("2099-01-01T23:59:59.999999Z", "20/second")
    assert compare(admin, made["key"], "ann").status_code == 200
    rotated = admin.post(f"/v1/keys/{made['id']}/rotation", json={"overlap_s": 0}).json()
    assert compare(admin, made["key"], "ben").status_code == 401
    assert compare(admin, rotated["key"], "ben").status_code == 200
    assert admin.delete(f"/v1/keys/{made['id']}").json()["revoked"]
    assert compare(admin, rotated["key"], "cid").status_code == 401
    again = admin.post(f"/v1/keys/{made['id']}/rotation")
    assert (again.status_code, again.json()["code"]) == (404, "NoSuchKey")


def test_keys_are_listed_without_their_secrets(admin: httpx.Client) -> None:
    made = create(admin)
    listed = admin.get("/v1/keys")
    assert [(key["name"], key["home"]) for key in listed.json()["keys"]] == [
        ("file", "file"),
        ("team", "journal"),
        ("admin", "journal"),
    ]
    for secret in (made["key"].split("_")[2], IN_FILE.hash):
        assert secret not in listed.text


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"scopes": ["everything"]}, "scopes"),
        ({"rate": "fast"}, "20/second"),
        ({"hash": IN_FILE.hash}, "hash"),
        ({"name": ""}, "name"),
    ],
)
def test_a_key_that_cannot_be_is_refused(admin: httpx.Client, wrong: Any, why: str) -> None:
    answer = admin.post("/v1/keys", json={"name": "team", "scopes": ["verify"], **wrong})
    assert answer.status_code == 400
    assert why in answer.text


def test_only_an_admin_manages_keys(admin: httpx.Client) -> None:
    key = create(admin, scopes=["verify", "decisions:read", "label", "review", "metrics"])["key"]
    other = {"authorization": f"Bearer {key}"}
    for method, path in (
        ("GET", "/v1/keys"),
        ("POST", "/v1/keys"),
        ("DELETE", "/v1/keys/file"),
        ("POST", "/v1/keys/file/rotation"),
    ):
        assert admin.request(method, path, headers=other).status_code == 403


def test_a_budget_ends_and_says_when_to_come_again(admin: httpx.Client) -> None:
    first, second, third = (compare(admin, IN_FILE.text, each) for each in ("ann", "ben", "cid"))
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
    assert "x-facegate-budget" not in first.headers
    assert second.headers["x-facegate-budget"] == "0.1 spent or reserved of 0.05 a day"
    assert third.json()["code"] == "BudgetSpent"
    assert 0 < int(third.headers["retry-after"]) <= 86_400


def test_a_person_without_a_name_is_not_let_past_the_attempts(admin: httpx.Client) -> None:
    headers = {"authorization": f"Bearer {IN_FILE.text}"}
    answer = admin.post("/v1/compare", json=BODY, headers=headers)
    assert (answer.status_code, "name the subject" in answer.text) == (400, True)


def test_a_repeated_question_is_charged_once(admin: httpx.Client) -> None:
    once = {"idempotency-key": "order-77"}
    first, again = (compare(admin, IN_FILE.text, "ann", **once) for _ in range(2))
    assert (first.content, first.status_code) == (again.content, again.status_code)
    assert again.headers["idempotent-replayed"] == "true"
    other = compare(admin, IN_FILE.text, "ben", **once)
    assert (other.status_code, other.json()["code"]) == (422, "OtherRequest")
    mine = {"authorization": f"Bearer {IN_FILE.text}"}
    found = admin.get("/v1/decisions", headers=mine).json()["decisions"]
    assert [(row["caller"], row["cost"]) for row in found] == [("file", 0.05)]
