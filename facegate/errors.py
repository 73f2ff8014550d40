"""Errors: every way a verification can fail, as one tree whose policy is data.

::

    FacegateError
    ├ ConfigurationError               settings, unknown plugin, plugin that failed to load
    ├ UnsupportedOperation             the provider has no such operation: refused before any I/O
    ├ UnsupportedOption                the provider cannot be told this: refused before any I/O
    ├ ConsentRefused                   the request's consent does not cover the recipient
    ├ JournalUnavailable               the decision could not be recorded, so it is withheld
    ├ InputError                       the caller's picture or arguments
    │   ├ InvalidRequest               arguments that make no sense together
    │   ├ ImageRejected                not a readable picture within the limits
    │   │   └ UnsupportedPicture       one that this provider does not take; another one may
    │   └ CaptureRejected              a picture, but not one to decide on: see ``reason``
    └ ProviderError
        ├ refused    AuthenticationFailed  CredentialsExpired  PermissionDenied
        │            QuotaExhausted  LicenseInvalid
        ├ not done   ProviderUnavailable  RateLimited  ConnectionFailed
        │            └ ProviderBusy    sound, but with more to do than it can in time
        └ unknown    ProviderTimeout  BadReply  UnmappedError

A "no match" and a spoof are answers and never appear here. Callers branch on the class; whoever
retries, fails over or maps to HTTP reads the class attributes instead of keeping a list of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, ClassVar

from facegate.model import Attempt, Billed


class Fault(StrEnum):
    """The party at fault, who can put it right."""

    CALLER = "caller"
    OPERATOR = "operator"
    PROVIDER = "provider"


class CaptureReason(StrEnum):
    """The reason why a picture cannot be decided on, in the words capture SDKs share."""

    FACE_NOT_FOUND = "FACE_NOT_FOUND"
    TOO_MANY_FACES = "TOO_MANY_FACES"
    FACE_TOO_SMALL = "FACE_TOO_SMALL"
    FACE_TOO_CLOSE = "FACE_TOO_CLOSE"
    FACE_CLOSE_TO_BORDER = "FACE_CLOSE_TO_BORDER"
    FACE_CROPPED = "FACE_CROPPED"
    FACE_ANGLE_TOO_LARGE = "FACE_ANGLE_TOO_LARGE"
    FACE_IS_OCCLUDED = "FACE_IS_OCCLUDED"
    EYES_CLOSED = "EYES_CLOSED"
    QUALITY_TOO_LOW = "QUALITY_TOO_LOW"
    NOT_STATED = "NOT_STATED"
    """A picture that is not usable; the vendor does not say why."""


class FacegateError(Exception):
    """Base of everything facegate raises on purpose.

    The message is written by facegate, never copied from a vendor, so that it can be shown and
    logged: a vendor's own text may echo the request, and the request holds a face.

    Attributes:
        image: the picture at fault, ``"probe"`` or ``"gallery[i]"``, where one is.
        provider: name of the configured provider that failed, where one did.
        vendor_code: the vendor's own error code, where it sent one.
        attempts: every attempt made before giving up, oldest first.
        request_id: id of the request that failed, where it got so far as to have one.
    """

    retryable: ClassVar[bool] = False
    """The same request to the same provider may succeed a moment later."""
    fails_over: ClassVar[bool] = False
    """Another provider may answer where this one could not."""
    cools_down: ClassVar[bool] = False
    """A failure like this counts against the provider's health."""
    billed: ClassVar[Billed] = Billed.NO
    """Whether the provider may have charged for it."""
    http_status: ClassVar[int] = 500
    """The status that a service in front of facegate should answer with."""
    fault: ClassVar[Fault] = Fault.OPERATOR
    """The party that can put it right."""

    def __init__(
        self,
        message: str,
        *,
        image: str | None = None,
        provider: str | None = None,
        vendor_code: str | None = None,
        attempts: tuple[Attempt, ...] = (),
    ) -> None:
        super().__init__(message)
        self.image = image
        self.provider = provider
        self.vendor_code = vendor_code
        self.attempts = attempts
        self.request_id: str | None = None

    @property
    def message(self) -> str:
        """The message, without the provider and the picture that ``str`` puts before it."""
        return str(self.args[0])

    @property
    def code(self) -> str:
        """Stable name of the class, for machines."""
        return type(self).__name__

    def __str__(self) -> str:
        culprit = ": ".join(part for part in (self.provider, self.image) if part)
        return f"{culprit}: {self.message}" if culprit else self.message

    def as_dict(self) -> dict[str, Any]:
        """The error as JSON-ready data; absent fields are left out."""
        fields = {
            "code": self.code,
            "message": self.message,
            "image": self.image,
            "provider": self.provider,
            "vendor_code": self.vendor_code,
            "attempts": [attempt.model_dump(mode="json") for attempt in self.attempts],
            "request_id": self.request_id,
        }
        return {name: value for name, value in fields.items() if value}


