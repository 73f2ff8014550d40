"""Signing in to the console, its cookie, and what its files come with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from consoles import KEY, ME, Service
from facegate.gateway import serving
from facegate.gateway.console.routes import HEADERS, console_routes, files
from facegate.gateway.console.session import COOKIE, HEADER, LIFETIME_S, Sessions
from facegate.gateway.keys import Keys, NotAllowed
from facegate.gateway.native.door import Door

SECRET = b"a secret that all processes share"
ASKED = {HEADER: "1", "authorization": f"Bearer {KEY}"}


class Clock:
    """Seconds since 1970, as a test has them."""

    now = 1_772_442_900.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with (
        serving(Service().app) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as asking,
    ):
        yield asking


def cookie(value: str) -> dict[str, str]:
    return {"cookie": f"other=1; {COOKIE}={value}"}


@given(st.from_regex(r"[a-z0-9_]{1,64}", fullmatch=True))
def test_every_process_knows_whose_session_it_is(key_id: str) -> None:
    value = Sessions(SECRET).begin(key_id)
    assert Sessions(SECRET).holder("GET", cookie(value)) == key_id


@given(st.data())
def test_a_session_that_was_changed_is_none(data: st.DataObject) -> None:
    value = Sessions(SECRET).begin(ME)
    place = data.draw(st.integers(0, len(value) - 1))
    letter = data.draw(st.sampled_from("0a.z"))
    changed = value[:place] + letter + value[place + 1 :]
    holder = Sessions(SECRET).holder("GET", cookie(changed))
    assert holder == (ME if changed == value else None)


@pytest.mark.parametrize("value", ["", ".", "..", "a.b.c", "ä", "0" * 64])
def test_what_is_no_session_is_none(value: str) -> None:
    assert Sessions(SECRET).holder("POST", cookie(value)) is None
    assert Sessions(SECRET).holder("POST", {}) is None


def test_a_session_of_another_service_is_none() -> None:
    assert Sessions(b"another").holder("GET", cookie(Sessions(SECRET).begin(ME))) is None


def test_a_session_ends_after_eight_hours() -> None:
    clock = Clock()
    sessions = Sessions(SECRET, clock)
    value = sessions.begin(ME)
    clock.now += LIFETIME_S - 1
    assert sessions.holder("GET", cookie(value)) == ME
    clock.now += 1
    assert sessions.holder("GET", cookie(value)) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_write_must_come_from_the_page_itself(method: str) -> None:
    sessions = Sessions(SECRET)
    given = cookie(sessions.begin(ME))
    with pytest.raises(NotAllowed, match=HEADER):
        sessions.holder(method, given)
    assert sessions.holder(method, {**given, HEADER: "1"}) == ME


def test_a_key_is_exchanged_for_a_cookie(client: httpx.Client) -> None:
    reply = client.post("/console/session", headers=ASKED)
    assert reply.status_code == 204
    morsel = SimpleCookie(reply.headers["set-cookie"])[COOKIE]
    assert (morsel["path"], morsel["samesite"], morsel["max-age"]) == ("/", "strict", "28800")
    assert morsel["httponly"]
    assert not morsel["secure"]  # this machine's own address has no certificate
    assert KEY not in reply.headers["set-cookie"]


def test_a_cookie_goes_over_tls_where_others_reach_the_service(client: httpx.Client) -> None:
    reply = client.post("/console/session", headers={**ASKED, "host": "kyc.example"})
    assert SimpleCookie(reply.headers["set-cookie"])[COOKIE]["secure"]


@pytest.mark.parametrize("key", ["", "Bearer fg_other"])
def test_no_key_begins_no_session(client: httpx.Client, key: str) -> None:
    reply = client.post("/console/session", headers={**ASKED, "authorization": key})
    assert reply.status_code == 401
    assert reply.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_another_sites_page_neither_signs_in_nor_out(client: httpx.Client, method: str) -> None:
    reply = client.request(method, "/console/session", headers={"authorization": f"Bearer {KEY}"})
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers


def test_signing_out_takes_the_cookie_back(client: httpx.Client) -> None:
    client.post("/console/session", headers=ASKED)
    assert client.get("/v1/session").status_code == 200
    client.delete("/console/session", headers=ASKED)
    assert client.get("/v1/session").status_code == 401


def test_the_folder_is_found_under_any_path(client: httpx.Client) -> None:
    moved = client.get("/console")
    assert (moved.status_code, moved.headers["location"]) == (307, "console/")
    page = client.get("/console/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert 'lang="en"' in page.text


@pytest.mark.parametrize("path", ["", "/", "/console.js", "/session.py", "/nothing"])
def test_all_of_it_comes_with_its_headers(client: httpx.Client, path: str) -> None:
    reply = client.get(f"/console{path}")
    assert HEADERS.items() <= dict(reply.headers).items()
    assert (reply.status_code == 404) is path.endswith(("py", "nothing"))


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """The console behind a real door, known as kyc.example beside this machine's own names."""
    sessions = Sessions(SECRET)
    door = Door(Keys(), sessions, frozenset({"kyc.example"}), local=True)
    with serving(Starlette(routes=console_routes(door, sessions))) as url:
        yield url


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("kyc.example", None, 200),
        ("kyc.example:8443", "https://kyc.example:8443", 200),
        ("localhost", None, 200),
        ("another.example", None, 403),  # its name was made to lead here
        ("kyc.example", "https://another.example", 403),
    ],
)
@pytest.mark.parametrize("path", ["/console/", "/console/console.js"])
def test_only_hosts_that_are_ours_are_shown_anything(
    guarded: str, host: str, origin: str | None, status: int, path: str
) -> None:
    headers = {"host": host} | ({"origin": origin} if origin else {})
    assert httpx.get(guarded + path, headers=headers, trust_env=False).status_code == status


def test_the_page_is_light_and_needs_nothing_from_anywhere() -> None:
    content = {name: text.decode() for name, (_, text) in files().items()}
    assert {"index.html", "console.css", "console.js"} <= content.keys()
    assert sum(map(len, content.values())) < 66_000
    for name, text in content.items():
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert not re.findall(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", text), name
    assert not re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src)", content["index.html"])
    assert not re.findall(r"@import|url\(", content["console.css"])
