"""Compatible APIs: answering as a vendor does, the other direction of a plugin's wire.

A compatible API reads a request that was written for the vendor and writes the reply that the
vendor would have sent. It does no I/O; the gateway asks the provider that is configured to answer.
What vendors have in common is here: the key in a header, pictures in a field, errors by class.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import Any, ClassVar, Generic

from pydantic import BaseModel, Field, ValidationError
from typing_extensions import TypeVar

from facegate.document import Table
from facegate.errors import (
    CaptureReason,
    CaptureRejected,
    FacegateError,
    ImageRejected,
    InvalidRequest,
    Misfit,
    ProviderError,
)
from facegate.images.image import DEFAULT_LIMITS, Image, ImageLimits
from facegate.images.sniff import ImageFormat
from facegate.model import Operation
from facegate.providers.requests import Answer
from facegate.runtime.flow import HttpReply, HttpRequest
from facegate.scores import ScoreSpec


class CompatibleApiSettings(Table):
    """Settings of every compatible API. Subclass it for a vendor's own switches."""

    lower_thresholds: bool = Field(
        default=False,
        description="Take callers' thresholds that are laxer than the provider's own. Without it"
        " those count as its own, since the numbers in old integrations let far more strangers in.",
    )

    match_threshold: float | None = Field(
        default=None,
        description="Where the answering provider's own match threshold lands on the target scale."
        " The vendor's documented default if absent.",
    )
    liveness_threshold: float | None = Field(
        default=None,
        description="Where the answering provider's own liveness threshold lands on the target"
        " scale. The vendor's documented default if absent.",
    )
    statuses: dict[str, int] = Field(
        default_factory=dict,
        description="HTTP status of an error, by its name, instead of the one in the table.",
    )
    data_uris: bool | None = Field(
        default=None,
        description="Take pictures as data URIs, or refuse them; as the vendor does if absent.",
    )


