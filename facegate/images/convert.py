"""Pictures in another type or size: decoded, turned, in sRGB and encoded anew."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from facegate.errors import ConfigurationError, FacegateError, ImageRejected
from facegate.images.image import Image
from facegate.images.sniff import ImageFormat
from facegate.runtime.extras import extra
from facegate.runtime.forking import PerProcess

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

QUALITY: Final = 95
"""JPEG quality, 0 to 100, with colours at full resolution."""
STEP: Final = 0.75
"""The share of its sides that a picture keeps each time that it is still too heavy."""
SMALLEST: Final = 640
"""Pixels of the longer side below which nothing is shrunk for its weight."""
AT_ONCE: Final = 2
"""Conversions that run at the same time, in one process. Each needs 8 to 20 bytes a pixel, the
most where it is transparent."""
_LONGEST: Final = 65_500
"""Pixels of the longer side that a JPEG can have, as libjpeg writes it."""

_turn = PerProcess(lambda: threading.BoundedSemaphore(AT_ONCE))


def convert(
    image: Image, kind: ImageFormat, longest: int | None, takes: Callable[[Image], bool]
) -> Image | None:
    """The picture as a JPEG or PNG that the taker takes: upright, in sRGB, without metadata.

    The same picture always becomes the same bytes, with the same libraries.

    Args:
        image: the picture, of any type.
        kind: the type that it shall have: JPEG or PNG.
        longest: pixels of the longer side at most; None to shrink it for its weight alone.
        takes: whether a picture is taken; asked again for smaller and smaller ones.

    Returns:
        The picture, or None where none of :data:`SMALLEST` pixels or more is taken.

    Raises:
        ImageRejected: the content is damaged.
        ConfigurationError: the extra ``prepare`` is not installed, or memory is out.
    """
    check_installed()
    longest = min(longest or _LONGEST, _LONGEST)
    with _turn.value:
        try:
            pixels = _seen(image)
            pixels.thumbnail((longest, longest))
            return _fitting(pixels, kind, takes)
        except ImageRejected:
            raise
        except MemoryError:
            failure: FacegateError = ConfigurationError("not enough memory to convert a picture")
        except Exception:  # noqa: BLE001  decoders raise anything from SyntaxError on
            failure = ImageRejected(
                f"the {image.format} is damaged, or of a variant that cannot be converted"
            )
    raise failure


def _fitting(pixels: Pixels, kind: ImageFormat, takes: Callable[[Image], bool]) -> Image | None:
    while True:
        converted = _encoded(pixels, kind)
        if takes(converted):
            return converted
        sides = [round(side * STEP) for side in pixels.size]
        if max(sides) < SMALLEST:
            return None
        pixels = pixels.resize(sides, reducing_gap=2.0)


def check_installed() -> None:
    """Refuse to go on without what converts.

    Raises:
        ConfigurationError: the extra ``prepare`` is not installed.
    """
    with extra("prepare", "PIL", "pillow_heif", needed_by="images.prepare"):
        import pillow_heif  # noqa: F401


def _seen(image: Image) -> Pixels:
    """The pixels as a person sees them, on white where they are transparent, in sRGB."""
    pixels = _opened(image)
    # Before anything is decoded: a file may tell one size to who looks, another to who decodes.
    if math.prod(pixels.size) > image.width * image.height:
        raise ImageRejected(f"the {image.format} says two sizes; save it anew")
    return _flat(_turned(pixels, image))


def _opened(image: Image) -> Pixels:
    import PIL.Image

    if image.format is not ImageFormat.HEIC:
        return PIL.Image.open(io.BytesIO(image.data), formats=[_NAMES[image.format]])
    import pillow_heif

    return pillow_heif.open_heif(image.data).to_pillow()


_NAMES = {kind: kind.upper().replace(" ", "") for kind in ImageFormat}


def _turned(pixels: Pixels, image: Image) -> Pixels:
    from PIL import ImageOps
    from PIL.Image import Transpose

    if image.format is ImageFormat.AVIF:  # Pillow tells its boxes as EXIF
        return ImageOps.exif_transpose(pixels)
    turn = _TURNS[image.orientation]
    if turn is None or image.format is ImageFormat.TIFF:  # which Pillow has turned
        return pixels
    return pixels.transpose(Transpose[turn])


_TURNS = (
    *(None, None, "FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM"),
    *("TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90"),
)
"""By orientation (EXIF 2.32, section 4.6.4)."""


def _flat(pixels: Pixels) -> Pixels:
    """In 8 bits of red, green and blue, without transparency."""
    import PIL.Image
    from PIL import ImageCms

    profile = pixels.info.get("icc_profile")
    if pixels.mode.startswith("I;16"):  # which Pillow would cut off at 255
        pixels = pixels.point(lambda value: value / 256).convert("L")
    elif pixels.mode in ("I", "F"):
        raise ImageRejected("it has more than 16 bits of grey; save it with 8")
    if pixels.has_transparency_data:
        layers = pixels.convert("RGBA")
        white = PIL.Image.new("RGBA", layers.size, "white")
        pixels = PIL.Image.alpha_composite(white, layers).convert("RGB")
    elif pixels.mode not in _WITH_PROFILE:
        pixels = pixels.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            seen = ImageCms.profileToProfile(pixels, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):  # damaged, or of other colours
            seen = None
        if seen is not None:
            pixels = seen
    pixels = pixels.convert("RGB")
    pixels.info = {}  # of which encoders write down what they find
    return pixels


_WITH_PROFILE = ("L", "RGB", "CMYK", "LAB")


def _encoded(pixels: Pixels, kind: ImageFormat) -> Image:
    file = io.BytesIO()
    if kind is ImageFormat.JPEG:
        pixels.save(file, "JPEG", quality=QUALITY, subsampling=0)
    else:
        pixels.save(file, "PNG", compress_level=1)
    return Image(file.getvalue(), kind, *pixels.size)
