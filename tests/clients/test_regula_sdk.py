"""Regula's own client for Python, before the API that answers as the Face SDK web service does."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest
from regula.facesdk.webclient.ext import DetectRequest, FaceSdk, MatchImage, MatchRequest
from regula.facesdk.webclient.gen import ApiClient, Configuration
from regula.facesdk.webclient.gen.exceptions import (
    ApiException,
    BadRequestException,
    ForbiddenException,
    NotFoundException,
    ServiceException,
    UnauthorizedException,
)
from regula.facesdk.webclient.gen.models.face_sdk_result_code import FaceSDKResultCode
from regula.facesdk.webclient.gen.models.image_source import ImageSource

from facegate_regula.compat import RegulaApi
from facegate_regula.errors import ERRORS

KEY = "gw-5e0c41f2a7"
INSTRUCTED = {f"gw-{number}": f"error={name}" for number, name in enumerate(RegulaApi.errors)}


@pytest.fixture(scope="module")
def url(served: Callable[..., str]) -> str:
    """The API as the vendor's service is: open to all."""
    return served(RegulaApi, {})


@pytest.fixture(scope="module")
def guarded(served: Callable[..., str]) -> str:
    return served(RegulaApi, {KEY: None, "gw-slow": "error=RateLimited", **INSTRUCTED})


def holder(url: str, key: str) -> Any:
    """A client that sends a key, as for a gateway in front of the service."""
    configured = Configuration(host=url)
    return FaceSdk(api_client=ApiClient(configured, "Authorization", f"Bearer {key}"))


@pytest.fixture(params=["", "/regula"])
def client(url: str, request: pytest.FixtureRequest) -> Any:
    """Mounted at the root and below it; with a slash at its end, the client asks for ``//``."""
    return FaceSdk(host=url + request.param)


def branch(client: Any, *images: Any) -> str:  # noqa: PLR0911
    """An application's own branch."""
    try:
        reply = client.match_api.match(MatchRequest(images=[*images]))
    except UnauthorizedException:
        return "not let in"
    except ForbiddenException:
        return "no licence"
    except BadRequestException:
        return "wrong request"
    except ServiceException:
        return "later"
    except ApiException as error:
        return str(error.status)
    if reply.code != FaceSDKResultCode.FACER_OK:
        return FaceSDKResultCode(reply.code).name
    (pair,) = reply.results
    return "same" if pair.similarity > 0.75 else "another"


def test_it_tells_who_is_who(client: Any, faces: Mapping[str, bytes]) -> None:
    mine = faces["mine"]
    assert branch(client, mine, faces["mine_too"]) == "same"
    assert branch(client, mine, faces["strangers"]) == "another"
    assert branch(client, mine, faces["nobody"]) == "FR_FACE_NOT_DETECTED"
    assert branch(client, faces["nobody"], mine) == "FR_FACE_NOT_DETECTED"
    assert branch(client, mine, faces["two"]) == "FACER_LOW_QUALITY"
    assert branch(client, mine, b"RIFF....WEBPVP8 ") == "FR_IMAGE_DECODE_ERROR"
    assert branch(client, mine) == "FACER_LESS_THAN_TWO_IMAGES_IN_REQUEST"
    same_index = [MatchImage(index=1, data=mine), MatchImage(index=1, data=faces["mine_too"])]
    assert branch(client, *same_index) == "wrong request"


def test_the_document_may_come_first(url: str, faces: Mapping[str, bytes]) -> None:
    images = [
        MatchImage(index=1, type=ImageSource.DOCUMENT_PRINTED, data=faces["mine_too"]),
        MatchImage(index=2, type=ImageSource.LIVE, data=faces["mine"], detect_all=True),
    ]
    reply = FaceSdk(host=url).match_api.match(
        MatchRequest(images=images, tag="t"), x_request_id="r"
    )
    (pair,) = reply.results
    assert (pair.first_index, pair.second_index) == (2, 1)
    assert (pair.first, pair.second) == (ImageSource.LIVE, ImageSource.DOCUMENT_PRINTED)
    assert 0.75 < pair.similarity <= 1
    assert pair.score is None
    statuses = [(each.image_index, each.status, len(each.faces)) for each in reply.detections]
    assert statuses == [(1, 0, 1), (2, 0, 1)]


def test_what_is_too_large_is_refused(url: str, faces: Mapping[str, bytes]) -> None:
    client, mine = FaceSdk(host=url), faces["mine"]
    assert branch(client, mine, os.urandom(21 * 2**20)) == "FR_IMAGE_DECODE_ERROR"
    assert branch(client, mine, bytes(50 * 2**20)) == "413"


def test_only_who_holds_the_key_is_let_in(guarded: str, faces: Mapping[str, bytes]) -> None:
    pair = faces["mine"], faces["mine_too"]
    assert branch(holder(guarded, KEY), *pair) == "same"
    assert branch(holder(f"{guarded}/regula", KEY), *pair) == "same"
    assert branch(holder(guarded, f"{KEY}x"), *pair) == "not let in"
    assert branch(FaceSdk(host=guarded), *pair) == "not let in"


@pytest.mark.parametrize(("key", "said"), INSTRUCTED.items())
def test_every_error_arrives(guarded: str, faces: Mapping[str, bytes], key: str, said: str) -> None:
    name = said.removeprefix("error=")
    statuses = {"400": "wrong request", "401": "not let in", "403": "no licence", "500": "later"}
    mine = faces["mine"]
    assert branch(holder(guarded, key), mine, mine) == statuses.get(name, name)


def test_a_provider_that_is_throttled_is_to_be_asked_later(
    guarded: str, faces: Mapping[str, bytes]
) -> None:
    mine = faces["mine"]
    assert branch(holder(guarded, "gw-slow"), mine, mine) == "later"


def test_the_numbers_of_the_errors_are_the_vendors() -> None:
    numbers = {name: each.body.get("code") for name, each in ERRORS.replies.items()}
    named = {name: number for name, number in numbers.items() if number is not None}
    assert named == {name: FaceSDKResultCode[name].value for name in named}
    assert len(named) > 20


def test_what_is_not_served_is_not_there(url: str, faces: Mapping[str, bytes]) -> None:
    client = FaceSdk(host=url)
    with pytest.raises(NotFoundException):
        client.match_api.detect(DetectRequest(image=faces["mine"]))
    with pytest.raises(NotFoundException):
        client.liveness.get_liveness_transaction_info(str(uuid4()))


def test_each_picture_of_a_gallery_has_its_own_similarity(
    served: Callable[..., str], faces: Mapping[str, bytes]
) -> None:
    images = [
        MatchImage(index=1, type=ImageSource.LIVE, data=faces["mine"]),
        MatchImage(index=2, type=ImageSource.DOCUMENT_PRINTED, data=faces["strangers"]),
        MatchImage(index=3, type=ImageSource.DOCUMENT_RFID, data=faces["mine_too"]),
    ]
    reply = FaceSdk(host=served(RegulaApi, {})).match_api.match(MatchRequest(images=images))
    pairs = {(each.first_index, each.second_index): each.similarity for each in reply.results}
    assert [*pairs] == [(1, 2), (1, 3)]
    assert pairs[1, 2] < 0.75 < pairs[1, 3]
