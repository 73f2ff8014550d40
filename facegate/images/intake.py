"""Intake: what a caller gives as probe and gallery, turned into pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from facegate.errors import (
    ConfigurationError,
    ImageRejected,
    InputError,
    InvalidRequest,
    ProviderTimeout,
)
from facegate.images.image import DEFAULT_LIMITS, Gallery, Image, ImageLimits, ImageSource
from facegate.runtime.flow import Flow, call

if TYPE_CHECKING:
    from facegate.images.fetch import FetchPolicy


@dataclass(frozen=True, slots=True)
class Intake:
    """Limits for input pictures.

    Attributes:
        limits: bytes and pixels of one picture.
        fetching: how https URLs are fetched; None where a URL is refused.
        paths: whether a text is taken for the path of a file.
        prepare: whether pictures that a provider does not take are converted for it.
        keep_metadata: whether vendors get the metadata of pictures too.
        fresh: whether vendors get the same pixels in other bytes each time.
    """

    limits: ImageLimits = DEFAULT_LIMITS
    fetching: FetchPolicy | None = None
    paths: bool = True
    prepare: bool = False
    keep_metadata: bool = False
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of a request.

    Attributes:
        probe: the picture captured now.
        gallery: those of the claimed person, each once.
        places: index in ``gallery`` of each picture that was given, in the caller's order.
    """

    probe: Image
    gallery: tuple[Image, ...] = ()
    places: tuple[int, ...] = ()

    def restored(self, label: str | None) -> str | None:
        """A picture's name as the caller counts them, the first of its kind."""
        found = re.fullmatch(r"gallery\[(\d+)\]", label or "")
        return f"gallery[{self.places.index(int(found[1]))}]" if found else label


def pictures(
    probe: ImageSource, gallery: Gallery, intake: Intake, most: int | None
) -> Flow[Pictures]:
    """The probe and the gallery, loaded; what is in the gallery twice is taken once.

    Args:
        probe: the picture captured now.
        gallery: the pictures of the claimed person.
        intake: limits for input pictures, and whether URLs are fetched.
        most: largest number of gallery pictures; None for no limit.

    Raises:
        ImageRejected: naming the picture, ``"probe"`` or ``"gallery[i]"``.
        InvalidRequest: no gallery, too large a one, or the probe in it.
    """
    loaded = yield from picture("probe", probe, intake)
    places: list[int] = []
    images: dict[bytes, Image] = {}
    for index, source in enumerate(_several(gallery)):
        role = f"gallery[{index}]"
        if index == most:
            raise InvalidRequest(f"more than the {most} images that the provider takes", image=role)
        image = yield from picture(role, source, intake)
        # A picture compared with itself always matches: a mix-up, or a copied document photo.
        if image.data == loaded.data:
            raise InvalidRequest("the very same picture as the probe", image=role)
        images.setdefault(image.data, image)
        places.append(list(images).index(image.data))
    if not images:
        raise InvalidRequest("the gallery is empty; give at least one image of the person")
    return Pictures(loaded, tuple(images.values()), tuple(places))


def picture(role: str, source: ImageSource, intake: Intake) -> Flow[Image]:
    """One picture, loaded.

    Raises:
        ImageRejected: naming its ``role``, ``"probe"`` or ``"gallery[i]"``.
    """
    try:
        if isinstance(source, str) and source[:8].lower() == "https://":
            return (yield from _fetched(source, intake))
        if isinstance(source, str) and not intake.paths and source[:5].lower() != "data:":
            raise InvalidRequest(
                "a text would be the path of a file, and images.paths = false; give bytes, or"
                " Image.from_path where the path is your own"
            )
        if isinstance(source, Image):
            return source
        if isinstance(source, bytes):  # nothing to read, and sooner done than handed to a thread
            return Image.from_bytes(source, intake.limits)
        return (yield from call(partial(Image.of, source, intake.limits)))
    except InputError as error:
        error.image = role
        raise
    except ConfigurationError:
        raise
    except (MemoryError, RecursionError, ImportError) as error:
        raise ConfigurationError(
            f"a picture could not be read here: {type(error).__name__}", image=role
        ) from None
    except ProviderTimeout as error:  # reading took too long: no provider is at fault
        reason = error.message
    except Exception as error:  # noqa: BLE001  of a file-like object of the caller's
        reason = f"reading it raised {type(error).__name__}"
    raise ImageRejected(reason, image=role)


def _fetched(url: str, intake: Intake) -> Flow[Image]:
    if intake.fetching is None:
        raise ImageRejected("URLs are not fetched; set images.fetch_urls = true to allow it")
    from facegate.images.fetch import fetch

    return (yield from fetch(url, intake.fetching, intake.limits))


def _several(gallery: Any) -> Iterable[ImageSource]:
    """The sources of a gallery; a single one would, as a str, be taken letter by letter."""
    single = isinstance(gallery, Image | str | os.PathLike | bytes | bytearray | memoryview)
    if single or hasattr(gallery, "read"):
        return [gallery]
    if not isinstance(gallery, Iterable) or isinstance(gallery, Mapping):
        raise InvalidRequest(f"the gallery is a {type(gallery).__name__}; give a list of pictures")
    items: Iterable[ImageSource] = gallery
    return items
