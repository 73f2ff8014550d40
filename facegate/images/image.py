"""Pictures as they travel: encoded bytes, checked once, never decoded and never shown."""

from __future__ import annotations

import errno
import hashlib
import inspect
import os
import re
import stat
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import pybase64

from facegate.errors import ConfigurationError, ImageRejected
from facegate.images.exif import orientation
from facegate.images.sniff import ImageFormat, sniff
from facegate.runtime.lazy import lazy

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_DATA_URI = re.compile(
    rb"data:(?:image/[\w.+-]+|application/octet-stream)?(?:;[\w.+=-]+)*;base64,", re.IGNORECASE
)
_LONGEST_PATH = 1024


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The limits of one picture.

    Attributes:
        max_bytes: largest encoded size, in bytes.
        max_pixels: largest width times height; holds decompression bombs off.
        min_side: least width and least height, in pixels; no face fits into less.
    """

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 64_000_000
    min_side: int = 16


DEFAULT_LIMITS = ImageLimits()


@dataclass(frozen=True, eq=False)
class Image:
    """One picture, as encoded by whoever made it.

    Make one with :meth:`of` or with the ``from_...`` method that says where it comes from. All of
    them raise :class:`~facegate.errors.ImageRejected` for what is not a whole, still picture of a
    known type within the limits.

    Attributes:
        data: the encoded bytes, unchanged.
        format: the type, from the header, whatever the file's name says.
        width: width in pixels, as stored, before any EXIF rotation.
        height: height in pixels, as stored, before any EXIF rotation.
    """

    data: bytes = field(repr=False)
    format: ImageFormat
    width: int
    height: int

    @classmethod
    def of(cls, source: ImageSource, limits: ImageLimits = DEFAULT_LIMITS) -> Image:
        """Take a picture from whatever the caller has.

        A ``str`` is a path, or a ``data:`` URI. Bare base64 is never guessed at: use
        :meth:`from_base64`.

        Args:
            source: a path, bytes, a binary file, a ``data:`` URI or an Image.
            limits: the limits it must keep; an Image has been held to its own.

        Raises:
            ImageRejected: not a picture within the limits, or not to be read.
        """
        match source:
            case Image():
                return source
            case str() if source[:5].lower() == "data:":
                return cls.from_base64(source, limits)
            case str() if source[:8].lower().startswith(("https://", "http://")):
                raise ImageRejected(
                    "URLs are not fetched here; https ones are where it is configured"
                )
            case str() | os.PathLike():
                return cls.from_path(source, limits)
            case bytes() | bytearray() | memoryview():
                return cls.from_bytes(source, limits)
            case _ if hasattr(source, "read"):
                return cls.from_file(source, limits)
        raise ImageRejected(
            f"cannot take a picture from {type(source).__name__};"
            " give a path, bytes, a binary file, a data URI or an Image"
        )

    @classmethod
    def from_bytes(
        cls, data: bytes | bytearray | memoryview, limits: ImageLimits = DEFAULT_LIMITS
    ) -> Image:
        """Take an encoded picture.

        Raises:
            ImageRejected: not a picture within the limits.
        """
        encoded = bytes(data)
        if not encoded:
            raise ImageRejected("the picture is empty")
        if len(encoded) > limits.max_bytes:
            raise ImageRejected(_too_heavy(len(encoded), limits))
        header = sniff(encoded)
        if header.width * header.height > limits.max_pixels:
            raise ImageRejected(
                f"{header.width} x {header.height} pixels;"
                f" the limit is {limits.max_pixels / 1e6:g} megapixels"
            )
        if min(header.width, header.height) < limits.min_side:
            raise ImageRejected(f"{header.width} x {header.height} pixels is too small for a face")
        return cls(encoded, *header)

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], limits: ImageLimits = DEFAULT_LIMITS) -> Image:
        """Read a picture from a regular file.

        Raises:
            ImageRejected: not a picture within the limits, or not to be read.
            ConfigurationError: this process is out of files or memory.
        """
        name = os.fspath(path)
        if len(name) > _LONGEST_PATH:
            # Most likely base64 passed as a path: it is a face, so it is not echoed.
            raise ImageRejected("a path that long is none; is it base64? Use Image.from_base64")
        try:
            with open(name, "rb", opener=_without_waiting) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise ImageRejected(f"{_shown(name)} is no regular file")
                return cls.from_file(file, limits)
        except (OSError, ValueError) as error:
            _refuse_blame(error)
            raise ImageRejected(f"cannot read {_shown(name)}: {_reason(error)}") from None

    @classmethod
    def from_file(cls, file: BinaryIO, limits: ImageLimits = DEFAULT_LIMITS) -> Image:
        """Read a binary file from where it stands; it is left open.

        Raises:
            ImageRejected: not a picture within the limits, or not to be read.
            ConfigurationError: this process is out of memory.
        """
        try:
            data: Any = file.read(limits.max_bytes + 1)
            if inspect.iscoroutine(data):
                data.close()
                raise ImageRejected("an async file; await its read() and give the bytes")
        except UnicodeDecodeError:
            data = None
        except (OSError, ValueError) as error:  # closed, opened for writing, or gone
            _refuse_blame(error)
            raise ImageRejected(f"the file cannot be read: {_reason(error)}") from None
        if not isinstance(data, bytes):
            raise ImageRejected("the file was opened as text; open it in binary mode")
        if not data:
            raise ImageRejected("the file is empty, or was already read to its end")
        return cls.from_bytes(data, limits)

    @classmethod
    def from_base64(cls, text: str | bytes, limits: ImageLimits = DEFAULT_LIMITS) -> Image:
        """Decode base64: standard or URL-safe, padded or not, wrapped or not, bare or data URI.

        Raises:
            ImageRejected: not base64, or not a picture within the limits.
        """
        try:
            encoded = text.encode("ascii") if isinstance(text, str) else bytes(text)
        except UnicodeEncodeError:
            raise ImageRejected("not base64: it holds letters outside ASCII") from None
        if encoded[:5].lower() == b"data:":
            prefix = _DATA_URI.match(encoded)
            if prefix is None:
                raise ImageRejected("a data URI must read data:image/...;base64,...")
            encoded = encoded[prefix.end() :]
        try:
            if len(encoded) * 3 // 4 > limits.max_bytes:
                raise ValueError  # much of it may be line ends
            data = pybase64.b64decode(encoded, validate=True)
        except ValueError:  # nearly always it is standard base64, which is sooner tried than asked
            data = _tidied(encoded, limits)
        return cls.from_bytes(data, limits)

    @lazy
    def base64(self) -> bytes:
        """Standard base64, padded and unwrapped; encoded once, however many attempts use it."""
        return pybase64.b64encode(self.data)

    @lazy
    def orientation(self) -> int:
        """EXIF orientation, 1 to 8: how to turn the stored pixels; 1 is as they are."""
        return orientation(self.data, self.format)

    @lazy
    def digest(self) -> str:
        """SHA-256 of the encoded bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()


