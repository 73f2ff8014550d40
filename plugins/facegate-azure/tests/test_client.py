"""The client, asked over real sockets: the calls of a question, and what odd replies mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from pydantic import ValidationError

import facegate
from both import Ask, ask_sync, both_ways
from drawn import picture
from facegate import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    CaptureRejected,
    FacegateError,
    FaceVerifier,
    ImageRejected,
    ProviderUnavailable,
    UnmappedError,
    UnsupportedPicture,
)
from facegate.plugin import FacePolicy, Kept, SeveralFaces
from facegate.testing import noise
from facegate_azure.provider import AzureFace, AzureFaceSettings
from loopback import Act, PendingRequest, Seen, Server, reply

PROBE, PASSPORT, LICENCE = (picture(seed=seed, size=(200, 200)) for seed in (1, 2, 3))
ONE: dict[str, Any] = {"probe": PROBE, "gallery": [PASSPORT]}
NAMES = {PROBE: "probe", PASSPORT: "gallery[0]", LICENCE: "gallery[1]"}
COSTS = {"detect": 0.001, "verify": 0.002}


def azure_face(base_url: str, **more: Any) -> AzureFace:
    return AzureFace(
        AzureFaceSettings.model_validate({"base_url": base_url, "api_key": "7d1f0c2e", **more})
    )


def id_of(image: bytes) -> str:
    return str(uuid5(NAMESPACE_URL, image.hex()))


def face(image: bytes = PROBE, quality: str = "high", **changes: Any) -> dict[str, Any]:
    return {
        "faceId": id_of(image),
        "recognitionModel": "recognition_04",
        "faceRectangle": {"top": 40, "left": 40, "width": 120, "height": 120},
        "faceAttributes": {"qualityForRecognition": quality},
        **changes,
    }


def verified(confidence: float) -> Act:
    return reply(200, {"isIdentical": confidence >= 0.5, "confidence": confidence})


def refused(status: int, code: str, message: str = "m") -> Act:
    return reply(status, {"error": {"code": code, "message": message}})


def vendor(detected: Mapping[bytes, Act] | None = None, verify: Act | None = None) -> Act:
    """Azure: each picture has a face with an id of its own, if nothing else is said."""

    def act(line: PendingRequest) -> bool:
        if line.request.target.endswith("/verify"):
            return (verify or verified(0.9))(line)
        image = line.request.body
        return ((detected or {}).get(image) or reply(200, [face(image)]))(line)

    return act


def asked(seen: Seen) -> str:
    return NAMES.get(seen.body, "verify")


def failure(act: Act, **settings: Any) -> FacegateError:
    with Server(act) as server, pytest.raises(FacegateError) as caught:
        ask_sync(azure_face(server.url, **settings), **ONE)
    return caught.value


@both_ways
def test_a_gallery_of_two_takes_five_calls_and_each_is_shown_and_priced(ask: Ask) -> None:
    def verify(line: PendingRequest) -> bool:
        pair = line.request.json
        assert pair["faceId1"] == id_of(PROBE)
        return verified(0.95 if pair["faceId2"] == id_of(LICENCE) else 0.12)(line)

    with Server(vendor(verify=verify)) as server:
        provider = azure_face(server.url, cost=COSTS, parallel=1)
        result = ask(provider, probe=PROBE, gallery=[PASSPORT, LICENCE])
    assert [*map(asked, server.seen)] == ["probe", "gallery[0]", "verify", "gallery[1]", "verify"]
    assert result.match is not None
    assert (result.accepted, result.match.gallery_scores) == (True, (0.12, 0.95))
    assert result.engine == "recognition_04"
    assert [(each.image, each.step, each.cost) for each in result.attempts] == [
        (None, "detect", 0.001),
        ("gallery[0]", "detect", 0.001),
        ("gallery[0]", "verify", 0.002),
        ("gallery[1]", "detect", 0.001),
        ("gallery[1]", "verify", 0.002),
    ]


def test_questions_at_once_keep_their_faces_apart() -> None:
    people = [picture(seed=seed, size=(200, 200)) for seed in range(10, 18)]
    scores = {id_of(each): number / 10 for number, each in enumerate(people)}

    def verify(line: PendingRequest) -> bool:
        return verified(scores[line.request.json["faceId1"]])(line)

    with (
        Server(vendor(verify=verify)) as server,
        FaceVerifier(azure_face(server.url)) as verifier,
        ThreadPoolExecutor(len(people)) as threads,
    ):
        results = [*threads.map(lambda probe: verifier.compare(probe, [PASSPORT]), people)]
    found = [each.match.score for each in results if each.match is not None]
    assert found == [*scores.values()]


# Faces


@pytest.mark.parametrize(
    ("whose", "calls"), [(PROBE, ["probe"]), (PASSPORT, ["probe", "gallery[0]"])]
)
def test_a_picture_without_a_face_ends_the_question(whose: bytes, calls: list[str]) -> None:
    with Server(vendor({whose: reply(200, [])})) as server, pytest.raises(CaptureRejected) as no:
        ask_sync(azure_face(server.url), **ONE)
    assert (no.value.reason, no.value.image) == (CaptureReason.FACE_NOT_FOUND, NAMES[whose])
    assert [*map(asked, server.seen)] == calls
    assert [each.step for each in no.value.attempts] == ["detect"] * len(calls)


LARGEST, REFUSES = FacePolicy.LARGEST, FacePolicy.REFUSES


@pytest.mark.parametrize("whose", [PROBE, PASSPORT])
@pytest.mark.parametrize(
    ("setting", "probe", "gallery"),
    [
        ("refuse", REFUSES, REFUSES),
        ("vendor_gallery", REFUSES, LARGEST),
        ("vendor", LARGEST, LARGEST),
    ],
)
def test_of_several_faces_the_first_counts_or_they_are_refused(
    whose: bytes, setting: str, probe: FacePolicy, gallery: FacePolicy
) -> None:
    crowd = reply(200, [face(whose), face(b"somebody in the background")])
    with Server(vendor({whose: crowd})) as server:
        provider = azure_face(server.url, several_faces=setting)
        assert provider.info.several_faces == SeveralFaces(probe, gallery)
        if (probe if whose is PROBE else gallery) is LARGEST:
            ask_sync(provider, **ONE)
            assert server.seen[-1].json == {"faceId1": id_of(PROBE), "faceId2": id_of(PASSPORT)}
            return
        with pytest.raises(CaptureRejected) as many:
            ask_sync(provider, **ONE)
    assert (many.value.reason, many.value.image) == (CaptureReason.TOO_MANY_FACES, NAMES[whose])


@pytest.mark.parametrize("whose", [PROBE, PASSPORT])
@pytest.mark.parametrize(("quality", "least"), [("low", "medium"), ("medium", "high")])
def test_a_face_of_too_low_a_quality_is_refused(whose: bytes, quality: str, least: str) -> None:
    error = failure(vendor({whose: reply(200, [face(whose, quality)])}), min_quality=least)
    assert isinstance(error, CaptureRejected)
    assert (error.reason, error.image) == (CaptureReason.QUALITY_TOO_LOW, NAMES[whose])


@pytest.mark.parametrize(
    ("quality", "settings"),
    [("medium", {}), ("low", {"min_quality": "low"}), ("high", {"min_quality": "high"})],
)
def test_a_face_of_the_least_quality_is_compared(quality: str, settings: dict[str, str]) -> None:
    with Server(vendor({PROBE: reply(200, [face(PROBE, quality)])})) as server:
        assert ask_sync(azure_face(server.url, **settings), **ONE).accepted


# Replies that are none


ODD = {
    "HTML": b"<html>all is well</html>",
    "nothing": b"",
    "null": None,
    "an object": {},
    "an error": {"error": {"code": "BadArgument", "message": "m"}},
    "a text": ["a face"],
    "no id": [{**face(), "faceId": None}],
    "an id that is none": [face(faceId="../../verify")],
    "another model": [face(recognitionModel="recognition_01")],
    "no model": [{each: face()[each] for each in ("faceId", "faceAttributes")}],
    "no quality": [face(faceAttributes={})],
    "another quality": [face(quality="superb")],
    "cut off": json.dumps([face()]).encode()[:-1],
    "an id twice": b'[{"faceId": "", ' + json.dumps(face()).encode()[1:] + b"]",
}


@pytest.mark.parametrize("whose", [PROBE, PASSPORT])
@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_what_is_no_detection(whose: bytes, body: Any) -> None:
    assert type(failure(vendor({whose: reply(200, body)}))) is BadReply


def test_one_id_for_both_pictures_would_compare_a_face_with_itself() -> None:
    cached = reply(200, [face(PROBE)])
    with Server(vendor({PASSPORT: cached})) as server, pytest.raises(BadReply):
        ask_sync(azure_face(server.url), **ONE)
    assert [*map(asked, server.seen)] == ["probe", "gallery[0]"]


@pytest.mark.parametrize(
    "body",
    [
        [],
        None,
        {"isIdentical": True},
        {"confidence": 0.9},
        {"isIdentical": True, "confidence": "0.9"},
        {"isIdentical": "true", "confidence": 0.9},
        {"isIdentical": 1, "confidence": 0.9},
        {"isIdentical": True, "confidence": None},
        {"isIdentical": True, "confidence": 1.8},
        {"isIdentical": False, "confidence": -0.1},
        {"isIdentical": True, "confidence": 0.4999},
        {"isIdentical": False, "confidence": 0.9},
        {"isIdentical": False, "confidence": 0.5},
        {"isIdentical": True, "confidence": 0.9, "error": {"code": "FaceNotFound"}},
        b'{"isIdentical": true, "confidence": 0.1, "confidence": 0.9}',
        b'{"isIdentical": true, "confidence": 0.9',
        b"<html>all is well</html>",
    ],
    ids=str,
)
def test_what_is_no_verification(body: Any) -> None:
    assert type(failure(vendor(verify=reply(200, body)))) is BadReply


def test_what_azure_adds_later_is_ignored() -> None:
    more = {"isIdentical": True, "confidence": 0.9, "verdicts": [1, 2]}
    found = reply(200, [face(faceLandmarks={"pupilLeft": {"x": 1.5, "y": 2}}, glare=0.1)])
    with Server(vendor({PROBE: found}, reply(200, more))) as server:
        assert ask_sync(azure_face(server.url), **ONE).accepted


# Errors


DECODING = "Decoding error, image format unsupported."


@pytest.mark.parametrize("whose", [PROBE, PASSPORT])
@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("InvalidImage", DECODING, ImageRejected),
        ("InvalidImage", f"Not a {DECODING}", CaptureRejected),
        ("InvalidImageSize", "Image size is too big.", ImageRejected),
    ],
)
def test_a_picture_that_azure_refuses_is_named(
    whose: bytes, code: str, message: str, kind: type[FacegateError]
) -> None:
    error = failure(vendor({whose: refused(400, code, message)}))
    assert type(error) is kind
    assert error.image == NAMES[whose]


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (reply(401, {"error": "access denied"}), AuthenticationFailed),
        (reply(401, {"error": None}), AuthenticationFailed),
        (reply(401, [1]), AuthenticationFailed),
        (reply(401, b"<html>"), AuthenticationFailed),
        (reply(404, {"statusCode": 404, "message": "Resource not found"}), UnmappedError),
        (reply(400, {"error": {"code": {"code": "BadArgument"}}}), UnmappedError),
        (reply(400, {"error": {"message": DECODING}}), UnmappedError),
        (reply(400, {"error": {"code": "InvalidImage", "message": None}}), CaptureRejected),
        (reply(503, b"<html>"), ProviderUnavailable),
    ],
)
def test_an_error_of_another_shape_is_read_by_its_status(
    act: Act, kind: type[FacegateError]
) -> None:
    assert type(failure(act)) is kind


def test_where_an_id_is_gone_the_question_is_asked_anew_if_paying_twice_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = iter([refused(404, "FaceNotFound"), verified(0.9)])

    def verify(line: PendingRequest) -> bool:
        return next(acts)(line)

    with Server(vendor(verify=verify)) as server:
        file = tmp_path / "facegate.toml"
        file.write_text(
            f'[providers.main]\nplugin = "azure_face"\nbase_url = "{server.url}"\n'
            '[routes.kyc]\nfailover = ["main"]\nretry = { attempts = 2, retry_unknown = true }\n'
        )
        monkeypatch.setenv("FACEGATE_PROVIDERS__MAIN__API_KEY", "7d1f0c2e")
        with facegate.open(file, route="kyc") as verifier:
            result = verifier.compare(**ONE)
    assert result.accepted
    assert [*map(asked, server.seen)] == ["probe", "gallery[0]", "verify"] * 2
    assert len(result.attempts) == 6


# Settings


@pytest.mark.parametrize(("deadline_s", "kept_s"), [(5, 60), (60, 60), (90.5, 91), (1e9, 86_400)])
def test_features_are_kept_for_a_minute_or_as_long_as_a_question_may_take(
    deadline_s: float, kept_s: int
) -> None:
    with Server(vendor()) as server:
        provider = azure_face(server.url, deadline_s=deadline_s)
        ask_sync(provider, **ONE)
    assert server.seen[0].target.endswith(f"&faceIdTimeToLive={kept_s}")
    handling = provider.info.handling
    assert (handling.keeps, handling.keeps_for_s) == (Kept.TEMPLATE, kept_s)


def test_the_region_is_told_as_it_is_set() -> None:
    provider = azure_face("http://127.0.0.1:9", region="WestEurope")
    assert provider.info.handling.region == "westeurope"


def test_a_picture_that_is_too_heavy_is_not_sent() -> None:
    with pytest.raises(UnsupportedPicture, match="the most is 6291456") as caught:
        ask_sync(azure_face("http://127.0.0.1:9"), probe=PROBE, gallery=[noise(padding=6 * 2**20)])
    assert caught.value.image == "gallery[0]"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"base_url": ""}, "base_url"),
        ({"base_url": "http://my-resource.cognitiveservices.azure.com"}, "not encrypted"),
        ({"api_key": "7d1f 0c2e"}, "api_key"),
        ({"min_quality": "superb"}, "min_quality"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, str], why: str) -> None:
    usual = {"base_url": "https://my-resource.cognitiveservices.azure.com", "api_key": "7d1f0c2e"}
    with pytest.raises(ValidationError, match=why):
        AzureFaceSettings.model_validate({**usual, **given})
