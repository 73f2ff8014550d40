"""A question: all that a caller asks, as one value."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from facegate.consent import Consent
from facegate.errors import InvalidRequest
from facegate.images.image import Gallery, ImageSource
from facegate.model import Operation, Thresholds
from facegate.runtime.lazy import lazy

_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)

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
