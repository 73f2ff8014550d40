"""The parts of an encoded picture, one after the other, as the file says where they end.

Walking them is Python, so their number is bounded. A file that points beyond its own end raises
``IndexError`` or ``struct.error``, or yields a last part that ends beyond it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from facegate.errors import ImageRejected

SCAN = 0xDA
_MOST = 20_000
"""Parts of one picture, fill bytes of a JPEG included. A few hundred are many."""


def segments(jpeg: bytes, position: int = 2) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment, up to and including the header of the next scan.

    Raises:
        ImageRejected: there are thousands.
    """
    for _ in range(_MOST):
        if jpeg[position] != 0xFF:
            return
        marker = jpeg[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        start, position = position, position + 2 + struct.unpack_from(">H", jpeg, position + 2)[0]
        yield marker, start, position
        if marker == SCAN:
            return
    raise ImageRejected(f"the JPEG has more than {_MOST} segments; save it anew")


def chunks(png: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk; its content lies 8 bytes from the start, 4 from the end.

    Raises:
        ImageRejected: there are thousands.
    """
    position = 8
    for _ in range(_MOST):
        if position + 12 > len(png):
            return
        length, name = struct.unpack_from(">I4s", png, position)
        start, position = position, position + 12 + length
        yield name, start, position
        if name == b"IEND":
            return
    raise ImageRejected(f"the PNG has more than {_MOST} chunks; save it anew")


def riff_chunks(webp: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk, padding excluded; its content lies 8 bytes from the start.

    Raises:
        ImageRejected: there are thousands.
    """
    position = 12
    for _ in range(_MOST):
        if position + 8 > len(webp):
            return
        name, length = struct.unpack_from("<4sI", webp, position)
        yield name, position, position + 8 + length
        position += 8 + length + length % 2
    raise ImageRejected(f"the WebP has more than {_MOST} chunks; save it anew")


def boxes(
    data: bytes, position: int = 0, limit: int | None = None
) -> Iterator[tuple[bytes, int, int]]:
    """Name, start of the content and end of each box of a JPEG 2000, HEIC or AVIF file.

    Args:
        data: the file.
        position: start of the first box: the file's, or that of another box's content.
        limit: end of the last; the file's if absent.

    Raises:
        ImageRejected: there are thousands.
    """
    limit = len(data) if limit is None else limit
    for _ in range(_MOST):
        if position + 8 > limit:
            return
        size, name = struct.unpack_from(">I4s", data, position)
        body = position + 8
        if size == 1:
            size, body = struct.unpack_from(">Q", data, body)[0], body + 8
        end = position + size if size else limit
        if not body <= end <= limit:
            raise IndexError
        yield name, body, end
        position = end
    raise ImageRejected(f"the file has more than {_MOST} boxes; save it anew")
