"""The client, asked over real sockets: what goes out, and what comes of several faces."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from both import Ask, ask_sync, both_ways
from drawn import picture
from facegate import (
    AuthenticationFailed,
    BadReply,
    Billed,
    CaptureReason,
    CaptureRejected,
    FacegateError,
    Image,
    InvalidRequest,
    UnsupportedPicture,
)
from facegate.plugin import FacePolicy
from facegate.testing import noise
from facegate_compreface.provider import CompreFace, CompreFaceSettings
from loopback import Act, PendingRequest, Server, reply

KEY = "5f3c8a10-62d4-4b7e-9c1f-0a8d7e6b5c43"
NOWHERE = "http://127.0.0.1:9"
GIVEN: dict[str, Any] = {
    "base_url": NOWHERE,
    "api_key": KEY,
    "engine": "facenet.Calculator",
    "threshold": 0.9,
}
PROBE, PASSPORT, LICENCE = (picture(seed=seed) for seed in (1, 2, 3))
ONE: dict[str, Any] = {"probe": PROBE, "gallery": [PASSPORT]}


def settings(**changes: Any) -> CompreFaceSettings:
    given = {name: value for name, value in {**GIVEN, **changes}.items() if value is not None}
    return CompreFaceSettings.model_validate(given)


def compreface(base_url: str, **changes: Any) -> CompreFace:
    return CompreFace(settings(base_url=base_url, **changes), "main")


def verified(*similarities: Any, calculator: Any = GIVEN["engine"], **more: Any) -> Act:
    matches = [{"similarity": each} for each in similarities]
    compared = {"face_matches": matches, "plugins_versions": {"calculator": calculator}}
    return reply(200, {"result": [compared], **more})


def failure(act: Act, **changes: Any) -> FacegateError:
    with Server(act) as server, pytest.raises(FacegateError) as caught:
        ask_sync(compreface(server.url, **changes), **ONE)
    return caught.value


@both_ways
def test_the_probe_is_the_source_and_the_threshold_stays_here(ask: Ask) -> None:
    with Server(verified(0.93)) as server:
        result = ask(compreface(f"{server.url}/below/"), **ONE, threshold=0.95)
    (seen,) = server.seen
    assert seen.target == "/below/api/v1/verification/verify?limit=0&status=true"
    assert seen.headers["x-api-key"] == KEY
    assert seen.json == {
        "source_image": Image.of(PROBE).base64.decode(),
        "target_image": Image.of(PASSPORT).base64.decode(),
    }
    assert result.match is not None
    assert (result.accepted, result.match.score, result.match.threshold) == (False, 0.93, 0.95)
    assert result.engine == "facenet.Calculator"


@both_ways
def test_a_gallery_is_asked_about_one_by_one_and_the_best_counts(ask: Ask) -> None:
    def act(line: PendingRequest) -> bool:
        licence = Image.of(LICENCE).base64 in line.request.body
        return verified(0.95 if licence else 0.12)(line)

    with Server(act) as server:
        result = ask(compreface(server.url), probe=PROBE, gallery=[PASSPORT, LICENCE])
    assert result.match is not None
    assert (result.accepted, result.match.gallery_scores) == (True, (0.12, 0.95))
    assert [(each.image, each.billed) for each in result.attempts] == [
        ("gallery[0]", Billed.NO),
        ("gallery[1]", Billed.NO),
    ]


def test_how_sure_the_detector_has_to_be_can_be_said_for_one_request() -> None:
    with Server(verified(0.95)) as server:
        provider = compreface(server.url, det_prob_threshold=0.8)
        ask_sync(provider, **ONE)
        ask_sync(provider, **ONE, options={"compreface": {"det_prob_threshold": 0.99}})
        with pytest.raises(InvalidRequest, match="det_prob_threshold"):
            ask_sync(provider, **ONE, options={"compreface": {"det_prob_threshold": 1.5}})
    told = [each.target.partition("?")[2] for each in server.seen]
    assert told == [f"limit=0&det_prob_threshold={sure}&status=true" for sure in (0.8, 0.99)]


# Several faces


@pytest.mark.parametrize("similarities", [(0.31, 0.97), (0.97, 0.31), (0.97, 0.97)])
def test_several_faces_on_a_document_are_refused(similarities: tuple[float, ...]) -> None:
    error = failure(verified(*similarities))
    assert isinstance(error, CaptureRejected)
    assert (error.reason, error.image) == (CaptureReason.TOO_MANY_FACES, "gallery[0]")


@pytest.mark.parametrize("choice", ["vendor_gallery", "vendor"])
@pytest.mark.parametrize("similarities", [(0.31, 0.97), (0.97, 0.31)])
def test_or_the_most_similar_counts_wherever_it_stands(
    similarities: tuple[float, ...], choice: str
) -> None:
    with Server(verified(*similarities)) as server:
        result = ask_sync(compreface(server.url, several_faces=choice), **ONE)
    assert result.match is not None
    assert (result.match.score, result.warnings) == (0.97, ())


def test_it_says_which_of_several_faces_counts() -> None:
    for choice, gallery in (("refuse", FacePolicy.REFUSES), ("vendor", FacePolicy.ANY)):
        policies = compreface(NOWHERE, several_faces=choice).info.several_faces
        assert (policies.probe, policies.gallery) == (FacePolicy.REFUSES, gallery)


# Engines


@pytest.mark.parametrize("other", ["facenet.Other", "FACENET.CALCULATOR", "", None, 5])
def test_an_answer_by_another_engine_is_none(other: Any) -> None:
    error = failure(verified(0.99, calculator=other))
    assert isinstance(error, BadReply)


def test_each_engine_has_a_scale_of_its_own() -> None:
    one, other = compreface(NOWHERE), compreface(NOWHERE, engine="insightface.Calculator")
    assert one.info.match is not None
    assert other.info.match is not None
    assert one.info.match.scale != other.info.match.scale
    assert one.info.lineage != other.info.lineage


# Replies


@pytest.mark.parametrize(
    "act",
    [
        verified(),
        verified("0.97"),
        verified(None),
        verified(*[True]),
        verified(1.01),
        verified(-0.01),
        verified(0.97, None),
        verified(0.97, code=28),
        verified(0.97, code=28, message="No face is found in the given image"),
        verified(0.97, result=[]),
        verified(0.97, result=None),
        reply(200, {}),
        reply(200, {"result": [{"face_matches": [{"similarity": 0.97}]}]}),
        reply(200, {"result": {"face_matches": [{"similarity": 0.97}]}}),
        reply(200, {"message": "No face is found in the given image", "code": 28}),
        reply(200, b"<html>all is well</html>"),
        reply(200, b'{"result": [{"face_matches": [{"similarity": 0.97'),
        reply(200, b'{"result": [{"face_matches": [{"similarity": NaN}]}]}'),
    ],
)
def test_what_is_no_answer(act: Act) -> None:
    assert type(failure(act)) is BadReply


def test_two_results_are_none() -> None:
    compared = {
        "face_matches": [{"similarity": 0.97}],
        "plugins_versions": {"calculator": GIVEN["engine"]},
    }
    assert type(failure(reply(200, {"result": [compared, compared]}))) is BadReply


def test_what_is_new_in_a_reply_is_ignored() -> None:
    with Server(verified(0.97, new={"code": 28}, message=None)) as server:
        assert ask_sync(compreface(server.url), **ONE).accepted


def test_a_rejection_does_not_say_which_picture_unless_the_vendor_does() -> None:
    unsaid = failure(reply(400, {"message": "No face is found in the given image", "code": 28}))
    said = failure(reply(400, {"message": "More than one face in the source image", "code": 31}))
    assert isinstance(unsaid, CaptureRejected)
    assert (unsaid.reason, unsaid.image) == (CaptureReason.NOT_STATED, None)
    assert isinstance(said, CaptureRejected)
    assert (said.reason, said.image) == (CaptureReason.TOO_MANY_FACES, "probe")


def test_the_key_that_an_error_repeats_is_not_shown() -> None:
    text = f"Verification service with API Key {KEY} not found"
    for code in (10, KEY, [KEY]):
        error = failure(reply(404, {"message": text, "code": code}))
        assert KEY not in f"{error!r} {error} {error.as_dict()} {vars(error)}"
    assert isinstance(failure(reply(404, {"message": text, "code": 10})), AuthenticationFailed)


# Settings


@pytest.mark.parametrize("name", ["base_url", "api_key", "engine", "threshold"])
def test_nothing_is_guessed(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        settings(**{name: None})


@pytest.mark.parametrize(
    "given",
    [
        {"threshold": "fmr:1e-4"},
        {"threshold": True},
        {"threshold": 0},
        {"threshold": 90},
        {"engine": ""},
        {"engine": "facenet Calculator"},
        {"engine": "a" * 65},
        {"det_prob_threshold": 1.1},
        {"base_url": "http://faces.example:8000"},
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(given))):
        settings(**given)


def test_a_picture_that_is_too_heavy_is_not_sent() -> None:
    heavy = noise(1, padding=5 * 2**20)
    with pytest.raises(UnsupportedPicture, match="the most is 5242880"):
        ask_sync(compreface(NOWHERE), probe=heavy, gallery=[PASSPORT])