@dataclass(frozen=True, slots=True)
class DecodedRequest:
    """A request in a vendor's words, as the question that it asks.

    Attributes:
        operation: one of the three questions.
        probe: the picture captured now, or an https URL of it where the vendor takes those.
        gallery: the pictures of the claimed person, or https URLs of them.
        threshold: similarity that a match takes, on the target scale; None where the request leaves
            it to the vendor's default.
        liveness_threshold: liveness score that a pass takes, on the target scale; None where the
            request leaves it to the vendor's default.
        options: all else that the vendor can be told, as per-request options of its own plugin.
        context: a value for :meth:`CompatibleApi.encode`, which needs it to write the reply.
        judged_by_caller: the caller wants the score and decides elsewhere, as by a threshold of 0,
            which would let everybody in: no threshold is handed on, and the journal says so.
        further_probes: more pictures captured now, where a vendor takes several: each is asked
            about by itself, and the answer that is furthest from an accept is the reply's.
    """

    operation: Operation
    probe: Image | str = field(repr=False)
    gallery: tuple[Image | str, ...] = field(default=(), repr=False)
    threshold: float | None = None
    liveness_threshold: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    context: Any = None
    judged_by_caller: bool = False
    further_probes: tuple[Image | str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class VendorError:
    """One of a vendor's errors as it sends it.

    Attributes:
        status: HTTP status.
        body: the JSON object.
        headers: headers beside those of every reply.
    """

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


D = TypeVar("D", bound=CompatibleApiSettings, default=Any)
M = TypeVar("M", bound=BaseModel)


class CompatibleApi(Generic[D]):
    """A vendor's API, served by facegate.

    Set the class attributes and write :meth:`decode` and :meth:`encode`. Override the other methods
    where the vendor has its own way. None of them may do I/O or keep state that one request could
    see of another; any number of threads use one instance.

    Attributes:
        plugin: the plugin whose API this is; the same name as its provider's.
        routes: the paths that exist, each with its methods.
        match: the vendor's similarity scores, with its documented default threshold.
        liveness: the vendor's liveness scores, with its documented default threshold.
        needs_scores: the API can only say scores, so a provider without them cannot answer for it.
        wants_faces: the API says where the faces are, as in ``Answer.faces``. Where the provider
            does not know, that is empty, and :meth:`encode` leaves them out.
        errors: every documented error, by the name that ``statuses`` and the sandbox know it by.
        reasons: names of the errors for pictures that were rejected, by reason.
        failures: names of the errors for all other failures, by class: the nearest one above a
            failure's own counts, so FacegateError itself must be there. What failed behind the API,
            a credential or a licence, is the operator's, and not for the caller to repair.
        key_header: header that holds the caller's key, in lower case.
        wrong_key: name of the error for a key that nobody has.
        missing_key: name of the error for a request without a key; ``wrong_key`` if empty.
        no_route: name of the error for a path or a method that does not exist; ``""`` where the
            vendor's words are not known.
        too_heavy: name of the error for a request heavier than the gateway takes; ``""`` for that
            of an ImageRejected, with status 413.
        formats: the picture types that are taken.
        data_uris: pictures are taken as data URIs, too.
        settings_type: the operator's switches; unknown ones are refused.

    Args:
        settings: the operator's settings.
        keys: the secrets that callers may present; without any, every caller is let in.
        limits: bytes and pixels of the pictures that are taken.
    """

    plugin: ClassVar[str]
    routes: ClassVar[Mapping[str, frozenset[str]]]
    match: ClassVar[ScoreSpec]
    liveness: ClassVar[ScoreSpec]
    needs_scores: ClassVar[bool] = False
    wants_faces: ClassVar[bool] = False
    errors: ClassVar[Mapping[str, VendorError]]
    reasons: ClassVar[Mapping[CaptureReason, str]] = {}
    failures: ClassVar[Mapping[type[FacegateError], str]]
    key_header: ClassVar[str] = "authorization"
    wrong_key: ClassVar[str]
    missing_key: ClassVar[str] = ""
    no_route: ClassVar[str] = ""
    too_heavy: ClassVar[str] = ""
    formats: ClassVar[frozenset[ImageFormat]] = frozenset(ImageFormat)
    data_uris: ClassVar[bool] = True
    settings_type: type[D]

    def __init__(
        self, settings: D, keys: Sequence[str] = (), limits: ImageLimits = DEFAULT_LIMITS
    ) -> None:
        self.settings = settings
        self.keys = tuple(keys)
        self.limits = limits

    def notes(self) -> Sequence[str]:
        """Sentences that the operator should read when the API is served as it is set up."""
        return ()

    def authorise(self, request: HttpRequest) -> str | HttpReply:
        """The key that the caller claims to hold, ``""`` where there are none, or a refusal.

        The body has not been read yet. Where a caller shows the key itself, this is all there is
        to do; where it signs with the key, :meth:`prove` does the rest.
        """
        if not self.keys:
            return ""
        presented = self.presented(request)
        if not presented:
            return self.error(self.missing_key or self.wrong_key)
        # Every key is compared, so that the time taken does not tell which one came close.
        equal = [key for key in self.keys if compare_digest(key.encode(), presented.encode())]
        return equal[0] if equal else self.error(self.wrong_key)

    def presented(self, request: HttpRequest) -> str:
        """The key that a request shows, ``""`` where it shows none."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        return headers.get(self.key_header, "")

    def prove(self, request: HttpRequest, key: str) -> HttpReply | None:  # noqa: ARG002
        """A refusal, unless the request, body and all, was signed with the key that it claims.

        Called before anything is done in the key's name; where there are no keys, that is ``""``,
        and there is nothing to prove. A signature covers the request's ``target`` and
        ``authority``, its headers and its body. Compare with :func:`hmac.compare_digest`.
        """
        return None

    def repeats(self, request: HttpRequest) -> str | None:  # noqa: ARG002
        """The id that a client gives to a request and to its repetitions, None without one.

        For a minute, a repetition is answered like the first one. Whatever the body does not say
        and tells two requests apart belongs into the id, such as a header that names the operation.
        """
        return None

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        """The question that an authorised request on one of ``routes`` asks.

        Gives a reply instead where the vendor refuses the request, or answers it by itself.

        Raises:
            FacegateError: the request asks nothing that can be answered. The error goes to
                :meth:`encode_error`; an ImageRejected names the picture.
        """
        raise NotImplementedError

    def message(self, request: HttpRequest, kind: type[M]) -> M:
        """The JSON that was sent, as a ``kind``.

        Raises:
            InvalidRequest: it is none; its ``misfits`` say what is wrong where.
        """
        try:
            return kind.model_validate_json(b"".join(request.body))
        except ValidationError as error:
            found = error.errors(include_input=False, include_url=False, include_context=False)
        misfits = tuple(Misfit(each["loc"], each["type"], each["msg"]) for each in found)
        wrong = InvalidRequest(str(misfits[0]))
        wrong.misfits = misfits
        raise wrong

    def picture(self, sent: str | bytes | memoryview, role: str) -> Image:
        """A picture as it was sent: base64 in a text, or its own bytes.

        Raises:
            ImageRejected: not a picture within the limits and of ``formats``; the error names it by
                its ``role``, ``"probe"`` or ``"gallery[i]"``.
        """
        try:
            if isinstance(sent, str):
                self.__refuse_data_uri(sent)
                image = Image.from_base64(sent, self.limits)
            else:
                image = Image.from_bytes(sent, self.limits)
            if image.format not in self.formats:
                raise ImageRejected(f"{image.format} is not taken")
        except ImageRejected as error:
            error.image = role
            raise
        return image

    def gallery(self, sent: Sequence[str | bytes | memoryview]) -> tuple[Image, ...]:
        """The pictures of a gallery; see :meth:`picture`, also for the error."""
        return tuple(self.picture(each, f"gallery[{n}]") for n, each in enumerate(sent))

    def __refuse_data_uri(self, sent: str) -> None:
        chosen = self.settings.data_uris
        taken = self.data_uris if chosen is None else chosen
        if not taken and sent[:5].lower() == "data:":
            raise ImageRejected("a data URI, where base64 alone is taken")

    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        """An answer, its scores on the target scale, as the vendor would send it."""
        raise NotImplementedError

    def encode_error(self, error: FacegateError) -> HttpReply:
        """A failure as the vendor would report it, with the time to wait where it is known."""
        name = self.reasons.get(error.reason) if isinstance(error, CaptureRejected) else None
        names = (self.failures.get(kind) for kind in type(error).__mro__)
        name = name or next(filter(None, names))
        reply = self.error(name, **self.details(name, error))
        if isinstance(error, ProviderError) and error.retry_after is not None:
            seconds = str(max(1, math.ceil(error.retry_after)))
            return replace(reply, headers={**reply.headers, "retry-after": seconds})
        return reply

    def details(self, name: str, error: FacegateError) -> Mapping[str, Any]:  # noqa: ARG002
        """Fields of an error's body that say more of a failure than the table does."""
        return {}

    def error(self, name: str, **changes: Any) -> HttpReply:
        """The reply of one of ``errors``.

        Args:
            name: its name in ``errors``; ``settings.statuses`` may give it another HTTP status.
            **changes: members of the JSON body that the occasion sets.
        """
        row = self.errors[name]
        status = self.settings.statuses.get(name, row.status)
        return json_reply(status, {**row.body, **changes}, row.headers)


def json_reply(status: int, body: Any, headers: Mapping[str, str] | None = None) -> HttpReply:
    """A reply with a JSON body, of what ``json.dumps`` takes without NaN and infinity."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return HttpReply(status, {"content-type": "application/json", **(headers or {})}, text.encode())
