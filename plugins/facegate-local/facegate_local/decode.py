"""Pixels of an encoded picture: as a person would see it, or not at all."""

from __future__ import annotations

import struct
from typing import Final

import cv2
import numpy as np
import simplejpeg

from facegate.plugin import Image, ImageFormat, ImageRejected

Pixels = cv2.typing.MatLike
"""Height x width x 3, 8 bits deep, blue first, as OpenCV has it."""

REDUCED_LONG_SIDE: Final = 1500
"""Pixels that the longer side of a JPEG keeps at least when it is decoded smaller.

Decoding 12 megapixels costs more than finding and embedding the face. Detection works on 640
pixels, so nothing is lost on it, and the embedding of a 12-megapixel portrait decoded at half size
has a cosine of 0.9992 to that of the whole.
"""

_REDUCED: Final = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_HARMLESS: Final = ("bad ICC marker", "extraneous bytes before marker 0xdb")
"""libjpeg-turbo's complaints of what lies before the pixels; all others tell of damage."""


def reduction(image: Image) -> int:
    """The factor by which a picture may be decoded smaller: 1, 2, 4 or 8; only JPEG gains by it."""
    if image.format is not ImageFormat.JPEG:
        return 1
    longest = max(image.width, image.height)
    return max(
        factor for factor in _REDUCED if factor == 1 or longest >= factor * REDUCED_LONG_SIDE
    )


def decode(image: Image, reduced_by: int = 1) -> Pixels:
    """The pixels, 8 bits deep, turned as EXIF says, whatever the file's depth and colour space.

    Transparent pixels become white: a face that nobody can see in the picture must not match.

    Raises:
        ImageRejected: the content is damaged, or of a kind that has no 8-bit rendering.
    """
    stored = _stored(image, reduced_by)
    # OpenCV turns a TIFF whatever it is told.
    return stored if image.format is ImageFormat.TIFF else _turned(stored, image.orientation)


def _stored(image: Image, reduced_by: int) -> Pixels:
    if image.format is ImageFormat.JPEG:
        return _jpeg(image, reduced_by)
    if _may_be_transparent(image):
        layers = _decode(image, cv2.IMREAD_UNCHANGED)
        if layers.ndim == 3 and layers.shape[2] == 4 and _lowest_alpha(layers) < 1:
            return _on_white(layers)
        del layers  # decoded again below, since only then it is 8 bits deep
    return _decode(image, cv2.IMREAD_COLOR)


def _jpeg(image: Image, reduced_by: int) -> Pixels:
    """The picture, if libjpeg-turbo finds no damage in it: OpenCV hides its complaints."""
    width, height = (-(-side // reduced_by) for side in (image.width, image.height))
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(
            image.data, "BGR", min_height=height, min_width=width, min_factor=reduced_by
        )
    except ValueError as error:
        if not any(complaint in str(error) for complaint in _HARMLESS):
            raise ImageRejected("the JPEG is damaged; send it anew") from None
        return _decode(image, _REDUCED[reduced_by])
    return pixels


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    """The stored pixels as they are to be seen (EXIF 2.32, section 4.6.4)."""
    if orientation > 4:
        pixels = cv2.transpose(pixels)
    flip = _FLIPS[orientation]
    return pixels if flip is None else cv2.flip(pixels, flip)


_FLIPS: Final = (None, None, 1, -1, 0, None, 1, -1, 0)
"""By orientation, how to flip, once the picture is transposed from 5 on: 0 down, 1 across, -1
both."""


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """The picture scaled to a size, averaged where that is smaller: every pixel counts."""
    smaller = width * height < pixels.shape[0] * pixels.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(pixels, (max(1, width), max(1, height)), interpolation=method)


def _decode(image: Image, flags: int) -> Pixels:
    try:
        pixels = cv2.imdecode(
            np.frombuffer(image.data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION
        )
    except cv2.error as error:
        if error.code == cv2.Error.STS_NO_MEM:  # the machine is at fault, not the picture
            raise MemoryError from error
        raise ImageRejected(f"the {image.format} cannot be decoded") from error
    # The stubs promise an array; OpenCV returns None for what it cannot read.
    if pixels is None or not pixels.size:
        raise ImageRejected(f"the {image.format} is damaged, or of a variant that cannot be read")
    return pixels


def _may_be_transparent(image: Image) -> bool:
    """Whether a pixel may be transparent, as the header says: a second decode is dear."""
    data = image.data
    match image.format:
        case ImageFormat.PNG:
            return data[25] in (4, 6) or b"tRNS" in data
        case ImageFormat.WEBP:
            return data[12:16] != b"VP8 "
        case ImageFormat.TIFF:
            if _samples(data) == 2:
                raise ImageRejected("a grey TIFF with transparency cannot be rendered")
            return True
        case ImageFormat.BMP:
            # The mask counts only where pixels are said to be cut by masks, in 16 or 32 bits.
            header, depth, compression = struct.unpack_from("<I10xHI", data, 14)
            masked = header >= 56 and depth in (16, 32) and compression in (3, 6)
            if masked and len(data) > 70 and any(data[66:70]):
                raise ImageRejected("a BMP with transparency cannot be rendered")
    return False


def _samples(tiff: bytes) -> int:
    """Samples per pixel of the first picture: tag 277 (TIFF 6.0, section 2)."""
    order = "<" if tiff[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
    (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
    for index in range(entries):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * index)
        if tag == 277:
            return int(value)
    return 1


_OPAQUE: Final = {"uint8": 255, "uint16": 65535}
_BAND: Final = 256
"""Rows that are composed at a time: as floats, they take four times the memory of the picture."""


def _lowest_alpha(layers: cv2.typing.MatLike) -> float:
    """The lowest alpha of all pixels, from 0, invisible, to 1, opaque."""
    return float(layers[..., 3].min()) / _opaque(layers)


def _on_white(layers: cv2.typing.MatLike) -> Pixels:
    """The picture on white."""
    opaque = _opaque(layers)
    composed = np.empty((*layers.shape[:2], 3), np.uint8)
    for top in range(0, len(layers), _BAND):
        band = layers[top : top + _BAND].astype(np.float32) * (255 / opaque)
        alpha = band[..., 3:] / 255
        composed[top : top + _BAND] = cv2.convertScaleAbs(band[..., :3] * alpha + 255 * (1 - alpha))
    return composed


def _opaque(layers: cv2.typing.MatLike) -> int:
    try:
        return _OPAQUE[layers.dtype.name]
    except KeyError:
        kind = layers.dtype.name
        raise ImageRejected(f"transparency with {kind} samples cannot be rendered") from None
