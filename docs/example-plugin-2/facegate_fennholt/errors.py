"""Fennholt's errors: numbers, in replies whose HTTP status says that all went well."""

from __future__ import annotations

from typing import Final

from facegate import plugin as fg

ERRORS: Final = fg.ErrorTable(
    {
        "1001": fg.AuthenticationFailed,
        "1003": fg.PermissionDenied,
        "1010": fg.QuotaExhausted,
        "2001": fg.InvalidRequest,
        "3001": fg.ImageRejected,
        "3002": fg.CaptureReason.FACE_NOT_FOUND,
        "3003": fg.CaptureReason.TOO_MANY_FACES,
        "3004": fg.CaptureReason.QUALITY_TOO_LOW,
        "9001": fg.ProviderUnavailable,
        "9002": fg.RateLimited,
    }
)
