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
    RateLimited,
    UnmappedError,
    UnsupportedOperation,
    UnsupportedOption,
)
from facegate.testing import CompatibleApiContract
from facegate_compreface.compat import CompreFaceApi
from facegate_compreface.provider import CompreFace

KEY = "5f3c8a10-62d4-4b7e-9c1f-0a8d7e6b5c43"
BEHIND_THE_API = {
    *(FacegateError, ConfigurationError, AuthenticationFailed, CredentialsExpired, BadReply),
    *(PermissionDenied, QuotaExhausted, LicenseInvalid, ConnectionFailed, ProviderTimeout),
    *(RateLimited, UnmappedError, UnsupportedOperation, ConsentRefused),
}


class TestCompreFaceApi(CompatibleApiContract):
    contract_version = 1
    provider = CompreFace
    settings: ClassVar = {
        "base_url": "https://faces.example",
        "api_key": KEY,
        "engine": "facegate",
        "threshold": 0.5,
    }
    api_type = CompreFaceApi
    key = KEY
    other_options: ClassVar = {"det_prob_threshold": 0.95}
    heard: ClassVar = {
        **dict.fromkeys(BEHIND_THE_API, ProviderUnavailable),
        **dict.fromkeys(
            set(CaptureReason) - {CaptureReason.TOO_MANY_FACES}, CaptureReason.NOT_STATED
        ),
        UnsupportedOption: InvalidRequest,
    }
