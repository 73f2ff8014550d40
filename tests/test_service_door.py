"""Who may come in: settled before a body is read, and told to nobody else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx
import pytest

from facegate import Operation
from facegate.gateway.console.session import COOKIE, Sessions
from facegate.gateway.grants import SCOPES
from facegate.gateway.keys import new_key
from facegate.journal import Journal
from journals import journal
from loopback import port
from natives import Judge, alone, bearer, body, database, key, metrics, native

pytestmark = pytest.mark.slow

CONSOLE = {"x-facegate-console": "1"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    with journal(database(tmp_path_factory.mktemp("door"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def admin(kept: Journal) -> str:
    return key(kept, *SCOPES)


@pytest.fixture(scope="module")
def door(kept: Journal, admin: str) -> Iterator[httpx.Client]:
    """A client without a key, of a service that has keys."""
    settings: Any = {"metrics": metrics, "console": True, "hosts": ["faces.example"]}
    with native(Judge(), alone(Judge("backup"), "backup"), journal=kept, **settings) as client:
        yield client


def made(door: httpx.Client, admin: str, *scopes: str, **grant: Any) -> dict[str, str]:
    """What the caller presents whose key was just made over HTTP, where it is known at once."""
    message = {"name": "team", "scopes": scopes, **grant}
    said = door.post("/v1/keys", json=message, headers=bearer(admin))
    return bearer(said.json()["key"])


def id_of(presented: Mapping[str, str]) -> str:
    return presented["authorization"].split("_")[1]


# A question without its body


def unsent(client: httpx.Client, path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
    """The reply to a question whose body is announced and never sent."""
    head = {"Host": "127.0.0.1", "Content-Length": "9999", **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    with socket.create_connection(("127.0.0.1", port(str(client.base_url))), 60) as line:
        line.sendall("\r\n".join(lines).encode())
        with HTTPResponse(line) as coming:
            coming.begin()
            return coming.status, json.loads(coming.read())


@pytest.mark.parametrize(
    ("grant", "path", "refusal"),
    [
        ({"scopes": ["decisions:read"]}, "/v1/compare", (403, "the scope 'verify'")),
        ({"operations": ["liveness"]}, "/v1/compare", (403, "not for compare")),
        ({"routes": ["backup"]}, "/v1/compare?route=kyc", (403, "not for that route")),
    ],
)
def test_a_key_that_does_not_permit_it_is_refused_before_the_body(
    door: httpx.Client, admin: str, grant: Any, path: str, refusal: tuple[int, str]
) -> None:
    limits = {"scopes": ["verify"], **grant}
    said, told = unsent(door, path, made(door, admin, *limits.pop("scopes"), **limits))
    assert said == told["status"] == refusal[0]
    assert refusal[1] in told["detail"]


def test_a_void_key_is_refused_before_the_body(door: httpx.Client, kept: Journal) -> None:
    void = key(kept, "verify", expires="2020-01-01")
    assert unsent(door, "/v1/compare", bearer(void))[0] == 401


def test_a_stranger_is_refused_before_the_body(door: httpx.Client, admin: str) -> None:
    letter = "a" if admin[20] != "a" else "b"
    changed = f"{admin[:20]}{letter}{admin[21:]}"
    for headers in (
        {},
        {"authorization": "Basic dXNlcjpwYXNz"},
        {"authorization": "Bearer"},
        {"x-api-key": "x" * 5000},
        bearer(changed),
        bearer(new_key().text),
        bearer(new_key(admin.split("_")[1]).text),
        {"cookie": f"{COOKIE}=made.up"},
    ):
        said, told = unsent(door, "/v1/compare", headers)
        assert (said, told["code"]) == (401, "KeyRefused")


def test_a_revoked_key_is_refused_before_the_body(door: httpx.Client, admin: str) -> None:
    team = made(door, admin, "verify")
    assert door.post("/v1/compare", json=body(), headers=team).status_code == 200
    door.delete(f"/v1/keys/{id_of(team)}", headers=bearer(admin))
    assert unsent(door, "/v1/compare", team)[0] == 401


def test_a_refusal_says_how_to_come_in_and_nothing_about_keys(
    door: httpx.Client, admin: str
) -> None:
    unknown = door.get("/v1/session", headers=bearer(new_key().text))
    wrong = door.get("/v1/session", headers=bearer(new_key(admin.split("_")[1]).text))
    for each in (unknown, wrong):
        assert each.headers["www-authenticate"] == "Bearer"
    assert unknown.json()["detail"] == wrong.json()["detail"]


def test_either_header_presents_a_key_and_the_first_of_two_counts(
    door: httpx.Client, admin: str
) -> None:
    assert door.get("/v1/session", headers={"x-api-key": admin}).status_code == 200
    for kind in ("Bearer", "bearer", "BEARER"):
        said = door.get("/v1/session", headers={"authorization": f"{kind} {admin}"})
        assert said.status_code == 200
    for keys, status in (((admin, "guessed"), 200), (("guessed", admin), 401)):
        headers = [("x-api-key", each) for each in keys]
        assert door.get("/v1/session", headers=headers).status_code == status


def test_a_key_answers_on_its_first_route_where_none_is_named(
    door: httpx.Client, admin: str
) -> None:
    part = made(door, admin, "verify", routes=["backup"], operations=["compare"])
    assert door.post("/v1/compare", json=body(), headers=part).json()["provider"] == "backup"
    told = door.get("/v1/session", headers=part).json()
    assert (told["routes"], told["operations"], told["scopes"]) == (
        ["backup"],
        [Operation.COMPARE],
        ["verify"],
    )


def test_nothing_is_open_but_what_tells_nothing(door: httpx.Client) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs", "/console/"):
        assert door.get(path).status_code == 200
    for path, methods in door.get("/openapi.json").json()["paths"].items():
        place = path.format(request_id="nobody", key_id="nobody", provider="nobody")
        assert {door.request(method, place).status_code for method in methods} == {401}, path


NEEDED = {
    "verify": {"compare", "compare_live", "liveness"},
    "decisions:read": {
        "listDecisions",
        "showDecision",
        "listProviders",
        "listRoutes",
        "showTrial",
        "showJournal",
        "listStandings",
        "showStanding",
    },
    "label": {"labelDecision"},
    "review": {"listReviews", "claimReview", "releaseReview", "decideReview", "undoReview"},
    "metrics": {"showMetrics"},
    "admin": {
        "verifyJournal",
        "acceptModel",
        "listKeys",
        "createKey",
        "revokeKey",
        "rotateKey",
    },
}


def test_each_scope_permits_its_own_and_nothing_else(door: httpx.Client, admin: str) -> None:
    presented = {scope: made(door, admin, scope) for scope in SCOPES}
    paths = door.get("/openapi.json").json()["paths"]
    permitted: dict[str, set[str]] = {}
    for scope, headers in presented.items():
        permitted[scope] = {
            operation["operationId"]
            for path, methods in paths.items()
            for method, operation in methods.items()
            if door.request(
                method,
                path.format(request_id="nobody", key_id="nobody", provider="nobody"),
                headers=headers,
            ).status_code
            != 403
        }
    assert permitted == {scope: {*names, "showSession"} for scope, names in NEEDED.items()}


# Without keys


@contextmanager
def keyless(**settings: Any) -> Iterator[httpx.Client]:
    with native(Judge(), **settings) as client:
        yield client


def test_without_keys_it_is_this_machines_alone() -> None:
    with keyless() as client:
        assert client.post("/v1/compare", json=body()).status_code == 200
    with keyless(local=False) as client:
        assert unsent(client, "/v1/compare", {})[0] == 401


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example"},
        {"Host": "["},
        {"Origin": "http://["},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ],
)
def test_a_web_page_cannot_ask_in_its_visitors_name(foreign: dict[str, str]) -> None:
    with keyless() as client:
        said, told = unsent(client, "/v1/compare", foreign)
    assert (said, told["code"]) == (403, "NotAllowed")


def test_this_machine_has_several_names() -> None:
    with keyless() as client:
        for host in ("localhost", "localhost:8080", "127.0.0.1", "127.8.8.8", "[::1]:80"):
            assert client.get("/v1/session", headers={"Host": host}).status_code == 200


def test_the_first_key_closes_the_door_for_those_without(tmp_path: Path) -> None:
    with journal(database(tmp_path)) as empty, native(Judge(), journal=empty) as client:
        assert client.get("/v1/session").json()["caller"] == "local"
        first = client.post("/v1/keys", json={"name": "first", "scopes": ["admin"]}).json()
        assert client.get("/v1/session").status_code == 401
        session = client.get("/v1/session", headers=bearer(first["key"])).json()
        assert session["caller"] == first["id"]
        client.delete(f"/v1/keys/{first['id']}", headers=bearer(first["key"]))
        assert client.get("/v1/session").status_code == 401  # void keys are keys


def test_a_key_makes_any_page_and_host_welcome(door: httpx.Client, admin: str) -> None:
    page = {"Origin": "https://page.example", "Host": "elsewhere.example", **bearer(admin)}
    assert door.post("/v1/compare", json=body(), headers=page).status_code == 200


# The console's session


def signed_in(door: httpx.Client, presented: str) -> dict[str, str]:
    """The header that a browser sends once somebody signed in."""
    said = door.post("/console/session", headers={**bearer(presented), **CONSOLE})
    assert said.status_code == 204, said.text
    door.cookies.clear()
    return {"cookie": said.headers["set-cookie"].partition(";")[0]}


def test_a_cookie_is_for_this_site_alone_and_no_script_reads_it(
    door: httpx.Client, admin: str
) -> None:
    for host, secure in (("127.0.0.1", False), ("faces.example", True)):
        headers = {**bearer(admin), **CONSOLE, "host": host}
        said = door.post("/console/session", headers=headers)
        door.cookies.clear()
        kept = {part.strip().lower() for part in said.headers["set-cookie"].split(";")}
        assert {"httponly", "samesite=strict", "path=/", "max-age=28800"} <= kept
        assert ("secure" in kept) is secure
        assert admin.split("_")[2] not in said.headers["set-cookie"]


def test_a_cookie_reads_and_needs_the_pages_own_header_to_write(
    door: httpx.Client, admin: str
) -> None:
    cookie = signed_in(door, admin)
    assert door.get("/v1/session", headers=cookie).json()["caller"] == admin.split("_")[1]
    assert door.head("/v1/session", headers=cookie).status_code == 200
    said, told = unsent(door, "/v1/compare", cookie)
    assert (said, told["code"]) == (403, "NotAllowed")
    assert door.post("/v1/compare", json=body(), headers=cookie | CONSOLE).status_code == 200


@pytest.mark.parametrize(
    "foreign",
    [
        {"host": "evil.example"},
        {"origin": "https://evil.example"},
        {"host": "faces.example", "origin": "https://other.example"},
    ],
)
def test_a_cookie_is_not_heeded_where_it_was_not_meant_for(
    door: httpx.Client, admin: str, foreign: dict[str, str]
) -> None:
    cookie = signed_in(door, admin)
    for path in ("/v1/session", "/v1/decisions"):
        assert door.get(path, headers=cookie | foreign).status_code == 403
    signing = {**bearer(admin), **CONSOLE, **foreign}
    assert door.post("/console/session", headers=signing).status_code == 403
    assert door.get("/console/", headers=foreign).status_code == 403


def test_a_configured_host_is_at_home(door: httpx.Client, admin: str) -> None:
    at_home = {"host": "faces.example", "origin": "https://faces.example"}
    assert door.get("/v1/session", headers=signed_in(door, admin) | at_home).status_code == 200


def test_a_cookie_that_was_changed_is_none(door: httpx.Client, admin: str, kept: Journal) -> None:
    cookie = signed_in(door, admin)["cookie"]
    other = key(kept, "admin").split("_")[1]
    seal, end, _ = cookie.removeprefix(f"{COOKIE}=").split(".")
    forged = Sessions(b"guessed").begin(other)
    for value in (f"{seal}.{end}.{other}", f"{seal}.9{end}.{admin}", forged, seal, "", "..."):
        said = door.get("/v1/session", headers={"cookie": f"{COOKIE}={value}"})
        assert (said.status_code, said.json()["code"]) == (401, "KeyRefused")


def test_a_session_ends_with_the_secret_that_it_began_with(door: httpx.Client, admin: str) -> None:
    reviewer = made(door, admin, "review")
    cookie = signed_in(door, reviewer["authorization"].removeprefix("Bearer "))
    place = f"/v1/keys/{id_of(reviewer)}/rotation"
    door.post(place, json={"overlap_s": 3600}, headers=bearer(admin))
    assert door.get("/v1/reviews", headers=cookie).status_code == 200
    door.post(place, json={"overlap_s": 0}, headers=bearer(admin))
    assert door.get("/v1/reviews", headers=cookie).status_code == 401


def test_a_session_ends_with_its_key(door: httpx.Client, admin: str) -> None:
    reviewer = made(door, admin, "review")
    cookie = signed_in(door, reviewer["authorization"].removeprefix("Bearer "))
    assert door.get("/v1/reviews", headers=cookie).status_code == 200
    assert door.get("/v1/decisions", headers=cookie).status_code == 403
    door.delete(f"/v1/keys/{id_of(reviewer)}", headers=bearer(admin))
    assert door.get("/v1/reviews", headers=cookie).status_code == 401


def test_signing_in_takes_a_key_and_the_pages_own_header(door: httpx.Client, admin: str) -> None:
    for headers, status in (
        (CONSOLE, 401),
        (bearer(admin), 403),
        ({**bearer(new_key().text), **CONSOLE}, 401),
    ):
        said = door.post("/console/session", headers=headers)
        assert (said.status_code, "set-cookie" in said.headers) == (status, False)


@pytest.mark.parametrize("sent", ["X-Forwarded-For", "Forwarded", "Via"])
def test_behind_a_proxy_nobody_is_this_machine(sent: str) -> None:
    with keyless() as client:
        assert unsent(client, "/v1/compare", {sent: "203.0.113.7"})[0] == 401
