"""The client, asked over real sockets: what goes out, and what each reply means."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image as Pillow
from pydantic import ValidationError

from both import Ask, ask_sync, both_ways
from drawn import picture
from facegate import (
    BadReply,
    FacegateError,
    Image,
    ImageFormat,
    ProviderUnavailable,
    UnmappedError,
    UnsupportedPicture,
)
from facegate.plugin import HttpRequest, Kept
from facegate_tencent.provider import Tencent, TencentSettings
from loopback import Act, PendingRequest, Server, reply

KEYS = {"secret_id": "AKIDid", "secret_key": "secretkey"}
PROBE, PASSPORT, LICENCE = (picture(seed=seed, size=(90, 120)) for seed in (1, 2, 3))
ONE: dict[str, Any] = {"probe": PROBE, "gallery": [PASSPORT]}
BOTH: dict[str, Any] = {"operation": "compare_live", **ONE}
ID = "3c140219-cfe9-470e-b241-907877d6fb03"


def settings(**given: Any) -> TencentSettings:
    return TencentSettings.model_validate({"region": "ap-guangzhou", **KEYS, **given})


def tencent(base_url: str = "http://127.0.0.1:9", **given: Any) -> Tencent:
    return Tencent(settings(base_url=base_url, **given))


def scored(score: Any, model: str = "3.0", request_id: str = ID) -> dict[str, Any]:
    said = {"Score": score, "FaceModelVersion": model, "RequestId": request_id}
    return {"Response": said}


def error(code: Any) -> dict[str, Any]:
    return {"Response": {"Error": {"Code": code, "Message": "m"}, "RequestId": ID}}


def by_action(live: Act, alike: Act) -> Act:
    """One reply to a liveness check, another to a comparison."""

    def act(line: PendingRequest) -> bool:
        compares = line.request.headers["x-tc-action"] == "CompareFace"
        return (alike if compares else live)(line)

    return act


def base64(data: bytes) -> str:
    return Image.of(data).base64.decode()


def failure(act: Act, **asked: Any) -> FacegateError:
    with Server(act) as server, pytest.raises(FacegateError) as caught:
        ask_sync(tencent(server.url), **(asked or ONE))
    return caught.value


# What goes out


@pytest.mark.parametrize(
    ("host", "signature"),
    [
        (  # as the SDK signed it
            "http://127.0.0.1:40877",
            "4ccf7ee6ba5c1e10919b73626b8e2446183472fa4701150c92c0c82b22904748",
        ),
        (  # by the steps of the reference
            "https://iai.tencentcloudapi.com",
            "d7a687a851b50e848974f13b8dd0951fc7ff330a2eeabfd81001604229648485",
        ),
    ],
)
def test_it_signs_as_the_vendor_does(host: str, signature: str) -> None:
    provider = tencent()
    provider.clock = lambda: datetime.fromtimestamp(1767323045, UTC)
    body = (b'{"ImageA": "YQ==", ', b'"ImageB": "Yg=="}')
    asked = HttpRequest("POST", f"{host}/", {"Content-Type": "application/json"}, body)
    assert provider.signed(asked).headers == {
        "content-type": "application/json",
        "host": host.partition("//")[2],
        "x-tc-timestamp": "1767323045",
        "authorization": "TC3-HMAC-SHA256 Credential=AKIDid/2026-01-02/iai/tc3_request,"
        f" SignedHeaders=content-type;host, Signature={signature}",
    }


@both_ways
def test_a_comparison_always_names_the_model_and_the_face_that_counts(ask: Ask) -> None:
    with Server(reply(200, scored(72.5))) as server:
        result = ask(tencent(server.url, quality_control=2), **ONE)
    (seen,) = server.seen
    assert seen.json == {
        "ImageA": base64(PROBE),
        "ImageB": base64(PASSPORT),
        "FaceModelVersion": "3.0",
        "QualityControl": 2,
        "FaceMatchingStrategy": 1,
    }
    assert (seen.headers["x-tc-action"], seen.target) == ("CompareFace", "/")
    assert (result.accepted, result.engine, result.vendor_reference) == (True, "3.0", ID)
    assert [each.partition("refused: ")[2] for each in result.warnings] == [
        "the largest counts"
    ] * 2


@both_ways
def test_a_gallery_is_asked_about_one_by_one_and_the_best_counts(ask: Ask) -> None:
    def act(line: PendingRequest) -> bool:
        licence = line.request.json["ImageB"] == base64(LICENCE)
        return reply(200, scored(95.0, request_id="best") if licence else scored(12.0))(line)

    with Server(act) as server:
        result = ask(tencent(server.url), probe=PROBE, gallery=[LICENCE, PASSPORT])
    assert result.match is not None
    assert (result.accepted, result.match.gallery_scores) == (True, (95.0, 12.0))
    assert result.vendor_reference == "best"
    assert [(each.image, each.step) for each in result.attempts] == [
        ("gallery[0]", "compare"),
        ("gallery[1]", "compare"),
    ]


@both_ways
def test_a_question_of_both_is_two_steps_each_with_its_cost(ask: Ask) -> None:
    act = by_action(reply(200, scored(96.5)), reply(200, scored(72.5, request_id="compared")))
    with Server(act) as server:
        costs = {"liveness": 0.002, "compare": 0.001}
        result = ask(tencent(server.url, cost=costs), **BOTH)
    assert (result.accepted, result.vendor_reference) == (True, "compared")
    assert [(each.step, each.cost) for each in result.attempts] == [
        ("liveness", 0.002),
        ("compare", 0.001),
    ]
    assert server.seen[0].json == {"Image": base64(PROBE), "FaceModelVersion": "3.0"}


@both_ways
def test_a_spoof_is_an_answer_and_is_not_compared(ask: Ask) -> None:
    with Server(reply(200, scored(3.2))) as server:
        result = ask(tencent(server.url), **BOTH)
    assert result.liveness is not None
    assert (result.accepted, result.liveness.passed, result.match) == (False, False, None)
    assert [each.step for each in result.attempts] == ["liveness"]
    assert len(server.seen) == 1


def test_a_comparison_that_fails_after_liveness_shows_both_steps() -> None:
    act = by_action(reply(200, scored(96.5)), reply(200, error("InternalError")))
    caught = failure(act, **BOTH)
    assert type(caught) is ProviderUnavailable
    assert [(each.step, each.error_code) for each in caught.attempts] == [
        ("liveness", None),
        ("compare", "ProviderUnavailable"),
    ]


# The scale of a model


@both_ways
@pytest.mark.parametrize(("model", "decision"), [("2.0", "reject"), ("3.0", "accept")])
def test_the_model_that_is_set_is_asked_for_and_decides_the_scale(
    ask: Ask, model: str, decision: str
) -> None:
    act = by_action(reply(200, scored(96.5)), reply(200, scored(72.5, model)))
    with Server(act) as server:
        result = ask(tencent(server.url, model_version=model), **BOTH)
    assert [seen.json["FaceModelVersion"] for seen in server.seen] == ["3.0", model]
    assert result.match is not None
    assert result.match.scale is not None
    assert (result.decision, result.engine) == (decision, model)
    assert result.match.scale.name == f"tencent/{model}"


@pytest.mark.parametrize(
    ("model", "rate", "threshold"),
    [
        ("2.0", "fmr:1e-3", 70),
        ("2.0", "fmr:1e-4", 80),
        ("2.0", "fmr:1e-5", 90),
        ("3.0", "fmr:1e-3", 40),
        ("3.0", "fmr:1e-4", 50),
        ("3.0", "fmr:1e-5", 60),
    ],
)
def test_a_rate_is_the_threshold_that_the_vendor_states_for_the_model(
    model: str, rate: str, threshold: float
) -> None:
    with Server(reply(200, scored(threshold, model))) as server:
        result = ask_sync(tencent(server.url, model_version=model), **ONE, threshold=rate)
    assert result.match is not None
    assert (result.match.threshold, result.accepted) == (threshold, False)


def test_who_states_the_rates_is_told() -> None:
    for model in ("2.0", "3.0"):
        spec = tencent(model_version=model).info.match
        assert spec is not None
        assert spec.rates is not None
        assert spec.rates.by == "Tencent"


# What comes back


@pytest.mark.parametrize(
    "body",
    [
        b"<html>all is well</html>",
        b'{"Response": {"Score": 97.3, "FaceModelVersion": "3.0"',
        scored("97.3"),
        scored(None),
        b'{"Response": {"Score": true, "FaceModelVersion": "3.0", "RequestId": "a"}}',
        scored(100.1),
        scored(-1),
        scored(97.3, "2.0"),
        scored(97.3, "3.0.1"),
        {"Response": {"Score": 97.3, "RequestId": ID}},
        {"Response": {"Score": 97.3, "FaceModelVersion": "3.0"}},
        {"Response": [scored(97.3)["Response"]]},
        {"Response": None},
        scored(97.3)["Response"],
        {"Response": {**scored(97.3)["Response"], "Error": "InternalError"}},
        {"Response": {**scored(97.3)["Response"], "Error": {}}},
        b'{"Response": {"Error": {"Code": "InternalError"}, "RequestId": "a"},'
        b' "Response": {"Score": 97, "FaceModelVersion": "3.0", "RequestId": "a"}}',
        b'{"Response": {"Score": 7, "Score": 97, "FaceModelVersion": "3.0", "RequestId": "a"}}',
    ],
)
def test_what_is_no_answer(body: Any) -> None:
    assert type(failure(reply(200, body))) is BadReply


@pytest.mark.parametrize("code", ["InternalError", "Brand.New", "", None, 7, ["a"]])
def test_an_error_beside_a_score_is_an_error(code: Any) -> None:
    both = {"Response": {**scored(97.3)["Response"], **error(code)["Response"]}}
    known = code == "InternalError"
    wanted = ProviderUnavailable if known else UnmappedError
    assert type(failure(reply(200, both))) is wanted


def test_the_code_counts_whatever_the_status() -> None:
    assert type(failure(reply(400, error("InternalError")))) is ProviderUnavailable
    assert type(failure(reply(503, b"<html>"))) is ProviderUnavailable
    assert failure(reply(200, error("FailedOperation.RpcFail"))).vendor_code is not None


def test_more_fields_than_are_known_do_no_harm() -> None:
    more = {"Response": {**scored(97.3)["Response"], "Error": None, "FaceRect": {}}, "new": 1}
    with Server(reply(200, more)) as server:
        assert ask_sync(tencent(server.url), **ONE).accepted


# What is not sent


def heavy() -> bytes:
    """A picture of noise, which nothing makes smaller."""
    buffer, size = io.BytesIO(), (1300, 1100)
    noise = random.Random(0).randbytes(size[0] * size[1] * 3)
    Pillow.frombytes("RGB", size, noise).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (picture(size=(63, 90)), "shorter side"),
        (picture(size=(2001, 64)), "longer side has at most 2000"),
        (picture(ImageFormat.BMP, size=(2001, 64)), "longer side has at most 2000"),
        (picture(ImageFormat.JPEG, size=(4001, 64)), "longer side has at most 4000"),
        (heavy(), "letters of base64; the most is 5242880"),
    ],
)
def test_a_picture_that_the_vendor_would_refuse_is_not_sent(sent: bytes, why: str) -> None:
    with pytest.raises(UnsupportedPicture, match=why):
        ask_sync(tencent(), probe=sent, gallery=[PASSPORT])


def test_a_jpeg_may_be_larger_than_others() -> None:
    with Server(reply(200, scored(97.3))) as server:
        wide = picture(ImageFormat.JPEG, size=(4000, 64))
        assert ask_sync(tencent(server.url), probe=wide, gallery=[PASSPORT]).accepted


# Settings


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"region": None}, "region"),
        ({"region": "Guangzhou\r\n"}, "region"),
        ({"secret_id": ""}, "secret_id"),
        ({"secret_key": "s3 cr3t"}, "secret_key"),
        ({"token": "t\n"}, "token"),
        ({"model_version": "1.0"}, "model_version"),
        ({"quality_control": 5}, "quality_control"),
        ({"quality_control": True}, "quality_control"),
        ({"parallel": 0}, "parallel"),
        ({"base_url": "http://iai.example"}, "not encrypted"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(**given)


def test_what_the_vendor_does_with_pictures_is_told_with_the_region() -> None:
    handling = tencent(region="ap-singapore").info.handling
    assert (handling.recipient, handling.region) == ("Tencent", "ap-singapore")
    assert (handling.keeps, handling.trains) == (Kept.PICTURE, None)
