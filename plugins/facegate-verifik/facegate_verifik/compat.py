"""The compatible API: Verifik's requests in, Verifik's replies out."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any, ClassVar, Final, Literal
from urllib.parse import parse_qs, urlsplit

from jwt import ExpiredSignatureError
from pydantic import Field, ValidationError

from facegate.plugin import (
    Answer,
    CompatibleApi,
    CompatibleApiSettings,
    DecodedRequest,
    FacegateError,
    HttpReply,
    HttpRequest,
    Image,
    ImageRejected,
    InvalidRequest,
    Operation,
    UnsupportedOption,
    VendorError,
    json_reply,
)
from facegate_verifik import wire
from facegate_verifik.errors import CAPTURE, DOCUMENTED, REPLIES
from facegate_verifik.replies import Call, Shape, Writer, object_id
from facegate_verifik.token import is_signed, presented, signed

_LONGEST: Final = 120
"""Months that a token may live; what the sample on Verifik's renewal page asks for."""

_LARGEST: Final = 100
"""Pictures in a gallery. Verifik documents no limit, but each one is another chance to match."""

_POST: Final = frozenset({"POST"})
_QUESTIONS: Final[Mapping[str, tuple[Operation, type[Any]]]] = {
    wire.COMPARE: (Operation.COMPARE, wire.Compare[wire.Text]),
    wire.COMPARE_LIVE: (Operation.COMPARE_LIVE, wire.CompareLive[wire.Text]),
    wire.COMPARE_FIRST: (Operation.COMPARE_LIVE, wire.CompareFirst[wire.Text]),
    wire.LIVENESS: (Operation.LIVENESS, wire.CheckLiveness[wire.Text]),
    wire.LIVENESS_SCORE: (Operation.LIVENESS, wire.CheckLiveness[wire.Text]),
}
_ORDERS: Final = {wire.COMPARE_LIVE: "single", wire.COMPARE_FIRST: "compare_first"}

_JOI: Final[Mapping[str, str]] = {
    "missing": "is required",
    "string_type": "must be a string",
    "string_too_short": "is not allowed to be empty",
    "list_type": "must be an array",
    "too_short": "must contain at least {min_length} items",
    "too_long": "must contain less than or equal to {max_length} items",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "greater_than_equal": "must be greater than or equal to {ge:g}",
    "less_than_equal": "must be less than or equal to {le:g}",
    "literal_error": "must be one of [FAST, ACCURATE]",
}
"""Complaints about a field, in the words of the validation library that Verifik shows."""


class VerifikApiSettings(CompatibleApiSettings):
    """Switches where Verifik's own pages disagree."""

    shape: Shape = Field(
        default="both",
        description="Shape of answers: records, as captured, flat, as documented, or both in one."
        " Clients that read records take a flat spoof for live.",
    )
    search_mode: Literal["lenient", "strict"] = Field(
        default="lenient",
        description="A comparison without search_mode is done FAST, or refused (`strict`).",
    )
    max_token_days: int = Field(
        default=30,
        ge=1,
        description="Days that a renewed token lives at most, whatever it is asked to.",
    )


