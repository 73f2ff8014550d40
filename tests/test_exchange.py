"""Requests of every kind that a provider can make, and replies of every kind that fail."""

from __future__ import annotations

from typing import Any

import pytest

from acme import DOCUMENT, PASSPORT, PROBE, LivenessMessage, LivenessReply, acme
from both import Ask, Run, ask_sync, both_ways, every_driver, run_sync
from facegate import (
    Attempt,
    AuthenticationFailed,
    BadReply,
    Billed,
    CaptureReason,
    CaptureRejected,
    FacegateError,
    Image,
    Outcome,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    UnmappedError,
)
from facegate.plugin import Answer, Flow, LivenessRequest
from facegate.testing.leaks import leaks, shown
from loopback import Seen, Server, message, reply, reset
from veridia import NOON, SECRET, CompareReply, Faces, Settings, Veridia, signature_of, veridia

PICTURES: dict[str, Any] = {"probe": PROBE, "gallery": [DOCUMENT, PASSPORT]}
ALIKE = reply(200, {"similarity": 93.5})


def error(number: Any, status: int = 200) -> Any:
    return reply(status, {"error": {"number": number}})


@every_driver
def test_any_method_headers_and_query(run: Run) -> None:
    with Server(ALIKE) as server:
        flow = veridia(server.url).exchange(
            "DELETE",
            "/last",
            CompareReply,
            headers={"X-Target": "Face.Last", "accept": "text/plain"},
            query={"model": "v 2&3", "faces": True, "most": 1, "share": 0.5},
        )
        assert run(flow).similarity == 93.5
    (seen,) = server.seen
    assert seen.method == "DELETE"
    assert seen.target == "/last?model=v%202%263&faces=true&most=1&share=0.5"
    assert (seen.headers["x-target"], seen.headers["accept"]) == ("Face.Last", "text/plain")
    assert "content-type" not in seen.headers


def test_a_header_of_one_request_stands_in_for_that_of_every_one() -> None:
    with Server(reply(200, {"live": True})) as server:
        asked = LivenessMessage(image=Image.of(PROBE))
        said = {"content-type": "application/x-json-1.1", "AUTHORIZATION": "none"}
        run_sync(acme(server.url).post("/live", asked, LivenessReply, headers=said, query={"v": 1}))
    (seen,) = server.seen
    assert seen.target == "/live?v=1"
    assert seen.headers["content-type"] == "application/x-json-1.1"
    assert seen.headers["authorization"] == "none"


@every_driver
def test_a_reply_that_is_no_object(run: Run) -> None:
    with Server(reply(200, ["a", "b"])) as server:
        assert run(veridia(server.url).get("/faces", Faces)).root == ["a", "b"]
    with Server(reply(200, {"a": 1})) as server, pytest.raises(BadReply):
        run(veridia(server.url).get("/faces", Faces))


def is_signed(seen: Seen) -> bool:
    date = NOON.strftime("%Y-%m-%dT%H:%M:%SZ")
    expected = signature_of(SECRET, seen.method, seen.target, date, seen.body)
    return (seen.headers["x-date"], seen.headers["x-signature"]) == (date, expected)


@both_ways
def test_every_request_is_signed_as_it_is_sent(ask: Ask) -> None:
    with Server(ALIKE) as server:
        assert ask(veridia(server.url), **PICTURES).accepted
        ask_sync(veridia(f"{server.url}/v2"), probe=PROBE, gallery=DOCUMENT)
    assert len(server.seen) == 3
    assert all(map(is_signed, server.seen))


@both_ways
@pytest.mark.parametrize(
    ("number", "status", "expected"),
    [
        (1001, 200, AuthenticationFailed),
        (1002, 200, QuotaExhausted),
        (1042, 200, CaptureRejected),
        (1, 200, UnmappedError),
        (1001, 401, AuthenticationFailed),
    ],
)
def test_an_error_in_a_reply_of_200(
    ask: Ask, number: int, status: int, expected: type[ProviderError]
) -> None:
    with Server(error(number, status)) as server, pytest.raises(expected) as caught:
        ask(veridia(server.url), **PICTURES)
    if isinstance(caught.value, CaptureRejected):
        assert caught.value.reason is CaptureReason.FACE_NOT_FOUND
    assert caught.value.vendor_code == str(number)


@both_ways
def test_an_error_that_says_not_live_is_an_answer(ask: Ask) -> None:
    with Server(error(-7)) as server:
        result = ask(veridia(server.url), "liveness", probe=PROBE)
    assert not result.accepted
    assert result.liveness is not None
    assert (result.liveness.passed, result.liveness.reason) == (False, "-7")
    assert (result.liveness.threshold, result.liveness.score) == (40, None)
    (attempt,) = result.attempts
    assert (attempt.outcome, attempt.billed) == (Outcome.ANSWERED, Billed.YES)


@both_ways
def test_a_spoof_is_an_answer_to_a_comparison_too(ask: Ask) -> None:
    with Server(ALIKE, error(-7)) as server:
        result = ask(veridia(server.url, parallel=1), **PICTURES)
    assert not result.accepted
    assert result.match is None
    assert result.liveness is not None
    assert not result.liveness.passed
    assert [told(each) for each in result.attempts] == [
        ("gallery[0]", Outcome.ANSWERED),
        ("gallery[1]", Outcome.ANSWERED),
    ]


@both_ways
def test_an_outage_beside_a_spoof_is_an_outage(ask: Ask) -> None:
    with Server(reset, error(-7)) as server, pytest.raises(BadReply):
        ask(veridia(server.url, parallel=1), **PICTURES)


def told(attempt: Attempt) -> tuple[str | None, Outcome]:
    return attempt.image, attempt.outcome


@both_ways
def test_the_secret_and_the_signature_show_nowhere(ask: Ask) -> None:
    probe, document = Image.of(PROBE), Image.of(DOCUMENT)
    with Server(reply(500, message())) as server, pytest.raises(ProviderUnavailable) as caught:
        ask(veridia(server.url), probe=probe, gallery=[document])
    views = shown(caught.value)
    hidden = [SECRET, server.seen[0].headers["x-signature"]]
    assert not leaks(views, hidden, [probe, document])


class Keyed(Veridia):
    """Sends a secret of its own with one request."""

    def liveness(self, request: LivenessRequest[Settings]) -> Flow[Answer]:
        query = {"careful": True}
        yield from self.get("/live", LivenessReply, headers=self._key(), query=query)
        yield from self.poll("/live", LivenessReply, lambda _: False, headers=self._key())
        return Answer()

    def _key(self) -> dict[str, str]:
        return {"X-Key": self.settings.secret.get_secret_value()}


@both_ways
def test_a_secret_of_one_request_shows_nowhere(ask: Ask) -> None:
    probe = Image.of(PROBE)
    for acts in ([reply(500)], [reply(200, {"live": True}), reply(503)]):
        with Server(*acts) as server, pytest.raises(FacegateError) as caught:
            ask(Keyed(Settings(base_url=server.url), "main"), "liveness", probe=probe)
        assert server.seen[-1].headers["x-key"] == SECRET
        assert not leaks(shown(caught.value), [SECRET], [probe])
