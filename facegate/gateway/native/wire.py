"""Requests of the native API: JSON, or a form with pictures as files, to a question."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema

from facegate.consent import Consent
from facegate.errors import ImageRejected, InvalidRequest, Misfit
from facegate.images.image import Image, ImageLimits
from facegate.model import Operation
from facegate.providers.bodies import MAX_JSON_VALUES, is_overcrowded
from facegate.providers.forms import Form, multipart
from facegate.question import Question
from facegate.runtime.flow import HttpRequest
from facegate.thresholds import Thresholds

M = TypeVar("M", bound=BaseModel)
Sent = str | memoryview


def _sent(value: Any) -> Sent:
    if not isinstance(value, str | memoryview):
        raise ValueError("a picture is a text: base64, a data URI or an https URL")  # noqa: TRY004
    return value


Picture = Annotated[
    Sent,
    PlainValidator(_sent),
    WithJsonSchema(
        {
            "type": "string",
            "description": "A picture: base64, a data URI or, where fetching is on, an https URL."
            " In a form, a file.",
        }
    ),
]


def _threshold(value: Any, *, inner: bool = False) -> Any:
    if isinstance(value, dict) and not inner:
        return {name: _threshold(each, inner=True) for name, each in value.items()}
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(  # noqa: TRY004  pydantic heeds this one
            'a threshold is a number, a rate such as "fmr:1e-4", or an object of provider names'
        )
    return value


_ONE = [{"type": "number"}, {"type": "string", "maxLength": 64}]
Threshold = Annotated[
    Thresholds,
    PlainValidator(_threshold),
    WithJsonSchema({"anyOf": [*_ONE, {"type": "object", "additionalProperties": {"anyOf": _ONE}}]}),
]


class Message(BaseModel):
    """A message of this API: what it does not know is refused, and no error shows what was sent."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


class ConsentMessage(Message):
    """A person's consent; see :class:`facegate.Consent`."""

    purpose: str = Field(description="The purpose, in the words the person was shown.")
    recipients: tuple[str, ...] = Field(description="Those who may see the pictures.")
    regions: tuple[str, ...] | None = Field(
        default=None, description="Places where they may be processed; null for anywhere."
    )
    storing: bool = False
    enrolling: bool = False
    searching: bool = False
    training: bool = False
    reference: str | None = Field(
        default=None, description="The consent's own id in the caller's records."
    )

    def consent(self) -> Consent:
        """The consent that was given."""
        given = self.model_dump()
        regions = None if self.regions is None else frozenset(self.regions)
        return Consent(**given | {"recipients": frozenset(self.recipients), "regions": regions})


class _QuestionMessage(Message):
    probe: Picture = Field(repr=False, description="The picture captured now.")
    options: dict[str, dict[str, Any]] | None = Field(
        default=None, description="Per-request options of the vendors, keyed by plugin name."
    )
    subject: str | None = Field(
        default=None,
        repr=False,
        min_length=1,
        max_length=256,
        description="The person, as the caller names them; kept only as a keyed hash.",
    )
    consent: ConsentMessage | None = None
    request_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.:-]{1,128}$",
        description="Id to find the request again by; `X-Request-Id` if absent.",
    )
    judged_by_caller: bool = Field(
        default=False, description="The caller wants the score and decides elsewhere."
    )


class _Compared(_QuestionMessage):
    gallery: tuple[Picture, ...] = Field(
        repr=False, min_length=1, description="Pictures of the one claimed person."
    )
    threshold: Threshold | None = Field(
        default=None,
        description='Similarity that a match takes: a number on the provider\'s scale, `"fmr:1e-4"`'
        " or, where a route leads to several scales, an object of provider names.",
    )


class _Lived(_QuestionMessage):
    liveness_threshold: Threshold | None = Field(
        default=None,
        description="Liveness score that a pass takes: a number on the provider's scale,"
        ' `"bpcer:0.05"` or an object of provider names.',
    )


class CompareRequest(_Compared):
    """Is the person on the probe the one on the gallery's pictures?"""


