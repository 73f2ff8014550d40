"""Scores, thresholds and verdicts on their way between a provider and the API that is target."""

from __future__ import annotations

import base64
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest

from acme import INFO, MATCH, PASSPORT, SAME, SCALE, Engine, Scripted
from acme_api import AcmeApi, acme_api, front, question, saying
from facegate import AsyncFaceVerifier, ConfigurationError
from facegate.events import Finished
from facegate.gateway import create_app, serving
from facegate.gateway.bridge import Bridge
from facegate.plugin import (
    Answer,
    Box,
    CompareRequest,
    DecodedRequest,
    Face,
    HttpReply,
    HttpRequest,
    Liveness,
    LivenessRequest,
    Match,
    ProviderSettings,
    Rates,
    ScoreSpec,
    json_reply,
)
from facegate.routing.route import Route

OTHERS = replace(INFO, plugin="other", lineage="other-1")


class Another(Scripted):
    """A provider of another plugin than the API's."""

    info = OTHERS


def scored(score: float, threshold: float = 0.8, *, same: bool | None = None) -> Answer:
    same = score >= threshold if same is None else same
    return Answer(Match(is_match=same, score=score, threshold=threshold, scale=SCALE))


def lively(score: float | None, *, passed: bool) -> Liveness:
    return Liveness(passed=passed, score=score, threshold=0.5, scale=SCALE)


# What is asked, and what is answered


def test_each_question_is_answered_in_the_vendors_words() -> None:
    both = Answer(scored(0.9).match, lively(0.25, passed=False))
    with front(both) as client:
        compared = client.post("/v1/compare-live", json=question())
    assert compared.json() == {"same": True, "score": 85.0, "live": False, "liveScore": 20.0}
    with front(scored(0.4)) as client:
        assert client.post("/v1/compare", json=question()).json() == {"same": False, "score": 35.0}
    with front(Answer(liveness=lively(0.75, passed=True))) as client:
        live = client.post("/v1/liveness", json=question())
    assert live.json() == {"live": True, "liveScore": 70.0}


@pytest.mark.parametrize(("score", "same"), [(0.8, True), (0.7999, False), (1.0, True)])
def test_the_vendors_default_threshold_gives_the_providers_decision(
    score: float, *, same: bool
) -> None:
    with front(scored(score)) as client:
        said = client.post("/v1/compare", json=question()).json()
    assert said["same"] is same
    assert (said["score"] >= 70) is same


def test_a_verdict_against_its_own_score_is_believed_and_the_score_bent() -> None:
    with front(scored(0.9, same=False)) as client:
        said = client.post("/v1/compare", json=question()).json()
    assert said == {"same": False, "score": 69.0}


class Remembering(Engine):
    """Decides by the threshold it is told, and keeps it."""

    info = replace(INFO, match=ScoreSpec(SCALE, 0.8, settable=(0.5, 0.95)))

    def __init__(self, **settings: Any) -> None:
        super().__init__(self.find, **settings)
        self.told: list[float | None] = []

    def find(self, request: CompareRequest[ProviderSettings]) -> Answer:
        self.told.append(request.threshold)
        return scored(0.85, request.threshold or 0.0)


@pytest.mark.parametrize(
    ("asked", "told", "same"),
    [(None, 0.8, True), (70, 0.8, True), (85, 0.9, False), (52.5, 0.8, True)],
)
def test_a_threshold_in_the_request_goes_the_same_way_back(
    asked: float | None, told: float, *, same: bool
) -> None:
    provider = Remembering()
    with front(provider) as client:
        said = client.post("/v1/compare", json=question(minScore=asked)).json()
    assert provider.told == [pytest.approx(told)]
    assert said["same"] is same
    assert (said["score"] >= (asked or 70)) is same


def test_no_caller_goes_below_the_providers_own_threshold_unless_the_operator_lets_it() -> None:
    """Old integrations have fixed thresholds of which nobody remembers the reason."""
    nearly = scored(0.7)
    with front(nearly) as client:
        assert client.post("/v1/compare", json=question(minScore=52.5)).json()["same"] is False
    provider = Remembering()
    with front(provider, acme_api(lower_thresholds=True)) as client:
        assert client.post("/v1/compare", json=question(minScore=52.5)).json()["same"] is True
    assert provider.told == [pytest.approx(0.6)]


