"""The client, asked over real sockets: what goes out, and whose fault a reply says it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from both import Ask, ask_sync, both_ways
from drawn import picture
from facegate import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    CaptureRejected,
    FacegateError,
    Image,
    ImageRejected,
    InvalidRequest,
    LicenseInvalid,
    PermissionDenied,
    ProviderUnavailable,
    UnmappedError,
)
from facegate.plugin import Kept
from facegate_regula.provider import Regula, RegulaSettings
from loopback import Act, PendingRequest, Server, reply

PROBE, PASSPORT, LICENCE, BADGE = (picture(seed=seed) for seed in (1, 2, 3, 4))
ONE: dict[str, Any] = {"probe": PROBE, "gallery": [PASSPORT]}
TWO: dict[str, Any] = {"probe": PROBE, "gallery": [PASSPORT, LICENCE]}


def regula(base_url: str = "http://127.0.0.1:9", **more: Any) -> Regula:
    return Regula(RegulaSettings.model_validate({"base_url": base_url, **more}))


def pair(first: int, second: int, similarity: Any = None) -> dict[str, Any]:
    told = {} if similarity is None else {"similarity": similarity}
    return {"firstIndex": first, "secondIndex": second, "score": 0.3, **told}


def matched(*pairs: dict[str, Any], code: Any = 0, faces: str = "11", **status: int) -> Any:
    """A reply; ``faces`` are their numbers by picture, a status is given as ``_1=2``."""
    detections = [
        {
            "imageIndex": n,
            "status": status.get(f"_{n}", 0),
            "faces": [{"faceIndex": each} for each in range(int(number))],
        }
        for n, number in enumerate(faces)
    ]
    return {"code": code, "results": list(pairs), "detections": detections, "metadata": {}}


def failure(body: Any, status: int = 200, **settings: Any) -> FacegateError:
    with Server(reply(status, body)) as server, pytest.raises(FacegateError) as caught:
        ask_sync(regula(server.url, **settings), **ONE)
    return caught.value


def base64(data: bytes) -> str:
    return Image.of(data).base64.decode()


# What goes out


@both_ways
def test_a_gallery_is_asked_about_at_once_and_the_best_counts(ask: Ask) -> None:
    pairs = (pair(1, 2, 0.99), pair(0, 1, 0.12), pair(2, 0, 0.85))
    with Server(reply(200, matched(*pairs, faces="111"))) as server:
        result = ask(regula(f"{server.url}/"), **TWO, threshold=0.8)
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/api/match")
    assert seen.json == {
        "images": [
            {"index": 0, "type": 3, "data": base64(PROBE), "detectAll": True},
            {"index": 1, "type": 5, "data": base64(PASSPORT), "detectAll": True},
            {"index": 2, "type": 5, "data": base64(LICENCE), "detectAll": True},
        ]
    }
    assert result.match is not None
    assert (result.accepted, result.match.score, result.match.threshold) == (True, 0.85, 0.8)
    assert result.match.gallery_scores == (0.12, 0.85)
    assert [each.step for each in result.attempts] == ["compare"]


@pytest.mark.parametrize(
    ("kind", "number"), [("DOCUMENT_PRINTED", 1), ("DOCUMENT_RFID", 2), ("EXTERNAL", 5)]
)
def test_the_service_is_told_what_a_gallery_picture_is_of(kind: str, number: int) -> None:
    with Server(reply(200, matched(pair(0, 1, 0.9)))) as server:
        ask_sync(regula(server.url), **ONE, options={"regula": {"gallery_type": kind}})
    assert [each["type"] for each in server.seen[0].json["images"]] == [3, number]


@pytest.mark.parametrize(("key", "sent"), [(None, None), ("gw-1", "Bearer gw-1")])
def test_a_key_is_sent_where_a_gateway_wants_one(key: str | None, sent: str | None) -> None:
    with Server(reply(200, matched(pair(0, 1, 0.9)))) as server:
        ask_sync(regula(server.url, gateway_key=key), **ONE)
    assert server.seen[0].headers.get("authorization") == sent


def test_a_third_gallery_picture_is_refused_unasked() -> None:
    with pytest.raises(InvalidRequest, match="2") as caught:
        ask_sync(regula(), probe=PROBE, gallery=[PASSPORT, LICENCE, BADGE])
    assert caught.value.image == "gallery[2]"


# Several faces


@pytest.mark.parametrize(
    ("several_faces", "asked", "refused"),
    [
        ("refuse", [True, True], {"21": "probe", "12": "gallery[0]", "32": "probe"}),
        ("vendor_gallery", [True, False], {"21": "probe", "12": None}),
        ("vendor", [False, False], {"21": None, "12": None}),
    ],
)
def test_all_faces_are_looked_for_where_several_are_refused(
    several_faces: str, asked: list[bool], refused: dict[str, str | None]
) -> None:
    for faces, image in refused.items():
        with Server(reply(200, matched(pair(0, 1, 0.9), faces=faces))) as server:
            try:
                result = ask_sync(regula(server.url, several_faces=several_faces), **ONE)
            except CaptureRejected as error:
                told: Any = (error.reason, error.image)
                assert told == (CaptureReason.TOO_MANY_FACES, image)
            else:
                assert image is None
                assert result.accepted
                assert not result.warnings
        assert [each["detectAll"] for each in server.seen[0].json["images"]] == asked


# Whose fault it is


@pytest.mark.parametrize(
    ("body", "image"),
    [
        (matched(_1=2), "gallery[0]"),
        (matched(_0=2), "probe"),
        (matched(_0=2, _1=231), "probe"),
        (matched(_0=2, _1=2), "probe"),
        (matched(pair(0, 1), _1=2), "gallery[0]"),
        (matched(pair(0, 1, 0.99), _1=2), "gallery[0]"),
        (matched(code=2, _1=2), "gallery[0]"),
        (matched(code=2, _0=231, _1=2), "gallery[0]"),
        (matched(code=2), None),
        (matched(code=2, faces="", _1=2), None),
        ({"code": 2}, None),
        ({"code": 2, "results": None, "detections": None}, None),
        ({"code": 2, "detections": [{"imageIndex": 7, "status": 2}]}, None),
    ],
)
@both_ways
def test_a_picture_without_a_face_is_named_where_the_service_names_it(
    ask: Ask, body: Any, image: str | None
) -> None:
    with Server(reply(200, body)) as server, pytest.raises(CaptureRejected) as caught:
        ask(regula(server.url), **ONE)
    assert (caught.value.reason, caught.value.image) == (CaptureReason.FACE_NOT_FOUND, image)
    assert caught.value.vendor_code == "FR_FACE_NOT_DETECTED"
    assert [each.error_code for each in caught.value.attempts] == ["CaptureRejected"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (matched(_1=6), 200, ImageRejected),
        (matched(code=253, _1=2), 200, ProviderUnavailable),
        (matched(code=200), 200, LicenseInvalid),
        (matched(code=251), 200, UnmappedError),
        (matched(_0=999), 200, UnmappedError),
        ({"statusCode": 403, "type": "license", "msg": "Bad license"}, 403, LicenseInvalid),
        (b"<html>who are you?</html>", 403, PermissionDenied),
        (b"", 401, AuthenticationFailed),
        ({"statusCode": 400}, 400, InvalidRequest),
        (b"no JSON", 400, UnmappedError),
    ],
)
def test_an_error_is_told_from_that_of_a_gateway_in_front(
    body: Any, status: int, kind: type[FacegateError]
) -> None:
    assert type(failure(body, status)) is kind


# What is no answer


@pytest.mark.parametrize(
    "body",
    [
        matched(),
        matched(pair(0, 1)),
        matched(pair(0, 0, 0.99)),
        matched(pair(1, 1, 0.99)),
        matched(pair(0, 2, 0.99)),
        matched(pair(0, 1, 0.99), pair(1, 0, 0.2)),
        matched(pair(0, 1, 98.7)),
        matched(pair(0, 1, "0.99")),
        matched(pair(0, 1, similarity=True)),
        matched(pair(0, 1, -0.1)),
        matched(pair(0, 1, 0.99), code="0"),
        matched(pair(0, 1, 0.99), code=None),
        matched(pair(0, 1, 0.99), code=False),
        matched(pair(0, 1, 0.99), faces="1"),
        matched(pair(0, 1, 0.99), faces="111"),
        matched(pair(0, 1, 0.99), faces="10"),
        {**matched(pair(0, 1, 0.99)), "detections": None},
        {**matched(pair(0, 1, 0.99)), "statusCode": 403},
        {"results": [pair(0, 1, 0.99)]},
        [],
        b"",
        b"<html>all is well</html>",
        json.dumps(matched(pair(0, 1, 0.99))).encode()[:-1],
        b'{"code": 2, "code": 0, "results": []}',
    ],
)
def test_a_reply_that_is_not_whole_or_not_on_the_scale_is_a_bad_one(body: Any) -> None:
    assert type(failure(body)) is BadReply


def test_of_a_gallery_each_picture_needs_a_similarity() -> None:
    for pairs in ([pair(0, 1, 0.99)], [pair(0, 1, 0.99), pair(1, 2, 0.99)]):
        with Server(reply(200, matched(*pairs, faces="111"))) as server, pytest.raises(BadReply):
            ask_sync(regula(server.url), **TWO)


# Diagnosis


def service(found: dict[bytes, Any]) -> Act:
    """A service that does not say which picture has no face, and what it finds on each."""

    def act(line: PendingRequest) -> bool:
        if line.request.target == "/api/match":
            return reply(200, {"code": 2})(line)
        assert line.request.target == "/api/detect"
        assert line.request.json["processParam"] == {"scenario": "OldMode"}
        image = line.request.json["image"]
        body = next(body for data, body in found.items() if base64(data) == image)
        return reply(200, body)(line)

    return act


SOUND = {"code": 0, "results": {"detections": [{"roi": [1, 2, 3, 4]}]}}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"code": 0, "results": {"detections": []}}, CaptureReason.FACE_NOT_FOUND),
        ({"code": 2}, CaptureReason.FACE_NOT_FOUND),
        ({"code": 230}, CaptureReason.EYES_CLOSED),
    ],
)
@both_ways
def test_a_diagnosis_asks_about_each_picture_and_is_shown(
    ask: Ask, found: Any, reason: CaptureReason
) -> None:
    act, cost = service({PROBE: SOUND, PASSPORT: found}), {"compare": 2.0, "diagnose": 1.0}
    with Server(act) as server, pytest.raises(CaptureRejected) as caught:
        ask(regula(server.url, diagnose=True, cost=cost), **TWO)
    assert (caught.value.reason, caught.value.image) == (reason, "gallery[0]")
    asked = [(each.step, each.cost) for each in caught.value.attempts]
    assert asked == [("compare", 2.0), ("diagnose", 1.0), ("diagnose", 1.0)]


@pytest.mark.parametrize(
    "found", [SOUND, {"code": 0}, {"code": 0, "results": {}}, {"code": 7}, {"code": 999}, []]
)
def test_a_diagnosis_that_finds_nothing_leaves_it_open(found: Any) -> None:
    with (
        Server(service({PROBE: found, PASSPORT: SOUND})) as server,
        pytest.raises(CaptureRejected) as caught,
    ):
        ask_sync(regula(server.url, diagnose=True), **ONE)
    assert (caught.value.reason, caught.value.image) == (CaptureReason.FACE_NOT_FOUND, None)


def test_who_is_told_which_picture_it_is_asks_for_no_diagnosis() -> None:
    with Server(reply(200, matched(_1=2))) as server, pytest.raises(CaptureRejected):
        ask_sync(regula(server.url, diagnose=True), **ONE)
    assert [each.target for each in server.seen] == ["/api/match"]


# Settings


def test_what_the_service_keeps_is_told_by_its_audit() -> None:
    assert regula().info.handling.keeps is Kept.NOTHING
    assert regula(audit=True).info.handling.keeps is Kept.PICTURE
