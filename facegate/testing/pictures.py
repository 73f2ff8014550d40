"""Pictures for tests, made of noise byte by byte: nobody is on them, and no library is needed."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from functools import cache

from facegate import ImageFormat
from facegate.plugin import ProviderInfo

_SIDE = 48


def fitting(
    info: ProviderInfo, seed: int, kind: ImageFormat | None = None, padding: int = 0
) -> bytes:
    """A picture within the limits of a provider.

    Args:
        info: the provider's.
        seed: another one is another picture.
        kind: its type; PNG if it is taken and none is given.
        padding: see :func:`noise`.
    """
    kind = kind or next(each for each in (ImageFormat.PNG, *ImageFormat) if each in info.formats)
    limits = info.pictures.by_format.get(kind, info.pictures)
    side = min(max(_SIDE, limits.min_side), limits.max_side or limits.min_side + _SIDE)
    return noise(seed, kind, max(padding, limits.min_bytes), -(-side // 8) * 8)


@cache
def noise(
    seed: int = 0, kind: ImageFormat = ImageFormat.PNG, padding: int = 0, side: int = _SIDE
) -> bytes:
    """A whole grey square picture that any decoder reads; of HEIC and AVIF, the header alone.

    It holds no metadata, so that whoever takes its type gets it as it is.

    Args:
        seed: another one is another picture.
        kind: its type.
        padding: bytes that it holds more than it needs to, about; of a PNG or a JPEG.
        side: pixels, a multiple of 8; WebP and JPEG 2000 have 48.
    """
    draw = random.Random(seed)  # noqa: S311  the same picture in every run
    if kind is ImageFormat.PNG:
        return _png(draw, side, padding)
    return _jpeg(draw, side, padding) if kind is ImageFormat.JPEG else _OTHERS[kind](draw, side)


def _png(draw: random.Random, side: int, padding: int) -> bytes:
    rows = b"".join(b"\0" + draw.randbytes(side) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    packer = zlib.compressobj()
    packed = packer.compress(rows)
    if padding:
        packed += packer.flush(zlib.Z_SYNC_FLUSH) + b"\0\0\0\xff\xff" * (padding // 5)
    packed += packer.flush()
    chunks = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    checked = name + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def _jpeg(draw: random.Random, side: int, padding: int) -> bytes:
    """Baseline, one component, only the mean of each block: the least that makes a picture."""
    segments = (
        (0xDB, bytes([0]) + bytes([16]) * 64),
        (0xC0, struct.pack(">BHHB", 8, side, side, 1) + bytes([1, 0x11, 0])),
        # Codes of four bits, one for each size of a step; and one bit for "the rest is nothing".
        (0xC4, bytes([0x00]) + bytes([0, 0, 0, 8] + [0] * 12) + bytes(range(8))),
        (0xC4, bytes([0x10]) + bytes([1] + [0] * 15) + bytes([0])),
        # Tables that nothing uses: one to tell pictures apart, as many as it takes to be heavy.
        (0xDB, bytes([1]) + bytes(draw.randrange(1, 255) for _ in range(64))),
        *[(0xDB, (bytes([1]) + bytes([16]) * 64) * 1000)] * (padding // 65_000),
        (0xDA, bytes([1, 1, 0x00, 0, 63, 0])),
    )
    head = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
        for marker, content in segments
    )
    bits = "".join(_steps(draw, side))
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return b"\xff\xd8" + head + scan + b"\xff\xd9"


def _steps(draw: random.Random, side: int) -> Iterator[str]:
    before = 0
    for _ in range((side // 8) ** 2):
        mean = draw.randint(-60, 60)
        step, before = mean - before, mean
        size = abs(step).bit_length()
        yield f"{size:04b}"
        if size:
            yield f"{step if step > 0 else step + (1 << size) - 1:0{size}b}"
        yield "0"


def _bmp(draw: random.Random, side: int) -> bytes:
    size = side * side * 3
    header = struct.pack("<2sIIIIiiHHIIiiII", b"BM", 54 + size, 0, 54, 40, side, side, 1, 24, 0,
                         size, 2835, 2835, 0, 0)  # fmt: skip
    return header + draw.randbytes(size)


def _tiff(draw: random.Random, side: int) -> bytes:
    """Uncompressed, the picture before the directory that describes it."""
    size = side * side
    tags = {256: side, 257: side, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: side, 279: size}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + size) + draw.randbytes(size) + directory


def _webp(draw: random.Random, _: int) -> bytes:
    """One grey all over; what tells pictures apart is a colour profile that is none."""
    side = (_SIDE - 1).to_bytes(3, "little")
    chunks = (
        (b"VP8X", b"\x20" + bytes(3) + side + side),
        (b"ICCP", draw.randbytes(200)),
        (b"VP8L", bytes.fromhex("2f2fc00b000750c00216b0ff012021fc5f2f46f43ff500")),
    )
    content = b"".join(
        name + struct.pack("<I", len(each)) + each + bytes(len(each) % 2) for name, each in chunks
    )
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content


def _jpeg2000(draw: random.Random, _: int) -> bytes:
    """One grey all over; what tells pictures apart is a comment among the samples."""
    boxes = (
        (b"jP  ", b"\r\n\x87\n"),
        (b"ftyp", b"jp2 \0\0\0\0jp2 "),
        (
            b"jp2h",
            struct.pack(">I4sIIHBBBB", 22, b"ihdr", _SIDE, _SIDE, 1, 7, 7, 0, 0)
            + struct.pack(">I4sBBBI", 15, b"colr", 1, 0, 0, 17),
        ),
        (b"jp2c", _grey_codestream(draw.randbytes(200))),
    )
    return b"".join(_box(name, each) for name, each in boxes)


def _grey_codestream(comment: bytes) -> bytes:
    sizes = struct.pack(">HIIIIIIIIHBBB", 0, _SIDE, _SIDE, 0, 0, _SIDE, _SIDE, 0, 0, 1, 7, 1, 1)
    coding = bytes((0, 0, 0, 1, 0, 5, 4, 4, 0, 1))
    steps = bytes.fromhex("4040484850484850484850484850484850")
    segments = ((0x51, sizes), (0x52, coding), (0x5C, steps), (0x64, b"\0\0" + comment))
    head = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
        for marker, content in segments
    )
    tile = struct.pack(">HHHIBB", 0xFF90, 10, 0, 20, 0, 1) + b"\xff\x93" + bytes([0x80]) * 6
    return b"\xff\x4f" + head + tile + b"\xff\xd9"


def _heic(draw: random.Random, side: int, brand: bytes = b"heic") -> bytes:
    size = _box(b"ispe", struct.pack(">III", 0, side, side))
    properties = _box(b"iprp", _box(b"ipco", size))
    contents = _box(b"mdat", draw.randbytes(200))
    return _box(b"ftyp", brand + bytes(4) + brand) + _box(b"meta", bytes(4) + properties) + contents


def _avif(draw: random.Random, side: int) -> bytes:
    return _heic(draw, side, b"avif")


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, name) + content


_OTHERS = {
    ImageFormat.BMP: _bmp,
    ImageFormat.TIFF: _tiff,
    ImageFormat.WEBP: _webp,
    ImageFormat.JPEG2000: _jpeg2000,
    ImageFormat.HEIC: _heic,
    ImageFormat.AVIF: _avif,
}
