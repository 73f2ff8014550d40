"""The client of the FR Server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from pydantic import Field

from facegate.plugin import (
    Answer,
    BadReply,
    Billed,
    BoundRequest,
    CaptureRejected,
    CompareLiveRequest,
    CompareRequest,
    Flow,
    Handling,
    HttpProvider,
    HttpReply,
    HttpSettings,
    Image,
    ImageRejected,
    Kept,
    Liveness,
    LivenessRequest,
    Match,
    Operation,
    Picture,
    ProviderInfo,
)
from facegate_opencv.credential import HEADER, ApiKey
from facegate_opencv.fr_server import wire
from facegate_opencv.fr_server.errors import LIVENESS_ERROR, SPOOF, TABLE


class FrServerSettings(HttpSettings):
    """What can be set for an FR Server."""

    api_key: ApiKey = Field(description="Sent as x-api-key.")
    parallel: int = Field(
        default=4, ge=1, description="Gallery pictures that are asked about at the same time."
    )
    liveness_by_self_compare: bool = Field(
        default=False,
        description="Offer liveness alone, by comparing the probe with itself: the server has no"
        " call for it.",
    )


class FrServer(HttpProvider[FrServerSettings]):
    """OpenCV FR Server: one pair of pictures a call, and a verdict without a score.

    A gallery of n pictures takes n calls, and **any match is a match**. That costs security: where
    one comparison takes a stranger for the claimed person at a rate f, a gallery of n does so at up
    to n times f, or ``1 - (1 - f)**n`` if its pictures err independently of each other. Raise the
    threshold along with n, or send the one picture that counts.

    With liveness, every call judges the probe anew, and not live in any is not live. If a call
    fails, the question fails, even where another call found a match.
    """

    settings_type = FrServerSettings
    errors = TABLE
    info = ProviderInfo(
        plugin="opencv_fr",
        lineage="seventh-sense",
        handling=Handling(
            recipient="your own OpenCV FR Server",
            keeps=Kept.NOTHING,
            enrols=False,
            searches=False,
            trains=False,
        ),
        formats=wire.FORMATS,
        match=wire.MATCH,
        scores=False,
        billed=Billed.NO,
        notes=(
            "It answers yes or no to the threshold that was sent, and never a score.",
            (
                "A gallery of n pictures takes n calls; any match is a match, so up to n times as"
                " many strangers match."
            ),
            "No liveness threshold can be set, and liveness is there only if licensed.",
            (
                "Liveness wants at least 600x800 pixels, a face of 150x150 at least 15 pixels from"
                " every border, 50 pixels between the pupils, and at most 30 degrees of turn."
            ),
            "Which HTTP status each error has is not documented, so only its code counts.",
        ),
    )

    @classmethod
    def withheld(cls, settings: FrServerSettings) -> frozenset[Operation]:
        return frozenset(() if settings.liveness_by_self_compare else {Operation.LIVENESS})

    def headers(self) -> Mapping[str, str]:
        return {HEADER: self.settings.api_key.get_secret_value()}

    def error_code(self, reply: HttpReply) -> str | None:
        code = super().error_code(reply)
        if code != LIVENESS_ERROR:
            return code
        try:
            detail = json.loads(reply.body)["metadata"]["code"]
        except (KeyError, TypeError):
            return code
        return f"{code}:{detail}" if isinstance(detail, str) else code

    def not_live(self, reply: HttpReply) -> Liveness:  # noqa: ARG002  it says no more
        return Liveness(passed=False, reason=SPOOF)

    def compare(self, request: CompareRequest[FrServerSettings]) -> Flow[Answer]:
        return self._over_the_gallery(request, check_liveness=False)

    def compare_live(self, request: CompareLiveRequest[FrServerSettings]) -> Flow[Answer]:
        return self._over_the_gallery(request, check_liveness=True)

    def _over_the_gallery(
        self,
        request: CompareRequest[FrServerSettings] | CompareLiveRequest[FrServerSettings],
        *,
        check_liveness: bool,
    ) -> Flow[Answer]:
        threshold = wire.MATCH.threshold if request.threshold is None else request.threshold

        def ask(image: Image) -> Flow[bool]:
            return self._ask(request.probe, image, threshold, check_liveness=check_liveness)

        found = yield from self.for_each(request.gallery, ask, request.settings.parallel)
        return Answer(
            match=Match(is_match=any(found), threshold=threshold, scale=wire.MATCH.scale),
            liveness=Liveness(passed=True) if check_liveness else None,
        )

    def liveness(self, request: LivenessRequest[FrServerSettings]) -> Flow[Answer]:
        """By comparing the probe with itself: the verdict on liveness is the server's own."""
        probe = request.probe
        try:
            same = yield from self._ask(probe, probe, wire.YEARS_APART, check_liveness=True)
        except (CaptureRejected, ImageRejected) as error:
            error.image = "probe"
            raise
        if not same:
            raise BadReply("found that a picture does not match itself")
        return Answer(liveness=Liveness(passed=True))

    def completed(self, answer: Answer, request: BoundRequest[FrServerSettings]) -> Answer:
        answer = super().completed(answer, request)
        if request.operation is not Operation.LIVENESS:
            return answer
        told = "liveness was judged while comparing the probe with itself"
        return replace(answer, warnings=(told, *answer.warnings))

    def _ask(
        self, probe: Image, image: Image, threshold: float, *, check_liveness: bool
    ) -> Flow[bool]:
        """Whether the two match."""
        message = wire.CompareMessage[Picture](
            face_base_64=probe,
            ref_face_base_64=image,
            min_similarity_score=threshold,
            check_liveness=check_liveness,
        )
        try:
            reply = yield from self.post(wire.COMPARE, message, wire.CompareReply)
        except CaptureRejected as error:
            if (error.vendor_code or "").startswith(LIVENESS_ERROR):
                error.image = "probe"
            raise
        return reply.is_match
