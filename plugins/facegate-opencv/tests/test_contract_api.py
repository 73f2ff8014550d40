"""Both products' APIs and clients understand each other."""

from __future__ import annotations

from typing import ClassVar

from facegate import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    ConfigurationError,
    ConnectionFailed,
    ConsentRefused,
    CredentialsExpired,
    FacegateError,
    InvalidRequest,
    LicenseInvalid,
    Operation,
    PermissionDenied,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    UnmappedError,
    UnsupportedOperation,
    UnsupportedOption,
)
from facegate.plugin import Answer, DecodedRequest
from facegate.testing import CompatibleApiContract
from facegate_opencv.fr_cloud.compat import FrCloudApi
from facegate_opencv.fr_cloud.provider import FrCloud
from facegate_opencv.fr_server.compat import FrServerApi
from facegate_opencv.fr_server.provider import FrServer

KEY = "key-1f4e7a90c2b85d63"


class Verdicts:
    """An FR Server's words hold neither scores nor thresholds."""

    def sayable(self, asked: DecodedRequest, answer: Answer) -> Answer:
        match, liveness = answer.match, answer.liveness
        if liveness is not None and not liveness.passed:
            match = None
        return Answer(
            match=None if match is None else match.model_copy(update={"score": None}),
            liveness=None if liveness is None else liveness.model_copy(update={"score": None}),
        )


LATER = dict.fromkeys(
    (
        *(FacegateError, ConfigurationError, AuthenticationFailed, CredentialsExpired),
        *(PermissionDenied, QuotaExhausted, LicenseInvalid, RateLimited, ConnectionFailed),
        *(ProviderTimeout, BadReply, UnmappedError),
    ),
    ProviderUnavailable,
)
"""What is wrong at the answering provider, and none of the caller's business."""
SENSELESS = dict.fromkeys((UnsupportedOption, ConsentRefused), InvalidRequest)


class TestFrServerApi(Verdicts, CompatibleApiContract):
    contract_version = 1
    provider = FrServer
    settings: ClassVar = {"base_url": "https://fr.example", "api_key": KEY}
    api_type = FrServerApi
    key = KEY
    heard: ClassVar = {
        **LATER,
        **SENSELESS,
        UnsupportedOperation: LicenseInvalid,
        LicenseInvalid: LicenseInvalid,
        CaptureReason.QUALITY_TOO_LOW: UnmappedError,
        CaptureReason.NOT_STATED: UnmappedError,
    }


class TestFrServerApiForLivenessAlone(TestFrServerApi):
    settings: ClassVar = {**TestFrServerApi.settings, "liveness_by_self_compare": True}
    api_settings: ClassVar = {"liveness_by_self_compare": True}


class TestFrCloudApi(CompatibleApiContract):
    contract_version = 1
    provider = FrCloud
    settings: ClassVar = {"base_url": "https://cloud.example", "api_key": KEY}
    api_type = FrCloudApi
    key = KEY
    heard: ClassVar = {
        **LATER,
        **SENSELESS,
        RateLimited: RateLimited,
        UnsupportedOperation: PermissionDenied,
        CaptureReason.EYES_CLOSED: CaptureReason.QUALITY_TOO_LOW,
        CaptureReason.NOT_STATED: CaptureReason.QUALITY_TOO_LOW,
    }

    def sayable(self, asked: DecodedRequest, answer: Answer) -> Answer | None:
        return (
            None if asked.operation is not Operation.LIVENESS and answer.match is None else answer
        )