class ConfigurationError(FacegateError):
    """Settings that cannot work, or a plugin that is missing or broken."""


class UnsupportedOperation(FacegateError):
    """The provider does not offer the operation. No request was made."""

    fails_over = True
    http_status = 501


class UnsupportedOption(FacegateError):
    """The provider cannot be told what the caller asked for. No request was made."""

    http_status = 400
    fault = Fault.CALLER


class ConsentRefused(FacegateError):
    """The request's consent does not cover the recipient. No request was made."""

    http_status = 403
    fault = Fault.CALLER


class JournalUnavailable(FacegateError):
    """The request could not be recorded in time, and nothing unrecorded is acknowledged.

    Providers may have been asked: ``attempts`` says so, and what they may have charged.
    """

    http_status = 503


class InputError(FacegateError):
    """The caller's picture or arguments. Never retried, never held against a provider."""

    http_status = 400
    fault = Fault.CALLER


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong with a message, without what was sent.

    Attributes:
        place: the field, and the way into it.
        kind: of the fault, as pydantic calls it.
        text: the fault in words.
    """

    place: tuple[str | int, ...]
    kind: str
    text: str

    def __str__(self) -> str:
        return ": ".join([*map(str, self.place), self.text])


class InvalidRequest(InputError):
    """Arguments that are out of range or make no sense together.

    Attributes:
        misfits: every fault of a message that was sent to a compatible API.
    """

    misfits: tuple[Misfit, ...] = ()


class ImageRejected(InputError):
    """A picture that is not readable, of no accepted type, or beyond the limits."""

    http_status = 422


class UnsupportedPicture(ImageRejected):
    """A readable picture, of a type, weight or size that the provider does not take."""

    fails_over = True


class CaptureRejected(InputError):
    """A readable picture that no honest decision can be based on.

    Attributes:
        reason: the picture's defect, so that a product can tell the person what to do next.
    """

    http_status = 422

    def __init__(self, message: str, *, reason: CaptureReason, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), reason=self.reason), self.args, self.__dict__

    def as_dict(self) -> dict[str, Any]:
        return {**super().as_dict(), "reason": str(self.reason)}


class ProviderError(FacegateError):
    """The provider, or the way to it, failed. Says nothing about the person.

    Attributes:
        retry_after: seconds the provider asked to wait, 0 or more; None where it did not say.
    """

    fails_over = True
    http_status = 502
    fault = Fault.PROVIDER

    def __init__(self, message: str, *, retry_after: float | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.retry_after = retry_after

    def as_dict(self) -> dict[str, Any]:
        wait = {} if self.retry_after is None else {"retry_after": self.retry_after}
        return {**super().as_dict(), **wait}


class AuthenticationFailed(ProviderError):
    """The provider does not know the credential."""

    cools_down = True
    fault = Fault.OPERATOR


class CredentialsExpired(ProviderError):
    """The credential has expired; renew it."""

    cools_down = True
    fault = Fault.OPERATOR


class PermissionDenied(ProviderError):
    """The credential is known but may not do this."""

    cools_down = True
    fault = Fault.OPERATOR


class QuotaExhausted(ProviderError):
    """The account is out of credits."""

    cools_down = True
    fault = Fault.OPERATOR


class LicenseInvalid(ProviderError):
    """The engine's own licence is missing, expired or used up."""

    cools_down = True
    fault = Fault.OPERATOR


class RateLimited(ProviderError):
    """The provider refused one request too many."""

    retryable = True
    cools_down = True
    http_status = 503


class ProviderUnavailable(ProviderError):
    """The provider answered that it cannot serve now."""

    retryable = True
    cools_down = True
    http_status = 503


class ProviderBusy(ProviderUnavailable):
    """The provider, sound as it is, has more to do than it can in time. Nothing was begun."""

    cools_down = False


class ConnectionFailed(ProviderError):
    """No connection, so the request was not processed."""

    retryable = True
    cools_down = True
    http_status = 503


class ProviderTimeout(ProviderError):
    """No answer in time. Whether it was processed, and charged, is unknown."""

    cools_down = True
    billed = Billed.MAYBE
    http_status = 504


class BadReply(ProviderError):
    """The provider answered something that cannot be read as an answer."""

    cools_down = True
    billed = Billed.MAYBE


class UnmappedError(ProviderError):
    """The provider sent an error that its table does not know. Never guessed at."""

    billed = Billed.MAYBE
