"""The client of Verifik."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, TypeVar

from pydantic import Field, SecretStr

from facegate.plugin import (
    Answer,
    BadReply,
    CaptureRejected,
    CompareLiveRequest,
    CompareRequest,
    FacegateError,
    Flow,
    Handling,
    HttpProvider,
    HttpReply,
    HttpSettings,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    Kept,
    Liveness,
    LivenessRequest,
    Match,
    Picture,
    PictureLimits,
    ProviderInfo,
    WireModel,
    per_call,
)
from facegate_verifik import wire
from facegate_verifik.errors import NO_FACE, TABLE, token
from facegate_verifik.token import DAY, expiry, finding

D = TypeVar("D", bound=WireModel)

_RETRY_RENEWAL_S: Final = 3600.0

_NOTES: Final = (
    (
        "Verifik says that it does not keep pictures sent to these routes, only scores and"
        " thresholds, for about 90 days; a reply captured in 2023 still held the pictures."
    ),
    "That the engine behind it is OpenCV FR's is inferred from thresholds and error codes.",
    "Of several gallery pictures it gives one score, and does not say how it comes by it.",
    "A repeated call may be charged twice: it knows no idempotency key.",
    "Nothing here was tried against the live service.",
)


class VerifikSettings(HttpSettings):
    """Settings of Verifik's client."""

    base_url: str = Field(default="https://api.verifik.co", description="URL of the API.")
    token: SecretStr = Field(min_length=1, description="The access token, a JWT.")
    search_mode: Literal["FAST", "ACCURATE"] = per_call(
        "FAST", moves_scores=True, description="Speed or accuracy of a comparison."
    )
    os: Literal["DESKTOP", "IOS", "ANDROID"] = per_call(
        "DESKTOP", moves_scores=True, description="Kind of device that captured the probe."
    )
    order: Literal["single", "compare_first"] = per_call(
        "single",
        description="compare_live in one step, or liveness only once the comparison succeeded.",
    )
    renew: bool = Field(
        default=False,
        description="Renew the token before it expires. The new one is kept in memory alone.",
    )
    renew_months: int = Field(
        default=1, ge=1, le=120, description="Months that a renewed token lives."
    )
    soon_days: float = Field(
        default=7.0,
        ge=0,
        description="Days before its expiry to renew the token, or to warn of it.",
    )


