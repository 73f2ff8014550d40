"""Signed requests: byte for byte as AWS and Tencent sign, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from facegate.plugin import HttpRequest, SigningScheme
from facegate.testing import Seen
from sigv4 import right_signature

AWS = SigningScheme(
    "AWS4-HMAC-SHA256",
    prefix="AWS4",
    service="rekognition",
    end="aws4_request",
    dated="x-amz-date",
    covers=frozenset(
        {"content-type", "host", "x-amz-date", "x-amz-target", "x-amz-security-token"}
    ),
)
TENCENT = SigningScheme(
    "TC3-HMAC-SHA256",
    prefix="TC3",
    service="iai",
    end="tc3_request",
    dated="x-tc-timestamp",
    covers=frozenset({"content-type", "host"}),
    epoch=True,
    any_path=True,
)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ID, SECRET = SecretStr("AKIDEXAMPLE"), SecretStr("facegate-test-secret")
BODY = (
    b'{"SourceImage": {"Bytes": "',
    b"YQ==",
    b'"}, "TargetImage": {"Bytes": "',
    b"Yg==",
    b'"}, "SimilarityThreshold": 0}',
)


def aws(url: str, **headers: str) -> HttpRequest:
    asked = {
        "X-Amz-Target": "RekognitionService.CompareFaces",
        "Content-Type": "application/x-amz-json-1.1",
    }
    return HttpRequest("POST", url, {**asked, **headers}, BODY)


# Made with botocore 1.44.8's signer at a fixed time.
@pytest.mark.parametrize(
    ("url", "token", "signed", "signature"),
    [
        (
            "https://rekognition.eu-west-1.amazonaws.com/",
            {},
            "content-type;host;x-amz-date;x-amz-target",
            "edbd4a9dd8d62e9fb879e939fec7e9e205e02ad9899e584503de6c81fa4ff3e1",
        ),
        (
            "http://127.0.0.1:8080/rekognition",
            {"X-Amz-Security-Token": "TOKENEXAMPLE"},
            "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
            "06cbd7e94d3bba3ae3708dbafd2fd46ffdc7bc53509fff8c9afeb715141adc8a",
        ),
    ],
)
def test_aws(url: str, token: dict[str, str], signed: str, signature: str) -> None:
    request = AWS.signed(aws(url, **token), ID, SECRET, NOW, "eu-west-1")
    assert request.headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/rekognition/aws4_request,"
        f" SignedHeaders={signed}, Signature={signature}"
    )
    assert request.body is BODY


# Made with Tencent's own SDK 3.1.191 at a fixed time, and by the steps of its documentation.
@pytest.mark.parametrize(
    ("host", "signature"),
    [
        (
            "http://127.0.0.1:40877",
            "4ccf7ee6ba5c1e10919b73626b8e2446183472fa4701150c92c0c82b22904748",
        ),
        (
            "https://iai.tencentcloudapi.com",
            "d7a687a851b50e848974f13b8dd0951fc7ff330a2eeabfd81001604229648485",
        ),
    ],
)
def test_tencent(host: str, signature: str) -> None:
    body = (b'{"ImageA": "YQ==", "ImageB": "Yg=="}',)
    asked = HttpRequest("POST", f"{host}/", {"Content-Type": "application/json"}, body)
    request = TENCENT.signed(asked, SecretStr("AKIDid"), SecretStr("secretkey"), NOW)
    assert request.headers["x-tc-timestamp"] == "1767323045"
    assert request.headers["authorization"] == (
        "TC3-HMAC-SHA256 Credential=AKIDid/2026-01-02/iai/tc3_request,"
        f" SignedHeaders=content-type;host, Signature={signature}"
    )


@given(
    path=st.from_regex(r"(/[A-Za-z0-9 ._~%+-]{1,8}){0,3}/?", fullmatch=True),
    body=st.lists(st.binary(max_size=20), max_size=4),
    content_type=st.from_regex(r"[a-z]{1,9}( {1,3}[a-z]{1,9}){0,2}", fullmatch=True),
)
def test_awss_own_signer_comes_to_the_same(path: str, body: list[bytes], content_type: str) -> None:
    sent = path.replace("%", "%25").replace(" ", "%20")
    if any(part in (".", "..") for part in sent.split("/")) or "//" in sent:
        return  # AWS's signer resolves these; no base_url has them
    asked = replace(aws(f"http://127.0.0.1:8080{sent}"), body=tuple(body))
    asked = replace(asked, headers={**asked.headers, "Content-Type": content_type})
    request = AWS.signed(asked, ID, SECRET, NOW, "eu-west-1")
    seen = Seen("POST", sent, dict(request.headers), b"".join(body))
    assert right_signature(seen, SECRET.get_secret_value()) in request.headers["authorization"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer abc",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=A/20260102/eu-west-1/s3/aws4_request, SignedHeaders=host,"
        f" Signature={64 * '0'}",
        "AWS4-HMAC-SHA256 Credential=A/aws4_request, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=A/20260102/eu-west-1/rekognition/aws4_request,"
        f" SignedHeaders=host, Signature={64 * '0'} and more",
        "TC3-HMAC-SHA256 Credential=A/20260102/eu-west-1/rekognition/aws4_request,"
        f" SignedHeaders=host, Signature={64 * '0'}",
    ],
)
def test_what_is_no_claim(header: str) -> None:
    assert AWS.claim(header) is None


@pytest.mark.parametrize("stamp", ["", "20260102", "20260103T030405Z", "2026-01-02T03:04:05Z", "x"])
def test_a_date_that_is_none_or_of_another_day(stamp: str) -> None:
    signed = AWS.signed(aws("http://127.0.0.1/"), ID, SECRET, NOW, "eu-west-1")
    claim = AWS.claim(signed.headers["authorization"])
    assert claim is not None
    assert AWS.moment(claim, signed.headers["x-amz-date"]) == NOW
    assert AWS.moment(claim, stamp) is None
