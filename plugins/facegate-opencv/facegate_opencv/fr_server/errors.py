"""The FR Server's errors.

Its documentation gives the codes and texts of Face Compare and of the endpoints beside it, and no
status. The statuses here follow those printed for a sibling product with the same codes, where the
licence codes, 413 and ERR_UNPROCESSABLE_CONTENT come from as well; the texts of these are
facegate's. So a client goes by the code alone, and an operator of the API can set other statuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from facegate.plugin import (
    NOT_LIVE,
    AuthenticationFailed,
    CaptureReason,
    Catalogue,
    ImageRejected,
    InvalidRequest,
    LicenseInvalid,
    Meaning,
    ProviderUnavailable,
    Row,
    UnmappedError,
)

LIVENESS_ERROR: Final = "ERR_LIVENESS_ERROR"
"""The code of every liveness error; which one it is, stands in ``metadata.code``."""
SPOOF: Final = "FACE_NOT_LIVE"
"""The one ``metadata.code`` that is an answer."""

_LIVENESS_MESSAGE: Final = (
    "A liveness error occurred. Please check the supplied image and the error metadata."
)

_CODES: Final[Mapping[str, Row]] = {
    "ERR_FACE_NOT_DETECTED": Row(
        400, CaptureReason.FACE_NOT_FOUND, "A face could not be detected in the image(s)."
    ),
    "ERR_API_KEY_NOT_PRESENT": Row(
        401, AuthenticationFailed, "The API key is missing from the request."
    ),
    "ERR_API_KEY_NOT_VALID": Row(403, AuthenticationFailed, "The API key is not valid."),
    LIVENESS_ERROR: Row(422, UnmappedError, _LIVENESS_MESSAGE),
    "ERR_BASE64_IMAGE_CANNOT_BE_DECODED": Row(
        422,
        ImageRejected,
        "The posted Base64 image(s) could not be decoded as JPEG/PNG bytes.",
    ),
    "ERR_UNPROCESSABLE_CONTENT": Row(422, InvalidRequest, "Invalid request."),
    "ERR_PAYLOAD_IS_TOO_LARGE": Row(413, ImageRejected, "The request is too large."),
    "ERR_LICENSE_EXPIRED": Row(403, LicenseInvalid, "The license has expired."),
    "ERR_CANNOT_CONNECT_TO_TIME_SERVER": Row(
        403, LicenseInvalid, "The license cannot be checked: no connection to the time server."
    ),
    "ERR_CANNOT_CONNECT_TO_HOME_SERVER": Row(
        403, LicenseInvalid, "The license cannot be checked: no connection to the home server."
    ),
    "ERR_NUMBER_OF_AVAILABLE_INSTANCES_EXCEEDED": Row(
        403, LicenseInvalid, "The license allows no more instances."
    ),
    "ERR_DATABASE_ERROR": Row(
        503,
        ProviderUnavailable,
        "An error occurred while connecting with the database, please retry your request later.",
    ),
    # Of collections, which facegate never names: here they explain nothing.
    "ERR_NOT_FOUND": Row(404, UnmappedError, "The requested entity could not be found."),
    "ERR_INVALID_COLLECTION_NAME": Row(
        400,
        UnmappedError,
        "Collection names can only contain alphanumeric characters, underscores, hyphens, and"
        " periods.",
    ),
    "ERR_ALREADY_EXISTS": Row(
        409, UnmappedError, "Another entity already exists with the same ID."
    ),
}

_MEANINGS: Final[Mapping[str, Meaning]] = {
    SPOOF: NOT_LIVE,
    "FACE_NOT_FOUND": CaptureReason.FACE_NOT_FOUND,
    "TOO_MANY_FACES": CaptureReason.TOO_MANY_FACES,
    "FACE_TOO_SMALL": CaptureReason.FACE_TOO_SMALL,
    "FACE_TOO_CLOSE": CaptureReason.FACE_TOO_CLOSE,
    "FACE_CLOSE_TO_BORDER": CaptureReason.FACE_CLOSE_TO_BORDER,
    "FACE_CROPPED": CaptureReason.FACE_CROPPED,
    "FACE_ANGLE_TOO_LARGE": CaptureReason.FACE_ANGLE_TOO_LARGE,
    "FACE_IS_OCCLUDED": CaptureReason.FACE_IS_OCCLUDED,
    "EYES_CLOSED": CaptureReason.EYES_CLOSED,
    "LICENSE_ERROR": LicenseInvalid,
    "UNKNOWN_ERROR": UnmappedError,
}
LIVENESS: Final = {name: Row(422, means, _LIVENESS_MESSAGE) for name, means in _MEANINGS.items()}
"""What each ``metadata.code`` means; the documentation calls these the common ones."""


def _in_metadata(name: str, row: Row) -> Mapping[str, Any]:
    return {"code": LIVENESS_ERROR, "message": row.message, "metadata": {"code": name}}


TABLE: Final = Catalogue(
    {**_CODES, **{f"{LIVENESS_ERROR}:{name}": row for name, row in LIVENESS.items()}}
).table

REPLIES: Final = {
    **Catalogue(_CODES).replies,
    **Catalogue(LIVENESS, shape=_in_metadata).replies,
}
"""Every error as the API sends it; a liveness error by the name of its ``metadata.code``."""