class LivenessRequest(_Lived):
    """Is a living person in front of the camera?"""


class CompareLiveRequest(_Lived, _Compared):
    """Both questions, on the same probe."""


MESSAGES: Mapping[Operation, type[_QuestionMessage]] = {
    Operation.COMPARE: CompareRequest,
    Operation.COMPARE_LIVE: CompareLiveRequest,
    Operation.LIVENESS: LivenessRequest,
}


def question(
    operation: Operation, request: HttpRequest, limits: ImageLimits, **about: str | None
) -> Question:
    """The question that a request holds; takes a while for many megabytes.

    Args:
        operation: what is asked.
        request: with its whole body.
        limits: limits of its pictures.
        **about: ``request_id`` for one that names none, and the ``caller``.

    Raises:
        InvalidRequest: what was sent is no such message; its ``misfits`` say what is wrong where.
        ImageRejected: a picture is none, naming it.
    """
    kind = MESSAGES[operation]
    is_form = request.headers.get("content-type", "").lower().startswith("multipart/")
    asked = _of_form(kind, multipart(request)) if is_form else message(kind, request)
    given = {name: getattr(asked, name) for name in kind.model_fields if name not in _BUILT}
    about = {name: value for name, value in about.items() if given.get(name) is None}
    return Question(
        operation=operation,
        probe=_picture(asked.probe, "probe", limits),
        gallery=[
            _picture(each, f"gallery[{place}]", limits)
            for place, each in enumerate(getattr(asked, "gallery", ()))
        ],
        consent=asked.consent.consent() if asked.consent else None,
        **given | about,
    )


_BUILT = {"probe", "gallery", "consent"}
"""Fields that a question takes in another form."""


def message(kind: type[M], request: HttpRequest) -> M:
    """The JSON of a request, as a ``kind``.

    Raises:
        InvalidRequest: it is none; its ``misfits`` say what is wrong where.
    """
    body = b"".join(request.body)
    if is_overcrowded(body):
        raise InvalidRequest(f"more than {MAX_JSON_VALUES} values of JSON")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise misfit(error) from None


_TEXTS = {"subject", "request_id"}
"""Fields of a form that are texts, whatever they look like."""


def _of_form(kind: type[M], form: Form) -> M:
    given: dict[str, Any] = {}
    for name, _ in form.parts:
        if name == "gallery":
            given[name] = form.all(name)
        elif name == "probe":
            given[name] = form.one(name)
        else:
            given[name] = _value(name, form.text(name) or "")
    try:
        # JSON's own types are those of its values here, and a list will do for a tuple.
        return kind.model_validate(given, strict=False)
    except ValidationError as error:
        raise misfit(error) from None


def _value(name: str, text: str) -> Any:
    """A field's value: JSON where it is that, so that ``0.7`` is a number; else the text."""
    if name in _TEXTS or is_overcrowded(text.encode()):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _picture(sent: Sent, role: str, limits: ImageLimits) -> Image | str:
    """The picture; a text from outside may name a URL, and never a file of this machine."""
    try:
        if not isinstance(sent, str):
            return Image.from_bytes(sent, limits)
        return sent if sent[:8].lower() == "https://" else Image.from_base64(sent, limits)
    except ImageRejected as error:
        error.image = role
        raise


def misfit(error: ValidationError) -> InvalidRequest:
    """The error of a message that is none, without what was sent."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    misfits = tuple(
        Misfit(_told(each["loc"]), each["type"], each["msg"].removeprefix("Value error, "))
        for each in found[:_MOST]
    )
    wrong = InvalidRequest(str(misfits[0]))
    wrong.misfits = misfits
    return wrong


def _told(place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The place of a fault; a name that is none may be anything that a caller has put there."""
    return tuple(part if isinstance(part, int) or _NAME.fullmatch(part) else "?" for part in place)


_NAME = re.compile(r"[A-Za-z_][\w-]{0,31}", re.ASCII)
_MOST = 20
"""Faults of a message that are told."""
