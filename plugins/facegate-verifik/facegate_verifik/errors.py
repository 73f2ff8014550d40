"""Verifik's errors, one table for both directions.

What tells its errors apart is the ``message``: a token, maybe with the status before it and a
payload behind it, as in ``409:liveness_failed@0.42``. The ``code`` repeats the status in changing
case, or just says ``ERROR``. Tokens are matched whole. Sources: the error tabs of Verifik's pages,
and the tables in its own web clients.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

from facegate.plugin import (
    NOT_LIVE,
    AuthenticationFailed,
    CaptureReason,
    ConsentRefused,
    CredentialsExpired,
    ErrorTable,
    FacegateError,
    HttpReply,
    ImageRejected,
    InvalidRequest,
    LicenseInvalid,
    Meaning,
    PermissionDenied,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    UnmappedError,
    UnsupportedOperation,
    UnsupportedOption,
    VendorError,
)


class Row(NamedTuple):
    """An error as Verifik sends it, and its meaning; without a meaning it is an answer."""

    status: int
    code: str | None
    message: str
    means: Meaning | None

    @property
    def sent(self) -> VendorError:
        if self.code is None:  # the oldest pages have another shape
            return VendorError(self.status, {"error": self.message})
        return VendorError(self.status, {"message": self.message, "code": self.code})


DOCUMENTED: Final[Mapping[str, Row]] = {
    "invalid_request": Row(400, None, "Invalid request", InvalidRequest),
    "authentication_required": Row(
        401, "UNAUTHORIZED", "Authentication required", AuthenticationFailed
    ),
    "invalid_or_expired_token": Row(
        401, "Unauthorized", "Invalid or expired token.", CredentialsExpired
    ),
    "payment_required": Row(402, "PaymentRequired", "PaymentRequired", QuotaExhausted),
    "token_expired": Row(403, "FORBIDDEN", "token_expired", CredentialsExpired),
    "insufficient_credits": Row(403, "Forbidden", "insufficient_credits", QuotaExhausted),
    "access_forbidden": Row(403, "Forbidden", "Access forbidden", PermissionDenied),
    "not_found": Row(404, "NotFound", "Not Found", UnmappedError),  # the name of that status
    "missing_parameter": Row(409, "MissingParameter", '"os" is required', InvalidRequest),
    "missing_authorization_header": Row(
        409, "MissingParameter", "missing Authorization header", AuthenticationFailed
    ),
    "image_is_required": Row(409, "ERROR", "image_is_required", InvalidRequest),
    "insecure_image_url": Row(409, "ERROR", "insecure_image_url", InvalidRequest),
    "endpoint_out_of_service": Row(409, "Conflict", "Endpoint_out_of_service", ProviderUnavailable),
    "liveness_failed": Row(409, "ERROR", "409:liveness_failed", None),
    "only_images_in_base64": Row(412, "ERROR", "only_images_in_base64", ImageRejected),
    "could_not_compress_image": Row(
        412, "PreconditionFailed", "could_not_compress_image", ImageRejected
    ),
    "unprocessable_entity": Row(422, "UnprocessableEntity", "UnprocessableEntity", InvalidRequest),
    "locked": Row(423, "Locked", "Locked", PermissionDenied),
    "too_many_requests": Row(429, "TooManyRequests", "TooManyRequests", RateLimited),
    "internal_error": Row(500, "ERROR", "internal_error", ProviderUnavailable),
    "timeout": Row(504, "Timeout", "Timeout", ProviderTimeout),
    # A capture that liveness could not be judged on. The vendor names the reasons and, apart from
    # them, its codes; status and message are put together here, nobody published such a reply.
    "no_face_detected": Row(
        409, "ERR_NO_FACE_DETECTED", "no_face_detected", CaptureReason.FACE_NOT_FOUND
    ),
    "multiple_faces_detected": Row(
        409, "ERR_MULTIPLE_FACES_DETECTED", "multiple_faces_detected", CaptureReason.TOO_MANY_FACES
    ),
    "face_close_to_border": Row(
        409,
        "ERR_LIVENESS_FACE_CLOSE_TO_BORDER",
        "face_close_to_border",
        CaptureReason.FACE_CLOSE_TO_BORDER,
    ),
    "face_too_far": Row(
        409, "ERR_LIVENESS_FACE_TOO_SMALL", "face_too_far", CaptureReason.FACE_TOO_SMALL
    ),
    "face_too_close": Row(409, "ERROR", "face_too_close", CaptureReason.FACE_TOO_CLOSE),
    "face_not_centered": Row(409, "ERROR", "face_not_centered", CaptureReason.FACE_CLOSE_TO_BORDER),
    "face_occluded": Row(409, "ERROR", "face_occluded", CaptureReason.FACE_IS_OCCLUDED),
    "face_rotation_too_large": Row(
        409, "ERROR", "face_rotation_too_large", CaptureReason.FACE_ANGLE_TOO_LARGE
    ),
    "poor_lighting": Row(409, "ERROR", "poor_lighting", CaptureReason.QUALITY_TOO_LOW),
    "liveness_error": Row(409, "ERROR", "liveness_error", ProviderUnavailable),
    # Passed through from the liveness engine; the statuses are not published.
    "image_is_invalid_for_checking_liveness": Row(
        409, "ERROR", "image is invalid for checking liveness", CaptureReason.QUALITY_TOO_LOW
    ),
    "the_image_has_more_than_one_face": Row(
        409, "ERROR", "the image has more than one face", CaptureReason.TOO_MANY_FACES
    ),
}
"""Every error that the face and renewal routes can send, by its message in snake case."""

NO_FACE: Final = "ERR_FACE_NOT_DETECTED"
"""The engine's word for either picture of a comparison."""
_BARE: Final[Mapping[str, Meaning]] = {
    "UNAUTHORIZED": AuthenticationFailed,
    "FORBIDDEN": PermissionDenied,
    "MissingParameter": InvalidRequest,
    "BadRequest": InvalidRequest,
    "InternalServerError": ProviderUnavailable,
    "EYES_CLOSED": CaptureReason.EYES_CLOSED,
    "FACE_ANGLE_TOO_LARGE": CaptureReason.FACE_ANGLE_TOO_LARGE,
    "FACE_CROPPED": CaptureReason.FACE_CROPPED,
    "FACE_IS_OCCLUDED": CaptureReason.FACE_IS_OCCLUDED,
    "FACE_NOT_FOUND": CaptureReason.FACE_NOT_FOUND,
    "FACE_TOO_SMALL": CaptureReason.FACE_TOO_SMALL,
    "TOO_MANY_FACES": CaptureReason.TOO_MANY_FACES,
    NO_FACE: CaptureReason.FACE_NOT_FOUND,
    "ERR_BASE64_IMAGE_CANNOT_BE_DECODED": ImageRejected,
    "LICENSE_ERROR": LicenseInvalid,
}
"""Codes without a message of their own: the vendor's, then those of the engine behind it."""