def test_the_configured_threshold_is_the_one_that_lands_on_the_vendors_default() -> None:
    provider = Remembering(threshold=0.85)
    with front(provider) as client:
        said = client.post("/v1/compare", json=question(minScore=70)).json()
    assert provider.told == [0.85]
    assert said == {"same": True, "score": 70.0}


def test_a_configured_rate_holds_for_all_gallery_pictures_whatever_the_caller_asks() -> None:
    provider = Remembering(threshold="fmr:1e-2")
    rates = Rates(thresholds={1e-2: 0.8, 5e-3: 0.85}, by="Acme")
    provider.info = replace(INFO, match=replace(MATCH, rates=rates))
    more = base64.b64encode(PASSPORT).decode()
    with front(provider) as client:
        for asked in (None, 70, 52.5):
            two = question(minScore=asked)
            two["gallery"].append(more)
            client.post("/v1/compare", json=two)
    assert provider.told == [0.85, 0.85, 0.85]


def test_the_operator_may_say_where_it_lands() -> None:
    with front(scored(0.8), acme_api(match_threshold=90)) as client:
        assert client.post("/v1/compare", json=question()).json()["score"] == 90.0


def test_a_threshold_that_the_provider_cannot_be_set_to_is_refused() -> None:
    provider = Remembering()
    with front(provider) as client:
        said = client.post("/v1/compare", json=question(minScore=99.9))
    assert (said.status_code, said.json()["class"]) == (400, "InvalidRequest")
    assert provider.told == []


def test_a_provider_without_scores_gives_its_verdict_and_no_number() -> None:
    with front(Answer(Match(is_match=True))) as client:
        assert client.post("/v1/compare", json=question()).json() == {"same": True, "score": None}


class VerdictOnly(Scripted):
    info = replace(INFO, liveness=None)


@pytest.mark.parametrize("asked", [None, 20, 40])
def test_a_verdict_stands_for_the_vendors_default_and_less(asked: float | None) -> None:
    provider = VerdictOnly(saying(Answer(liveness=Liveness(passed=True, score=0.6))))
    with front(provider) as client:
        said = client.post("/v1/liveness", json=question(minLive=asked))
    assert said.json() == {"live": True, "liveScore": None}


def test_a_verdict_does_not_stand_for_more_unless_the_operator_says_so() -> None:
    provider = VerdictOnly(saying(Answer(liveness=Liveness(passed=True))))
    with front(provider) as client:
        said = client.post("/v1/liveness", json=question(minLive=41))
        assert (said.status_code, said.json()["class"]) == (400, "UnsupportedOption")
    with front(provider, acme_api(liveness_threshold=90)) as client:
        assert client.post("/v1/liveness", json=question(minLive=90)).json()["live"] is True


def test_a_near_miss_that_facegate_would_review_is_no_match() -> None:
    provider = Scripted(saying(scored(0.7)), review_from=0.6)
    with front(provider) as client:
        said = client.post("/v1/compare", json=question()).json()
    assert said == {"same": False, "score": pytest.approx(61.25)}


def test_a_spoof_that_was_noticed_in_passing_is_no_match() -> None:
    noticed = Answer(scored(0.9).match, lively(0.1, passed=False))
    with front(noticed) as client:
        said = client.post("/v1/compare", json=question()).json()
    assert said["same"] is False
    assert said["score"] < 70


def test_a_vendors_own_options_reach_its_own_plugin_alone() -> None:
    # Neither provider has the option: the vendor's own says so, the other never hears of it.
    with front(Scripted(saying(SAME))) as client:
        said = client.post("/v1/compare", json=question(mode="FAST"))
        assert said.json()["class"] == "UnsupportedOption"
    with front(Another(saying(SAME))) as client:
        assert client.post("/v1/compare", json=question(mode="FAST")).status_code == 200


# What an integration will miss


class Scoreful(AcmeApi):
    needs_scores = True


