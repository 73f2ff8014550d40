"""Pictures for tests, made of noise byte by byte: nobody is on them, and no library is needed."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from functools import cache

from facegate import ImageFormat

_SIDE = 48


@cache
def noise(seed: int = 0, kind: ImageFormat = ImageFormat.PNG, padding: int = 0) -> bytes:
    """A whole grey picture, 48 pixels square, that any decoder reads.

    Args:
        seed: another one is another picture.
        kind: PNG or JPEG.
        padding: bytes that it holds beside the picture, about.
    """
    draw = random.Random(seed)  # noqa: S311  the same picture in every run
    return _png(draw, padding) if kind is ImageFormat.PNG else _jpeg(draw, padding)


def _png(draw: random.Random, padding: int) -> bytes:
    rows = b"".join(b"\0" + draw.randbytes(_SIDE) for _ in range(_SIDE))
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    if padding:
        chunks.insert(1, (b"paDd", bytes(padding)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    checked = name + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def _jpeg(draw: random.Random, padding: int) -> bytes:
    """Baseline, one component, only the mean of each block: the least that makes a picture."""
    segments = (
        (0xDB, bytes([0]) + bytes([16]) * 64),
        (0xC0, struct.pack(">BHHB", 8, _SIDE, _SIDE, 1) + bytes([1, 0x11, 0])),
        # Codes of four bits, one for each size of a step; and one bit for "the rest is nothing".
        (0xC4, bytes([0x00]) + bytes([0, 0, 0, 8] + [0] * 12) + bytes(range(8))),
        (0xC4, bytes([0x10]) + bytes([1] + [0] * 15) + bytes([0])),
        (0xFE, draw.randbytes(96).replace(b"\xff", b"\0")),
        *[(0xFE, bytes(65_000))] * (padding // 65_000),
        (0xDA, bytes([1, 1, 0x00, 0, 63, 0])),
    )
    head = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
        for marker, content in segments
    )
    bits = "".join(_steps(draw))
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return b"\xff\xd8" + head + scan + b"\xff\xd9"


def _steps(draw: random.Random) -> Iterator[str]:
    before = 0
    for _ in range((_SIDE // 8) ** 2):
        mean = draw.randint(-60, 60)
        step, before = mean - before, mean
        size = abs(step).bit_length()
        yield f"{size:04b}"
        if size:
            yield f"{step if step > 0 else step + (1 << size) - 1:0{size}b}"
        yield "0"
