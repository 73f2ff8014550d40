"""Whatever arrives is an Image or an ImageRejected; no other error, and no endless loop."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn import animation, chunk, claiming, jpeg_with_thumbnail, picture
from facegate import Image, ImageFormat, ImageRejected

REAL = [
    *(picture(kind) for kind in ImageFormat),
    *(claiming(kind, 64, 48) for kind in ImageFormat),
    *(animation(kind) for kind in (ImageFormat.PNG, ImageFormat.WEBP)),
    animation(ImageFormat.TIFF),
    jpeg_with_thumbnail(),
]
reals = st.sampled_from(REAL)
fuzz = settings(max_examples=400)


def taken(data: bytes) -> bool:
    try:
        image = Image.from_bytes(data)
    except ImageRejected:
        return False
    assert image.width >= 16
    assert image.height >= 16
    return True


@fuzz
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    taken(data)


@fuzz
@given(reals, st.binary(max_size=200))
def test_random_bytes_after_a_real_beginning(real: bytes, data: bytes) -> None:
    taken(real[:12] + data)


@fuzz
@given(reals, st.data())
def test_truncation(real: bytes, data: st.DataObject) -> None:
    taken(real[: data.draw(st.integers(0, len(real)))])


@fuzz
@given(reals, st.data())
def test_changed_bytes(real: bytes, data: st.DataObject) -> None:
    changed = bytearray(real)
    early = st.integers(0, min(len(real), 200) - 1)
    for position in data.draw(st.lists(early | st.integers(0, len(real) - 1), max_size=8)):
        changed[position] = data.draw(
            st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
        )
    taken(bytes(changed))


@fuzz
@given(reals, reals, st.data())
def test_one_picture_continued_by_another(one: bytes, other: bytes, data: st.DataObject) -> None:
    cut, join = data.draw(st.integers(0, len(one))), data.draw(st.integers(0, len(other)))
    taken(one[:cut] + other[join:])


MANY = 100_000


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff\xd8" + b"\xff\xe0\0\0" * MANY, id="JPEG segments of no length"),
        pytest.param(b"\xff\xd8" + b"\xff\xe0\0\2" * MANY, id="empty JPEG segments"),
        pytest.param(b"\xff\xd8" + b"\xff" * MANY, id="JPEG fill bytes"),
        pytest.param(
            claiming(ImageFormat.PNG, 64, 48)[:-12] + chunk(b"tEXt") * MANY, id="PNG chunks"
        ),
        pytest.param(
            b"II*\0" + struct.pack("<IH", 8, 0xFFFF) + bytes(12 * 0xFFFE), id="TIFF entries"
        ),
        pytest.param(b"II*\0" + struct.pack("<IHI", 8, 0, 8), id="TIFF directory after itself"),
        pytest.param(
            b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(8) * MANY, id="JPEG 2000 boxes of no length"
        ),
    ],
)
def test_long_lists_of_nothing_come_to_an_end(data: bytes) -> None:
    assert not taken(data)


def test_every_real_picture_is_taken() -> None:
    assert all(taken(picture(kind)) and taken(claiming(kind, 64, 48)) for kind in ImageFormat)