ImageSource = Image | str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A source that :meth:`Image.of` takes a picture from."""
Gallery = ImageSource | Iterable[ImageSource]
"""One picture of the claimed person, or several."""


def _tidied(encoded: bytes, limits: ImageLimits) -> bytes:
    """The bytes of base64 that may be URL-safe, wrapped or without its padding."""
    compact = encoded.translate(_TO_STANDARD, delete=string.whitespace.encode()).rstrip(b"=")
    if len(compact) * 3 // 4 > limits.max_bytes:
        raise ImageRejected(_too_heavy(len(compact) * 3 // 4, limits))
    try:
        return pybase64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except ValueError:
        raise ImageRejected("not base64: a wrong letter, or cut short") from None


def _too_heavy(size: int, limits: ImageLimits) -> str:
    return f"{size / 2**20:.1f} MiB; the limit is {limits.max_bytes / 2**20:g} MiB"


def _without_waiting(name: str, flags: int) -> int:
    """Open a file; one that is a named pipe, which nobody may ever write to, at once too."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_blame(error: OSError | ValueError) -> None:
    """Raise, where it is this process that ran out of something: no picture is at fault."""
    if isinstance(error, OSError) and error.errno in _EXHAUSTED:
        raise ConfigurationError(f"a picture could not be read here: {_reason(error)}") from None


_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _shown(name: str) -> str:
    """A path as messages show it, without what may be base64: a face."""
    plain = re.sub(r"[\w+/=-]{80,}", "(something long)", name)
    return repr(plain if len(plain) <= 120 else f"...{plain[-117:]}")
