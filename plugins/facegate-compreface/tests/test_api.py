"""The API, asked over HTTP as CompreFace's SDKs do: who is let in, and what is answered."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image as Pillow

from both import ask_sync
from drawn import picture
from facegate import (
    AsyncFaceVerifier,
    Box,
    CaptureReason,
    CaptureRejected,
    Face,
    Image,
    ImageFormat,
    Liveness,
    Match,
    RateLimited,
)
from facegate.gateway import create_app, serving
from facegate.plugin import Answer, CompatibleApiSettings, DecodedRequest, HttpRequest
from facegate.testing import FakeProvider, match, no_match
from facegate_compreface.compat import CompreFaceApi
from facegate_compreface.provider import CompreFace, CompreFaceSettings

KEY = "5f3c8a10-62d4-4b7e-9c1f-0a8d7e6b5c43"
OTHER_KEY = "00000000-0000-4000-8000-000000000000"
VERIFY = "/api/v1/verification/verify"
SELFIE, PASSPORT = (picture(seed=seed) for seed in (1, 2))
PAIR = {
    "source_image": Image.of(SELFIE).base64.decode(),
    "target_image": Image.of(PASSPORT).base64.decode(),
}
FILES = {"source_image": ("image.jpg", SELFIE), "target_image": ("image.jpg", PASSPORT)}


@pytest.fixture(scope="module")
def engine() -> FakeProvider:
    """Its scores end at 1; 0.7 is the same person for it."""
    return FakeProvider()


@pytest.fixture(scope="module")
def url(engine: FakeProvider) -> Iterator[str]:
    api = CompreFaceApi(CompatibleApiSettings(), [KEY, "a-key-of-another-vendor"])
    with serving(create_app([api], lambda: AsyncFaceVerifier(engine))) as url:
        yield url


def sent(url: str, query: str = "", key: str | None = KEY, **body: Any) -> tuple[int, Any]:
    headers = {} if key is None else {"x-api-key": key}
    with httpx.Client(trust_env=False) as client:
        reply = client.post(f"{url}{VERIFY}{query}", headers=headers, **(body or {"json": PAIR}))
    return reply.status_code, reply.json()


def similarity(url: str, query: str = "", **body: Any) -> float:
    status, told = sent(url, query, **body)
    assert status == 200
    (compared,) = told["result"]
    (face,) = compared["face_matches"]
    assert "age" not in face
    return float(face["similarity"])


def refusal(url: str, query: str = "", key: str | None = KEY, **body: Any) -> tuple[int, int]:
    status, told = sent(url, query, key, **body)
    assert set(told) == {"message", "code"}
    assert told["message"]
    return status, told["code"]


# Who is let in


@pytest.mark.parametrize("key", [KEY, "a-key-of-another-vendor"])
def test_who_holds_a_key_is_let_in(url: str, key: str) -> None:
    assert sent(url, key=key)[0] == 200


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (None, (400, 20)),
        ("", (400, 20)),
        ("nonsense", (400, 26)),
        (f"{KEY}x", (400, 26)),
        (OTHER_KEY, (404, 10)),
    ],
)
def test_who_does_not_is_told_why_as_the_vendor_does(
    url: str, key: str | None, told: tuple[int, int]
) -> None:
    assert refusal(url, key=key) == told


def test_a_wrong_key_is_not_repeated(url: str) -> None:
    assert OTHER_KEY not in str(sent(url, key=OTHER_KEY))


# What is asked


@pytest.mark.parametrize("body", [{"json": PAIR}, {"files": FILES}], ids=["JSON", "parts"])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "?&det_prob_threshold=0.8&limit=0&status=True",  # as compreface-sdk writes it
        "?limit=1&face_plugins=age,gender&status=false&new=1",
        "?limit=&det_prob_threshold=",
    ],
)
def test_both_kinds_of_body_ask_the_same(
    engine: FakeProvider, url: str, query: str, body: dict[str, Any]
) -> None:
    engine.will(match(0.85), no_match(0.35))
    assert similarity(url, query, **body) == pytest.approx(0.75)
    assert similarity(url, query, **body) == pytest.approx(0.25)
    asked: Any = engine.asked[-1]
    assert asked.probe.data == SELFIE
    assert [each.data for each in asked.gallery] == [PASSPORT]


def test_the_caller_is_the_one_who_decides() -> None:
    request = HttpRequest(
        "POST",
        f"http://gateway{VERIFY}?det_prob_threshold=0.9",
        {"content-type": "application/json"},
        (httpx.Request("POST", "http://gateway", json=PAIR).content,),
    )
    asked = CompreFaceApi(CompatibleApiSettings()).decode(request)
    assert isinstance(asked, DecodedRequest)
    assert (asked.judged_by_caller, asked.threshold) == (True, None)
    assert asked.options == {"det_prob_threshold": 0.9}


@pytest.mark.parametrize("query", ["?limit=-1", "?limit=x", "?det_prob_threshold=2", "?status=5"])
def test_a_query_that_makes_no_sense_is_refused_with_the_reason(url: str, query: str) -> None:
    status, told = sent(url, query)
    assert (status, told["code"]) == (400, 26)
    assert told["message"].startswith(query[1:].partition("=")[0])


def parts(*names: str, content: bytes = SELFIE) -> list[tuple[str, Any]]:
    return [(name, ("image.jpg", content)) for name in names]


def test_a_part_that_is_missing_is_named(url: str) -> None:
    for there, missing in (("source_image", "target_image"), ("target_image", "source_image")):
        told = sent(url, files=parts(there))[1]
        assert told == {"message": f"Required part {missing} is missing", "code": 34}


HEAVY = SELFIE + bytes(5 * 2**20)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"json": {}}, (400, 26)),
        ({"json": [PAIR]}, (400, 26)),
        ({"json": {**PAIR, "target_image": None}}, (400, 26)),
        ({"json": {**PAIR, "target_image": ""}}, (400, 21)),
        ({"json": {**PAIR, "target_image": "?"}}, (400, 21)),
        (
            {"json": {**PAIR, "target_image": f"data:image/png;base64,{PAIR['target_image']}"}},
            (400, 21),
        ),
        ({"json": {**PAIR, "target_image": Image.of(HEAVY).base64.decode()}}, (400, 0)),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, (400, 26)),
        ({"content": SELFIE, "headers": {"content-type": "image/png"}}, (400, 26)),
        ({"data": {"source_image": "a", "target_image": "b"}}, (400, 21)),
        ({"files": parts("file", "target_image")}, (400, 34)),
        ({"files": parts("source_image", "source_image", "target_image")}, (400, 26)),
        ({"files": parts("source_image", "target_image", content=b"GIF89a")}, (400, 21)),
        (
            {"files": parts("source_image", "target_image", content=picture(ImageFormat.HEIC))},
            (400, 21),
        ),
        ({"files": parts("source_image", "target_image", content=HEAVY)}, (400, 0)),
    ],
)
def test_what_the_vendor_would_refuse_is_refused(
    url: str, body: dict[str, Any], told: tuple[int, int]
) -> None:
    headers = {"x-api-key": KEY, **body.pop("headers", {})}
    with httpx.Client(trust_env=False) as client:
        reply = client.post(f"{url}{VERIFY}", headers=headers, **body)
    assert (reply.status_code, reply.json()["code"]) == told


def test_there_is_nothing_else(url: str) -> None:
    with httpx.Client(trust_env=False, headers={"x-api-key": KEY}) as client:
        for reply in (
            client.get(f"{url}{VERIFY}"),
            client.post(f"{url}/api/v1/recognition/recognize", files=FILES),
        ):
            assert (reply.status_code, reply.json()["code"]) == (404, 0)


# What is answered


def test_the_calculator_is_facegate_where_its_name_is_asked_for(url: str) -> None:
    assert sent(url, "?status=true")[1]["result"][0]["plugins_versions"] == {
        "calculator": "facegate"
    }
    assert "plugins_versions" not in sent(url)[1]["result"][0]


def test_the_operator_hears_that_callers_have_a_number_of_their_own() -> None:
    (note,) = CompreFaceApi(CompatibleApiSettings()).notes()
    assert "match_threshold" in note
    assert CompreFaceApi(CompatibleApiSettings(match_threshold=0.95)).notes() == ()


def test_a_client_of_ours_reads_it(url: str) -> None:
    given = {"base_url": url, "api_key": KEY, "engine": "facegate", "threshold": 0.5}
    provider = CompreFace(CompreFaceSettings.model_validate(given))
    assert ask_sync(provider, probe=SELFIE, gallery=[PASSPORT]).accepted


EDGES = ("x_min", "y_min", "x_max", "y_max")


def sideways() -> bytes:
    """A picture stored with 64 x 48 pixels, and seen with 48 x 64."""
    exif, buffer = Pillow.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Pillow.open(io.BytesIO(PASSPORT)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def test_boxes_are_pixels_of_what_is_seen(engine: FakeProvider, url: str) -> None:
    box = Box(left=0.25, top=0.5, width=0.5, height=0.25)
    faces = (
        Face(image="probe", box=box, confidence=0.987654),
        Face(image="gallery[0]", box=box),
    )
    same = Match(is_match=True, score=0.9, threshold=0.7)
    engine.will(Answer(match=same, faces=faces))
    files = {**FILES, "target_image": ("image.jpg", sideways())}
    (compared,) = sent(url, files=files)[1]["result"]
    assert compared["source_image_face"]["box"] == {
        "probability": 0.98765,
        **dict(zip(EDGES, (16, 24, 48, 36), strict=True)),
    }
    turned = dict(zip(EDGES, (12, 32, 36, 48), strict=True))
    assert compared["face_matches"][0]["box"] == turned


def test_where_nobody_knows_the_place_there_is_no_box(engine: FakeProvider, url: str) -> None:
    (compared,) = sent(url)[1]["result"]
    assert compared["source_image_face"] == {}
    assert list(compared["face_matches"][0]) == ["similarity"]


def test_a_similarity_is_not_told_of_a_spoof(engine: FakeProvider, url: str) -> None:
    same = Match(is_match=True, score=0.9, threshold=0.7)
    engine.will(Answer(match=same, liveness=Liveness(passed=False)))
    assert refusal(url) == (400, 28)


def test_a_similarity_that_nobody_gave_is_not_made_up(engine: FakeProvider, url: str) -> None:
    engine.will(Answer(match=Match(is_match=True)))
    assert refusal(url) == (500, 41)


@pytest.mark.parametrize("reason", CaptureReason)
@pytest.mark.parametrize("image", ["probe", "gallery[0]", None])
def test_a_face_too_many_has_a_code_on_the_source_alone(
    engine: FakeProvider, url: str, reason: CaptureReason, image: str | None
) -> None:
    engine.will(CaptureRejected("m", reason=reason, image=image))
    crowded = reason is CaptureReason.TOO_MANY_FACES and image == "probe"
    assert refusal(url) == (400, 31 if crowded else 28)


def test_a_rate_limit_is_an_outage_to_the_caller(engine: FakeProvider, url: str) -> None:
    engine.will(RateLimited("m", retry_after=7))
    assert refusal(url) == (500, 41)