_SPOOF: Final = "liveness_failed"
_SPOOFS: Final = frozenset(
    {_SPOOF, "err_liveness_failed", "liveness_check_failed", "face_not_live"}
)
_REFUSED: Final = 409
"""The only status that Verifik documents for a spoof. The words beside another are no answer: an
outage is none."""
_WORDS: Final = (
    (403, {"credit"}, "insufficient_credits"),
    (403, {"credits"}, "insufficient_credits"),
    (403, {"enought"}, "insufficient_credits"),
    (412, {"token", "expired"}, "token_expired"),
)
"""Errors whose text nobody published: the vendor's own screens know them by these words."""

_QUALITY: Final = "liveness_quality"
_SAID: Final[Mapping[str, Meaning]] = {
    _QUALITY: CaptureReason.QUALITY_TOO_LOW,
    "the_face_is_not_in_the_center": CaptureReason.FACE_CLOSE_TO_BORDER,
    "face_not_in_center": CaptureReason.FACE_CLOSE_TO_BORDER,
    "face_is_close_to_the_border": CaptureReason.FACE_CLOSE_TO_BORDER,
    "the_face_rotation_angle_is_too_large": CaptureReason.FACE_ANGLE_TOO_LARGE,
    "face_rotation_angle_too_large": CaptureReason.FACE_ANGLE_TOO_LARGE,
    "ERR_FACE_ROTATION": CaptureReason.FACE_ANGLE_TOO_LARGE,
    "ERR_LIVENESS_FACE_ANGLE_TOO_LARGE": CaptureReason.FACE_ANGLE_TOO_LARGE,
    "the_face_is_occluded": CaptureReason.FACE_IS_OCCLUDED,
    "ERR_LIVENESS_FACE_IS_OCCLUDED": CaptureReason.FACE_IS_OCCLUDED,
    "face_not_visible": CaptureReason.FACE_NOT_FOUND,
    "ERR_NO_FACES_FOUND": CaptureReason.FACE_NOT_FOUND,
    "ERR_MULTIPLE_FACES": CaptureReason.TOO_MANY_FACES,
    "ERR_LIVENESS_EYES_CLOSED": CaptureReason.EYES_CLOSED,
    "ERR_INVALID_IMAGE": ImageRejected,
}
"""Texts and codes of a capture that the vendor's web clients of 2026 know; no page has them. They
come with spaces as well as with underscores."""
_NAMES_OF_STATUSES: Final = frozenset({"error", "conflict", "preconditionfailed"})
"""Codes that stand beside any error of their status, and so tell none from another."""

TABLE: Final = ErrorTable(
    codes={
        **_BARE,
        **_SAID,
        _SPOOF: NOT_LIVE,
        **{
            token: row.means
            for row in DOCUMENTED.values()
            if row.means
            for token in (row.message, row.code)
            if token and token.casefold() not in _NAMES_OF_STATUSES | set(map(str.casefold, _BARE))
        },
    },
    statuses={
        402: QuotaExhausted,
        422: InvalidRequest,
        423: PermissionDenied,
        500: ProviderUnavailable,
    },
)


