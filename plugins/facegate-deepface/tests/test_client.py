"""The client, asked over real sockets: what goes out, in which order, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from both import Ask, ask_sync, both_ways
from drawn import picture
from facegate import (
    BadReply,
    Billed,
    CaptureReason,
    CaptureRejected,
    FacegateError,
    Image,
    InvalidRequest,
    UnmappedError,
    UnsupportedOperation,
    UnsupportedOption,
)
from facegate_deepface.provider import DeepFace, DeepFaceSettings
from loopback import Act, Server, reply

PROBE, PASSPORT, LICENCE = (picture(seed=seed) for seed in (1, 2, 3))
ONE: dict[str, Any] = {"probe": PROBE, "gallery": [PASSPORT]}
DLIB = {"model": "Dlib", "detector": "yunet"}
USING = {"model_name": "Dlib", "detector_backend": "yunet", "enforce_detection": True}
TRACEBACK = (
    "Exception while representing: No. - Traceback (most recent call last):\n"
    '  File "/srv/faces/detection.py", line 161, in extract_faces\n'
)
SPOOF = {"error": f"{TRACEBACK}deepface.modules.exceptions.SpoofDetected: Spoof detected.\n"}


def deepface(base_url: str, **more: Any) -> DeepFace:
    return DeepFace(
        DeepFaceSettings.model_validate(
            {"base_url": base_url, "anti_spoofing": True, **DLIB, **more}
        )
    )


def uri(data: bytes) -> str:
    return f"data:image/png;base64,{Image.of(data).base64.decode()}"


def found(faces: int = 1) -> Act:
    face = {"embedding": [0.5] * 128, "facial_area": {"x": 1, "y": 1, "w": 9, "h": 9}}
    return reply(200, {"results": [face] * faces})


def verified(**other: Any) -> Act:
    told = {"verified": True, "distance": 0.05, "threshold": 0.07}
    using = {"model": "Dlib", "similarity_metric": "cosine", "detector_backend": "yunet"}
    return reply(200, {**told, **using, **other})


def failure(*acts: Act, operation: str = "compare", **settings: Any) -> FacegateError:
    pictures = {"probe": PROBE} if operation == "liveness" else ONE
    with Server(*acts) as server, pytest.raises(FacegateError) as caught:
        ask_sync(deepface(server.url, **settings), operation, **pictures)
    return caught.value


@both_ways
def test_each_picture_is_looked_at_and_then_both_are_compared(ask: Ask) -> None:
    with Server(found(), found(), verified()) as server:
        result = ask(deepface(server.url), **ONE)
    look = {**USING, "anti_spoofing": False, "max_faces": 2}
    assert [(each.target, each.json) for each in server.seen] == [
        ("/represent", {**look, "img": uri(PROBE)}),
        ("/represent", {**look, "img": uri(PASSPORT)}),
        (
            "/verify",
            {**USING, "img1": uri(PROBE), "img2": uri(PASSPORT), "distance_metric": "cosine"},
        ),
    ]
    assert "authorization" not in server.seen[0].headers
    assert result.accepted
    assert (result.engine, result.warnings) == ("deepface/Dlib/cosine/yunet", ())
    assert [(each.step, each.image, each.billed) for each in result.attempts] == [
        ("represent", None, Billed.NO),
        ("represent", "gallery[0]", Billed.NO),
        ("verify", "gallery[0]", Billed.NO),
    ]


def test_the_closest_of_a_gallery_counts() -> None:
    acts = (
        found(),
        found(),
        verified(verified=False, distance=0.31),
        found(),
        verified(distance=0.02),
    )
    with Server(*acts) as server:
        result = ask_sync(deepface(server.url), probe=PROBE, gallery=[PASSPORT, LICENCE])
    assert result.match is not None
    assert (result.accepted, result.match.score) == (True, 0.02)
    assert result.match.gallery_scores == (0.31, 0.02)


@pytest.mark.parametrize(
    ("threshold", "accepted"), [(None, True), (0.05, True), (0.049, False), (0.08, True)]
)
def test_a_distance_up_to_the_threshold_will_do(threshold: float | None, *, accepted: bool) -> None:
    with Server(found(), found(), verified()) as server:
        result = ask_sync(deepface(server.url), **ONE, threshold=threshold)
    assert result.accepted == accepted


@pytest.mark.parametrize("distance", [-0.0, -1e-9])
def test_a_hair_below_zero_is_zero(distance: float) -> None:
    with Server(found(), found(), verified(distance=distance)) as server:
        result = ask_sync(deepface(server.url), **ONE)
    assert result.match is not None
    assert str(result.match.score) == "0.0"


def test_scale_threshold_and_lineage_are_those_of_the_settings() -> None:
    url = "http://127.0.0.1:9"
    dlib = deepface(url, metric="angular").info
    assert dlib.match is not None
    assert (dlib.match.scale.name, dlib.match.scale.high) == ("deepface/Dlib/angular/yunet", 1)
    assert (dlib.match.threshold, dlib.lineage) == (0.12, "deepface/Dlib")
    default = DeepFace(DeepFaceSettings.model_validate({"base_url": url})).info
    assert default.match == DeepFace.info.match


@pytest.mark.parametrize(
    "other", [{"model": "SFace"}, {"similarity_metric": "angular"}, {"detector_backend": "opencv"}]
)
def test_another_model_than_asked_is_no_answer(other: dict[str, str]) -> None:
    assert type(failure(found(), found(), verified(**other))) is BadReply


@pytest.mark.parametrize(
    "odd",
    [
        {"verified": False},
        {"verified": "true"},
        {"verified": 1},
        {"distance": "0.01"},
        {"distance": None},
        {"distance": 2.1},
        {"distance": -0.1},
        {"threshold": None},
        {"threshold": 0.04},
        {"model": None},
        {"error": "Exception while verifying"},
        {"exception": "'img2' not found"},
    ],
    ids=str,
)
def test_an_odd_answer_is_no_answer(odd: dict[str, Any]) -> None:
    assert type(failure(found(), found(), verified(**odd))) is BadReply


@pytest.mark.parametrize(
    "body",
    [{}, {"results": []}, {"results": [{}]}, {"results": None}, b"<html>", b'{"results": ['],
)
def test_a_picture_without_a_face_is_not_live(body: Any) -> None:
    assert type(failure(reply(200, body), operation="liveness")) is BadReply


def test_a_threshold_that_moved_is_warned_of() -> None:
    with Server(
        found(), found(), verified(verified=False, distance=0.06, threshold=0.05)
    ) as server:
        result = ask_sync(deepface(server.url), **ONE)
    assert result.accepted
    (warning,) = result.warnings
    assert "threshold" in warning


# Several faces


@pytest.mark.parametrize(
    ("faces", "image"), [((2,), "probe"), ((1, 2), "gallery[0]")], ids=["probe", "gallery"]
)
def test_several_faces_are_refused_before_anything_is_compared(
    faces: tuple[int, ...], image: str
) -> None:
    error = failure(*map(found, faces), reply(500))
    assert isinstance(error, CaptureRejected)
    assert (error.reason, error.image) == (CaptureReason.TOO_MANY_FACES, image)


@pytest.mark.parametrize(
    ("several_faces", "paths"),
    [("vendor_gallery", ["/represent", "/verify"]), ("vendor", ["/verify"])],
)
def test_what_is_left_to_the_server_is_not_looked_at(several_faces: str, paths: list[str]) -> None:
    acts = [found() if path == "/represent" else verified() for path in paths]
    with Server(*acts) as server:
        result = ask_sync(deepface(server.url, several_faces=several_faces), **ONE)
    assert [each.target for each in server.seen] == paths
    assert (result.accepted, result.warnings) == (True, ())


def test_every_face_has_to_be_live_where_any_may_match() -> None:
    with Server(found(3)) as server:
        provider = deepface(server.url, several_faces="vendor")
        assert ask_sync(provider, "liveness", probe=PROBE).accepted
    assert server.seen[0].json == {**USING, "img": uri(PROBE), "anti_spoofing": True}


# Liveness


@both_ways
def test_the_probe_alone_has_to_be_live(ask: Ask) -> None:
    with Server(found(), found(), verified()) as server:
        result = ask(deepface(server.url), "compare_live", **ONE)
    assert [each.json.get("anti_spoofing") for each in server.seen] == [True, False, None]
    assert result.accepted
    assert result.liveness is not None
    assert (result.liveness.passed, result.liveness.score) == (True, None)


@pytest.mark.parametrize("several_faces", ["refuse", "vendor"])
@pytest.mark.parametrize("operation", ["liveness", "compare_live"])
def test_a_spoof_is_not_compared(operation: str, several_faces: str) -> None:
    pictures = {"probe": PROBE} if operation == "liveness" else ONE
    with Server(reply(400, SPOOF), reply(500)) as server:
        provider = deepface(server.url, several_faces=several_faces)
        result = ask_sync(provider, operation, **pictures)
    assert [each.target for each in server.seen] == ["/represent"]
    assert (result.accepted, result.match) == (False, None)
    assert result.liveness is not None
    assert (result.liveness.passed, result.liveness.reason) == (False, "SpoofDetected")


@pytest.mark.parametrize("status", [403, 404, 500, 502])
def test_the_words_of_a_spoof_count_with_the_documented_status_alone(status: int) -> None:
    assert not isinstance(failure(reply(status, SPOOF), operation="liveness"), CaptureRejected)


def test_no_liveness_threshold_can_be_set() -> None:
    with pytest.raises(UnsupportedOption):
        ask_sync(deepface("http://127.0.0.1:9"), "liveness", probe=PROBE, liveness_threshold=0.5)


# Errors


def test_nothing_of_a_traceback_is_shown() -> None:
    error = failure(reply(400, {"error": f"{TRACEBACK}ValueError: data:image/png;base64,iVBOR\n"}))
    assert type(error) is UnmappedError
    shown = f"{error!r} {error} {error.as_dict()} {vars(error)}"
    assert not [each for each in ("srv", "Traceback", "data:", "ValueError") if each in shown]


def test_of_several_exceptions_the_first_counts() -> None:
    names = ("FaceNotDetected", "DataTypeError", "SpoofDetected")
    lines = "".join(f"deepface.modules.exceptions.{name}: No.\n" for name in names)
    error = failure(reply(400, {"error": TRACEBACK + lines}))
    assert isinstance(error, CaptureRejected)
    assert (error.reason, error.image) == (CaptureReason.FACE_NOT_FOUND, "probe")


# Settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"detector": "skip"},
        {"detector": "yolov8s"},
        {"metric": "euclidean_l2"},
        {"model": "Dlib\n"},
        {"model": "Nobody"},
        {"token": "two words"},
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_by_name(wrong: dict[str, str]) -> None:
    (name,) = wrong
    with pytest.raises(ValidationError, match=name):
        deepface("http://127.0.0.1:9", **wrong)


@pytest.mark.parametrize("detector", ["opencv", "centerface", "yolov8m", "yolov11s", "yolov12l"])
def test_every_detector_is_taken(detector: str) -> None:
    assert deepface("http://127.0.0.1:9", detector=detector).settings.detector == detector


@pytest.mark.parametrize("operation", ["liveness", "compare_live"])
def test_liveness_is_offered_by_a_server_that_was_seen_to_refuse_a_spoof(operation: str) -> None:
    pictures = {"probe": PROBE} if operation == "liveness" else ONE
    provider = deepface("http://127.0.0.1:9", anti_spoofing=False)
    with pytest.raises(UnsupportedOperation):
        ask_sync(provider, operation, **pictures)


@pytest.mark.parametrize("threshold", [0.9, 0.5])
def test_a_similarity_in_the_place_of_a_distance_is_refused(threshold: float) -> None:
    with pytest.raises(InvalidRequest, match="allow_loose_threshold"):
        ask_sync(deepface("http://127.0.0.1:9"), **ONE, threshold=threshold)


def test_a_no_at_the_threshold_was_rounded_and_stays_one() -> None:
    for said in (True, False):
        with Server(found(), found(), verified(verified=said, distance=0.07)) as server:
            assert ask_sync(deepface(server.url), **ONE).accepted is said


def test_a_face_that_is_not_real_is_no_living_one() -> None:
    face = {"facial_area": {"x": 1, "y": 1, "w": 9, "h": 9}, "is_real": False}
    error = failure(reply(200, {"results": [face]}), operation="liveness")
    assert type(error) is BadReply
