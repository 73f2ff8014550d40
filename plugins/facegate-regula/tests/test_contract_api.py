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
from facegate_regula.compat import RegulaApi
from facegate_regula.provider import Regula

HAVE_A_WORD = {
    *(CaptureReason.FACE_NOT_FOUND, CaptureReason.FACE_ANGLE_TOO_LARGE),
    *(CaptureReason.FACE_IS_OCCLUDED, CaptureReason.EYES_CLOSED),
}
BEHIND_THE_API = {
    *(FacegateError, ConfigurationError, AuthenticationFailed, CredentialsExpired, BadReply),
    *(PermissionDenied, QuotaExhausted, LicenseInvalid, ConnectionFailed, ProviderTimeout),
    *(RateLimited, UnmappedError),
}


class TestRegulaApi(CompatibleApiContract):
    contract_version = 1
    provider = Regula
    settings: ClassVar = {"base_url": "https://faces.example", "gateway_key": "gw-5e0c41f2a7"}
    api_type = RegulaApi
    key = "gw-5e0c41f2a7"
    heard: ClassVar = {
        **dict.fromkeys(BEHIND_THE_API, ProviderUnavailable),
        **dict.fromkeys(set(CaptureReason) - HAVE_A_WORD, CaptureReason.QUALITY_TOO_LOW),
        ConsentRefused: PermissionDenied,
        UnsupportedOperation: PermissionDenied,
        UnsupportedOption: InvalidRequest,
    }
