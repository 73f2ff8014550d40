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
    ImageFormat.JPEG2000,
    ImageFormat.HEIC,
    ImageFormat.AVIF,
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


@pytest.mark.parametrize("tiles", [False, True])
def test_a_tiff_whose_pixels_lie_beyond_its_end_is_refused(tiles: bool) -> None:  # noqa: FBT001
    starts, lengths = (324, 325) if tiles else (273, 279)
    tags = {256: 64, 257: 48, starts: 200, lengths: 300}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    whole = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4)
    whole += bytes(500 - len(whole))
    assert Image.from_bytes(whole).width == 64
    with pytest.raises(ImageRejected, match="cut short"):
        Image.from_bytes(whole[:-1])


def test_a_bmp_of_os_2_has_its_sizes_in_16_bits() -> None:
    header = struct.pack("<IHHHH", 12, 64, 48, 1, 24)
    size = 64 * 48 * 3
    data = struct.pack("<2sIHHI", b"BM", 26 + size, 0, 0, 26) + header + bytes(size)
    image = Image.from_bytes(data)
    assert (image.format, image.width, image.height) == (ImageFormat.BMP, 64, 48)


def test_a_jpeg_2000_is_taken_as_a_codestream_too() -> None:
    file = picture(ImageFormat.JPEG2000)
    image = Image.from_bytes(file[file.index(b"\xff\x4f\xff\x51") :])
    assert (image.format, image.width, image.height) == (ImageFormat.JPEG2000, 64, 48)


def test_a_jpeg_2000_is_as_large_as_what_is_decoded_of_it() -> None:
    """Whatever the file around its codestream says."""
    data = bytearray(picture(ImageFormat.JPEG2000))
    place = data.index(b"\xff\x4f\xff\x51") + 8
    data[place : place + 8] = struct.pack(">II", 60_000, 60_000)
    with pytest.raises(ImageRejected, match="60000 x 60000 pixels"):
        Image.from_bytes(bytes(data))


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
