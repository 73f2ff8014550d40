"""Other bytes of the same pixels, so that nobody knows a picture by its digest."""

from __future__ import annotations

import secrets
import struct
import zlib

from facegate.images.image import Image
from facegate.images.parts import segments
from facegate.images.sniff import ImageFormat

_HEADER_END = 8 + 25
"""Bytes of a PNG's signature and of its header, which is first and of one length."""


def fresh(image: Image) -> Image:
    """The same pixels in other bytes each time: with a random comment.

    Pictures of other types than JPEG and PNG stay as they are.
    """
    note, data = secrets.token_hex(16).encode(), image.data
    if image.format is ImageFormat.JPEG:
        comment = struct.pack(">HH", 0xFFFE, 2 + len(note)) + note
        # Behind the segments of applications, some of which readers look for at the start alone.
        at = next(start for marker, start, _ in segments(data) if not 0xE0 <= marker <= 0xEF)
    elif image.format is ImageFormat.PNG:
        text = b"tEXtComment\0" + note
        comment = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
        at = _HEADER_END
    else:
        return image
    return Image(data[:at] + comment + data[at:], image.format, image.width, image.height)
