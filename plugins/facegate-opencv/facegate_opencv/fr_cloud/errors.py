"""The cloud API's errors.

The vendor publishes no catalogue. The codes and their groups are those that a public production
client of it lists; status and text of ERR_NO_FACES_FOUND were observed, the text of
ERR_FACE_EDGES_NOT_VISIBLE is recorded there, and the other statuses and texts are facegate's.
"""

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
    UnmappedError,
    VendorError,
)

RATE_LIMIT: Final = "ERR_RATE_LIMIT_EXCEEDED"
VALIDATION: Final = "HTTPValidationError"
"""Not a code but the name of the schema: a request that does not fit it has no code."""

CODES: Final = Catalogue(
    {
        "ERR_NO_FACES_FOUND": Row(
            400,
            CaptureReason.FACE_NOT_FOUND,
            "Could not obtain at least one face from the supplied image(s)",
        ),
        "ERR_MULTIPLE_FACES": Row(400, CaptureReason.TOO_MANY_FACES, "There is more than one face"),
        "ERR_FACE_TOO_SMALL": Row(400, CaptureReason.FACE_TOO_SMALL, "The face is too small"),
        "ERR_FACE_TOO_CLOSE": Row(400, CaptureReason.FACE_TOO_CLOSE, "The face is too close"),
        "ERR_FACE_CROPPED": Row(400, CaptureReason.FACE_CROPPED, "The face is cropped"),
        "ERR_FACE_OCCLUDED": Row(400, CaptureReason.FACE_IS_OCCLUDED, "The face is occluded"),
        "ERR_FACE_ROTATION": Row(
            400, CaptureReason.FACE_ANGLE_TOO_LARGE, "The face is turned away"
        ),
        "ERR_BLURRY_IMAGE": Row(400, CaptureReason.QUALITY_TOO_LOW, "The image is blurry"),
        "ERR_FACE_EDGES_NOT_VISIBLE": Row(
            400, CaptureReason.FACE_CLOSE_TO_BORDER, "The face is not in the center"
        ),
        "ERR_INVALID_FACE_FOR_LIVENESS": Row(
            400, CaptureReason.QUALITY_TOO_LOW, "The image is invalid for checking liveness"
        ),
        "ERR_IMAGE_COULD_NOT_BE_DECODED": Row(400, ImageRejected, "An image could not be decoded"),
        "ERR_NOT_STANDARD_CROP": Row(400, ImageRejected, "The image is not a standard crop"),
        "ERR_INVALID_API_KEY": Row(401, AuthenticationFailed, "The API key is invalid"),
        "ERR_INVALID_TOKEN": Row(401, AuthenticationFailed, "The token is invalid"),
        "ERR_DISABLED_API_KEY": Row(403, PermissionDenied, "The API key is disabled"),
        "ERR_RESTRICTED_API": Row(403, PermissionDenied, "The API key may not use this API"),
        "ERR_READ_ONLY_API_KEY": Row(403, PermissionDenied, "The API key may only read"),
        "ERR_MASTER_KEY_CANNOT_BE_USED": Row(403, PermissionDenied, "A master key may not do this"),
        "ERR_EXPIRED_SUBSCRIPTION": Row(402, QuotaExhausted, "The subscription has expired"),
        "ERR_PERSON_LIMIT_EXCEEDED": Row(402, QuotaExhausted, "The limit of persons is reached"),
        RATE_LIMIT: Row(429, RateLimited, "Too many requests", {"retry-after": "1"}),
        "ERR_MAINTENANCE_MODE": Row(503, ProviderUnavailable, "The service is under maintenance"),
        # Of enrolled persons, whom facegate never names: here they explain nothing.
        "ERR_ENTITY_NOT_FOUND": Row(404, UnmappedError, "The entity was not found"),
        "ERR_DUPLICATE_ENTITY": Row(409, UnmappedError, "The entity exists already"),
        "ERR_UPDATE_RESULTS_IN_TOO_MANY_THUMBNAILS": Row(
            400, UnmappedError, "The update would leave too many thumbnails"
        ),
        "ERR_UPDATE_RESULTS_IN_NO_THUMBNAILS": Row(
            400, UnmappedError, "The update would leave no thumbnails"
        ),
        "ERR_DELETE_RESULTS_IN_NO_THUMBNAILS": Row(
            400, UnmappedError, "The deletion would leave no thumbnails"
        ),
    },
    statuses={402: QuotaExhausted, 422: InvalidRequest},
)


def validation(*problems: tuple[str, tuple[str | int, ...], str]) -> dict[str, object]:
    """The body of a 422: the type, place and text of each problem, and never what was sent."""
    return {
        "detail": [
            {"loc": ["body", *place], "msg": text, "type": kind} for kind, place, text in problems
        ]
    }


REPLIES: Final = {
    **CODES.replies,
    VALIDATION: VendorError(422, validation(("missing", ("probe",), "Field required"))),
}
"""Every error as the API sends it."""