class Scoreless(Engine):
    info = replace(INFO, scores=False, match=None, liveness=None)


class LivenessOnly(Scripted):
    info = replace(INFO, match=None, liveness=None)
    compare = compare_live = None  # type: ignore[assignment]

    def liveness(self, request: LivenessRequest[ProviderSettings]) -> Any:
        return super().liveness(request)


def test_what_an_integration_will_miss_is_known_before() -> None:
    assert Bridge(acme_api()).findings(Route.to(Scripted(saying(SAME)))) == []
    found = Bridge(acme_api()).findings(Route.to(Scoreless(lambda _: SAME)))
    assert found == [
        "main cannot answer compare_live; it is refused",
        "main cannot answer liveness; it is refused",
        "main takes no match threshold; its verdict stands for 70, and a request for more is"
        " refused",
    ]


def test_an_api_of_scores_alone_needs_a_provider_that_gives_them() -> None:
    bridge = Bridge(Scoreful(acme_api().settings))
    assert bridge.findings(Route.to(Scripted(saying(SAME)))) == []
    with pytest.raises(ConfigurationError, match="answers in scores, and main"):
        bridge.findings(Route.to(Scoreless(lambda _: SAME)))


# Faces


class Framing(AcmeApi):
    wants_faces = True

    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        return json_reply(200, {each.image: each.box.model_dump() for each in answer.faces})


BOX = {"left": -0.1, "top": 0.2, "width": 0.5, "height": 0.5}


@pytest.mark.parametrize("boxes", [{}, {"probe": BOX, "gallery[0]": {**BOX, "left": 0.3}}])
def test_faces_are_told_as_the_provider_told_them_and_never_made_up(
    boxes: dict[str, dict[str, float]],
) -> None:
    faces = tuple(Face(image=name, box=Box(**box)) for name, box in boxes.items())
    with front(replace(SAME, faces=faces), Framing(acme_api().settings)) as client:
        assert client.post("/v1/compare", json=question()).json() == boxes


def test_who_does_not_tell_where_faces_are_is_named() -> None:
    bridge = Bridge(Framing(acme_api().settings))
    silent = Scripted(saying(SAME))
    assert bridge.findings(Route.to(silent)) == [
        "main does not tell where the faces are; its replies leave that out"
    ]
    silent.info = replace(silent.info, faces=True)
    assert bridge.findings(Route.to(silent)) == []


# Callers who decide for themselves


class Scores(AcmeApi):
    """Takes a least score of 0 for a wish to decide elsewhere."""

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        asked = super().decode(request)
        assert isinstance(asked, DecodedRequest)
        return replace(asked, judged_by_caller=asked.threshold == 0)


@pytest.mark.parametrize(("score", "said"), [(0.9, 85.0), (0.4, 35.0)])
def test_a_threshold_of_nothing_is_never_handed_on(score: float, said: float) -> None:
    told: list[float | None] = []

    def script(request: CompareRequest) -> Any:
        told.append(request.threshold)
        yield from ()
        return scored(score)

    with front(Scripted(script), Scores(acme_api().settings)) as client:
        reply = client.post("/v1/compare", json=question(minScore=0))
        assert reply.json() == {"same": score > 0.8, "score": pytest.approx(said)}
    assert told == [0.8]
    with front(Scripted(script), acme_api()) as client:  # an API that takes 0 for a threshold
        assert client.post("/v1/compare", json=question(minScore=0)).json()["code"] == "bad_request"
    assert told == [0.8]


@pytest.mark.parametrize("lowest", [0, 60, None])
def test_who_decided_is_told(lowest: float | None) -> None:
    told: list[Any] = []
    api = Scores(acme_api().settings)
    verifier = partial(AsyncFaceVerifier, Scripted(saying(SAME)), observers=[told.append])
    with serving(create_app([api], verifier)) as url:
        said = httpx.post(f"{url}/v1/compare", json=question(minScore=lowest), trust_env=False)
    assert said.json()["same"] is True
    (end,) = (event for event in told if isinstance(event, Finished))
    assert end.judged_by_caller is (lowest == 0)
