"""The API and its client understand each other."""

from __future__ import annotations

from typing import Any, ClassVar

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
    UnmappedError,
    UnsupportedOperation,
    UnsupportedOption,
)
from facegate.testing import CompatibleApiContract
from facegate_tencent.compat import TencentApi
from facegate_tencent.provider import Tencent, TencentSettings

SETTINGS = {
    "region": "ap-guangzhou",
    "secret_id": "AKIDid",
    "secret_key": "s3cr3t9e41b7c0d25f",
}
WORDS = {
    CaptureReason.FACE_NOT_FOUND,
    CaptureReason.FACE_TOO_SMALL,
    CaptureReason.QUALITY_TOO_LOW,
}
BEHIND_THE_API = {
    *(FacegateError, ConfigurationError, AuthenticationFailed, CredentialsExpired, BadReply),
    *(PermissionDenied, QuotaExhausted, LicenseInvalid, ConnectionFailed, ProviderTimeout),
    UnmappedError,
}


class OneByOne(Tencent):
    """The client without the question that takes two requests, which an API sees one by one."""

    @classmethod
    def withheld(cls, settings: TencentSettings) -> frozenset[Operation]:
        return frozenset({Operation.COMPARE_LIVE})


class TestTencentApi(CompatibleApiContract):
    contract_version = 1
    provider = OneByOne
    settings: ClassVar = SETTINGS
    api_type = TencentApi
    key = "AKIDid:s3cr3t9e41b7c0d25f"
    other_options: ClassVar = {"quality_control": 3}
    heard: ClassVar[dict[Any, Any]] = {
        **dict.fromkeys(set(CaptureReason) - WORDS, CaptureReason.QUALITY_TOO_LOW),
        **dict.fromkeys(BEHIND_THE_API, ProviderUnavailable),
        ConsentRefused: PermissionDenied,
        UnsupportedOperation: UnmappedError,
        UnsupportedOption: InvalidRequest,
    }
