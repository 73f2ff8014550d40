"""Metadata of a picture: place, time, device, owner, an earlier picture. None of it is the face.

What is kept is what changes how the pixels look: colour profile, transparency, and the orientation,
in an EXIF block of its own. The pixels are not decoded, so nothing is lost of them.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence

from facegate.errors import ImageRejected
from facegate.images.exif import PREFIX, with_only
from facegate.images.image import Image
from facegate.images.parts import SCAN, boxes, chunks, riff_chunks, segments
from facegate.images.sniff import ImageFormat


def without_metadata(image: Image) -> Image:
    """The same picture, with nothing in it but what its pixels need.

    The image itself where that is all there is in it.

    Args:
        image: of one of the types in :data:`REMOVABLE`.

    Raises:
        ImageRejected: it is damaged, so that nobody can tell what is in it.
    """
    try:
        kept = [*_KEPT[image.format](image.data, image.orientation)]
    except (IndexError, struct.error):
        raise ImageRejected(f"the {image.format} is damaged; send it anew") from None
    if _is_all(kept, len(image.data)):  # most pictures: millions of bytes, and none to be moved
        return image
    view = memoryview(image.data)
    data = b"".join(view[each] if isinstance(each, slice) else each for each in kept)
    return image if data == image.data else Image(data, image.format, image.width, image.height)


_Part = bytes | slice
"""A new part of a picture, or a place in the old one."""


def _is_all(parts: Sequence[_Part], length: int) -> bool:
    """Whether the parts are the places of the whole, in order and without a gap."""
    end = 0
    for part in parts:
        if not isinstance(part, slice) or part.start != end:
            return False
        end = part.stop
    return end == length


def _jpeg(data: bytes, orientation: int) -> Iterator[_Part]:
    """Up to the end of the first picture; phones append others, and films, to it."""
    yield slice(0, 2)
    if orientation != 1:
        block = PREFIX + with_only(orientation)
        yield struct.pack(">HH", 0xFFE1, 2 + len(block)) + block
    position = 2
    while True:
        for marker, start, end in segments(data, position):
            position = end
            if not 0xE0 <= marker <= 0xEF and marker != _COMMENT:
                yield slice(start, end)
            elif data.startswith(b"JFIF\0", start + 4):  # without the small picture it may hold
                bare = b"\xff\xe0\0\x10" + data[start + 4 : start + 16] + b"\0\0"
                yield slice(start, end) if data[start:end] == bare else bare
            elif data.startswith(_COLOURS.get(marker, b"\0" * 64), start + 4):
                yield slice(start, end)
        if marker != SCAN:
            raise IndexError
        coded = _MARKER.search(data, position)
        if coded is None:
            raise IndexError
        yield slice(position, coded.start())
        if coded[0] == b"\xff\xd9":
            yield slice(*coded.span())
            return
        position = coded.start()


_COMMENT = 0xFE
_COLOURS = {0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""Segments of applications that say what the samples mean."""
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")
"""The end of coded samples: any marker but those that may stand within (ITU T.81, B.1.1.2)."""


def _png(data: bytes, orientation: int) -> Iterator[_Part]:
    yield slice(0, 8)
    for name, start, end in chunks(data):
        if name in _PNG_KEPT:
            yield slice(start, end)
        if name == b"IHDR" and orientation != 1:
            block = b"eXIf" + with_only(orientation)
            yield struct.pack(">I", len(block) - 4) + block + struct.pack(">I", zlib.crc32(block))


_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS bKGD pHYs cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI".split()
)


def _webp(data: bytes, orientation: int) -> Iterator[_Part]:
    kept = []
    for name, start, end in riff_chunks(data):
        content = data[start + 8 : end]
        if name == b"VP8X":  # the first byte says which of the others there are
            flags = content[0] & ~_WEBP_METADATA | (_WEBP_EXIF if orientation != 1 else 0)
            content = bytes([flags]) + content[1:]
        if name in _WEBP_KEPT:
            kept.append((name, content))
    if orientation != 1:
        kept.append((b"EXIF", with_only(orientation)))
    body = b"".join(
        struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)
        for name, content in kept
    )
    yield struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WEBP") + body


_WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP"))
_WEBP_EXIF = 0x08
_WEBP_METADATA = _WEBP_EXIF | 0x04  # EXIF and XMP


def _jpeg2000(data: bytes, _: int) -> Iterator[_Part]:
    if not data.startswith(b"\0"):  # a codestream, which has no place for it but comments
        yield slice(0, len(data))
        return
    for name, body, end in boxes(data):
        if name in _JPEG2000_KEPT:
            yield struct.pack(">I4s", end - body + 8, name) + data[body:end]


_JPEG2000_KEPT = frozenset((b"jP  ", b"ftyp", b"jp2h", b"jp2c"))


def _bmp(data: bytes, _: int) -> Iterator[_Part]:
    size = struct.unpack_from("<I", data, 2)[0] or len(data)
    yield slice(0, min(size, len(data)))


_KEPT = {
    ImageFormat.JPEG: _jpeg,
    ImageFormat.PNG: _png,
    ImageFormat.WEBP: _webp,
    ImageFormat.JPEG2000: _jpeg2000,
    ImageFormat.BMP: _bmp,
}
REMOVABLE = frozenset(_KEPT)
"""The types that metadata can be removed from; others have to become one of these."""
