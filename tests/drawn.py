"""Pictures for tests: drawn or written byte by byte, with nobody on them."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

import pillow_heif
from PIL import Image as Pillow

from facegate import ImageFormat


@cache
def picture(
    kind: ImageFormat = ImageFormat.PNG,
    *,
    mode: str = "RGB",
    size: tuple[int, int] = (64, 48),
    seed: int = 0,
) -> bytes:
    """A whole, still picture of any type; another ``seed`` is another picture."""
    return _saved(kind, [_gradient(size, seed).convert(mode)])


def animation(kind: ImageFormat, frames: int = 3) -> bytes:
    """A picture that moves, or for TIFF one of several pages."""
    return _saved(kind, [_gradient((64, 48), 40 * number) for number in range(frames)])


def jpeg_with_thumbnail() -> bytes:
    """A JPEG whose EXIF block holds a whole smaller JPEG, end marker included, as cameras do."""
    main, thumbnail = picture(ImageFormat.JPEG), picture(ImageFormat.JPEG, size=(16, 12))
    exif = b"Exif\0\0" + thumbnail
    return main[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + main[2:]


def claiming(kind: ImageFormat, width: int, height: int) -> bytes:
    """A few bytes that claim any size: a decompression bomb as seen from outside."""
    match kind:
        case ImageFormat.PNG:
            header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
            made = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND")
        case ImageFormat.JPEG:
            frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
            scan = struct.pack(">HB", 8, 1) + b"\1\0\0\x3f\0"
            made = b"\xff\xd8\xff\xc0" + frame + b"\xff\xda" + scan + b"\0\xff\xd9"
        case ImageFormat.BMP:
            header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
            made = b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header
        case ImageFormat.TIFF:
            entries = struct.pack("<HHII", 256, 4, 1, width) + struct.pack(
                "<HHII", 257, 4, 1, height
            )
            made = b"II*\0" + struct.pack("<IH", 8, 2) + entries + struct.pack("<I", 0)
        case ImageFormat.WEBP:
            sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
            body = b"WEBPVP8X" + struct.pack("<II", 10, 0) + sides
            made = b"RIFF" + struct.pack("<I", len(body)) + body
        case ImageFormat.JPEG2000:
            size = box(b"ihdr", struct.pack(">IIHBBBB", 48, 64, 3, 7, 7, 0, 0))  # not believed
            siz = struct.pack(">HHHIIIIIIII", 0xFF51, 47, 0, width, height, 0, 0, 64, 64, 0, 0)
            made = (
                box(b"jP  ", b"\r\n\x87\n")
                + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
                + box(b"jp2h", size)
                + box(b"jp2c", b"\xff\x4f" + siz + b"\xff\xd9")
            )
        case ImageFormat.HEIC | ImageFormat.AVIF:
            brand = kind.value.lower().encode()
            sizes = (struct.pack(">III", 0, *size) for size in ((1, 1), (width, height)))
            properties = box(b"iprp", box(b"ipco", *(box(b"ispe", size) for size in sizes)))
            made = box(b"ftyp", brand + bytes(4) + brand) + box(b"meta", bytes(4), properties)
            made += box(b"mdat", bytes(8))
    return made


def box(name: bytes, *content: bytes) -> bytes:
    """An ISO base media box."""
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, name) + body


def chunk(name: bytes, content: bytes = b"") -> bytes:
    """A PNG chunk."""
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def _gradient(size: tuple[int, int], seed: int) -> Pillow.Image:
    width, height = size
    drawn = Pillow.new("RGB", size)
    drawn.putdata(
        [
            ((x * 4 + seed) % 256, (y * 5 + seed) % 256, x * y % 256)
            for y in range(height)
            for x in range(width)
        ]
    )
    return drawn


def _saved(kind: ImageFormat, frames: list[Pillow.Image]) -> bytes:
    name = "JPEG2000" if kind is ImageFormat.JPEG2000 else kind.value
    more: dict[str, Any] = {"save_all": True, "append_images": frames[1:]} if frames[1:] else {}
    file = io.BytesIO()
    if kind is ImageFormat.HEIC:
        pillow_heif.from_pillow(frames[0]).save(file)
        return file.getvalue()
    frames[0].save(file, name, **more)
    return file.getvalue()
