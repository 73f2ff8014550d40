"""The cloud API, answered by whatever provider is configured."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from facegate.plugin import (
    Answer,
    CaptureReason,
    DecodedRequest,
    FacegateError,
    HttpReply,
    HttpRequest,
    ImageRejected,
    Operation,
    RateLimited,
    UnsupportedOperation,
    json_reply,
)
from facegate_opencv.api import Api, ApiSettings
from facegate_opencv.fr_cloud import wire
from facegate_opencv.fr_cloud.errors import CODES, RATE_LIMIT, REPLIES, VALIDATION, validation

_POST: Final = frozenset({"POST"})
_CANNOT_SAY: Final = "ERR_RESTRICTED_API"
_UNFIT: Final = "ERR_INVALID_FACE_FOR_LIVENESS"


class FrCloudApi(Api[ApiSettings]):
    """Answers as the cloud API does: scores, never a verdict.

    Its rules, where the vendor's documentation leaves them open or facegate has no equal:

    - ``/compare`` takes one probe, since facegate's questions have one; two or three are a
      validation error.
    - ``liveness_min_score = 0`` asks for scores and no verdict: no threshold is handed on, and the
      request is recorded as judged by its caller.
    - A liveness score below ``liveness_min_score`` is a reply with both scores like any other.
    - A score that the provider did not give is never made up: ``ERR_RESTRICTED_API``. The same
      goes for the similarity to a probe that was judged a spoof before it was compared.
    - If a provider finds a spoof where only a comparison was asked for, the reply has no place to
      say so, and a high score alone would let it in: ``ERR_INVALID_FACE_FOR_LIVENESS``.
    - A request without a key is answered like one with a wrong key: the vendor's own answer is not
      documented, and the body that its framework would send makes the official SDK crash.
    - Whatever is wrong at the answering provider (its credential, its quota, an outage) is
      ``ERR_MAINTENANCE_MODE``: the caller's own key and subscription are good.
    """

    plugin = "opencv_cloud"
    routes: ClassVar = dict.fromkeys((wire.COMPARE, wire.COMPARE_LIVE, wire.LIVENESS), _POST)
    match = wire.MATCH
    liveness = wire.LIVE
    needs_scores = True
    errors = REPLIES
    settings_type = ApiSettings
    formats = wire.FORMATS
    wrong_key = "ERR_INVALID_API_KEY"
    reasons: ClassVar = {
        **CODES.reasons,
        CaptureReason.EYES_CLOSED: _UNFIT,
        CaptureReason.QUALITY_TOO_LOW: _UNFIT,
        CaptureReason.NOT_STATED: _UNFIT,
    }
    failures: ClassVar = {
        ImageRejected: "ERR_IMAGE_COULD_NOT_BE_DECODED",
        UnsupportedOperation: _CANNOT_SAY,
        RateLimited: RATE_LIMIT,
        FacegateError: "ERR_MAINTENANCE_MODE",
    }

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        route = "/" + urlsplit(request.url).path.rpartition("/")[2]
        try:
            if route == wire.COMPARE:
                return self._compare(self.message(request, wire.CompareMessage[str]))
            if route == wire.COMPARE_LIVE:
                return self._compare_live(self.message(request, wire.CompareLiveMessage[str]))
            return self._liveness(self.message(request, wire.LivenessMessage[str]))
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False, include_context=False)
            return self._invalid(*((each["type"], each["loc"], each["msg"]) for each in problems))

    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        similarity = None if answer.match is None else answer.match.score
        liveness = None if answer.liveness is None else answer.liveness.score
        if asked.operation is Operation.LIVENESS:
            return self._scores(liveness_score=liveness)
        if asked.operation is Operation.COMPARE_LIVE:
            # A string, as the vendor has it in this reply alone.
            return self._scores(
                score=similarity, liveness_score=None if liveness is None else str(liveness)
            )
        if answer.liveness is not None and not answer.liveness.passed:
            return self.error(_UNFIT)
        return self._scores(score=similarity)

    def invalid(self, text: str) -> HttpReply:
        return self._invalid(("value_error", (), text))

    def _compare(self, message: wire.CompareMessage[str]) -> DecodedRequest:
        return DecodedRequest(
            Operation.COMPARE,
            self.picture(message.probe[0], "probe"),
            self._gallery(message.gallery),
            options=_told(search_mode=message.search_mode),
        )

    def _compare_live(self, message: wire.CompareLiveMessage[str]) -> DecodedRequest:
        return DecodedRequest(
            Operation.COMPARE_LIVE,
            self.picture(message.probe, "probe"),
            self._gallery(message.gallery),
            liveness_threshold=message.liveness_min_score or None,
            judged_by_caller=message.liveness_min_score == 0,
            options=_told(search_mode=message.search_mode, os=message.os),
        )

    def _liveness(self, message: wire.LivenessMessage[str]) -> DecodedRequest:
        probe = self.picture(message.image, "probe")
        return DecodedRequest(Operation.LIVENESS, probe, options=_told(os=message.os))

    def _gallery(self, texts: list[str]) -> tuple[Any, ...]:
        return tuple(self.picture(text, f"gallery[{n}]") for n, text in enumerate(texts))

    def _scores(self, **scores: float | str | None) -> HttpReply:
        return self.error(_CANNOT_SAY) if None in scores.values() else json_reply(200, scores)

    def _invalid(self, *problems: tuple[str, tuple[str | int, ...], str]) -> HttpReply:
        return self.error(VALIDATION, **validation(*problems))


def _told(**options: str | None) -> dict[str, str]:
    return {name: value for name, value in options.items() if value is not None}
