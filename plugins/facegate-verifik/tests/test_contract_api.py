"""The API that answers as Verifik does keeps the contract with Verifik's client."""

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
    InvalidRequest,
    LicenseInvalid,
    Liveness,
    Operation,
    PermissionDenied,
    ProviderUnavailable,
    UnmappedError,
    UnsupportedOperation,
    UnsupportedOption,
)
from facegate.plugin import Answer, DecodedRequest
from facegate.testing import CompatibleApiContract
from facegate_verifik.compat import VerifikApi
from facegate_verifik.provider import Verifik

TOKEN = "key-of-32-letters-or-more-4a7d1e90c3b85f26"


class TestVerifikApi(CompatibleApiContract):
    contract_version = 1
    provider = Verifik
    settings: ClassVar = {"token": TOKEN}
    api_type = VerifikApi
    key = TOKEN
    heard: ClassVar = {
        **dict.fromkeys(
            (
                *(AuthenticationFailed, BadReply, ConfigurationError, ConnectionFailed),
                *(CredentialsExpired, LicenseInvalid, PermissionDenied),
                UnmappedError,
            ),
            ProviderUnavailable,
        ),
        **dict.fromkeys((ConsentRefused, UnsupportedOperation), PermissionDenied),
        UnsupportedOption: InvalidRequest,
        CaptureReason.FACE_CROPPED: CaptureReason.FACE_TOO_CLOSE,
        CaptureReason.EYES_CLOSED: CaptureReason.FACE_IS_OCCLUDED,
        CaptureReason.NOT_STATED: CaptureReason.QUALITY_TOO_LOW,
    }

    def sayable(self, asked: DecodedRequest, answer: Answer) -> Answer:
        """A spoof without a score ends the request; a failed comparison leaves liveness alone."""
        match, live = answer.match, answer.liveness
        first = asked.options.get("order") == "compare_first" and asked.threshold is not None
        if match is not None and not match.is_match and first:
            return Answer(match=match, liveness=Liveness(passed=False))
        if live is not None and not live.passed and live.score is None:
            return Answer(liveness=live)
        if asked.operation is Operation.COMPARE_LIVE and (match is None or live is None):
            return Answer(liveness=Liveness(passed=False))
        return answer


class TestVerifikApiAsDocumented(TestVerifikApi):
    api_settings: ClassVar = {"shape": "docs", "search_mode": "strict"}
