"""The server's errors: a few words in a traceback, of which nothing else may be shown."""

from __future__ import annotations

import re
from typing import Final

from facegate import plugin as fg

_NAMED: Final = re.compile(
    r"deepface\.modules\.exceptions\.(FaceNotDetected|SpoofDetected|DataTypeError)\b"
    r"|requests\.exceptions\.(ConnectionError)\b|exception occurred while (downloading)"
    r'|Invalid (model_name|distance_metric) passed|\A\{\s*"(exception)"'
)
_PLACE: Final = re.compile(r"processing (img[12])_path")

ERRORS: Final = fg.ErrorTable(  # HTML with a 400 is about JSON that cannot be read: unmapped
    {
        "FaceNotDetected": fg.CaptureReason.FACE_NOT_FOUND,
        "FaceNotDetected:img1": fg.CaptureReason.FACE_NOT_FOUND,
        "FaceNotDetected:img2": fg.CaptureReason.FACE_NOT_FOUND,
        "SpoofDetected": fg.NOT_LIVE,
        "DataTypeError": fg.ImageRejected,
        "ConnectionError": fg.ProviderUnavailable,
        "downloading": fg.ProviderUnavailable,
        "model_name": fg.InvalidRequest,
        "distance_metric": fg.InvalidRequest,
        "exception": fg.InvalidRequest,
    }
)


def code_in(text: str) -> str | None:
    """The first code in an error, with the picture that has no face if that is told."""
    named, place = _NAMED.search(text), _PLACE.search(text)
    if named is None:
        return None
    code = named[named.lastindex or 0]
    placed = f"{code}:{place[1]}" if place else code
    return placed if placed in ERRORS.codes else code
