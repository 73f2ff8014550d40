"""A question: all that a caller asks, as one value."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from typing import Any

from facegate.consent import Consent
from facegate.errors import InvalidRequest
from facegate.images.image import Gallery, Image, ImageSource
from facegate.model import Operation
from facegate.thresholds import Thresholds, Wanted

_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)

Options = Mapping[str, Mapping[str, Any]]
"""Per-request options, keyed by plugin, so that one vendor's option never reaches another."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question as the caller puts it; :meth:`FaceVerifier.ask` answers it.

    Attributes:
        operation: compare, compare_live or liveness.
        probe: the picture captured now: a path, bytes, a binary file, a data URI or an Image, or
            an https URL where fetching is configured.
        gallery: one or more pictures of the one claimed person; none in a liveness question.
        threshold: similarity that a match takes: a number on the provider's scale, ``"fmr:1e-4"``,
            or a mapping of provider names where a route leads to several scales.
        liveness_threshold: liveness score that a pass takes: a number on the provider's scale, or a
            mapping of provider names.
        options: per-request options of the vendors, keyed by plugin name.
        subject: the person, as the caller names them: keeps a person on one arm of a trial.
            Never stored or sent as it is.
        consent: the person's consent; a provider that it does not permit is not asked.
        request_id: id to find the request again by, 1 to 128 letters, digits and ``._:-``; drawn at
            random where none is given.
        caller: id of the key that the question came with, where it came through a service.
        judged_by_caller: the caller wants the score and decides elsewhere: recorded as such, and
            left out of every rate of acceptance.

    Raises:
        InvalidRequest: an operation that does not exist, or a subject, consent or request id that
            could not be kept.
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
    caller: str | None = None
    judged_by_caller: bool = False

    def __post_init__(self) -> None:
        if self.operation not in list(Operation):
            raise InvalidRequest(f"the operation is one of: {', '.join(Operation)}")
        object.__setattr__(self, "operation", Operation(self.operation))
        if self.request_id is None:
            object.__setattr__(self, "request_id", secrets.token_hex(16))
        # An id is written into logs and headers as it is.
        elif not _ID.fullmatch(str(self.request_id)):
            raise InvalidRequest("request_id: up to 128 letters, digits and ._:-")
        # Checked now: later, the answer would be there and could not be recorded.
        if not isinstance(self.subject, str | None):
            raise InvalidRequest(f"the subject is a {type(self.subject).__name__}; give a text")
        if not isinstance(self.consent, Consent | None):
            raise InvalidRequest(f"the consent is a {type(self.consent).__name__}; give a Consent")

    @property
    def id(self) -> str:
        """The request's id, the caller's or the one that was drawn."""
        return self.request_id or ""

    @property
    def gallery_size(self) -> int:
        """Number of gallery pictures, as far as that is known before they are read; at least 1."""
        if isinstance(self.gallery, list | tuple):  # nearly always, and sooner told
            return max(1, len(self.gallery))
        single = isinstance(self.gallery, str | bytes | bytearray | memoryview | Image)
        return max(1, len(self.gallery)) if isinstance(self.gallery, Sized) and not single else 1

    @property
    def wanted(self) -> Wanted:
        """The thresholds that the question asks for."""
        return Wanted.of(self)
