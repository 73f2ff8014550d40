"""What a caller asks, and the pictures it names turned into images."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from facegate.consent import Consent
from facegate.errors import ImageRejected, InputError, InvalidRequest, ProviderTimeout
from facegate.flow import Flow, call
from facegate.images import DEFAULT_LIMITS, Image, ImageLimits, ImageSource
from facegate.lazy import lazy
from facegate.model import Operation, Thresholds

if TYPE_CHECKING:
    from facegate.fetch import FetchPolicy

_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)

Gallery = ImageSource | Iterable[ImageSource]
Options = Mapping[str, Mapping[str, Any]]
"""Per-request options, keyed by plugin, so that one vendor's option never reaches another."""


@dataclass(frozen=True)
class Question:
    """What was asked, as the caller put it.

    Attributes:
        threshold: for all providers, or by provider name.
        liveness_threshold: likewise.
        review_from: likewise; only a route's policy says it.
    """

    operation: Operation
    probe: ImageSource = field(repr=False)
    gallery: Gallery = field(default=(), repr=False)
    threshold: Thresholds | None = None
    liveness_threshold: Thresholds | None = None
    options: Options | None = None
    subject: str | None = field(default=None, repr=False)
    consent: Consent | None = None
    request_id: str | None = None
    review_from: float | Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        # It is written into logs and headers as it is.
        if self.request_id is not None and not _ID.fullmatch(self.request_id):
            raise InvalidRequest("request_id: up to 128 letters, digits and ._:-")
        # Found out now, and not when the answer is there and cannot be recorded.
        if not isinstance(self.subject, str | None):
            raise InvalidRequest(f"the subject is a {type(self.subject).__name__}; give a text")
        if not isinstance(self.consent, Consent | None):
            raise InvalidRequest(f"the consent is a {type(self.consent).__name__}; give a Consent")

    @lazy
    def id(self) -> str:
        """The request's own id, or a random one."""
        return self.request_id or secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Intake:
    """What is taken as a picture. Without ``fetching``, a URL is not."""

    limits: ImageLimits = DEFAULT_LIMITS
    fetching: FetchPolicy | None = None


def pictures(
    question: Question, intake: Intake, most: int | None
) -> Flow[tuple[Image, tuple[Image, ...]]]:
    """Load the probe and the gallery, of at most ``most`` pictures.

    Raises:
        ImageRejected: naming the picture.
        InvalidRequest: no gallery, too large a one, or one picture given twice.
    """
    probe = yield from _picture("probe", question.probe, intake)
    if question.operation is Operation.LIVENESS:
        return probe, ()
    gallery: list[Image] = []
    seen = [("the probe", probe)]
    for index, source in enumerate(_several(question.gallery)):
        role = f"gallery[{index}]"
        if index == most:
            raise InvalidRequest(f"more than the {most} images that the provider takes", image=role)
        image = yield from _picture(role, source, intake)
        # A picture compared with itself always matches: a mix-up, or a copied document photo.
        for earlier, other in seen:
            if image.data == other.data:
                raise InvalidRequest(f"the very same picture as {earlier}", image=role)
        seen.append((role, image))
        gallery.append(image)
    if not gallery:
        raise InvalidRequest("the gallery is empty; give at least one image of the person")
    return probe, tuple(gallery)


def _picture(role: str, source: ImageSource, intake: Intake) -> Flow[Image]:
    try:
        if isinstance(source, str) and source[:8].lower() == "https://":
            return (yield from _fetched(source, intake))
        if isinstance(source, Image):
            return source
        if isinstance(source, bytes):  # nothing to read, and sooner done than handed to a thread
            return Image.from_bytes(source, intake.limits)
        return (yield from call(partial(Image.of, source, intake.limits)))
    except InputError as error:
        error.image = role
        raise
    except ProviderTimeout as error:  # of a file, so it is no provider's
        reason = error.message
    except Exception as error:  # noqa: BLE001  of a file-like object of the caller's
        reason = f"reading it raised {type(error).__name__}"
    raise ImageRejected(reason, image=role)


def _fetched(url: str, intake: Intake) -> Flow[Image]:
    if intake.fetching is None:
        raise ImageRejected("URLs are not fetched; set images.fetch_urls = true to allow it")
    from facegate.fetch import fetch

    return (yield from fetch(url, intake.fetching, intake.limits))


def _several(gallery: Any) -> Iterable[ImageSource]:
    """One picture is a gallery of one; a str would otherwise be taken letter by letter."""
    single = isinstance(gallery, Image | str | os.PathLike | bytes | bytearray | memoryview)
    if single or hasattr(gallery, "read"):
        return [gallery]
    if not isinstance(gallery, Iterable) or isinstance(gallery, Mapping):
        raise InvalidRequest(f"the gallery is a {type(gallery).__name__}; give a list of pictures")
    items: Iterable[ImageSource] = gallery
    return items
