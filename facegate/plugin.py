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

from facegate.calibration import Calibration
from facegate.consent import Handling, Kept
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
    Misfit,
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
from facegate.images.image import Image
from facegate.images.sniff import ImageFormat
from facegate.model import Billed, Box, DecidedBy, Face, Liveness, Match, Operation, Scale
from facegate.providers.bodies import (
    Body,
    DataUri,
    HeaderSecret,
    Picture,
    WireModel,
    form_body,
    json_body,
    multipart_body,
    raw_body,
)
from facegate.providers.catalogue import NOT_LIVE, Catalogue, ErrorTable, Meaning, Row
from facegate.providers.compat import (
    CompatibleApi,
    CompatibleApiSettings,
    DecodedRequest,
    VendorError,
    json_reply,
)
from facegate.providers.flows import FlowProvider
from facegate.providers.forms import Form, FormLimits, multipart
from facegate.providers.hookspecs import hookimpl
from facegate.providers.http import HttpProvider, HttpSettings, Query
from facegate.providers.pictures import FacePolicy, PictureLimits, SeveralFaces
from facegate.providers.provider import BlockingProvider, Provider, ProviderInfo
from facegate.providers.requests import (
    Answer,
    BoundRequest,
    CompareLiveRequest,
    CompareRequest,
    LivenessRequest,
    same_engine,
)
from facegate.providers.settings import ProviderSettings, moves_scores, per_call
from facegate.providers.signing import Claim, SigningApi, SigningScheme
from facegate.providers.templates import Side, Template, Templates
from facegate.providers.tokens import Token, Tokens, client_credentials
from facegate.rates import RateKind, Rates
from facegate.runtime.deadline import seconds_left
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
    "NOT_LIVE",
    "Answer",
    "AuthenticationFailed",
    "BadReply",
    "Billed",
    "BlockingProvider",
    "Body",
    "BoundRequest",
    "Box",
    "Calibration",
    "CaptureReason",
    "CaptureRejected",
    "Catalogue",
    "Claim",
    "CompareLiveRequest",
    "CompareRequest",
    "CompatibleApi",
    "CompatibleApiSettings",
    "ConfigurationError",
    "ConnectionFailed",
    "ConsentRefused",
    "CredentialsExpired",
    "DataUri",
    "DecidedBy",
    "DecodedRequest",
    "ErrorTable",
    "Face",
    "FacePolicy",
    "FacegateError",
    "Flow",
    "FlowProvider",
    "Form",
    "FormLimits",
    "Handling",
    "HeaderSecret",
    "HttpProvider",
    "HttpReply",
    "HttpRequest",
    "HttpSettings",
    "Image",
    "ImageFormat",
    "ImageRejected",
    "InvalidRequest",
    "JournalUnavailable",
    "Kept",
    "LicenseInvalid",
    "Liveness",
    "LivenessRequest",
    "Match",
    "Meaning",
    "Misfit",
    "Operation",
    "PermissionDenied",
    "Picture",
    "PictureLimits",
    "Provider",
    "ProviderBusy",
    "ProviderError",
    "ProviderInfo",
    "ProviderSettings",
    "ProviderTimeout",
    "ProviderUnavailable",
    "Query",
    "QuotaExhausted",
    "RateKind",
    "RateLimited",
    "Rates",
    "Row",
    "Scale",
    "ScoreSpec",
    "SeveralFaces",
    "Side",
    "SigningApi",
    "SigningScheme",
    "Template",
    "Templates",
    "Token",
    "Tokens",
    "Transport",
    "UnmappedError",
    "UnsupportedOperation",
    "UnsupportedOption",
    "UnsupportedPicture",
    "VendorError",
    "WireModel",
    "call",
    "client_credentials",
    "form_body",
    "gather",
    "hookimpl",
    "json_body",
    "json_reply",
    "lazy",
    "moves_scores",
    "multipart",
    "multipart_body",
    "per_call",
    "raw_body",
    "same_engine",
    "seconds_left",
    "send",
    "sleep",
]
