"""Exchanges are recorded without faces or secrets, and played without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml
from pydantic import ValidationError

from acme import DOCUMENT, PASSPORT, PROBE, Acme, acme
from both import Ask, ask_sync, both_ways, every_driver
from facegate import FacegateError, FaceVerifier, Image, Operation
from facegate.plugin import HttpRequest, Transport, send
from facegate.testing.cassettes import cassette, play_cassette, play_cassette_async
from facegate.testing.recording import record
from facegate.testing.scrubbing import digest
from loopback import Server, reply

FACES: dict[str, Any] = {"probe": PROBE, "gallery": [DOCUMENT]}


def recorded(
    server: Server, path: Path, operation: Operation = Operation.COMPARE, **settings: Any
) -> dict[str, Any]:
    """Record one question that acme is asked; gives what came of it."""
    gallery = () if operation is Operation.LIVENESS else [DOCUMENT]
    with FaceVerifier(acme(server.url, **settings)) as verifier:
        return record(verifier, operation, PROBE, gallery, path=path, origin="a test")


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "acme" / "compare.yaml"


def test_what_is_recorded_is_played_without_the_pictures(tape: Path) -> None:
    with Server(reply(200, {"score": 0.93, "id": "tx-1"})) as server:
        outcome = recorded(server, tape)
    assert outcome["decision"] == "accept"
    assert outcome["match"]["score"] == 0.93
    assert outcome["vendor_reference"] == "tx-1"
    assert play_cassette(tape, Acme) == anyio.run(play_cassette_async, tape, Acme) == outcome
    assert len(server.seen) == 1


def test_so_is_an_error(tape: Path) -> None:
    with Server(reply(422, {"code": "no_face"})) as server:
        outcome = recorded(server, tape, Operation.LIVENESS)
    assert outcome == {
        "error": "CaptureRejected",
        "image": "probe",
        "reason": "FACE_NOT_FOUND",
        "vendor_code": "no_face",
    }
    assert play_cassette(tape, Acme) == outcome


def test_a_wait_that_a_date_may_have_asked_for_is_not_expected_again(tape: Path) -> None:
    with Server(reply(429, {"code": "slow_down"}, Retry_After="7")) as server:
        assert recorded(server, tape) == {"error": "RateLimited", "vendor_code": "slow_down"}


class Acting(Acme):
    """One path for everything: a header says what is wanted."""

    action = "CompareFace"

    def headers(self) -> Mapping[str, str]:
        return {**super().headers(), "X-Action": self.action}


class ActingOtherwise(Acting):
    action = "CompareMaskedFace"


def test_a_header_that_tells_operations_apart_has_to_be_the_same(tape: Path) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        provider = Acting(Acting.settings_type(base_url=server.url))
        with FaceVerifier(provider) as verifier:
            faces, headers = (PROBE, [DOCUMENT]), ["X-Action"]
            record(verifier, Operation.COMPARE, *faces, path=tape, origin="us", headers=headers)
    assert play_cassette(tape, Acting)["decision"] == "accept"
    with pytest.raises(AssertionError, match="x-action is 'CompareMaskedFace', and was 'Com"):
        play_cassette(tape, ActingOtherwise)


def test_a_cassette_says_where_it_comes_from_and_names_pictures_by_digest(tape: Path) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        recorded(server, tape, mode="ACCURATE", read_s=3.0, allow_http=True, token="another")
    probe, document = (f"sha256:{Image.of(data).digest}" for data in (PROBE, DOCUMENT))
    content = yaml.safe_load(tape.read_text())
    assert list(content)[:2] == ["source", "origin"]
    assert (content["source"], content["origin"]) == ("vendor", "a test")
    settings = {"base_url": server.url, "allow_http": True, "mode": "ACCURATE"}
    assert content["settings"] == settings
    assert content["question"] == {"operation": "compare", "probe": probe, "gallery": [document]}
    (exchange,) = content["interactions"]
    body = json.loads(exchange["request"]["body"])
    assert (body["probe"], body["gallery"]) == (probe, [document])
    assert body["mode"] == "ACCURATE"


@both_ways
def test_a_cassette_stands_in_for_the_network(ask: Ask, tape: Path) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        recorded(server, tape)
    with cassette(tape):
        assert ask(acme(server.url), **FACES).accepted


@every_driver
@pytest.mark.parametrize(
    ("parts", "kept"),
    [((b'{"a', b'": 1}'), '{"a": 1}'), ((b"no ", b"JSON"), digest(b"no JSON"))],
    ids=["JSON", "something else"],
)
def test_it_does_so_for_every_way_of_running(
    run: Any, parts: tuple[bytes, ...], kept: str, tape: Path
) -> None:
    headers = {"Content-Type": "application/json"} if kept[0] == "{" else {}
    request = HttpRequest("POST", "http://127.0.0.1:9/x", headers, parts)
    asked = {"method": "POST", "uri": request.url, "headers": headers, "body": kept}
    answered = {
        "status": {"code": 202, "message": "Accepted"},
        "headers": {"Retry-After": ["7"]},
        "body": {"string": "fine"},
    }
    tape.parent.mkdir()
    tape.write_text(yaml.safe_dump({"interactions": [{"request": asked, "response": answered}]}))
    with cassette(tape):
        answer = run(send(request, Transport()))
    assert (answer.status, answer.body) == (202, b"fine")
    assert answer.headers["retry-after"] == "7"


@both_ways
@pytest.mark.parametrize(
    "changed",
    [{"probe": PASSPORT}, {"gallery": [PASSPORT]}, {"threshold": 0.7}],
    ids=["probe", "gallery", "field"],
)
def test_a_request_that_was_not_recorded_fails_and_goes_nowhere(
    ask: Ask, changed: Mapping[str, Any], tape: Path
) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        recorded(server, tape)
        with pytest.raises(AssertionError, match="not recorded: POST"), cassette(tape):
            ask(acme(server.url), **{**FACES, **changed})
        assert len(server.seen) == 1


def test_it_fails_even_where_the_error_is_swallowed(tape: Path) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        recorded(server, tape)
    with (
        pytest.raises(AssertionError, match="not recorded: POST https://elsewhere"),
        cassette(tape),
        pytest.raises(FacegateError),
    ):
        ask_sync(acme("https://elsewhere.example"), **FACES)


def test_a_recorded_exchange_that_is_not_used_fails(tape: Path) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        recorded(server, tape)
    with pytest.raises(AssertionError, match="never requested: POST"), cassette(tape):
        pass


def test_each_exchange_is_played_once(tape: Path) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        recorded(server, tape)
    with pytest.raises(AssertionError, match="not recorded"):
        twice(tape, server.url)


def twice(tape: Path, url: str) -> None:
    with cassette(tape):
        for _ in range(2):
            ask_sync(acme(url), **FACES)


def test_another_outcome_than_the_header_expects_fails(tape: Path) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        recorded(server, tape)
    tape.write_text(tape.read_text().replace("is_match: true", "is_match: false"))
    with pytest.raises(AssertionError, match=r"match\.is_match is True, not False"):
        play_cassette(tape, Acme)


def test_a_header_that_cannot_be_names_its_file(tape: Path) -> None:
    tape.parent.mkdir()
    tape.write_text("source: hearsay")
    with pytest.raises(ValidationError) as caught:
        play_cassette(tape)
    assert caught.value.__notes__ == [f"in the header of {tape}"]


def test_a_cassette_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), cassette(tmp_path / "none.yaml"):
        pass
