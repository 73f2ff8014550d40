"""What answering as either product has in common, beside what all vendors have."""

from __future__ import annotations

from typing import TypeVar

from pydantic import Field

from facegate.plugin import (
    CompatibleApi,
    CompatibleApiSettings,
    ConsentRefused,
    FacegateError,
    HttpReply,
    Image,
    ImageRejected,
    InvalidRequest,
    UnsupportedOption,
)
from facegate_opencv.credential import HEADER


class ApiSettings(CompatibleApiSettings):
    """The switch that both APIs have."""

    data_uris: bool = Field(
        default=False,
        description="Take pictures as data URIs, too. Whether the vendor does is not documented.",
    )


A = TypeVar("A", bound=ApiSettings)


class Api(CompatibleApi[A]):
    """Either product's API."""

    key_header = HEADER

    def picture(self, sent: str | bytes | memoryview, role: str) -> Image:
        uri = isinstance(sent, str) and sent[:5].lower() == "data:"
        if uri and not self.settings.data_uris:
            raise ImageRejected("a data URI, where base64 alone is taken", image=role)
        return super().picture(sent, role)

    def encode_error(self, error: FacegateError) -> HttpReply:
        if isinstance(error, InvalidRequest | UnsupportedOption | ConsentRefused):
            return self.invalid(error.message)
        return super().encode_error(error)

    def invalid(self, text: str) -> HttpReply:
        """A request that makes no sense, and why."""
        raise NotImplementedError
