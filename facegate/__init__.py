"""Face verification through one interface, whoever answers.

::

    import facegate

    with facegate.open() as verifier:
        result = verifier.compare(probe="selfie.jpg", gallery=["passport.jpg"])
        print(result.accepted, result.match.score)
"""

from typing import TYPE_CHECKING

from facegate.consent import Consent
from facegate.errors import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    CaptureRejected,
    ConfigurationError,
    ConnectionFailed,
    ConsentRefused,
    CredentialsExpired,
    FacegateError,
    Fault,
    ImageRejected,
    InputError,
    InvalidRequest,
    JournalUnavailable,
    LicenseInvalid,
    PermissionDenied,
    ProviderBusy,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    UnmappedError,
    UnsupportedOperation,
    UnsupportedOption,
    UnsupportedPicture,
)
from facegate.images.image import Image, ImageLimits
from facegate.images.sniff import ImageFormat
from facegate.model import (
    Attempt,
    Billed,
    Box,
    DecidedBy,
    Decision,
    Face,
    Liveness,
    Match,
    Operation,
    Outcome,
    Scale,
    VerificationResult,
)
from facegate.opening import open_async
from facegate.opening import open_sync as open  # noqa: A004  read as facegate.open
from facegate.question import Question
from facegate.verifier import AsyncFaceVerifier, FaceVerifier

__all__ = [
    "AsyncFaceVerifier",
    "Attempt",
    "AuthenticationFailed",
    "BadReply",
    "Billed",
    "Box",
    "CaptureReason",
    "CaptureRejected",
    "ConfigurationError",
    "ConnectionFailed",
    "Consent",
    "ConsentRefused",
    "CredentialsExpired",
    "DecidedBy",
    "Decision",
    "Face",
    "FaceVerifier",
    "FacegateError",
    "Fault",
    "Image",
    "ImageFormat",
    "ImageLimits",
    "ImageRejected",
    "InputError",
    "InvalidRequest",
    "JournalUnavailable",
    "LicenseInvalid",
    "Liveness",
    "Match",
    "Operation",
    "Outcome",
    "PermissionDenied",
    "ProviderBusy",
    "ProviderError",
    "ProviderTimeout",
    "ProviderUnavailable",
    "Question",
    "QuotaExhausted",
    "RateLimited",
    "Scale",
    "UnmappedError",
    "UnsupportedOperation",
    "UnsupportedOption",
    "UnsupportedPicture",
    "VerificationResult",
    "open",
    "open_async",
]

__version__: str

if not TYPE_CHECKING:  # a checker that saw it would take every misspelt name for a text

    def __getattr__(name):
        """The installed version, read from the metadata when it is asked for."""
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import version

        return version(__name__)


del TYPE_CHECKING
