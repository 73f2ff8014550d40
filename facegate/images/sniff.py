"""The header of a picture: type, size, animation, and whether the end of the file is there.

Nothing is decoded, so a file that claims 60 000 x 60 000 pixels costs nothing to refuse. Sizes come
from the imagesize library; what it does not tell (animation, truncation) is read here.
"""

from __future__ import annotations

import io
import struct
from enum import StrEnum
from typing import NamedTuple

from facegate.errors import ImageRejected


class ImageFormat(StrEnum):
    """A picture type that some provider takes; each provider declares which."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    BMP = "BMP"
    TIFF = "TIFF"
    JPEG2000 = "JPEG 2000"

    @property
    def media_type(self) -> str:
        """The name in HTTP and data URIs: ``image/jpeg``."""
        return "image/jp2" if self is ImageFormat.JPEG2000 else f"image/{self.lower()}"


class Header(NamedTuple):
    """Type and stored size in pixels, before any EXIF rotation."""

    format: ImageFormat
    width: int
    height: int


_FOREIGN = {
    b"GIF8": "GIF",
    **dict.fromkeys((b"ftyphei", b"ftyphev", b"ftypmif", b"ftypmsf"), "HEIC"),
    b"ftypavi": "AVIF",
}
"""Types that no provider takes, known by their first bytes or by those after a box size."""
_PREFIXES = {
    b"\xff\xd8\xff": ImageFormat.JPEG,
    b"\x89PNG\r\n\x1a\n": ImageFormat.PNG,
    b"BM": ImageFormat.BMP,
    b"II*\0": ImageFormat.TIFF,
    b"MM\0*": ImageFormat.TIFF,
    b"\0\0\0\x0cjP  \r\n\x87\n": ImageFormat.JPEG2000,
}


def sniff(data: bytes) -> Header:
    """Read a picture's type and stored pixel size, before any EXIF rotation.

    Raises:
        ImageRejected: unknown type, unreadable header, animation, or a file that ends too early.
    """
    import imagesize  # loads urllib's HTTP client, which importing facegate should not

    kind = _format(data)
    try:
        complete, frames = _INSPECT[kind](data) if kind in _INSPECT else _Inspection(complete=True)
    except (IndexError, struct.error):  # the file points beyond its own end
        complete, frames = False, 1
    if not complete:
        raise ImageRejected(f"the {kind} is damaged or cut short; was it still uploading?")
    if frames > 1:
        raise ImageRejected(f"the {kind} holds more than one picture; send the one that counts")
    width, height = imagesize.get(io.BytesIO(data), exif_rotation=False)
    if width <= 0 or height <= 0:
        raise ImageRejected(f"the {kind} header gives no size; the file is damaged")
    return Header(kind, width, height)


def _format(data: bytes) -> ImageFormat:
    for prefix, kind in _PREFIXES.items():
        if data.startswith(prefix):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageFormat.WEBP
    for signature, name in _FOREIGN.items():
        if data.startswith(signature) or data.startswith(signature, 4):
            raise ImageRejected(f"{name} pictures are not taken; convert it to JPEG")
    raise ImageRejected(f"not a picture of a known type ({', '.join(ImageFormat)})")


class _Inspection(NamedTuple):
    """Whether the end of the file is there, and how many pictures are in it."""

    complete: bool
    frames: int = 1


_MOST_PARTS = 20_000
"""Segments and fill bytes of a JPEG, or chunks of a PNG, that are walked through, in Python. A few
hundred are many."""
_MOST_SCANS = 100
"""Scans of a progressive JPEG; a dozen is usual, each costs a pass over the whole picture."""
_SEQUENTIAL = (0xC0, 0xC1)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def _jpeg(data: bytes) -> _Inspection:
    """Complete if an end marker follows the scan; one in an EXIF thumbnail does not count.

    Counting the scans reads every byte. A sequential picture whose first scan holds all of its
    components is decoded from that one alone, so nothing is counted there: it is the usual photo.
    """
    position, enough = 2, -1
    for _ in range(_MOST_PARTS):
        if data[position] != 0xFF:
            break
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        start, position = position, position + 2 + struct.unpack_from(">H", data, position + 2)[0]
        if marker in _FRAMES:
            enough = data[start + 9] if marker in _SEQUENTIAL else -1
        if marker == 0xDA:  # start of scan
            if data[start + 4] != enough and data.count(b"\xff\xda") > _MOST_SCANS:
                raise ImageRejected(f"the JPEG has more than {_MOST_SCANS} scans; save it anew")
            return _Inspection(data.rfind(b"\xff\xd9", position) >= 0)
    else:
        raise ImageRejected(f"the JPEG has more than {_MOST_PARTS} segments; save it anew")
    return _Inspection(complete=False)


def _png(data: bytes) -> _Inspection:
    position, frames = 8, 1
    for _ in range(_MOST_PARTS):
        if position + 12 > len(data):
            break
        length, name = struct.unpack_from(">I4s", data, position)
        if name == b"acTL":
            frames = max(frames, struct.unpack_from(">I", data, position + 8)[0])
        if name == b"fdAT":  # a frame that an animation shows and a still picture does not
            frames = 2
        position += 12 + length
        if name == b"IEND":
            return _Inspection(position <= len(data), frames)
    else:
        raise ImageRejected(f"the PNG has more than {_MOST_PARTS} chunks; save it anew")
    return _Inspection(complete=False)


def _webp(data: bytes) -> _Inspection:
    animated = data[12:16] == b"VP8X" and bool(data[20] & 0x02)
    return _Inspection(struct.unpack_from("<I", data, 4)[0] + 8 <= len(data), 2 if animated else 1)


def _bmp(data: bytes) -> _Inspection:
    return _Inspection(struct.unpack_from("<I", data, 2)[0] <= len(data))


def _tiff(data: bytes) -> _Inspection:
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (entries,) = struct.unpack_from(f"{order}H", data, directory)
    (following,) = struct.unpack_from(f"{order}I", data, directory + 2 + 12 * entries)
    tags = [
        struct.unpack_from(f"{order}H", data, directory + 2 + 12 * index)[0]
        for index in range(entries)
    ]
    if len(tags) > len(set(tags)):  # two sizes, say: one for who checks, one for who decodes
        raise ImageRejected("the TIFF says things twice; save it anew")
    return _Inspection(complete=True, frames=2 if following else 1)


_INSPECT = {
    ImageFormat.JPEG: _jpeg,
    ImageFormat.PNG: _png,
    ImageFormat.WEBP: _webp,
    ImageFormat.BMP: _bmp,
    ImageFormat.TIFF: _tiff,
}
