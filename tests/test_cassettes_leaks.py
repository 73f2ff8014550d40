"""No recording holds a face or a secret, whatever a vendor puts into its reply."""

from __future__ import annotations

import contextlib
import json
import logging
import traceback
from pathlib import Path
from typing import Any

import pytest

from acme import DOCUMENT, PROBE, TOKEN, Acme, acme
from both import Ask, Run, ask_sync, both_ways, every_driver, run_sync
from facegate import FacegateError, FaceVerifier, Image, Operation
from facegate.plugin import HttpRequest, Transport, send
from facegate.testing.cassettes import cassette, play_cassette
from facegate.testing.leaks import spellings
from facegate.testing.recording import NotRecorded, record, recording
from loopback import Act, PendingRequest, Server, echo, message, raw, reply

FACES: dict[str, Any] = {"probe": PROBE, "gallery": [DOCUMENT]}
BASE64 = Image.of(PROBE).base64.decode()
SECRETS = {*spellings([TOKEN], [Image.of(PROBE), Image.of(DOCUMENT)]), "cookie-5d1f", "0.7331"}


def assert_clean(text: str) -> None:
    leaked = [secret for secret in SECRETS if secret.lower() in text.lower()]
    assert not leaked, leaked


def cookies_and_echo(line: PendingRequest) -> bool:
    """A 200 that repeats the whole request, in its body, in a header and in a cookie."""
    told = {"score": 0.9, "headers": line.request.headers, "got": line.request.json}
    headers = {"Set-Cookie": "id=cookie-5d1f", "X-Key": TOKEN, "Location": f"/?t={TOKEN}"}
    line.socket.sendall(message(200, told, **headers))
    return True


CARELESS: dict[str, Act] = {
    "the request in a 200": cookies_and_echo,
    "the request in an error": echo(422),
    "a cut picture": reply(422, {"code": "invalid", "input": f"{BASE64[136:160]}...CYII="}),
    "a picture as a key": reply(422, {"code": "invalid", BASE64: 1, BASE64[136:160]: 2}),
    "a picture as a data URI": reply(200, {"score": 0.9, "face": f"data:;base64,{BASE64}"}),
    "a picture in a sentence": reply(422, {"detail": f"cannot read {BASE64} as a picture"}),
    "the token in a sentence": reply(401, {"code": "bad_token", "message": f"no {TOKEN[4:]}!"}),
    "the token in capitals": reply(401, {"code": "bad_token", "message": TOKEN.upper()}),
    "the token as a number of seconds": reply(429, {"code": "slow_down"}, Retry_After=TOKEN),
    "a new token": reply(200, {"score": 0.9, "accessToken": "cookie-5d1f"}),
    "a row of numbers": reply(200, {"score": 0.9, "embedding": [0.5] * 127 + [0.7331]}),
    "points of a face": reply(200, {"score": 0.9, "points": [{"x": 0.7331, "y": 1}] * 17}),
    "a table of numbers": reply(200, {"score": 0.9, "face": {str(n): 0.7331 for n in range(17)}}),
    "a long text": reply(200, {"score": 0.9, "crop": "cookie-5d1f" + "x" * 200}),
    "HTML": reply(502, f"<p>{TOKEN} {BASE64}".encode()),
    "not UTF-8": reply(200, PROBE),
    "nested deeply": reply(200, b"[" * 50_000 + f'"{TOKEN}"'.encode()),
}


@both_ways
@pytest.mark.parametrize("act", CARELESS.values(), ids=CARELESS)
def test_a_recording_holds_no_face_and_no_secret(
    ask: Ask, act: Act, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Server(act) as server, recording() as tape:
        with contextlib.suppress(FacegateError):
            ask(acme(server.url), **FACES)
        assert TOKEN in server.seen[0].headers["authorization"]
    assert len(tape) == 1
    assert_clean(f"{[vars(request) for request in tape.requests]} {tape.responses}")
    assert not [record for record in caplog.records if record.name.startswith("vcr")]


@pytest.mark.parametrize("act", CARELESS.values(), ids=CARELESS)
def test_nor_does_its_file_which_means_the_same(act: Act, tmp_path: Path) -> None:
    path = tmp_path / "acme" / "careless.yaml"
    with Server(act) as server, FaceVerifier(acme(server.url)) as verifier:
        outcome = record(verifier, Operation.COMPARE, **FACES, path=path, origin="a test")
    assert_clean(path.read_text())
    assert play_cassette(path, Acme) == outcome


@every_driver
def test_a_token_in_a_url_or_a_body_is_filtered(run: Run) -> None:
    query = f"?page=1&access_token=anything&t={TOKEN}"
    body = json.dumps({"api_key": "anything", "note": f"mine is {TOKEN}"}).encode()
    with Server(reply(200, b"{}")) as server, recording([TOKEN]) as tape:
        run(send(HttpRequest("POST", server.url + query, body=(body,)), Transport()))
    (request,) = tape.requests
    assert request.uri == f"{server.url}?page=1&access_token=(secret)&t=(secret)"
    assert json.loads(request.body) == {"api_key": "(secret)", "note": "mine is (secret)"}


def test_a_token_of_digits_is_not_kept_as_a_number() -> None:
    with Server(reply(200, {"score": 0.9, "account": 82731946})) as server, recording() as tape:
        ask_sync(acme(server.url, token="82731946"), **FACES)
    (response,) = tape.responses
    assert json.loads(response["body"]["string"]) == {"score": 0.9, "account": "(secret)"}


def test_what_a_refused_request_held_is_not_shown(tmp_path: Path) -> None:
    (path := tmp_path / "empty.yaml").write_text("interactions: []")
    request = HttpRequest("GET", f"https://api.acme.example/?token={TOKEN}")
    with pytest.raises(AssertionError, match=r"token=\(secret\)") as caught, cassette(path):
        run_sync(send(request, Transport()))
    assert_clean("".join(traceback.format_exception(caught.value)))


def test_the_vendors_own_reason_phrase_is_not_kept() -> None:
    act = raw(f"HTTP/1.1 401 {TOKEN}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    with Server(act) as server, recording() as tape, pytest.raises(FacegateError):
        ask_sync(acme(server.url), **FACES)
    (response,) = tape.responses
    assert response["status"] == {"code": 401, "message": "Unauthorized"}


def test_an_answer_that_cannot_be_kept_is_no_cassette(tmp_path: Path) -> None:
    """Its code is a piece of the credential, so scrubbed it says something else."""
    path = tmp_path / "acme" / "slow.yaml"
    with (
        Server(reply(429, {"code": "slow_down"})) as server,
        FaceVerifier(acme(server.url, token="tok-slow_down")) as verifier,
        pytest.raises(NotRecorded, match="means something else"),
    ):
        record(verifier, Operation.COMPARE, **FACES, path=path, origin="a test")
    assert list(path.parent.iterdir()) == []


def test_a_failed_match_shows_digests_alone(tmp_path: Path) -> None:
    path = tmp_path / "acme" / "compare.yaml"
    with Server(reply(200, {"score": 0.9})) as server:
        with FaceVerifier(acme(server.url)) as verifier:
            record(verifier, Operation.COMPARE, **FACES, path=path, origin="a test")
        with (
            pytest.raises(AssertionError, match="sha256:") as caught,
            cassette(path),
            FaceVerifier(acme(server.url)) as verifier,
        ):
            verifier.compare(DOCUMENT, [PROBE])
    assert_clean(str(caught.value))
