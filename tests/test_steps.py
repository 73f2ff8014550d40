"""Questions that take several requests: each is an attempt with a name and a price."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from acme import DOCUMENT, PASSPORT, PROBE, SAME, Scripted
from both import Ask, both_ways, run_sync
from facegate import (
    Attempt,
    Billed,
    CaptureRejected,
    ConfigurationError,
    FacegateError,
    Outcome,
    UnmappedError,
)
from facegate.plugin import (
    Answer,
    CompareRequest,
    Flow,
    Image,
    LivenessRequest,
    WireModel,
    call,
    json_body,
    raw_body,
)
from loopback import Server, reply
from veridia import MATCH, CompareReply, Settings, Veridia


class Found(WireModel):
    error: None = None
    face: str


class Pair(WireModel):
    one: str
    other: str


class Chained(Veridia):
    """Finds the face on each picture, then compares what it found, two by two."""

    info = replace(Veridia.info, steps=frozenset({"find", "verify"}))

    def compare(self, request: CompareRequest[Settings]) -> Flow[Answer]:
        probe = yield from self._find(request.probe)

        def one(image: Image) -> Flow[float]:
            found = yield from self._find(image)
            body = json_body(Pair(one=probe.face, other=found.face))
            asking = self.exchange("POST", "/verify", CompareReply, body=body)
            return (yield from self.step("verify", asking)).similarity

        scores = yield from self.for_each(request.gallery, one, request.settings.parallel)
        return Answer(match=MATCH.match(max(scores), request.threshold))

    def liveness(self, request: LivenessRequest[Settings]) -> Flow[Answer]:
        yield from self._find(request.probe)
        return (yield from super().liveness(request))

    def _find(self, image: Image) -> Flow[Found]:
        return self.step("find", self.exchange("POST", "/find", Found, body=raw_body(image)))


FOUND, ALIKE = reply(200, {"face": "f"}), reply(200, {"similarity": 93.5})
PICTURES: dict[str, Any] = {"probe": PROBE, "gallery": [DOCUMENT, PASSPORT]}


def chained(server: Server, **settings: Any) -> Chained:
    fields = {"base_url": server.url, "parallel": 1, **settings}
    return Chained(Settings.model_validate(fields), "main")


def told(attempts: tuple[Attempt, ...]) -> list[tuple[str | None, str | None, str]]:
    return [(each.step, each.image, each.error_code or each.outcome) for each in attempts]


CHAIN = [
    ("find", None, "answered"),
    ("find", "gallery[0]", "answered"),
    ("verify", "gallery[0]", "answered"),
    ("find", "gallery[1]", "answered"),
    ("verify", "gallery[1]", "answered"),
]


@both_ways
def test_every_request_of_a_question_is_an_attempt(ask: Ask) -> None:
    with Server(FOUND, FOUND, ALIKE) as server:
        result = ask(chained(server), probe=PROBE, gallery=DOCUMENT)
    assert result.accepted
    assert told(result.attempts) == CHAIN[:3]
    with Server(FOUND, FOUND, ALIKE, FOUND, ALIKE) as server:
        result = ask(chained(server), **PICTURES)
    assert told(result.attempts) == CHAIN


@both_ways
def test_they_stand_in_gallery_order_whoever_was_first(ask: Ask) -> None:
    both = reply(200, {"face": "f", "similarity": 93.5})
    with Server(both) as server:
        result = ask(chained(server, parallel=2, cost={"compare": 0.25}), **PICTURES)
    assert told(result.attempts) == CHAIN
    assert [each.cost for each in result.attempts] == [0.25] * 5


@both_ways
def test_who_asks_another_provider_on_the_way_still_records_its_own(ask: Ask) -> None:
    def script(request: Any) -> Flow[Answer]:
        yield from Scripted(lambda _: call(lambda: SAME)).answer(request)
        return (yield from provider.step("find", call(lambda: SAME)))

    provider = Scripted(script)
    provider.info = replace(provider.info, steps=frozenset({"find"}))
    result = ask(provider, probe=PROBE, gallery=DOCUMENT)
    assert told(result.attempts) == [("find", None, "answered")]


@both_ways
def test_each_costs_what_its_step_or_its_operation_does(ask: Ask) -> None:
    cost = {"verify": 0.5, "compare": 0.25, "liveness": 2.0}
    with Server(FOUND, FOUND, ALIKE) as server:
        result = ask(chained(server, cost=cost), probe=PROBE, gallery=DOCUMENT)
    assert [each.cost for each in result.attempts] == [0.25, 0.25, 0.5]
    with Server(FOUND, FOUND, ALIKE) as server:
        result = ask(chained(server, cost=0.1), probe=PROBE, gallery=DOCUMENT)
    assert [each.cost for each in result.attempts] == [0.1] * 3


@both_ways
def test_an_operation_of_one_call_has_its_price(ask: Ask) -> None:
    with Server(reply(200, {"verdict": "live"})) as server:
        provider = Veridia(
            Settings(base_url=server.url, cost={"liveness": 2.0, "compare": 1.0}), "main"
        )
        result = ask(provider, "liveness", probe=PROBE)
    assert [each.cost for each in result.attempts] == [2.0]
    with Server(reply(500)) as server, pytest.raises(FacegateError) as caught:
        ask(Veridia(Settings(base_url=server.url, cost={"liveness": 2.0})), **PICTURES)
    assert [each.cost for each in caught.value.attempts] == [None, None]


@both_ways
def test_a_step_that_fails_ends_the_question_and_shows(ask: Ask) -> None:
    no_face = reply(200, {"error": {"number": 1042}})
    with Server(FOUND, FOUND, ALIKE, no_face) as server, pytest.raises(CaptureRejected) as caught:
        ask(chained(server, cost=1.0), **PICTURES)
    assert told(caught.value.attempts) == [*CHAIN[:3], ("find", "gallery[1]", "CaptureRejected")]
    assert [each.billed for each in caught.value.attempts][-1] is Billed.MAYBE


@both_ways
def test_a_spoof_found_on_the_way_was_an_answer(ask: Ask) -> None:
    spoof = reply(200, {"error": {"number": -7}})
    with Server(FOUND, spoof) as server:
        result = ask(chained(server), probe=PROBE, gallery=DOCUMENT)
    assert not result.accepted
    assert told(result.attempts) == CHAIN[:2]
    assert all(each.outcome is Outcome.ANSWERED for each in result.attempts)


@both_ways
def test_a_name_that_is_not_declared_is_a_bug(ask: Ask) -> None:
    def script(request: Any) -> Flow[Answer]:
        return (yield from provider.step("verify", script(request)))

    provider = Scripted(script)
    with pytest.raises(UnmappedError, match="ValueError"):
        ask(provider, probe=PROBE, gallery=DOCUMENT)


def test_outside_of_a_question_nothing_is_recorded() -> None:
    with Server(FOUND) as server:
        provider = chained(server)
        assert run_sync(provider._find(Image.of(PROBE))).face == "f"


def test_a_cost_for_nothing_is_refused() -> None:
    with Server(FOUND) as server:
        with pytest.raises(ConfigurationError, match=r"cost\.verfy: .* find, liveness, verify"):
            chained(server, cost={"verfy": 1.0})
        for cost in ({"verify": -1.0}, {"verify": True}, {"verify": float("inf")}, -0.1):
            with pytest.raises(ValidationError, match="cost"):
                chained(server, cost=cost)
