"""CompreFace's errors. Source: ``ExceptionCode`` and the exception handlers of release 1.2.0.

A number alone is not enough: two errors have the number 12. So each goes by its status and number,
``400-28``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from facegate import plugin as fg


def _numbered(code: str, row: fg.Row) -> Mapping[str, Any]:
    return {"message": row.message, "code": int(code.split("-")[1])}


NO_FACE: Final = "400-28"
CROWDED: Final = "400-31"
NO_PICTURE: Final = "400-21"
NO_PART: Final = "400-34"
INVALID: Final = "400-26"
NO_UUID: Final = f"{INVALID}-key"
"""Not an error of its own for the vendor: the one before, where its text complains of the key."""
NO_KEY: Final = "400-20"
WRONG_KEY: Final = "404-10"
FAILED: Final = "400-0"
NO_ROUTE: Final = "404-0"
NO_ENGINE: Final = "500-41"

ERRORS: Final = fg.Catalogue(
    {
        # Whatever the engine refuses, on either picture: no face, or nothing that can be decoded.
        NO_FACE: fg.Row(400, fg.CaptureReason.NOT_STATED, "No face is found in the given image"),
        CROWDED: fg.Row(
            400, fg.CaptureReason.TOO_MANY_FACES, "More than one face in the source image"
        ),
        NO_PICTURE: fg.Row(400, fg.ImageRejected, "File has an unavailable extension"),
        NO_PART: fg.Row(400, fg.InvalidRequest, "Required part source_image is missing"),
        "400-33": fg.Row(400, fg.InvalidRequest, "Required parameter is missing"),
        "400-5": fg.Row(400, fg.InvalidRequest, "Required field is empty"),
        # 35 to 37, and 12 with status 400, are of other operations.
        INVALID: fg.Row(400, fg.InvalidRequest, "Limit should be equal or greater than 0; "),
        NO_UUID: fg.Row(400, fg.AuthenticationFailed, "Service API key should be UUID"),
        NO_KEY: fg.Row(400, fg.AuthenticationFailed, "Missing header: x-api-key"),
        # The vendor's own text repeats the key.
        WRONG_KEY: fg.Row(404, fg.AuthenticationFailed, "Verification service not found"),
        FAILED: fg.Row(400, fg.UnmappedError, "Something went wrong, please try again"),
        NO_ROUTE: fg.Row(404, fg.UnmappedError, "Method is not allowed"),
        NO_ENGINE: fg.Row(
            500, fg.ProviderUnavailable, "Error during synchronization between servers"
        ),
        "500-12": fg.Row(500, fg.ProviderUnavailable, "Incorrect model type"),
    },
    of_probe={CROWDED},
    shape=_numbered,
)
