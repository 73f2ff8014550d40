"""A picture is taken whole and still or not at all, as far as its headers tell."""

from __future__ import annotations

import struct

import pytest

from drawn import animation, chunk, claiming, jpeg_with_thumbnail, picture
from facegate import Image, ImageFormat, ImageRejected

CUT_IS_SEEN = [
    ImageFormat.JPEG,
    ImageFormat.PNG,
    ImageFormat.WEBP,
    ImageFormat.BMP,
]


@pytest.mark.parametrize("kind", CUT_IS_SEEN)
def test_a_picture_cut_anywhere_is_refused(kind: ImageFormat) -> None:
    data = picture(kind)
    for end in {*range(1, len(data), max(1, len(data) // 200)), len(data) - 1}:
        with pytest.raises(ImageRejected):
            Image.from_bytes(data[:end])


def test_a_cut_upload_is_called_that() -> None:
    data = picture(ImageFormat.JPEG)
    with pytest.raises(ImageRejected, match="JPEG is damaged or cut short"):
        Image.from_bytes(data[: len(data) // 2 + 300])


def test_the_end_of_an_embedded_thumbnail_is_not_the_end_of_the_picture() -> None:
    data = jpeg_with_thumbnail()
    assert Image.from_bytes(data).width == 64
    with pytest.raises(ImageRejected, match="cut short"):
        Image.from_bytes(data[:-2])


@pytest.mark.parametrize("kind", [ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.TIFF])
def test_what_moves_or_has_pages_is_refused(kind: ImageFormat) -> None:
    with pytest.raises(ImageRejected, match="more than one picture"):
        Image.from_bytes(animation(kind))


def test_an_apng_that_shows_a_frame_of_its_own_is_refused() -> None:
    data = picture(ImageFormat.PNG)
    one_frame = chunk(b"acTL", struct.pack(">II", 1, 0))
    hidden = chunk(b"fdAT", bytes(8))
    with pytest.raises(ImageRejected, match="more than one picture"):
        Image.from_bytes(data[:33] + one_frame + data[33:-12] + hidden + data[-12:])
    two, one = (chunk(b"acTL", struct.pack(">II", frames, 0)) for frames in (2, 1))
    with pytest.raises(ImageRejected, match="more than one picture"):
        Image.from_bytes(data[:33] + two + one + data[33:])


def test_a_tiff_that_gives_two_widths_is_refused() -> None:
    wide, narrow = (struct.pack("<HHII", 256, 4, 1, width) for width in (20_000, 64))
    height = struct.pack("<HHII", 257, 4, 1, 48)
    data = b"II*\0" + struct.pack("<IH", 8, 3) + wide + narrow + height + bytes(4)
    with pytest.raises(ImageRejected, match="says things twice"):
        Image.from_bytes(data)


def test_a_jpeg_of_countless_scans_is_refused() -> None:
    sequential = claiming(ImageFormat.JPEG, 64, 48)
    progressive = sequential.replace(b"\xff\xc0", b"\xff\xc2")
    partial = sequential.replace(b"@\1", b"@\2")  # two components, one of them in the scan
    for data in (progressive, partial):
        scan = data[data.index(b"\xff\xda") : -2]
        with pytest.raises(ImageRejected, match="more than 100 scans"):
            Image.from_bytes(data[:-2] + scan * 101 + data[-2:])


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff" * 2_000_000,
        b"\xff\xd8" + b"\xff\xe0\0\x02" * 500_000,
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0abcd\0\0\0\0" * 200_000,
    ],
    ids=["fill bytes", "empty segments", "empty chunks"],
)
def test_a_header_is_walked_through_for_so_long_and_no_longer(data: bytes) -> None:
    """In Python, millions of empty parts would take seconds that hold up every other thread."""
    with pytest.raises(ImageRejected, match=r"more than 20000 (segments|chunks)"):
        Image.from_bytes(data)
