"""The cloud API, answered by whatever provider is configured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from facegate import plugin as fg
from facegate_opencv.fr_cloud import wire
from facegate_opencv.fr_cloud.errors import (
    CODES,
    REPLIES,
    RESTRICTED,
    UNFIT,
    VALIDATION,
    validation,
)

_NOTE = "integrations of before 2026 mostly hold its scores against 0.7: set match_threshold = 0.7"


class FrCloudApi(fg.CompatibleApi[fg.CompatibleApiSettings]):
    """Answers as the cloud API does: scores, never a verdict.

    Its rules, where the vendor's documentation leaves them open or facegate has no equal:

    - Of two or three probes of ``/compare``, each is asked about, and the lowest score answered:
      how the vendor makes one score of them is not known.
    - ``liveness_min_score = 0`` asks for scores and no verdict: no threshold is handed on, and the
      request is recorded as judged by its caller.
    - A liveness score below ``liveness_min_score`` is a reply with both scores like any other.
    - A score that the provider did not give is never made up: ``ERR_RESTRICTED_API``. The same
      goes for the similarity to a probe that was judged a spoof before it was compared.
    - If a provider finds a spoof where only a comparison was asked for, the reply has no place to
      say so, and a high score alone would let it in: ``ERR_INVALID_FACE_FOR_LIVENESS``.
    - A key may come as a Bearer token too, as the vendor's mobile app sends it.
    - A request without a key is answered like one with a wrong key: the vendor's own answer is not
      documented, and the body that its framework would send makes the official SDK crash.
    - Whatever is wrong at the answering provider (its credential, its quota, an outage) is
      ``ERR_MAINTENANCE_MODE``: the caller's own key and subscription are good.
    """

    plugin = "opencv_cloud"
    routes: ClassVar = dict.fromkeys(
        (wire.COMPARE, wire.COMPARE_LIVE, wire.LIVENESS), frozenset({"POST"})
    )
    match = wire.MATCH
    liveness = wire.LIVE
    needs_scores = True
    errors = REPLIES
    reasons: ClassVar = {
        **CODES.reasons,
        fg.CaptureReason.EYES_CLOSED: UNFIT,
        fg.CaptureReason.NOT_STATED: UNFIT,
    }
    failures: ClassVar = {
        fg.ImageRejected: "ERR_IMAGE_COULD_NOT_BE_DECODED",
        fg.InvalidRequest: VALIDATION,
        fg.UnsupportedOption: VALIDATION,
        fg.ConsentRefused: VALIDATION,
        fg.UnsupportedOperation: RESTRICTED,
        fg.RateLimited: "ERR_RATE_LIMIT_EXCEEDED",
        fg.FacegateError: "ERR_MAINTENANCE_MODE",
    }
    key_header = wire.KEY
    wrong_key = "ERR_INVALID_API_KEY"
    no_route = RESTRICTED
    data_uris = False  # nobody says that the vendor takes them
    settings_type = fg.CompatibleApiSettings

    def notes(self) -> Sequence[str]:
        return () if self.settings.match_threshold else (_NOTE,)

    def presented(self, request: fg.HttpRequest) -> str:
        return super().presented(request) or _bearer(request)

    def authorise(self, request: fg.HttpRequest) -> str | fg.HttpReply:
        outcome = super().authorise(request)
        wrong = isinstance(outcome, fg.HttpReply) and _bearer(request) == self.presented(request)
        return self.error("ERR_INVALID_TOKEN") if wrong and _bearer(request) else outcome

    def decode(self, request: fg.HttpRequest) -> fg.DecodedRequest:
        if request.path == wire.COMPARE:
            compare = self.message(request, wire.Compare[str])
            probe, *others = (self.picture(each, "probe") for each in compare.probe)
            return fg.DecodedRequest(
                fg.Operation.COMPARE,
                probe,
                self.gallery(compare.gallery),
                options=_options(compare),
                further_probes=tuple(others),
            )
        if request.path == wire.LIVENESS:
            check = self.message(request, wire.CheckLiveness[str])
            probe = self.picture(check.image, "probe")
            return fg.DecodedRequest(fg.Operation.LIVENESS, probe, options=_options(check))
        both = self.message(request, wire.CompareLive[str])
        return fg.DecodedRequest(
            fg.Operation.COMPARE_LIVE,
            self.picture(both.probe, "probe"),
            self.gallery(both.gallery),
            liveness_threshold=both.liveness_min_score or None,
            judged_by_caller=both.liveness_min_score == 0,
            options=_options(both),
        )

    def encode(self, asked: fg.DecodedRequest, answer: fg.Answer) -> fg.HttpReply:
        similarity = None if answer.match is None else answer.match.score
        liveness = None if answer.liveness is None else answer.liveness.score
        if asked.operation is fg.Operation.LIVENESS:
            return self._scores(liveness_score=liveness)
        if asked.operation is fg.Operation.COMPARE_LIVE:
            # A string, as the vendor has it in this reply alone.
            text = None if liveness is None else str(liveness)
            return self._scores(score=similarity, liveness_score=text)
        if answer.liveness is not None and not answer.liveness.passed:
            return self.error(UNFIT)
        return self._scores(score=similarity)

    def _scores(self, **scores: float | str | None) -> fg.HttpReply:
        return self.error(RESTRICTED) if None in scores.values() else fg.json_reply(200, scores)

    def details(self, name: str, error: fg.FacegateError) -> Mapping[str, Any]:
        if name != VALIDATION:
            return {}
        misfits = getattr(error, "misfits", ())
        return validation(*(misfits or [fg.Misfit((), "value_error", error.message)]))


def _bearer(request: fg.HttpRequest) -> str:
    headers = {name.lower(): value for name, value in request.headers.items()}
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _options(message: fg.WireModel) -> dict[str, Any]:
    return message.model_dump(include={"search_mode", "os"}, exclude_none=True)
