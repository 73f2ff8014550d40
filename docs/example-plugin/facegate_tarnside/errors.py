"""Tarnside's errors: one list, read by the client and sent by the API."""

from __future__ import annotations

from typing import Final

from facegate.plugin import (
    AuthenticationFailed,
    CaptureReason,
    Catalogue,
    ImageRejected,
    InvalidRequest,
    PermissionDenied,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    Row,
)

ERRORS: Final = Catalogue(
    {
        "bad_request": Row(400, InvalidRequest),
        "bad_key": Row(401, AuthenticationFailed),
        "no_credit": Row(402, QuotaExhausted),
        "not_in_plan": Row(403, PermissionDenied),
        "bad_picture": Row(422, ImageRejected),
        "no_face": Row(422, CaptureReason.FACE_NOT_FOUND),
        "many_faces": Row(422, CaptureReason.TOO_MANY_FACES),
        "poor_picture": Row(422, CaptureReason.QUALITY_TOO_LOW),
        "slow_down": Row(429, RateLimited),
        "offline": Row(503, ProviderUnavailable),
    }
)
