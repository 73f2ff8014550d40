"""Callers who sign: what they signed is held against all that arrived, before anything is done."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from acme import DOCUMENT, PROBE, SAME, Scripted
from acme_api import front, saying
from both import Ask, both_ways
from facegate import AsyncFaceVerifier, ConfigurationError
from facegate.gateway import Limits, Sandbox, create_app
from facegate.gateway.settings import ServeSettings
from facegate.plugin import HttpSettings
from signed import KEY, OTHER, Corvid, Signing, asking, corvid


def counting(asked: list[Any]) -> Scripted:
    """Answers, and notes each question."""

    def script(request: Any) -> Any:
        asked.append(request)
        yield from ()
        return SAME

    return Scripted(script)


@pytest.mark.parametrize("path", ["/", "/corvid", "/corvid/", "/corvid?a=%7E&b=%2f", "/corv%69d"])
def test_what_was_signed_is_what_arrived(path: str) -> None:
    with front(SAME, corvid()) as client:
        said = client.post(path, json=asking(), auth=Signing())
    assert (said.status_code, said.json()) == (200, {"score": 85.0})


@both_ways
def test_what_the_vendors_own_client_signs_is_what_arrived(ask: Ask) -> None:
    with front(SAME, corvid()) as client:
        settings = HttpSettings(base_url=f"{client.base_url}/corvid")
        result = ask(Corvid(settings), probe=PROBE, gallery=[DOCUMENT])
    assert result.match is not None
    assert (result.accepted, result.match.score) == (True, 85.0)


def test_a_path_that_an_api_does_not_have_is_not_there_without_its_slash_either() -> None:
    with front(SAME) as client:
        assert client.post("/acme", json={}).status_code == 404


FORGED = {
    "nothing": ({"authorization": ""}, "/corvid", b""),
    "another secret": ({}, "/corvid", b""),
    "another body": ({}, "/corvid", b" "),
    "another date": ({"x-corvid-date": "2026-11-26T01:02:04Z"}, "/corvid", b""),
    "another path": ({}, "/corvid/", b""),
    "another query": ({}, "/corvid?b=1&a=1", b""),
    "another host": ({"host": "gate.example"}, "/corvid", b""),
}


@pytest.mark.parametrize("forged", FORGED)
def test_who_did_not_sign_all_of_it_is_refused_and_nobody_asked(forged: str) -> None:
    asked: list[Any] = []
    with front(counting(asked), corvid()) as client:
        key = "corvid-1:guessed" if forged == "another secret" else KEY
        good = client.build_request("POST", "/corvid", json=asking())
        next(Signing(key).auth_flow(good))
        headers, path, more = FORGED[forged]
        content = good.content + more
        changed = {**good.headers, "content-length": str(len(content)), **headers}
        said = client.post(path, content=content, headers=changed)
    assert (said.status_code, said.json()) == (403, {"code": "not_signed"})
    assert asked == []


def test_nothing_is_done_in_the_name_of_a_key_that_is_only_claimed() -> None:
    now = 100.0
    sandbox = Sandbox({OTHER: "error=down"}, rate="1/60", clock=lambda: now)
    guessed = Signing("corvid-1:guessed"), Signing("corvid-2:guessed")
    with front(SAME, corvid(KEY, *sandbox.keys), sandbox=sandbox) as client:
        for stranger in guessed * 2:
            told = {"x-facegate-sandbox": "outcome=no_match", "x-corvid-invocation": "one"}
            said = client.post("/corvid", json=asking(), auth=stranger, headers=told)
            assert said.status_code == 403
        once = {"x-corvid-invocation": "one"}
        said = client.post("/corvid", json=asking(), auth=Signing(), headers=once)
        assert said.json() == {"score": 85.0}  # neither its rate nor its invocation is used up
        said = client.post("/corvid", json=asking(), auth=Signing(OTHER))
        assert said.json() == {"code": "down"}
        assert client.post("/corvid", json=asking(), auth=Signing()).headers["x-corvid-class"]


def test_what_an_unproven_caller_may_send_is_bounded() -> None:
    with front(SAME, corvid(), limits=Limits(max_body_bytes=1000)) as client:
        claim = {"authorization": f"Corvid id=corvid-1 signature={'0' * 64}"}
        said = client.post("/corvid", content=iter([b"x" * 600] * 2), headers=claim)
    assert said.status_code == 413


# Behind a proxy

PUBLIC = "https://faces.example:8443/eu/"


def behind(public: str | None, **headers: str) -> httpx.Response:
    """What a caller gets who asked the public URL, through a proxy that changes host and path."""
    believed = Signing(believed="https://faces.example:8443/eu/corvid?x=1")
    with front(SAME, corvid(), public_url=public) as client:
        return client.post("/corvid?x=1", json=asking(), auth=believed, headers=headers)


def test_what_callers_of_a_public_url_sign_is_held_against_it() -> None:
    assert behind(PUBLIC).json() == {"score": 85.0}
    assert behind(None).status_code == 403


def test_forwarded_headers_are_not_believed() -> None:
    forwarded = {
        "X-Forwarded-Host": "faces.example:8443",
        "X-Forwarded-Prefix": "/eu",
        "Forwarded": 'host="faces.example:8443"',
    }
    assert behind(None, **forwarded).status_code == 403
    assert behind("https://other.example", **forwarded).status_code == 403


@pytest.mark.parametrize("url", ["faces.example", "ftp://faces.example", "https://a@b.example/?c"])
def test_a_public_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="public_url: must"):
        create_app([corvid()], lambda: AsyncFaceVerifier(Scripted(saying(SAME))), public_url=url)
    with pytest.raises(ValidationError, match="must"):
        ServeSettings(public_url=url)
