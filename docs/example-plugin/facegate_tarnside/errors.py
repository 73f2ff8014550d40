"""Tarnside's errors: one table, read by the client and target by the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from facegate.plugin import (
    AuthenticationFailed,
    CaptureReason,
    CaptureRejected,
    ErrorTable,
    FacegateError,
    ImageRejected,
    InvalidRequest,
    PermissionDenied,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    VendorError,
)


class Row(NamedTuple):
    """An error as it is sent, and the class or the reason of a CaptureRejected that it means."""

    status: int
    means: type[FacegateError] | CaptureReason


CODES: Final[Mapping[str, Row]] = {
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
TABLE: Final = ErrorTable(codes={code: row.means for code, row in CODES.items()})
REPLIES: Final = {code: VendorError(row.status, {"code": code}) for code, row in CODES.items()}

_CAPTURE: Final = {row.means: code for code, row in CODES.items()}
_BY_STATUS: Final = {400: "bad_request", 403: "not_in_plan", 422: "bad_picture", 501: "not_in_plan"}


def said(error: FacegateError) -> str:
    """How the API puts an error; whatever failed behind it is not for its caller to repair."""
    if isinstance(error, CaptureRejected):
        return _CAPTURE.get(error.reason, "poor_picture")
    if isinstance(error, RateLimited):
        return "slow_down"
    return _BY_STATUS.get(error.http_status, "offline")
