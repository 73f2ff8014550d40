"""Tarnside's errors: one list, read by the client and sent by the API."""

from __future__ import annotations

from typing import Final

from facegate import plugin as fg

ERRORS: Final = fg.Catalogue(
    {
        "bad_request": fg.Row(400, fg.InvalidRequest),
        "bad_key": fg.Row(401, fg.AuthenticationFailed),
        "no_credit": fg.Row(402, fg.QuotaExhausted),
        "not_in_plan": fg.Row(403, fg.PermissionDenied),
        "bad_picture": fg.Row(422, fg.ImageRejected),
        "no_face": fg.Row(422, fg.CaptureReason.FACE_NOT_FOUND),
        "many_faces": fg.Row(422, fg.CaptureReason.TOO_MANY_FACES),
        "poor_picture": fg.Row(422, fg.CaptureReason.QUALITY_TOO_LOW),
        "slow_down": fg.Row(429, fg.RateLimited),
        "offline": fg.Row(503, fg.ProviderUnavailable),
    }
)