class VerifikApi(CompatibleApi[VerifikApiSettings]):
    """Verifik's four face routes, ``liveness-score``, and the renewal of a token.

    A caller's token is one of the keys, or an HS256 JWT signed with one and not expired; after
    ``Bearer``, after ``JWT``, or bare. A key of less than 32 bytes signs nothing: with it the key
    itself is the only token, and its renewal gives the key again.

    Of two or three probes each is asked about, and the lowest score answered; Verifik does not say
    what it makes of several. More are refused, and so are galleries of more than 100.
    ``collection_id``, ``cropFace`` and ``includeCost`` are ignored. Bytes that are
    no picture are answered like a text that is no base64.

    Where the answering provider gives no score, none is made up:

    - ``score`` is left out and ``result.passed`` has the verdict; the flat shape has it
      in ``data.match``, the only flat verdict that a page of Verifik's shows. Callers that only
      look at a score find none and must be changed, rather than get a false one.
    - of a probe that passed liveness, the number is left out beside ``passed`` and ``min_score``.
    - a probe that did not pass is refused with ``409:liveness_failed``, as is one that was not
      compared for that reason: the vendor's own client takes an answer without ``liveness_score``
      for a pass, so a spoof must not get one.

    Args:
        *arguments: as for :class:`~facegate.plugin.CompatibleApi`, like ``**named``.
        clock: gives the current time, in UTC.
        chance: source of ids; the system's if None.
    """

    plugin = "verifik"
    routes: ClassVar = {
        **dict.fromkeys(_QUESTIONS, _POST),
        wire.RENEWAL: frozenset({"GET"}),
    }
    match = wire.MATCH_SPEC
    liveness = wire.LIVENESS_SPEC
    errors: ClassVar[Mapping[str, VendorError]] = {
        name: row.sent for name, row in DOCUMENTED.items()
    }
    reasons = CAPTURE
    failures = REPLIES
    no_route = "not_found"
    settings_type = VerifikApiSettings

    def __init__(
        self,
        *arguments: Any,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: random.Random | None = None,
        **named: Any,
    ) -> None:
        super().__init__(*arguments, **named)
        chance = chance or random.SystemRandom()
        self._secret = secrets.token_hex(32)
        self._writer = Writer(self.settings.shape, clock, chance, object_id(chance))

    def authorise(self, request: HttpRequest) -> str | HttpReply:
        if not self.keys:
            return ""
        renewing = urlsplit(request.url).path == wire.RENEWAL
        token, refusal = presented(request.headers), "authentication_required"
        if token is None:
            return self.error("missing_authorization_header" if renewing else refusal)
        for key in self.keys:
            try:
                if compare_digest(token.encode(), key.encode()) or is_signed(token, key):
                    return key
            except ExpiredSignatureError:
                refusal = "token_expired"
        if renewing:
            return self.error("invalid_or_expired_token", signature=self._writer.signature())
        return self.error(refusal)

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        route = urlsplit(request.url).path
        if route == wire.RENEWAL:
            return self._renewed(request)
        operation, message_type = _QUESTIONS[route]
        try:
            message = message_type.model_validate_json(
                b"".join(request.body), context={"strict": self.settings.search_mode == "strict"}
            )
        except ValidationError as error:
            return self._refused(error)
        probe = message.image if operation is Operation.LIVENESS else message.probe
        linked = operation is Operation.LIVENESS, route == wire.COMPARE_FIRST
        probes = probe if isinstance(probe, list) else [probe]
        pictures = [("probe", each, linked[0]) for each in probes]
        texts = getattr(message, "gallery", ())
        if len(texts) > _LARGEST:
            problem = _JOI["too_long"].format(max_length=_LARGEST)
            return self.error("missing_parameter", message=f'"gallery" {problem}')
        pictures += [(f"gallery[{index}]", text, linked[1]) for index, text in enumerate(texts)]
        if any(link and _insecure(text) for _, text, link in pictures):
            return self.error("insecure_image_url")
        probe, *others = (self._picture(*each) for each in pictures)
        further, gallery = others[: len(probes) - 1], others[len(probes) - 1 :]
        options = {name: getattr(message, name, None) for name in ("search_mode", "os")}
        options["order"] = _ORDERS.get(route)
        return DecodedRequest(
            operation,
            probe,
            tuple(gallery),
            threshold=getattr(message, "compare_min_score", None),
            liveness_threshold=getattr(message, "liveness_min_score", None),
            options={name: value for name, value in options.items() if value is not None},
            context=Call(route, self._writer.clock()),
            further_probes=tuple(further),
        )

    def encode(self, decoded: DecodedRequest, answer: Answer) -> HttpReply:
        data = self._writer.data(decoded, answer)
        if data is None:
            return self.error("liveness_failed")
        return json_reply(200, self._writer.envelope(data, answer))

    def encode_error(self, error: FacegateError) -> HttpReply:
        if isinstance(error, InvalidRequest | UnsupportedOption):
            return self.error("missing_parameter", message=error.message)
        return super().encode_error(error)

    def _refused(self, error: ValidationError) -> HttpReply:
        """The first problem, as Verifik does not go on to a second."""
        first = error.errors(include_input=False, include_url=False)[0]
        if first["type"] not in _JOI:
            return self.error("invalid_request")
        name, *index = first["loc"]
        field = "".join([str(name), *(f"[{place}]" for place in index)])
        problem = _JOI[first["type"]].format(**first.get("ctx", {}))
        return self.error("missing_parameter", message=f'"{field}" {problem}')

    def _picture(self, role: str, text: str, link: bool) -> Image | str:  # noqa: FBT001
        if link and _is_url(text):
            return text
        image = self.picture(text, role)
        if wire.is_stub(image):
            raise ImageRejected("too short for a picture", image=role)
        return image

    def _renewed(self, request: HttpRequest) -> HttpReply:
        query = parse_qs(urlsplit(request.url).query)
        if (problem := _unfit(query)) is not None:
            return self.error("missing_parameter", message=problem)
        key = self.authorise(request)
        if isinstance(key, HttpReply):
            return key
        months = int(query.get("expiresIn", ["1"])[0])
        writer, most = self._writer, self.settings.max_token_days
        new = signed(key or self._secret, writer.client, writer.clock(), months, most)
        return json_reply(200, {"accessToken": new, "tokenType": "bearer"})


def _is_url(text: str) -> bool:
    return text[:8].lower() == "https://"


def _insecure(text: str) -> bool:
    return "://" in text[:16] and not _is_url(text)


def _unfit(query: Mapping[str, list[str]]) -> str | None:
    """Complaint about a request for renewal; None if there is none."""
    if "origin" not in query:
        return '"origin" is required'
    if query["origin"][0] != "refresh":
        return '"origin" must be one of [refresh]'
    months = query.get("expiresIn", ["1"])[0]
    if not (months.isascii() and months.isdigit()):
        return '"expiresIn" must be a number'
    if len(months) > 3 or int(months) > _LONGEST:
        return f'"expiresIn" must be less than or equal to {_LONGEST}'
    return None if int(months) else '"expiresIn" must be greater than or equal to 1'