def _spelled(text: str) -> str:
    return "_".join(text.casefold().strip(" .").split())


_SPELLED: Final = {_spelled(token): token for token in TABLE.codes}

CAPTURE: Final[Mapping[CaptureReason, str]] = {
    CaptureReason.FACE_NOT_FOUND: "no_face_detected",
    CaptureReason.TOO_MANY_FACES: "multiple_faces_detected",
    CaptureReason.FACE_TOO_SMALL: "face_too_far",
    CaptureReason.FACE_TOO_CLOSE: "face_too_close",
    CaptureReason.FACE_CLOSE_TO_BORDER: "face_close_to_border",
    CaptureReason.FACE_CROPPED: "face_too_close",  # Verifik counts a cropped face among those
    CaptureReason.FACE_ANGLE_TOO_LARGE: "face_rotation_too_large",
    CaptureReason.FACE_IS_OCCLUDED: "face_occluded",
    CaptureReason.EYES_CLOSED: "face_occluded",  # it has no word for eyes; dark glasses are both
    CaptureReason.QUALITY_TOO_LOW: "poor_lighting",
    CaptureReason.NOT_STATED: "image_is_invalid_for_checking_liveness",
}
REPLIES: Final[Mapping[type[FacegateError], str]] = {
    ConsentRefused: "access_forbidden",
    ImageRejected: "only_images_in_base64",
    InvalidRequest: "missing_parameter",
    ProviderTimeout: "timeout",
    QuotaExhausted: "insufficient_credits",
    RateLimited: "too_many_requests",
    UnsupportedOperation: "access_forbidden",
    UnsupportedOption: "missing_parameter",
    FacegateError: "internal_error",
}
"""Errors that the compatible API sends for each class. A credential or a licence that failed behind
it is the operator's, and the caller's own is as good as it was."""


def token(reply: HttpReply) -> tuple[str | None, float | None]:
    """The token of an error reply, as in :data:`TABLE`, and the score of a failed liveness check.

    The token is None where only the status says something, the score where none is sent.
    """
    name, score = _told(reply)
    # Here alone, wherever the words stood: each of the places that are read has let one through.
    if reply.status != _REFUSED and TABLE.codes.get(name or "") is NOT_LIVE:
        return None, None
    return name, score


def _told(reply: HttpReply) -> tuple[str | None, float | None]:
    """What the words of a reply tell, whatever its status."""
    body = _object(reply.body)
    data = body.get("data")
    inner = data if isinstance(data, dict) else {}
    if (failure := _failure({**inner, **body}, reply.status)) is not None:
        return failure
    if isinstance(inner.get("detail"), list):  # the engine behind it, on what it was asked
        return "MissingParameter", None
    messages = list(_texts(inner.get("message"), body.get("message"), body.get("error")))
    codes = [
        code for code in _texts(body.get("code"), inner.get("code")) if code.casefold() != "error"
    ]
    for text in (*messages, *codes):
        name, score = _known(text, reply.status)
        if name:
            return name, score
    # A token or a code that is not known stays unknown. Prose says nothing, so the status has to.
    tokens = (text for text in messages if re.fullmatch(r"[a-z]+(_[a-z]+)+", text))
    return next(chain(codes, tokens), None), None


def _failure(body: Mapping[str, Any], status: int) -> tuple[str, float | None] | None:
    """What the newest web clients read first: why liveness failed, beside any message."""
    match body:
        case {"failureKind": "quality", "failureReason": str(reason)}:
            return _known(reason, status)[0] or _QUALITY, None
        case {"failureKind": "score", "livenessScore": int() | float() as score} if 0 <= score <= 1:
            return _SPOOF, float(score)
    return None


def _known(text: str, status: int) -> tuple[str | None, float | None]:
    head, _, tail = re.sub(r"^\d{3}:", "", text.strip()).partition("@")
    head, tail = _spelled(head), _spelled(tail)
    if head == _QUALITY:
        return _SPELLED.get(tail, _QUALITY), None
    if head in _SPOOFS:
        if re.fullmatch(r"[01](\.\d{1,20})?", tail):
            score = float(tail)
            return _SPOOF, score if score <= 1 else None
        # What is neither a score nor known is, in the vendor's words, a check that was not done.
        return _SPOOF if tail in {"", *_SPOOFS} else _SPELLED.get(tail, "liveness_error"), None
    words = set(re.findall("[a-z]+", head))
    by_words = (name for code, wanted, name in _WORDS if code == status and wanted <= words)
    return _SPELLED.get(head) or next(by_words, None), None


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode("utf-8-sig"))  # or json would guess, from bytes, at UTF-16
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _texts(*values: Any) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))