class Verifik(HttpProvider[VerifikSettings]):
    """Client of Verifik's face recognition, ``/v2/face-recognition``.

    With ``order = "compare_first"``, a comparison that fails leaves liveness unchecked, and what is
    unchecked is not live.

    With ``renew``, the first question within ``soon_days`` of the token's expiry renews it before
    it is asked, and only one does so at a time. The new token is kept in this object until the
    process ends; the configured one stays valid for its own time, so a restart begins with that
    and renews it again. A renewal that fails is a warning in the result, tried again an hour later.
    """

    settings_type = VerifikSettings
    errors = TABLE
    info = ProviderInfo(
        plugin="verifik",
        lineage="seventh-sense",
        handling=Handling(recipient="Verifik", keeps=Kept.NOTHING, enrols=False, searches=False),
        formats=frozenset({ImageFormat.JPEG, ImageFormat.PNG}),
        pictures=PictureLimits(min_bytes=wire.SHORTEST, in_base64=True),
        match=wire.MATCH_SPEC,
        liveness=wire.LIVENESS_SPEC,
        notes=_NOTES,
    )

    def __init__(self, settings: VerifikSettings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self._renewing = threading.Lock()
        self._next_renewal = 0.0
        self._use(settings.token)

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._token.get_secret_value()}"}

    def error_code(self, reply: HttpReply) -> str | None:
        return token(reply)[0]

    def not_live(self, reply: HttpReply) -> Liveness:
        scale = wire.LIVENESS_SPEC.scale
        return Liveness(passed=False, score=token(reply)[1], scale=scale)

    def compare(self, request: CompareRequest[VerifikSettings]) -> Flow[Answer]:
        message = wire.Compare[Picture](
            probe=[request.probe],
            gallery=list(request.gallery),
            search_mode=request.settings.search_mode,
            compare_min_score=request.threshold,
        )
        return (
            yield from self._ask(
                wire.COMPARE,
                message,
                wire.Reply[wire.Comparison],
                lambda comparison: Answer(match=_match(comparison, request.threshold)),
            )
        )

    def compare_live(self, request: CompareLiveRequest[VerifikSettings]) -> Flow[Answer]:
        settings, threshold = request.settings, request.threshold
        lowest = request.liveness_threshold or 0.0
        if lowest < wire.JOINT_FLOOR:
            raise InvalidRequest(
                f"liveness_threshold must be a number from {wire.JOINT_FLOOR} to 1 here"
            )
        message = wire.CompareLive[Picture](
            probe=request.probe,
            gallery=list(request.gallery),
            os=settings.os,
            search_mode=settings.search_mode,
            liveness_min_score=lowest,
            compare_min_score=threshold,
        )
        if settings.order == "single":
            flow = self._ask(
                wire.COMPARE_LIVE,
                message,
                wire.Reply[wire.Compared],
                lambda both: Answer(
                    match=_match(both, threshold), liveness=_liveness(both.liveness, lowest)
                ),
            )
        else:
            flow = self._ask(
                wire.COMPARE_FIRST,
                message,
                wire.Reply[wire.ComparedFirst],
                lambda both: _one_by_one(both, threshold, lowest),
            )
        return (yield from _judged(flow))

    def liveness(self, request: LivenessRequest[VerifikSettings]) -> Flow[Answer]:
        threshold = request.liveness_threshold

        message = wire.CheckLiveness[Picture](
            os=request.settings.os, image=request.probe, liveness_min_score=threshold
        )
        flow = self._ask(
            wire.LIVENESS,
            message,
            wire.Reply[wire.Check],
            lambda check: Answer(liveness=_liveness(check, threshold)),
        )
        try:
            return (yield from _judged(flow))
        except (CaptureRejected, ImageRejected) as error:
            error.image = "probe"
            raise

    def renewed(self, months: int) -> Flow[SecretStr]:
        """Ask for a new token that lives for so many months, 1 to 120, with the valid old one."""
        query: dict[str, str | int] = {"origin": "refresh", "expiresIn": months}
        reply = yield from self.get(wire.RENEWAL, wire.Renewed, query=query)
        return reply.token

    def findings(self) -> Sequence[str]:
        warning = finding(self._expires, time.time(), self.settings.soon_days * DAY)
        return [warning] if warning else []

    def _ask(
        self,
        path: str,
        message: WireModel,
        reply_type: type[wire.Reply[D]],
        read: Callable[[D], Answer],
    ) -> Flow[Answer]:
        warnings = yield from self._keep_token()
        reply = yield from self.post(path, message, reply_type)
        return replace(
            read(reply.data),
            vendor_reference=reply.reference,
            vendor_signature=reply.signature,
            warnings=warnings,
        )

    def _keep_token(self) -> Flow[tuple[str, ...]]:
        """Renew the token when it is time; gives warnings."""
        if not (self.settings.renew and self._renewing.acquire(blocking=False)):
            return ()
        try:
            if self._is_due(time.time()):
                new = yield from self.renewed(self.settings.renew_months)
                if (expiry(new.get_secret_value()) or 0.0) <= (self._expires or 0.0):
                    raise BadReply("answered with a token that lives no longer than the old one")
                self._use(new)
        except FacegateError as error:
            return (f"the token could not be renewed: {error.message}",)
        finally:
            self._renewing.release()
        return ()

    def _is_due(self, now: float) -> bool:
        ends = self._expires or 0.0
        if now < self._next_renewal or not now < ends < now + self.settings.soon_days * DAY:
            return False
        self._next_renewal = now + _RETRY_RENEWAL_S
        return True

    def _use(self, new: SecretStr) -> None:
        self._token = new
        self._expires = expiry(new.get_secret_value())


def _judged(flow: Flow[Answer]) -> Flow[Answer]:
    """A question of liveness: a capture that is rejected is the probe."""
    try:
        return (yield from flow)
    except CaptureRejected as error:
        if error.vendor_code != NO_FACE:  # liveness is what the others are documented for
            error.image = "probe"
        raise


def _match(comparison: wire.Comparison, wanted: float | None) -> Match:
    threshold = wanted if comparison.threshold is None else comparison.threshold
    if comparison.passed is None:
        if comparison.score is None:
            raise BadReply("answered with neither a score nor a verdict")
        return wire.MATCH_SPEC.match(comparison.score, threshold)
    return wire.MATCH_SPEC.verdict(comparison.passed, comparison.score, threshold)


def _one_by_one(both: wire.ComparedFirst, threshold: float | None, lowest: float) -> Answer:
    match = _match(both.comparison, threshold)
    if both.liveness is None and not match.is_match:
        scale = wire.LIVENESS_SPEC.scale
        skipped = Liveness(passed=False, threshold=lowest, scale=scale, reason="not checked")
        return Answer(match=match, liveness=skipped)
    return Answer(match=match, liveness=_liveness(both.liveness or wire.Check(), lowest))


def _liveness(check: wire.Check, wanted: float | None) -> Liveness:
    threshold = wanted if check.threshold is None else check.threshold
    if check.passed is None:
        if check.score is None:
            raise BadReply("answered with neither a liveness score nor a verdict")
        return wire.LIVENESS_SPEC.liveness(check.score, threshold)
    return wire.LIVENESS_SPEC.liveness_verdict(check.passed, check.score, threshold)
