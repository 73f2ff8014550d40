"""The service's errors: result codes inside HTTP 200, and what comes with another status.

The vendor publishes numbers and names; the meaning is facegate's reading of the names. Not listed
are the codes of liveness sessions, which facegate does not begin, and those that explain nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from facegate import plugin as fg

# The first one of each reason is what the API sends.
_RESULTS: Final[Mapping[str, tuple[int, fg.Meaning]]] = {
    "FR_FACE_NOT_DETECTED": (2, fg.CaptureReason.FACE_NOT_FOUND),
    "FACER_HIGH_ASYMMETRY": (232, fg.CaptureReason.FACE_ANGLE_TOO_LARGE),
    "FACER_CLOSED_EYES_DETECTED": (230, fg.CaptureReason.EYES_CLOSED),
    "FACER_OCCLUSION_DETECTED": (240, fg.CaptureReason.FACE_IS_OCCLUDED),
    "FACER_SUNGLASSES_DETECTED": (234, fg.CaptureReason.FACE_IS_OCCLUDED),
    "FACER_HEADDRESS_DETECTED": (236, fg.CaptureReason.FACE_IS_OCCLUDED),
    "FACER_MEDICINE_MASK_DETECTED": (239, fg.CaptureReason.FACE_IS_OCCLUDED),
    "FACER_FOREHEAD_GLASSES_DETECTED": (242, fg.CaptureReason.FACE_IS_OCCLUDED),
    "FACER_LOW_QUALITY": (231, fg.CaptureReason.QUALITY_TOO_LOW),
    "FACER_FACE_OVER_EMOTIONAL": (233, fg.CaptureReason.QUALITY_TOO_LOW),
    "FACER_MOUTH_OPENED": (243, fg.CaptureReason.QUALITY_TOO_LOW),
    "FR_LANDMARKS_NOT_DETECTED": (3, fg.CaptureReason.QUALITY_TOO_LOW),
    "FR_FACE_ALIGHNER_FAILED": (4, fg.CaptureReason.QUALITY_TOO_LOW),  # spelt so
    "FR_IMAGE_EMPTY": (1, fg.ImageRejected),
    "FR_IMAGE_DECODE_ERROR": (6, fg.ImageRejected),
    "FACER_COMMAND_PARAMS_READ_ERROR": (203, fg.InvalidRequest),
    "FACER_LESS_THAN_TWO_IMAGES_IN_REQUEST": (224, fg.InvalidRequest),
    "FACER_IMAGES_COUNT_LIMIT_EXCEEDED": (238, fg.InvalidRequest),
    "FACER_COMMAND_IS_NOT_SUPPORTED": (202, fg.PermissionDenied),
    "FACER_NO_LICENSE": (200, fg.LicenseInvalid),
    "FACER_CONFIG_ERROR": (199, fg.ProviderUnavailable),
    "FACER_IS_NOT_INITIALIZED": (201, fg.ProviderUnavailable),
    "FACER_GENERAL_ERROR": (253, fg.ProviderUnavailable),
    "FR_DESCRIPTOR_EXTRACTOR_ERROR": (5, fg.ProviderUnavailable),
    "FR_INTERNAL_ERROR": (7, fg.ProviderUnavailable),
    "FACER_PASSIVE_LIVENESS_FAIL": (
        254,
        fg.UnmappedError,
    ),  # of a session; the API has a use for it
}
_STATUSES: Final = {
    "400": fg.Row(400, fg.InvalidRequest, "The request is not as documented"),
    "401": fg.Row(401, fg.AuthenticationFailed, "The key is not known"),  # a gateway's
    "403": fg.Row(403, fg.LicenseInvalid, "The licence is bad, or there is none"),
    "500": fg.Row(500, fg.ProviderUnavailable, "The service cannot answer"),
}
_NAMES: Final = {number: name for name, (number, _) in _RESULTS.items()}


def name_of(code: int) -> str:
    """The name of a result code; a number that has none, such as a status, is written out."""
    return _NAMES.get(code, str(code))


def _body(name: str, row: fg.Row) -> Mapping[str, Any]:
    if name in _STATUSES:
        return {"statusCode": row.status, "type": "error", "msg": row.message, "metadata": {}}
    return {"code": _RESULTS[name][0], "results": [], "detections": []}


ERRORS: Final = fg.Catalogue(
    {name: fg.Row(200, means) for name, (_, means) in _RESULTS.items()} | _STATUSES, shape=_body
)
