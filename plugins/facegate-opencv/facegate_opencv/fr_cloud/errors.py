"""The cloud API's errors.

The vendor publishes no catalogue. The codes and their groups are those that a public production
client of it lists; status and text of ERR_NO_FACES_FOUND were observed, the text of
ERR_FACE_EDGES_NOT_VISIBLE is recorded there, and the other statuses and texts are facegate's.
"""

from __future__ import annotations

from typing import Final

from facegate import plugin as fg

UNFIT: Final = "ERR_INVALID_FACE_FOR_LIVENESS"
RESTRICTED: Final = "ERR_RESTRICTED_API"
VALIDATION: Final = "HTTPValidationError"
"""Not a code but the name of the schema: a request that does not fit it has no code."""

CODES: Final = fg.Catalogue(
    {
        "ERR_NO_FACES_FOUND": fg.Row(
            400,
            fg.CaptureReason.FACE_NOT_FOUND,
            "Could not obtain at least one face from the supplied image(s)",
        ),
        "ERR_MULTIPLE_FACES": fg.Row(400, fg.CaptureReason.TOO_MANY_FACES, "More than one face"),
        "ERR_FACE_TOO_SMALL": fg.Row(400, fg.CaptureReason.FACE_TOO_SMALL, "The face is too small"),
        "ERR_FACE_TOO_CLOSE": fg.Row(400, fg.CaptureReason.FACE_TOO_CLOSE, "The face is too close"),
        "ERR_FACE_CROPPED": fg.Row(400, fg.CaptureReason.FACE_CROPPED, "The face is cropped"),
        "ERR_FACE_OCCLUDED": fg.Row(400, fg.CaptureReason.FACE_IS_OCCLUDED, "The face is covered"),
        "ERR_FACE_ROTATION": fg.Row(
            400, fg.CaptureReason.FACE_ANGLE_TOO_LARGE, "The face is turned away"
        ),
        UNFIT: fg.Row(400, fg.CaptureReason.QUALITY_TOO_LOW, "The image is unfit for liveness"),
        "ERR_BLURRY_IMAGE": fg.Row(400, fg.CaptureReason.QUALITY_TOO_LOW, "The image is blurry"),
        "ERR_FACE_EDGES_NOT_VISIBLE": fg.Row(
            400, fg.CaptureReason.FACE_CLOSE_TO_BORDER, "The face is not in the center"
        ),
        "ERR_IMAGE_COULD_NOT_BE_DECODED": fg.Row(400, fg.ImageRejected, "An image is not readable"),
        "ERR_NOT_STANDARD_CROP": fg.Row(400, fg.ImageRejected, "The image is no standard crop"),
        "ERR_INVALID_API_KEY": fg.Row(401, fg.AuthenticationFailed, "The API key is invalid"),
        "ERR_INVALID_TOKEN": fg.Row(401, fg.AuthenticationFailed, "The token is invalid"),
        "ERR_DISABLED_API_KEY": fg.Row(403, fg.PermissionDenied, "The API key is disabled"),
        RESTRICTED: fg.Row(403, fg.PermissionDenied, "The API key may not use this API"),
        "ERR_READ_ONLY_API_KEY": fg.Row(403, fg.PermissionDenied, "The API key may only read"),
        "ERR_MASTER_KEY_CANNOT_BE_USED": fg.Row(403, fg.PermissionDenied, "This is a master key"),
        "ERR_EXPIRED_SUBSCRIPTION": fg.Row(402, fg.QuotaExhausted, "The subscription has expired"),
        "ERR_PERSON_LIMIT_EXCEEDED": fg.Row(402, fg.QuotaExhausted, "There are too many persons"),
        "ERR_RATE_LIMIT_EXCEEDED": fg.Row(
            429, fg.RateLimited, "Too many requests", {"retry-after": "1"}
        ),
        "ERR_MAINTENANCE_MODE": fg.Row(503, fg.ProviderUnavailable, "Down for maintenance"),
        # Of enrolled persons, whom facegate never names: here they explain nothing.
        "ERR_ENTITY_NOT_FOUND": fg.Row(404, fg.UnmappedError, "There is no such entity"),
        "ERR_DUPLICATE_ENTITY": fg.Row(409, fg.UnmappedError, "The entity exists already"),
        "ERR_UPDATE_RESULTS_IN_TOO_MANY_THUMBNAILS": fg.Row(
            400, fg.UnmappedError, "The update would leave too many thumbnails"
        ),
        "ERR_UPDATE_RESULTS_IN_NO_THUMBNAILS": fg.Row(
            400, fg.UnmappedError, "The update would leave no thumbnails"
        ),
        "ERR_DELETE_RESULTS_IN_NO_THUMBNAILS": fg.Row(
            400, fg.UnmappedError, "The deletion would leave no thumbnails"
        ),
    },
    statuses={402: fg.QuotaExhausted, 422: fg.InvalidRequest},
    of_probe={UNFIT},
)


def validation(*misfits: fg.Misfit) -> dict[str, object]:
    """The body of a 422: the place, text and type of each problem, and never what was sent."""
    return {
        "detail": [
            {"loc": ["body", *each.place], "msg": each.text, "type": each.kind} for each in misfits
        ]
    }


_EXAMPLE = validation(fg.Misfit(("probe",), "missing", "Field required"))
REPLIES: Final = {**CODES.replies, VALIDATION: fg.VendorError(422, _EXAMPLE)}
"""Every error as the API sends it."""
