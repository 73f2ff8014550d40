"""The client and the API are one language: what either says, the other reads."""

from __future__ import annotations

from facegate import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    ConfigurationError,
    ConnectionFailed,
    ConsentRefused,
    CredentialsExpired,
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
from facegate.testing import CompatibleApiContract
from facegate_tarnside.compat import TarnsideApi
from facegate_tarnside.provider import Tarnside

KEY = "tn-5e0c41f2"
NO_WORD_FOR = set(CaptureReason) - {CaptureReason.FACE_NOT_FOUND, CaptureReason.TOO_MANY_FACES}
BEHIND_THE_API = {
    *(AuthenticationFailed, BadReply, ConfigurationError, ConnectionFailed, CredentialsExpired),
    *(LicenseInvalid, PermissionDenied, ProviderTimeout, QuotaExhausted, UnmappedError),
}


class TestTarnsideApi(CompatibleApiContract):
    contract_version = 1
    provider = Tarnside
    settings = {"api_key": KEY}
    api_type = TarnsideApi
    key = KEY
    heard = {
        **dict.fromkeys(NO_WORD_FOR, CaptureReason.QUALITY_TOO_LOW),
        **dict.fromkeys(BEHIND_THE_API, ProviderUnavailable),
        ConsentRefused: PermissionDenied,
        UnsupportedOperation: PermissionDenied,
        UnsupportedOption: InvalidRequest,
    }
