"""The API, asked over HTTP as the vendor's clients do: who is let in, and what is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from drawn import picture
from facegate import (
    AsyncFaceVerifier,
    CaptureReason,
    CaptureRejected,
    Image,
    LicenseInvalid,
    Liveness,
    Match,
    Operation,
    RateLimited,
)
from facegate.gateway import Sandbox, create_app, serving
from facegate.plugin import Answer, CompatibleApiSettings, DecodedRequest, HttpRequest
from facegate.testing import FakeProvider, match, no_match
from facegate_regula.compat import RegulaApi

KEY = "gw-5e0c41f2a7"
SELFIE, PASSPORT, CHIP = (Image.of(picture(seed=seed)) for seed in (1, 2, 3))


def of(image: Image, **more: Any) -> dict[str, Any]:
    return {"data": image.base64.decode(), "type": 3, **more}


PAIR = [of(SELFIE, index=0), of(PASSPORT, index=1)]


@pytest.fixture(scope="module")
def engine() -> FakeProvider:
    """Its scores end at 1; 0.7 is the same person for it."""
    return FakeProvider()


@pytest.fixture(scope="module")
def url(engine: FakeProvider) -> Iterator[str]:
    api = RegulaApi(CompatibleApiSettings())
    with serving(create_app([api], lambda: AsyncFaceVerifier(engine))) as url:
        yield url


def sent(url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    body = {"images": PAIR} if body is None else body
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with httpx.Client(trust_env=False) as client:
        reply = client.post(f"{url}/api/match", content=content, headers=headers)
    return reply.status_code, reply.json()


def decoded(*images: dict[str, Any]) -> DecodedRequest:
    body = json.dumps({"images": images}).encode()
    asked = RegulaApi(CompatibleApiSettings()).decode(
        HttpRequest("POST", "http://gateway/api/match", {}, (body,))
    )
    assert isinstance(asked, DecodedRequest)
    return asked


def encoded(asked: DecodedRequest, *scores: float | None) -> Any:
    best = Match(is_match=True, score=0.9, threshold=0.75, gallery_scores=scores)
    return json.loads(RegulaApi(CompatibleApiSettings()).encode(asked, Answer(match=best)).body)


# Who is let in


def test_the_vendor_has_no_keys_and_without_any_everybody_is_let_in(url: str) -> None:
    assert sent(url)[0] == 200
    assert sent(url, authorization="Bearer whatever")[0] == 200


def test_where_there_are_keys_one_is_a_bearer_token(engine: FakeProvider) -> None:
    api = RegulaApi(CompatibleApiSettings(), [KEY])
    with serving(create_app([api], lambda: AsyncFaceVerifier(engine))) as url:
        assert sent(url, authorization=f"Bearer {KEY}")[0] == 200
        assert sent(url, authorization=f"bearer {KEY}")[0] == 200
        for wrong in ("", KEY, f"Basic {KEY}", f"Bearer {KEY}x"):
            status, body = sent(url, authorization=wrong)
            assert (status, body["statusCode"]) == (401, 401)
            assert body["msg"]


# What is asked


def test_the_first_live_picture_is_the_probe() -> None:
    document, chip = of(PASSPORT, type=1), of(CHIP, type=2)
    for images in (
        [of(SELFIE), document, chip],
        [document, of(SELFIE), chip],
        [document, chip, of(SELFIE)],
    ):
        asked = decoded(*images)
        assert isinstance(asked.probe, Image)
        assert asked.probe.digest == SELFIE.digest
        digests = [each.digest for each in asked.gallery if isinstance(each, Image)]
        assert digests == [PASSPORT.digest, CHIP.digest]
        assert (asked.operation, asked.threshold) == (Operation.COMPARE, None)
        assert asked.judged_by_caller


@pytest.mark.parametrize("images", [[of(SELFIE, type=5), of(PASSPORT, type=1)], PAIR])
def test_where_none_or_all_are_live_the_first_one_is_the_probe(
    images: list[dict[str, Any]],
) -> None:
    asked = decoded(*images)
    assert isinstance(asked.probe, Image)
    assert asked.probe.digest == SELFIE.digest


def test_a_picture_without_a_type_is_a_live_one() -> None:
    asked = decoded(of(PASSPORT, type=1), {"data": SELFIE.base64.decode()})
    assert isinstance(asked.probe, Image)
    assert asked.probe.digest == SELFIE.digest


@pytest.mark.parametrize(
    ("types", "options"),
    [
        ([1, 1], {"gallery_type": "DOCUMENT_PRINTED"}),
        ([2], {"gallery_type": "DOCUMENT_RFID"}),
        ([5], {"gallery_type": "EXTERNAL"}),
        ([1, 2], {}),
        ([3], {}),
        ([7], {}),
    ],
)
def test_the_type_of_a_gallery_is_told_on_where_it_is_one(
    types: list[int], options: dict[str, str]
) -> None:
    assert decoded(of(SELFIE), *(of(PASSPORT, type=each) for each in types)).options == options


# What is answered


def test_a_pair_has_a_similarity_and_no_score(engine: FakeProvider, url: str) -> None:
    engine.will(match(0.85), no_match(0.35))
    status, body = sent(url)
    assert status == 200
    similarity = body["results"][0].pop("similarity")
    assert similarity == pytest.approx(0.875)
    assert body == {
        "code": 0,
        "results": [
            {
                "firstIndex": 0,
                "firstFaceIndex": 0,
                "first": 3,
                "secondIndex": 1,
                "secondFaceIndex": 0,
                "second": 3,
            }
        ],
        "detections": [
            {"imageIndex": 0, "status": 0, "faces": [{"faceIndex": 0}]},
            {"imageIndex": 1, "status": 0, "faces": [{"faceIndex": 0}]},
        ],
    }
    assert sent(url)[1]["results"][0]["similarity"] == pytest.approx(0.375)


def test_every_gallery_picture_has_a_pair_with_the_probe() -> None:
    asked = decoded(
        of(PASSPORT, index=12, type=1), of(SELFIE, index=11), of(CHIP, index=10, type=2)
    )
    body = encoded(asked, 0.3, 0.9)
    pairs = [
        (each["firstIndex"], each["first"], each["secondIndex"], each["second"], each["similarity"])
        for each in body["results"]
    ]
    assert pairs == [(11, 3, 12, 1, 0.3), (11, 3, 10, 2, 0.9)]
    assert [each["imageIndex"] for each in body["detections"]] == [10, 11, 12]


def test_an_index_that_is_not_given_is_the_position() -> None:
    body = encoded(decoded(of(PASSPORT, type=1), of(SELFIE)), 0.9)
    assert [(each["firstIndex"], each["secondIndex"]) for each in body["results"]] == [(1, 0)]


@pytest.mark.parametrize("scores", [(), (0.9,), (0.9, None), (0.9, 0.3, 0.1)])
def test_a_similarity_that_nobody_gave_is_not_made_up(scores: tuple[float | None, ...]) -> None:
    body = encoded(decoded(of(SELFIE), of(PASSPORT), of(CHIP)), *scores)
    assert body == {"code": 202, "results": [], "detections": []}


def test_a_verdict_is_no_similarity(engine: FakeProvider, url: str) -> None:
    engine.will(Answer(match=Match(is_match=True)))
    assert sent(url) == (200, {"code": 202, "results": [], "detections": []})


def test_a_similarity_is_not_told_of_a_spoof(engine: FakeProvider, url: str) -> None:
    spoof = Liveness(passed=False)
    engine.will(Answer(match=Match(is_match=True, score=0.9, threshold=0.7), liveness=spoof))
    assert sent(url) == (200, {"code": 254, "results": [], "detections": []})


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (CaptureReason.FACE_NOT_FOUND, 2),
        (CaptureReason.FACE_ANGLE_TOO_LARGE, 232),
        (CaptureReason.EYES_CLOSED, 230),
        (CaptureReason.FACE_IS_OCCLUDED, 240),
        (CaptureReason.QUALITY_TOO_LOW, 231),
        (CaptureReason.TOO_MANY_FACES, 231),
        (CaptureReason.NOT_STATED, 231),
    ],
)
def test_an_unfit_picture_is_a_code_in_a_200(
    engine: FakeProvider, url: str, reason: CaptureReason, code: int
) -> None:
    engine.will(CaptureRejected("m", reason=reason, image="probe"))
    assert sent(url) == (200, {"code": code, "results": [], "detections": []})


def test_what_is_wrong_behind_it_is_a_500_and_never_the_callers_licence(
    engine: FakeProvider, url: str
) -> None:
    for error in (LicenseInvalid("m"), RateLimited("m", retry_after=7)):
        engine.will(error)
        status, body = sent(url)
        assert (status, body["statusCode"], sorted(body)) == (
            *(500, 500),
            ["metadata", "msg", "statusCode", "type"],
        )


@pytest.mark.parametrize(
    ("images", "code"),
    [
        ([], 224),
        (PAIR[:1], 224),
        ([of(SELFIE), {"type": 1}], 6),
        ([of(SELFIE), {"type": 1, "data": ""}], 6),
        ([of(SELFIE), {"type": 1, "data": "?"}], 6),
        ([of(SELFIE), of(SELFIE, data=f"data:image/png;base64,{PAIR[1]['data']}")], 6),
        ([of(SELFIE), {"type": 3, "livenessTransactionId": "2d6b7b4e"}], 202),
        ([of(SELFIE), of(PASSPORT, livenessTransactionId="2d6b7b4e")], 202),
    ],
)
def test_what_the_vendor_has_a_code_for_is_refused_with_it(
    url: str, images: list[dict[str, Any]], code: int
) -> None:
    assert sent(url, {"images": images}) == (
        200,
        {"code": code, "results": [], "detections": []},
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"images": ',
        {},
        {"images": PAIR[0]},
        {"images": [of(SELFIE, index=1), of(PASSPORT, index=1)]},
        {"images": [of(SELFIE, index=1), of(PASSPORT)]},
        {"images": [of(SELFIE, index=-1), of(PASSPORT)]},
        {"images": [of(SELFIE, type=0), of(PASSPORT)]},
        {"images": [of(SELFIE, type=8), of(PASSPORT)]},
        {"images": [of(SELFIE, type="LIVE"), of(PASSPORT)]},
        {"images": [of(SELFIE, data=5), of(PASSPORT)]},
    ],
)
def test_what_is_no_such_request_is_a_400(url: str, body: Any) -> None:
    status, told = sent(url, body)
    assert (status, told["statusCode"]) == (400, 400)
    assert told["msg"]


def test_the_sandbox_gives_every_picture_of_a_gallery_a_similarity(engine: FakeProvider) -> None:
    api = RegulaApi(CompatibleApiSettings())
    app = create_app([api], lambda: AsyncFaceVerifier(engine), sandbox=Sandbox())
    body = {"images": [*PAIR, of(CHIP, index=2)]}
    with serving(app) as url:
        status, told = sent(url, body, **{"X-Facegate-Sandbox": "outcome=match"})
    assert (status, told["code"]) == (200, 0)
    assert [each["similarity"] >= 0.75 for each in told["results"]] == [True, True]
