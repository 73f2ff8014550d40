"""The API and its client understand each other."""

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
    PermissionDenied,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    UnmappedError,
    UnsupportedOperation,
    UnsupportedOption,
)
from facegate.plugin import Answer, DecodedRequest
from facegate.testing import CompatibleApiContract
from facegate_rekognition.compat import RekognitionApi
from facegate_rekognition.provider import Rekognition

BEHIND_THE_API = {
    *(FacegateError, ConfigurationError, AuthenticationFailed, CredentialsExpired, BadReply),
    *(PermissionDenied, QuotaExhausted, LicenseInvalid, ConnectionFailed, ProviderTimeout),
    UnmappedError,
}


class TestRekognitionApi(CompatibleApiContract):
    contract_version = 1
    provider = Rekognition
    settings: ClassVar = {
        "region": "eu-west-1",
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": "s3cr3t-9e41b7c0d25f",
    }
    api_type = RekognitionApi
    key = "AKIDEXAMPLE:s3cr3t-9e41b7c0d25f"
    heard: ClassVar = {
        **dict.fromkeys(BEHIND_THE_API, ProviderUnavailable),
        **dict.fromkeys(CaptureReason, CaptureReason.NOT_STATED),
        ConsentRefused: PermissionDenied,
        UnsupportedOperation: PermissionDenied,
        UnsupportedOption: InvalidRequest,
    }

    def sayable(self, decoded: DecodedRequest, answer: Answer) -> Answer | None:
        """The API is always asked for a similarity, which is not told of a spoof."""
        spoof = answer.liveness is not None and not answer.liveness.passed
        if spoof or answer.match is None:
            return None
        return Answer(match=answer.match)
