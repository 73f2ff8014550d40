"""EXIF of an encoded picture: the one thing in it that changes what is seen, its orientation."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from facegate.images.parts import chunks, riff_chunks, segments
from facegate.images.sniff import ImageFormat

PREFIX = b"Exif\0\0"
"""The first bytes of a JPEG's segment that holds EXIF, and of some WebPs'."""
_ORIENTATION = 0x0112
_MOST_TAGS = 20_000


def orientation(data: bytes, kind: ImageFormat) -> int:
    """The EXIF orientation, 1 to 8 (EXIF 2.32, section 4.6.4); 1, upright, where none is stated."""
    try:
        block = next(_blocks(data, kind), b"").removeprefix(PREFIX)
        order = {b"II*\0": "<", b"MM\0*": ">"}[block[:4]]
        (directory,) = struct.unpack_from(f"{order}I", block, 4)
        (entries,) = struct.unpack_from(f"{order}H", block, directory)
        for index in range(min(entries, _MOST_TAGS)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", block, directory + 2 + 12 * index)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except (IndexError, KeyError, struct.error):  # none, or a damaged one: the picture is whole
        pass
    return 1


def with_only(orientation: int) -> bytes:
    """An EXIF block that says nothing but how to turn the picture."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)


def _blocks(data: bytes, kind: ImageFormat) -> Iterator[bytes]:
    if kind is ImageFormat.TIFF:
        yield data
    if kind not in _WHERE:
        return
    parts, name, before, after = _WHERE[kind]
    for part, start, end in parts(data):
        block = data[start + before : end - after]
        if part == name and (kind is not ImageFormat.JPEG or block.startswith(PREFIX)):
            yield block


_WHERE: Final[Mapping[ImageFormat, tuple[Callable[[bytes], Any], int | bytes, int, int]]] = {
    ImageFormat.JPEG: (segments, 0xE1, 4, 0),
    ImageFormat.PNG: (chunks, b"eXIf", 8, 4),
    ImageFormat.WEBP: (riff_chunks, b"EXIF", 8, 0),
}
"""The parts to look through, the name of the one, and the bytes of it before and after its content.
"""
