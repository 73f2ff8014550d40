"""The header of a picture: type, size, animation, and whether the end of the file is there.

Nothing is decoded, so a file that claims 60 000 x 60 000 pixels costs nothing to refuse. Sizes come
from the imagesize library; what it does not tell (animation, truncation) is read here, and so are
the sizes that it does not know.
"""

from __future__ import annotations

import io
import math
import struct
from enum import StrEnum
from typing import NamedTuple

from facegate.errors import ImageRejected
from facegate.images.parts import SCAN, boxes, chunks, segments


class ImageFormat(StrEnum):
    """A picture type that some provider takes; each provider declares which."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    BMP = "BMP"
    TIFF = "TIFF"
    JPEG2000 = "JPEG 2000"
    HEIC = "HEIC"
    AVIF = "AVIF"

    @property
    def media_type(self) -> str:
        """The name in HTTP and data URIs: ``image/jpeg``."""
        return "image/jp2" if self is ImageFormat.JPEG2000 else f"image/{self.lower()}"


class Header(NamedTuple):
    """Type and stored size in pixels, before any EXIF rotation."""

    format: ImageFormat
    width: int
    height: int


_PREFIXES = {
    b"\xff\xd8\xff": ImageFormat.JPEG,
    b"\x89PNG\r\n\x1a\n": ImageFormat.PNG,
    b"BM": ImageFormat.BMP,
    b"II*\0": ImageFormat.TIFF,
    b"MM\0*": ImageFormat.TIFF,
    b"\0\0\0\x0cjP  \r\n\x87\n": ImageFormat.JPEG2000,
    b"\xff\x4f\xff\x51": ImageFormat.JPEG2000,  # the codestream alone
}
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), ImageFormat.AVIF),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), ImageFormat.HEIC),
    **dict.fromkeys((b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"), ImageFormat.HEIC),
}
"""Types by the brands of ISO 23008-12 and AV1-ISOBMFF; the last two are every kind's, so the one
that is named first and says more counts."""
_GENERAL = (b"mif1", b"msf1")
_SEQUENCES = (b"avis", b"hevc", b"hevx", b"hevm", b"hevs", b"msf1")


def sniff(data: bytes) -> Header:
    """Read a picture's type and stored pixel size, before any EXIF rotation.

    Raises:
        ImageRejected: unknown type, unreadable header, animation, or a file that ends too early.
    """
    import imagesize  # loads urllib's HTTP client, which importing facegate should not

    kind = format_of(data)
    width, height = 0, 0
    try:
        complete, frames = _INSPECT[kind](data)
        if kind in _SIZES and complete:
            width, height = _SIZES[kind](data)
    except (IndexError, struct.error):  # the file points beyond its own end
        complete, frames = False, 1
    if not complete:
        raise ImageRejected(f"the {kind} is damaged or cut short; was it still uploading?")
    if frames > 1:
        raise ImageRejected(f"the {kind} holds more than one picture; send the one that counts")
    if kind not in _SIZES:
        width, height = imagesize.get(io.BytesIO(data), exif_rotation=False)
    if width <= 0 or height <= 0:
        raise ImageRejected(f"the {kind} header gives no size; the file is damaged")
    return Header(kind, width, height)


def format_of(data: bytes) -> ImageFormat:
    """The type of a picture, by its first :data:`HEAD` bytes or more.

    Raises:
        ImageRejected: a type that nobody takes, or none that is known.
    """
    for prefix, kind in _PREFIXES.items():
        if data.startswith(prefix):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageFormat.WEBP
    brands = _brands(data)
    for brand in (*(each for each in brands if each not in _GENERAL), *brands):
        if brand in _BRANDS:
            return _BRANDS[brand]
    if data.startswith(b"GIF8"):
        raise ImageRejected("GIF pictures are not taken; convert it to JPEG")
    raise ImageRejected(f"not a picture of a known type ({', '.join(ImageFormat)})")


def _brands(data: bytes) -> list[bytes]:
    """The brands of an ISO media file, the major one first."""
    if data[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(data[:4], "big"), HEAD)
    return [data[8:12], *(data[place : place + 4] for place in range(16, end, 4))]


class _Inspection(NamedTuple):
    """Whether the end of the file is there, and how many pictures are in it."""

    complete: bool
    frames: int = 1


_MOST_BRANDS = 64
HEAD = 16 + 4 * _MOST_BRANDS
"""Bytes at the beginning of a picture that tell its type."""
_MOST_SCANS = 100
"""Scans of a progressive JPEG; a dozen is usual, each costs a pass over the whole picture."""
_SEQUENTIAL = (0xC0, 0xC1)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def _jpeg(data: bytes) -> _Inspection:
    """Complete if an end marker follows the scan; one in an EXIF thumbnail does not count.

    Counting the scans reads every byte. A sequential picture whose first scan holds all of its
    components is decoded from that one alone, so nothing is counted there: it is the usual photo.
    """
    enough = -1
    for marker, start, end in segments(data):
        if marker in _FRAMES:
            enough = data[start + 9] if marker in _SEQUENTIAL else -1
        if marker == SCAN:
            if data[start + 4] != enough and data.count(b"\xff\xda") > _MOST_SCANS:
                raise ImageRejected(f"the JPEG has more than {_MOST_SCANS} scans; save it anew")
            return _Inspection(data.rfind(b"\xff\xd9", end) >= 0)
    return _Inspection(complete=False)


def _png(data: bytes) -> _Inspection:
    frames = 1
    for name, start, end in chunks(data):
        if name == b"acTL":
            frames = max(frames, struct.unpack_from(">I", data, start + 8)[0])
        if name == b"fdAT":  # a frame that an animation shows and a still picture does not
            frames = 2
        if name == b"IEND":
            return _Inspection(end <= len(data), frames)
    return _Inspection(complete=False)


def _webp(data: bytes) -> _Inspection:
    animated = data[12:16] == b"VP8X" and bool(data[20] & 0x02)
    return _Inspection(struct.unpack_from("<I", data, 4)[0] + 8 <= len(data), 2 if animated else 1)


def _bmp(data: bytes) -> _Inspection:
    return _Inspection(struct.unpack_from("<I", data, 2)[0] <= len(data))


def _bmp_size(data: bytes) -> tuple[int, int]:
    """Of the header from OS/2 1.x in 16 bits, of all others in 32; rows may go from the top."""
    old = struct.unpack_from("<I", data, 14)[0] == 12
    width, height = struct.unpack_from("<HH" if old else "<ii", data, 18)
    return width, abs(height)


def _jpeg2000(data: bytes) -> _Inspection:
    """Complete if the codestream ends as it should (ISO 15444-1, A.4.4)."""
    start, end = _codestream(data)
    return _Inspection(data.rfind(b"\xff\xd9", max(start, end - 16), end) >= 0)  # padding, maybe


def _jpeg2000_size(data: bytes) -> tuple[int, int]:
    """Of the codestream, which is what is decoded, whatever the file around it says (A.5.1)."""
    start, _ = _codestream(data)
    if data[start + 2 : start + 4] != b"\xff\x51":
        return 0, 0
    width, height, left, top = struct.unpack_from(">IIII", data, start + 8)
    return width - left, height - top


def _codestream(data: bytes) -> tuple[int, int]:
    if not data.startswith(b"\0"):
        return 0, len(data)
    return next(((body, end) for name, body, end in boxes(data) if name == b"jp2c"), (0, 0))


def _heif(data: bytes) -> _Inspection:
    outer = {name: (body, end) for name, body, end in boxes(data)}
    # What is coded lies in a box of its own, or, where it is little, in that of the metadata.
    whole = b"mdat" in outer or b"idat" in data[slice(*outer.get(b"meta", (0, 0)))]
    return _Inspection(whole, frames=2 if data[8:12] in _SEQUENCES else 1)


def _heif_size(data: bytes) -> tuple[int, int]:
    """The largest of all stated: a file holds tiles and previews too (ISO 23008-12, 6.5.3)."""
    start, end = 0, len(data)
    for wanted, skipped in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        inner = (
            (body + skipped, end) for name, body, end in boxes(data, start, end) if name == wanted
        )
        start, end = next(inner, (0, 0))
    sizes = (
        struct.unpack_from(">II", data, body + 4)
        for name, body, _ in boxes(data, start, end)
        if name == b"ispe"
    )
    return max(sizes, key=math.prod, default=(0, 0))


def _tiff(data: bytes) -> _Inspection:
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (entries,) = struct.unpack_from(f"{order}H", data, directory)
    (following,) = struct.unpack_from(f"{order}I", data, directory + 2 + 12 * entries)
    places = {
        struct.unpack_from(f"{order}H", data, place)[0]: place
        for place in range(directory + 2, directory + 2 + 12 * entries, 12)
    }
    if entries > len(places):  # two sizes, say: one for who checks, one for who decodes
        raise ImageRejected("the TIFF says things twice; save it anew")
    whole = all(
        start + length <= len(data)
        for starts, lengths in _TIFF_PIECES
        if starts in places and lengths in places
        for start, length in zip(
            _numbers(data, order, places[starts]),
            _numbers(data, order, places[lengths]),
            strict=False,
        )
    )
    return _Inspection(whole, frames=2 if following else 1)


_TIFF_PIECES = ((273, 279), (324, 325))
"""Tags of the offsets and byte counts of strips and of tiles (TIFF 6.0)."""


def _numbers(data: bytes, order: str, entry: int) -> tuple[int, ...]:
    """The values of a tag, of 16 or of 32 bits, in the entry itself where they fit."""
    kind, count = struct.unpack_from(f"{order}HI", data, entry + 2)
    letter, size = ("H", 2) if kind == 3 else ("I", 4)
    inline = count * size <= 4
    place = entry + 8 if inline else struct.unpack_from(f"{order}I", data, entry + 8)[0]
    if place + count * size > len(data):  # looked at first: a count may ask for gigabytes
        raise IndexError
    return struct.unpack_from(f"{order}{count}{letter}", data, place)


_INSPECT = {
    ImageFormat.JPEG: _jpeg,
    ImageFormat.PNG: _png,
    ImageFormat.WEBP: _webp,
    ImageFormat.BMP: _bmp,
    ImageFormat.TIFF: _tiff,
    ImageFormat.JPEG2000: _jpeg2000,
    ImageFormat.HEIC: _heif,
    ImageFormat.AVIF: _heif,
}
_SIZES = {
    ImageFormat.BMP: _bmp_size,
    ImageFormat.JPEG2000: _jpeg2000_size,
    ImageFormat.HEIC: _heif_size,
    ImageFormat.AVIF: _heif_size,
}
