"""Tencent Cloud's SDK for Python, before the API that answers as its face recognition does."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.iai.v20200303 import models
from tencentcloud.iai.v20200303.iai_client import IaiClient

from facegate_tencent.compat import TencentApi

# In Python 3.12 and later.
pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")

ME = "AKIDme:s3cr3t9e41b7c0"
SPOOFER = "AKIDspoofer:s3cr3t"
TEMPORARY = "AKIDhour:s3cr3tOfAnHour:tok-77aa31c09e"
INSTRUCTED = {
    f"AKID{number}:s3cr3t": f"error={name}" for number, name in enumerate(TencentApi.errors)
}


@pytest.fixture(autouse=True)
def _no_other_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):  # it looks for host and port in NO_PROXY
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def url(served: Callable[..., str]) -> str:
    return served(
        TencentApi, {ME: None, TEMPORARY: None, SPOOFER: "outcome=not_live", **INSTRUCTED}
    )


def tencent(url: str, key: str = ME) -> Any:
    http = HttpProfile(protocol="http", endpoint=url.removeprefix("http://"))
    return IaiClient(Credential(*key.split(":")), "ap-guangzhou", ClientProfile(httpProfile=http))


@pytest.fixture(params=["", "/", "/tencent", "/tencent/"])
def client(url: str, request: pytest.FixtureRequest) -> Any:
    """Mounted at the root and below it, with and without a slash at its end."""
    return tencent(url + request.param)


BRANCHES = {
    "InvalidParameterValue.NoFaceInPhoto": "no face",
    "FailedOperation.FaceQualityNotQualified": "a better picture",
    "FailedOperation.FaceSizeTooSmall": "a better picture",
    "FailedOperation.ImageSizeExceed": "a smaller picture",
    "FailedOperation.ImageDecodeFailed": "no picture",
    "AuthFailure.SecretIdNotFound": "another key",
    "AuthFailure.SignatureFailure": "another key",
    "AuthFailure.TokenFailure": "another key",
    "RequestLimitExceeded": "slower",
    "FailedOperation.RequestLimitExceeded": "slower",
    "InternalError": "later",
    "ResourceUnavailable.InArrears": "the bill",
}


def branch(code: str) -> str:
    """An application's own, or the code that it does not know."""
    return BRANCHES.get(code, code)


def compared(client: Any, one: bytes, other: bytes, **more: Any) -> str:
    asked = models.CompareFaceRequest()
    asked.ImageA, asked.ImageB = (base64.b64encode(each).decode() for each in (one, other))
    asked.FaceModelVersion = "3.0"
    for name, value in more.items():
        setattr(asked, name, value)
    try:
        reply = client.CompareFace(asked)
    except TencentCloudSDKException as error:
        return branch(error.code)
    assert (reply.FaceModelVersion, len(reply.RequestId)) == ("3.0", 36)
    return "same" if reply.Score > 50 else "another"


def checked(client: Any, picture: bytes) -> str:
    asked = models.DetectLiveFaceAccurateRequest()
    asked.Image = base64.b64encode(picture).decode()
    try:
        reply = client.DetectLiveFaceAccurate(asked)
    except TencentCloudSDKException as error:
        return branch(error.code)
    assert (reply.FaceModelVersion, len(reply.RequestId)) == ("3.0", 36)
    return "live" if reply.Score >= 40 else "a spoof"


def test_it_tells_who_is_who(client: Any, faces: Mapping[str, bytes]) -> None:
    mine = faces["mine"]
    assert compared(client, mine, faces["mine_too"]) == "same"
    assert compared(client, mine, faces["strangers"]) == "another"
    assert compared(client, mine, faces["mine_too"], QualityControl=3) == "same"
    assert compared(client, mine, faces["nobody"]) == "no face"
    assert compared(client, faces["two"], mine) == "a better picture"
    assert compared(client, mine, faces["heavy"]) == "a smaller picture"
    assert compared(client, mine, b"RIFF....WEBPVP8 ") == "no picture"


def test_it_tells_who_is_there(client: Any, faces: Mapping[str, bytes]) -> None:
    assert checked(client, faces["mine"]) == "live"
    assert checked(client, faces["nobody"]) == "no face"
    assert checked(client, faces["two"]) == "a better picture"
    assert checked(client, faces["heavy"]) == "a smaller picture"


def test_a_spoof_is_an_answer_with_a_low_score(url: str, faces: Mapping[str, bytes]) -> None:
    assert checked(tencent(url, SPOOFER), faces["mine"]) == "a spoof"


def test_only_who_holds_the_key_is_let_in(url: str, faces: Mapping[str, bytes]) -> None:
    pair = faces["mine"], faces["mine_too"]
    assert compared(tencent(url, TEMPORARY), *pair) == "same"
    strangers = ("AKIDnobody:s3cr3t", f"{ME}x", f"{ME}:tok", TEMPORARY.rpartition(":")[0])
    for key in strangers:
        assert compared(tencent(url, key), *pair) == "another key"


@pytest.mark.parametrize(("key", "said"), INSTRUCTED.items())
def test_every_error_arrives(url: str, faces: Mapping[str, bytes], key: str, said: str) -> None:
    client, mine = tencent(url, key), faces["mine"]
    name = said.removeprefix("error=")
    assert compared(client, mine, mine) == checked(client, mine) == branch(name)


def test_what_is_not_served_is_said_so(url: str, faces: Mapping[str, bytes]) -> None:
    client, mine = tencent(url), faces["mine"]
    with pytest.raises(TencentCloudSDKException, match="facegate serves CompareFace") as caught:
        client.CompareMaskFace(models.CompareMaskFaceRequest())
    assert caught.value.code == "UnsupportedOperation"
    assert len(caught.value.requestId) == 36
    wrong = "InvalidParameterValue"
    elsewhere = "https://pictures.example/1.jpg"
    assert compared(client, mine, mine, UrlB=elsewhere) == f"{wrong}.UrlIllegal"
    assert compared(client, mine, mine, FaceModelVersion="2.0") == (
        f"{wrong}.FaceModelVersionIllegal"
    )


def test_of_another_status_than_200_it_reads_no_code(
    served: Callable[..., str], faces: Mapping[str, bytes]
) -> None:
    url = served(TencentApi, {ME: "error=InternalError"}, statuses={"InternalError": 503})
    assert compared(tencent(url), faces["mine"], faces["mine"]) == "ServerNetworkError"
