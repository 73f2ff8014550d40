"""The client meets the contract, with replies of the shape that the vendor documents."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from tencentcloud.common.credential import Credential
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.iai.v20200303.iai_client import IaiClient

from facegate import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    ImageFormat,
    Operation,
    ProviderUnavailable,
    QuotaExhausted,
)
from facegate.plugin import PictureLimits
from facegate.testing import (
    Documented,
    Endpoint,
    Failure,
    HttpProviderContract,
    Interaction,
    Seen,
    VendorCall,
    documented_in,
    failures_in,
)
from facegate_tencent.provider import Tencent

CASSETTES = Path(__file__).parents[3] / "cassettes" / "tencent"
SECRET = "s3cr3t9e41b7c0d25f"
PUBLIC = {
    "x-tc-version": "2020-03-03",
    "x-tc-region": "ap-guangzhou",
    "content-type": "application/json",
}
ASKED_TO_COMPARE = Endpoint(
    "/",
    {"ImageA", "ImageB", "FaceModelVersion", "QualityControl", "FaceMatchingStrategy"},
    "ImageA",
    "ImageB",
    headers={"x-tc-action": "CompareFace", **PUBLIC},
    fields={"FaceModelVersion": "3.0", "FaceMatchingStrategy": 1},
    each=True,
)
ASKED_FOR_LIVENESS = Endpoint(
    "/",
    {"Image", "FaceModelVersion"},
    "Image",
    headers={"x-tc-action": "DetectLiveFaceAccurate", **PUBLIC},
    fields={"FaceModelVersion": "3.0"},
)


def scored(score: float, **more: Any) -> dict[str, Any]:
    request_id = "0c2f3a1e-77f0-4f1b-a0f2-5d1f9a6b7c8d"
    reply = {"Score": score, "FaceModelVersion": "3.0", "RequestId": request_id}
    return {"Response": {**reply, **more}}


def error(code: str) -> dict[str, Any]:
    return {"Response": {"Error": {"Code": code, "Message": "m"}, "RequestId": "0c2f3a1e"}}


LIVE = Interaction(ASKED_FOR_LIVENESS, scored(91.5))
COMPARE = VendorCall(Operation.COMPARE, ASKED_TO_COMPARE, carries={"quality_control"})
LIVENESS = VendorCall(Operation.LIVENESS, ASKED_FOR_LIVENESS)
BOTH = VendorCall(
    Operation.COMPARE_LIVE, ASKED_TO_COMPARE, carries={"quality_control"}, before=(LIVE,)
)
CALLS = (COMPARE, LIVENESS, BOTH)


class TestTencent(HttpProviderContract):
    contract_version = 1
    provider = Tencent
    settings: ClassVar = {
        "region": "ap-guangzhou",
        "secret_id": "AKIDid",
        "secret_key": SECRET,
        "token": "tok-77aa31c09e",
    }
    headers: ClassVar = {"x-tc-token": "tok-77aa31c09e"}
    moving = ("authorization", "x-tc-timestamp")
    other_options: ClassVar = {"quality_control": 3}
    formats = frozenset({ImageFormat.BMP, ImageFormat.JPEG, ImageFormat.PNG})
    pictures = PictureLimits(
        max_bytes=5_242_880,
        in_base64=True,
        min_side=64,
        max_side=2000,
        by_format={
            ImageFormat.JPEG: PictureLimits(
                max_bytes=5_242_880, in_base64=True, min_side=64, max_side=4000
            )
        },
    )
    documented = (
        Documented(COMPARE, scored(100), {"accepted": True, "match": {"score": 100}}),
        Documented(COMPARE, scored(50.01), {"accepted": True, "engine": "3.0"}),
        Documented(COMPARE, scored(50), {"accepted": False, "match": {"threshold": 50}}),
        Documented(COMPARE, scored(0), {"accepted": False, "match": {"score": 0}}),
        Documented(LIVENESS, scored(100), {"accepted": True, "engine": "3.0"}),
        Documented(LIVENESS, scored(40), {"accepted": True, "liveness": {"threshold": 40}}),
        Documented(LIVENESS, scored(39.99), {"accepted": False, "liveness": {"score": 39.99}}),
        Documented(LIVENESS, scored(0), {"accepted": False, "liveness": {"score": 0}}),
        Documented(BOTH, scored(91.2), {"accepted": True, "liveness": {"score": 91.5}}),
        Documented(BOTH, scored(12.5), {"accepted": False, "match": {"score": 12.5}}),
        *documented_in(CASSETTES, CALLS),
    )
    failures = (
        *failures_in(CASSETTES, CALLS),
        Failure(200, scored(91.2, FaceModelVersion="2.0"), BadReply, name="another model"),
        Failure(200, scored(91.2, **error("InternalError")["Response"]), ProviderUnavailable),
        Failure(200, error("AuthFailure.SignatureFailure"), AuthenticationFailed, call=LIVENESS),
        Failure(200, error("ResourceUnavailable.InArrears"), QuotaExhausted, call=BOTH, at=LIVE),
        Failure(
            200,
            error("InvalidParameterValue.NoFaceInPhoto"),
            CaptureReason.FACE_NOT_FOUND,
            told={"image": "probe"},
            call=BOTH,
            at=LIVE,
        ),
        Failure(
            200,
            error("FailedOperation.FaceQualityNotQualified"),
            CaptureReason.QUALITY_TOO_LOW,
            told={"image": None},
            call=BOTH,
        ),
    )

    def reply_for(self, code: str) -> tuple[int, Any]:
        return 200, error(code)

    def verify(self, request: Seen) -> None:
        """Hold the signature against the one that Tencent's own SDK makes."""
        sent = request.headers
        names = {"Content-Type", "Host", "X-TC-Timestamp"}
        signed = {name: sent[name.lower()] for name in names}
        asked = RequestInternal(sent["host"], "POST", "/", header=signed)
        asked.data = request.body
        day = datetime.fromtimestamp(int(sent["x-tc-timestamp"]), UTC).strftime("%Y-%m-%d")
        sdk = IaiClient(Credential("AKIDid", SECRET), "ap-guangzhou")
        right = sdk._get_tc3_signature(None, asked, day, "iai", SECRET)
        scope = f"TC3-HMAC-SHA256 Credential=AKIDid/{day}/iai/tc3_request"
        headers = "SignedHeaders=content-type;host"
        assert sent["authorization"] == f"{scope}, {headers}, Signature={right}"
