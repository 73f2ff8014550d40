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

from facegate.dialect import Asked, Dialect, DialectSettings, VendorError, json_reply
from facegate.errors import (
    AuthenticationFailed,
    BadReply,
    Billed,
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
from facegate.flow import Flow, HttpReply, HttpRequest, Transport, call, send, sleep, together
from facegate.hookspecs import hookimpl
from facegate.http import ErrorTable, HttpProvider, HttpSettings, Picture, WireModel
from facegate.images import Image
from facegate.lazy import lazy
from facegate.model import DecidedBy, Liveness, Match, Operation, Scale
from facegate.provider import (
    Answer,
    BlockingProvider,
    CompareLiveRequest,
    CompareRequest,
    FlowProvider,
    Handling,
    LivenessRequest,
    Provider,
    ProviderInfo,
    ProviderSettings,
    per_call,
)
from facegate.scores import ScoreSpec
from facegate.sniff import ImageFormat

__all__ = [
    "Answer",
    "Asked",
    "AuthenticationFailed",
    "BadReply",
    "Billed",
    "BlockingProvider",
    "CaptureReason",
    "CaptureRejected",
    "CompareLiveRequest",
    "CompareRequest",
    "ConfigurationError",
    "ConnectionFailed",
    "ConsentRefused",
    "CredentialsExpired",
    "DecidedBy",
    "Dialect",
    "DialectSettings",
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
    "hookimpl",
    "json_reply",
    "lazy",
    "per_call",
    "send",
    "sleep",
    "together",
]
