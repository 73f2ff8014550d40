"""The FR Server's errors.

Its documentation gives the codes and texts of Face Compare and of the endpoints beside it, and no
status. The statuses here follow those printed for a sibling product with the same codes, where the
licence codes, 413 and ERR_UNPROCESSABLE_CONTENT come from as well; the texts of these are
facegate's. So a client goes by the code alone, and an operator of the API can set other statuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from facegate import plugin as fg

LIVENESS_ERROR: Final = "ERR_LIVENESS_ERROR"
"""The code of every liveness error; which one it is, stands in ``metadata.code``."""
SPOOF: Final = "FACE_NOT_LIVE"
"""The one ``metadata.code`` that is an answer."""

_LIVENESS_MESSAGE: Final = (
    "A liveness error occurred. Please check the supplied image and the error metadata."
)

_CODES: Final[Mapping[str, fg.Row]] = {
    "ERR_FACE_NOT_DETECTED": fg.Row(
        400, fg.CaptureReason.FACE_NOT_FOUND, "A face could not be detected in the image(s)."
    ),
    "ERR_API_KEY_NOT_PRESENT": fg.Row(
        401, fg.AuthenticationFailed, "The API key is missing from the request."
    ),
    "ERR_API_KEY_NOT_VALID": fg.Row(403, fg.AuthenticationFailed, "The API key is not valid."),
    LIVENESS_ERROR: fg.Row(422, fg.UnmappedError, _LIVENESS_MESSAGE),
    "ERR_BASE64_IMAGE_CANNOT_BE_DECODED": fg.Row(
        422,
        fg.ImageRejected,
        "The posted Base64 image(s) could not be decoded as JPEG/PNG bytes.",
    ),
    "ERR_UNPROCESSABLE_CONTENT": fg.Row(422, fg.InvalidRequest, "Invalid request."),
    "ERR_PAYLOAD_IS_TOO_LARGE": fg.Row(413, fg.ImageRejected, "The request is too large."),
    "ERR_LICENSE_EXPIRED": fg.Row(403, fg.LicenseInvalid, "The license has expired."),
    "ERR_CANNOT_CONNECT_TO_TIME_SERVER": fg.Row(
        403, fg.LicenseInvalid, "The license cannot be checked: no connection to the time server."
    ),
    "ERR_CANNOT_CONNECT_TO_HOME_SERVER": fg.Row(
        403, fg.LicenseInvalid, "The license cannot be checked: no connection to the home server."
    ),
    "ERR_NUMBER_OF_AVAILABLE_INSTANCES_EXCEEDED": fg.Row(
        403, fg.LicenseInvalid, "The license allows no more instances."
    ),
    "ERR_DATABASE_ERROR": fg.Row(
        503,
        fg.ProviderUnavailable,
        "An error occurred while connecting with the database, please retry your request later.",
    ),
    # Of collections, which facegate never names: here they explain nothing.
    "ERR_NOT_FOUND": fg.Row(404, fg.UnmappedError, "The requested entity could not be found."),
    "ERR_INVALID_COLLECTION_NAME": fg.Row(
        400,
        fg.UnmappedError,
        "Collection names can only contain alphanumeric characters, underscores, hyphens, and"
        " periods.",
    ),
    "ERR_ALREADY_EXISTS": fg.Row(
        409, fg.UnmappedError, "Another entity already exists with the same ID."
    ),
}

_MEANINGS: Final[Mapping[str, fg.Meaning]] = {
    SPOOF: fg.NOT_LIVE,
    "FACE_NOT_FOUND": fg.CaptureReason.FACE_NOT_FOUND,
    "TOO_MANY_FACES": fg.CaptureReason.TOO_MANY_FACES,
    "FACE_TOO_SMALL": fg.CaptureReason.FACE_TOO_SMALL,
    "FACE_TOO_CLOSE": fg.CaptureReason.FACE_TOO_CLOSE,
    "FACE_CLOSE_TO_BORDER": fg.CaptureReason.FACE_CLOSE_TO_BORDER,
    "FACE_CROPPED": fg.CaptureReason.FACE_CROPPED,
    "FACE_ANGLE_TOO_LARGE": fg.CaptureReason.FACE_ANGLE_TOO_LARGE,
    "FACE_IS_OCCLUDED": fg.CaptureReason.FACE_IS_OCCLUDED,
    "EYES_CLOSED": fg.CaptureReason.EYES_CLOSED,
    "LICENSE_ERROR": fg.LicenseInvalid,
    "UNKNOWN_ERROR": fg.UnmappedError,
}
LIVENESS: Final = {name: fg.Row(422, means, _LIVENESS_MESSAGE) for name, means in _MEANINGS.items()}
"""What each ``metadata.code`` means; the documentation calls these the common ones."""


def _in_metadata(name: str, row: fg.Row) -> Mapping[str, Any]:
    return {"code": LIVENESS_ERROR, "message": row.message, "metadata": {"code": name}}


_LIVENESS_CODES = {f"{LIVENESS_ERROR}:{name}": row for name, row in LIVENESS.items()}
TABLE: Final = fg.Catalogue(
    {**_CODES, **_LIVENESS_CODES},
    of_probe={
        code for code, row in _LIVENESS_CODES.items() if isinstance(row.means, fg.CaptureReason)
    },
).table

REPLIES: Final = {
    **fg.Catalogue(_CODES).replies,
    **fg.Catalogue(LIVENESS, shape=_in_metadata).replies,
}
"""Every error as the API sends it; a liveness error by the name of its ``metadata.code``."""
