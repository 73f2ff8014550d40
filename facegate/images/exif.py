"""EXIF of an encoded picture: the one thing in it that changes what is seen, its orientation."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from facegate.images.sniff import ImageFormat

_PREFIX = b"Exif\0\0"
_ORIENTATION = 0x0112
_MOST_PARTS = 20_000
"""Segments, chunks or tags that are looked through."""


def orientation(data: bytes, kind: ImageFormat) -> int:
    """The EXIF orientation, 1 to 8 (EXIF 2.32, section 4.6.4); 1, upright, where none is stated."""
    try:
        block = next(_blocks(data, kind), b"").removeprefix(_PREFIX)
        order = {b"II*\0": "<", b"MM\0*": ">"}[block[:4]]
        (directory,) = struct.unpack_from(f"{order}I", block, 4)
        (entries,) = struct.unpack_from(f"{order}H", block, directory)
        for index in range(min(entries, _MOST_PARTS)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", block, directory + 2 + 12 * index)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except (IndexError, KeyError, struct.error):  # none, or a damaged one: the picture is whole
        pass
    return 1


def _blocks(data: bytes, kind: ImageFormat) -> Iterator[bytes]:
    match kind:
        case ImageFormat.JPEG:
            return _segments(data)
        case ImageFormat.PNG:
            return _png_chunks(data)
        case ImageFormat.WEBP:
            return _riff_chunks(data)
        case ImageFormat.TIFF:
            return iter((data,))
    return iter(())


def _segments(jpeg: bytes) -> Iterator[bytes]:
    position = 2
    for _ in range(_MOST_PARTS):
        if jpeg[position] != 0xFF or jpeg[position + 1] == 0xDA:  # the scan begins
            return
        if jpeg[position + 1] == 0xFF:  # a fill byte
            position += 1
            continue
        (length,) = struct.unpack_from(">H", jpeg, position + 2)
        if jpeg[position + 1] == 0xE1 and jpeg.startswith(_PREFIX, position + 4):
            yield jpeg[position + 4 : position + 2 + length]
        position += 2 + length


def _png_chunks(png: bytes) -> Iterator[bytes]:
    position = 8
    for _ in range(_MOST_PARTS):
        length, name = struct.unpack_from(">I4s", png, position)
        if name == b"eXIf":
            yield png[position + 8 : position + 8 + length]
        position += 12 + length


def _riff_chunks(webp: bytes) -> Iterator[bytes]:
    position = 12
    for _ in range(_MOST_PARTS):
        name, length = struct.unpack_from("<4sI", webp, position)
        if name == b"EXIF":
            yield webp[position + 8 : position + 8 + length]
        position += 8 + length + length % 2  # padded to pairs
