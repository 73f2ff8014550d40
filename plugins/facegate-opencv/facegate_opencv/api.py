"""What answering as either product has in common: the key, the body, the pictures, the failures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from hmac import compare_digest
from typing import Any, ClassVar, TypeVar

from pydantic import Field

from facegate.plugin import (
    CaptureReason,
    CaptureRejected,
    CompatibleApi,
    CompatibleApiSettings,
    ConsentRefused,
    FacegateError,
    HttpReply,
    HttpRequest,
    Image,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    RateLimited,
    UnsupportedOption,
    WireModel,
)
from facegate_opencv.credential import HEADER


class ApiSettings(CompatibleApiSettings):
    """The switch that both APIs have."""

    data_uris: bool = Field(
        default=False,
        description="Take pictures as data URIs, too. Whether the vendor does is not documented.",
    )


A = TypeVar("A", bound=ApiSettings)
M = TypeVar("M", bound=WireModel)


class Api(CompatibleApi[A]):
    """Either product's API.

    Attributes:
        formats: the picture types that the vendor takes.
        missing_key: name of the error for a request without a key.
        wrong_key: name of the error for a key that nobody has.
        reasons: name of the error for each reason that a picture may be rejected for.
        failures: name of the error for a class and for what derives from it.
    """

    formats: ClassVar[frozenset[ImageFormat]]
    missing_key: ClassVar[str]
    wrong_key: ClassVar[str]
    reasons: ClassVar[Mapping[CaptureReason, str]]
    failures: ClassVar[Mapping[type[Any], str]]

    def authorise(self, request: HttpRequest) -> str | HttpReply:
        if not self.keys:
            return ""
        headers = {name.lower(): value for name, value in request.headers.items()}
        given = headers.get(HEADER)
        if not given:
            return self.error(self.missing_key)
        for key in self.keys:
            if compare_digest(key.encode(), given.encode()):
                return key
        return self.error(self.wrong_key)

    def body(self, request: HttpRequest, message: type[M]) -> M:
        """The message that was sent; raises pydantic's ValidationError for any other."""
        return message.model_validate_json(b"".join(request.body))

    def picture(self, text: str, role: str) -> Image:
        """A picture that was sent as base64."""
        try:
            if text[:5].lower() == "data:" and not self.settings.data_uris:
                raise ImageRejected("a data URI, where base64 alone is taken")
            image = Image.from_base64(text, self.limits)
            if image.format not in self.formats:
                raise ImageRejected(f"{image.format} is not taken")
        except ImageRejected as error:
            error.image = role
            raise
        return image

    def encode_error(self, error: FacegateError) -> HttpReply:
        if isinstance(error, InvalidRequest | UnsupportedOption | ConsentRefused):
            return self.invalid(error.message)
        if isinstance(error, CaptureRejected):
            return self.error(self.reasons[error.reason])
        names = (self.failures.get(kind) for kind in type(error).__mro__)
        reply = self.error(next(name for name in names if name))
        if isinstance(error, RateLimited) and error.retry_after is not None:
            seconds = str(max(1, math.ceil(error.retry_after)))
            reply = replace(reply, headers={**reply.headers, "retry-after": seconds})
        return reply

    def invalid(self, text: str) -> HttpReply:
        """A request that makes no sense, and why."""
        raise NotImplementedError
