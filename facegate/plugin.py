"""The one import surface for plugin authors; what is not here is not promised to them.

A plugin is a module named by an entry point in the group ``facegate``; the entry point's name is
the name that configuration uses::

    [project.entry-points.facegate]
    acme = "facegate_acme"

    # facegate_acme/__init__.py
    from facegate.plugin import hookimpl

    @hookimpl
    def facegate_providers():
        from facegate_acme.provider import Acme   # heavy imports wait until the plugin is used
        return [Acme]
"""

from facegate.consent import Handling
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
    ImageRejected,
    InvalidRequest,
    JournalUnavailable,
    LicenseInvalid,
    PermissionDenied,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    UnmappedError,
    UnsupportedOperation,
    UnsupportedOption,
)
from facegate.images.image import Image
from facegate.images.sniff import ImageFormat
from facegate.model import Billed, DecidedBy, Liveness, Match, Operation, Scale
from facegate.providers.compat import (
    CompatibleApi,
    CompatibleApiSettings,
    DecodedRequest,
    VendorError,
    json_reply,
)
from facegate.providers.hookspecs import hookimpl
from facegate.providers.http import ErrorTable, HttpProvider, HttpSettings, Picture, WireModel
from facegate.providers.provider import (
    Answer,
    BlockingProvider,
    CompareLiveRequest,
    CompareRequest,
    FlowProvider,
    LivenessRequest,
    Provider,
    ProviderInfo,
    ProviderSettings,
    per_call,
)
from facegate.runtime.flow import (
    Flow,
    HttpReply,
    HttpRequest,
    Transport,
    call,
    gather,
    send,
    sleep,
)
from facegate.runtime.lazy import lazy
from facegate.scores import ScoreSpec

__all__ = [
    "Answer",
    "AuthenticationFailed",
    "BadReply",
    "Billed",
    "BlockingProvider",
    "CaptureReason",
    "CaptureRejected",
    "CompareLiveRequest",
    "CompareRequest",
    "CompatibleApi",
    "CompatibleApiSettings",
    "ConfigurationError",
    "ConnectionFailed",
    "ConsentRefused",
    "CredentialsExpired",
    "DecidedBy",
    "DecodedRequest",
    "ErrorTable",
    "FacegateError",
    "Flow",
    "FlowProvider",
    "Handling",
    "HttpProvider",
    "HttpReply",
    "HttpRequest",
    "HttpSettings",
    "Image",
    "ImageFormat",
    "ImageRejected",
    "InvalidRequest",
    "JournalUnavailable",
    "LicenseInvalid",
    "Liveness",
    "LivenessRequest",
    "Match",
    "Operation",
    "PermissionDenied",
    "Picture",
    "Provider",
    "ProviderError",
    "ProviderInfo",
    "ProviderSettings",
    "ProviderTimeout",
    "ProviderUnavailable",
    "QuotaExhausted",
    "RateLimited",
    "Scale",
    "ScoreSpec",
    "Transport",
    "UnmappedError",
    "UnsupportedOperation",
    "UnsupportedOption",
    "VendorError",
    "WireModel",
    "call",
    "gather",
    "hookimpl",
    "json_reply",
    "lazy",
    "per_call",
    "send",
    "sleep",
]
