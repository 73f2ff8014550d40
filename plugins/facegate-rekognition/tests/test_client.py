"""The client, asked over real sockets: what goes out, and what the ambiguous replies mean."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from PIL import Image as Pillow
from pydantic import ValidationError

from both import Ask, ask_sync, both_ways
from drawn import picture
from facegate import (
    BadReply,
    CaptureReason,
    CaptureRejected,
    FacegateError,
    Image,
    ImageRejected,
    InvalidRequest,
    UnsupportedPicture,
)
from facegate.plugin import Kept
from facegate_rekognition.provider import Rekognition, RekognitionSettings
from loopback import Act, PendingRequest, Server, reply

KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "s3cr3t"}
PROBE, PASSPORT, LICENCE = (picture(seed=seed, size=(400, 400)) for seed in (1, 2, 3))
ONE: dict[str, Any] = {"probe": PROBE, "gallery": [PASSPORT]}
UNUSABLE = reply(400, {"__type": "InvalidParameterException", "Message": "m"})


def rekognition(base_url: str, **more: Any) -> Rekognition:
    given = {"region": "eu-west-1", "base_url": base_url, **KEYS, **more}
    return Rekognition(RekognitionSettings.model_validate(given))


def compared(*similarities: float, unmatched: int = 0) -> Act:
    matches = [{"Similarity": each, "Face": {}} for each in similarities]
    return reply(200, {"FaceMatches": matches, "UnmatchedFaces": [{}] * unmatched})


def detected(*faces: dict[str, Any]) -> Act:
    face: dict[str, Any] = {
        "BoundingBox": {"Width": 0.5, "Height": 0.5, "Left": 0.2, "Top": 0.2},
        "Pose": {"Roll": 0.0, "Yaw": 3.0, "Pitch": 5.0},
        "FaceOccluded": {"Value": False, "Confidence": 99.0},
    }
    return reply(200, {"FaceDetails": [{**face, **each} for each in faces]})


def failure(act: Act, **settings: Any) -> FacegateError:
    with Server(act) as server, pytest.raises(FacegateError) as caught:
        ask_sync(rekognition(server.url, **settings), **ONE)
    return caught.value


@both_ways
def test_the_probe_is_the_source_and_the_threshold_stays_here(ask: Ask) -> None:
    with Server(compared(91.5)) as server:
        result = ask(rekognition(server.url), **ONE, threshold=99)
    (seen,) = server.seen
    assert seen.json == {
        "SourceImage": {"Bytes": Image.of(PROBE).base64.decode()},
        "TargetImage": {"Bytes": Image.of(PASSPORT).base64.decode()},
        "SimilarityThreshold": 0.0,
        "QualityFilter": "NONE",
    }
    assert (seen.headers["x-amz-target"], seen.target) == ("RekognitionService.CompareFaces", "/")
    assert result.match is not None
    assert (result.accepted, result.match.score, result.match.threshold) == (False, 91.5, 99)


@both_ways
def test_a_gallery_is_asked_about_one_by_one_and_the_best_counts(ask: Ask) -> None:
    def act(line: PendingRequest) -> bool:
        licence = Image.of(LICENCE).base64 in line.request.body
        return compared(95.0 if licence else 12.0)(line)

    with Server(act) as server:
        result = ask(rekognition(server.url), probe=PROBE, gallery=[PASSPORT, LICENCE])
    assert result.match is not None
    assert (result.accepted, result.match.gallery_scores) == (True, (12.0, 95.0))
    assert [(each.image, each.step) for each in result.attempts] == [
        ("gallery[0]", "compare"),
        ("gallery[1]", "compare"),
    ]


def test_a_share_in_the_place_of_a_percentage_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"0\.99 of 1 is 99"):
        ask_sync(rekognition("http://127.0.0.1:9"), **ONE, threshold=0.99)


def test_several_faces_on_a_document_are_refused_or_the_most_similar_counts() -> None:
    crowd = compared(97.0, 31.0, unmatched=99)
    error = failure(crowd)
    assert isinstance(error, CaptureRejected)
    assert (error.reason, error.image) == (CaptureReason.TOO_MANY_FACES, "gallery[0]")
    with Server(crowd) as server:
        result = ask_sync(rekognition(server.url, several_faces="vendor"), **ONE)
    assert result.match is not None
    assert result.match.score == 97.0


@pytest.mark.parametrize(
    "act",
    [
        compared(),
        compared(unmatched=1),
        reply(200, {}),
        reply(200, {"FaceMatches": [{"Similarity": "97"}], "UnmatchedFaces": []}),
        reply(200, {"FaceMatches": [{"Similarity": 250}], "UnmatchedFaces": []}),
        reply(200, b"<html>all is well</html>"),
        reply(200, b'{"FaceMatches": [{"Similarity": 97.3'),
    ],
    ids=["nothing", "no similarity", "empty", "text", "beyond 100", "HTML", "cut off"],
)
def test_what_is_no_answer(act: Act) -> None:
    assert isinstance(failure(act), BadReply)


def test_an_unusable_picture_is_one_of_both_and_aws_does_not_say_which() -> None:
    error = failure(UNUSABLE)
    assert isinstance(error, CaptureRejected)
    assert (error.reason, error.image) == (CaptureReason.NOT_STATED, None)


SMALL = {"BoundingBox": {"Width": 0.1, "Height": 0.1, "Left": 0.2, "Top": 0.2}}
AWAY = {"Pose": {"Roll": 0.0, "Yaw": 60.0, "Pitch": 5.0}}
MASKED = {"FaceOccluded": {"Value": True, "Confidence": 99.0}}


@pytest.mark.parametrize(
    ("faces", "reason"),
    [
        ((), CaptureReason.FACE_NOT_FOUND),
        ((SMALL,), CaptureReason.FACE_TOO_SMALL),
        ((SMALL, AWAY), CaptureReason.FACE_ANGLE_TOO_LARGE),
        ((MASKED,), CaptureReason.FACE_IS_OCCLUDED),
    ],
)
@both_ways
def test_a_diagnosis_asks_about_each_picture_and_is_shown(
    ask: Ask, faces: tuple[dict[str, Any], ...], reason: CaptureReason
) -> None:
    def act(line: PendingRequest) -> bool:
        if line.request.headers["x-amz-target"].endswith("CompareFaces"):
            return UNUSABLE(line)
        probe = Image.of(PROBE).base64 in line.request.body
        return (detected({}) if probe else detected(*faces))(line)

    costs = {"compare": 0.001, "diagnose": 0.002}
    with Server(act) as server, pytest.raises(CaptureRejected) as caught:
        ask(rekognition(server.url, diagnose=True, cost=costs), **ONE)
    assert (caught.value.reason, caught.value.image) == (reason, "gallery[0]")
    asked = [(each.step, each.cost) for each in caught.value.attempts]
    assert asked == [("compare", 0.001), ("diagnose", 0.002), ("diagnose", 0.002)]


@pytest.mark.parametrize("second", [reply(503, b""), detected({}), reply(200, {})])
def test_a_diagnosis_that_finds_nothing_leaves_it_open(second: Act) -> None:
    def act(line: PendingRequest) -> bool:
        compares = line.request.headers["x-amz-target"].endswith("CompareFaces")
        return (UNUSABLE if compares else second)(line)

    error = failure(act, diagnose=True)
    assert isinstance(error, CaptureRejected)
    assert (error.reason, error.image) == (CaptureReason.NOT_STATED, None)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("RequestExpired", "check the clock here"),
        ("InvalidSignatureException", "check secret_access_key and region"),
        ("InvalidParameterException", "diagnose = true"),
    ],
)
def test_what_to_look_at_is_said(code: str, hint: str) -> None:
    error = failure(reply(400, {"__type": code, "Message": "m"}))
    assert f"{code}: " in error.message
    assert hint in error.message


def test_a_validation_error_of_a_picture_is_the_pictures() -> None:
    text = "1 validation error detected: Value at '{}' failed to satisfy constraint"
    of_bytes = {"__type": "ValidationException", "message": text.format("image.bytes")}
    of_filter = {"__type": "ValidationException", "message": text.format("qualityFilter")}
    assert isinstance(failure(reply(400, of_bytes)), ImageRejected)
    assert isinstance(failure(reply(400, of_filter)), InvalidRequest)


def heavy() -> bytes:
    """A picture of noise, which nothing makes smaller."""
    buffer, size = io.BytesIO(), (1500, 1300)
    noise = random.Random(0).randbytes(size[0] * size[1] * 3)
    Pillow.frombytes("RGB", size, noise).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (picture(size=(79, 400)), "shorter side"),
        (heavy(), "the most is 5242880"),
    ],
)
def test_a_picture_that_aws_would_refuse_is_not_sent(sent: bytes, why: str) -> None:
    with pytest.raises(UnsupportedPicture, match=why):
        ask_sync(rekognition("http://127.0.0.1:9"), probe=sent, gallery=[PASSPORT])


# Settings


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Rekognition.info.environment:
        monkeypatch.delenv(name, raising=False)


def settings(**given: Any) -> RekognitionSettings:
    return RekognitionSettings.model_validate(given)


def test_region_and_credentials_may_come_from_awss_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "tok")
    found = settings()
    assert found.base_url == "https://rekognition.eu-central-1.amazonaws.com"
    assert found.access_key_id.get_secret_value() == "ASIAEXAMPLE"
    assert found.session_token is not None


def test_credentials_are_taken_from_one_place_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of another key")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another key")
    assert settings(region="eu-west-1", **KEYS).session_token is None
    with pytest.raises(ValidationError, match="secret_access_key"):
        settings(region="eu-west-1", access_key_id="AKIDEXAMPLE")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "give region"),
        ({"region": "eu-west-9"}, "eu-west-9"),
        ({"region": ["eu-west-1"], **KEYS}, "give region"),
        ({"region": "s3cr3t/of+mine", **KEYS}, "give region, such as eu-west-1"),
        ({"region": "eu-west-1"}, "access_key_id"),
        (
            {"region": "eu-west-1", "base_url": "https://rekognition.us-east-1.amazonaws.com"},
            "region is eu-west-1",
        ),
        ({"region": "eu-west-1", **KEYS, "access_key_id": "s3/cr+3t"}, "secret_access_key"),
        ({"region": "eu-west-1", **KEYS, "secret_access_key": "s3 cr3t"}, "secret_access_key"),
        ({"region": "eu-west-1", **KEYS, "base_url": "http://aws.example"}, "not encrypted"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(**given)


def test_another_region_has_its_own_address() -> None:
    url = "https://rekognition.cn-north-1.amazonaws.com.cn"
    assert settings(region="cn-north-1", base_url=url, **KEYS).base_url == url


def test_what_aws_keeps_is_told_by_whether_you_opted_out() -> None:
    default = rekognition("http://127.0.0.1:9").info.handling
    opted_out = rekognition("http://127.0.0.1:9", opted_out=True).info.handling
    assert (default.keeps, default.trains, default.region) == (Kept.PICTURE, True, "eu-west-1")
    assert (opted_out.keeps, opted_out.trains) == (Kept.NOTHING, False)
